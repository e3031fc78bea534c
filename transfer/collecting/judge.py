"""Judge: what the looks of photos mean for a manifest. Pure.

Every reason given here is judged anew each time. What somebody else said of a photo stays, and a photo that a person
verified is never set aside here.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy

from transfer.collecting.groups import BETWEEN
from transfer.collecting.looks import Look
from transfer.collecting.near import near_pairs
from transfer.manifest import Manifest
from transfer.photo import SPLITS, Photo

LEAK, DUPLICATE, NEAR, TWO_LABELS = "leak", "duplicate", "near_duplicate", "near_conflict"
LOST = ("missing", "unreadable")
REASONS = ("too_small", "odd_shape", "blank", "blurred", DUPLICATE, NEAR, TWO_LABELS, LEAK, BETWEEN)


@dataclass(frozen=True)
class Limits:
    """What is too little.

    Attributes:
        side: Pixels of the shorter side. ratio: Of the longer side to the shorter one.
        contrast: Grey levels of standard deviation. sharpness: Variance of the Laplacian at 256 pixels.
        near: Bits of 64 that near duplicates differ in at most.
        same: Bits that photos under two labels differ in at most to be taken for one photo: fewer, for a wrong guess
            costs two photos.
    """

    side: int = 32
    ratio: float = 5.0
    contrast: float = 5.0
    sharpness: float = 10.0
    near: int = 5
    same: int = 2


@dataclass(frozen=True)
class Judged:
    """A manifest with reasons, and what they were given for.

    Attributes:
        manifest: Judged. duplicates: Clusters of ids that are exactly or nearly one photo.
        leaks: Pairs of ids, the set aside one first, that stood on two sides of a split.
    """

    manifest: Manifest
    duplicates: tuple[tuple[str, ...], ...]
    leaks: tuple[tuple[str, str], ...]


def fresh(manifest: Manifest) -> Manifest:
    """Without the reasons that are judged anew. What collecting found too small stays: it has no file to look at."""
    return Manifest(
        tuple(
            dataclasses.replace(photo, excluded=None) if photo.reason in REASONS and photo.file_name else photo
            for photo in manifest.photos
        )
    )


def lost(manifest: Manifest) -> list[Photo]:
    """Photos set aside because of their file, which may be back by now.

    Not a copy of a file on this machine that is plainly ``missing``: loading said that of the original, and the copy is
    there all the same.
    """
    return [
        photo
        for photo in manifest.photos
        if photo.reason in LOST
        and photo.file_name
        and photo.sha256
        and not (photo.excluded == "missing" and _is_a_copy(photo))
    ]


def _is_a_copy(photo: Photo) -> bool:
    return not Path(photo.file_name).is_absolute() and (photo.image_url or "").startswith("file://")


def judge(manifest: Manifest, looks: Mapping[str, Look], limits: Limits) -> Judged:
    """Give reasons to photos by their looks.

    Args:
        manifest: ``fresh``. looks: Id -> look, of every kept photo. limits: What is too little.
    """
    changed = {}
    for photo in manifest.kept:
        seen = looks[photo.id]
        reason = seen.reason if photo.verified else fault(seen, limits)
        if reason is not None:
            changed[photo.id] = dataclasses.replace(photo, excluded=reason)
    manifest = manifest.replace(changed.values())
    # A blank photo has no hash worth the name; it is out of the way by now, unless a person wants it.
    kept = [photo for photo in manifest.kept if looks[photo.id].contrast >= limits.contrast]
    return _settled(manifest, kept, _Near(kept, looks, limits.near), limits)


def fault(look: Look, limits: Limits) -> str | None:
    """What is wrong with one photo by itself: the first that applies."""
    shorter, longer = sorted((look.width, look.height))
    if look.reason is not None:
        return look.reason
    if shorter < limits.side:
        return f"too_small: {look.width} x {look.height} pixels"
    if longer > limits.ratio * shorter:
        return f"odd_shape: {look.width} x {look.height} pixels"
    if look.contrast < limits.contrast:
        return f"blank: contrast {look.contrast:.1f}"
    if look.sharpness < limits.sharpness:
        return f"blurred: sharpness {look.sharpness:.1f}"
    return None


class _Near:
    """Who is near whom: photos by hash, and the hashes that are near a hash."""

    def __init__(self, photos: list[Photo], looks: Mapping[str, Look], most: int) -> None:
        self.alike: dict[int, list[Photo]] = defaultdict(list)
        for photo in photos:
            self.alike[looks[photo.id].hash].append(photo)
        values = sorted(self.alike)
        self.hash = {photo.id: looks[photo.id].hash for photo in photos}
        self._others: dict[int, list[tuple[int, int]]] = {value: [(value, 0)] for value in values}
        for one, two, bits in near_pairs(numpy.array(values, dtype=numpy.uint64), most).tolist():
            self._others[values[one]].append((values[two], bits))
            self._others[values[two]].append((values[one], bits))

    def around(self, photo: Photo, most: int = 64) -> list[int]:
        """Hashes near that of a photo, its own among them."""
        return [value for value, bits in self._others[self.hash[photo.id]] if bits <= most]

    def clusters(self) -> list[tuple[str, ...]]:
        """Ids of photos that are connected by being near, where there are several."""
        seen: set[int] = set()
        found = []
        for start in self.alike:
            reached, waiting = [], [] if start in seen else [start]
            seen.add(start)
            while waiting:
                value = waiting.pop()
                reached += [photo.id for photo in self.alike[value]]
                fresh = [other for other, _ in self._others[value] if other not in seen]
                seen.update(fresh)
                waiting += fresh
            if len(reached) > 1:
                found.append(tuple(sorted(reached)))
        return sorted(found)


def _settled(manifest: Manifest, kept: list[Photo], near: _Near, limits: Limits) -> Judged:
    changed: dict[str, Photo] = {}
    for photo in kept:
        others = (other for value in near.around(photo, limits.same) for other in near.alike[value])
        other = next((other for other in others if other.label != photo.label), None)
        if other is not None and not photo.verified:
            told = f"{TWO_LABELS}: nearly the same as {_told(other)}"
            changed[photo.id] = dataclasses.replace(photo, excluded=told)
    leaks: list[tuple[str, str]] = []
    stays: dict[tuple[int, str], Photo] = {}  # the best photo of a hash and a label
    for photo in sorted((photo for photo in kept if photo.id not in changed), key=_preference):
        better = [stays[place] for value in near.around(photo) if (place := (value, photo.label)) in stays]
        if better and not photo.verified:
            best = min(better, key=_preference)
            if 0 < _protection(photo) < _protection(best):
                told = f"{LEAK}: nearly the same as {_told(best)} of {best.split}"
                leaks.append((photo.id, best.id))
            else:
                told = f"{DUPLICATE if photo.sha256 == best.sha256 else NEAR}: of {_told(best)}"
            changed[photo.id] = dataclasses.replace(photo, excluded=told)
        else:
            stays.setdefault((near.hash[photo.id], photo.label), photo)
    return Judged(manifest.replace(changed.values()), tuple(near.clusters()), tuple(sorted(leaks)))


def _preference(photo: Photo) -> tuple[int, bool, int, str]:
    """The better protected split first, then what a person verified, then the larger photo."""
    return -_protection(photo), not photo.verified, -photo.width * photo.height, photo.id


def _protection(photo: Photo) -> int:
    """0 while undecided, then train, validation, test."""
    return 1 + SPLITS.index(photo.split) if photo.split in SPLITS else 0


def _told(photo: Photo) -> str:
    return f"{photo.title or photo.file_name} ({photo.label})"


def imbalance(manifest: Manifest) -> dict[str, int]:
    """Labels with less than a tenth of the photos of the largest one, and their counts."""
    counts = {label: sum(row.values()) for label, row in manifest.counts().items()}
    most = max(counts.values(), default=0)
    return {label: count for label, count in counts.items() if count * 10 < most}
