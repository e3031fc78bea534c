"""Demo: the whole job, offline, on the same verbs as everyone's.

*Source task:* letters of five alphabets, drawn (``glyphs``); a ResNet-20 that learned them comes with the package
(``pretraining``). *Target task:* handwritten digits that scikit-learn carries (``digits``), few of them labelled.
Letters share strokes with digits but no class, so what helps here was transferred. It owns the arms and the sizes; all
the rest is ``workflow``'s.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from transfer import workflow
from transfer.errors import CallError
from transfer.manifest import Manifest
from transfer.photo import Photo
from transfer.progress import Progress
from transfer.workspace import Workspace

if TYPE_CHECKING:
    from transfer.comparison import Comparison
    from transfer.exporting.predict import Prediction
    from transfer.exporting.saved_model import Exported

PER_CLASS = (1, 5, 10, 20)
SEEDS = 3
VALIDATION, TEST = 0.1, 0.5
"""Half of the digits judge: labels are spent on the question, not on training sets of more than twenty a class."""


@dataclass(frozen=True)
class Shown:
    """What the demo made.

    Attributes:
        comparison: The runs; ``to_frame()`` gives the table.
        report: The page.
        exported: The SavedModel of the best run by validation, and its proof.
        answers: Test photos with what the SavedModel said of them.
    """

    comparison: Comparison
    report: Path
    exported: Exported
    answers: tuple[tuple[Photo, Prediction], ...]

    def table(self) -> list[dict[str, Any]]:
        """A row an arm, the best at the largest size first: ``{"arm", "1", "5", ...}``.

        Each figure is the mean test accuracy over the seeds that finished, None where none did.
        """
        found: dict[str, dict[str, list[float]]] = {}
        for row in self.comparison.rows():
            cell = found.setdefault(row["arm"], {}).setdefault(str(row["per_class"]), [])
            if row["test"]["accuracy"] is not None:
                cell.append(row["test"]["accuracy"])
        means = {arm: {k: fmean(cell) if cell else None for k, cell in cells.items()} for arm, cells in found.items()}
        ordered = sorted(means.items(), key=lambda item: -(list(item[1].values())[-1] or 0))
        return [{"arm": arm} | cells for arm, cells in ordered]


def arms(weights: str = "glyphs") -> tuple[str, ...]:
    """The competitors: three ways to use what was learned on glyphs, two networks from scratch, and no network."""
    return (
        f"resnet20@{weights}:linear_probe",
        f"resnet20@{weights}:frozen_head",
        f"resnet20@{weights}:fine_tune_all",
        "resnet20:from_scratch",
        "lenet5:from_scratch",
        "raw_pixels:linear_probe",
    )


def run_demo(
    into: Workspace | str | os.PathLike[str],
    *,
    pretrain: bool = False,
    competitors: Sequence[str] | None = None,
    seeds: int = SEEDS,
    per_class: Sequence[int] = PER_CLASS,
    jobs: int = 2,
    on_progress: Progress | None = None,
) -> Shown:
    """Digits into a workspace, a comparison, a report, an export, and ten test photos asked.

    Whatever was done before in this workspace is not done again.

    Args:
        into: The workspace.
        pretrain: Make the glyph weights afresh (2 to 3 minutes) instead of using those that the package carries. They
            lie in the workspace and are used again there.
        competitors: Instead of ``arms()``. seeds, per_class: Of the comparison. jobs: Trials at once.
        on_progress: Told ``(done, total, what)``.

    Raises:
        CallError: The workspace holds other photos, or a number is too small; nothing was begun.
    """
    from transfer.demo.digits import SOURCE, write_digits
    from transfer.training.plan import check_numbers

    workspace = Workspace.of(into)
    check_numbers(seeds=seeds, jobs=jobs)
    if strange := [photo for photo in Manifest.read(workspace).photos if photo.source != SOURCE]:
        raise CallError(
            "This workspace holds photos that are no digits of the demo.",
            received=f"{workspace.root} with {strange[0].file_name}",
            remedy="Name a new folder with --into.",
        )
    with workspace.alone():
        write_digits(workspace, on_progress=on_progress)
    manifest = workflow.split(workspace, validation=VALIDATION, test=TEST)
    weights = str(_fresh_weights(workspace, on_progress)) if pretrain else "glyphs"
    comparison = workflow.compare(
        workspace, competitors or arms(weights), seeds=seeds, per_class=per_class, jobs=jobs, on_progress=on_progress
    )
    report = workflow.report(workspace)
    exported = workflow.export(workspace, comparison.best().id, into=workspace.root / "model")
    asked = _ten(manifest.part("test"))
    predictions = workflow.predict(exported.path, [workspace.photo_path(photo.file_name) for photo in asked], top=3)
    return Shown(comparison, report, exported, tuple(zip(asked, predictions, strict=True)))


def _ten(photos: Sequence[Photo]) -> list[Photo]:
    """The first test photo of each label."""
    return list({photo.label: photo for photo in reversed(photos)}.values())[::-1]


def _fresh_weights(workspace: Workspace, on_progress: Progress | None) -> Path:
    from transfer.demo.pretraining import FILE, Recipe, pretrain, record

    path = workspace.root / "weights" / FILE
    facts = path.with_suffix("").with_suffix(".json")
    if not facts.exists():
        recipe = Recipe()
        made = pretrain(recipe, on_progress=on_progress)
        with workspace.replacing(path) as temporary:
            made.network.save_weights(temporary)
        workspace.write_json(facts, record(made, recipe, path))
    return path
