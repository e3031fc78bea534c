"""Phase -> optimizer: how large each step is, and for which weights.

The rate is a function of how much of the phase is done, and the length of the phase is a variable: a traced training
step serves the next training size as well.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from transfer.strategy import Phase
from transfer.training import devices

DROPS = (0.3, 0.6, 0.9)
"""Where a phase in steps takes a tenth of its rate (BiT-HyperRule, Kolesnikov et al. 2020, section 3.3)."""


class Rate(keras.optimizers.schedules.LearningRateSchedule):
    """The learning rate of a phase at each of its steps.

    Attributes:
        steps: Of the whole phase; set it before training. fixed: In place of every rate, where it is above zero.
    """

    def __init__(self, phase: Phase) -> None:
        self._phase = phase
        self.steps = keras.Variable(1.0, trainable=False, name="steps")
        self.fixed = keras.Variable(0.0, trainable=False, name="fixed")

    def __call__(self, step: Any) -> Any:
        """The rate at a step, a scalar."""
        return ops.where(self.fixed > 0, self.fixed, self._scheduled(step))

    def _scheduled(self, step: Any) -> Any:
        phase, done = self._phase, ops.cast(step, "float32") / self.steps
        if phase.schedule == "one_cycle":
            up = _cosine(phase.rate / phase.start, phase.rate, done / phase.rise)
            down = _cosine(phase.rate, phase.rate / 1e5, (done - phase.rise) / (1 - phase.rise))
            return ops.where(done < phase.rise, up, down)
        after = (done - phase.warmup) / (1 - phase.warmup)
        rate = {
            "constant": lambda: ops.full_like(done, phase.rate),
            "cosine": lambda: _cosine(phase.rate, 0.0, after),
            "steps": lambda: phase.rate * 0.1 ** ops.sum(ops.cast(done >= ops.array(DROPS), "float32")),
        }[phase.schedule]()
        return ops.where(done < phase.warmup, phase.rate * done / phase.warmup, rate) if phase.warmup else rate

    def get_config(self) -> dict[str, Any]:
        raise NotImplementedError("a phase describes its rate; nothing is made from a configuration")


def _cosine(start: float, end: float, done: Any) -> Any:
    """From start to end along half a cosine while ``done`` goes from 0 to 1."""
    return end + (start - end) * (1 + ops.cos(math.pi * ops.clip(done, 0.0, 1.0))) / 2


class _Shares:
    """What both optimizers have besides Keras': a share of the rate for each weight, and a mean that is only read."""

    shares: Sequence[float] = ()

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """One weight's step at its share of the rate, its decay included."""
        share = self.shares[self._get_variable_index(variable)] if self.shares else 1.0  # type: ignore[attr-defined]
        rate = learning_rate * share
        if self.weight_decay is not None:  # type: ignore[attr-defined]
            decay = ops.cast(self.weight_decay, variable.dtype) * ops.cast(rate, variable.dtype)  # type: ignore[attr-defined]
            self.assign_sub(variable, variable * decay)  # type: ignore[attr-defined]
        super().update_step(gradient, variable, rate)  # type: ignore[misc]

    def _apply_weight_decay(self, variables: Any) -> None:
        """Keras would let every weight decay at the whole rate, whatever its share of it; see ``update_step``."""

    def finalize_variable_values(self, var_list: Any) -> None:
        """Keras would put the running mean in the weights' place after every epoch."""

    @property
    def averages(self) -> list[Any]:
        """The running mean of each weight, where the phase keeps one."""
        return self._model_variables_moving_average  # type: ignore[attr-defined]


class Adam(_Shares, keras.optimizers.Adam):
    pass


class SGD(_Shares, keras.optimizers.SGD):
    pass


def optimizer(phase: Phase, shares: Sequence[float] = ()) -> keras.optimizers.Optimizer:
    """The phase's optimizer, its rate a ``Rate``.

    Args:
        phase: What it says. shares: Of the rate, for each trained weight in the model's order; empty: the whole.
    """
    # Of several devices each clips its own share of the gradient, before the shares are added.
    clip = None if phase.clip is None else phase.clip / devices.together()
    values: dict[str, Any] = {"weight_decay": phase.weight_decay or None, "global_clipnorm": clip}
    if phase.average is not None:
        values |= {"use_ema": True, "ema_momentum": phase.average}
    made = SGD(Rate(phase), momentum=0.9, nesterov=True, **values) if phase.optimizer == "sgd" else None
    made = made or Adam(Rate(phase), **values)
    made.shares = shares
    return made


def restart(optimizer: keras.optimizers.Optimizer, *, steps: int) -> None:
    """Forget every moment and count, and be ready for a phase of so many steps."""
    for variable in optimizer.variables:
        variable.assign(ops.zeros_like(variable))
    optimizer._learning_rate.steps.assign(steps)


def fix(optimizer: keras.optimizers.Optimizer, rate: float | None) -> None:
    """Let every step be made at this rate, until None gives the schedule back."""
    optimizer._learning_rate.fixed.assign(rate or 0.0)
