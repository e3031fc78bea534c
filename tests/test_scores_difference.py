"""The joint paired bootstrap: laws, other implementations, and what it does to arms that truly do not differ."""

from __future__ import annotations

import time

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from transfer import scores


def answers(correct: numpy.ndarray) -> numpy.ndarray:
    """Two-class probabilities ``(..., n, 2)`` that are right (label 0) where ``correct`` says so."""
    return numpy.where(numpy.asarray(correct)[..., None], [0.8, 0.2], [0.3, 0.7])


def arms(
    rng: numpy.random.Generator, *, seeds: int, groups: int, spread: float, gap: float = 0.0, mean: float = 1.2
) -> tuple[numpy.ndarray, numpy.ndarray, numpy.ndarray]:
    """Two simulated arms ``(S, n)`` of right and wrong answers, and the group of each photo (1 to 3 a group).

    A photo is right where ability + difficulty (shared by the arms, by group and photo) + what this arm finds hard +
    luck of the seed (standard deviation ``spread``) + noise is above zero.
    """
    group = numpy.repeat(numpy.arange(groups), rng.integers(1, 4, groups))
    n = len(group)
    shared = 0.8 * rng.normal(size=groups)[group] + 0.6 * rng.normal(size=n)
    sides = []
    for ability in (mean + gap, mean):
        own = 0.4 * (0.8 * rng.normal(size=groups)[group] + 0.6 * rng.normal(size=n))
        luck = spread * rng.normal(size=(seeds, 1))
        sides.append(ability + shared + own + luck + 0.5 * rng.normal(size=(seeds, n)) > 0)
    return sides[0], sides[1], group


def compared(a: numpy.ndarray, b: numpy.ndarray, **more: object) -> scores.Difference:
    truth = numpy.zeros(a.shape[-1], dtype=int)
    return scores.paired_difference(scores.ACCURACY, truth, a=answers(a), b=answers(b), **more)  # type: ignore[arg-type]


def test_the_estimate_is_the_difference_of_the_mean_accuracies() -> None:
    a, b, group = arms(numpy.random.default_rng(0), seeds=3, groups=100, spread=0.1)
    found = compared(a, b, groups=group)
    assert found.estimate == pytest.approx(a.mean() - b.mean())
    assert (found.seeds, found.groups, found.photos) == (3, 100, a.shape[1])


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 1000), st.integers(1, 4))
def test_swapping_the_arms_mirrors_everything(seed: int, seeds: int) -> None:
    a, b, group = arms(numpy.random.default_rng(seed), seeds=seeds, groups=30, spread=0.1)
    one, other = compared(a, b, groups=group, draws=200), compared(b, a, groups=group, draws=200)
    assert (one.estimate, one.low, one.high) == pytest.approx((-other.estimate, -other.high, -other.low))
    assert one.p == pytest.approx(other.p)
    assert one.probability == pytest.approx(1 - other.probability)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 1000), st.integers(1, 4), st.floats(0, 0.3))
def test_the_interval_leaves_zero_out_just_where_the_p_value_is_below_its_level(
    seed: int, seeds: int, gap: float
) -> None:
    a, b, group = arms(numpy.random.default_rng(seed), seeds=seeds, groups=60, spread=0.05, gap=gap)
    found = compared(a, b, groups=group, draws=200)
    assert (found.low <= 0 <= found.high) == (found.p >= 0.05)


def test_an_arm_against_itself_says_nothing() -> None:
    a, _, _ = arms(numpy.random.default_rng(0), seeds=3, groups=50, spread=0.1)
    found = compared(a, a)
    assert (found.estimate, found.p, found.probability) == (0, 1, 0.5)


def test_the_draws_follow_the_seed_and_nothing_else() -> None:
    a, b, group = arms(numpy.random.default_rng(0), seeds=3, groups=50, spread=0.1)
    assert compared(a, b, groups=group, seed=4) == compared(a, b, groups=group, seed=4)
    assert compared(a, b, groups=group, seed=4).photo_variance != compared(a, b, groups=group, seed=5).photo_variance


def test_one_seed_gives_the_paired_t_test_over_photos() -> None:
    a, b, _ = arms(numpy.random.default_rng(2), seeds=1, groups=150, spread=0.0, gap=0.15)
    plain = stats.ttest_rel(a[0].astype(float), b[0].astype(float))
    low, high = plain.confidence_interval()
    found = compared(a, b, draws=20_000)
    assert found.p == pytest.approx(plain.pvalue, rel=0.1)
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.001)


def test_seeds_that_differ_greatly_give_the_paired_t_test_over_seeds() -> None:
    rng = numpy.random.default_rng(3)
    share = [0.9, 0.6, 0.8, 0.5]
    a = numpy.array([rng.permutation(2000) < 2000 * one for one in share])
    b = numpy.array([rng.permutation(2000) < 2000 * (1.3 - one) for one in share])
    plain = stats.ttest_rel(a.mean(axis=1), b.mean(axis=1))
    low, high = plain.confidence_interval()
    found = compared(a, b)
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.01)
    assert found.p == pytest.approx(plain.pvalue, rel=0.02)


def test_photos_in_groups_say_less_than_as_many_single_ones() -> None:
    a, b, _ = arms(numpy.random.default_rng(4), seeds=2, groups=60, spread=0.05)
    a, b = numpy.repeat(a, 4, axis=1), numpy.repeat(b, 4, axis=1)  # every photo four times
    together, apart = compared(a, b, groups=numpy.arange(a.shape[1]) // 4), compared(a, b)
    assert together.photo_variance == pytest.approx(4 * apart.photo_variance, rel=0.15)


def test_the_name_of_a_group_does_not_matter() -> None:
    a, b, group = arms(numpy.random.default_rng(5), seeds=2, groups=40, spread=0.05)
    assert compared(a, b, groups=group) == compared(a, b, groups=[f"owner {g}" for g in group])


def test_every_metric_can_be_compared_and_a_lower_loss_counts_as_better() -> None:
    rng = numpy.random.default_rng(6)
    truth = rng.integers(0, 4, 120)
    sides = []
    for skill in (3.0, 1.0):
        logits = rng.normal(size=(3, 120, 4))
        logits[:, numpy.arange(120), truth] += skill
        sides.append(numpy.exp(logits) / numpy.exp(logits).sum(axis=-1, keepdims=True))
    for metric in scores.METRICS.values():
        if metric.name in ("top_5", "calibration_error"):
            continue  # of four classes every answer is among five; and more skill need not be better calibrated
        found = scores.paired_difference(metric, truth, a=sides[0], b=sides[1], draws=500)
        assert found.estimate == pytest.approx(
            numpy.mean([metric(truth, a) - metric(truth, b) for a, b in zip(*sides, strict=True)])
        )
        assert (found.estimate > 0) == metric.higher_is_better
        assert found.probability > 0.95
        assert found.p < 0.05


def test_a_difference_on_one_group_claims_nothing() -> None:
    a, b = numpy.ones((3, 5), bool), numpy.zeros((3, 5), bool)
    found = compared(a, b, groups=["burst"] * 5)
    assert (found.low, found.high, found.p) == (-numpy.inf, numpy.inf, 1)


def test_complete_separation_on_few_photos_is_no_surer_than_their_number_allows() -> None:
    a, b = numpy.ones((2, 4), bool), numpy.zeros((2, 4), bool)
    assert compared(a, b).p == 2.0**-3


@pytest.mark.parametrize(("seeds", "spread"), [(1, 0.0), (2, 0.1), (3, 0.0), (3, 0.15), (5, 0.15)])
def test_a_true_null_is_rejected_no_more_often_than_the_level_says(seeds: int, spread: float) -> None:
    """400 comparisons of arms that do not differ; 5 % and three standard errors of a simulation of this size."""
    rng = numpy.random.default_rng([7, seeds, int(100 * spread)])
    rejected = 0
    for _ in range(400):
        a, b, group = arms(rng, seeds=seeds, groups=80, spread=spread)
        rejected += compared(a, b, groups=group, draws=200).p < 0.05
    assert rejected / 400 <= 0.05 + 3 * (0.05 * 0.95 / 400) ** 0.5


def test_a_plain_percentile_interval_would_reject_a_true_null_far_too_often() -> None:
    """Why the module does not use it: the same arms, seeds and photos drawn with replacement, quantiles read off."""
    rng = numpy.random.default_rng(8)
    rejected = 0
    for _ in range(300):
        a, b, _ = arms(rng, seeds=3, groups=120, spread=0.3)
        d = a.astype(float) - b
        photos = rng.integers(0, d.shape[1], (200, d.shape[1]))
        drawn = d[:, photos].mean(axis=2).T[numpy.arange(200)[:, None], rng.integers(0, 3, (200, 3))].mean(axis=1)
        low, high = numpy.quantile(drawn, [0.025, 0.975])
        rejected += not low <= 0 <= high
    assert rejected / 300 > 0.10


def test_a_real_difference_is_found() -> None:
    a, b, group = arms(numpy.random.default_rng(9), seeds=3, groups=300, spread=0.03, gap=0.6)
    found = compared(a, b, groups=group)
    assert found.p < 0.01
    assert found.low > 0
    assert found.probability > 0.95


def test_seeds_that_differ_by_nothing_by_chance_make_no_difference_sure() -> None:
    """Three seeds that each gained another single photo of 150: nothing is known but that one photo may fall so."""
    a, b = numpy.zeros((3, 150), bool), numpy.zeros((3, 150), bool)
    b[:, :130] = a[:, :130] = True
    for seed in range(3):
        a[seed, 140 + seed] = True
    found = compared(a, b)
    assert found.estimate == pytest.approx(1 / 150)
    assert found.low < 0 < found.high
    assert found.p > 0.05
    alone = compared(a[:1], b[:1])
    assert found.high - found.low > 0.5 * (alone.high - alone.low)


@pytest.mark.parametrize("seeds", [1, 3])
def test_arms_that_are_right_on_the_same_photos_are_not_known_to_be_equal(seeds: int) -> None:
    both = numpy.ones((seeds, 50), bool)
    both[:, :2] = False
    found = compared(both, both, step=1 / 50)
    half = stats.t.isf(0.025, 49) / 50
    assert (found.low, found.high) == (pytest.approx(-half), pytest.approx(half))
    assert (found.estimate, found.p, found.photo_variance) == (0, 1, 0)


def test_where_photos_differ_enough_the_step_changes_nothing() -> None:
    a, b, group = arms(numpy.random.default_rng(13), seeds=3, groups=80, spread=0.05)
    assert compared(a, b, groups=group, step=1 / 80) == compared(a, b, groups=group)


@pytest.mark.parametrize("seeds", [1, 3])
def test_near_the_ceiling_the_interval_covers_a_true_difference_only_with_the_step(seeds: int) -> None:
    """60 photos; one arm is always right, the other on 99 %: in 55 % of comparisons both are right on all of them."""
    rng = numpy.random.default_rng(14)
    covered = {0.0: 0, 1 / 60: 0}
    for _ in range(200):
        a, b = numpy.ones((seeds, 60), bool), numpy.tile(rng.random(60) < 0.99, (seeds, 1))
        for step in covered:
            found = compared(a, b, draws=200, step=step)
            covered[step] += found.low <= 0.01 <= found.high
    assert covered[0.0] / 200 < 0.6
    assert covered[1 / 60] / 200 >= 0.93


# --- how many photos it would take ---


def test_the_number_of_photos_needed_is_the_one_at_which_the_test_finds_the_gap() -> None:
    """Connor 1987 by hand: 10 % of photos on which two models disagree, a gap of 2 points, power .8."""
    disagree = numpy.zeros((1, 1000))
    a, b = disagree.copy(), disagree.copy()
    a[0, :50], b[0, 50:100] = 1, 1
    needed = scores.photos_needed(compared(a > 0, b > 0, draws=20_000), gap=0.02)
    by_hand = ((stats.norm.isf(0.025) + stats.norm.isf(0.2)) ** 2) * 0.1 / 0.02**2
    assert needed == pytest.approx(by_hand, rel=0.05)


def test_a_smaller_gap_needs_more_photos_in_its_square() -> None:
    a, b, group = arms(numpy.random.default_rng(10), seeds=1, groups=200, spread=0.0)
    seen = compared(a, b, groups=group)
    one, two = scores.photos_needed(seen, gap=0.01), scores.photos_needed(seen, gap=0.02)
    assert one is not None
    assert two is not None
    assert one == pytest.approx(4 * two, rel=0.01)


def test_no_number_of_photos_makes_up_for_seeds_that_differ_greatly() -> None:
    a, b, group = arms(numpy.random.default_rng(11), seeds=3, groups=200, spread=1.0)
    assert scores.photos_needed(compared(a, b, groups=group), gap=0.01) is None


# --- speed ---


def test_two_thousand_draws_of_three_seeds_and_four_hundred_photos_take_well_below_a_second() -> None:
    a, b, _ = arms(numpy.random.default_rng(12), seeds=3, groups=200, spread=0.1)
    a, b = a[:, :400], b[:, :400]
    began = time.process_time()
    compared(a, b)
    assert time.process_time() - began < 1.0


# --- folds ---


def test_over_splits_the_difference_is_the_corrected_t_test() -> None:
    a, b = [0.9, 0.8, 0.85, 0.95, 0.9], [0.8, 0.8, 0.8, 0.85, 0.75]
    found = scores.difference_over_splits(a, b, scores.Design(folds=5, photos=100, groups=90))
    test = scores.nadeau_bengio(numpy.subtract(a, b), test_share=1 / 4)
    assert found.p == pytest.approx(test.p)
    assert found.estimate == pytest.approx(0.08)
    edge = scores.difference_over_splits(a, b, scores.Design(5, 100, 90), level=1 - test.p)
    assert edge.low == pytest.approx(0, abs=1e-12), "p is the level whose interval just touches zero"
    assert (found.seeds, found.photos, found.groups) == (5, 100, 90)
    assert 0.5 < found.probability < 1


def test_equal_scores_of_few_folds_are_not_taken_for_certainty() -> None:
    design = scores.Design(folds=3, photos=30, groups=30)
    same = scores.difference_over_splits([0.8] * 3, [0.8] * 3, design)
    assert (same.estimate, same.p, same.probability) == (0, 1, 0.5)
    assert same.high > 0.05
    apart = scores.difference_over_splits([0.9] * 3, [0.8] * 3, design)
    assert 0 < apart.p < 0.2
    assert apart.low < 0.05


def test_where_folds_are_missing_a_photo_moves_a_fold_by_no_more_than_it_does() -> None:
    whole = scores.Design(folds=5, photos=100, groups=100)
    three = scores.Design(folds=5, photos=60, groups=60, of_fold=20.0)
    assert (whole.step, three.step) == (pytest.approx(1 / 20), pytest.approx(1 / 20))
    assert three.test_share == whole.test_share == 1 / 4


def test_one_split_says_nothing_about_another() -> None:
    found = scores.difference_over_splits([0.9], [0.5], scores.Design(5, 100, 100))
    assert (found.p, found.probability, found.low) == (1.0, 0.5, -numpy.inf)


def test_the_interval_of_an_accuracy_in_folds_is_no_narrower_than_that_of_its_photos() -> None:
    design = scores.Design(folds=5, photos=60, groups=60)
    perfect = scores.mean_over_splits([1.0] * 5, design)
    assert (perfect.low, perfect.high) == (pytest.approx(scores.wilson(60, 60).low), 1.0)
    apart = scores.mean_over_splits([0.6, 1.0, 0.7, 0.9, 0.8], design)
    assert apart.high - apart.low > scores.wilson(48, 60).high - scores.wilson(48, 60).low


def test_how_many_photos_in_folds_a_point_would_take_follows_from_what_they_vary() -> None:
    near = scores.difference_over_splits([0.9, 0.8, 0.9], [0.8, 0.8, 0.9], scores.Design(3, 90, 90))
    needed = scores.photos_needed(near)
    assert needed is not None
    assert needed > 1000
