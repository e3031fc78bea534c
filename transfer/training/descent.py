"""Descent: one phase on one network, traced once, run for any seed and training size.

    for each epoch   photo order is a function of seed, step and epoch; validation says whether it was the best so far

Tracing a network's training step costs more than a hundred small steps, so a descent may be run again after the network
was given other weights. It owns the order of photos, early stopping and the best weights.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import keras
import numpy
import tensorflow as tf

from transfer.errors import TrainingError
from transfer.models import augment
from transfer.strategy import Phase
from transfer.training import answers, rates
from transfer.training.features import Decoded, Progress, Rows

STEPS_TOGETHER = 64
"""So many steps are made without coming back to Python; an epoch of fewer is one call."""


@dataclass(frozen=True)
class Labelled:
    """Activations of some photos with their labels, int ``(n,)``."""

    rows: Rows | Decoded
    truth: numpy.ndarray


class Descent:
    """A phase, compiled.

    Args:
        model: Activations -> logits, with what the phase trains thawed. It is compiled here and must be no other
            descent's. answering: The same function, for judging; it may be shared.
        phase: What to do. number: Of the step in its strategy.

    Attributes:
        best_epoch: Of the latest run; None where there was no validation.
        trainable: Weights that it trains.
    """

    def __init__(self, model: keras.Model, answering: keras.Model, phase: Phase, number: int) -> None:
        self._model, self._answering, self._phase, self._number = model, answering, phase, number
        self._classes = model.output.shape[-1]
        self.best_epoch: int | None = None
        self.trainable = sum(int(numpy.prod(weight.shape)) for weight in model.trainable_weights)
        model.compile(
            optimizer=rates.optimizer(phase),
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
        best = _Best(self._model)
        if len(validation.truth):
            best.offer(0, *self._judge(validation))
        history = []
        for epoch in range(1, phase.epochs + 1):
            begun = time.perf_counter()
            row = self._epoch(train, epoch, passes, seed)
            if len(validation.truth):
                row["validation_loss"], row["validation_accuracy"] = self._judge(validation)
                best.offer(epoch, row["validation_loss"], row["validation_accuracy"])
            history.append(row | {"seconds": round(time.perf_counter() - begun, 4)})
            on_progress(epoch, phase.epochs, "training")
            if phase.patience is not None and best.epoch is not None and epoch - best.epoch >= phase.patience:
                break
        best.restore()
        self.best_epoch = best.epoch
        return history

    def _epoch(self, train: Labelled, epoch: int, passes: int, seed: int) -> dict[str, float]:
        draw, batch = [seed, self._number, epoch], self._phase.batch
        random = numpy.random.default_rng(draw)
        order = numpy.concatenate([random.permutation(len(train.truth)) for _ in range(passes)])
        targets = numpy.eye(self._classes, dtype="float32")[train.truth[order]]
        inputs = train.rows.batches(order, batch)
        if self._phase.augment:
            inputs = _views(inputs, order, draw).batch(batch).prefetch(2)
        dataset = tf.data.Dataset.zip(inputs, tf.data.Dataset.from_tensor_slices(targets).batch(batch))
        dataset = dataset.apply(tf.data.experimental.assert_cardinality(math.ceil(len(order) / batch)))
        logs = self._model.fit(dataset, epochs=1, verbose=0, shuffle=False).history
        loss, rate = logs["loss"][0], float(self._model.optimizer.learning_rate)
        if not math.isfinite(loss):
            raise TrainingError(
                "The loss is no longer a number.",
                received=f"{loss} in epoch {epoch} of step {self._number + 1}, learning rate {rate:.2g}",
                remedy="Use a smaller rate or another strategy.",
            )
        return {"step": self._number, "epoch": epoch, "rate": rate, "loss": loss, "accuracy": logs["accuracy"][0]}

    def _judge(self, part: Labelled) -> tuple[float, float]:
        """Mean cross-entropy and accuracy."""
        logits = answers.apply(self._answering, part.rows)
        chances = answers.softmax(logits)[numpy.arange(len(part.truth)), part.truth]
        return float(-numpy.log(numpy.maximum(chances, 1e-12)).mean()), float((logits.argmax(1) == part.truth).mean())


class _Best:
    """The weights of the epoch with the best validation result: accuracy first, then loss. Epoch 0 is the start."""

    def __init__(self, model: keras.Model) -> None:
        self._model = model
        self._result: tuple[float, float] | None = None
        self._weights: list[numpy.ndarray] = []
        self.epoch: int | None = None

    def offer(self, epoch: int, loss: float, accuracy: float) -> None:
        if self._result is None or (accuracy, -loss) > self._result:
            self.epoch, self._result, self._weights = epoch, (accuracy, -loss), self._model.get_weights()

    def restore(self) -> None:
        if self.epoch is not None:
            self._model.set_weights(self._weights)


def _views(pictures: tf.data.Dataset, order: numpy.ndarray, draw: list[int]) -> tf.data.Dataset:
    """One random view of each picture: a function of seed, step, epoch and the photo."""
    epoch_seed = int(numpy.random.default_rng(draw).integers(2**31))
    # The same photo in another pass of the epoch is to be seen otherwise, so the place in the order counts too.
    seeds = numpy.stack([epoch_seed + numpy.arange(len(order)), order], axis=1).astype("int64") % 2**31
    each = tf.data.Dataset.zip(pictures.unbatch(), tf.data.Dataset.from_tensor_slices(seeds.astype("int32")))
    return each.map(augment.view, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
