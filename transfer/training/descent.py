"""Descent: one phase on one network, traced once, run for any seed and training size.

    for each epoch   photo order is a function of seed, step and epoch; validation says whether it was the best so far

Tracing a network's training step costs more than a hundred small steps, so a descent may be run again after the network
was given other weights. It owns early stopping and the best weights; what an epoch shows is ``lessons``' to say.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy

from transfer.errors import TrainingError
from transfer.strategy import Phase
from transfer.training import answers, lessons, rates
from transfer.training.features import Decoded, Progress, Rows

STEPS_TOGETHER = 64
"""So many steps are made without coming back to Python; an epoch of fewer is one call."""


@dataclass(frozen=True)
class Labelled:
    """Activations of some photos with their labels, int ``(n,)``.

    Attributes:
        views: Kept views of the same photos, of which an epoch shows one after the other.
    """

    rows: Rows | Decoded
    truth: numpy.ndarray
    views: tuple[Rows | Decoded, ...] = ()


class Descent:
    """A phase, compiled.

    Args:
        model: Activations -> logits, with what the phase trains thawed. It is compiled here and must be no other
            descent's. answering: The same function, for judging; it may be shared.
        phase: What to do. number: Of the step in its strategy.
        shares: Of the rate, for each trained weight in the model's order; empty: the whole.

    Attributes:
        best_epoch: Of the latest run; None where there was no validation.
        trainable: Weights that it trains. batch: Photos a step.
    """

    def __init__(
        self,
        model: keras.Model,
        answering: keras.Model,
        phase: Phase,
        number: int,
        *,
        shares: Sequence[float] = (),
    ) -> None:
        self._model, self._answering, self._phase, self._number = model, answering, phase, number
        self._classes = model.output.shape[-1]
        self.best_epoch: int | None = None
        self.batch = phase.batch
        self.trainable = sum(int(numpy.prod(weight.shape)) for weight in model.trainable_weights)
        model.compile(
            optimizer=rates.optimizer(phase, shares),
            loss=keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=phase.label_smoothing),
            # As an instance: Keras would make the metric's variables inside the first trace, which is then made twice.
            metrics=[keras.metrics.CategoricalAccuracy("accuracy")],
            steps_per_execution=STEPS_TOGETHER,
        )
        model.optimizer.build(model.trainable_weights)

    @property
    def steps(self) -> int:
        """Gradient steps that the latest run made."""
        return int(self._model.optimizer.iterations)

    def run(self, train: Labelled, validation: Labelled, *, seed: int, on_progress: Progress) -> list[dict[str, float]]:
        """Train from the network's present weights; a row an epoch.

        Raises:
            TrainingError: The loss is no longer a number; the sentence names epoch and rate.
        """
        phase, photos = self._phase, len(train.truth)
        passes = max(1, math.ceil(phase.least_steps * phase.batch / (phase.epochs * photos)))
        rates.restart(self._model.optimizer, steps=math.ceil(passes * photos / phase.batch) * phase.epochs)
        best = _Best(self._model, phase.soup, lambda: self._judge(validation))
        if len(validation.truth):
            best.offer(0, *self._judge(validation))
        history = []
        for epoch in range(1, phase.epochs + 1):
            begun = time.perf_counter()
            row = self._epoch(train, epoch, passes, seed)
            if len(validation.truth):
                with self._averaged():
                    row["validation_loss"], row["validation_accuracy"] = self._judge(validation)
                    best.offer(epoch, row["validation_loss"], row["validation_accuracy"])
            history.append(row | {"seconds": round(time.perf_counter() - begun, 4)})
            on_progress(epoch, phase.epochs, "training")
            if phase.patience is not None and best.epoch is not None and epoch - best.epoch >= phase.patience:
                break
        if best.epoch is None and phase.average is not None:
            _assign(self._model.trainable_weights, self._model.optimizer.averages)
        best.restore()
        self.best_epoch = best.epoch
        return history

    def _epoch(self, train: Labelled, epoch: int, passes: int, seed: int) -> dict[str, float]:
        shown = lessons.epoch(
            self._phase,
            train.views[(epoch - 1) % len(train.views)] if train.views else train.rows,
            train.truth,
            classes=self._classes,
            passes=passes,
            draw=[seed, self._number, epoch],
            fresh=not train.views,
        )
        logs = self._model.fit(shown, epochs=1, verbose=0, shuffle=False).history
        loss, rate = logs["loss"][0], float(self._model.optimizer.learning_rate)
        if not math.isfinite(loss):
            raise TrainingError(
                "The loss is no longer a number.",
                received=f"{loss} in epoch {epoch} of step {self._number + 1}, "
                f"learning rate up to {self._phase.rate:.2g}",
                remedy="Use a smaller rate or another strategy.",
            )
        return {"step": self._number, "epoch": epoch, "rate": rate, "loss": loss, "accuracy": logs["accuracy"][0]}

    @contextlib.contextmanager
    def _averaged(self) -> Iterator[None]:
        """With the running mean of the weights in their place, where the phase keeps one."""
        if self._phase.average is None:
            yield
            return
        weights = self._model.trainable_weights
        own = [numpy.array(weight) for weight in weights]
        _assign(weights, self._model.optimizer.averages)
        try:
            yield
        finally:
            _assign(weights, own)

    def _judge(self, part: Labelled) -> tuple[float, float]:
        """Mean cross-entropy and accuracy."""
        logits = answers.apply(self._answering, part.rows)
        chances = answers.softmax(logits)[numpy.arange(len(part.truth)), part.truth]
        return float(-numpy.log(numpy.maximum(chances, 1e-12)).mean()), float((logits.argmax(1) == part.truth).mean())


class _Best:
    """The weights of the epochs with the best validation result: accuracy first, then loss. Epoch 0 is the start.

    Args:
        model: Whose weights. soup: How many are averaged, greedily, the best first (Wortsman et al. 2022); 0: none.
        judge: Loss and accuracy of the model's present weights.
    """

    def __init__(self, model: keras.Model, soup: int, judge: Callable[[], tuple[float, float]]) -> None:
        self._model, self._soup, self._judge = model, soup, judge
        self._kept: list[tuple[tuple[float, float], int, list[numpy.ndarray]]] = []

    @property
    def epoch(self) -> int | None:
        return self._kept[0][1] if self._kept else None

    def offer(self, epoch: int, loss: float, accuracy: float) -> None:
        result = (accuracy, -loss)
        if len(self._kept) < max(1, self._soup) or result > self._kept[-1][0]:
            self._kept.append((result, epoch, self._model.get_weights()))
            self._kept.sort(key=lambda kept: (kept[0], -kept[1]), reverse=True)
            del self._kept[max(1, self._soup) :]

    def restore(self) -> None:
        if not self._kept:
            return
        best, _, weights = self._kept[0]
        taken = [weights]
        for _, _, more in self._kept[1:]:
            self._model.set_weights(_mean([*taken, more]))
            loss, accuracy = self._judge()
            if (accuracy, -loss) > best:
                best, taken = (accuracy, -loss), [*taken, more]
        self._model.set_weights(_mean(taken))


def _mean(several: Sequence[list[numpy.ndarray]]) -> list[numpy.ndarray]:
    """The mean of each array over several lists of them."""
    return several[0] if len(several) == 1 else [numpy.mean(same, axis=0) for same in zip(*several, strict=True)]


def _assign(weights: Sequence[keras.Variable], values: Sequence[Any]) -> None:
    for weight, value in zip(weights, values, strict=True):
        weight.assign(value)
