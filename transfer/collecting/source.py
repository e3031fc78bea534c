"""Source: the contract of the shelf ``sources/``, and what a local source hands over.

A source knows photos: those behind a keyword (``search``) or those in one place on this machine (``read``). It says
what it knows of each one as a :class:`~transfer.photo.Photo`. It refuses to download and to decode.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transfer.errors import DataError
from transfer.photo import Photo
from transfer.shelf import Shelf

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
    """

    root: Path
    photos: tuple[Photo, ...]
    ignored: int = 0
    complete: bool = False


@dataclass(frozen=True)
class Source:
    """Where photos come from. Exactly one of ``search`` and ``read`` is given.

    Attributes:
        summary: One line for ``transfer list sources``.
        key: What a person must have first, such as ``FLICKR_API_KEY``; None where nothing is needed.
        search: A source on the web: ``(query, limit, web)`` yields photos lazily, by search rank.
        read: A local source: path -> :class:`Listing`.
    """

    summary: str
    key: str | None = None
    search: Callable[[str, int, Any], Iterator[Photo]] | None = None
    read: Callable[[Path], Listing] | None = None

    def __post_init__(self) -> None:
        if (self.search is None) == (self.read is None):
            raise TypeError("a source either searches the web or reads a local place")


def checked_label(label: str, *, where: object) -> str:
    """The label in Unicode's composed form, so that one word is one class on every file system.

    Args:
        label: As a person wrote it, or as a folder is called.
        where: What to name in the error: a folder, or a line of a table.

    Raises:
        DataError: The label cannot name a folder: it is empty, ``.``, ``..``, holds a slash, a backslash or a control
            character. Exports write class folders, and a path must never be made of a label's parts.
    """
    label = unicodedata.normalize("NFC", label)
    if label.strip() in ("", ".", ".."):
        fault = "A label is empty or only dots."
    elif "/" in label or "\\" in label:
        fault = "A label holds a slash or a backslash."
    elif any(unicodedata.category(sign) in ("Cc", "Cs", "Zl", "Zp") for sign in label):
        fault = "A label holds a control character or bytes that are no text."
    else:
        return label
    raise DataError(fault, received=f"{label!a} ({str(where)!a})", remedy="Rename the class, then load again.")
