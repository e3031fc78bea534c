"""Accuracy against what it costs: time, weights to train, time for one photo; and the arms that nothing beats."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from transfer.reporting.arm_charts import Point, frontier, pareto
from transfer.reporting.evidence import Evidence
from transfer.reporting.markup import DASH, count, duration, percent, render
from transfer.reporting.result import Result
from transfer.reporting.section import Section

COSTS = {
    "seconds": ("Time of a run", "seconds a run", ("seconds", "training"), duration),
    "trainable": ("Trained weights", "trained weights", ("parameters", "trainable"), count),
    "latency": ("Time for one photo", "milliseconds for one photo", ("latency_ms",), lambda ms: f"{ms:.1f} ms"),
}
"""What is drawn: a heading, the axis, the fact of a run, and how it is written."""


def body(evidence: Evidence) -> Markup | None:
    charts = [chart for name in COSTS if (chart := _chart(name, evidence)) is not None]
    if not charts:
        return None
    drawn = {title for chart in charts for title in chart["drawn"]}
    return render(
        "pareto.html",
        ground=evidence.grounds[0],
        charts=charts,
        arms=[(number, title) for title, number in evidence.numbers.items() if title in drawn],
        features=_features(evidence),
    )


def _features(evidence: Evidence) -> list[tuple[str, str]]:
    """What the features of each network took, once."""
    found = {one.network: (one.each("backbone") or DASH, evidence.features(one)) for one in evidence.main}
    return [(name, duration(seconds)) for name, seconds in found.values() if seconds]


def _chart(name: str, evidence: Evidence) -> dict[str, Any] | None:
    """One drawing with its words; None where fewer than two arms say what they cost, or all cost the same."""
    heading, axis, fact, write = COSTS[name]
    known: list[tuple[Result, float, float]] = [
        (one, cost, one.accuracy)
        for one in evidence.main
        if one.accuracy is not None and (cost := one.mean(*fact)) is not None and cost > 0
    ]
    if len({cost for _, cost, _ in known}) < 2:
        return None
    best = frontier([cost for _, cost, _ in known], [accuracy for *_, accuracy in known])
    points = [
        Point(evidence.numbers[one.title], cost, accuracy, edge)
        for (one, cost, accuracy), edge in zip(known, best, strict=True)
    ]
    told = "; ".join(f"{point.number}: {percent(point.accuracy)}, {write(point.cost)}" for point in points)
    title = f"Accuracy against {axis}"
    unbeaten = sorted((cost, one.title) for (one, cost, _), edge in zip(known, best, strict=True) if edge)
    return {
        "heading": heading,
        "chart": pareto(points, axis=axis, name=f"pareto-{name}", title=title, told=f"{told}."),
        "unbeaten": [(title, write(cost)) for cost, title in unbeaten],
        "drawn": [one.title for one, *_ in known],
    }


section = Section("Accuracy and cost", 37, body)
