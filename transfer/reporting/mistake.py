"""Mistake: a photo that an arm gets wrong, with what a person needs to judge who is right."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy
from PIL import Image

from transfer import scores
from transfer.manifest import Manifest
from transfer.photo import Photo
from transfer.reporting.result import Result
from transfer.reporting.thumbnails import thumbnail
from transfer.run import OVERLAY_CLASS, Predictions, Run
from transfer.workspace import Workspace

SHOWN = 18

Look = Callable[[Run, Sequence[tuple[Photo, str]]], str | None]
"""Keeps an overlay for each photo and the class it was taken for, or says why not."""


@dataclass(frozen=True)
class Mistake:
    """A photo that the best arm gets wrong.

    Attributes:
        photo: As the manifest has it; None where it has left it since.
        given, predicted: Labels. chance: Probability of the predicted one. given_chance: Of the given one.
        wrong, seeds: How many get it wrong, of how many runs that were judged on it.
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
    known = {photo.id: photo for photo in manifest.photos}
    met = dict.fromkeys(photo for part in best.stated for photo in part.photos)
    # A photo that has another name since would stand there twice, once without its picture.
    names = sorted(photo for photo in met if photo in known) or sorted(met)
    if not names:
        return ()
    labels = best.runs[0].labels
    truth, total, wrong, judged = _tally(best.stated, names, len(labels))
    mean = total / judged[:, None]
    predicted, loss = mean.argmax(axis=1), scores.losses(truth, mean)
    worst = sorted(numpy.flatnonzero(predicted != truth), key=lambda at: (-loss[at], names[at]))
    found = []
    for at in worst[:SHOWN]:
        photo = known.get(names[at])
        found.append(
            Mistake(
                photo=photo,
                given=labels[truth[at]],
                predicted=labels[predicted[at]],
                chance=float(mean[at, predicted[at]]),
                given_chance=float(mean[at, truth[at]]),
                wrong=int(wrong[at]),
                seeds=int(judged[at]),
                thumbnail=thumbnail(workspace.photo_path(photo.file_name)) if photo else None,
                overlay=_overlay(best, names[at], labels[predicted[at]]),
            )
        )
    return tuple(found)


def _tally(
    parts: Sequence[Predictions], names: Sequence[str], classes: int
) -> tuple[numpy.ndarray, numpy.ndarray, numpy.ndarray, numpy.ndarray]:
    """Of each photo its label, the sum of its probabilities, how many runs get it wrong, and how many judged it."""
    place = {photo: at for at, photo in enumerate(names)}
    truth, wrong, judged = (numpy.zeros(len(names), dtype=int) for _ in range(3))
    total = numpy.zeros((len(names), classes))
    for part in parts:
        rows = [row for row, photo in enumerate(part.photos) if photo in place]
        at = [place[part.photos[row]] for row in rows]
        truth[at] = part.truth[rows]
        total[at] += part.probabilities[rows]
        wrong[at] += ~part.correct[rows]
        judged[at] += 1
    return truth, total, wrong, judged


def look_at(best: Result, mistakes: Sequence[Mistake], look: Look) -> tuple[tuple[Mistake, ...], str | None]:
    """The mistakes with an overlay of where the model looked, and why some have none.

    Only those are looked at that have none yet (looking brings TensorFlow), each by the first run that was judged on
    the photo, and so was not trained on it.
    """
    asked: dict[str, list[tuple[Photo, str]]] = {}
    for mistake in mistakes:
        if mistake.photo is not None and mistake.overlay is None:
            asked.setdefault(_judge(best, mistake.photo.id).id, []).append((mistake.photo, mistake.predicted))
    reasons = [look(run, asked[run.id]) for run in best.runs if run.id in asked]
    seen = tuple(
        dataclasses.replace(
            mistake, overlay=_overlay(best, mistake.photo.id, mistake.predicted) if mistake.photo else None
        )
        for mistake in mistakes
    )
    return seen, next((reason for reason in reasons if reason), None)


def _judge(best: Result, photo: str) -> Run:
    return next(run for run, part in zip(best.runs, best.stated, strict=True) if photo in part.photos)


def _overlay(best: Result, photo: str, label: str) -> str | None:
    """The kept overlay of the first of the runs that has one for this class."""
    places = [place for run in best.runs if (place := run.overlay(photo)) and place.is_file()]
    return next((thumbnail(place) for place in places if _is_of(place, label)), None)


def _is_of(place: Path, label: str) -> bool:
    """Whether it shows this class; one without a note is taken at its word."""
    try:
        with Image.open(place, formats=["PNG"]) as opened:
            return str(opened.info.get(OVERLAY_CLASS, label)) == label
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return False
