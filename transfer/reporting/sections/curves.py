"""How each arm trained: accuracy and loss by epoch."""

from __future__ import annotations

from markupsafe import Markup

from transfer.reporting.charts import training_curves
from transfer.reporting.evidence import Evidence
from transfer.reporting.markup import render
from transfer.reporting.section import Section


def body(evidence: Evidence) -> Markup | None:
    drawn = [
        (result, training_curves(result.histories, name=f"curves-{number}", title=f"Training of {result.title}"))
        for number, result in enumerate(evidence.main, 1)
    ]
    if not any(chart for _, chart in drawn):
        return None
    return render(
        "curves.html",
        ground=evidence.grounds[0],
        repeated=any(len(result.runs) > 1 for result, chart in drawn if chart),
        charts=[(result, chart) for result, chart in drawn if chart],
        solved=[result for result, chart in drawn if not chart],
    )


section = Section("Training curves", 40, body)
