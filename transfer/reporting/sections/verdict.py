"""What won, by how much and at what cost; or that nothing can be said, and how many photos it would take."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from transfer import scores
from transfer.reporting.evidence import Evidence
from transfer.reporting.markup import render
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
        unpaired: Arms that share no seed with it.
    """

    leader: Result
    beaten: tuple[Pair, ...]
    level: tuple[Pair, ...]
    better: tuple[Pair, ...]
    unpaired: tuple[Result, ...]

    @property
    def wins(self) -> bool:
        """A winner is named only where the corrected test rejects against every other arm."""
        return bool(self.beaten) and not (self.level or self.better or self.unpaired)

    @property
    def nearest(self) -> Pair | None:
        """The arm that is hardest to tell from the leader."""
        return min(self.level or self.beaten, key=lambda pair: abs(pair.difference.estimate), default=None)

    @property
    def needed(self) -> int | None:
        """Test photos that would show a difference of one point; None where only more seeds would."""
        return scores.photos_needed(self.nearest.difference, gap=GAP) if self.nearest else None

    @property
    def cheapest(self) -> Result | None:
        """The one that trains fastest among the leader and those it cannot be told from."""
        rivals = [self.leader, *(pair.b for pair in self.level)]
        timed = [(seconds, rival) for rival in rivals if (seconds := rival.mean("seconds", "total")) is not None]
        return min(timed, key=lambda one: one[0])[1] if len(timed) == len(rivals) else None


def judge(evidence: Evidence) -> Verdict | None:
    """The verdict at the largest training size; None where nothing was trained to the end."""
    leader = evidence.best
    if leader is None:
        return None
    pairs = [pair.seen_from(leader) for pair in evidence.pairs if leader in (pair.a, pair.b)]
    paired = {id(pair.b) for pair in pairs}
    return Verdict(
        leader=leader,
        beaten=tuple(pair for pair in pairs if pair.settled and pair.difference.estimate > 0),
        level=tuple(pair for pair in pairs if not pair.settled),
        better=tuple(pair for pair in pairs if pair.settled and pair.difference.estimate < 0),
        unpaired=tuple(other for other in evidence.main[1:] if id(other) not in paired) if evidence.pairs else (),
    )


def body(evidence: Evidence) -> Markup:
    return render("verdict.html", evidence=evidence, verdict=judge(evidence), several=len(evidence.main) > 2)


section = Section("Verdict", 10, body)
