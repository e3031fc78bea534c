"""Intervals: one number with how far it may be off, and the correction for looking at many.

It owns the interval of a single share and Holm's correction. Differences between arms are next door.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy
from statsmodels.stats.proportion import proportion_confint


@dataclass(frozen=True)
class Interval:
    """From ``low`` to ``high``, both included."""

    low: float
    high: float

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


def wilson(right: float, of: float, *, level: float = 0.95) -> Interval:
    """The Wilson interval of a share (Wilson 1927; Brown, Cai and DasGupta 2001).

    Args:
        right: How many, possibly a fraction where several seeds were averaged. of: Out of how many, above 0.
        level: Share of such intervals that hold the true value.

    >>> interval = wilson(450, 500)
    >>> round(interval.low, 6), round(interval.high, 6)
    (0.870578, 0.923322)
    """
    low, high = proportion_confint(right, of, alpha=1 - level, method="wilson")
    # Rounding may leave the limits of 0 and 1 a hair inside or outside.
    return Interval(min(max(float(low), 0.0), right / of), max(min(float(high), 1.0), right / of))


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values as they count when all of them are looked at (Holm 1979); in the order given.

    >>> [round(p, 2) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    p = numpy.asarray(p_values, dtype=float)  # by hand: statsmodels' multipletests takes 75 ms for two values
    order = numpy.argsort(p, kind="stable")
    corrected = numpy.empty(len(p))
    corrected[order] = numpy.minimum(numpy.maximum.accumulate(p[order] * numpy.arange(len(p), 0, -1)), 1.0)
    return corrected.tolist()
