"""The command `transfer export-data`."""

from __future__ import annotations

import click

from transfer import workflow
from transfer.cli import show
from transfer.cli.options import as_json, quiet, workspace
from transfer.cli.progress import progress

FORMATS = ("folders", "imagefolder", "tfds", "croissant")


@click.command("export-data")
@workspace
@click.option("--into", required=True, metavar="DIR", help="A new folder.")
@click.option("--format", type=click.Choice(FORMATS), default="folders", show_default=True, help="For whom.")
@as_json
@quiet
def command(workspace: str, into: str, format: str, as_json: bool, quiet: bool) -> None:
    """Write the kept photos as folders that other libraries read, with the credits of every photo.

    \b
    folders      PART/LABEL/*, for Keras and torchvision
    imagefolder  with metadata.jsonl, for Hugging Face datasets
    tfds         JPEG and PNG only, for tfds.ImageFolder
    croissant    with croissant.json, for mlcroissant
    """
    with progress(quiet=quiet) as tell:
        written = workflow.export_data(workspace, into=into, format=format, on_progress=tell)
    if as_json:
        show.as_json({"path": str(written.path), "format": written.format, "photos": written.photos})
        return
    show.table(("part", "photos"), list(written.photos.items()))
    click.echo(show.printable(f"licences: {written.terms}"), err=True)
    click.echo(show.printable(f"written to {written.path}, with CREDITS.csv and CREDITS.md"), err=True)
