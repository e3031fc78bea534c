"""Pairs: tests of two or more sets of answers to the same photos.

It owns McNemar's test and Cochran's Q for single trained models, and the Nadeau-Bengio test for repeated splits. Arms
with several seeds on one fixed split belong to ``difference``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy
from numpy import ndarray
from scipy import stats
from statsmodels.stats.contingency_tables import cochrans_q
from statsmodels.stats.contingency_tables import mcnemar as _mcnemar


@dataclass(frozen=True)
class Test:
    """What a test says: its statistic and its two-sided p-value."""

    __test__ = False  # no case for pytest, in spite of its name

    statistic: float
    p: float


def mcnemar(only_a: int, only_b: int, *, mid: bool = True) -> Test:
    """Whether two models are right equally often, from the photos that only one of them gets right.

    Args:
        only_a: Photos that A alone has right. only_b: Photos that B alone has right.
        mid: The mid-p form, which counts the observed table half. The exact form rejects a true null far less often
            than it says; mid-p stays at or very near the level (Fagerland, Lydersen and Laake 2013).

    >>> round(mcnemar(25, 11, mid=False).p, 6), mcnemar(0, 0).p
    (0.028817, 1.0)
    """
    exact = _mcnemar([[0, only_a], [only_b, 0]], exact=True)
    p = float(exact.pvalue)
    if mid:
        observed = stats.binom.pmf(min(only_a, only_b), only_a + only_b, 0.5)
        # With as many on either side both tails hold the observed table, and nothing is left to reject.
        p = 1.0 if only_a == only_b else p - float(observed)
    return Test(float(exact.statistic), p)


def cochran_q(correct: ndarray) -> Test:
    """Whether several models are right equally often on the same photos (Cochran 1950).

    Args:
        correct: Bool ``(n, models)``, two models or more.

    Returns:
        Q and its p-value by chi-square with models - 1 degrees of freedom; 0 and 1 where all agree on every photo.
    """
    correct = numpy.asarray(correct).astype(int)
    if (correct == correct[:, :1]).all():
        return Test(0.0, 1.0)
    found = cochrans_q(correct)
    return Test(float(found.statistic), float(found.pvalue))


def nadeau_bengio(differences: Sequence[float] | ndarray, *, test_share: float) -> Test:
    """Corrected t-test for differences over repeated splits (Nadeau and Bengio 2003; Bouckaert and Frank 2004).

    Not for several seeds on one fixed split: there it says nothing about the photos, and rejects a true null in 2 to
    30 % of cases, depending on how much the seeds differ.

    Args:
        differences: Of one metric, a value for each split, J of them, at least two.
        test_share: Test photos divided by training photos of a split: 1/9 for ten folds.

    Returns:
        t = mean / sqrt((1/J + test_share) * variance) and its p-value with J - 1 degrees of freedom.

    >>> d = [0.02, 0.01, 0.03, 0, 0.02, 0.01, 0.04, 0.02, 0.01, 0.02]
    >>> round(nadeau_bengio(d, test_share=1 / 9).statistic, 5)
    3.45072
    """
    d = numpy.asarray(differences, dtype=float)
    mean, spread = d.mean(), numpy.sqrt((1 / len(d) + test_share) * d.var(ddof=1))
    if spread == 0:
        return Test(0.0, 1.0) if mean == 0 else Test(float(numpy.copysign(numpy.inf, mean)), 0.0)
    t = float(mean / spread)
    return Test(t, float(2 * stats.t.sf(abs(t), len(d) - 1)))
