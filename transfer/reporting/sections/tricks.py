"""What each training trick does: the arm with it against the same arm without."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from transfer import scores
from transfer.arm import Arm
from transfer.errors import CallError
from transfer.reporting.evidence import Evidence
from transfer.reporting.markup import render
from transfer.reporting.pair import LEVEL, Pair
from transfer.reporting.result import Result
from transfer.reporting.section import Section
from transfer.reporting.sections.differences import scale
from transfer.strategy import ALL


@dataclass(frozen=True)
class Effect:
    """A trick on an arm: ``pair.a`` has it, ``pair.b`` does not.

    Attributes:
        trick: Its name. corrected: p after Holm's correction over the effects on this ground, which are asked after by
            themselves, whatever other pairs there are.
    """

    trick: str
    pair: Pair
    corrected: float

    @property
    def settled(self) -> bool:
        return self.corrected < LEVEL


def effects(evidence: Evidence) -> tuple[Effect, ...]:
    """Every trick whose arm was also trained without it and otherwise alike; by ground, trick and arm."""
    found: list[Effect] = []
    for ground in evidence.grounds:
        of_ground = [
            (trick, turned)
            for pair in evidence.pairs
            if pair.a.ground == ground
            for turned in (pair, pair.seen_from(pair.b))
            if (trick := _added(turned.a, turned.b)) is not None
        ]
        of_ground.sort(key=lambda one: (one[0], one[1].a.title))
        corrected = scores.holm([pair.p for _, pair in of_ground])
        found += [Effect(trick, pair, p) for (trick, pair), p in zip(of_ground, corrected, strict=True)]
    return tuple(found)


def _added(more: Result, less: Result) -> str | None:
    """The one trick that tells the first arm from the second, or None."""
    one, other = _arm(more), _arm(less)
    settings = [("weights", "sha256"), ("precision",), ("half",), ("refit",), ("asked", "epochs"), ("asked", "rate")]
    if _freezes(more) and _freezes(less):  # else the trick thaws all, and what is all trained has no other engine
        settings.append(("engine",))
    if more.each("strategy", "scale") == less.each("strategy", "scale"):  # else the size is what the trick is about
        settings.append(("size",))
    if one is None or other is None or any(more.each(*name) != less.each(*name) for name in settings):
        return None
    for place, trick in enumerate(one.tricks):
        if Arm(one.backbone, one.strategy, one.weights, one.tricks[:place] + one.tricks[place + 1 :]) == other:
            return trick
    return None


def _freezes(result: Result) -> bool:
    """Whether it learns from a frozen part of the backbone in some step."""
    steps = (result.runs[0].facts.get("strategy") or {}).get("steps") or ()
    return any(step.get("step") == "solver" or step.get("thaw") != ALL for step in steps)


def _arm(result: Result) -> Arm | None:
    try:
        return Arm.parse(result.runs[0].arm)
    except CallError:  # of another version, or written by hand
        return None


def body(evidence: Evidence) -> Markup | None:
    found = effects(evidence)
    if not found:
        return None
    groups = []
    for ground in evidence.grounds:
        own = [effect for effect in found if effect.pair.a.ground == ground]
        if own:
            groups.append({"ground": ground, "effects": own, "scale": scale([effect.pair for effect in own])})
    return render("tricks.html", groups=groups, several=any(len(group["effects"]) > 1 for group in groups))


section = Section("Tricks", 38, body)
