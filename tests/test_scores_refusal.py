"""Refusal: coverage and error counted by hand, the threshold against a plain loop, and the laws that both obey."""

from __future__ import annotations

import math

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy import ndarray

from transfer import scores

BY_HAND = (  # largest probability, answer, truth; class 2 is the background
    (0.95, 0, 0),
    (0.90, 1, 1),
    (0.85, 2, 2),  # background, seen as such
    (0.80, 0, 2),  # background, taken for a class
    (0.75, 1, 1),
    (0.70, 2, 1),  # taken for background
    (0.60, 0, 1),
    (0.50, 0, 0),
)


def answers() -> tuple[ndarray, ndarray]:
    rows = numpy.array([[(1 - sure) / 2] * 3 for sure, _, _ in BY_HAND])
    for row, (sure, answer, _) in zip(rows, BY_HAND, strict=True):
        row[answer] = sure
    return numpy.array([truth for _, _, truth in BY_HAND]), rows


def counts(threshold: float, background: int | None) -> tuple[tuple[int, int], tuple[int, int]]:
    measured = scores.refusal(*answers(), threshold, background=background)
    assert measured.photos == len(BY_HAND)
    return (measured.coverage.count, measured.coverage.of), (measured.error.count, measured.error.of)


@pytest.mark.parametrize(
    ("threshold", "coverage", "error"),
    [
        (0.0, (5, 6), (2, 6)),
        (0.65, (3, 6), (1, 4)),
        (0.80, (2, 6), (1, 3)),  # "at least" the threshold: 0.80 itself is answered
        (0.85, (2, 6), (0, 2)),
        (0.99, (0, 6), (0, 0)),
    ],
)
def test_a_background_photo_counts_against_no_coverage_but_is_an_error_where_it_is_answered(
    threshold: float, coverage: tuple[int, int], error: tuple[int, int]
) -> None:
    assert counts(threshold, 2) == (coverage, error)


def test_without_a_background_every_class_is_answered() -> None:
    assert counts(0.0, None) == ((8, 8), (3, 8))
    assert counts(0.65, None) == ((6, 8), (2, 6))
    assert scores.answered(answers()[1], 0.85).tolist() == [True] * 3 + [False] * 5
    assert scores.answered(answers()[1], 0.85, background=2).tolist() == [True] * 2 + [False] * 6


def test_shares_have_wilsons_interval_and_none_out_of_none() -> None:
    half = scores.Share(3, 6).interval
    assert half is not None
    assert (half.low, half.high) == pytest.approx((0.187616, 0.812384), abs=1e-6)  # by the formula, by hand
    assert scores.Share(0, 0).interval is None
    assert math.isnan(scores.Share(0, 0).value)


def test_the_threshold_lies_midway_between_the_last_refused_and_the_first_answered() -> None:
    def least(error: float, background: int | None) -> float | None:
        return scores.least_threshold(*answers(), error=error, background=background)

    # From each value upwards, with the background: 2/6 (.5), 2/5 (.6), 1/4 (.75), 1/3 (.8), 0/2 (.9).
    assert least(0.05, 2) == pytest.approx(0.85)
    assert least(0.25, 2) == pytest.approx(0.675)
    assert least(0.34, 2) == 0.0
    # Without: 3/8, 3/7, 2/6 (.7), 1/5 (.75), 1/4 (.8), 0/3 (.85).
    assert least(0.05, None) == pytest.approx(0.825)
    assert least(0.20, None) == pytest.approx(0.725)
    assert least(0.24, None) == pytest.approx(0.725)  # though at 0.8 the error is above it again


def test_the_default_is_one_answer_in_twenty_and_that_many_are_allowed() -> None:
    sure = numpy.linspace(0.6, 0.99, 20)
    probabilities = numpy.column_stack([sure, 1 - sure])
    truth = numpy.zeros(20, int)
    truth[7] = 1
    assert scores.least_threshold(truth, probabilities) == 0.0
    truth[9] = 1
    assert scores.least_threshold(truth, probabilities) == pytest.approx((sure[9] + sure[10]) / 2)


def test_where_the_surest_answer_is_wrong_or_all_are_background_there_is_no_threshold() -> None:
    probabilities = numpy.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3]])
    truth = numpy.array([1, 0, 0])
    assert scores.least_threshold(truth, probabilities) is None
    assert scores.least_error(truth, probabilities) == scores.Share(1, 3)
    assert scores.least_threshold(truth, probabilities, background=0) is None
    assert scores.least_error(truth, probabilities, background=0) == scores.Share(0, 0)
    assert scores.least_threshold(truth[:0], probabilities[:0]) is None


@pytest.mark.parametrize("low", [0.75, numpy.nextafter(numpy.float32(0.75), numpy.float32(1))])
def test_between_neighbouring_numbers_the_threshold_still_tells_them_apart(low: float) -> None:
    wrong = numpy.float32(low)
    right = numpy.nextafter(wrong, numpy.float32(1))
    probabilities = numpy.array([[wrong, 1 - wrong], [right, 1 - right]], "float32")
    threshold = scores.least_threshold(numpy.array([1, 0]), probabilities)
    assert threshold is not None
    assert scores.answered(probabilities, threshold).tolist() == [False, True]


# --- laws, over answers with and without ties and background ---

CASES = st.tuples(
    st.integers(0, 10_000), st.integers(1, 40), st.integers(2, 4), st.sampled_from((2, 16)), st.booleans()
)
Case = tuple[int, int, int, int, bool]


def drawn(case: Case) -> tuple[ndarray, ndarray, int | None]:
    seed, n, classes, digits, with_background = case
    rng = numpy.random.default_rng(seed)
    probabilities = rng.dirichlet(numpy.full(classes, 0.5), n).round(digits)  # two digits: many ties
    truth = numpy.where(rng.uniform(size=n) < 0.7, probabilities.argmax(axis=1), rng.integers(0, classes, n))
    return truth, probabilities.astype("float32"), classes - 1 if with_background else None


def plainly(truth: ndarray, probabilities: ndarray, threshold: float, background: int | None) -> tuple[int, ...]:
    """Answered photos with a class of their own, such photos, wrong answers, answers; one photo at a time."""
    found = [0, 0, 0, 0]
    for label, row in zip(truth.tolist(), probabilities, strict=True):
        said = max(range(len(row)), key=lambda at: row[at])
        given = row[said] >= numpy.float32(threshold) and said != background
        found[0] += given and label != background
        found[1] += label != background
        found[2] += given and said != label
        found[3] += bool(given)
    return tuple(int(count) for count in found)


@given(CASES, st.floats(0, 1))
def test_both_shares_are_those_of_a_plain_loop(case: Case, threshold: float) -> None:
    truth, probabilities, background = drawn(case)
    measured = scores.refusal(truth, probabilities, threshold, background=background)
    assert (
        measured.coverage.count,
        measured.coverage.of,
        measured.error.count,
        measured.error.of,
    ) == plainly(truth, probabilities, threshold, background)


@given(CASES, st.floats(0, 1), st.floats(0, 1))
def test_coverage_falls_as_the_threshold_rises(case: Case, one: float, other: float) -> None:
    truth, probabilities, background = drawn(case)
    low, high = (scores.answered(probabilities, threshold, background=background) for threshold in sorted((one, other)))
    assert (high <= low).all()
    coverage = [
        scores.refusal(truth, probabilities, threshold, background=background).coverage.count
        for threshold in sorted((one, other))
    ]
    assert coverage[0] >= coverage[1]


@given(CASES, st.sampled_from((0.0, 0.05, 0.2, 0.5)))
def test_the_threshold_keeps_its_bound_and_none_that_answers_more_does(case: Case, error: float) -> None:
    truth, probabilities, background = drawn(case)
    threshold = scores.least_threshold(truth, probabilities, error=error, background=background)

    def few_enough(candidate: float) -> bool:
        *_, wrong, number = plainly(truth, probabilities, candidate, background)
        return number > 0 and wrong / number <= error

    candidates = [0.0, *probabilities.max(axis=1).tolist()]
    if threshold is None:
        assert not any(map(few_enough, candidates))
        best = scores.least_error(truth, probabilities, background=background)
        assert not best.of or best.value > error
    else:
        assert few_enough(threshold)
        number = plainly(truth, probabilities, threshold, background)[-1]
        more = [each for each in candidates if plainly(truth, probabilities, each, background)[-1] > number]
        assert not any(map(few_enough, more))
