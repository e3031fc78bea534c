"""Descent: one phase on one network, traced once, run for any seed and training size.

    for each epoch   photo order is a function of seed, step and epoch; validation says whether it was the best so far

Tracing a network's training step costs more than a hundred small steps, so a descent may be run again after the network
was given other weights. It owns early stopping and the best weights; what an epoch shows is ``lessons``' to say.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy
import tensorflow as tf

from transfer.errors import TrainingError
from transfer.scores import range_test
from transfer.strategy import Phase
from transfer.training import answers, devices, lessons, rates
from transfer.training.best import Best
from transfer.training.checkpoint import Standing
from transfer.training.norms import Norms
from transfer.training.rows import Decoded, Rows, naming

STEPS_TOGETHER, OF_MAPS = 64, 8
"""So many steps are made without coming back to Python; fewer where maps go in, not vectors, since those steps are long
and Ctrl-C waits for all of them. An epoch of fewer is one call."""


LOWEST_RATE, HIGHEST_RATE, RANGE_STEPS = 1e-7, 10.0, 100
"""Of a range test, as fastai's ``lr_find`` has them."""

EXPLODED = 4.0
"""A smoothed loss so many times the least one ends a range test, as fastai has it."""


@dataclass(frozen=True)
class Labelled:
    """Activations of some photos with their labels, int ``(n,)``.

    Attributes:
        keys: A number for each photo that it has in any company, int ``(n,)``: what its random views are drawn by.
        views: Kept views of the same photos, of which an epoch shows one after the other.
    """

    rows: Rows | Decoded
    truth: numpy.ndarray
    keys: numpy.ndarray
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
        interrupted: Whether the latest run ended by the keyboard.
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
        self.interrupted = False
        self.batch = phase.batch
        self.trainable = sum(int(numpy.prod(weight.shape)) for weight in model.trainable_weights)
        vectors = len(model.input.shape) == 2
        model.compile(
            optimizer=rates.optimizer(phase, shares),
            loss=keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=phase.label_smoothing),
            # As an instance: Keras would make the metric's variables inside the first trace, which is then made twice.
            metrics=[keras.metrics.CategoricalAccuracy("accuracy")],
            # On several devices TensorFlow 2.21 cannot make several steps in one call.
            steps_per_execution=1 if devices.together() > 1 else STEPS_TOGETHER if vectors else OF_MAPS,
        )
        model.optimizer.build(model.trainable_weights)
        self._norms = Norms(model, phase.batch)

    @property
    def steps(self) -> int:
        """Gradient steps that the latest run made."""
        return int(keras.ops.convert_to_numpy(self._model.optimizer.iterations))  # int() knows no mirrored variable

    def run(
        self,
        train: Labelled,
        validation: Labelled,
        *,
        seed: int,
        standing: Standing | None = None,
        on_epoch: Callable[[dict[str, float], Callable[[], Standing]], None] = lambda row, make: None,
    ) -> list[dict[str, float]]:
        """Train from the network's present weights; a row an epoch.

        An interrupt from the keyboard ends it early: ``interrupted`` says so, and the best weights so far are left.

        Args:
            train, validation: To learn from, and to choose epochs by; the latter may be empty.
            seed: Of the photo order. standing: Where an earlier try stood, whose weights the network has again.
            on_epoch: Told each row, and how to have the standing after it.

        Raises:
            TrainingError: The loss is no longer a number; the sentence names epoch and rate.
        """
        phase = self._phase
        passes = self._begin(len(train.truth))
        best = Best(self._model, phase.soup, lambda: self._judge_settled(train, validation, seed))
        history = []
        if standing is not None:
            history, best.kept = list(standing.history), list(standing.best)
            _assign(self._model.optimizer.variables, standing.optimizer)
        elif len(validation.truth):
            best.offer(0, *self._judge(validation))

        def now() -> Standing:
            return Standing(list(history), list(best.kept), _values(self._model.optimizer.variables))

        self.interrupted = False
        try:
            while len(history) < phase.epochs and not _stale(phase, best.epoch, len(history)):
                history.append(self._judged_epoch(train, validation, len(history) + 1, passes, seed, best))
                on_epoch(history[-1], now)
        except KeyboardInterrupt:
            self.interrupted = True
        try:
            if best.epoch is None and self.steps:
                self._leave_last(train, seed)
            best.restore()
        except KeyboardInterrupt:  # while it was counted or averaged; what is best by itself is in place
            self.interrupted = True
        self.best_epoch = best.epoch
        return history

    def range_test(self, train: Labelled, *, seed: int) -> list[dict[str, float]]:
        """The loss of one batch after the other while the rate grows from step to step (Smith 2017, section 3.3).

        From ``LOWEST_RATE`` to ``HIGHEST_RATE`` in ``RANGE_STEPS`` equal factors, or until the loss has exploded.
        Weights, and the states of what draws, are afterwards what they were.

        Returns:
            A row a step: rate, and the loss before the step.
        """
        model = self._model
        variables = [*model.variables]
        begun = _values(variables)
        passes = self._begin(len(train.truth))
        rows: list[dict[str, float]] = []
        epochs = (self._lesson(train, epoch, passes, seed) for epoch in itertools.count(1))
        batches = itertools.chain.from_iterable(epochs)
        try:
            for rate in numpy.geomspace(LOWEST_RATE, HIGHEST_RATE, RANGE_STEPS):
                rates.fix(model.optimizer, float(rate))
                with naming(train.rows):
                    batch = next(batches)
                # Sliced and put together again, it has the form of an epoch, and nothing is traced anew.
                one = tf.data.Dataset.from_tensor_slices(batch).batch(self.batch)
                with self._norms.fused():
                    loss = model.fit(one, epochs=1, verbose=0, shuffle=False).history["loss"][0]
                if not math.isfinite(loss):
                    break
                rows.append({"rate": float(rate), "loss": loss})
                smoothed = range_test(*zip(*((row["rate"], row["loss"]) for row in rows), strict=True)).smoothed
                if smoothed[-1] > EXPLODED * min(smoothed):
                    break
        finally:
            rates.fix(model.optimizer, None)
            _assign(variables, begun)
        return rows

    def _begin(self, photos: int) -> int:
        """Make the optimizer forget, for a phase over so many photos; how often an epoch passes over them."""
        phase = self._phase
        passes = phase.passes(photos)
        rates.restart(self._model.optimizer, steps=math.ceil(passes * photos / phase.batch) * phase.epochs)
        return passes

    def _judged_epoch(
        self, train: Labelled, validation: Labelled, epoch: int, passes: int, seed: int, best: Best
    ) -> dict[str, float]:
        begun = time.perf_counter()
        row = self._epoch(train, epoch, passes, seed)
        if len(validation.truth):
            with self._averaged():
                row["validation_loss"], row["validation_accuracy"] = self._judge_settled(train, validation, seed)
                if not math.isfinite(row["validation_loss"]):
                    raise self._diverged("The validation loss is no longer a number.", f"epoch {epoch}")
                best.offer(epoch, row["validation_loss"], row["validation_accuracy"])
        return row | {"seconds": round(time.perf_counter() - begun, 4)}

    def _lesson(self, train: Labelled, epoch: int, passes: int, seed: int) -> Any:
        return lessons.epoch(
            self._phase,
            train.views[(epoch - 1) % len(train.views)] if train.views else train.rows,
            train.truth,
            keys=train.keys,
            classes=self._classes,
            passes=passes,
            draw=[seed, self._number, epoch],
            fresh=not train.views,
        )

    def _epoch(self, train: Labelled, epoch: int, passes: int, seed: int) -> dict[str, float]:
        shown = self._lesson(train, epoch, passes, seed)
        steps = int(shown.cardinality())
        fed = devices.ahead(shown)
        with naming(train.rows), self._norms.fused():
            logs = self._model.fit(fed, epochs=1, steps_per_epoch=steps, verbose=0, shuffle=False).history
        loss, rate = logs["loss"][0], float(self._model.optimizer.learning_rate)
        if not math.isfinite(loss):
            raise self._diverged("The loss is no longer a number.", f"{loss} in epoch {epoch}")
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

    def _leave_last(self, train: Labelled, seed: int) -> None:
        """Where nothing chooses, keep what the steps ended with."""
        weights = self._model.trainable_weights
        if self._phase.average is not None:
            _assign(weights, self._model.optimizer.averages)
        if not all(numpy.isfinite(weight).all() for weight in _values(weights)):
            raise self._diverged("The weights are no longer numbers.", "after the last epoch")
        self._settle(train, seed)

    def _diverged(self, what: str, where: str) -> TrainingError:
        return TrainingError(
            what,
            received=f"{where} of step {self._number + 1}, learning rate up to {self._phase.rate:.2g}",
            remedy="Use a smaller rate or another strategy.",
        )

    def _settle(self, train: Labelled, seed: int) -> None:
        with naming(train.rows):
            self._norms.count(train.rows, draw=[seed, self._number])

    def _judge_settled(self, train: Labelled, validation: Labelled, seed: int) -> tuple[float, float]:
        self._settle(train, seed)
        return self._judge(validation)

    def _judge(self, part: Labelled) -> tuple[float, float]:
        """Mean cross-entropy and accuracy."""
        logits = answers.apply(self._answering, part.rows)
        chances = answers.softmax(logits)[numpy.arange(len(part.truth)), part.truth]
        return float(-numpy.log(numpy.maximum(chances, 1e-12)).mean()), float((logits.argmax(1) == part.truth).mean())


def _stale(phase: Phase, best: int | None, made: int) -> bool:
    """Whether the phase has waited long enough for a better epoch."""
    return phase.patience is not None and best is not None and made - best >= phase.patience


def _values(variables: Sequence[keras.Variable]) -> list[numpy.ndarray]:
    return [numpy.array(variable) for variable in variables]


def _assign(weights: Sequence[keras.Variable], values: Sequence[Any]) -> None:
    for weight, value in zip(weights, values, strict=True):
        weight.assign(value)
