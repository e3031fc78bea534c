"""Licence: under which terms a photo may be used, as a plain value.

It owns the few licences that photo services speak of, their links, and what they forbid. In a manifest a licence stands
by its name (``CC BY-SA 2.0``). A name that is not known here is no licence: nobody may conclude anything from it.

Sources: https://creativecommons.org/licenses/ and https://creativecommons.org/publicdomain/ for the links and terms.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_CC = ("by", "by-sa", "by-nc", "by-nd", "by-nc-sa", "by-nc-nd")
_OTHERS = {
    "cc0": ("CC0 1.0", "https://creativecommons.org/publicdomain/zero/1.0/"),
    "pdm": ("Public Domain Mark 1.0", "https://creativecommons.org/publicdomain/mark/1.0/"),
    "pd": ("Public domain", None),
    "us-gov": ("United States Government Work", "https://www.usa.gov/government-copyright"),
    "no-known": ("No known copyright restrictions", "https://www.flickr.com/commons/usage/"),
    "reserved": ("All Rights Reserved", None),
}
_WORDS = {
    "public domain": "pd",
    "pd": "pd",
    "no restrictions": "no-known",
    "no known copyright restrictions": "no-known",
    "united states government work": "us-gov",
    "all rights reserved": "reserved",
    "public domain mark": "pdm",
    "public domain dedication (cc0)": "cc0",
}

# After the version a country may stand, which says nothing new; a condition there is not understood.
_COUNTRY = r"(?!(?:nc|nd|sa)\b)(?:[a-z]{2,3}|scotland)"
_NAME = re.compile(rf"(?:cc[ -])?(by(?:[ -](?:nc|nd|sa))*)(?:[ -](\d\.\d)(?:[ -]{_COUNTRY})?)?")
_SITE = r"https?://(?:www\.)?creativecommons\.org"
# After a licence its deed or its text may stand, in some language, and what the licence chooser adds.
_PAGE = r"(?:/(?:(?:deed|legalcode)(?:\.[\w-]+)?)?)?(?:\?ref=[\w.&=-]*)?"
_LINK = re.compile(rf"{_SITE}/licenses/([a-z-]+)(?:/(\d\.\d)(?:/{_COUNTRY})?)?{_PAGE}")
_FORMS = {
    "cc0": (
        rf"{_SITE}/publicdomain/zero(?:/1\.0)?{_PAGE}",
        r"cc[ -]?(?:zero|0)(?:[ -]1\.0)?(?: universal)?(?: \(cc0 1\.0\))?(?: public domain dedication)?",
    ),
    "pdm": (rf"{_SITE}/publicdomain/mark(?:/1\.0)?{_PAGE}", r"public domain mark(?: 1\.0)?(?: universal)?"),
    "pd": (r"pd-[\w-]+",),
}

OPEN = frozenset((*_CC, "cc0", "pdm", "pd", "us-gov", "no-known"))
"""Codes of all licences that allow a photo to be passed on at all."""

CODES = (*_CC, *_OTHERS)
GROUPS = {
    "open": OPEN,
    "commercial": frozenset(code for code in OPEN if "-nc" not in code),
    "derivatives": frozenset(code for code in OPEN if "-nd" not in code),
}
"""Words that stand for several codes."""


@dataclass(frozen=True, slots=True)
class Licence:
    """One licence.

    Attributes:
        code: Such as ``by-sa`` or ``cc0``.
        version: Such as ``2.0``; None where there is one text only, or where it was not said.
    """

    code: str
    version: str | None = None

    @property
    def name(self) -> str:
        """As people write it."""
        if self.code in _OTHERS:
            return _OTHERS[self.code][0]
        return f"CC {self.code.upper()}" + (f" {self.version}" if self.version else "")

    @property
    def url(self) -> str | None:
        """Where its text stands."""
        if self.code in _OTHERS:
            return _OTHERS[self.code][1]
        return f"https://creativecommons.org/licenses/{self.code}/{self.version}/" if self.version else None

    @property
    def commercial(self) -> bool:
        """Whether it allows commerce."""
        return self.code in GROUPS["commercial"]

    @property
    def derivatives(self) -> bool:
        """Whether it allows changed copies."""
        return self.code in GROUPS["derivatives"]

    @property
    def flags(self) -> tuple[str, ...]:
        """What a user must know before publishing: ``no commerce``, ``no changed copies``, ``same licence``."""
        flags = ("" if self.commercial else "no commerce", "" if self.derivatives else "no changed copies")
        return tuple(flag for flag in (*flags, "same licence" if self.code.endswith("-sa") else "") if flag)

    @classmethod
    def parse(cls, text: str | None) -> Licence | None:
        """A licence from its name, its code or its link; None where it is none that is known.

        Blanks may stand for hyphens. What is not understood to its end is no licence, never a weaker one.

        >>> Licence.parse("CC BY-SA 2.0"), Licence.parse("https://creativecommons.org/licenses/by/4.0")
        (Licence(code='by-sa', version='2.0'), Licence(code='by', version='4.0'))
        >>> Licence.parse("CC BY NC SA 4.0"), Licence.parse("CC BY 4.0 NC")
        (Licence(code='by-nc-sa', version='4.0'), None)
        >>> Licence.parse("cc0"), Licence.parse("CC0 for the text only"), Licence.parse("GFDL")
        (Licence(code='cc0', version=None), None, None)
        """
        said = " ".join((text or "").lower().split())
        if said in _OTHERS or said in _WORDS:
            return cls(_WORDS.get(said, said))
        for free, forms in _FORMS.items():
            if any(re.fullmatch(form, said) for form in forms):
                return cls(free)
        name = _LINK.fullmatch(said) or _NAME.fullmatch(said)
        code = name[1].replace(" ", "-") if name else None
        return cls(code, name[2]) if name and code in _CC else None
