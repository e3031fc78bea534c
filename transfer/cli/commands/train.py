"""The command `transfer train`."""

from __future__ import annotations

import click

from transfer import workflow
from transfer.cli import INTERRUPTED, show
from transfer.cli.options import as_json, engine, epochs, half, precision, quiet, size, workspace
from transfer.cli.progress import progress

NO_LOGS = "no TensorBoard files: the run was there already, and they are written while it is trained"


@click.command("train")
@workspace
@click.argument("arm", required=False)
@click.option("--seed", default=0, show_default=True, help="Of initial weights, photo order and training subset.")
@click.option("--per-class", type=int, help="Train and choose on so many photos a class.  [default: all]")
@epochs
@size
@engine
@precision
@half
@click.option("--rate", type=float, help="Highest learning rate, instead of the strategy's own; others in proportion.")
@click.option("--gpus", type=int, help="So many of the machine's GPUs train this arm together.  [default: one]")
@click.option("--find-rate", is_flag=True, help="A range test of the learning rate first; the report has its curve.")
@click.option("--tensorboard", is_flag=True, help="Write TensorBoard's files beside the run.")
@click.option("--deterministic", is_flag=True, help="The same bits each time on a GPU, too; a CPU always gives them.")
@as_json
@quiet
def command(
    workspace: str,
    arm: str | None,
    seed: int,
    per_class: int | None,
    epochs: int | None,
    size: int | None,
    engine: str | None,
    precision: str | None,
    half: bool,
    rate: float | None,
    gpus: int | None,
    find_rate: bool,
    tensorboard: bool,
    deterministic: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Train one arm; without ARM, the one that the number of photos and the device suggest.

    ARM is BACKBONE[@WEIGHTS][:STRATEGY][+TRICK...], for example vgg16:fine_tune_top or lenet5:from_scratch.
    `transfer list backbones` and `transfer list strategies` name what there is; without STRATEGY it is linear_probe.
    WEIGHTS are a published name such as `imagenet`, `none` or a file of a network without its head. Published ones are
    fetched once into $KERAS_HOME/models (~/.keras/models), from TRANSFER_WEIGHTS_URL where that names a mirror. A run
    that exists is not made again, unless --find-rate asks for the curve that it lacks.

    Without ARM it is MobileNetV2: a linear probe below 50 training photos a class, else fine_tune_top on a CPU and
    fine_tune_all on a GPU. Of --per-class N a fifth chooses penalty and epoch, from 5 on; the validation split then
    plays no part, so that all sizes are treated alike.

    Ctrl-C leaves a run that can be asked and exported, and has not met the test split; a killed training loses the
    epoch it was in, or a second of epochs that are quicker. The same command goes on from there, to the same end.
    """
    because = ""
    if arm is None:
        found = workflow.suggested(workspace, per_class=per_class, seed=seed)
        arm, because = found.arm, f": {found.reason}"
    if not quiet:
        click.echo(f"training {arm}{because}", err=True)
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
            rate=rate,
            gpus=gpus,
            find_rate=find_rate,
            tensorboard=tensorboard,
            deterministic=deterministic,
            on_progress=tell,
        )
    rows = [workflow.row(run)]
    show.as_json(rows) if as_json else show.runs(rows)
    if not quiet:
        show.smaller_steps(run.facts)
    if find_rate and not quiet:
        show.range_tests(run.rates(), run.facts["strategy"]["steps"])
    if tensorboard and not quiet:
        logs = run.path / "tensorboard"
        click.echo(f"tensorboard --logdir {logs}" if logs.is_dir() else NO_LOGS, err=True)
    return INTERRUPTED if run.status == "interrupted" else 0
