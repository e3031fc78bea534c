"""Source: the contract of the shelf ``sources/``, and what a local source hands over.

A source knows photos: those behind a keyword (``search``) or those in one place on this machine (``read``). It says
what it knows of each one as a :class:`~transfer.photo.Photo`. It refuses to download and to decode.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from transfer.errors import DataError
from transfer.licence import OPEN
from transfer.photo import Photo, name_fault
from transfer.shelf import Shelf

if TYPE_CHECKING:
    from transfer.collecting.answers import Answers
    from transfer.web import Pace, Web

SOURCES = Shelf("transfer.collecting.sources", "source")


@dataclass(frozen=True)
class Listing:
    """What a local source found, before any file was opened as a photo.

    Attributes:
        root: The folder that titles are relative to.
        photos: Candidates: label, absolute ``file_name``, ``title`` (the path relative to ``root``) and the given split
            are filled; ``id``, ``sha256`` and the sizes come from the content and are still empty.
        ignored: How many files were passed over because nothing says that they are photos, or of which class.
        complete: Whether a photo of ``root`` that is not listed is gone. A table lists what it wants: never complete.
        fleeting: Whether the files are gone when the listing is closed, so that they must be copied.
        close: Called when all of them were read.
    """

    root: Path
    photos: tuple[Photo, ...]
    ignored: int = 0
    complete: bool = False
    fleeting: bool = False
    close: Callable[[], None] = lambda: None


@dataclass(frozen=True)
class Query:
    """What is looked for.

    Attributes:
        text: The keyword. licences: Codes of those that are wanted.
        unknown: Whether photos without a known licence are wanted as well.
        since, until: Days of upload, both included.
        side: Pixels that the longer side should have at least; of several sizes the smallest such one is taken.
    """

    text: str
    licences: frozenset[str] = OPEN
    unknown: bool = False
    since: date | None = None
    until: date | None = None
    side: int = 500


@dataclass(frozen=True)
class Terms:
    """What a service on the web allows, said before anything is asked.

    Attributes:
        api: The host that answers searches. page: Photos in one answer. depth: Photos that one query can reach.
        per_day: Requests a day, where that is bounded.
        paces: How often and how widely each of its hosts is asked.
        dated: Whether it says when a photo was uploaded.
    """

    api: str
    page: int
    depth: int
    paces: Mapping[str, Pace] = field(default_factory=dict)
    per_day: int | None = None
    dated: bool = False


Search = Callable[[Query, int, "Web", "Answers"], Iterator[Photo]]


@dataclass(frozen=True)
class Source:
    """Where photos come from. Exactly one of ``search`` and ``read`` is given.

    Attributes:
        summary: One line for ``transfer list sources``.
        key: What a person must have first, such as ``FLICKR_API_KEY``; None where nothing is needed.
        search: A source on the web: ``(query, limit, web, answers)`` yields photos lazily, by search rank. ``id`` is
            the service's own; label, file name, hash and sizes are still empty. ``limit`` is about how many will be
            wanted. Whatever is asked goes through ``answers``, so that it is asked once.
        read: A local source: path -> :class:`Listing`.
        terms: Of a source on the web.
        prepare: Raises a sentence where something is missing, before anything is asked.
    """

    summary: str
    key: str | None = None
    search: Search | None = None
    read: Callable[[Path], Listing] | None = None
    terms: Terms | None = None
    prepare: Callable[[Web], None] | None = None

    def __post_init__(self) -> None:
        if (self.search is None) == (self.read is None):
            raise TypeError("a source either searches the web or reads a local place")


def checked_label(label: str, *, where: object) -> str:
    """The label in Unicode's composed form, so that one word is one class on every file system.

    Args:
        label: As a person wrote it, or as a folder is called.
        where: What to name in the error: a folder, or a line of a table.

    Raises:
        DataError: The label cannot name a folder: it is empty, begins with a dot, or holds a slash, a backslash or a
            control character. Exports write class folders, and a path must never be made of a label's parts.
    """
    label = unicodedata.normalize("NFC", label)
    fault = name_fault(label)
    if fault is None:
        return label
    raise DataError(
        f"A label {fault}.", received=f"{label!a} ({str(where)!a})", remedy="Rename the class, then load again."
    )
