"""Verbs that answer: export, predict, explain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from transfer.workflow._places import Place, photos_of, run_of
from transfer.workspace import Workspace

if TYPE_CHECKING:
    from transfer.exporting.predict import Prediction
    from transfer.exporting.saved_model import Exported
    from transfer.models.explain import Explanation


def export(workspace: Place, run: str | None = None, *, into: str | PathLike[str], calibrate: bool = False) -> Exported:
    """Write a run as a SavedModel that has proved to answer as the run did.

    Args:
        workspace: Of the run.
        run: An ID or its beginning; None takes the best by validation.
        into: The folder to write. calibrate: Scale its probabilities by one temperature, fitted on validation.
    """
    from transfer.exporting.saved_model import export as write

    workspace = Workspace.of(workspace)
    manifest = photos_of(workspace)
    return write(run_of(workspace, run, manifest), workspace, manifest, into=Path(into), calibrate=calibrate)


def predict(model: str | PathLike[str], photos: Sequence[str | PathLike[str]], *, top: int = 5) -> Iterator[Prediction]:
    """Classify photo files by a run's folder or an exported SavedModel; one prediction each, in their order."""
    from transfer.exporting.predict import predict as answer

    return answer(Path(model), [Path(photo) for photo in photos], top=top)


def explain(
    workspace: Place,
    run: str | None,
    photos: Sequence[str | PathLike[str]],
    *,
    label: str | None = None,
    into: str | PathLike[str] | None = None,
) -> Iterator[Explanation]:
    """Draw where in each photo a run sees a class (Grad-CAM); one explanation each, in their order.

    Args:
        workspace: Of the run. run: An ID or its beginning; None takes the best by validation.
        photos: Files. label: The class to explain, instead of what each is taken for.
        into: The folder for the overlays, instead of ``WS/explained/ID``.
    """
    from transfer.models.explain import explain as answer

    workspace = Workspace.of(workspace)
    found = run_of(workspace, run, photos_of(workspace))
    folder = workspace.explained / found.id if into is None else Path(into)
    return answer(found, [Path(photo) for photo in photos], into=folder, workspace=workspace, label=label)
