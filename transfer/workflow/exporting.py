"""Verbs that answer: export, predict, explain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from transfer.errors import CallError
from transfer.workflow._places import Place, photos_of, run_of
from transfer.workspace import Workspace

if TYPE_CHECKING:
    from transfer.exporting.predict import Prediction
    from transfer.exporting.saved_model import Exported
    from transfer.models.explain import Explanation
    from transfer.run import Run

Photos = str | PathLike[str] | Sequence[str | PathLike[str]]


def export(
    workspace: Place,
    run: str | Run | None = None,
    *,
    into: str | PathLike[str],
    calibrate: bool = False,
    unknown_below: float | Literal["auto"] | None = None,
) -> Exported:
    """Write a run as a SavedModel that has proved to answer as the run did.

    Args:
        workspace: Of the run.
        run: Itself, or its ID or the beginning of it; None takes the best by validation.
        into: The folder to write. calibrate: Scale its probabilities by one temperature, fitted on validation.
        unknown_below: Say `unknown` where the largest probability is below this one, and where the answer is the class
            `background`; ``auto`` takes the least that leaves at most 5 % of the answers on validation wrong.
    """
    from transfer.exporting.saved_model import export as write

    workspace = Workspace.of(workspace)
    manifest = photos_of(workspace)
    chosen = run_of(workspace, run, manifest)
    return write(chosen, workspace, manifest, into=Path(into), calibrate=calibrate, unknown_below=unknown_below)


def predict(model: str | PathLike[str] | Run, photos: Photos, *, top: int = 5) -> Iterator[Prediction]:
    """Classify photo files by a run's folder or an exported SavedModel; one prediction each, in their order.

    The model is opened at once, and the photos are read as their predictions are asked for.

    Args:
        model: The folder, or a run. photos: Files, or one. top: How many classes to name.
    """
    from transfer.exporting.predict import predict as answer
    from transfer.run import Run

    if top < 1:
        raise CallError("--top must be at least 1.", received=top, remedy="Give 1 for the answer alone.")
    return answer(model.path if isinstance(model, Run) else Path(model), _files(photos), top=top)


def explain(
    workspace: Place,
    run: str | Run | None,
    photos: Photos,
    *,
    label: str | None = None,
    into: str | PathLike[str] | None = None,
) -> Iterator[Explanation]:
    """Draw where in each photo a run sees a class (Grad-CAM); one explanation each, in their order.

    The run's network is built at once, and each photo is drawn when its explanation is asked for: a loop, or ``list``,
    draws them all.

    Args:
        workspace: Of the run. run: Itself, or its ID or the beginning of it; None takes the best by validation.
        photos: Files, or one. label: The class to explain, instead of what each is taken for.
        into: The folder for the overlays, instead of ``WS/explained/ID``.
    """
    from transfer.models.explain import explain as answer

    workspace = Workspace.of(workspace)
    found = run_of(workspace, run, photos_of(workspace))
    folder = workspace.explained / found.id if into is None else Path(into)
    return answer(found, _files(photos), into=folder, workspace=workspace, label=label)


def _files(photos: Photos) -> list[Path]:
    return [Path(photo) for photo in ([photos] if isinstance(photos, str | PathLike) else photos)]
