"""The one loop that reads a strategy.

    for each step    a solver fits the linear head to its optimum; a phase makes epochs of gradient descent
    for each epoch   photo order is a function of seed, step and epoch; validation says whether it was the best so far

It owns the order of photos, early stopping and the best weights. What is frozen is the classifier's business, where
activations come from is ``activations``', and it never looks at a test photo.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy
import tensorflow as tf

from transfer.errors import TrainingError
from transfer.models import augment
from transfer.models.classifier import Classifier
from transfer.photo import Photo
from transfer.strategy import Phase, Solver, Strategy
from transfer.training import logistic
from transfer.training.activations import Activations
from transfer.training.features import Decoded, Progress, Rows, median_ms, quiet

BATCH = 256
"""Photos a step where nothing is trained."""

STEPS_TOGETHER = 64
"""An epoch of at most so many steps is made without coming back to Python."""


@dataclass
class Fitted:
    """What a strategy left behind, besides the classifier's weights.

    Attributes:
        cut: Below it, nothing was ever trained. trainable: Weights that were trained, at most.
        history: A row an epoch. chosen: What a solver chose.
    """

    cut: int
    trainable: int = 0
    history: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int | None = None
    chosen: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class _Set:
    """Activations of some photos with their labels."""

    rows: Rows | Decoded
    truth: numpy.ndarray


def fit(
    classifier: Classifier,
    strategy: Strategy,
    activations: Activations,
    *,
    train: Sequence[Photo],
    validation: Sequence[Photo],
    labels: Sequence[str],
    seed: int,
    on_progress: Progress = quiet,
) -> Fitted:
    """Train the classifier in place.

    Raises:
        TrainingError: The loss is no longer a number; the sentence names epoch and rate.
    """
    fitted = Fitted(cut=classifier.last_cut)
    for number, step in enumerate(strategy.steps):
        if isinstance(step, Phase):
            fitted.cut = min(fitted.cut, classifier.cut_for(step.thaw))
        source = activations.source(fitted.cut, len(train) + len(validation))
        if isinstance(step, Phase) and step.augment:
            source = 0  # a view is of pixels
        sets = [_gather(part, activations, source, labels) for part in (train, validation)]
        if isinstance(step, Solver):
            fitted.chosen = _solve(classifier, step, source, *sets)
            fitted.trainable = max(fitted.trainable, classifier.scores.count_params())
        else:
            model = classifier.top(fitted.cut) if source == fitted.cut else classifier.composed(fitted.cut)
            if fitted.cut < classifier.last_cut:
                classifier.thaw(step.thaw, batch_norm=step.batch_norm)
            descent = _Descent(model, step, number, seed)
            fitted.history += descent.run(*sets, on_progress=on_progress)
            fitted.best_epoch = descent.best_epoch
            fitted.trainable = max(fitted.trainable, descent.trainable)
    return fitted


def probabilities(classifier: Classifier, cut: int, rows: Rows | Decoded) -> numpy.ndarray:
    """Class probabilities from activations at the cut, float32 ``(n, classes)``."""
    return _softmax(_logits(classifier.top(cut), rows, classifier.classes))


def latency(classifier: Classifier, size: int) -> float:
    """Median milliseconds from one decoded picture to its scores."""
    answer = _inference(classifier.top(0))
    picture = tf.zeros((1, size, size, 3), tf.uint8)
    return median_ms(lambda: answer(picture).numpy())


def _gather(photos: Sequence[Photo], activations: Activations, cut: int, labels: Sequence[str]) -> _Set:
    index = {label: i for i, label in enumerate(labels)}
    return _Set(activations.rows(cut, photos), numpy.array([index[photo.label] for photo in photos], dtype=int))


def _solve(classifier: Classifier, solver: Solver, cut: int, train: _Set, validation: _Set) -> dict[str, float]:
    vectors = classifier.vectors(cut)
    solution = logistic.solve(
        solver,
        _apply(vectors, train.rows),
        train.truth,
        _apply(vectors, validation.rows) if len(validation.truth) else None,
        validation.truth,
    )
    classifier.scores.get_layer("logits").set_weights([solution.kernel, solution.bias])
    return {"penalty": solution.penalty}


class _Descent:
    """One phase: epochs of gradient descent on what is thawed of a model."""

    def __init__(self, model: keras.Model, phase: Phase, number: int, seed: int) -> None:
        self.model, self.phase, self.number, self.seed = model, phase, number, seed
        self.classes = model.output.shape[-1]
        self.best_epoch: int | None = None
        self.passes = 1
        self.trainable = sum(int(numpy.prod(weight.shape)) for weight in model.trainable_weights)

    def run(self, train: _Set, validation: _Set, *, on_progress: Progress) -> list[dict[str, float]]:
        phase, epochs, photos = self.phase, self.phase.epochs, len(train.truth)
        self.passes = max(1, math.ceil(phase.least_steps * phase.batch / (epochs * photos)))
        steps = math.ceil(self.passes * photos / phase.batch)
        self.model.compile(
            optimizer=_optimizer(phase, steps * epochs),
            loss=keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=phase.label_smoothing),
            metrics=["accuracy"],
            steps_per_execution=steps if steps <= STEPS_TOGETHER else 1,
        )
        best = _Best(self.model)
        if len(validation.truth):
            best.offer(0, *self._judge(validation))
        history = []
        for epoch in range(1, epochs + 1):
            begun = time.perf_counter()
            row = self._epoch(train, epoch)
            if len(validation.truth):
                row["validation_loss"], row["validation_accuracy"] = self._judge(validation)
                best.offer(epoch, row["validation_loss"], row["validation_accuracy"])
            history.append(row | {"seconds": round(time.perf_counter() - begun, 4)})
            on_progress(epoch, epochs, "training")
            if phase.patience is not None and best.epoch is not None and epoch - best.epoch >= phase.patience:
                break
        best.restore()
        self.best_epoch = best.epoch
        return history

    def _epoch(self, train: _Set, epoch: int) -> dict[str, float]:
        draw = numpy.random.default_rng([self.seed, self.number, epoch])
        order = numpy.concatenate([draw.permutation(len(train.truth)) for _ in range(self.passes)])
        targets = numpy.eye(self.classes, dtype="float32")[train.truth[order]]
        batch = self.phase.batch
        pictures = train.rows.batches(order, batch)
        if self.phase.augment:
            pictures = _views(pictures, order, [self.seed, self.number, epoch]).batch(batch).prefetch(2)
        dataset = tf.data.Dataset.zip(pictures, tf.data.Dataset.from_tensor_slices(targets).batch(batch))
        dataset = dataset.apply(tf.data.experimental.assert_cardinality(math.ceil(len(order) / batch)))
        logs = self.model.fit(dataset, epochs=1, verbose=0, shuffle=False).history
        loss, rate = logs["loss"][0], float(self.model.optimizer.learning_rate)
        if not math.isfinite(loss):
            raise TrainingError(
                "The loss is no longer a number.",
                received=f"{loss} in epoch {epoch} of step {self.number + 1}, learning rate {rate:.2g}",
                remedy="Use a smaller rate or another strategy.",
            )
        return {"step": self.number, "epoch": epoch, "rate": rate, "loss": loss, "accuracy": logs["accuracy"][0]}

    def _judge(self, part: _Set) -> tuple[float, float]:
        """Mean cross-entropy and accuracy."""
        logits = _logits(self.model, part.rows, self.classes)
        chances = _softmax(logits)[numpy.arange(len(part.truth)), part.truth]
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


def _optimizer(phase: Phase, steps: int) -> keras.optimizers.Optimizer:
    rising = round(phase.warmup * steps)
    rate: Any = phase.rate
    if phase.schedule == "cosine" and rising:
        rate = keras.optimizers.schedules.CosineDecay(
            0.0, steps - rising, warmup_target=phase.rate, warmup_steps=rising
        )
    elif phase.schedule == "cosine":
        rate = keras.optimizers.schedules.CosineDecay(phase.rate, steps)
    shared = {"weight_decay": phase.weight_decay or None, "global_clipnorm": phase.clip}
    if phase.optimizer == "sgd":
        return keras.optimizers.SGD(rate, momentum=0.9, nesterov=True, **shared)
    return keras.optimizers.Adam(rate, **shared)


def _logits(model: keras.Model, rows: Rows | Decoded, classes: int) -> numpy.ndarray:
    return _apply(model, rows).reshape(len(rows), classes)


def _apply(model: keras.Model, rows: Rows | Decoded) -> numpy.ndarray:
    """The model's answers for every row, without training."""
    if not len(rows):
        return numpy.empty((0, *model.output.shape[1:]), "float32")
    call: Callable[[tf.Tensor], tf.Tensor] = _inference(model)
    return numpy.concatenate([call(tf.constant(chunk)).numpy() for chunk in rows.chunks(BATCH)])


def _inference(model: keras.Model) -> Callable[[tf.Tensor], tf.Tensor]:
    """The model as one function, traced once and kept beside it."""
    if not hasattr(model, "_inference"):
        shape = tf.TensorSpec((None, *model.input.shape[1:]), model.input.dtype)
        model._inference = tf.function(lambda x: model(x, training=False)).get_concrete_function(shape)
    return model._inference


def _softmax(logits: numpy.ndarray) -> numpy.ndarray:
    powers = numpy.exp(logits.astype("float64") - logits.max(axis=1, keepdims=True, initial=-numpy.inf))
    return (powers / powers.sum(axis=1, keepdims=True)).astype("float32")
