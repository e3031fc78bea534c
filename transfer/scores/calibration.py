"""Calibration: whether a probability means what it says, and one number that mends it.

It owns the bins of a reliability diagram (those of the expected calibration error) and temperature scaling. It refuses
to decide where the temperature is fitted: that must be validation, or the test split is opened once more.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy
from numpy import ndarray
from scipy import optimize, special

from transfer.scores.metrics import BINS, LEAST, bin_of

COOLEST, HOTTEST = 0.05, 20.0
"""Temperatures that are looked at; all right answers ask for zero, chance for infinity."""


@dataclass(frozen=True)
class Bin:
    """Photos whose most probable class got a probability between two limits.

    Attributes:
        low, high: The limits; ``high`` is inside.
        photos: How many. confidence: Their mean probability. accuracy: Share of them that is right.
    """

    low: float
    high: float
    photos: int
    confidence: float
    accuracy: float


def reliability(truth: ndarray, probabilities: ndarray) -> tuple[Bin, ...]:
    """The bins that hold a photo, least sure first (Guo et al. 2017; their weighted gaps are CALIBRATION_ERROR).

    >>> bins = reliability(numpy.array([0, 1]), numpy.array([[0.9, 0.1], [0.9, 0.1]]))
    >>> [(bin.photos, round(bin.confidence, 2), bin.accuracy) for bin in bins]
    [(2, 0.9, 0.5)]
    """
    confidence = probabilities.max(axis=1).astype(float)
    right = probabilities.argmax(axis=1) == truth
    number = bin_of(confidence)
    return tuple(
        Bin(n / BINS, (n + 1) / BINS, int(inside.sum()), float(confidence[inside].mean()), float(right[inside].mean()))
        for n in range(BINS)
        if (inside := number == n).any()
    )


def temperature(truth: ndarray, probabilities: ndarray) -> float:
    """The temperature with the least log loss on these photos (Guo et al. 2017): above 1 the model was too sure.

    Dividing log-probabilities is the same as dividing the scores before the softmax, so kept predictions suffice.

    Args:
        truth: int ``(n,)``, n above 0. probabilities: float ``(n, C)``, of photos that nothing was trained on and that
            nobody is judged on: validation.

    Raises:
        ValueError: There is no photo.
    """
    if not len(truth):
        raise ValueError("a temperature needs photos to be fitted on")
    logits = _logits(probabilities)
    own = logits[numpy.arange(len(truth)), truth]

    def loss(coldness: float) -> float:  # convex in 1 / temperature, so one minimum
        return float((special.logsumexp(coldness * logits, axis=1) - coldness * own).mean())

    found = optimize.minimize_scalar(lambda log: loss(math.exp(-log)), bounds=_RANGE, method="bounded")
    return math.exp(float(found.x))


_RANGE = (math.log(COOLEST), math.log(HOTTEST))


def tempered(probabilities: ndarray, temperature: float) -> ndarray:
    """The same answers at another temperature, float ``(n, C)``; the most probable class stays the most probable.

    >>> tempered(numpy.array([[0.8, 0.2]]), 2.0).round(3).tolist()
    [[0.667, 0.333]]
    """
    return numpy.asarray(special.softmax(_logits(probabilities) / temperature, axis=1))


def _logits(probabilities: ndarray) -> ndarray:
    return numpy.log(numpy.clip(probabilities.astype(float), LEAST, 1.0))
