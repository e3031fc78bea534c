"""Tricks change what they say and nothing else; views are a function of their seed."""

from __future__ import annotations

import dataclasses

import numpy
import pytest
import tensorflow as tf

from transfer import workflow
from transfer.errors import CallError
from transfer.models.augment import plain_view as view
from transfer.strategy import Strategy
from transfer.training.plan import STRATEGIES, TRICKS
from transfer.workspace import Workspace

CHANGES = {
    "augment": {"augment": "plain"},
    "weight_decay": {"weight_decay": 0.05},
    "label_smoothing": {"label_smoothing": 0.1},
}


@pytest.mark.parametrize(("name", "values"), CHANGES.items())
def test_a_trick_changes_one_value_of_every_phase(name: str, values: dict[str, object]) -> None:
    before = STRATEGIES["fine_tune_top"]
    after: Strategy = TRICKS[name](before)
    assert after.steps[0] == before.steps[0], "a solver stays as it is"
    assert after.steps[1] == dataclasses.replace(before.steps[1], **values)
    assert after.head == before.head


def test_dropout_is_a_matter_of_the_head() -> None:
    before = STRATEGIES["frozen_head"]
    after = TRICKS["dropout"](before)
    assert (after.head.dropout, after.steps) == (0.5, before.steps)
    with pytest.raises(CallError, match="published head"):
        TRICKS["dropout"](STRATEGIES["from_scratch"])


@pytest.mark.parametrize("name", list(TRICKS))
def test_a_trick_that_could_change_nothing_is_refused(name: str) -> None:
    with pytest.raises(CallError, match="no gradient descent"):
        TRICKS[name](STRATEGIES["linear_probe"])


def test_a_view_is_a_function_of_its_seed() -> None:
    picture = tf.constant(numpy.random.default_rng(0).integers(0, 256, (24, 24, 3)).astype("uint8"))
    views = [view(picture, tf.constant([1, n])).numpy() for n in range(6)]
    assert all(one.shape == (24, 24, 3) and one.dtype == "uint8" for one in views)
    assert (view(picture, tf.constant([1, 3])).numpy() == views[3]).all()
    assert len({one.tobytes() for one in views}) == 6


def test_views_keep_the_light_of_a_plain_picture_within_what_is_stated() -> None:
    grey = tf.fill((16, 16, 3), tf.constant(128, tf.uint8))
    levels = [int(view(grey, tf.constant([0, n])).numpy().mean()) for n in range(40)]
    assert 128 - 27 <= min(levels) < 122 < 134 < max(levels) <= 128 + 27


def test_training_with_views_is_repeated_bit_by_bit(tmp_path: object, workspace: Workspace) -> None:
    one = workflow.train(workspace, "lenet5:from_scratch+augment", epochs=2)
    for file in one.path.iterdir():
        file.unlink()
    other = workflow.train(workspace, "lenet5:from_scratch+augment", epochs=2)
    plain = workflow.train(workspace, "lenet5:from_scratch", epochs=2)
    losses = [[row["loss"] for row in run.history()] for run in (one, other, plain)]
    assert losses[0] == losses[1] != losses[2]
