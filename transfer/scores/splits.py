"""Splits: what was judged over resampled splits (folds), each with a training of its own.

It owns the variance of Nadeau and Bengio for the mean over such splits: scores of J splits are not independent, since
their training photos overlap, so the variance of their mean is not s^2 / J. They put (1/J + n_test / n_train) s^2 in
its place. Over the K folds of a set n_test / n_train is 1 / (K - 1): all photos outside the fold count as training,
also where an arm learnt from a smaller subset of them, since subsets of few overlap less, never more.

One thing is added, for few and small folds: an accuracy moves in steps of one photo, so scores that happen to be equal
are not known to be equal. Their variance counts as at least that of rounding to a step, step^2 / 12 (Sheppard 1898).

Not for several seeds on one fixed split: that belongs to ``difference``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy
from numpy import ndarray
from scipy import stats

from transfer.scores.difference import Difference
from transfer.scores.intervals import Interval, wilson
from transfer.scores.pairs import Test


@dataclass(frozen=True)
class Design:
    """How the photos were divided.

    Attributes:
        folds: How many, from 2. photos: Judged in all. groups: How many groups they form.
        of_fold: Photos of one fold, on average; None where every fold was judged.
    """

    folds: int
    photos: int
    groups: int
    of_fold: float | None = None

    @property
    def test_share(self) -> float:
        """Judged photos of a split divided by the others."""
        return 1 / (self.folds - 1)

    @property
    def step(self) -> float:
        """What one photo moves the accuracy of a fold by."""
        return 1 / (self.of_fold or self.photos / self.folds)


def nadeau_bengio(differences: Sequence[float] | ndarray, *, test_share: float, step: float = 0.0) -> Test:
    """Corrected t-test for differences over repeated splits (Nadeau and Bengio 2003; Bouckaert and Frank 2004).

    Not for several seeds on one fixed split: there it says nothing about the photos, and rejects a true null in 2 to
    30 % of cases, depending on how much the seeds differ.

    Args:
        differences: Of one metric, a value for each split, J of them, at least two.
        test_share: Test photos divided by training photos of a split: 1/9 for ten folds.
        step: What one photo moves the metric by; see the module.

    Returns:
        t = mean / sqrt((1/J + test_share) * variance) and its p-value with J - 1 degrees of freedom.

    >>> d = [0.02, 0.01, 0.03, 0, 0.02, 0.01, 0.04, 0.02, 0.01, 0.02]
    >>> round(nadeau_bengio(d, test_share=1 / 9).statistic, 5)
    3.45072
    """
    d = numpy.asarray(differences, dtype=float)
    mean, spread = d.mean(), math.sqrt(_variance(d, test_share, step))
    if spread == 0:
        return Test(0.0, 1.0) if mean == 0 else Test(float(numpy.copysign(numpy.inf, mean)), 0.0)
    t = float(mean / spread)
    return Test(t, float(2 * stats.t.sf(abs(t), len(d) - 1)))


def mean_over_splits(values: Sequence[float] | ndarray, design: Design, *, level: float = 0.95) -> Interval:
    """The interval of an accuracy over splits, by the variance of Nadeau and Bengio; within 0 and 1.

    It is never narrower than Wilson's on as many groups of photos: near 1 the folds differ too little to say how far
    off their mean may be.

    >>> found = mean_over_splits([0.9, 0.8, 0.85, 0.95, 0.9], Design(folds=5, photos=100, groups=100))
    >>> round(found.low, 3), round(found.high, 3)
    (0.774, 0.986)
    """
    values = numpy.asarray(values, dtype=float)
    mean, half = float(values.mean()), _half_width(values, design, level)
    least = wilson(mean * design.groups, design.groups, level=level)
    return Interval(max(min(mean - half, least.low), 0.0), min(max(mean + half, least.high), 1.0))


def difference_over_splits(
    a: Sequence[float] | ndarray, b: Sequence[float] | ndarray, design: Design, *, level: float = 0.95
) -> Difference:
    """The difference in accuracy between two arms that were judged on the same splits.

    Args:
        a, b: The accuracy of each split, J of them, the same splits in the same order.
        design: Of the splits. level: Of the interval.

    Returns:
        Its ``seeds`` are the splits, its ``probability`` that A does better on one more of them (Student's predictive
        distribution). All of its variance counts as the photos': more of them make the trainings alike as well. From
        one split nothing is known of the variance, and the interval has no ends.
    """
    d = numpy.asarray(a, dtype=float) - numpy.asarray(b, dtype=float)
    estimate, half = float(d.mean()), _half_width(d, design, level)
    known = len(d) > 1
    return Difference(
        estimate=estimate,
        low=estimate - half,
        high=estimate + half,
        p=nadeau_bengio(d, test_share=design.test_share, step=design.step).p if known else 1.0,
        probability=_next(d, design.step) if known else 0.5,
        seeds=len(d),
        groups=design.groups,
        photos=design.photos,
        seed_variance=0.0,
        photo_variance=_variance(d, design.test_share, design.step) if known else math.inf,
    )


def _variance(values: ndarray, test_share: float, step: float) -> float:
    """Of the mean over splits."""
    return float((1 / len(values) + test_share) * max(values.var(ddof=1), step**2 / 12))


def _next(differences: ndarray, step: float) -> float:
    """The chance that one more difference is above zero."""
    count, spread = len(differences), math.sqrt(max(differences.var(ddof=1), step**2 / 12))
    return float(stats.t.cdf(differences.mean() / (spread * math.sqrt(1 + 1 / count)), count - 1))


def _half_width(values: ndarray, design: Design, level: float) -> float:
    if len(values) < 2:
        return math.inf
    variance = _variance(values, design.test_share, design.step)
    return float(stats.t.isf((1 - level) / 2, len(values) - 1)) * math.sqrt(variance)
