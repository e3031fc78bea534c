"""Phase -> optimizer: how large each step is, and for which weights.

The rate is a function of how much of the phase is done, and the length of the phase is a variable: a traced training
step serves the next training size as well.
"""

from __future__ import annotations

import math
from typing import Any

import keras

from transfer.strategy import Phase


class Rate(keras.optimizers.schedules.LearningRateSchedule):
    """The learning rate of a phase at each of its steps.

    Attributes:
        steps: Of the whole phase; set it before training.
    """

    def __init__(self, phase: Phase) -> None:
        self._phase = phase
        self.steps = keras.Variable(1.0, trainable=False, name="steps")

    def __call__(self, step: Any) -> Any:
        """The rate at a step, a scalar."""
        done = keras.ops.cast(step, "float32") / self.steps
        warmup, rate = self._phase.warmup, self._phase.rate
        after = keras.ops.clip((done - warmup) / (1 - warmup), 0.0, 1.0)
        falling = rate * (1 + keras.ops.cos(math.pi * after)) / 2 if self._phase.schedule == "cosine" else rate
        if not warmup:
            return keras.ops.convert_to_tensor(falling)
        return keras.ops.where(done < warmup, rate * done / warmup, falling)

    def get_config(self) -> dict[str, Any]:
        raise NotImplementedError("a phase describes its rate; nothing is made from a configuration")


def optimizer(phase: Phase) -> keras.optimizers.Optimizer:
    """The phase's optimizer, its rate a ``Rate``."""
    shared = {"weight_decay": phase.weight_decay or None, "global_clipnorm": phase.clip}
    if phase.optimizer == "sgd":
        return keras.optimizers.SGD(Rate(phase), momentum=0.9, nesterov=True, **shared)
    return keras.optimizers.Adam(Rate(phase), **shared)


def restart(optimizer: keras.optimizers.Optimizer, *, steps: int) -> None:
    """Forget every moment and count, and be ready for a phase of so many steps."""
    for variable in optimizer.variables:
        variable.assign(keras.ops.zeros_like(variable))
    optimizer._learning_rate.steps.assign(steps)
