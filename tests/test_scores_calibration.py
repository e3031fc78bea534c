"""Calibration: the diagram adds up to the error, and a temperature is found again."""

from __future__ import annotations

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

from transfer import scores


def answers(seed: int, *, n: int = 400, hot: float = 1.0) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Labels drawn from a model's own probabilities at temperature ``hot``: at 1 it is calibrated by construction."""
    rng = numpy.random.default_rng(seed)
    logits = 2 * rng.normal(size=(n, 5))
    chances = special.softmax(logits / hot, axis=1).cumsum(axis=1)
    truth = (rng.uniform(size=(n, 1)) > chances).sum(axis=1).clip(0, 4)
    return truth, special.softmax(logits, axis=1).astype("float32")


@pytest.mark.parametrize("hot", [0.5, 1.0, 2.5])
def test_the_temperature_that_made_the_labels_is_found_again(hot: float) -> None:
    assert scores.temperature(*answers(1, n=20_000, hot=hot)) == pytest.approx(hot, rel=0.05)


def test_a_model_that_is_too_sure_is_mended_on_photos_it_was_not_fitted_on() -> None:
    found = scores.temperature(*answers(2, n=3000, hot=2.5))
    truth, probabilities = answers(3, n=3000, hot=2.5)
    mended = scores.tempered(probabilities, found)
    assert scores.CALIBRATION_ERROR(truth, mended) < 0.03 < 0.15 < scores.CALIBRATION_ERROR(truth, probabilities)
    assert scores.LOG_LOSS(truth, mended) < scores.LOG_LOSS(truth, probabilities)


@given(st.integers(0, 1000), st.floats(0.1, 10))
def test_a_temperature_changes_no_answer(seed: int, temperature: float) -> None:
    _, probabilities = answers(seed, n=20)
    changed = scores.tempered(probabilities, temperature)
    assert (changed.argmax(axis=1) == probabilities.argmax(axis=1)).all()
    numpy.testing.assert_allclose(changed.sum(axis=1), 1)


@given(st.integers(0, 1000))
def test_no_temperature_does_better_than_the_one_found(seed: int) -> None:
    truth, probabilities = answers(seed, n=60, hot=2.0)
    best = scores.LOG_LOSS(truth, scores.tempered(probabilities, scores.temperature(truth, probabilities)))
    for other in (0.5, 1.0, 1.5, 2.0, 4.0):
        assert best <= scores.LOG_LOSS(truth, scores.tempered(probabilities, other)) + 1e-6


def test_right_answers_only_stop_at_the_coolest_and_sure_zeros_break_nothing() -> None:
    sure = numpy.eye(3, dtype="float32")
    assert scores.temperature(numpy.arange(3), sure) < 0.1
    assert scores.temperature(numpy.array([1, 2, 0]), sure) > 10
    with pytest.raises(ValueError, match="photos"):
        scores.temperature(numpy.array([], dtype=int), sure[:0])


@given(st.integers(0, 1000))
def test_the_bins_hold_every_photo_and_their_gaps_are_the_calibration_error(seed: int) -> None:
    truth, probabilities = answers(seed, n=80, hot=1.7)
    bins = scores.reliability(truth, probabilities)
    assert sum(bin.photos for bin in bins) == 80
    assert all(bin.low < bin.confidence <= bin.high for bin in bins)
    gap = sum(bin.photos * abs(bin.accuracy - bin.confidence) for bin in bins) / 80
    assert gap == pytest.approx(scores.CALIBRATION_ERROR(truth, probabilities))
