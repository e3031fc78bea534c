"""Exact duplicates: what becomes of photos with the same content. Pure.

Same content under two labels: one of them is wrong and nobody knows which, so none is kept. Same content in two splits:
the copy that would spoil the fairer part is set aside. Same content otherwise: kept, as one group that stays together.
Where a person has verified some of the copies, the others yield to those; no content is ever kept on two sides.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable

from transfer.manifest import Manifest
from transfer.photo import SPLITS, Photo

ACROSS = "duplicate_across_splits"
REASONS = ("conflicting_labels", ACROSS)
_GROUP = "same-content-"


def settle_duplicates(manifest: Manifest) -> Manifest:
    """The manifest with both reasons and the groups of exact duplicates as its present photos ask for.

    Reasons and groups that this function gave before are judged anew, so that deleting the wrong one of two files
    brings the other back. Photos that are set aside for another reason have no say. An undecided photo counts as
    a training photo: it may share its content with those, and is set aside where validation or test has it already.
    """
    same: dict[str, list[Photo]] = defaultdict(list)
    for photo in manifest.photos:
        if photo.sha256 and (photo.excluded is None or photo.reason in REASONS):
            same[photo.sha256].append(photo)
    settled = [_fresh(photo) for photo in manifest.photos]
    changed = {photo.id: photo for photos in same.values() for photo in _judge([_fresh(photo) for photo in photos])}
    return Manifest(tuple(changed.get(photo.id, photo) for photo in settled))


def _fresh(photo: Photo) -> Photo:
    """Without what this module says of it."""
    excluded = None if photo.reason in REASONS else photo.excluded
    group = None if (photo.group or "").startswith(_GROUP) else photo.group
    if excluded == photo.excluded and group == photo.group:
        return photo
    return dataclasses.replace(photo, excluded=excluded, group=group)


def _judge(photos: list[Photo]) -> Iterable[Photo]:
    """Photos of one content -> those of them that change."""
    labels = sorted({photo.label for photo in photos})
    verified = [photo for photo in photos if photo.verified]
    right = labels if len(labels) == 1 else {photo.label for photo in verified}
    told = f"conflicting_labels: {', '.join(labels)}"
    changed = [dataclasses.replace(photo, excluded=told) for photo in photos if photo.label not in right]
    photos = [photo for photo in photos if photo.label in right]
    if not photos:
        return changed
    best = max(verified or photos, key=_side)
    spoiling = [photo for photo in photos if _side(photo) != _side(best)]
    kept = [photo for photo in photos if _side(photo) == _side(best)]
    told = f"{ACROSS}: the same content is in {best.split or 'train'} ({best.title})"
    changed += [dataclasses.replace(photo, excluded=told) for photo in spoiling]
    if len(kept) > 1:
        # A group that someone else gave (near duplicates, say) is wider and stays; the rest joins it.
        group = min((photo.group for photo in kept if photo.group), default=_GROUP + best.sha256[:16])
        changed += [dataclasses.replace(photo, group=photo.group or group) for photo in kept]
    return changed


def _side(photo: Photo) -> int:
    """0 for train, where what is undecided counts as well, then validation, test."""
    return SPLITS.index(photo.split) if photo.split in SPLITS else 0
