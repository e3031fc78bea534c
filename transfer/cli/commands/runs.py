"""The command `transfer runs`."""

from __future__ import annotations

import click

from transfer import workflow
from transfer.cli import show
from transfer.cli.options import as_json, workspace


@click.command("runs")
@workspace
@click.option("--earlier", is_flag=True, help="Also runs that were made with other photos, labels or splits.")
@as_json
def command(workspace: str, earlier: bool, as_json: bool) -> None:
    """List the runs of a workspace's present photos, finished and failed.

    After photos were added, set aside, relabelled or split anew, earlier runs cannot be compared with new ones: only
    --earlier lists them.
    """
    rows = workflow.runs(workspace, earlier=earlier).rows()
    show.as_json(rows) if as_json else show.runs(rows)
    left_out = 0 if earlier else len(workflow.runs(workspace, earlier=True)) - len(rows)
    if left_out:
        said = "made with other photos, labels or splits; --earlier lists them"
        click.echo(f"left out: {left_out} run{'' if left_out == 1 else 's'} {said}", err=True)
