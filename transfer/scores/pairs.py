"""Pairs: tests of two or more sets of answers to the same photos.

It owns McNemar's test and Cochran's Q for single trained models. Arms with several seeds on one fixed split belong to
``difference``, arms trained in folds to ``splits``.
"""

from __future__ import annotations

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
