"""What engines, bfloat16 and halves do to accuracy: a linear probe in each, beside Keras in float32.

A data set that brings its own parts is judged on them (one training: all photos, nothing is drawn); another one in
folds, so that every photo is judged once. Then each at few photos a class, drawn anew for each of several seeds.
Differences and intervals are those of the report: joint paired bootstrap over seeds and photos, in folds Nadeau and
Bengio. ``features apart`` is the relative L2 distance of the kept vectors from Keras' in float32.
"""

from __future__ import annotations

import argparse
import importlib.util
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy

import transfer
from _bench_training.comparison import points
from _bench_training.measuring import possible, table, tell, title, weights_of
from transfer.comparison import competitors, present
from transfer.manifest import Manifest
from transfer.reporting.pair import pairs_of
from transfer.reporting.result import Result, results_of
from transfer.run import read_runs
from transfer.stored import stores
from transfer.training.features import Store
from transfer.workspace import Workspace

Setting = tuple[str, str, bool]
"""Engine, precision, and whether activations are kept in half precision."""

REFERENCE: Setting = ("keras", "float32", False)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--backbone", default="mobilenet_v2")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--per-class", type=int, default=10)
    parser.add_argument("--seeds", type=int, default=5)


def run(asked: argparse.Namespace) -> None:
    if weights_of(asked.backbone) is None:
        raise SystemExit(f"the published weights of {asked.backbone} are not in Keras' cache")
    print(title(f"Accuracy of a linear probe on {asked.backbone}"))
    rows, compared = [], settings()
    with tempfile.TemporaryDirectory() as into:
        for folder in asked.folders:
            workspace = Workspace(Path(into, folder.name))
            given = any(one.split for one in transfer.load(folder, into=workspace).kept)
            transfer.split(workspace)
            _train(workspace, given, compared, asked)
            rows += _rows(workspace, folder.name, given, compared)
    head = ["", "engine", "accuracy, %", "difference, points (95 %)", "answers that differ", "features apart"]
    print(table(head, rows))


def settings() -> list[Setting]:
    """What this machine can compute in, the reference first."""
    found = [REFERENCE, ("tensorflow", "float32", False), ("tensorflow", "float32", True)]
    if importlib.util.find_spec("openvino"):
        precisions = possible("openvino", ["float32", "bfloat16"])
        found += [("openvino", precision, half) for precision in precisions for half in (False, True)]
    return found


def _train(workspace: Workspace, given: bool, compared: Sequence[Setting], asked: argparse.Namespace) -> None:
    main: dict[str, Any] = {"seeds": 1} if given else {"seeds": 1, "folds": asked.folds}
    for engine, precision, half in compared:
        tell(f"{workspace.root.name}: {_name((engine, precision, half))}")
        for ground in (main, {"seeds": asked.seeds, "per_class": (asked.per_class,)}):
            arm = [f"{asked.backbone}:linear_probe"]
            made = transfer.compare(workspace, arm, engine=engine, precision=precision, half=half, **ground)
            if failed := [run for run in made if not run.done]:
                raise SystemExit(f"{failed[0].arm}: {failed[0].reason}")


def _rows(workspace: Workspace, name: str, given: bool, compared: Sequence[Setting]) -> list[list[str]]:
    manifest = Manifest.read(workspace)
    results = results_of(competitors(present(read_runs(workspace), manifest)), "test")
    apart = _apart(workspace, manifest)
    rows = []
    for ground in dict.fromkeys(one.ground for one in results):
        of = {_setting(one): one for one in results if one.ground == ground}
        reference = of[REFERENCE]
        judged = sum(len(part.photos) for part in reference.answers)
        drawn = f"{ground.per_class} a class" if ground.per_class else "all photos" if given else reference.trainings
        where = f"{name}, {drawn}, {judged} answers"
        rows.append([where, _name(REFERENCE), f"{100 * (reference.accuracy or 0):.2f}", "", "", ""])
        pairs = {frozenset((pair.a, pair.b)): pair for pair in pairs_of(list(of.values()))}
        for setting in compared[1:]:
            pair = pairs[frozenset((of[setting], reference))].seen_from(of[setting])
            other = _otherwise(of[setting], reference)
            figures = [f"{100 * (of[setting].accuracy or 0):.2f}", points(pair.difference), f"{other}"]
            rows.append([where, _name(setting), *figures, f"{apart[setting]:.1e}"])
    return rows


def _setting(result: Result) -> Setting:
    facts = result.runs[0].facts
    return facts["engine"], facts["precision"], bool(facts.get("half"))


def _name(setting: Setting) -> str:
    engine, precision, half = setting
    return f"{engine}, {precision}{', kept in half' if half else ''}"


def _otherwise(one: Result, other: Result) -> int:
    """Answers that differ, over all trainings."""
    pairs = zip(one.answers, other.answers, strict=True)
    known = [(dict(zip(a.photos, a.predicted, strict=True)), b) for a, b in pairs]
    return sum(a[photo] != said for a, b in known for photo, said in zip(b.photos, b.predicted, strict=True))


def _apart(workspace: Workspace, manifest: Manifest) -> dict[Setting, float]:
    """Relative L2 distance of all kept vectors from the reference's."""
    kept: dict[Setting, numpy.ndarray] = {}
    for stored in stores(workspace):
        found = stored.setting()
        setting = (found["engine"], found["precision"], bool(found.get("half")))
        kept[setting] = Store(workspace, found).rows(manifest.kept)[:].astype("float64")
    reference = kept[REFERENCE]
    norm = numpy.linalg.norm(reference)
    return {setting: float(numpy.linalg.norm(rows - reference) / norm) for setting, rows in kept.items()}
