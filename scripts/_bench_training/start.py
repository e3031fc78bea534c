"""From ``transfer train`` to the first step; what a skipped run costs; what a trial on kept features costs.

Programs are timed from the moment they are started. The first step is made when the first call of Keras' ``fit`` has
cost what it costs more than a later one, that is its tracing: ``watched.py`` runs the command line and notes those
calls, and nothing else is changed. ``cold``: nothing is kept; ``kept``: another seed of the same arm.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from statistics import fmean

import transfer
from _bench_training.measuring import Spent, median, spent, spread, table, tell, title
from transfer.run import read_runs
from transfer.workspace import Workspace

WATCHED = Path(__file__).with_name("watched.py")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path)
    parser.add_argument("--arms", nargs="+", default=["mobilenet_v2:frozen_head", "mobilenet_v2:fine_tune_top"])
    quick = ["nearest_centroid", "linear_probe", "frozen_head"]
    parser.add_argument("--trials", nargs="+", default=[f"mobilenet_v2:{name}" for name in quick])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--demo", action="store_true", help="Time `transfer demo` as well, once: minutes.")


def run(asked: argparse.Namespace) -> None:
    print(title("Starting, skipping, trying"))
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder, "ws"))
        transfer.load(asked.folder, into=workspace)
        transfer.split(workspace)
        imports = [_program(["-c", "import transfer.training.trial"]).seconds for _ in range(asked.rounds)]
        rows = [row for arm in asked.arms for row in _starts(arm, workspace, asked.rounds, Path(folder))]
        head = ["s after the call", "`fit` begun", "first step made", "of it tracing", "of it features", "end"]
        print(table(head, rows))
        print(
            f"Of each, {spread(imports, '.1f')} s are imports alone (Python, TensorFlow, Keras). *features* is the "
            "pass over the photos with building, converting and compiling the network; what is left before `fit` is "
            "reading the manifest, building the network and, where a solver comes first, its solution.\n"
        )
        _show_skipped(asked.arms[0], workspace, asked.rounds, imports)
        _show_trials(asked.trials, workspace, asked.seeds)
        if asked.demo:
            tell("transfer demo")
            took = _program(["-m", "transfer", "demo", "--into", str(Path(folder, "demo")), "--quiet"])
            print(f"`transfer demo` after installation: {took.seconds:.0f} s.\n")


def _program(arguments: list[str]) -> Spent:
    """How long a program of this Python takes; its CPU seconds are not asked."""

    def act() -> None:
        done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{' '.join(arguments)} failed: {done.stderr[-500:]}")

    return spent(act)


def _starts(arm: str, workspace: Workspace, rounds: int, folder: Path) -> list[list[str]]:
    found: dict[str, list[dict[str, float]]] = {"cold": [], "kept": []}
    for number in range(rounds):
        tell(f"{arm}, round {number + 1}")
        shutil.rmtree(workspace.features, ignore_errors=True)
        for place, state in enumerate(found):
            found[state].append(_watched(arm, workspace, 2 * number + place, folder / "marks.json"))
    columns = ("begun", "step", "tracing", "features", "end")
    return [
        [f"{arm}, {state}", *(spread([one[name] for one in each], ".1f") for name in columns)]
        for state, each in found.items()
    ]


def _watched(arm: str, workspace: Workspace, seed: int, marks: Path) -> dict[str, float]:
    begun = time.monotonic()
    words = ["train", str(workspace.root), arm, "--seed", str(seed), "--epochs", "3", "--json", "--quiet"]
    done = subprocess.run([sys.executable, str(WATCHED), str(marks), *words], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"transfer train {arm} failed: {done.stderr[-500:]}")
    end = time.monotonic() - begun
    calls = [(start - begun, stop - begun) for start, stop in json.loads(marks.read_text())]
    if len(calls) < 2:
        raise SystemExit(f"{arm} makes no two epochs, so its first step cannot be told from the others")
    later = median(stop - start for start, stop in calls[1:])
    tracing = max(calls[0][1] - calls[0][0] - later, 0.0)
    (path,) = {row["path"] for row in json.loads(done.stdout)}
    features = json.loads(Path(path, "run.json").read_text())["seconds"]["features"]
    first = calls[0][0]
    return {"begun": first, "step": first + tracing, "tracing": tracing, "features": features, "end": end}


def _show_skipped(arm: str, workspace: Workspace, rounds: int, imports: list[float]) -> None:
    """The runs of seed 0 are there since ``_starts``."""
    tell("skipped runs")
    again = ["-m", "transfer", "train", str(workspace.root), arm, "--seed", "0", "--epochs", "3", "--quiet"]
    programs = [_program(again).seconds for _ in range(rounds)]
    before = len(read_runs(workspace))
    inside = [spent(lambda: transfer.train(workspace, arm, seed=0, epochs=3)).seconds for _ in range(rounds + 1)]
    if len(read_runs(workspace)) != before:
        raise SystemExit("the skipped run was no skipped run")
    print(
        f"A skipped run: {spread(programs, '.1f')} s as a program, of which imports {median(imports):.1f} s; "
        f"{1000 * median(inside[1:]):.0f} ms in a process that has imported everything (reading the manifest, the "
        "weights' hash, the run).\n"
    )


def _show_trials(arms: list[str], workspace: Workspace, seeds: int) -> None:
    """Each arm's seeds one after the other in one worker, all features kept before."""
    transfer.train(workspace, arms[0], seed=0)
    rows = []
    for arm in arms:
        tell(f"{seeds} trials of {arm}")
        shutil.rmtree(workspace.runs)
        took = spent(partial(transfer.compare, workspace, [arm], seeds=seeds)).seconds
        runs = sorted(read_runs(workspace), key=lambda run: run.facts["started"])
        totals = [run.facts["seconds"]["total"] for run in runs]
        if any(run.facts["seconds"]["features"] > 0.05 for run in runs) or len(runs) != seeds:
            raise SystemExit(f"{arm}: features were computed again, or a run is missing")
        epochs = fmean(len(run.history()) for run in runs)
        first, later = runs[0].facts["seconds"]["total"], totals[1:] or totals
        figures = [f"{first:.2f}", spread(later, ".2f"), f"{epochs:.0f}", f"{took - sum(totals):.1f}", f"{took:.1f}"]
        rows.append([arm, *figures])
    head = ["s of a trial on kept features", "the first", "a later one", "epochs", "around them", "all"]
    print(table([*head[:4], f"around the {seeds}", "all"], rows))
    print("*around* is the start of the worker with its imports, and the end.\n")
