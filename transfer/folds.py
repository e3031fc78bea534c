"""Folds: for sets that are too small to spare a test split, every photo is judged by a model that never saw it. Pure.

It owns what a group is wherever photos are divided (equal content or an equal ``group``, directly or through others),
the division of the kept photos into K folds, stratified by label and groups whole, and the splits that one training
sees: its fold is the test split, a fifth of the rest is validation, the remainder is for training. The manifest's own
splits play no part in it.

Everything follows one number, the seed of a run: of K folds, seed s is fold ``s % K`` of repetition ``s // K``. A
repetition divides anew; within it every kept photo is judged once. Chance comes from a hash of the repetition and the
photos' content, so neither names nor the order of files decide, and the same call divides alike for ever.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from transfer.errors import DataError
from transfer.manifest import Manifest
from transfer.photo import Photo

HELD_OUT = 5
"""One part in so many of what is not judged is held out to choose by; of a class with fewer groups perhaps none."""


class Fold(NamedTuple):
    """One training among ``of`` of a repetition; ``number`` and ``repetition`` count from 0."""

    of: int
    repetition: int
    number: int

    @classmethod
    def of_seed(cls, seed: int, folds: int) -> Fold:
        """Which fold a seed stands for.

        >>> Fold.of_seed(7, 5)
        Fold(of=5, repetition=1, number=2)
        """
        repetition, number = divmod(seed, folds)
        return cls(folds, repetition, number)


def folded(manifest: Manifest, fold: Fold) -> Manifest:
    """The manifest as the training of one fold sees it: every kept photo has the split that this fold gives it.

    Raises:
        DataError: A class has fewer groups of photos than there are folds.
    """
    parts = divide(manifest.kept, fold.of, seed=str(fold.repetition))
    if small := _too_small(manifest.kept, fold.of):
        raise DataError(
            f"Classes are too small for {fold.of} folds.",
            received=", ".join(small[:10]) + (f" and {len(small) - 10} more" if len(small) > 10 else ""),
            remedy="Take fewer folds, or add photos; photos of one group (near duplicates, a burst) count once.",
        )
    test = parts[fold.number]
    rest = [photo for part in parts if part is not test for photo in part]
    validation = divide(rest, HELD_OUT, seed=f"{fold.repetition} {fold.number} validation")[0]
    untaught = {photo.label for photo in rest} - {photo.label for photo in _without(rest, validation)}
    # Better nothing of a class to choose by than nothing to learn from.
    alone = {id(photo) for group in groups(rest) if untaught & {photo.label for photo in group} for photo in group}
    sides = {photo.id: "train" for photo in rest}
    sides |= {photo.id: "validation" for photo in validation if id(photo) not in alone}
    sides |= {photo.id: "test" for photo in test}
    return manifest.replace(dataclasses.replace(photo, split=sides[photo.id]) for photo in manifest.kept)


def divide(photos: Sequence[Photo], parts: int, *, seed: str) -> list[list[Photo]]:
    """Photos in so many parts of almost equal size, each class spread evenly, groups whole.

    Large groups come first, then label after label, then chance; each goes where fewest of its label are, then to the
    smallest part.
    """

    def order(group: Sequence[Photo]) -> tuple[int, list[str], str]:
        content = "\n".join([seed, *sorted(photo.sha256 or photo.id for photo in group)])
        labels = sorted({photo.label for photo in group})
        return -len(group), labels, hashlib.sha256(content.encode()).hexdigest()

    divided: list[list[Photo]] = [[] for _ in range(parts)]
    held = [Counter[str]() for _ in range(parts)]
    for group in sorted(groups(photos), key=order):
        labels = Counter(photo.label for photo in group)
        alike = [sum(times * there[label] for label, times in labels.items()) for there in held]
        number = min(range(parts), key=lambda at: (alike[at], len(divided[at]), at))
        divided[number] += group
        held[number] += labels
    return divided


def groups(photos: Iterable[Photo]) -> list[list[Photo]]:
    """Photos that equal content or an equal ``group`` joins, directly or through others, in the order of the first.

    A photo on its own is a group of one.
    """
    group_of: dict[tuple[str, str], list[Photo]] = {}
    for photo in photos:
        meeting = {id(found): found for key in ties(photo) if (found := group_of.get(key)) is not None}
        joined = max(meeting.values(), key=len, default=[])
        for other in meeting.values():
            if other is not joined:
                joined += other
                group_of |= {key: joined for each in other for key in ties(each)}
        joined.append(photo)
        group_of |= dict.fromkeys(ties(photo), joined)
    return list({id(group): group for group in group_of.values()}.values())


def group_of(photos: Iterable[Photo]) -> dict[str, str]:
    """The name of the group that each photo belongs to among these, by the photo's ID."""
    found = groups(photos)
    return {photo.id: ties(group[0])[-1][1] for group in found for photo in group}


def ties(photo: Photo) -> list[tuple[str, str]]:
    """What joins a photo with others: its content and its ``group``; of one that has neither, itself alone."""
    found = [(kind, key) for kind, key in (("content", photo.sha256), ("group", photo.group)) if key]
    return found or [("photo", photo.id)]


def digest(manifest: Manifest) -> str:
    """Of what decides the folds and what is learnt in them: content, label and group of the kept photos."""
    rows = sorted((photo.sha256, photo.label, photo.group or "") for photo in manifest.kept)
    return hashlib.sha256(json.dumps(["folds", *rows]).encode()).hexdigest()


def _too_small(photos: Sequence[Photo], folds: int) -> list[str]:
    counts = Counter(label for group in groups(photos) for label in {photo.label for photo in group})
    return [f"{label} ({count} group{'s'[: count != 1]})" for label, count in sorted(counts.items()) if count < folds]


def _without(photos: Iterable[Photo], left_out: Iterable[Photo]) -> list[Photo]:
    out = {photo.id for photo in left_out}
    return [photo for photo in photos if photo.id not in out]
