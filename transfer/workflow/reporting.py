"""Verbs that look back: report, runs."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transfer.workflow._places import Place, photos_of
from transfer.workspace import Workspace

if TYPE_CHECKING:
    from transfer.comparison import Comparison
    from transfer.photo import Photo
    from transfer.run import Run


def report(workspace: Place, *, against: str | PathLike[str] | None = None, gradcam: bool = True) -> Path:
    """Write the report on every run of the workspace's present data; the path of the page.

    Args:
        workspace: Whose runs.
        against: An earlier report; what changed since becomes a section.
        gradcam: Draw over the mistakes of the best arm where it looked, and keep that; else the page says why not.
    """
    from transfer.reporting.page import write_report
    from transfer.run import read_runs

    workspace = Workspace.of(workspace)
    grid = workspace.grid.read_text(encoding="utf-8") if workspace.grid.exists() else None
    earlier = None if against is None else Path(against)

    def look(run: Run, photos: Sequence[tuple[Photo, str]]) -> str | None:
        from transfer.models.explain import explain_photos

        return explain_photos(run, photos, workspace)

    manifest, seen = photos_of(workspace), look if gradcam else None
    return write_report(workspace, manifest, read_runs(workspace), against=earlier, grid=grid, look=seen)


def runs(workspace: Place, *, earlier: bool = False) -> Comparison:
    """Every run of the workspace's present data, by ID.

    Args:
        workspace: Whose runs. earlier: Also those that were made with other photos, labels or splits.
    """
    from transfer.comparison import Comparison, present
    from transfer.run import read_runs

    workspace = Workspace.of(workspace)
    found = read_runs(workspace)
    return Comparison(tuple(found if earlier else present(found, photos_of(workspace))))


def row(run: Run) -> dict[str, Any]:
    """One run as the plain values that ``--json`` promises."""
    from transfer.comparison import row as describe

    return describe(run)
