"""What each arm costs: time, memory, weights, and the settings that decide them."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from transfer.reporting.evidence import Evidence
from transfer.reporting.markup import render
from transfer.reporting.result import Result
from transfer.reporting.section import Section


def body(evidence: Evidence) -> Markup | None:
    if not evidence.results:
        return None
    return render(
        "costs.html",
        ground=evidence.grounds[0],
        repeated=any(len(result.runs) > 1 for result in evidence.main),
        rows=[_row(result, evidence) for result in evidence.main],
    )


def _row(result: Result, evidence: Evidence) -> dict[str, Any]:
    return {
        "title": result.title,
        "training": result.seconds,
        "features": evidence.features(result),
        "latency": result.mean("latency_ms"),
        "memory": result.greatest("peak_memory_mb"),
        "trainable": result.mean("parameters", "trainable"),
        "total": result.mean("parameters", "total"),
        "size": result.each("size"),
        "batch_norm": result.each("batch_norm"),
        "precision": result.precision,
        "engine": result.each("engine"),
        "device": result.each("device"),
    }


section = Section("Costs", 70, body)
