"""The worst mistakes of the best arm, with their photos: often the label is what is wrong."""

from __future__ import annotations

from markupsafe import Markup

from transfer.reporting.evidence import Evidence
from transfer.reporting.markup import render
from transfer.reporting.section import Section


def body(evidence: Evidence) -> Markup | None:
    best = evidence.best
    if best is None or not best.accuracies:
        return None
    return render("mistakes.html", evidence=evidence, best=best)


section = Section("Mistakes", 60, body)
