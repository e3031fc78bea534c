"""Difference: two arms, the same seeds, the same photos; how far apart, how sure, and what it would take.

It owns the joint paired bootstrap of DESIGN: photos are resampled by group, seeds are a random factor beside them, and
both arms always see the same draw. One set of draws serves every arm of a comparison.

Why the plain percentile interval is not used. It draws seeds and photos with replacement and reads off quantiles
(the "pigeonhole" bootstrap, Owen 2007). With S seeds that makes the variance between seeds too small by (S - 1) / S and
reads it off a normal-like curve where Student's with S - 1 degrees of freedom is due; and it counts the variance of
seed times photo three times. So it is timid where seeds do not matter and wild where they do: a true null was rejected
(250 groups, accuracy .85, 1,500 simulated comparisons, nominal 5 %) with 3 seeds in 2 % of cases where the seeds did
not differ, 12 % where their accuracies had a standard deviation of 2.8 points, 22 % at 7 points. A bootstrap of photos
alone rejects 35 % and 70 % there, and a t-test on the seeds' differences alone 11 % where the seeds do not differ.

What is used instead. The draws give the variance of the difference over photos, ``V_photos``, and what of it is seed
times photo, ``V_both``; the seeds give ``V_seeds``, their sample variance over S, which contains ``V_both`` once. The
crossed random-effects variance is ``V_seeds + max(V_photos - V_both, 0)`` (as for several readers of the same X-rays:
Hillis 2007). With its Satterthwaite degrees of freedom still 5 to 9 % of true nulls are rejected with 3 seeds and up
to 13 % with 2. So each part takes its own Student quantile before they are added, half-width^2 = t(S-1)^2 V_seeds +
t(G-1)^2 max(V_photos - V_both, 0): the modified large-sample limits of Graybill and Wang (1980). Measured with these
variances in closed form (2,500 to 4,000 comparisons for each of 68 settings: 50 to 400 groups, accuracy .85 to .97,
seeds' standard deviation 1 to 8 points), a true null is rejected with 2 seeds in 1.5-4.6 %, with 3 in 1.7-4.4 %, with
5 in 2.0-4.8 %, with 10 in 3.2-4.6 %.

Never narrower than of photos alone. ``V_seeds`` of two or three seeds may be nothing by chance: three seeds that each
gained another single photo differ by nothing at all, and then ``V_photos`` is all ``V_both``. So the half-width is at
least t(G-1) sqrt(V_photos), that of these very models on other photos. The rates above are without this, which only
lowers them.

Never as narrow as nothing. Near the ceiling two arms may be right on the very same photos, and then no draw moves their
difference; but on as many other photos one or two may part them. So where fewer than one group of photos differs the
variance over photos counts as that of one that does, ``step`` squared (compare Agresti and Min 2005, "Simple improved
confidence intervals for comparing matched proportions", who add half a photo to each side on which one arm alone is
right). Of 60 photos and true accuracies of 100 and 99 % the interval covers in 45 % of comparisons without this.

With one seed only the photos vary: the result is about these two trained models, not about the two ways of training.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy
from numpy import ndarray
from scipy import optimize, special, stats

from transfer.scores.metrics import Metric

DRAWS = 2000
_BLOCK = 2_000_000  # counts turned into floats at a time: 16 MB


@dataclass(frozen=True)
class Difference:
    """A minus B, each averaged over the seeds.

    Attributes:
        estimate: The difference, in the metric's own unit.
        low, high: Its interval. p: Two-sided p-value of no difference, from the same construction.
        probability: Chance that one training of A does better than one of B on another test set like this one.
        seeds, groups, photos: How many of each it rests on.
        seed_variance: Variance of the estimate that more photos would not remove.
        photo_variance: Variance of the estimate that more photos would remove, as seen: no step is counted in it.
    """

    estimate: float
    low: float
    high: float
    p: float
    probability: float
    seeds: int
    groups: int
    photos: int
    seed_variance: float
    photo_variance: float

    def mirrored(self) -> Difference:
        """B minus A."""
        return dataclasses.replace(
            self, estimate=-self.estimate, low=-self.high, high=-self.low, probability=1 - self.probability
        )


@dataclass(frozen=True)
class Resampled:
    """A metric of one run: its value, and its value in every draw, float ``(draws,)``."""

    metric: Metric
    value: float
    draws: ndarray


class Resamples:
    """Draws of photo groups with replacement, the same for every run that is asked about.

    Args:
        groups: The group of each photo, n of them; a photo on its own is its own group.
        draws: How many. 2,000 give a standard error that is itself good to 2 %.
        seed: Of the draws.
    """

    def __init__(self, groups: Sequence[Hashable] | ndarray, *, draws: int = DRAWS, seed: int = 0) -> None:
        numbers: dict[Hashable, int] = {}
        self._group = numpy.array([numbers.setdefault(group, len(numbers)) for group in groups], dtype=int)
        self.photos, self.groups, self.seed = len(self._group), len(numbers), seed
        rng = numpy.random.default_rng(seed)
        # A count is about Poisson(1): one above 255 does not occur, and bytes keep 10,000 photos at 20 MB. Few photos
        # are kept as the product needs them, which halves its time.
        few = draws * self.groups <= _BLOCK
        self._counts = numpy.empty((draws, self.groups), dtype="float64" if few else "uint8")
        for at in self._blocks():
            picks = rng.integers(0, self.groups, (len(self._counts[at]), self.groups))
            picks += numpy.arange(len(picks))[:, None] * self.groups
            self._counts[at] = numpy.bincount(picks.ravel(), minlength=picks.size).reshape(picks.shape)

    def of(self, metric: Metric, truth: ndarray, probabilities: ndarray) -> Resampled:
        """The metric of one run in every draw; the photos in the order of ``groups``."""
        parts = metric.parts(truth, probabilities)
        sums = numpy.zeros((self.groups, parts.shape[1]))
        numpy.add.at(sums, self._group, parts)
        drawn = [metric.total(self._counts[at].astype(float, copy=False) @ sums) for at in self._blocks()]
        return Resampled(metric, float(metric.total(sums.sum(axis=0))), numpy.concatenate(drawn))

    def _blocks(self) -> list[slice]:
        step = max(_BLOCK // max(self.groups, 1), 1)
        return [slice(start, start + step) for start in range(0, len(self._counts), step)]


def paired_difference(
    metric: Metric,
    truth: ndarray,
    *,
    a: ndarray,
    b: ndarray,
    groups: Sequence[Hashable] | None = None,
    draws: int = DRAWS,
    seed: int = 0,
    step: float = 0.0,
) -> Difference:
    """The difference of a metric between two arms on the same photos with the same seeds.

    Args:
        metric: Which. truth: int ``(n,)``.
        a, b: Probabilities, ``(S, n, C)``; seed s of A is paired with seed s of B.
        groups: The group of each photo; None: each is its own.
        draws, seed: Of the bootstrap over groups.
        step: As in ``difference``.
    """
    resamples = Resamples(range(len(truth)) if groups is None else groups, draws=draws, seed=seed)
    sides = [[resamples.of(metric, truth, one) for one in side] for side in (a, b)]
    return difference(sides[0], sides[1], resamples, step=step)


def difference(
    a: Sequence[Resampled],
    b: Sequence[Resampled],
    resamples: Resamples,
    *,
    level: float = 0.95,
    step: float = 0.0,
) -> Difference:
    """The difference between two arms from their resampled runs; see the module for why it is made this way.

    Args:
        a, b: A run for each seed, the seeds in the same order; all from ``resamples``.
        resamples: The draws they share.
        level: Of the interval.
        step: What one group of photos can move the metric by, ``1 / groups`` for an accuracy: where fewer than one
            differs the variance over photos is taken as that of one.
    """
    values = numpy.array([run.value for run in a]) - [run.value for run in b]
    drawn = numpy.stack([run.draws for run in a], axis=1) - numpy.stack([run.draws for run in b], axis=1)
    drawn = drawn[~numpy.isnan(drawn).any(axis=1)]
    seeds, groups = len(values), resamples.groups
    estimate = float(values.mean())
    v_photos, v_both = _photo_variances(drawn, values, groups)
    v_seeds = float(values.var(ddof=1)) / seeds if seeds > 1 else 0.0
    floored = max(v_photos, step**2)
    photo_only = max(floored - v_both, 0.0)
    terms = [(v_seeds, seeds - 1), (photo_only, groups - 1)]
    least = [(floored, groups - 1)]
    half = max(_half_width(1 - level, one) for one in (terms, least)) if groups > 1 else math.inf
    return Difference(
        estimate=estimate,
        low=estimate - half,
        high=estimate + half,
        # Swapping the arms within groups gives 2^G tables: no test of G groups can be surer than that.
        p=max(_p_value(estimate, terms), _p_value(estimate, least), 2.0 ** (1 - groups)),
        probability=_probability(drawn if a[0].metric.higher_is_better else -drawn),
        seeds=seeds,
        groups=groups,
        photos=resamples.photos,
        seed_variance=max(v_seeds - v_both, 0.0),
        photo_variance=v_photos,
    )


def _photo_variances(drawn: ndarray, values: ndarray, groups: int) -> tuple[float, float]:
    """Variance of the seeds' mean over photos, and the part of it that is seed times photo."""
    seeds = len(values)
    if len(drawn) < 2 or groups < 2:
        return 0.0, 0.0
    small = groups / (groups - 1)  # a draw of G from G has the variance with G, not G - 1, below the line
    mean = drawn.mean(axis=1)
    if seeds == 1:
        return small * float(mean.var(ddof=1)), 0.0
    own = drawn - mean[:, None]
    return small * float(mean.var(ddof=1)), small * float(own.var(axis=0, ddof=1).sum()) / (seeds - 1) / seeds


def _half_width(alpha: float, terms: Sequence[tuple[float, int]]) -> float:
    """Each variance with the Student quantile of its own degrees of freedom, added as squares."""
    # special.stdtrit is stats.t's quantile without its 0.3 ms of checks, which a p-value would pay two dozen times.
    return math.sqrt(sum(v * float(special.stdtrit(df, alpha / 2)) ** 2 for v, df in terms if v > 0 and df > 0))


def _p_value(estimate: float, terms: Sequence[tuple[float, int]]) -> float:
    """The level at which the interval just touches zero."""
    if estimate == 0:
        return 1.0

    def beyond(log_alpha: float) -> float:
        return _half_width(math.exp(log_alpha), terms) - abs(estimate)

    if beyond(_LEAST_LOG) < 0:
        return math.exp(_LEAST_LOG)
    return math.exp(optimize.brentq(beyond, _LEAST_LOG, 0.0))


_LEAST_LOG = math.log(1e-12)  # a smaller p-value says nothing more


def _probability(drawn: ndarray) -> float:
    if drawn.size == 0:
        return 0.5
    return float((drawn > 0).mean() + (drawn == 0).mean() / 2)


def photos_needed(seen: Difference, *, gap: float = 0.01, power: float = 0.8, alpha: float = 0.05) -> int | None:
    """About how many test photos would show a difference in accuracy of ``gap``, with as many seeds as now.

    The number at which a two-sided test at ``alpha`` finds a true difference of ``gap`` with probability ``power``
    (Connor 1987), taking what one photo contributes to the variance, and how the seeds vary, as seen here.

    Args:
        seen: A difference in accuracy between two arms.
        gap: The difference that matters, a share: 0.01 is one point.

    Returns:
        Photos, or None where no number of them would do: the seeds vary too much, or there is but one split.
    """
    if not (math.isfinite(seen.seed_variance) and math.isfinite(seen.photo_variance)):
        return None  # of one split, say, which tells nothing of another
    allowed = (gap / float(stats.norm.isf(alpha / 2) + stats.norm.isf(1 - power))) ** 2 - seen.seed_variance
    if allowed <= 0:
        return None
    # Two models that differ by a gap disagree on at least that share of photos.
    of_one_photo = max(seen.photo_variance * seen.photos, gap * (1 - gap))
    return math.ceil(of_one_photo / allowed)
