"""What a range test of the learning rate says: the loss of one batch after the other while the rate grows.

Smith, "Cyclical Learning Rates for Training Neural Networks", 2017, section 3.3; read as fastai's users read it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy

MEMORY = 0.9
"""Share of the running mean of the loss that stays at each step."""

SAFE = 0.1
"""Of the rate with the least loss: there the loss has stopped falling, an order of magnitude below it falls well."""


@dataclass(frozen=True)
class RangeTest:
    """A range test, read.

    Attributes:
        rates: Of the steps, growing. smoothed: The loss around each, ``(n,)``.
        least: The rate with the least smoothed loss. suggested: A tenth of it; None where the loss never fell.
    """

    rates: tuple[float, ...]
    smoothed: tuple[float, ...]
    least: float
    suggested: float | None


def in_powers(rate: float) -> str:
    """A rate as people write it.

    >>> in_powers(0.0001), in_powers(0.00062)
    ('1e-4', '6e-4')
    """
    mantissa, exponent = f"{rate:.0e}".split("e")
    return f"{mantissa}e{int(exponent)}"


def range_test(rates: Sequence[float], losses: Sequence[float]) -> RangeTest:
    """Read the curve.

    The running mean begins at zero and is divided by what its weights then add up to, so that the first steps count in
    full (Kingma and Ba 2015, section 3, do the same to moments).

    >>> one = range_test([1e-3, 1e-2, 1e-1], [1.0, 0.5, 3.0])
    >>> one.least, round(one.suggested, 6)
    (0.01, 0.001)
    """
    mean, smoothed = 0.0, []
    for step, loss in enumerate(losses, 1):
        mean = MEMORY * mean + (1 - MEMORY) * loss
        smoothed.append(mean / (1 - MEMORY**step))
    at = int(numpy.argmin(smoothed))
    return RangeTest(tuple(rates), tuple(smoothed), rates[at], SAFE * rates[at] if at else None)
