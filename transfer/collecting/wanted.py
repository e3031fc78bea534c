"""Wanted: what a person asks to be collected, as a plain value, and the forms in which it can be written.

A keyword is ``red apple`` or ``Malus domestica=apple``: looked for by the left, labelled by the right. Several keywords
may feed one label. A file says the same in TOML (``[classes]`` with ``apple = ["red apple", "Malus domestica"]``) or in
CSV (columns ``keyword`` and, if you like, ``label``).
"""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from transfer.collecting.source import SOURCES, Query, Source, checked_label
from transfer.errors import CallError
from transfer.licence import CODES, GROUPS, OPEN
from transfer.photo import is_text, name_fault

BACKGROUND = "background"
BACKGROUND_KEYWORDS = (
    *("street", "landscape", "kitchen", "building", "people", "sky", "furniture", "water", "forest", "car"),
    *("texture", "food", "office", "beach", "mountain", "night", "wall", "market", "garden", "sport"),
)
"""What unrelated photos are looked for by: common scenes, a few of each."""


@dataclass(frozen=True)
class Wanted:
    """What is to be collected.

    Attributes:
        classes: Label -> keywords. per_class: Photos of each label.
        background: Photos of the class ``background``, 0 for no such class.
        sources: Names on the shelf, the later ones fill up what the earlier ones lack.
        licences: Codes. unknown: Take photos without a known licence as well.
        since, until: Days of upload, both included.
        side: Longest side of what is kept, None for what the service gives.
        smallest: Pixels that the shorter side must have as it comes, before it is made smaller.
        retry: Ask again for photos that could not be had for a passing reason, or that a host refused.
    """

    classes: Mapping[str, tuple[str, ...]]
    per_class: int = 100
    background: int = 0
    sources: tuple[str, ...] = ("openverse",)
    licences: frozenset[str] = OPEN
    unknown: bool = False
    since: date | None = None
    until: date | None = None
    side: int | None = None
    smallest: int = 64
    retry: bool = False

    def __post_init__(self) -> None:
        if not self.classes and not self.background:
            raise CallError("Nothing is to be collected.", remedy='Name a keyword, such as "golden retriever".')
        if self.per_class < 1 or self.background < 0:
            raise CallError(
                "The number of photos a class is at least one.",
                received=f"{self.per_class}, background {self.background}",
                remedy="Ask for one photo a class or more; for no background, leave it out.",
            )
        if (self.side is not None and self.side < 16) or self.smallest < 1:
            raise CallError(
                "A side is too few pixels.",
                received=f"side {self.side}, smallest {self.smallest}",
                remedy="The side is from 16 pixels, the smallest from 1.",
            )
        if self.since and self.until and self.since > self.until:
            raise CallError(
                "The first day lies after the last.",
                received=f"{self.since} to {self.until}",
                remedy="Swap --since and --until; both days are included.",
            )
        for name in self.sources:
            if SOURCES[name].search is None:
                raise CallError(
                    "This source cannot be searched by keyword.",
                    received=name,
                    remedy="`transfer load` reads folders and tables.",
                )
        if self.sources and not self.searched():
            raise CallError(
                "No source says when its photos were uploaded.",
                received=", ".join(self.sources),
                remedy="Add --source flickr or commons, or leave out --since and --until.",
            )

    @property
    def streams(self) -> dict[str, tuple[int, tuple[str, ...]]]:
        """Label -> how many photos, by which keywords; in the order of the labels."""
        streams = {label: (self.per_class, keywords) for label, keywords in self.classes.items()}
        if self.background:
            taken = {word for keywords in self.classes.values() for word in " ".join(keywords).lower().split()}
            free = tuple(word for word in BACKGROUND_KEYWORDS if word not in taken)
            streams[BACKGROUND] = (self.background, free)
        return dict(sorted(streams.items()))

    def query(self, keyword: str) -> Query:
        """What a source is asked."""
        side = max(2 * self.smallest, self.side or 500)  # of the longer side; the shorter one may be half of it
        return Query(keyword, self.licences, self.unknown, self.since, self.until, side)

    def searched(self) -> dict[str, Source]:
        """The sources that are asked, in their order."""
        return {name: SOURCES[name] for name in self.sources if name not in self.undated}

    @property
    def undated(self) -> tuple[str, ...]:
        """The sources that are not asked: days are wanted, and they do not say when a photo was uploaded."""
        if self.since is None and self.until is None:
            return ()
        return tuple(name for name in self.sources if (terms := SOURCES[name].terms) and not terms.dated)


def classes(keywords: Iterable[str], file: Path | None = None) -> dict[str, tuple[str, ...]]:
    """Label -> keywords, from what was written on the command line and in a file.

    Raises:
        CallError: A keyword or the file cannot be read, a keyword is empty or stands for two labels, a label is none.
    """
    pairs = [_pair(keyword) for keyword in keywords] + (_read(file) if file else [])
    found: dict[str, dict[str, None]] = {}
    stands_for: dict[str, str] = {}
    for keyword, label in ((" ".join(keyword.split()), " ".join(label.split())) for keyword, label in pairs):
        if not keyword or not label:
            raise CallError(
                "A keyword is empty.",
                received=f"{keyword!r} for the class {label!r}",
                remedy='Write "golden retriever" or "Felis catus=cat".',
            )
        if not is_text(keyword):
            raise CallError(
                "A keyword is no text.",
                received=f"{keyword!a} for the class {label!a}",
                remedy="Write it in UTF-8, which is how services are asked.",
            )
        if fault := name_fault(label):
            remedy = f'Name the class by another word, such as "{keyword}=one".'
            raise CallError(f"The name of a class {fault}.", received=f"{label!a}", remedy=remedy)
        label = checked_label(label, where=keyword)
        other = stands_for.setdefault(keyword.casefold(), label)
        if other != label:  # the same photos would come for both, and count for neither
            raise CallError(
                "One keyword stands for two classes.",
                received=f"{keyword}: {other} and {label}",
                remedy=f'Look for each by words of its own, such as "{keyword} {other}={other}".',
            )
        found.setdefault(label, {})[keyword] = None
    if BACKGROUND in found:
        raise CallError(
            "The class `background` is one of its own.",
            received=BACKGROUND,
            remedy="Ask for it with --background, or give this class another name.",
        )
    return {label: tuple(words) for label, words in found.items()}


def licences(text: str) -> tuple[frozenset[str], bool]:
    """Codes from ``cc0,by,by-sa`` or a word such as ``commercial``, and whether unknown ones are wanted (``any``).

    >>> sorted(licences("cc0,by")[0]), licences("any")[1]
    (['by', 'cc0'], True)
    """
    codes: set[str] = set()
    unknown = False
    for word in (word.strip().lower() for word in text.split(",")):
        if word == "any":
            codes |= set(CODES)
            unknown = True
        elif word == "unknown":
            unknown = True
        elif word in GROUPS:
            codes |= GROUPS[word]
        elif word in CODES:
            codes.add(word)
        else:
            raise CallError(
                "There is no licence of this name.",
                received=word,
                remedy=f"Known: {', '.join((*CODES, *GROUPS))}, any.",
            )
    return frozenset(codes), unknown


def _pair(text: str) -> tuple[str, str]:
    keyword, sign, label = text.rpartition("=")
    return (keyword, label) if sign else (text, text)


def _read(file: Path) -> list[tuple[str, str]]:
    try:
        text = file.read_text(encoding="utf-8-sig")
        if file.suffix.lower() == ".toml":
            return _from_toml(tomllib.loads(text))
        return _from_csv(csv.DictReader(text.splitlines()))
    except (OSError, ValueError, TypeError, KeyError, AttributeError, csv.Error) as error:
        raise CallError(
            "The file of keywords cannot be read.",
            received=f"{file}: {error}",
            remedy='Write TOML: [classes] and lines such as apple = ["red apple"]; or CSV: keyword,label.',
        ) from error


def _from_csv(rows: csv.DictReader[str]) -> list[tuple[str, str]]:
    if beside := [str(name) for name in rows.fieldnames or () if name not in ("keyword", "label", "")]:
        raise ValueError(f"there are unknown columns ({', '.join(beside)})")
    pairs = ((row["keyword"] or "", row.get("label") or "") for row in rows)
    return [(keyword, label if label.strip() else keyword) for keyword, label in pairs]


def _from_toml(document: Mapping[str, object]) -> list[tuple[str, str]]:
    table = document.get("classes", document)
    if not isinstance(table, Mapping):
        raise TypeError("[classes] is no table")
    if table is not document and (beside := [name for name in document if name != "classes"]):
        raise ValueError(f"there are unknown keys beside [classes] ({', '.join(beside)})")
    pairs = []
    for label, words in table.items():
        words = [words] if isinstance(words, str) else words
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise TypeError(f"{label} is not a list of words")
        if not words:
            raise ValueError(f"{label} has no keyword")
        pairs += [(word, label) for word in words]
    return pairs
