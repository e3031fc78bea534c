"""Refusal: a classifier that may say "unknown", how often it then answers, and how often wrongly.

A photo is *answered* when its largest probability is at least a threshold P and its most probable class is not the
background, the class of unrelated photos. *Coverage* is the share of photos with a class of their own, that is, not of
the background, that are answered; *error* is the share of answered photos that are answered wrongly, so a photo of the
background that is answered counts as wrong. These are the reject option of Chow (1970), and the coverage and the
selective risk of El-Yaniv and Wiener (2010).

It owns these two shares and the rule that chooses P. It refuses to decide on which photos P is chosen: that must be
validation, or the test split is opened once more.

Here ``background`` is the index of that class, or None where there is none. Probabilities are compared as float32, as
they are kept and served.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy
from numpy import ndarray

from transfer.scores.intervals import Interval, wilson

MOST_ERROR = 0.05
"""The error that P is chosen for: one answer in twenty. A smaller one could hardly be seen: a hundred validation photos
with none answered wrongly still speak for anything up to 4 % (Wilson)."""


@dataclass(frozen=True)
class Share:
    """``count`` photos out of ``of``."""

    count: int
    of: int

    @property
    def value(self) -> float:
        """Between 0 and 1; NaN out of none."""
        return self.count / self.of if self.of else math.nan

    @property
    def interval(self) -> Interval | None:
        """Wilson's, 95 %; None out of none."""
        return wilson(self.count, self.of) if self.of else None


@dataclass(frozen=True)
class Refusal:
    """What a threshold does on some photos.

    Attributes:
        photos: How many were looked at, the background's among them.
        coverage: Answered, out of those that are not of the background.
        error: Answered wrongly, out of those that are answered.
    """

    photos: int
    coverage: Share
    error: Share


def answered(probabilities: ndarray, threshold: float, *, background: int | None = None) -> ndarray:
    """Which photos get an answer, bool ``(n,)``.

    >>> answered(numpy.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]]), 0.7, background=1).tolist()
    [True, False, False]
    """
    sure = probabilities.max(axis=1).astype("float32") >= numpy.float32(threshold)
    return sure if background is None else sure & (probabilities.argmax(axis=1) != background)


def refusal(truth: ndarray, probabilities: ndarray, threshold: float, *, background: int | None = None) -> Refusal:
    """Coverage and error of a threshold on these photos.

    >>> probabilities = numpy.array([[0.9, 0.1], [0.6, 0.4], [0.8, 0.2]])
    >>> at = refusal(numpy.array([0, 0, 1]), probabilities, 0.7)
    >>> (at.coverage.count, at.coverage.of), (at.error.count, at.error.of)
    ((2, 3), (1, 2))
    """
    given = answered(probabilities, threshold, background=background)
    wrong = given & (probabilities.argmax(axis=1) != truth)
    own = numpy.ones(len(truth), bool) if background is None else truth != background
    return Refusal(
        len(truth), Share(int((given & own).sum()), int(own.sum())), Share(int(wrong.sum()), int(given.sum()))
    )


def least_threshold(
    truth: ndarray, probabilities: ndarray, *, error: float = MOST_ERROR, background: int | None = None
) -> float | None:
    """The least threshold whose error on these photos is at most ``error``; None where no threshold has so little.

    Which photos are answered changes only at the largest probabilities of these photos, so the thresholds above one of
    them up to the next answer the same photos. Of those the middle is taken: on the upper end it would sit on one
    photo's own value, which the last digit of another machine could push to the other side. Where all may be answered
    it is 0. Error may fall and rise again with the threshold; what counts is the first time that it is small enough.

    Args:
        truth: int ``(n,)``. probabilities: float ``(n, C)``, of photos that nobody is judged on: validation.
        error: Between 0 and 1.

    >>> probabilities = numpy.array([[0.5, 0.5], [0.75, 0.25], [1.0, 0.0]])
    >>> least_threshold(numpy.array([1, 0, 0]), probabilities), least_threshold(numpy.array([0, 0, 0]), probabilities)
    (0.625, 0.0)
    """
    sure, wrong, number = _curve(truth, probabilities, background)
    enough = numpy.flatnonzero(wrong / number <= error)
    if not len(enough):
        return None
    first = int(enough[0])
    if first == 0:
        return 0.0
    middle = numpy.float32((float(sure[first - 1]) + float(sure[first])) / 2)
    # Between two float32 that are neighbours there is none: the middle may be rounded down to what is to be refused.
    return float(middle if middle > sure[first - 1] else sure[first])


def least_error(truth: ndarray, probabilities: ndarray, *, background: int | None = None) -> Share:
    """The smallest error of any threshold that answers a photo; of equal ones that with the most answers.

    >>> least_error(numpy.array([1, 0]), numpy.array([[0.9, 0.1], [0.6, 0.4]]))
    Share(count=1, of=2)
    """
    _, wrong, number = _curve(truth, probabilities, background)
    if not len(number):
        return Share(0, 0)
    best = int(numpy.argmin(wrong / number))
    return Share(int(wrong[best]), int(number[best]))


def _curve(truth: ndarray, probabilities: ndarray, background: int | None) -> tuple[ndarray, ndarray, ndarray]:
    """At each largest probability, least first: the value, and wrong answers and answers from it on upwards."""
    possible = answered(probabilities, 0.0, background=background)
    wrong = (probabilities.argmax(axis=1) != truth)[possible]
    values, at = numpy.unique(probabilities.max(axis=1).astype("float32")[possible], return_inverse=True)

    def from_here_on(weights: ndarray) -> ndarray:
        return numpy.bincount(at, weights=weights, minlength=len(values))[::-1].cumsum()[::-1]

    return values, from_here_on(wrong), from_here_on(numpy.ones(len(wrong)))
