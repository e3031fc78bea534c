"""Mistake: a photo that an arm gets wrong, with what a person needs to judge who is right."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy

from transfer import scores
from transfer.manifest import Manifest
from transfer.photo import Photo
from transfer.reporting.result import Result
from transfer.reporting.thumbnails import thumbnail
from transfer.workspace import Workspace

SHOWN = 18


@dataclass(frozen=True)
class Mistake:
    """A photo that the best arm gets wrong.

    Attributes:
        photo: As the manifest has it; None where it has left it since.
        given, predicted: Labels. chance: Probability of the predicted one. given_chance: Of the given one.
        wrong, seeds: How many of how many runs get it wrong.
        thumbnail: A ``data:`` URI, or None where the file cannot be read.
        overlay: Where the model looked (Grad-CAM), likewise; None where the run folder holds no such picture.
    """

    photo: Photo | None
    given: str
    predicted: str
    chance: float
    given_chance: float
    wrong: int
    seeds: int
    thumbnail: str | None
    overlay: str | None = None


def worst_mistakes(best: Result, workspace: Workspace, manifest: Manifest) -> tuple[Mistake, ...]:
    """The photos that the mean of the best arm's runs gets wrong, those with the highest loss first."""
    parts = [part for part in best.answers if len(part.photos)]
    if not parts:
        return ()
    first, labels = parts[0], best.runs[0].labels
    parts = [part for part in parts if part.photos == first.photos]
    mean = numpy.mean([part.probabilities for part in parts], axis=0)
    wrong = numpy.sum([~part.correct for part in parts], axis=0)
    predicted, loss = mean.argmax(axis=1), scores.losses(first.truth, mean)
    worst = sorted(numpy.flatnonzero(predicted != first.truth), key=lambda at: (-loss[at], first.photos[at]))
    known = {photo.id: photo for photo in manifest.photos}
    found = []
    for at in worst[:SHOWN]:
        photo = known.get(first.photos[at])
        found.append(
            Mistake(
                photo=photo,
                given=labels[first.truth[at]],
                predicted=labels[predicted[at]],
                chance=float(mean[at, predicted[at]]),
                given_chance=float(mean[at, first.truth[at]]),
                wrong=int(wrong[at]),
                seeds=len(parts),
                thumbnail=thumbnail(workspace.photo_path(photo.file_name)) if photo else None,
                overlay=_overlay(best, first.photos[at]),
            )
        )
    return tuple(found)


def _overlay(best: Result, photo: str) -> str | None:
    """``gradcam/PHOTO_ID.png`` of the first of the runs that has it."""
    if Path(photo).name != photo:  # an id from elsewhere must not lead out of the folder
        return None
    places = [run.path / "gradcam" / f"{photo}.png" for run in best.runs]
    return next((thumbnail(place) for place in places if place.is_file()), None)
