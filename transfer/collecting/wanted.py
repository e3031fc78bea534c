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
        smallest: Pixels that the shorter side must have.
        retry: Ask again for photos that could not be had for a passing reason.
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
            )
        if (self.side is not None and self.side < 16) or self.smallest < 1:
            raise CallError("Sides are pixels, from 16.", received=f"side {self.side}, smallest {self.smallest}")
        if self.since and self.until and self.since > self.until:
            raise CallError("The first day lies after the last.", received=f"{self.since} to {self.until}")
        for name in self.sources:
            if SOURCES[name].search is None:
                raise CallError(
                    "This source cannot be searched by keyword.",
                    received=name,
                    remedy="`transfer load` reads folders and tables.",
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
        """The sources, in their order."""
        return {name: SOURCES[name] for name in self.sources}


def classes(keywords: Iterable[str], file: Path | None = None) -> dict[str, tuple[str, ...]]:
    """Label -> keywords, from what was written on the command line and in a file.

    Raises:
        CallError: A keyword or the file cannot be read. DataError: A label cannot be one.
    """
    pairs = [_pair(keyword) for keyword in keywords] + (_read(file) if file else [])
    found: dict[str, dict[str, None]] = {}
    for keyword, label in pairs:
        found.setdefault(checked_label(label, where=keyword), {})[keyword] = None
    if BACKGROUND in found:
        raise CallError("The class `background` is asked for with --background.", received=BACKGROUND)
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
    keyword, label = (keyword.strip(), label.strip()) if sign else (text.strip(), text.strip())
    if not keyword or not label:
        raise CallError(
            "A keyword is empty.", received=repr(text), remedy='Write "golden retriever" or "Felis catus=cat".'
        )
    return " ".join(keyword.split()), label


def _read(file: Path) -> list[tuple[str, str]]:
    try:
        text = file.read_text(encoding="utf-8-sig")
        if file.suffix.lower() == ".toml":
            return _from_toml(tomllib.loads(text))
        rows = list(csv.DictReader(text.splitlines()))
        return [(row["keyword"].strip(), (row.get("label") or row["keyword"]).strip()) for row in rows]
    except (OSError, ValueError, TypeError, KeyError, AttributeError, csv.Error) as error:
        raise CallError(
            "The file of keywords cannot be read.",
            received=f"{file}: {error}",
            remedy='Write TOML: [classes] and lines such as apple = ["red apple"]; or CSV: keyword,label.',
        ) from error


def _from_toml(document: Mapping[str, object]) -> list[tuple[str, str]]:
    table = document.get("classes", document)
    if not isinstance(table, Mapping):
        raise TypeError("[classes] is no table")
    pairs = []
    for label, words in table.items():
        for word in [words] if isinstance(words, str) else list(words):
            if not isinstance(word, str):
                raise TypeError(f"{label} is not a list of words")
            pairs.append((word, label))
    return pairs
