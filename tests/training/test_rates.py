"""How large each step is: the shapes of the schedules, shares of the rate, and the running mean of the weights."""

from __future__ import annotations

import keras
import numpy
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from transfer.strategy import Phase
from transfer.training import rates
from transfer.training.plan import STRATEGIES
from transfer.training.rates import Rate


def shape(steps: int = 1000, **values: object) -> list[float]:
    """The rate at every step of a phase, its end included."""
    rate = Rate(Phase(epochs=1, **({"rate": 0.5} | values)))  # type: ignore[arg-type]
    rate.steps.assign(steps)
    traced = tf.function(rate).get_concrete_function(tf.TensorSpec((), tf.int64))
    return [float(traced(tf.constant(step, tf.int64))) for step in range(steps + 1)]


def test_a_cosine_is_the_one_of_keras() -> None:
    theirs = keras.optimizers.schedules.CosineDecay(0.5, 40)
    assert shape(40, schedule="cosine") == pytest.approx([float(theirs(step)) for step in range(41)], abs=1e-7)


def test_a_cosine_falls_from_the_rate_through_its_half_to_zero() -> None:
    rates = shape(schedule="cosine")
    golden = {0: 0.5, 250: 0.5 * (1 + 2**-0.5) / 2, 500: 0.25, 750: 0.5 * (1 - 2**-0.5) / 2, 1000: 0.0}
    assert {step: rates[step] for step in golden} == pytest.approx(golden, abs=1e-6)


def test_warming_up_rises_in_a_straight_line_and_the_cosine_begins_where_it_ends() -> None:
    rates = shape(schedule="cosine", warmup=0.2)
    golden = {0: 0.0, 50: 0.125, 100: 0.25, 200: 0.5, 600: 0.25, 1000: 0.0}
    assert {step: rates[step] for step in golden} == pytest.approx(golden, abs=1e-6)
    assert shape(20, schedule="constant", warmup=0.1)[1:] == pytest.approx([0.25] + [0.5] * 19)
    assert shape(20, schedule="constant") == pytest.approx([0.5] * 21)


def test_one_cycle_has_the_shape_that_fastai_gives_it() -> None:
    rates = shape(schedule="one_cycle")
    top, start, end = 0.5, 0.5 / 25, 0.5 / 1e5
    golden = {0: start, 125: (start + top) / 2, 250: top, 625: (top + end) / 2, 1000: end}
    assert {step: rates[step] for step in golden} == pytest.approx(golden, rel=1e-4)
    assert numpy.argmax(rates) == 250
    assert shape(9, schedule="one_cycle", warmup=0.1) == shape(9, schedule="one_cycle"), "it has a warm-up of its own"


def test_the_cycle_of_fine_tune_rises_longer_and_from_a_fifth() -> None:
    """fastai: fine_tune(pct_start=0.3, div=5.0) once everything is thawed, pct_start=0.99 before."""
    rates = shape(schedule="one_cycle", rise=0.3, start=5.0)
    golden = {0: 0.1, 150: 0.3, 300: 0.5, 650: 0.25, 1000: 0.5 / 1e5}
    assert {step: rates[step] for step in golden} == pytest.approx(golden, rel=1e-4)
    cycle, whole = STRATEGIES["one_cycle"].phases
    assert (cycle.rise, cycle.start, whole.rise, whole.start) == (0.99, 25, 0.3, 5)
    assert (whole.rate, whole.group_rates) == (cycle.rate / 2, (0.1, 0.01)), "slice(rate / 2 / 100, rate / 2)"


def test_steps_take_a_tenth_after_30_60_and_90_percent() -> None:
    rates = shape(schedule="steps")
    golden = {0: 0.5, 299: 0.5, 301: 0.05, 599: 0.05, 601: 0.005, 899: 0.005, 901: 0.0005, 1000: 0.0005}
    assert {step: rates[step] for step in golden} == pytest.approx(golden, rel=1e-5)


@given(
    schedule=st.sampled_from(["constant", "cosine", "one_cycle", "steps"]),
    warmup=st.sampled_from([0.0, 0.05, 0.5]),
    steps=st.integers(1, 2000),
    at=st.floats(0, 1),
)
def test_no_schedule_is_ever_above_its_rate_or_below_zero(schedule: str, warmup: float, steps: int, at: float) -> None:
    rate = Rate(Phase(epochs=1, rate=0.5, schedule=schedule, warmup=warmup))  # type: ignore[arg-type]
    rate.steps.assign(steps)
    assert -1e-7 <= float(rate(round(at * steps))) <= 0.5 + 1e-6


# --- shares ---


def moved(phase: Phase, shares: tuple[float, ...], *, steps: int = 1) -> list[numpy.ndarray]:
    """How far three weights are moved by steps of the same gradients."""
    weights = [keras.Variable(numpy.array([1.0, -2.0, 3.0]), dtype="float32") for _ in range(3)]
    before = [numpy.array(weight) for weight in weights]
    optimizer = rates.optimizer(phase, shares)
    optimizer.build(weights)
    rates.restart(optimizer, steps=10)
    for step in range(steps):
        gradients = [keras.ops.convert_to_tensor([0.1 * (n + 1), -0.3, 0.2 * (step + 1)]) for n in range(3)]
        optimizer.apply(gradients, weights)
    return [numpy.array(weight) - old for weight, old in zip(weights, before, strict=True)]


@pytest.mark.parametrize("decay", [0.0, 0.3], ids=["plain", "with decay"])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_share_of_the_rate_is_that_share_of_the_step_its_decay_included(optimizer: str, decay: float) -> None:
    phase = Phase(epochs=1, rate=0.01, optimizer=optimizer, weight_decay=decay)  # type: ignore[arg-type]
    shares = (1.0, 0.4, 0.16)
    for part, whole, share in zip(moved(phase, shares), moved(phase, ()), shares, strict=True):
        # Both parts of a step are small beside the weight; decay is taken first, so Adam's part is not touched by it.
        assert part == pytest.approx(share * whole, rel=2e-4, abs=1e-7)
        assert abs(whole).min() > 1e-4


def test_decay_draws_a_weight_by_its_share_for_each_unit_of_rate() -> None:
    plain, decayed = (moved(Phase(epochs=1, rate=0.01, weight_decay=decay), (1.0, 0.5, 0.25)) for decay in (0.0, 0.3))
    for one, other, share in zip(plain, decayed, (1.0, 0.5, 0.25), strict=True):
        assert other - one == pytest.approx(-0.01 * share * 0.3 * numpy.array([1.0, -2.0, 3.0]), abs=1e-6)


def test_without_shares_the_steps_are_those_of_keras() -> None:
    for name, theirs in {
        "adam": keras.optimizers.AdamW(0.01, weight_decay=0.1),
        "sgd": keras.optimizers.SGD(0.01, momentum=0.9, nesterov=True, weight_decay=0.1),
    }.items():
        phase = Phase(epochs=1, rate=0.01, optimizer=name, weight_decay=0.1)  # type: ignore[arg-type]
        weight = keras.Variable(numpy.array([1.0, -2.0, 3.0]), dtype="float32")
        before = numpy.array(weight)
        theirs.build([weight])
        for step in range(3):
            theirs.apply([keras.ops.convert_to_tensor([0.1, -0.3, 0.2 * (step + 1)])], [weight])
        assert moved(phase, (), steps=3)[0] == pytest.approx(numpy.array(weight) - before, abs=1e-6)


def test_gradients_longer_than_the_clip_are_shortened_to_it() -> None:
    plain = Phase(epochs=1, rate=0.01, optimizer="sgd")
    long, short = moved(plain, ()), moved(Phase(epochs=1, rate=0.01, optimizer="sgd", clip=0.05), ())
    gradients = numpy.array([[0.1 * (n + 1), -0.3, 0.2] for n in range(3)])
    assert numpy.array(short) == pytest.approx(numpy.array(long) * 0.05 / numpy.linalg.norm(gradients), rel=1e-3)


# --- the running mean ---


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_the_running_mean_is_the_recursion_over_the_weights_after_each_step(optimizer: str) -> None:
    phase = Phase(epochs=1, rate=0.1, optimizer=optimizer, average=0.7)  # type: ignore[arg-type]
    weight = keras.Variable(numpy.array([1.0, -2.0]), dtype="float32")
    made = rates.optimizer(phase)
    made.build([weight])
    for _ in range(2):  # the second time it must have forgotten the first
        rates.restart(made, steps=10)
        mean = None
        for step in range(6):
            made.apply([keras.ops.convert_to_tensor([0.5, 0.1 * step - 0.2])], [weight])
            mean = numpy.array(weight) if mean is None else 0.7 * mean + 0.3 * numpy.array(weight)
            assert numpy.array(made.averages[0]) == pytest.approx(mean, abs=1e-6)
        last = numpy.array(weight)
        made.finalize_variable_values([weight])
        assert (numpy.array(weight) == last).all(), "the mean is read and never put in the weights' place unasked"
