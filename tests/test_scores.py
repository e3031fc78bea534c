"""Scores against published values, against other implementations, and against laws that any of them must keep."""

from __future__ import annotations

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as sk
from statsmodels.stats.contingency_tables import cochrans_q as other_cochran
from statsmodels.stats.contingency_tables import mcnemar as other_mcnemar
from statsmodels.stats.multitest import multipletests

from transfer import scores


def predictions(
    seed: int, *, n: int = 200, classes: int = 7, skill: float = 1.5
) -> tuple[numpy.ndarray, numpy.ndarray]:
    rng = numpy.random.default_rng(seed)
    truth = rng.integers(0, classes, n)
    logits = rng.normal(size=(n, classes))
    logits[numpy.arange(n), truth] += skill
    probabilities = numpy.exp(logits) / numpy.exp(logits).sum(axis=1, keepdims=True)
    return truth, probabilities


some_predictions = st.builds(
    predictions,
    st.integers(0, 10_000),
    n=st.integers(1, 60),
    classes=st.integers(2, 8),
    skill=st.floats(0, 4),
)

# --- one number from predictions ---


@given(some_predictions)
def test_every_metric_agrees_with_scikit_learn(case: tuple[numpy.ndarray, numpy.ndarray]) -> None:
    truth, probabilities = case
    classes = numpy.arange(probabilities.shape[1])
    predicted = probabilities.argmax(axis=1)
    assert scores.ACCURACY(truth, probabilities) == pytest.approx(sk.accuracy_score(truth, predicted))
    assert scores.MACRO_F1(truth, probabilities) == pytest.approx(
        sk.f1_score(truth, predicted, average="macro", zero_division=0)
    )
    recalls = sk.recall_score(truth, predicted, labels=numpy.unique(truth), average="macro", zero_division=0)
    assert scores.MEAN_CLASS_ACCURACY(truth, probabilities) == pytest.approx(recalls)
    assert scores.LOG_LOSS(truth, probabilities) == pytest.approx(
        sk.log_loss(truth, probabilities.astype(float), labels=classes), rel=1e-5
    )
    assert scores.BRIER(truth, probabilities) == pytest.approx(
        sk.brier_score_loss(truth, probabilities.astype(float), labels=classes, scale_by_half=False), rel=1e-5
    )
    if len(classes) > 3:
        assert scores.top_k(3)(truth, probabilities) == pytest.approx(
            sk.top_k_accuracy_score(truth, probabilities, k=3, labels=classes)
        )


@given(some_predictions)
def test_top_1_is_accuracy_even_where_probabilities_are_equal(case: tuple[numpy.ndarray, numpy.ndarray]) -> None:
    truth, probabilities = case
    coarse = numpy.round(probabilities, 1)
    assert scores.top_k(1)(truth, coarse) == scores.ACCURACY(truth, coarse)
    assert scores.top_k(probabilities.shape[1])(truth, coarse) == 1


@given(some_predictions)
def test_the_confusion_table_agrees_with_scikit_learn_and_gives_precision_and_recall(case) -> None:
    truth, probabilities = case
    classes, predicted = probabilities.shape[1], probabilities.argmax(axis=1)
    table = scores.confusion(truth, predicted, classes)
    assert (table == sk.confusion_matrix(truth, predicted, labels=range(classes))).all()
    expected = sk.precision_recall_fscore_support(truth, predicted, labels=range(classes), zero_division=numpy.nan)
    precision, recall = scores.per_class(table)
    numpy.testing.assert_allclose(precision, expected[0])
    numpy.testing.assert_allclose(recall, expected[1])


@given(some_predictions, st.integers(0, 100))
def test_no_metric_depends_on_the_order_of_the_photos(case, seed: int) -> None:
    truth, probabilities = case
    order = numpy.random.default_rng(seed).permutation(len(truth))
    for metric in scores.METRICS.values():
        assert metric(truth[order], probabilities[order]) == pytest.approx(metric(truth, probabilities))


def test_every_metric_of_no_photos_is_not_a_number() -> None:
    for metric in scores.METRICS.values():
        assert numpy.isnan(metric(numpy.array([], dtype=int), numpy.zeros((0, 3), "float32")))


def calibrated(shift: float) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Two classes, 100,000 photos; confidence exceeds accuracy by ``shift``."""
    rng = numpy.random.default_rng(0)
    confidence = rng.uniform(0.6, 1.0, 100_000)
    right = rng.uniform(size=len(confidence)) < confidence - shift
    return numpy.where(right, 0, 1), numpy.stack([confidence, 1 - confidence], axis=1)


def test_calibration_error_is_near_zero_when_calibrated_and_ten_points_when_ten_points_too_sure() -> None:
    assert scores.CALIBRATION_ERROR(*calibrated(0.0)) < 0.005
    assert scores.CALIBRATION_ERROR(*calibrated(0.1)) == pytest.approx(0.1, abs=0.003)


def test_calibration_error_agrees_with_a_sum_over_bins_by_hand() -> None:
    truth, probabilities = predictions(3)
    confidence, right = probabilities.max(axis=1).astype(float), probabilities.argmax(axis=1) == truth
    expected = 0.0
    for number in range(15):
        inside = (confidence > number / 15) & (confidence <= (number + 1) / 15)
        if inside.any():
            expected += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    assert scores.CALIBRATION_ERROR(truth, probabilities) == pytest.approx(expected)


# --- intervals and corrections ---


@pytest.mark.parametrize(
    ("right", "of", "low", "high"),
    [
        (90, 100, 0.825634, 0.944771),
        (450, 500, 0.870578, 0.923322),
        (900, 1000, 0.879848, 0.917091),
        (9000, 10000, 0.893966, 0.905727),
    ],
)
def test_the_wilson_interval_has_its_published_values(right: int, of: int, low: float, high: float) -> None:
    interval = scores.wilson(right, of)
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=5e-7)
    other = stats.binomtest(right, of).proportion_ci(method="wilson")
    assert (interval.low, interval.high) == pytest.approx((other.low, other.high))


@given(st.integers(1, 500), st.data())
def test_the_wilson_interval_holds_the_share_and_stays_between_zero_and_one(of: int, data: st.DataObject) -> None:
    right = data.draw(st.floats(0, of))
    interval = scores.wilson(right, of)
    assert 0 <= interval.low <= right / of <= interval.high <= 1


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_never_lowers_a_p_value_and_keeps_their_order(p_values: list[float]) -> None:
    corrected = scores.holm(p_values)
    order = numpy.argsort(p_values, kind="stable")
    assert all(after >= before for after, before in zip(corrected, p_values, strict=True))
    assert (numpy.diff(numpy.array(corrected)[order]) >= 0).all()
    smallest = min(p_values)
    assert min(corrected) == pytest.approx(min(1.0, smallest * len(p_values)))


def test_holm_agrees_with_statsmodels() -> None:
    p_values = [0.04, 0.001, 0.3, 0.012, 0.012, 0.9]
    assert scores.holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1])


def test_holm_of_nothing_is_nothing() -> None:
    assert scores.holm([]) == []


# --- tests on the same photos ---


def test_mcnemar_has_its_published_value_and_agrees_with_statsmodels() -> None:
    assert scores.mcnemar(25, 11, mid=False).p == pytest.approx(0.0288167196558788)
    assert scores.mcnemar(25, 11, mid=False).p == pytest.approx(stats.binomtest(11, 36).pvalue)
    assert scores.mcnemar(3, 9, mid=False).p == other_mcnemar([[0, 3], [9, 0]], exact=True).pvalue


@given(st.integers(0, 60), st.integers(0, 60))
def test_mid_p_is_symmetric_and_counts_the_observed_table_half(a: int, b: int) -> None:
    mid = scores.mcnemar(a, b).p
    assert mid == scores.mcnemar(b, a).p
    if a == b:
        assert mid == 1
    else:
        few, n = min(a, b), a + b
        assert mid == pytest.approx(2 * stats.binom.cdf(few - 1, n, 0.5) + stats.binom.pmf(few, n, 0.5))


def test_mid_p_rejects_a_true_null_at_most_at_its_level_while_the_exact_form_hardly_does() -> None:
    # Every table of n photos on which two equal models disagree on d, weighed by its chance: no simulation needed.
    d = numpy.arange(1, 61)
    weight = stats.binom.pmf(d, 300, 0.1)
    rates = {}
    for mid in (True, False):
        rejected = [
            sum(stats.binom.pmf(a, n, 0.5) for a in range(n + 1) if scores.mcnemar(a, n - a, mid=mid).p < 0.05)
            for n in d
        ]
        rates[mid] = float(weight @ rejected)
    assert 0.04 < rates[True] < 0.052
    assert rates[False] < 0.036


def test_cochran_q_agrees_with_statsmodels_and_is_one_where_all_agree() -> None:
    rng = numpy.random.default_rng(1)
    correct = rng.uniform(size=(80, 3)) < [0.9, 0.7, 0.6]
    ours, other = scores.cochran_q(correct), other_cochran(correct.astype(int))
    assert (ours.statistic, ours.p) == (other.statistic, other.pvalue)
    assert scores.cochran_q(numpy.ones((5, 3), bool)).p == 1


@pytest.mark.parametrize(
    ("share", "t", "p"), [(1 / 9, 3.45072, 0.007266), (0.25, 2.67998, 0.025207), (1, 1.51171, 0.164896)]
)
def test_nadeau_bengio_has_its_published_values(share: float, t: float, p: float) -> None:
    d = [0.02, 0.01, 0.03, 0, 0.02, 0.01, 0.04, 0.02, 0.01, 0.02]
    test = scores.nadeau_bengio(d, test_share=share)
    assert (test.statistic, test.p) == pytest.approx((t, p), abs=6e-6)


def test_nadeau_bengio_without_a_share_is_the_plain_t_test() -> None:
    d = [0.02, 0.01, 0.03, 0, 0.02, -0.05]
    test, plain = scores.nadeau_bengio(d, test_share=0), stats.ttest_1samp(d, 0)
    assert (test.statistic, test.p) == pytest.approx((plain.statistic, plain.pvalue))
    assert scores.nadeau_bengio([0, 0, 0], test_share=0.1).p == 1
    assert scores.nadeau_bengio([0.5, 0.5, 0.5], test_share=0.1).p == 0
