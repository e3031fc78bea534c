"""The command `transfer report`."""

from __future__ import annotations

import click

from transfer import workflow
from transfer.cli.options import workspace


@click.command("report")
@workspace
@click.option("--against", metavar="OLD", help="An earlier report: show what changed since.")
@click.option("--no-gradcam", is_flag=True, help="Do not draw over the mistakes where the model looked.")
@click.option("--open", "open_it", is_flag=True, help="Show it in the browser.")
def command(workspace: str, against: str | None, no_gradcam: bool, open_it: bool) -> None:
    """Write the report: one page, WS/report/index.html, that needs nothing else.

    Beside it lie report.md and results.csv, a row for each run and metric.
    """
    path = workflow.report(workspace, against=against, gradcam=not no_gradcam)
    click.echo(path)
    if open_it:
        click.launch(path.resolve().as_uri())
