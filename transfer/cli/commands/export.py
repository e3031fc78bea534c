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
@click.option("--calibrate", is_flag=True, help="Make its probabilities mean what they say, by temperature scaling.")
@as_json
def command(workspace: str, run: str | None, best: bool, into: str, calibrate: bool, as_json: bool) -> None:
    """Write a run as a SavedModel that takes raw photos.

    It is written only after a fresh process, without Keras, has answered on real photos as the run did.
    With --calibrate its probabilities are scaled by one temperature, fitted on the validation photos: no answer
    changes, only how sure it is.
    """
    if best and run:
        raise click.UsageError("Name a RUN or say --best, not both.")
    exported = workflow.export(workspace, run, into=into, calibrate=calibrate)
    record = {
        "path": str(exported.path),
        "format": exported.format,
        "max_difference": exported.max_difference,
        "checked": exported.checked,
        "temperature": exported.temperature,
    }
    if as_json:
        show.as_json(record)
    else:
        click.echo(exported.path)
        click.echo(
            f"It answered on {exported.checked} photos in a fresh process; the largest difference of a probability "
            f"was {exported.max_difference:.1e}."
            + (f" Calibrated at temperature {exported.temperature:.2f}." if exported.temperature else ""),
            err=True,
        )
