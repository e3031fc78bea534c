"""Parts: which photos a run may learn from, choose by and be judged on; a function of splits, size and seed alone."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from transfer import folds
from transfer.errors import CallError, DataError
from transfer.manifest import Manifest
from transfer.photo import Photo

HELD_OUT_FROM = 5
"""From so many photos a class on, a fifth of them is held out to choose by; below, settings are fixed in advance."""


@dataclass(frozen=True)
class Parts:
    """The photos of one run: to train on, to choose by, and to be judged on once."""

    train: tuple[Photo, ...]
    validation: tuple[Photo, ...]
    test: tuple[Photo, ...]


def choose(manifest: Manifest, *, per_class: int | None, seed: int) -> Parts:
    """The photos that a run may learn from, choose by and be judged on.

    With ``per_class`` the training subset and what is held out to choose by come from the train split alone, the same
    for every arm at a seed. Both together are contained in those of a larger size; the training subset by itself need
    not be, since a larger size holds out more. A class with fewer photos gives all it has.

    Raises:
        DataError: The workspace has not been split, a class has nothing to train on, or there is one class.
    """
    if len(manifest.labels) < 2:
        remedy = "Collect or load photos of another class, or of what is none of them."
        raise DataError(
            "There is no second class to tell the first from.", received=", ".join(manifest.labels), remedy=remedy
        )
    train, test = manifest.part("train"), manifest.part("test")
    if not train:
        received = f"{len(manifest.kept)} photos"
        raise DataError("No photo is in the train split.", received=received, remedy="Run `transfer split WS` first.")
    if missing := set(manifest.labels) - {photo.label for photo in train}:
        remedy = "Load or collect more photos of it, and run `transfer split WS`."
        raise DataError("A class has no photo in the train split.", received=", ".join(sorted(missing)), remedy=remedy)
    if per_class is None:
        # By content, not by name: a file that is named anew is in the same place of every epoch.
        return Parts(_by_content(train), _by_content(manifest.part("validation")), test)
    chosen, held_out = [], []
    for label in manifest.labels:
        of_label = [photo for photo in train if photo.label == label]
        subset = sorted(of_label, key=lambda photo: (_draw(seed, photo.sha256), photo.id))[:per_class]
        hold = round(len(subset) / 5) if len(subset) >= HELD_OUT_FROM else 0
        chosen += subset[hold:]
        held_out += subset[:hold]
    # A burst that is learnt from must not choose: its photos would all be right together.
    group_of = folds.group_of(train)
    learnt = {group_of[photo.id] for photo in chosen}
    chosen += [photo for photo in held_out if group_of[photo.id] in learnt]
    held_out = [photo for photo in held_out if group_of[photo.id] not in learnt]
    return Parts(tuple(chosen), tuple(held_out), test)


def check_there_are(per_class: int | None, photos: Sequence[Photo]) -> None:
    """Say so where no class has so many: the run would bear the name of a training size that it does not have."""
    largest = max(Counter(photo.label for photo in photos).values(), default=0)
    if per_class is not None and 0 < largest < per_class:
        raise CallError(
            "No class has so many photos to train on.",
            received=f"--per-class {per_class}",
            remedy=f"The largest has {largest}; leave --per-class out, or write all, for all of them.",
        )


def _by_content(photos: Sequence[Photo]) -> tuple[Photo, ...]:
    return tuple(sorted(photos, key=lambda photo: (photo.label, photo.sha256, photo.id)))


def _draw(seed: int, sha256: str) -> str:
    return hashlib.sha256(f"{seed}:{sha256}".encode()).hexdigest()
