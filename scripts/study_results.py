"""Every strategy and every trick on several data sets, as tables: what docs/results.md is made from.

    python scripts/study_results.py caltech20 flowers5 clothing_small hymenoptera --into WORK --jobs 2 > tables.md

A data set is a folder that ``transfer load`` takes. What exists is not trained again, so the same call goes on where it
was stopped, and ``--budget`` cuts it into sittings. All figures are those of ``transfer report``.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import transfer
from transfer.models.backbone import BACKBONES
from transfer.reporting.evidence import Evidence, gather
from transfer.reporting.result import Result
from transfer.reporting.sections.tricks import Effect, effects
from transfer.run import read_runs
from transfer.training.sizes import scaled
from transfer.workflow import shelf
from transfer.workspace import Workspace

TRICKED = ("frozen_head", "fine_tune_top")
"""The strategies that tricks are added to; a solver has nothing that they could change."""

HAD = ("cosine",)
"""Tricks that both of them have already."""


def workspace_of(data: Path, into: Path) -> Workspace:
    workspace = Workspace(into / data.name)
    if not workspace.manifest.exists():
        transfer.load(data, into=workspace)
        transfer.split(workspace)
    return workspace


def train(workspace: Workspace, asked: argparse.Namespace, deadline: float | None) -> None:
    """All strategies of each backbone, then all tricks on two of them."""
    size = None if asked.per_class is None else [asked.per_class]
    how = {"seeds": asked.seeds, "per_class": size or (None,), "size": asked.size, "jobs": asked.jobs}
    for backbone in asked.backbones:
        strategies = [f"{backbone}:{name}" for name in asked.strategies]
        tricked = [f"{backbone}:{name}" for name in TRICKED]
        for arms, tricks in ((strategies, ()), *((tricked, (trick,)) for trick in asked.tricks)):
            if not arms:
                continue
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                return
            compared = transfer.compare(workspace, arms, tricks=tricks, budget=left, **how)
            done = sum(run.done for run in compared)
            tell(f"{workspace.root.name} {backbone} {' '.join(tricks) or 'strategies'}: {done} of {len(compared)} runs")


def tell(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def cell(result: Result | None) -> str:
    """Mean accuracy over the seeds in percent, with its interval."""
    if result is None or result.accuracy is None:
        return "–"
    interval = result.interval
    span = f" ({100 * interval.low:.1f} to {100 * interval.high:.1f})" if interval else ""
    return f"{100 * result.accuracy:.1f}{span}"


def effect_cell(found: Effect | None) -> str:
    """Points that a trick adds, with the interval; a star where the corrected test tells it from nothing."""
    if found is None:
        return "–"
    if found.pair.alike:
        return "the same answers"
    difference = found.pair.difference
    star = "*" if found.settled else ""
    estimate, low, high = (
        f"{round(100 * value, 1) + 0.0:+.1f}" for value in (difference.estimate, difference.low, difference.high)
    )
    return f"{estimate} ({low} to {high}){star}"


def is_asked(result: Result, asked: argparse.Namespace) -> bool:
    """Whether the result is one of so many photos, and of this size where one was asked for."""
    facts = result.runs[0].facts
    own = scaled(BACKBONES[facts["backbone"]].size, facts["strategy"]["scale"])
    return result.ground == (asked.per_class, None) and facts["size"] == (asked.size or own)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, [":---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def tables(evidence: dict[str, Evidence], asked: argparse.Namespace) -> str:
    """The whole page of tables."""
    text = []
    for backbone in asked.backbones:
        of = {
            (name, result.runs[0].arm): result
            for name, one in evidence.items()
            for result in one.results
            if is_asked(result, asked)
        }
        rows = [[name, *(cell(of.get((data, f"{backbone}:{name}"))) for data in evidence)] for name in asked.strategies]
        text.append(f"### Strategies on `{backbone}`: accuracy on test, %\n\n{table(['strategy', *evidence], rows)}")
        found = {
            (name, one.trick, one.pair.b.runs[0].arm): one
            for name, each in evidence.items()
            for one in effects(each)
            if is_asked(one.pair.b, asked)
        }
        columns = [(data, strategy) for strategy in TRICKED for data in evidence]
        head = ["trick", *(f"{strategy}, {data}" for data, strategy in columns)]
        rows = [
            [trick, *(effect_cell(found.get((data, trick, f"{backbone}:{strategy}"))) for data, strategy in columns)]
            for trick in asked.tricks
        ]
        text.append(f"### Tricks on `{backbone}`: points of accuracy they add\n\n{table(head, rows)}")
    return "\n".join(text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path, nargs="+")
    parser.add_argument("--into", type=Path, required=True)
    parser.add_argument("--backbones", nargs="+", default=["mobilenet_v2", "mobilenet_v2_035"])
    parser.add_argument("--strategies", nargs="*", default=sorted(shelf("strategies")))
    parser.add_argument("--tricks", nargs="*", default=sorted(set(shelf("tricks")) - set(HAD)))
    parser.add_argument("--per-class", type=int)
    parser.add_argument("--size", type=int, help="Side of the pictures in pixels; else each backbone's own.")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--budget", type=float, help="Minutes; what is there then is what the tables show.")
    asked = parser.parse_args()
    if asked.size is not None:  # then there is no other size to compare with
        asked.tricks = [trick for trick in asked.tricks if trick != "higher_resolution"]
    begun = time.monotonic()
    deadline = None if asked.budget is None else begun + 60 * asked.budget
    evidence = {}
    for data in asked.data:
        workspace = workspace_of(data, asked.into)
        train(workspace, asked, deadline)
        if runs := read_runs(workspace):
            evidence[data.name] = gather(workspace, transfer.Manifest.read(workspace), runs)
    sys.stdout.write(tables(evidence, asked))
    tell(f"{time.monotonic() - begun:.0f} s in this sitting")


if __name__ == "__main__":
    main()
