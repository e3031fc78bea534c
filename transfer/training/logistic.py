"""Multinomial logistic regression by L-BFGS along a path of penalties.

The loss is mean cross-entropy + penalty/2 * |kernel|^2; the bias is free. Features are divided by one number, their
root mean square, so that a penalty means the same for every backbone, and that number is folded back into the kernel:
the solution is a plain dense layer on the raw features.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from transfer.strategy import Solver


@dataclass(frozen=True)
class Solution:
    """A linear layer, float32 ``(features, classes)`` and ``(classes,)``, and the penalty it was fitted with."""

    kernel: numpy.ndarray
    bias: numpy.ndarray
    penalty: float


def solve(
    solver: Solver,
    vectors: numpy.ndarray,
    truth: numpy.ndarray,
    held_out: numpy.ndarray | None,
    held_out_truth: numpy.ndarray,
    *,
    classes: int,
) -> Solution:
    """Fit along the path and keep the penalty with the best accuracy on what is held out, then the smallest loss.

    Without anything held out the solver's fixed penalty is used.

    Args:
        solver: The path.
        vectors: Training features ``(n, features)``. truth: Class of each, every class present.
        held_out: Features to choose by ``(m, features)``, or None. held_out_truth: Class of each.
        classes: How many.
    """
    scale = float(numpy.sqrt((vectors.astype("float64") ** 2).mean())) or 1.0
    path = _Path(vectors / scale, truth, classes)
    if held_out is None:
        return path.solution(solver.fixed, scale)
    best: tuple[tuple[float, float], Solution] | None = None
    for solution in (path.solution(penalty, scale) for penalty in solver.penalties):
        result = _judge(held_out @ solution.kernel + solution.bias, held_out_truth)
        if best is None or result > best[0]:
            best = result, solution
    if best is None:
        raise ValueError("a path needs at least one penalty")
    return best[1]


class _Path:
    """Fits that start where the one before ended."""

    def __init__(self, vectors: numpy.ndarray, truth: numpy.ndarray, classes: int) -> None:
        self._vectors, self._truth, self._classes = vectors, truth, classes
        self._model = LogisticRegression(solver="lbfgs", max_iter=300, tol=1e-4, warm_start=True)

    def solution(self, penalty: float, scale: float) -> Solution:
        self._model.C = 1.0 / (penalty * len(self._truth))
        with warnings.catch_warnings():
            # The weak end of the path converges slowly, and validation decides whether it is wanted at all.
            warnings.simplefilter("ignore", ConvergenceWarning)
            self._model.fit(self._vectors, self._truth)
        kernel, bias = _both_classes(self._model.coef_, self._model.intercept_)
        return Solution((kernel.T / scale).astype("float32"), bias.astype("float32"), penalty)


def _both_classes(coef: numpy.ndarray, intercept: numpy.ndarray) -> tuple[numpy.ndarray, numpy.ndarray]:
    """scikit-learn keeps one row for two classes; the softmax of (-z/2, z/2) is its sigmoid."""
    if len(coef) == 1:
        return numpy.concatenate([-coef, coef]) / 2, numpy.concatenate([-intercept, intercept]) / 2
    return coef, intercept


def _judge(logits: numpy.ndarray, truth: Sequence[int] | numpy.ndarray) -> tuple[float, float]:
    """Accuracy and negative mean cross-entropy: larger is better."""
    logits = logits - logits.max(axis=1, keepdims=True)
    log_chances = logits - numpy.log(numpy.exp(logits).sum(axis=1, keepdims=True))
    return float((logits.argmax(axis=1) == truth).mean()), float(log_chances[numpy.arange(len(truth)), truth].mean())
