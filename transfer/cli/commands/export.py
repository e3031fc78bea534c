"""The command `transfer export`."""

from __future__ import annotations

import click

from transfer import workflow
from transfer.cli import show
from transfer.cli.options import as_json, workspace


@click.command("export")
@workspace
@click.argument("run", required=False)
@click.option("--best", is_flag=True, help="The best run by validation; also what is taken without RUN.")
@click.option("--into", required=True, metavar="DIR", help="The folder to write.")
@as_json
def command(workspace: str, run: str | None, best: bool, into: str, as_json: bool) -> None:
    """Write a run as a SavedModel that takes raw photos.

    It is written only after a fresh process, without Keras, has answered on real photos as the run did.
    """
    if best and run:
        raise click.UsageError("Name a RUN or say --best, not both.")
    exported = workflow.export(workspace, run, into=into)
    record = {
        "path": str(exported.path),
        "format": exported.format,
        "max_difference": exported.max_difference,
        "checked": exported.checked,
    }
    if as_json:
        show.as_json(record)
    else:
        click.echo(exported.path)
        click.echo(
            f"It answered on {exported.checked} photos in a fresh process; the largest difference of a probability "
            f"was {exported.max_difference:.1e}.",
            err=True,
        )
