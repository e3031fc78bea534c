"""Arms that are really trained in folds, for ``simulate_statistics.py``: it is about trainings that share photos."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy
from numpy import ndarray
from scipy import stats

from transfer import scores
from transfer.folds import divide
from transfer.photo import Photo

LEVEL = 0.05


@dataclass(frozen=True)
class Trials:
    """What repeated comparisons gave: for each way the shares that cover and that reject, and the mean width."""

    covers: dict[str, float]
    rejects: dict[str, float]
    width: dict[str, float]


def student(values: ndarray) -> tuple[float, float]:
    """The plain t interval of a mean; a point where nothing varies."""
    half = stats.t.isf(LEVEL / 2, len(values) - 1) * values.std(ddof=1) / len(values) ** 0.5
    return values.mean() - half, values.mean() + half


@dataclass(frozen=True)
class FoldSetting:
    """Arms in folds, to repeat.

    Attributes:
        folds, repetitions: Of the division. photos: Of two classes; ``grouped``: in groups of one to three.
        per_class: Photos a class that are learnt from, None for all outside the fold.
        signal: How far the classes stand apart. gap: How much nearer they stand for the second arm.
    """

    folds: int = 5
    repetitions: int = 1
    photos: int = 100
    grouped: bool = False
    per_class: int | None = None
    signal: float = 1.2
    gap: float = 0.0


DIMENSIONS = 20


def in_folds(setting: FoldSetting, *, repetitions: int) -> Trials:
    """Repeat a comparison of two arms that are trained in folds.

    Returns:
        For ``report`` and ``folds`` (Student's t over the folds) as in ``pairs``; ``covers["single"]`` is of the
        interval of the first arm's accuracy.
    """
    rng = numpy.random.default_rng([setting.folds, setting.repetitions, setting.photos, int(10 * setting.gap)])
    n = setting.photos
    sizes = rng.integers(1, 4, n) if setting.grouped else numpy.ones(n, dtype=int)
    group = numpy.repeat(numpy.arange(n), sizes)[:n]
    label = group % 2
    accuracies = _accuracies(setting, group, label, rng, repetitions)
    design = scores.Design(setting.folds, n, int(group.max()) + 1)
    gap = float((accuracies[0] - accuracies[1]).mean()) if setting.gap else 0.0
    covers: Counter[str] = Counter()
    rejects: Counter[str] = Counter()
    width: Counter[str] = Counter()
    for one, other in zip(*accuracies, strict=True):
        found = scores.difference_over_splits(one, other, design)
        for way, (low, high) in {"report": (found.low, found.high), "folds": student(one - other)}.items():
            covers[way] += low <= gap <= high
            rejects[way] += not low <= 0 <= high
            width[way] += high - low
        covers["single"] += float(accuracies[0].mean()) in scores.mean_over_splits(one, design)
    return Trials(*({way: total[way] / repetitions for way in total} for total in (covers, rejects, width)))


def _accuracies(
    setting: FoldSetting, group: ndarray, label: ndarray, rng: numpy.random.Generator, repetitions: int
) -> ndarray:
    """The accuracy of both arms in every fold of every comparison, ``(2, comparisons, trainings)``."""
    n, sign = setting.photos, 2.0 * label - 1
    shared = 0.5 * rng.normal(size=(repetitions, group.max() + 1))[:, group] + 0.5 * rng.normal(size=(repetitions, n))
    arms = []
    for signal in (setting.signal, setting.signal - setting.gap):
        own = 0.5 * rng.normal(size=(repetitions, group.max() + 1))[:, group]
        seen = rng.normal(size=(repetitions, n, DIMENSIONS)).astype("float32")
        seen[:, :, 0] += sign * (signal + shared + own)
        arms.append(seen)
    found = []
    for judged in _divisions(setting, group, label):
        learnt = numpy.setdiff1d(numpy.arange(n), judged)
        if setting.per_class is not None:
            learnt = rng.permutation(learnt)
            learnt = numpy.concatenate([learnt[label[learnt] == one][: setting.per_class] for one in (0, 1)])
        found.append([_centroids(seen, label, learnt, judged) for seen in arms])
    return numpy.moveaxis(numpy.array(found), 0, 2)


def _divisions(setting: FoldSetting, group: ndarray, label: ndarray) -> list[ndarray]:
    """The judged photos of every training, divided as a comparison divides them."""
    photos = [
        Photo(str(n), "", str(label[n]), "simulated", sha256=f"{n:06}", group=f"{of}" if setting.grouped else None)
        for n, of in enumerate(group)
    ]
    return [
        numpy.array([int(photo.id) for photo in part])
        for repetition in range(setting.repetitions)
        for part in divide(photos, setting.folds, seed=str(repetition))
    ]


def _centroids(seen: ndarray, label: ndarray, learnt: ndarray, judged: ndarray) -> ndarray:
    """The accuracy of nearest centroids in every comparison."""
    zero, one = (seen[:, learnt[label[learnt] == number]].mean(axis=1) for number in (0, 1))
    side = numpy.einsum("snd,sd->sn", seen[:, judged] - ((zero + one) / 2)[:, None], one - zero)
    return ((side > 0) == (label[judged] == 1)).mean(axis=1)
