"""The solver against scikit-learn's own answer, and the laws that make it a plain dense layer."""

from __future__ import annotations

import numpy
import pytest
from sklearn.linear_model import LogisticRegression

from transfer.strategy import Solver
from transfer.training.solvers import Solution, solve


def problem(n: int, features: int, classes: int, seed: int = 0) -> tuple[numpy.ndarray, numpy.ndarray]:
    rng = numpy.random.default_rng(seed)
    truth = numpy.arange(n) % classes
    centres = rng.normal(size=(classes, features))
    return (centres[truth] + rng.normal(size=(n, features)) + 1).astype("float32"), truth


def objective(solution: Solution, vectors: numpy.ndarray, truth: numpy.ndarray, scale: float) -> float:
    """Mean cross-entropy + penalty/2 * |kernel|^2 on features divided by their scale, from the definition."""
    logits = vectors.astype("float64") @ solution.kernel + solution.bias
    logits -= logits.max(axis=1, keepdims=True)
    losses = numpy.log(numpy.exp(logits).sum(axis=1)) - logits[numpy.arange(len(truth)), truth]
    return float(losses.mean() + solution.penalty / 2 * ((solution.kernel * scale) ** 2).sum())


@pytest.mark.parametrize(("n", "features"), [(90, 12), (30, 200)], ids=["many photos", "fewer photos than features"])
def test_the_solution_is_the_optimum_that_scikit_learn_finds(n: int, features: int) -> None:
    vectors, truth = problem(n, features, 3)
    solution = solve(Solver(fixed=0.1), vectors, truth, vectors[:0], truth[:0])
    scale = float(numpy.sqrt((vectors.astype("float64") ** 2).mean()))
    model = LogisticRegression(C=1 / (0.1 * n), max_iter=5000, tol=1e-9).fit(vectors.astype("float64") / scale, truth)
    theirs = Solution((model.coef_.T / scale), model.intercept_, 0.1)
    assert objective(solution, vectors, truth, scale) == pytest.approx(
        objective(theirs, vectors, truth, scale), rel=1e-4
    )


def test_two_classes_get_two_logits_whose_softmax_is_the_sigmoid() -> None:
    vectors, truth = problem(40, 5, 2)
    solution = solve(Solver(fixed=0.1), vectors, truth, vectors[:0], truth[:0])
    scale = float(numpy.sqrt((vectors.astype("float64") ** 2).mean()))
    model = LogisticRegression(C=1 / (0.1 * 40), max_iter=5000, tol=1e-9).fit(vectors / scale, truth)
    logits = vectors @ solution.kernel + solution.bias
    chance = 1 / (1 + numpy.exp(logits[:, 0] - logits[:, 1]))
    assert chance == pytest.approx(model.predict_proba(vectors / scale)[:, 1], abs=2e-3)


def test_the_penalty_is_the_one_that_judges_best_on_what_is_held_out() -> None:
    vectors, truth = problem(60, 100, 3)
    held_out, held_truth = problem(300, 100, 3, seed=0)
    solver = Solver(penalties=(1e3, 1e-1, 1e-8))
    chosen = solve(solver, vectors, truth, held_out, held_truth)
    alone = {
        penalty: solve(Solver(penalties=(penalty,)), vectors, truth, held_out, held_truth)
        for penalty in solver.penalties
    }
    accuracy = {p: ((held_out @ s.kernel + s.bias).argmax(1) == held_truth).mean() for p, s in alone.items()}
    assert accuracy[chosen.penalty] == max(accuracy.values())


def test_scaling_all_features_changes_no_answer() -> None:
    vectors, truth = problem(60, 10, 3)
    one = solve(Solver(fixed=0.1), vectors, truth, vectors[:0], truth[:0])
    other = solve(Solver(fixed=0.1), 1000 * vectors, truth, vectors[:0], truth[:0])
    assert 1000 * vectors @ other.kernel + other.bias == pytest.approx(vectors @ one.kernel + one.bias, abs=2e-2)
