"""What statistics of one's own photos do to frozen features: a linear probe on them before and after, as a table.

    python scripts/study_batch_norm.py caltech20 flowers5 clothing_small hymenoptera --into WORK --per-class 20

Before, batch norm has the statistics that the weights came with; after, those of the photos to learn from, and no
weight has moved. So begins every training whose batch norm adapts. ``WORK`` is that of ``study_results.py``.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

import numpy
from study_results import table, workspace_of

from transfer.arm import Arm
from transfer.manifest import Manifest
from transfer.models.classifier import Classifier
from transfer.photo import Photo
from transfer.strategy import ALL, Head, Solver
from transfer.training import answers, solvers
from transfer.training.activations import Activations
from transfer.training.norms import Norms
from transfer.training.parts import choose
from transfer.training.plan import resolve
from transfer.workspace import Workspace

BATCH = 64


def probed(workspace: Workspace, backbone: str, *, per_class: int | None, size: int | None, seed: int) -> list[float]:
    """Accuracy of a linear probe on test in percent, with either statistics."""
    manifest = Manifest.read(workspace)
    plan = resolve(Arm(backbone, "linear_probe"), manifest, seed=seed, per_class=per_class, size=size)
    assert plan.weights is not None
    classifier = Classifier(plan.backbone, Head(), classes=len(plan.labels), size=plan.size, weights=plan.weights.path)
    activations = Activations(plan, classifier, workspace)
    parts = choose(manifest, per_class=per_class, seed=seed)
    index = {label: at for at, label in enumerate(plan.labels)}
    features = classifier.vectors(0)

    def seen(photos: Sequence[Photo]) -> tuple[numpy.ndarray, numpy.ndarray]:
        return answers.apply(features, activations.rows(0, photos)), numpy.array([index[p.label] for p in photos])

    def accuracy() -> float:
        solution = solvers.solve(Solver(), *seen(parts.train), *seen(parts.validation))
        vectors, truth = seen(parts.test)
        return 100 * float((solution.logits(vectors).argmax(1) == truth).mean())

    before = accuracy()
    classifier.thaw(ALL, batch_norm="adapt")
    Norms(features, BATCH).count(activations.rows(0, parts.train), draw=[seed])
    return [before, accuracy()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path, nargs="+")
    parser.add_argument("--into", type=Path, required=True)
    parser.add_argument("--backbone", default="mobilenet_v2_035")
    parser.add_argument("--per-class", type=int)
    parser.add_argument("--size", type=int)
    parser.add_argument("--seeds", type=int, default=3)
    asked = parser.parse_args()
    rows = []
    for data in asked.data:
        how = {"per_class": asked.per_class, "size": asked.size}
        found = [
            probed(workspace_of(data, asked.into), asked.backbone, **how, seed=seed) for seed in range(asked.seeds)
        ]
        before, after = (fmean(each) for each in zip(*found, strict=True))
        rows.append([data.name, f"{before:.1f}", f"{after:.1f}", f"{after - before:+.1f}"])
    print(table(["data set", "statistics of the weights", "statistics of the photos", "difference"], rows))


if __name__ == "__main__":
    main()
