"""The solvers against scikit-learn's own answer, and the laws that make it a plain dense layer."""

from __future__ import annotations

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestCentroid
from sklearn.svm import LinearSVC

from transfer.strategy import Solver
from transfer.training.solvers import Solution, judge, solve
from transfer.training.solvers.svm import sharpened


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


@pytest.mark.parametrize(("features", "classes"), [(12, 3), (200, 3), (12, 2)])
def test_each_fit_of_the_path_begins_where_the_one_before_ended(
    features: int, classes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, ended, fit = [], [], LogisticRegression.fit

    def watched(model: LogisticRegression, *data: numpy.ndarray) -> LogisticRegression:
        begun.append(getattr(model, "coef_", None))
        fit(model, *data)
        ended.append(model.coef_.copy())
        return model

    monkeypatch.setattr(LogisticRegression, "fit", watched)
    vectors, truth = problem(90, features, classes)
    solver = Solver(penalties=(10.0, 1.0, 0.1))
    chosen = solve(solver, vectors, truth, *problem(60, features, classes, seed=0))
    assert begun[0] is None
    assert [(one == other).all() for one, other in zip(begun[1:3], ended, strict=False)] == [True, True]
    assert len(begun) == 4, "and to the optimum at the end, from where the chosen one was found roughly"
    assert begun[3] == pytest.approx(ended[solver.penalties.index(chosen.penalty)], abs=1e-5)


def test_scaling_all_features_changes_no_answer() -> None:
    vectors, truth = problem(60, 10, 3)
    one = solve(Solver(fixed=0.1), vectors, truth, vectors[:0], truth[:0])
    other = solve(Solver(fixed=0.1), 1000 * vectors, truth, vectors[:0], truth[:0])
    assert 1000 * vectors @ other.kernel + other.bias == pytest.approx(vectors @ one.kernel + one.bias, abs=2e-2)


# --- machines and centroids ---


@pytest.mark.parametrize("classes", [2, 3])
def test_the_machine_decides_as_scikit_learns_at_the_chosen_penalty(classes: int) -> None:
    vectors, truth = problem(60, 12, classes)
    held_out, held_truth = problem(80, 12, classes, seed=0)
    solution = solve(Solver(kind="svm", penalties=(10.0, 0.1, 1e-3)), vectors, truth, held_out, held_truth)
    assert solution.penalty in (10.0, 0.1, 1e-3)
    scale = float(numpy.sqrt((vectors.astype("float64") ** 2).mean()))
    machine = LinearSVC(C=1 / (solution.penalty * 60), max_iter=20_000, tol=1e-7).fit(vectors / scale, truth)
    theirs = machine.decision_function(held_out / scale)
    ours = solution.logits(held_out)
    assert (ours.argmax(axis=1) == machine.predict(held_out / scale)).all()
    factor = float((ours * both(theirs)).sum() / (both(theirs) ** 2).sum())  # how sure it is, is chosen elsewhere
    assert factor > 0
    assert ours == pytest.approx(factor * both(theirs), abs=2e-3 * float(abs(ours).max()))


def both(decisions: numpy.ndarray) -> numpy.ndarray:
    return numpy.stack([-decisions, decisions], axis=1) / 2 if decisions.ndim == 1 else decisions


def test_without_anything_held_out_the_machine_takes_its_fixed_penalty() -> None:
    vectors, truth = problem(40, 12, 3)
    fixed = solve(Solver(kind="svm", fixed=0.3), vectors, truth, vectors[:0], truth[:0])
    assert fixed.penalty == 0.3
    chosen = solve(Solver(kind="svm", penalties=(0.3,)), vectors, truth, vectors, truth)
    assert (chosen.logits(vectors).argmax(1) == fixed.logits(vectors).argmax(1)).all()


def test_equally_good_penalties_are_decided_for_the_strongest() -> None:
    vectors = numpy.array([[0.0], [0.1], [5.0], [5.1]], "float32")
    truth = numpy.array([0, 0, 1, 1])
    assert solve(Solver(kind="svm", penalties=(1e-2, 1e-3)), vectors, truth, vectors, truth).penalty == 1e-2


@pytest.mark.parametrize("held_out", [0, 30])
@pytest.mark.parametrize("classes", [2, 3])
def test_the_nearest_mean_is_scikit_learns(classes: int, held_out: int) -> None:
    vectors, truth = problem(50, 12, classes)
    asked, _ = problem(200, 12, classes, seed=5)
    solution = solve(Solver(kind="centroid"), vectors, truth, vectors[:held_out], truth[:held_out])
    theirs = NearestCentroid().fit(vectors, truth).predict(asked)
    assert (solution.logits(asked).argmax(axis=1) == theirs).all()
    assert solution.penalty is None


def test_means_far_from_the_origin_are_told_apart_all_the_same() -> None:
    vectors, truth = problem(50, 12, 3)
    near, far = (
        solve(Solver(kind="centroid"), vectors + shift, truth, vectors[:0], truth[:0]).logits(vectors + shift)
        for shift in (numpy.float32(0), numpy.float32(300))
    )
    assert near - near[:, :1] == pytest.approx(far - far[:, :1], abs=5e-3)


@settings(max_examples=60)
@given(n=st.integers(2, 40), classes=st.integers(2, 4), seed=st.integers(0, 50), loud=st.floats(-6, 6))
def test_sharpening_keeps_the_order_and_never_costs_cross_entropy(n: int, classes: int, seed: int, loud: float) -> None:
    vectors, truth = problem(n, 3, classes, seed)
    random = numpy.random.default_rng(seed)
    kernel = (numpy.exp(loud) * random.normal(size=(3, classes))).astype("float32")
    before = Solution(kernel, numpy.zeros(classes, "float32"))
    after = sharpened(before, vectors, truth)
    assert judge(after.logits(vectors), truth)[1] >= judge(before.logits(vectors), truth)[1] - 1e-6
    ratio = after.kernel / before.kernel
    assert ratio.min() > 0, "the same order, whatever is asked"
    assert ratio == pytest.approx(numpy.full_like(ratio, ratio[0, 0]), rel=1e-4)


def test_a_few_right_answers_are_no_reason_to_be_certain() -> None:
    vectors = numpy.array([[-1.0], [1.0]] * 3, "float32")
    truth = numpy.array([0, 1] * 3)
    solution = sharpened(Solution(numpy.array([[-1.0, 1.0]], "float32"), numpy.zeros(2, "float32")), vectors, truth)
    few = judge(solution.logits(vectors), truth)[1]
    assert -0.05 < few < -1e-3, "a chance of at most 0.999 after six photos"
    many = sharpened(solution, numpy.tile(vectors, (100, 1)), numpy.tile(truth, 100))
    assert judge(many.logits(vectors), truth)[1] > few, "the more photos, the surer"
