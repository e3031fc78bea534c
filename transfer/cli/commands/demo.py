"""The command `transfer demo`."""

from __future__ import annotations

import click

from transfer.cli import show
from transfer.cli.options import quiet
from transfer.cli.progress import progress


@click.command("demo")
@click.option("--into", default="demo", show_default=True, metavar="WS", help="The workspace.")
@click.option("--pretrain", is_flag=True, help="Make the glyph weights afresh; takes some minutes more.")
@click.option("--jobs", "-j", default=2, show_default=True, help="Trials at once.")
@quiet
def command(into: str, pretrain: bool, jobs: int, quiet: bool) -> None:
    """Run the whole job offline: few handwritten digits, and a network that learned letters.

    A small ResNet that learned letters of five alphabets, which come as weights with the package, is compared with
    networks that learn the digits from scratch and with no network at all, at 1 to 20 labelled digits a class.
    """
    from transfer.demo import run_demo

    with progress(quiet=quiet) as tell:
        shown = run_demo(into, pretrain=pretrain, jobs=jobs, on_progress=tell)
    table = shown.table()
    click.echo("Test accuracy on handwritten digits by labelled images a class, mean of the seeds:\n")
    show.table(tuple(table[0]), [tuple(row.values()) for row in table])
    click.echo("\nThe best by validation, as a SavedModel, on ten test digits:\n")
    answers = [
        (photo.label, prediction.label, f"{prediction.probability:.3f}", prediction.file)
        for photo, prediction in shown.answers
    ]
    show.table(("digit", "answer", "probability", "file"), answers)
    click.echo(f"\nreport: {shown.report}\nmodel:  {shown.exported.path}")
    click.echo(
        f"The model answered on {shown.exported.checked} photos in a fresh process, without Keras; "
        f"the largest difference of a probability was {shown.exported.max_difference:.1e}.",
        err=True,
    )
