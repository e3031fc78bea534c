"""The command `transfer runs`."""

from __future__ import annotations

import click

from transfer import workflow
from transfer.cli import show
from transfer.cli.options import as_json, workspace


@click.command("runs")
@workspace
@as_json
def command(workspace: str, as_json: bool) -> None:
    """List the runs of a workspace, finished and failed."""
    rows = workflow.runs(workspace).rows()
    show.as_json(rows) if as_json else show.runs(rows)
