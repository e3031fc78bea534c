"""Pair: two arms side by side; every pair of a comparison, with intervals and corrected p-values.

It owns the alignment of photos and seeds. The statistics themselves are those of ``transfer.scores``.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from transfer import scores
from transfer.reporting.result import Result

LEVEL = 0.05
"""Two arms count as different where the corrected p-value is below this."""


@dataclass(frozen=True, eq=False)
class Pair:
    """Two arms at one training size, in accuracy on the test split.

    Attributes:
        a, b: The difference is a minus b.
        p: Of this pair by itself.
        corrected: The p-value after Holm's correction over all pairs of this size.
    """

    a: Result
    b: Result
    difference: scores.Difference
    p: float
    corrected: float

    @property
    def settled(self) -> bool:
        """Whether the two can be told apart."""
        return self.corrected < LEVEL

    def seen_from(self, result: Result) -> Pair:
        """The same pair with this result as ``a``."""
        return self if self.a is result else Pair(self.b, self.a, self.difference.mirrored(), self.p, self.corrected)


def pairs_of(results: Sequence[Result]) -> tuple[Pair, ...]:
    """Every pair of arms within a training size, Holm-corrected within it; paired by the seeds that both have."""
    measured = [result for result in results if result.accuracies]
    if not measured:
        return ()
    common = set.intersection(*({*part.photos} for result in measured for part in result.stated))
    first = measured[0].stated[0]
    photos = [photo for photo in first.photos if photo in common]
    group_of = dict(zip(first.photos, first.groups, strict=True))
    resamples = scores.Resamples([group_of[photo] for photo in photos])
    drawn = {result: _resampled(result, photos, resamples) for result in measured}
    pairs: list[Pair] = []
    for _, of_size in itertools.groupby(measured, key=lambda result: result.per_class):
        found = [
            (a, b, _possible(scores.difference([drawn[a][s] for s in seeds], [drawn[b][s] for s in seeds], resamples)))
            for a, b in itertools.combinations(of_size, 2)
            if (seeds := [seed for seed in a.seeds if seed in b.seeds])
        ]
        alone = [_p_value(a, b, difference) for a, b, difference in found]
        pairs += [Pair(*one, *p) for one, *p in zip(found, alone, scores.holm(alone), strict=True)]
    return tuple(pairs)


def _possible(difference: scores.Difference) -> scores.Difference:
    """Without what no two accuracies can differ by: from very few seeds an interval reaches beyond all of them."""
    return dataclasses.replace(difference, low=max(difference.low, -1.0), high=min(difference.high, 1.0))


def _resampled(result: Result, photos: Sequence[str], resamples: scores.Resamples) -> dict[int, scores.Resampled]:
    drawn = {}
    for run, part in zip(result.runs, result.stated, strict=True):
        place = {photo: index for index, photo in enumerate(part.photos)}
        order = [place[photo] for photo in photos]
        drawn[run.seed] = resamples.of(scores.ACCURACY, part.truth[order], part.probabilities[order])
    return drawn


def _p_value(a: Result, b: Result, difference: scores.Difference) -> float:
    """Of two single runs on single photos McNemar's mid-p, which is exact about few disagreements."""
    if difference.seeds > 1 or difference.groups < difference.photos:
        return difference.p
    seed = next(seed for seed in a.seeds if seed in b.seeds)
    one, other = (
        dict(zip(part.photos, part.correct, strict=True))
        for part in (a.stated[a.seeds.index(seed)], b.stated[b.seeds.index(seed)])
    )
    both = one.keys() & other.keys()
    only_a = sum(bool(one[photo] and not other[photo]) for photo in both)
    only_b = sum(bool(other[photo] and not one[photo]) for photo in both)
    return scores.mcnemar(only_a, only_b).p
