"""Given parts: the names under which others divide their photos, and what is made of two parts or three."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from transfer.photo import SPLITS, Photo

PARTS = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "val": "validation",
    "valid": "validation",
    "test": "test",
    "testing": "test",
}


def part(name: str) -> str | None:
    """The split of that name, in any case; None where it names none."""
    return PARTS.get(name.strip().lower())


def as_given(photos: Iterable[Photo]) -> tuple[Photo, ...]:
    """Three parts are kept. Of two, the second is the test split and the first stays undecided.

    Validation is later cut from the undecided photos, so that a test split which others published stays what it was.
    A test split beside undecided photos is kept. Any other part alone says nothing: its photos stay undecided.
    """
    photos = tuple(photos)
    given = [split for split in SPLITS if any(photo.split == split for photo in photos)]
    if len(given) == len(SPLITS) or {photo.split for photo in photos} == {"test", None}:
        return photos
    means = {given[-1]: "test"} if len(given) == 2 else {}
    return tuple(dataclasses.replace(photo, split=means.get(photo.split or "")) for photo in photos)
