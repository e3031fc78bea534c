"""Linear support vector machines, each class against the rest, their margins made probabilities by one factor.

The loss of each is penalty/2 * |kernel|^2 + the mean squared hinge (scikit-learn's LinearSVC, which solves it).
"""

from __future__ import annotations

import warnings

import numpy
from scipy.optimize import minimize_scalar
from sklearn.exceptions import ConvergenceWarning
from sklearn.svm import LinearSVC

from transfer.strategy import Solver
from transfer.training.solvers import Solution, both_classes, judge, root_mean_square

DOUBT = 2.0
"""Deviation of the logarithm of the factor that makes margins probabilities, before any photo has been asked."""

PATIENCE = 3
"""Weaker penalties in a row that are no better before a path may end, where nothing is left to learn from its photos.

Weak penalties take longest: tens of seconds each for 2,000 photos of 2,560 numbers.
"""


def solve(
    solver: Solver,
    vectors: numpy.ndarray,
    truth: numpy.ndarray,
    held_out: numpy.ndarray,
    held_out_truth: numpy.ndarray,
) -> Solution:
    """The penalty with the best accuracy on what is held out; see ``solvers.solve``."""
    if not len(held_out):
        return _fit(solver.fixed, vectors, truth)
    best = _fit(solver.penalties[0], vectors, truth)
    reached, worse = judge(best.logits(held_out), held_out_truth)[0], 0
    for penalty in solver.penalties[1:]:
        fit = _fit(penalty, vectors, truth)
        accuracy = judge(fit.logits(held_out), held_out_truth)[0]
        if accuracy > reached:  # the first of equals: the strongest penalty
            best, reached, worse = fit, accuracy, 0
        elif (worse := worse + 1) >= PATIENCE and judge(fit.logits(vectors), truth)[0] == 1:
            break
    return sharpened(best, held_out, held_out_truth)


def sharpened(solution: Solution, held_out: numpy.ndarray, truth: numpy.ndarray) -> Solution:
    """The same answers, as sure as they deserve on what is held out: the least cross-entropy over one factor.

    Where all of few photos are answered rightly, no factor would be too large. So its logarithm is taken to be normal,
    of deviation ``DOUBT``: the more photos, the less that weighs. Cross-entropy never ends above where it began.
    """
    logits = solution.logits(held_out).astype("float64")

    def loss(power: float) -> float:
        return -judge(numpy.exp(power) * logits, truth)[1] + (power / DOUBT) ** 2 / (2 * len(truth))

    power = float(minimize_scalar(loss, bounds=(-7, 7), method="bounded").x)
    return solution.times(float(numpy.exp(power))) if loss(power) < loss(0.0) else solution


def _fit(penalty: float, vectors: numpy.ndarray, truth: numpy.ndarray) -> Solution:
    scale = root_mean_square(vectors)
    machine = LinearSVC(C=1.0 / (penalty * len(truth)), max_iter=3000, random_state=0)
    with warnings.catch_warnings():
        # A weak penalty converges slowly, and validation decides whether it is wanted at all.
        warnings.simplefilter("ignore", ConvergenceWarning)
        machine.fit(vectors / numpy.float32(scale), truth)
    kernel, bias = both_classes(machine.coef_, machine.intercept_)
    return Solution((kernel.T / scale).astype("float32"), bias.astype("float32"), penalty)
