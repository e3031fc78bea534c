"""Photo: one picture, where it came from and what became of it.

A plain record. It never touches disk or network; a failure of one photo is its ``excluded`` reason, not an exception.
"""

from __future__ import annotations

import dataclasses
import unicodedata
from dataclasses import dataclass
from typing import Any

SPLITS = ("train", "validation", "test")
LONGEST_NAME = 255
"""Bytes that the name of a file or a folder may have, on every usual file system."""


@dataclass(frozen=True, slots=True)
class Photo:
    """One picture.

    Attributes:
        id: What makes this photo this photo, stable over repeated loads.
        file_name: Relative to the workspace, or absolute where the user keeps the originals in place.
        label: The class it was given.
        source: The source that brought it, a file name on the sources' shelf.
        page_url: The page a person can visit. image_url: Where the bytes came from.
        title: The title given by its author, or the path it was loaded from.
        owner: Who made it. licence: Under which terms.
        sha256: Of the file's bytes. width, height: In pixels, upright (after EXIF orientation).
        split: ``train``, ``validation``, ``test`` or None while undecided.
        group: Photos of one group stay on one side of every split.
        excluded: None, or why it is set aside: ``slug`` or ``slug: detail``.
        verified: True where a person has confirmed the label.
        owner_url: Where its author can be found. uploaded: When it was put there, ISO 8601.
        changes: What was done to the bytes before they were kept, such as ``resized to 256 pixels``.
    """

    id: str
    file_name: str
    label: str
    source: str
    page_url: str | None = None
    image_url: str | None = None
    title: str | None = None
    owner: str | None = None
    licence: str | None = None
    sha256: str = ""
    width: int = 0
    height: int = 0
    split: str | None = None
    group: str | None = None
    excluded: str | None = None
    verified: bool = False
    owner_url: str | None = None
    uploaded: str | None = None
    changes: str | None = None

    @property
    def reason(self) -> str | None:
        """The slug of ``excluded``, fit for counting: ``unreadable: truncated file`` is ``unreadable``."""
        return None if self.excluded is None else self.excluded.split(":", 1)[0]

    def to_dict(self) -> dict[str, Any]:
        """The fields that say something; a missing field means its default."""
        return {
            field.name: value
            for field in dataclasses.fields(self)
            if (value := getattr(self, field.name)) != field.default
        }


FIELDS = tuple(field.name for field in dataclasses.fields(Photo))


def is_text(text: str) -> bool:
    """Whether UTF-8 can hold it: half a surrogate, from JSON or from bytes of another encoding, it cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def name_fault(name: str) -> str | None:
    """Why this cannot name a folder or a file of an export, to end a sentence with; None where it can.

    Labels and ids become parts of paths, also those of a manifest that somebody else wrote.
    """
    if name.strip() in ("", ".", ".."):
        return "is empty or only dots"
    if "/" in name or "\\" in name:
        return "holds a slash or a backslash"
    if any(unicodedata.category(sign) in ("Cc", "Cs", "Zl", "Zp") for sign in name):
        return "holds a control character or bytes that are no text"
    if name.startswith("."):
        return "begins with a dot, as hidden folders and files do"
    return None
