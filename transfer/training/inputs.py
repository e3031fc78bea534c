"""Inputs: what a step learns from, at the cut that feeds it: kept activations, kept views of them, or pictures."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy

from transfer.photo import Photo
from transfer.strategy import Phase
from transfer.training.activations import Activations
from transfer.training.descent import Labelled
from transfer.training.rows import Rows


@dataclass(frozen=True)
class Photos:
    """The photos to learn from and to choose by, and where what a step learns from comes from."""

    train: Sequence[Photo]
    validation: Sequence[Photo]
    activations: Activations
    labels: Sequence[str]

    @property
    def count(self) -> int:
        return len(self.train) + len(self.validation)

    def taught(self, cut: int, views: Sequence[str] = (), *, plain: bool = True) -> Labelled:
        """What is learnt from, with its kept views; unless ``plain``, the first of them in the photos' own place."""
        return self._labelled(self.train, cut, views, plain=plain)

    def judges(self, cut: int) -> Labelled:
        return self._labelled(self.validation, cut)

    def _labelled(
        self, photos: Sequence[Photo], cut: int, views: Sequence[str] = (), *, plain: bool = True
    ) -> Labelled:
        index = {label: i for i, label in enumerate(self.labels)}
        truth = numpy.array([index[photo.label] for photo in photos], dtype=int)
        keys = numpy.array([int(photo.sha256[:7], 16) for photo in photos], dtype=int)
        seen = [self.activations.rows(cut, photos, view) for view in views]
        together = len(views) + 1  # each is held from its epoch on
        kept = tuple(dataclasses.replace(rows, together=together) if isinstance(rows, Rows) else rows for rows in seen)
        return Labelled(self.activations.rows(cut, photos) if plain else kept[0], truth, keys, kept)


def inputs(phase: Phase, cut: int, photos: Photos) -> tuple[int, tuple[str, ...]]:
    """The cut that a phase learns from, and which kept views it learns from there: none where it draws new ones."""
    if phase.mix == "cutmix":
        return 0, ()  # a square is set into a picture, not into its features
    if not phase.augment:
        return photos.activations.source(cut, photos.count), ()
    views = min(phase.views, phase.epochs)  # an epoch shows one of them
    if cut and photos.activations.source(cut, photos.count + views * len(photos.train)) == cut:
        return cut, tuple(f"{phase.augment} {number}" for number in range(views))
    return 0, ()
