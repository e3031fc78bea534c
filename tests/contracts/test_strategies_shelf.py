"""What every file on the strategies' shelf promises, swept over the shelf."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import json
import pickle
import re
import typing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as draw

from transfer.arm import Arm
from transfer.strategy import ALL, Head, Phase, Solver, Strategy
from transfer.training.plan import STRATEGIES, resolve_strategy

heads = draw.builds(
    Head,
    pool=draw.sampled_from([None, "average", "max", "concat", "flatten"]),
    widths=draw.lists(draw.integers(1, 4096), max_size=3).map(tuple),
    dropout=draw.floats(0, 0.9),
    batch_norm=draw.booleans(),
    zero=draw.booleans(),
)
phases = draw.builds(
    Phase,
    epochs=draw.integers(1, 100),
    rate=draw.floats(1e-6, 1),
    thaw=draw.integers(ALL, 5),
    batch_norm=draw.sampled_from(["frozen", "adapt"]),
    patience=draw.none() | draw.integers(1, 20),
    least_steps=draw.integers(0, 1000),
)
solvers = draw.builds(Solver, penalties=draw.lists(draw.floats(1e-9, 10), min_size=1, max_size=4).map(tuple))
any_steps = draw.lists(phases | solvers, min_size=1, max_size=4)
values = draw.builds(
    Strategy, draw.booleans(), draw.none() | heads, draw.lists(phases | solvers, max_size=4).map(tuple)
)


@pytest.fixture(params=list(STRATEGIES))
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def strategy(name: str) -> Strategy:
    return resolve_strategy(Arm("vgg16", name), lambda: (1000, 500.0))


@pytest.fixture
def docstring(name: str) -> str:
    return inspect.getdoc(importlib.import_module(f"{STRATEGIES.package}.{name}")) or ""


def test_the_shelf_holds_what_the_first_job_needs() -> None:
    assert {"linear_probe", "frozen_head", "fine_tune_top", "fine_tune_all", "from_scratch"} <= set(STRATEGIES)


def test_a_strategy_is_a_plain_value_that_can_be_written_down_and_sent(strategy: Strategy) -> None:
    assert isinstance(strategy, Strategy)
    assert hash(strategy) == hash(pickle.loads(pickle.dumps(strategy)))
    assert Strategy.from_dict(json.loads(json.dumps(strategy.to_dict()))) == strategy


def test_its_file_says_in_one_line_what_it_is_and_below_when_to_use_it(name: str, docstring: str) -> None:
    summary = STRATEGIES.summary(name)
    assert 20 < len(summary) < 120
    assert summary.endswith(".")
    when = docstring.partition("\nWhen: ")[2]
    assert len(when) > 20
    assert when.rstrip().endswith(".")


def test_its_file_names_a_source_and_the_score_to_expect(docstring: str) -> None:
    assert re.search(r"\b(19|20)\d\d\b", docstring), "the year of what it comes from"
    assert re.search(r"\bExpect\s+\S", docstring.partition("\nWhen: ")[2])


def test_it_has_something_to_do_and_every_number_is_in_range(strategy: Strategy) -> None:
    assert strategy.steps
    for phase in strategy.phases:
        assert phase.epochs >= 1
        assert 0 < phase.rate <= 1
        assert phase.thaw == ALL or phase.thaw >= 0
        assert phase.batch >= 1
        assert 0 <= phase.label_smoothing < 1
        assert phase.patience is None or 1 <= phase.patience <= phase.epochs
    for solver in (step for step in strategy.steps if isinstance(step, Solver)):
        assert list(solver.penalties) == sorted(set(solver.penalties), reverse=True)
        assert solver.fixed > 0


def test_words_are_those_that_the_loop_reads(strategy: Strategy) -> None:
    values = [value for value in (strategy.head, *strategy.steps) if value is not None]
    for value in values:
        for field, kind in typing.get_type_hints(type(value)).items():
            allowed = [word for part in (kind, *typing.get_args(kind)) for word in literals(part)]
            assert not allowed or getattr(value, field) in (*allowed, None), field


def literals(kind: object) -> tuple[object, ...]:
    return typing.get_args(kind) if typing.get_origin(kind) is typing.Literal else ()


def test_a_network_from_random_weights_learns_its_own_statistics(strategy: Strategy) -> None:
    if strategy.pretrained:
        pytest.skip("it starts from published weights")
    assert strategy.batch_norm == "adapt"
    assert any(phase.thaw == ALL for phase in strategy.phases)


def test_whoever_thaws_published_weights_says_what_becomes_of_batch_norm(strategy: Strategy, docstring: str) -> None:
    if not (strategy.pretrained and any(phase.thaw for phase in strategy.phases)):
        pytest.skip("it thaws no published weights")
    assert re.search(rf"batch\s+norm[^.]* {strategy.batch_norm}", docstring, re.IGNORECASE)


@pytest.mark.parametrize("name", ["fine_tune_top", "fine_tune_all"])
def test_fine_tuning_starts_from_the_optimum_of_the_head_and_goes_slowly(name: str) -> None:
    first, second = STRATEGIES[name].steps
    assert isinstance(first, Solver)
    assert second.thaw == (1 if name == "fine_tune_top" else ALL)
    assert second.rate <= 1e-4


def test_what_is_called_frozen_thaws_nothing() -> None:
    for name in ("linear_probe", "frozen_head"):
        assert all(phase.thaw == 0 for phase in STRATEGIES[name].phases)


# --- laws of the value itself ---


@settings(deadline=None, max_examples=100)
@given(values)
def test_any_strategy_survives_being_written_down(strategy: Strategy) -> None:
    assert Strategy.from_dict(json.loads(json.dumps(strategy.to_dict()))) == strategy


@settings(deadline=None, max_examples=100)
@given(values.filter(lambda strategy: strategy.phases), draw.integers(1, 50))
def test_other_epochs_reach_every_phase_in_proportion_and_nothing_else(strategy: Strategy, epochs: int) -> None:
    changed = strategy.with_epochs(epochs)
    longest = max(phase.epochs for phase in strategy.phases)
    assert max(phase.epochs for phase in changed.phases) == epochs
    for new, old in zip(changed.phases, strategy.phases, strict=True):
        assert old.passes(1000) - 1 <= new.passes(1000) <= old.passes(1000), "an epoch is what it was"
        assert new.epochs == pytest.approx(max(1, old.epochs * epochs / longest), abs=0.5)
    assert [step for step in changed.steps if isinstance(step, Solver)] == [
        step for step in strategy.steps if isinstance(step, Solver)
    ]
    back = tuple(
        dataclasses.replace(new, epochs=old.epochs, least_steps=old.least_steps) if isinstance(new, Phase) else new
        for new, old in zip(changed.steps, strategy.steps, strict=True)
    )
    assert dataclasses.replace(changed, steps=back) == strategy
    assert strategy.with_epochs(longest) == strategy


@settings(deadline=None, max_examples=100)
@given(values.filter(lambda strategy: strategy.phases))
def test_batch_norm_adapts_only_where_something_is_thawed(strategy: Strategy) -> None:
    frozen = strategy.map_phases(thaw=0)
    assert frozen.batch_norm == "frozen"
    assert strategy.map_phases(batch_norm="frozen").batch_norm == "frozen"
