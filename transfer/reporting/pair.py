"""Pair: two arms side by side; every pair of a comparison, with intervals and corrected p-values.

It owns the alignment of photos, seeds and folds, and the one question that comes before all pairs. The statistics
themselves are those of ``transfer.scores``.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import numpy

from transfer import scores
from transfer.comparison import Ground
from transfer.reporting.markup import plural
from transfer.reporting.result import Result, design_of
from transfer.run import Predictions

LEVEL = 0.05
"""Two arms count as different where the corrected p-value is below this."""


@dataclass(frozen=True, eq=False)
class Pair:
    """Two arms on one ground, in accuracy.

    Attributes:
        a, b: The difference is a minus b.
        p: Of this pair by itself.
        corrected: The p-value after Holm's correction over all pairs of this ground.
    """

    a: Result
    b: Result
    difference: scores.Difference
    p: float
    corrected: float

    @property
    def exact(self) -> bool:
        """Whether p is McNemar's mid-p."""
        return _exact(self.a, self.difference)

    @cached_property
    def alike(self) -> bool:
        """Whether both answered every photo that both were judged on alike: then there is nothing to tell apart."""
        return all(_alike(self.a, self.b, seed) for seed in self.a.seeds if seed in self.b.seeds)

    @property
    def shared(self) -> str:
        """What it rests on where one of the arms has more than both have, to go on with in a sentence."""
        common, kind = self.difference.seeds, "fold" if self.a.folds else "seed"
        if common == len(self.a.runs) == len(self.b.runs):
            return ""
        return f"over the {f'one {kind}' if common == 1 else plural(common, kind)} that both have"

    @property
    def settled(self) -> bool:
        """Whether the two can be told apart."""
        return self.corrected < LEVEL

    def seen_from(self, result: Result) -> Pair:
        """The same pair with this result as ``a``."""
        return self if self.a is result else Pair(self.b, self.a, self.difference.mirrored(), self.p, self.corrected)


def pairs_of(results: Sequence[Result]) -> tuple[Pair, ...]:
    """Every pair of arms on one ground, Holm-corrected within it; paired by the seeds that both have.

    On the given splits by the joint bootstrap over seeds and groups of photos, in folds by Nadeau and Bengio; none
    where only validation was judged, which has chosen.
    """
    measured = [result for result in results if result.accuracies and result.stated[0].split == "test"]
    on_one_split = _on_one_split()
    pairs: list[Pair] = []
    for ground, of_ground in itertools.groupby(measured, key=lambda result: result.ground):
        difference = _in_folds if ground.folds else on_one_split
        found = [
            (a, b, _possible(seen))
            for a, b in itertools.combinations(of_ground, 2)
            if (seeds := [seed for seed in a.seeds if seed in b.seeds]) and (seen := difference(a, b, seeds))
        ]
        alone = [_p_value(a, b, difference) for a, b, difference in found]
        pairs += [Pair(*one, *p) for one, *p in zip(found, alone, scores.holm(alone), strict=True)]
    return tuple(pairs)


Difference = Callable[[Result, Result, Sequence[int]], scores.Difference | None]
"""None where there is no photo that both arms have judged."""


def _on_one_split() -> Difference:
    """How two arms that were judged on one split differ over these seeds; one set of draws serves all."""
    # Photos that have other names by now part the runs before from the runs since; either may still be compared.
    resamples = cache(scores.Resamples)
    resampled = cache(_resampled)

    def difference(a: Result, b: Result, seeds: Sequence[int]) -> scores.Difference | None:
        photos = _common([one.answer(seed) for one in (a, b) for seed in seeds])
        if not photos:
            return None
        first = a.answer(seeds[0])
        group_of = dict(zip(first.photos, first.groups, strict=True))
        draws = resamples(tuple(group_of[photo] for photo in photos))
        one, other = ([resampled(side, seed, photos, draws) for seed in seeds] for side in (a, b))
        return scores.difference(one, other, draws, step=1 / draws.groups)

    return difference


def _in_folds(a: Result, b: Result, seeds: Sequence[int]) -> scores.Difference:
    """How two arms that were trained in the same folds differ."""
    parts = [[result.answer(seed) for seed in seeds] for result in (a, b)]
    one, other = ([float(part.correct.mean()) for part in side] for side in parts)
    # The photos are the same, if perhaps under other names; of groups the later run may know more.
    design = min((design_of(side, a.folds or 1) for side in parts), key=lambda found: found.groups)
    return scores.difference_over_splits(one, other, design)


@dataclass(frozen=True)
class Omnibus:
    """Cochran's Q over all arms of one ground, for each seed that all of them have.

    Attributes:
        ground: Where. arms: How many. tests: One a seed, by seed.
    """

    ground: Ground
    arms: int
    tests: tuple[scores.Test, ...]


def omnibus_of(results: Sequence[Result]) -> tuple[Omnibus, ...]:
    """For each ground of given splits with three arms or more; of two arms Q says what their pair says.

    Not for folds, where no photo was judged twice by one model, nor where no photo was judged by all.
    """
    measured = [result for result in results if result.accuracies and result.stated[0].split == "test"]
    found = []
    for ground, of_ground in itertools.groupby(measured, key=lambda result: result.ground):
        arms = list(of_ground)
        seeds = sorted(set.intersection(*({*one.seeds} for one in arms)))
        if ground.folds is None and len(arms) > 2:
            tests = tuple(test for seed in seeds if (test := _cochran([one.answer(seed) for one in arms])))
            found += [Omnibus(ground, len(arms), tests)] if tests else []
    return tuple(found)


def _cochran(parts: Sequence[Predictions]) -> scores.Test | None:
    right = [dict(zip(part.photos, part.correct, strict=True)) for part in parts]
    common = _common(parts)
    if not common:
        return None
    return scores.cochran_q(numpy.array([[one[photo] for one in right] for photo in common], dtype=bool))


def _common(parts: Sequence[Predictions]) -> tuple[str, ...]:
    """The photos that are in all of them, in the order of the first."""
    everywhere = set.intersection(*({*photos} for photos in {part.photos for part in parts}))
    return tuple(photo for photo in parts[0].photos if photo in everywhere)


def _possible(difference: scores.Difference) -> scores.Difference:
    """Without what no two accuracies can differ by: from very few seeds an interval reaches beyond all of them."""
    return dataclasses.replace(difference, low=max(difference.low, -1.0), high=min(difference.high, 1.0))


def _resampled(result: Result, seed: int, photos: Sequence[str], resamples: scores.Resamples) -> scores.Resampled:
    part = result.answer(seed)
    place = {photo: index for index, photo in enumerate(part.photos)}
    order = [place[photo] for photo in photos]
    return resamples.of(scores.ACCURACY, part.truth[order], part.probabilities[order])


def _alike(a: Result, b: Result, seed: int) -> bool:
    one, other = (
        dict(zip(part.photos, part.predicted.tolist(), strict=True)) for part in (a.answer(seed), b.answer(seed))
    )
    return all(one[photo] == other[photo] for photo in one.keys() & other.keys())


def _exact(a: Result, difference: scores.Difference) -> bool:
    """Whether two single runs met on single photos: there McNemar's mid-p is exact about few disagreements."""
    return not a.folds and difference.seeds == 1 and difference.groups == difference.photos


def _p_value(a: Result, b: Result, difference: scores.Difference) -> float:
    if not _exact(a, difference):
        return difference.p
    seed = next(seed for seed in a.seeds if seed in b.seeds)
    one, other = (dict(zip(part.photos, part.correct, strict=True)) for part in (a.answer(seed), b.answer(seed)))
    both = one.keys() & other.keys()
    only_a = sum(bool(one[photo] and not other[photo]) for photo in both)
    only_b = sum(bool(other[photo] and not one[photo]) for photo in both)
    return scores.mcnemar(only_a, only_b).p
