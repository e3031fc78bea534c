"""Solvers: frozen features and labels -> the linear layer that a rule calls best.

What they share is here: the answer is a plain dense layer on the raw features, whatever happened inside, and where
anything can be chosen (a penalty, a temperature) it is chosen on what is held out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy

from transfer.strategy import Solver


@dataclass(frozen=True)
class Solution:
    """A linear layer, float32 ``(features, classes)`` and ``(classes,)``.

    Attributes:
        penalty: That it was fitted with. sharpness: The factor that made its answers as sure as they deserve.
    """

    kernel: numpy.ndarray
    bias: numpy.ndarray
    penalty: float | None = None
    sharpness: float | None = None

    @property
    def chosen(self) -> dict[str, float]:
        """What was chosen on what is held out, or fixed in its place."""
        named = {"penalty": self.penalty, "sharpness": self.sharpness}
        return {name: value for name, value in named.items() if value is not None}

    def logits(self, vectors: numpy.ndarray) -> numpy.ndarray:
        """Scores ``(n, classes)``."""
        return vectors @ self.kernel + self.bias

    def times(self, factor: float) -> Solution:
        """The same answers, surer or less sure."""
        kernel, bias = self.kernel * numpy.float32(factor), self.bias * numpy.float32(factor)
        return Solution(kernel, bias, self.penalty, factor)


def solve(
    solver: Solver,
    vectors: numpy.ndarray,
    truth: numpy.ndarray,
    held_out: numpy.ndarray,
    held_out_truth: numpy.ndarray,
) -> Solution:
    """Fit by the solver's rule; see the file of its kind.

    Args:
        solver: Its kind, the penalties to try, and the one where nothing is held out.
        vectors: Training features ``(n, features)``. truth: Class of each, every class present.
        held_out: Features to choose by ``(m, features)``, perhaps none. held_out_truth: Class of each.
    """
    from transfer.training.solvers import centroid, logistic, svm

    rule = {"logistic": logistic.solve, "svm": svm.solve, "centroid": centroid.solve}[solver.kind]
    return rule(solver, vectors, truth, held_out, held_out_truth)


def root_mean_square(vectors: numpy.ndarray) -> float:
    """Of all numbers; features are divided by it, so that a penalty means the same for every backbone."""
    return float(numpy.sqrt((vectors.astype("float64") ** 2).mean())) or 1.0


def both_classes(coef: numpy.ndarray, intercept: numpy.ndarray) -> tuple[numpy.ndarray, numpy.ndarray]:
    """scikit-learn keeps one row for two classes; the softmax of (-z/2, z/2) is its sigmoid."""
    if len(coef) == 1:
        return numpy.concatenate([-coef, coef]) / 2, numpy.concatenate([-intercept, intercept]) / 2
    return coef, intercept


def judge(logits: numpy.ndarray, truth: Sequence[int] | numpy.ndarray) -> tuple[float, float]:
    """Accuracy and negative mean cross-entropy: larger is better."""
    logits = logits - logits.max(axis=1, keepdims=True)
    log_chances = logits - numpy.log(numpy.exp(logits).sum(axis=1, keepdims=True))
    return float((logits.argmax(axis=1) == truth).mean()), float(log_chances[numpy.arange(len(truth)), truth].mean())
