"""Where every figure comes from: data, seeds, weights, versions, and how often the test split was opened."""

from __future__ import annotations

from markupsafe import Markup

from transfer.reporting.evidence import Evidence
from transfer.reporting.markup import render
from transfer.reporting.section import Section

FEW = 6
"""Up to so many commands stand among the facts; each run's own stands in the table of all runs anyway."""


def body(evidence: Evidence) -> Markup:
    runs = evidence.runs
    versions = sorted({(name, version) for run in runs for name, version in (run.facts.get("versions") or {}).items()})
    weights: dict[tuple[str, str], set[str]] = {}
    for run in runs:
        if used := run.facts.get("weights"):
            weights.setdefault((str(used.get("name")), str(used.get("sha256"))), set()).add(run.arm)
    given = [run for result in evidence.results if result.folds is None for run in result.runs]
    opened = [run.facts["test_opened"] for run in given if run.facts.get("test_opened") is not None]
    started = sorted(str(run.facts["started"]) for run in runs if run.facts.get("started"))
    return render(
        "provenance.html",
        evidence=evidence,
        seeds=sorted({run.seed for run in given}),
        versions=versions,
        weights=[(one, sorted(arms)) for one, arms in sorted(weights.items())],
        opened=opened,
        started=started,
        commands=list(dict.fromkeys(str(run.facts["command"]) for run in runs if run.facts.get("command"))),
        few=FEW,
        folds={result.folds: None for result in evidence.results if result.folds},
        judged=len(runs) - len(given),
        data={run.data: result.folds for result in evidence.results for run in result.runs} or {evidence.data: None},
        results=evidence.results,
        runs=runs,
    )


section = Section("Provenance", 80, body)
