"""Which classes the best arm takes for which."""

from __future__ import annotations

import numpy
from markupsafe import Markup

from transfer import scores
from transfer.reporting.evidence import Evidence
from transfer.reporting.markup import render
from transfer.reporting.section import Section

WHOLE = 20
"""Up to so many classes the whole table is readable; beyond, the most confused pairs and each class's figures are."""

PAIRS = 8


def body(evidence: Evidence) -> Markup | None:
    best = evidence.best
    if best is None or not best.accuracies:
        return None
    table, labels = best.table, best.runs[0].labels
    precision, recall = scores.per_class(table)
    given = table.sum(axis=1)
    photos_of = numpy.bincount(best.truth, minlength=len(labels))
    off = table - numpy.diag(table.diagonal())
    order = sorted(zip(*numpy.nonzero(off), strict=True), key=lambda at: (-off[at], at))[:PAIRS]
    return render(
        "confusion.html",
        evidence=evidence,
        best=best,
        labels=labels,
        table=table.tolist() if len(labels) <= WHOLE else None,
        shares=(table / numpy.maximum(given, 1)[:, None]).tolist() if len(labels) <= WHOLE else None,
        pairs=[
            {"given": labels[i], "taken": labels[j], "times": int(off[i, j]), "of": int(given[i])} for i, j in order
        ],
        classes=[
            {"label": label, "photos": photos, "recall": recall[i], "precision": precision[i]}
            for i, (label, photos) in enumerate(zip(labels, photos_of.tolist(), strict=True))
        ],
    )


section = Section("Confusion", 50, body)
