"""Multinomial logistic regression by L-BFGS along a path of penalties.

The loss is mean cross-entropy + penalty/2 * |kernel|^2, of two classes with the difference of their two kernels in the
place of both; the bias is free. Features are divided by one number, their
root mean square, so that a penalty means the same for every backbone, and that number is folded back into the kernel:
the solution is a plain dense layer on the raw features.
"""

from __future__ import annotations

import warnings

import numpy
import threadpoolctl
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from transfer.strategy import Solver
from transfer.training.solvers import Solution, both_classes, judge, root_mean_square

SMALL = 10_000_000
"""Numbers in a matrix below which one thread is faster than several that wait for each other."""


def solve(
    solver: Solver,
    vectors: numpy.ndarray,
    truth: numpy.ndarray,
    held_out: numpy.ndarray,
    held_out_truth: numpy.ndarray,
) -> Solution:
    """Fit along the path and keep the penalty with the best accuracy on what is held out, then the smallest loss.

    Without anything held out the solver's fixed penalty is used. See ``solvers.solve``.
    """
    with threadpoolctl.threadpool_limits(1 if vectors.size < SMALL else None):
        path = _Path(vectors, truth)
        if not len(held_out):
            return path.solution(solver.fixed, exactly=True)
        roughly = {penalty: path.solution(penalty) for penalty in solver.penalties}
        chosen = max(roughly, key=lambda penalty: judge(roughly[penalty].logits(held_out), held_out_truth))
        return path.solution(chosen, exactly=True, start=roughly[chosen])


class _Path:
    """Fits that start where the one before ended.

    Fewer photos than features span a small subspace, and the penalty keeps the solution in it. There the features are
    turned into that subspace first, which changes nothing but the work.
    """

    def __init__(self, vectors: numpy.ndarray, truth: numpy.ndarray) -> None:
        self._scale = root_mean_square(vectors)
        scaled = vectors / numpy.float32(self._scale)
        self._basis = None
        if len(scaled) < scaled.shape[1]:
            self._basis = numpy.linalg.qr(scaled.T)[0]
            scaled = scaled @ self._basis
        self._vectors, self._truth = scaled, truth
        self._model = LogisticRegression(solver="lbfgs", warm_start=True)

    def solution(self, penalty: float, *, exactly: bool = False, start: Solution | None = None) -> Solution:
        """The fit at a penalty: roughly, to choose among penalties, or to the optimum."""
        # At 1e-3 features that differed by 3e-6 chose another penalty; at 1e-4 they choose the one of the exact path.
        self._model.set_params(C=1.0 / (penalty * len(self._truth)), tol=1e-5 if exactly else 1e-4)
        self._model.set_params(max_iter=1000 if exactly else 300)
        if start is not None:
            self._begin_at(start)
        with warnings.catch_warnings():
            # A weak penalty converges slowly, and validation decides whether it is wanted at all.
            warnings.simplefilter("ignore", ConvergenceWarning)
            self._model.fit(self._vectors, self._truth)
        kernel, bias = both_classes(self._model.coef_, self._model.intercept_)
        kernel = kernel.T if self._basis is None else self._basis @ kernel.T
        return Solution((kernel / self._scale).astype("float32"), bias.astype("float32"), penalty)

    def _begin_at(self, start: Solution) -> None:
        kernel = start.kernel * numpy.float32(self._scale)
        coef = (kernel if self._basis is None else self._basis.T @ kernel).T
        if len(self._model.classes_) == 2:
            coef, bias = coef[1:] - coef[:1], start.bias[1:] - start.bias[:1]
        else:
            bias = start.bias
        self._model.coef_, self._model.intercept_ = coef, bias
