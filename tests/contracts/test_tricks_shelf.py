"""What every file on the tricks' shelf promises: a pure function from strategy to strategy."""

from __future__ import annotations

import copy
import json

import pytest

from transfer.arm import Arm
from transfer.errors import CallError
from transfer.shelf import Shelf
from transfer.strategy import Strategy
from transfer.training.plan import STRATEGIES, TRICKS, resolve_strategy


@pytest.mark.parametrize("strategy", list(STRATEGIES))
@pytest.mark.parametrize("trick", list(TRICKS))
def test_a_trick_turns_a_strategy_into_a_strategy_and_leaves_it_alone(trick: str, strategy: str) -> None:
    before = resolve_strategy(Arm("vgg16", strategy))
    kept = copy.deepcopy(before)
    try:
        after = TRICKS[trick](before)
    except CallError as refusal:  # a trick may say that it makes no sense here, the same way each time
        with pytest.raises(CallError) as again:
            TRICKS[trick](before)
        assert str(again.value) == str(refusal)
        assert "Received: ." not in str(refusal)
    else:
        assert isinstance(after, Strategy)
        assert TRICKS[trick](before) == after
        assert after.pretrained == before.pretrained
        assert Strategy.from_dict(json.loads(json.dumps(after.to_dict()))) == after
    assert before == kept


@pytest.mark.parametrize("trick", list(TRICKS))
def test_a_trick_changes_some_strategy(trick: str) -> None:
    changed = []
    for name in STRATEGIES:
        try:
            before = resolve_strategy(Arm("vgg16", name))
            changed.append(TRICKS[trick](before) != before)
        except CallError:
            continue
    assert any(changed)


@pytest.mark.parametrize("trick", list(TRICKS))
def test_a_trick_says_in_one_line_what_it_is(trick: str) -> None:
    summary = TRICKS.summary(trick)
    assert 20 < len(summary) < 120
    assert summary.endswith(".")


def test_an_unknown_trick_is_a_wrong_call() -> None:
    assert isinstance(TRICKS, Shelf)
    with pytest.raises(CallError, match="no trick of this name"):
        TRICKS["no_such_trick"]
