"""Each photo to the class whose mean is nearest: a linear rule, since the photo's own length falls out.

|x - m|^2 < |x - n|^2   exactly where   x.m - |m|^2/2 > x.n - |n|^2/2
"""

from __future__ import annotations

import numpy

from transfer.strategy import Solver
from transfer.training.solvers import Solution
from transfer.training.solvers.svm import sharpened


def solve(
    solver: Solver,
    vectors: numpy.ndarray,
    truth: numpy.ndarray,
    held_out: numpy.ndarray,
    held_out_truth: numpy.ndarray,
) -> Solution:
    """The class means; only how sure the answers are is chosen on what is held out. See ``solvers.solve``."""
    means = numpy.stack([vectors[truth == label].mean(axis=0, dtype="float64") for label in range(truth.max() + 1)])
    # Distances from the middle of the means: what all classes have in common would only cost digits.
    middle = means.mean(axis=0)
    off = means - middle
    # One unit of a logit for the mean squared distance between class means: sure of itself, but not absurdly so.
    spread = float((off**2).sum(axis=1).mean()) or 1.0
    kernel, bias = off.T / spread, -(off * (means + middle)).sum(axis=1) / 2 / spread
    solution = Solution(kernel.astype("float32"), bias.astype("float32"))
    return sharpened(solution, held_out, held_out_truth) if len(held_out) else solution
