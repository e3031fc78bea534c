"""Answers without training: the same in one piece or in several, as memory wants."""

from __future__ import annotations

import keras
import numpy
import pytest
import tensorflow as tf

from transfer.training import answers, room
from transfer.training.rows import Rows


class Held(Rows):
    """Rows in memory, which note how many were asked for at once."""

    def __init__(self, rows: numpy.ndarray) -> None:
        object.__setattr__(self, "rows", rows)
        object.__setattr__(self, "asked", [])

    def __len__(self) -> int:
        return len(self.rows)  # type: ignore[attr-defined]

    def chunks(self, batch: int):  # type: ignore[no-untyped-def]
        self.asked.append(batch)  # type: ignore[attr-defined]
        rows = self.rows  # type: ignore[attr-defined]
        return (rows[start : start + batch] for start in range(0, len(rows), batch))


@pytest.fixture
def model() -> keras.Model:
    inputs = keras.Input((8, 8, 3))
    maps = keras.layers.Conv2D(16, 3, padding="same")(inputs)
    return keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(maps))


@pytest.fixture
def rows() -> Held:
    return Held(numpy.random.default_rng(0).normal(size=(50, 8, 8, 3)).astype("float32"))


def test_as_many_at_once_as_their_largest_maps_have_room(
    model: keras.Model, rows: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = answers.apply(model, rows)
    # A map of 8 x 8 positions and 16 channels of floats, and the one that it is made from.
    monkeypatch.setattr(room, "EACH", 7 * 2 * 8 * 8 * 16 * 4 // room.threads())
    assert answers.apply(model, rows) == pytest.approx(usual, abs=1e-6)
    assert rows.asked == [answers.BATCH, 7]  # type: ignore[attr-defined]


def test_what_finds_no_memory_is_answered_in_smaller_pieces(
    model: keras.Model, rows: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = answers.apply(model, rows)
    answer, fits, tried = answers.function(model), 6, []

    def cramped(pictures: tf.Tensor) -> tf.Tensor:
        tried.append(len(pictures))
        if len(pictures) > fits:
            raise tf.errors.ResourceExhaustedError(None, None, "no room")
        return answer(pictures)

    monkeypatch.setattr(answers, "function", lambda model: cramped)
    monkeypatch.setattr(room, "largest_map", lambda function: 1)
    assert answers.apply(model, rows) == pytest.approx(usual, abs=1e-6)
    assert tried[:4] == [50, 25, 12, 6]
    fits = 0
    with pytest.raises(tf.errors.ResourceExhaustedError):
        answers.apply(model, rows)
    assert tried[-1] == 1
