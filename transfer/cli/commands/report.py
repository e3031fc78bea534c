"""The command `transfer report`."""

from __future__ import annotations

import click

from transfer import workflow
from transfer.cli.options import workspace


@click.command("report")
@workspace
@click.option("--open", "open_it", is_flag=True, help="Show it in the browser.")
def command(workspace: str, open_it: bool) -> None:
    """Write the report: one page, WS/report/index.html, that needs nothing else."""
    path = workflow.report(workspace)
    click.echo(path)
    if open_it:
        click.launch(path.resolve().as_uri())
