"""How every two arms stand to each other: the difference, its interval, and p after correction."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from transfer.reporting import method
from transfer.reporting.evidence import Evidence
from transfer.reporting.markup import render
from transfer.reporting.pair import Pair
from transfer.reporting.section import Section

SHOWN = 15
"""Up to so many pairs all are drawn at once; of more those of the first arm, and the others on demand."""


def body(evidence: Evidence) -> Markup | None:
    if not evidence.pairs:
        return None
    groups: list[dict[str, Any]] = []
    asked = {one.ground: one for one in evidence.omnibus}
    for ground in evidence.grounds:
        pairs = [pair for pair in evidence.pairs if pair.a.ground == ground]
        if pairs:
            first = pairs[0].a
            shown = pairs if len(pairs) <= SHOWN else [pair for pair in pairs if first in (pair.a, pair.b)]
            more = [pair for pair in pairs if pair not in shown]
            group = {"ground": ground, "of": len(pairs), "shown": shown, "more": more, "scale": scale(pairs)}
            groups.append(group | {"omnibus": asked.get(ground)})
    return render(
        "differences.html",
        groups=groups,
        interval=method.interval(evidence.pairs),
        p=method.p_value(evidence.pairs),
        seeds=max(pair.difference.seeds for pair in evidence.pairs),
        folds=any(group["ground"].folds for group in groups),
        given=any(group["ground"].folds is None for group in groups),
    )


def scale(pairs: Sequence[Pair]) -> dict[str, Any]:
    """The ends of the drawn scale around all that is drawn and zero, its ticks in round numbers, and their places."""
    edges = [edge for pair in pairs for edge in (pair.difference.low, pair.difference.high) if math.isfinite(edge)]
    step = 0.05 if max(map(abs, edges), default=0.0) > 0.05 else 0.01
    low, high = (
        math.floor(min(0.0, *edges, -step) / step) * step,
        math.ceil(max(0.0, *edges, step) / step) * step,
    )
    between = next(points for points in (1, 2, 5, 10, 20, 50) if 100 * (high - low) <= 5 * points or points == 50)
    ticks = [n * between / 100 for n in range(math.ceil(100 * low / between), math.floor(100 * high / between) + 1)]

    def place(value: float) -> str:
        return f"{100 * (min(max(value, low), high) - low) / (high - low):.2f}%"

    return {"low": low, "high": high, "ticks": ticks, "place": place}


section = Section("Differences", 35, body)
