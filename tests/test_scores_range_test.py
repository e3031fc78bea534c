"""What a range test of the learning rate says, beside pandas' running mean and by hand."""

from __future__ import annotations

import numpy
import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as draw

from transfer.scores import range_test

LOSSES = draw.lists(draw.floats(1e-3, 1e3), min_size=1, max_size=60)


@given(LOSSES)
def test_the_smoothing_is_the_bias_corrected_running_mean_of_pandas(losses: list[float]) -> None:
    found = range_test(list(numpy.geomspace(1e-7, 10, len(losses))), losses)
    assert found.smoothed == pytest.approx(list(pandas.Series(losses).ewm(alpha=0.1, adjust=True).mean()), rel=1e-9)


@given(LOSSES, draw.floats(1e-2, 1e2))
def test_another_unit_of_the_loss_suggests_the_same_rate(losses: list[float], unit: float) -> None:
    rates = list(numpy.geomspace(1e-7, 10, len(losses)))
    one, other = range_test(rates, losses), range_test(rates, [unit * loss for loss in losses])
    smoothed = numpy.array(one.smoothed)
    if numpy.partition(smoothed, min(1, len(smoothed) - 1))[-1 if len(smoothed) < 2 else 1] > smoothed.min() * (
        1 + 1e-9
    ):
        assert one.suggested == other.suggested


def test_a_valley_suggests_a_tenth_of_its_bottom() -> None:
    rates = numpy.geomspace(1e-7, 10, 100)
    losses = 1 + (numpy.log10(rates) + 2) ** 2  # least at 1e-2; the mean of the past lies behind it
    found = range_test(list(rates), list(losses))
    assert 1e-2 <= found.least <= 2e-1
    assert found.suggested == pytest.approx(found.least / 10)


def test_a_loss_that_only_rises_suggests_nothing() -> None:
    assert range_test([1e-3, 1e-2, 1e-1], [1.0, 2.0, 3.0]).suggested is None
