"""Whether a probability means what it says, and what temperature scaling would mend."""

from __future__ import annotations

import dataclasses
from statistics import fmean
from typing import Any

import numpy
from markupsafe import Markup

from transfer import scores
from transfer.reporting.arm_charts import reliability
from transfer.reporting.evidence import Evidence
from transfer.reporting.markup import percent, plural, render
from transfer.reporting.result import Result
from transfer.reporting.section import Section


def body(evidence: Evidence) -> Markup | None:
    best = evidence.best
    if best is None or not best.accuracies:
        return None
    truth = numpy.concatenate([part.truth for part in best.answers])
    bins = scores.reliability(truth, numpy.concatenate([part.probabilities for part in best.answers]))
    told = "; ".join(
        f"{plural(bin.photos, 'answer')} at {percent(bin.confidence, 0)}: {percent(bin.accuracy, 0)} right"
        for bin in bins
    )
    return render(
        "calibration.html",
        evidence=evidence,
        best=best,
        chart=reliability(bins, name="reliability", title=f"Reliability of {best.title}", told=f"{told}."),
        means=_means(evidence),
        held=len(best.validation[0].photos),
        rows=[_row(result) for result in evidence.main if result.accuracies],
    )


def _means(evidence: Evidence) -> str:
    if all(len(result.answers) == 1 for result in evidence.main):
        return ""
    return f"Means over the {'repetitions' if evidence.grounds[0].folds else 'seeds'}. "


def _row(result: Result) -> dict[str, Any]:
    confidence = fmean(float(part.probabilities.max(axis=1).mean()) for part in result.stated if len(part.photos))
    row = {
        "title": result.title,
        "surer": confidence - fmean(result.accuracies),
        "error": result.score(scores.CALIBRATION_ERROR),
        "loss": result.score(scores.LOG_LOSS),
        "temperature": None,
        "error_after": None,
        "loss_after": None,
    }
    # Right answers only ask for certainty, so a run without a mistake on validation has no temperature; nor has one
    # without validation photos, and where those are what is stated there is nothing apart to fit on.
    if result.stated[0].split == "validation" or any(part.correct.all() for part in result.validation):
        return row
    temperatures = [scores.temperature(part.truth, part.probabilities) for part in result.validation]
    scaled = tuple(
        dataclasses.replace(part, probabilities=scores.tempered(part.probabilities, one))
        for part, one in zip(result.stated, temperatures, strict=True)
    )
    after = dataclasses.replace(result, stated=scaled)
    row["temperature"] = fmean(temperatures)
    row["error_after"] = after.score(scores.CALIBRATION_ERROR)
    row["loss_after"] = after.score(scores.LOG_LOSS)
    return row


section = Section("Calibration", 55, body)
