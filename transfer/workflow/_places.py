"""What several verbs begin with: the workspace's photos, and a run of it."""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING

from transfer.errors import DataError
from transfer.manifest import Manifest
from transfer.workspace import Workspace

if TYPE_CHECKING:
    from transfer.run import Run


Place = Workspace | str | PathLike[str]


def photos_of(workspace: Workspace) -> Manifest:
    manifest = Manifest.read(workspace)
    if not manifest.kept:
        raise DataError(
            "There is no photo in this workspace.",
            received=workspace.root,
            remedy=f"Run `transfer load FOLDER --into {workspace.root}` first.",
        )
    return manifest


def run_of(workspace: Workspace, id: str | Run | None, manifest: Manifest) -> Run:
    from transfer.comparison import best, present
    from transfer.run import Run, find_run, read_runs

    if isinstance(id, Run):
        return id
    return best(present(read_runs(workspace), manifest)) if id is None else find_run(workspace, id)
