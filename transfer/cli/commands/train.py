"""The command `transfer train`."""

from __future__ import annotations

import click

from transfer import workflow
from transfer.cli import show
from transfer.cli.options import as_json, engine, epochs, half, precision, quiet, size, workspace
from transfer.cli.progress import progress


@click.command("train")
@workspace
@click.argument("arm", default=workflow.DEFAULT_ARM)
@click.option("--seed", default=0, show_default=True, help="Of initial weights, photo order and training subset.")
@click.option("--per-class", type=int, help="Train on so many photos a class.  [default: all]")
@epochs
@size
@engine
@precision
@half
@as_json
@quiet
def command(
    workspace: str,
    arm: str,
    seed: int,
    per_class: int | None,
    epochs: int | None,
    size: int | None,
    engine: str | None,
    precision: str | None,
    half: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Train one arm; without ARM, a linear probe of MobileNetV2.

    ARM is BACKBONE[@WEIGHTS][:STRATEGY][+TRICK...], for example vgg16:fine_tune_top or lenet5:from_scratch.
    `transfer list backbones` and `transfer list strategies` name what there is. A run that exists is not made again.
    """
    if not quiet:
        click.echo(f"training {arm}", err=True)
    with progress(quiet=quiet) as tell:
        run = workflow.train(
            workspace,
            arm,
            seed=seed,
            per_class=per_class,
            epochs=epochs,
            size=size,
            engine=engine,
            precision=precision,
            half=half,
            on_progress=tell,
        )
    rows = [workflow.row(run)]
    show.as_json(rows) if as_json else show.runs(rows)
