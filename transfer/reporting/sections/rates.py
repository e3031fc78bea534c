"""What range tests of the learning rate say, where some were asked for."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from transfer.reporting.evidence import Evidence
from transfer.reporting.markup import render
from transfer.reporting.rate_chart import rate_chart
from transfer.reporting.section import Section
from transfer.scores import RangeTest, in_powers, range_test


@dataclass(frozen=True)
class Curve:
    """One phase's test: of which arm, at which step and seed, with the rate that the phase has."""

    arm: str
    step: int
    seed: int
    own: float
    test: RangeTest
    chart: Markup


def body(evidence: Evidence) -> Markup | None:
    ground = next((one.ground for one in evidence.results if any(one.rates)), None)
    if ground is None:
        return None
    curves: list[Curve] = []
    for result in evidence.on(ground):
        run, rows = next(
            ((run, rows) for run, rows in zip(result.runs, result.rates, strict=False) if rows), (None, [])
        )
        for number in dict.fromkeys(int(row["step"]) for row in rows):
            if run is None:
                continue
            part = [row for row in rows if row["step"] == number]
            test = range_test([row["rate"] for row in part], [row["loss"] for row in part])
            own = float(run.facts["strategy"]["steps"][number]["rate"])
            title = f"Range test of {result.title}, step {number + 1}"
            chart = rate_chart(test, own=own, name=f"rates-{len(curves) + 1}", title=title)
            curves.append(Curve(result.title, number + 1, run.seed, own, test, chart))
    return render("rates.html", ground=ground, curves=curves, in_powers=in_powers)


section = Section("Learning rates", 41, body)
