"""What won, by how much and at what cost; or that nothing can be said, and how many photos it would take."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from transfer import scores
from transfer.reporting.evidence import Evidence
from transfer.reporting.markup import of_size, render
from transfer.reporting.pair import Pair
from transfer.reporting.result import Result
from transfer.reporting.section import Section

GAP = 0.01
"""The difference that the page says the price of: one point."""


@dataclass(frozen=True)
class Verdict:
    """How the arm that validation chose stands to the others, on the test split.

    Attributes:
        leader: The chosen arm.
        beaten: Arms it is better than, after correction. level: Arms it cannot be told from.
        better: Arms that are better than it: validation chose wrongly, and the page says so.
        unpaired: Arms that share no seed with it, or no photo.
        elsewhere: The leader and its nearest arm at the other training sizes, the largest first.
        outdone: Arms that the leader cannot be told from, but that another such arm is better than, after correction.
    """

    leader: Result
    beaten: tuple[Pair, ...]
    level: tuple[Pair, ...]
    better: tuple[Pair, ...]
    unpaired: tuple[Result, ...]
    elsewhere: tuple[Pair, ...] = ()
    outdone: tuple[Result, ...] = ()

    @property
    def wins(self) -> bool:
        """A winner is named only where the corrected test rejects against every other arm."""
        return bool(self.beaten) and not (self.level or self.better or self.unpaired)

    @property
    def renamed(self) -> tuple[Result, ...]:
        """The unpaired arms that share a seed with it: then it is the photos that they do not share."""
        return tuple(other for other in self.unpaired if {*other.seeds} & {*self.leader.seeds})

    @property
    def other_seeds(self) -> tuple[Result, ...]:
        """The unpaired arms that share no seed with it."""
        return tuple(other for other in self.unpaired if other not in self.renamed)

    @property
    def of_one_seed(self) -> bool:
        """Whether one seed is all that a pair rests on, or that was trained of an arm."""
        shared = [pair.difference.seeds for pair in (*self.beaten, *self.level, *self.better)]
        return 1 in shared or any(len(one.seeds) == 1 for one in (self.leader, *self.unpaired))

    @property
    def nearest(self) -> Pair | None:
        """The arm that is hardest to tell from the leader."""
        return min(self.level or self.beaten, key=lambda pair: abs(pair.difference.estimate), default=None)

    @property
    def sizes(self) -> dict[str, str]:
        """In words at which other training sizes the two nearest are ``level``, the leader ``ahead`` or ``behind``."""
        found: dict[str, list[int]] = {}
        for pair in self.elsewhere:
            how = "level" if not pair.settled else "ahead" if pair.difference.estimate > 0 else "behind"
            found.setdefault(how, []).append(pair.a.per_class or 0)
        return {how: _sizes(sizes) for how, sizes in found.items()}

    @property
    def needed(self) -> int | None:
        """Test photos that would show a difference of one point; None where only more seeds would."""
        return scores.photos_needed(self.nearest.difference, gap=GAP) if self.nearest else None

    @property
    def small(self) -> bool:
        """Whether the interval to the nearest arm excludes a difference of one point."""
        seen = self.nearest.difference if self.nearest else None
        return seen is not None and max(-seen.low, seen.high) < GAP

    @property
    def cheapest(self) -> Result | None:
        """The one that trains fastest among the leader and those it cannot be told from that none of them outdoes."""
        rivals = [self.leader, *(pair.b for pair in self.level if pair.b not in self.outdone)]
        timed = [(seconds, rival) for rival in rivals if (seconds := rival.seconds) is not None]
        return min(timed, key=lambda one: one[0])[1] if len(timed) == len(rivals) else None


def judge(evidence: Evidence) -> Verdict | None:
    """The verdict at the largest training size; None where nothing was trained to the end."""
    leader = evidence.best
    if leader is None:
        return None
    pairs = [pair.seen_from(leader) for pair in evidence.pairs if leader in (pair.a, pair.b)]
    paired = {id(pair.b) for pair in pairs}
    verdict = Verdict(
        leader=leader,
        beaten=tuple(pair for pair in pairs if pair.settled and pair.difference.estimate > 0),
        level=tuple(pair for pair in pairs if not pair.settled),
        better=tuple(pair for pair in pairs if pair.settled and pair.difference.estimate < 0),
        unpaired=tuple(other for other in evidence.main[1:] if id(other) not in paired),
    )
    if verdict.nearest is None:
        return verdict
    names = (leader.title, verdict.nearest.b.title)
    others = [
        pair if pair.a.title == names[0] else pair.seen_from(pair.b)
        for pair in evidence.pairs
        if {pair.a.title, pair.b.title} == {*names}
        and pair.a.folds == leader.folds
        and pair.a.per_class not in (None, leader.per_class)
    ]
    return dataclasses.replace(verdict, elsewhere=tuple(others), outdone=_outdone(evidence, verdict))


def _outdone(evidence: Evidence, verdict: Verdict) -> tuple[Result, ...]:
    rivals = [pair.b for pair in verdict.level]
    between = [pair for pair in evidence.pairs if pair.settled and pair.a in rivals and pair.b in rivals]
    lesser = [pair.b if pair.difference.estimate > 0 else pair.a for pair in between]
    return tuple(rival for rival in rivals if rival in lesser)


def _sizes(sizes: Sequence[int]) -> str:
    """Training sizes as an alternative: 10, 5 or 1 photos a class.

    >>> _sizes([10, 5, 1]), _sizes([1])
    ('10, 5 or 1 photos a class', '1 photo a class')
    """
    *most, last = sizes
    return f"{', '.join(map(str, most))} or {last} photos a class" if most else of_size(last)


def body(evidence: Evidence) -> Markup:
    return render("verdict.html", evidence=evidence, verdict=judge(evidence), several=len(evidence.main) > 2)


section = Section("Verdict", 10, body)
