"""Which weights a phase keeps: the mean that is judged, the soup, and none that are no numbers."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy
import pytest

from transfer.errors import TrainingError
from transfer.strategy import Phase
from transfer.training.best import Best
from transfer.training.descent import Descent, Labelled
from transfer.training.rows import Rows


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> tuple[Labelled, Labelled]:
    """Twelve vectors of three classes to learn from, and six to choose by."""
    folder = tmp_path_factory.mktemp("rows")
    truth = numpy.arange(18) % 3
    vectors = numpy.random.default_rng(0).normal(size=(18, 4)) + 2 * numpy.eye(3, 4)[truth]
    numpy.save(folder / "000000.npy", vectors.astype("float32"))
    where = numpy.stack([numpy.zeros(18, int), numpy.arange(18)], axis=1)
    rows = [Rows(folder, where[part], (4,), "float32") for part in (slice(12), slice(12, 18), slice(0))]
    return Labelled(rows[0], truth[:12], truth[:12]), Labelled(rows[1], truth[12:], truth[12:])


def nothing(part: Labelled) -> Labelled:
    return Labelled(Rows(part.rows.folder, part.rows.where[:0], (4,), "float32"), part.truth[:0], part.keys[:0])  # type: ignore[union-attr]


def descent(**values: object) -> tuple[Descent, keras.Model]:
    """A linear layer that begins at zero, and its phase."""
    start = keras.Input((4,))
    answering = keras.Model(start, keras.layers.Dense(3, kernel_initializer="zeros")(start))
    phase = Phase(**({"epochs": 3, "rate": 0.1, "optimizer": "sgd", "batch": 4} | values))  # type: ignore[arg-type]
    return Descent(keras.Model(answering.input, answering.output), answering, phase, 0), answering


def by_hand(part: Labelled, orders: list[numpy.ndarray], rate: float) -> list[numpy.ndarray]:
    """Kernel and bias, as one matrix, after each step of Nesterov momentum on the softmax' cross-entropy."""
    x = numpy.concatenate([part.rows[:], numpy.ones((12, 1))], axis=1)
    w, velocity, seen = numpy.zeros((5, 3)), numpy.zeros((5, 3)), []
    for order in orders:
        chances = numpy.exp(x[order] @ w)
        chances /= chances.sum(axis=1, keepdims=True)
        gradient = x[order].T @ (chances - numpy.eye(3)[part.truth[order]]) / len(order)
        velocity = 0.9 * velocity - rate * gradient
        w = w + 0.9 * velocity - rate * gradient
        seen.append(w)
    return seen


def orders(epochs: int) -> list[numpy.ndarray]:
    """Photos of each step, as seed 0, step 0 and the epoch draw them."""
    drawn = [numpy.random.default_rng([0, 0, epoch]).permutation(12) for epoch in range(1, epochs + 1)]
    return [order[start : start + 4] for order in drawn for start in (0, 4, 8)]


def matrix(model: keras.Model) -> numpy.ndarray:
    kernel, bias = model.get_weights()
    return numpy.concatenate([kernel, bias[None]])


def test_an_interrupt_before_the_first_step_leaves_the_weights_that_were_there(
    parts: tuple[Labelled, Labelled], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, model = descent(average=0.5)
    begun = [numpy.full((4, 3), 2.0), numpy.ones(3)]
    model.set_weights(begun)

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(one._model, "fit", interrupt)
    assert one.run(parts[0], nothing(parts[1]), seed=0) == []
    assert one.interrupted
    assert all((weights == before).all() for weights, before in zip(model.get_weights(), begun, strict=True))


@pytest.mark.parametrize("decay", [None, 0.5])
def test_without_validation_the_last_weights_or_their_running_mean_are_kept(
    parts: tuple[Labelled, Labelled], decay: float | None
) -> None:
    one, model = descent(average=decay)
    for _ in range(2):  # a phase may be run again, and begins anew
        model.set_weights([numpy.zeros((4, 3)), numpy.zeros(3)])
        one.run(parts[0], nothing(parts[1]), seed=0)
        seen = by_hand(parts[0], orders(3), 0.1)
        mean = seen[0]
        for weights in seen[1:]:
            mean = weights if decay is None else decay * mean + (1 - decay) * weights
        assert matrix(model) == pytest.approx(seen[-1] if decay is None else mean, abs=1e-5)
        assert one.best_epoch is None


def test_the_running_mean_is_what_is_judged_and_descent_goes_on_from_the_weights(
    parts: tuple[Labelled, Labelled],
) -> None:
    one, model = descent(average=0.8, rate=0.5)
    history = one.run(*parts, seed=0)
    seen = by_hand(parts[0], orders(3), 0.5)
    means = [seen[0]]
    for weights in seen[1:]:
        means.append(0.8 * means[-1] + 0.2 * weights)
    x = numpy.concatenate([parts[1].rows[:], numpy.ones((6, 1))], axis=1)
    for row, mean in zip(history, means[2::3], strict=True):
        chances = numpy.exp(x @ mean)
        chances = (chances / chances.sum(axis=1, keepdims=True))[numpy.arange(6), parts[1].truth]
        assert row["validation_loss"] == pytest.approx(-numpy.log(chances).mean(), abs=1e-4)
    assert one.best_epoch
    assert matrix(model) == pytest.approx(means[3 * one.best_epoch - 1], abs=1e-4)


# --- soup ---


def stir(judge: Callable[[numpy.ndarray], tuple[float, float]], offers: list[float], soup: int) -> float:
    """What is left of a network of one weight that was offered with these values, one an epoch."""
    start = keras.Input((1,))
    model = keras.Model(start, keras.layers.Dense(1, use_bias=False)(start))
    best = Best(model, soup, lambda: judge(model.get_weights()[0].item()))
    for epoch, value in enumerate(offers):
        model.set_weights([numpy.array([[value]])])
        best.offer(epoch, *judge(value))
    best.restore()
    return float(model.get_weights()[0].item())


def near(target: float) -> Callable[[float], tuple[float, float]]:
    return lambda value: (abs(value - target), 0.5)


def test_a_mean_that_judges_better_is_kept_and_one_that_does_not_is_left() -> None:
    # Best alone: 1.5 (0.5 off). With 0.25: mean 0.875, better. With 2 as well: 1.25, worse than 0.875: left.
    assert stir(near(1.0), [2.0, 1.5, 0.25], 3) == pytest.approx(0.875)
    assert stir(near(1.0), [2.0, 1.5, 0.25], 2) == pytest.approx(0.875)
    assert stir(near(1.0), [2.0, 1.5, 1.75], 2) == pytest.approx(1.5), "the two best lie on one side"
    assert stir(near(1.0), [2.0, 1.5, 0.25], 0) == pytest.approx(1.5)
    assert stir(near(5.0), [1.0, 2.0, 3.0], 3) == pytest.approx(3.0), "every mean is worse than the best"


def test_of_equals_the_earlier_is_kept() -> None:
    assert stir(lambda _: (1.0, 0.5), [4.0, 5.0, 6.0], 1) == 4.0


# --- no number ---


def test_a_network_that_answers_no_numbers_on_validation_is_not_kept(
    parts: tuple[Labelled, Labelled], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last step of an epoch may have spoilt the weights after the last loss was reckoned."""
    one, _ = descent(epochs=2)
    judged = iter([(1.0, 0.2), (float("nan"), 0.9)])
    monkeypatch.setattr(one, "_judge", lambda part: next(judged))
    with pytest.raises(TrainingError, match=r"(?s)validation loss is no longer a number.*epoch 1 of step 1"):
        one.run(*parts, seed=0)


def test_a_loss_that_is_no_number_stops_with_epoch_and_rate(parts: tuple[Labelled, Labelled]) -> None:
    one, _ = descent(rate=1e38, schedule="cosine")
    with pytest.raises(TrainingError, match=r"no longer a number") as error:
        one.run(*parts, seed=0)
    assert "epoch 1 of step 1, learning rate up to 1e+38" in str(error.value)
