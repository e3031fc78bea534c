"""The command `transfer predict`."""

from __future__ import annotations

import click

from transfer import workflow
from transfer.cli import json_line, show


@click.command("predict")
@click.argument("model")
@click.argument("photos", nargs=-1, required=True, metavar="IMAGE...")
@click.option("--top", default=5, show_default=True, type=click.IntRange(1), help="How many classes to name.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def command(model: str, photos: tuple[str, ...], top: int, as_json: bool) -> None:
    """Classify photos by MODEL, the folder of a run or of an exported SavedModel.

    A model that was exported with --unknown-below says `unknown` before the classes where it refuses. A file that
    cannot be read gets an error of its own and exit status 1; the others are answered.
    """
    failed = False
    for prediction in workflow.predict(model, photos, top=top):
        failed |= prediction.error is not None
        if as_json:
            click.echo(json_line(prediction.to_dict()))
        elif prediction.error is not None:
            click.echo(show.printable(f"{prediction.file}: {prediction.error}"), err=True)
        else:
            names = ", ".join(f"{label} {probability:.3f}" for label, probability in prediction.top)
            said = f"{prediction.label} ({names})" if prediction.refused else names
            click.echo(show.printable(f"{prediction.file}: {said}"))
    if failed:
        raise click.exceptions.Exit(1)
