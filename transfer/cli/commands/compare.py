"""The command `transfer compare`."""

from __future__ import annotations

from dataclasses import fields

import click

from transfer import workflow
from transfer.arm import Arm
from transfer.cli import show
from transfer.cli.options import (
    Duration,
    PerClass,
    as_json,
    engine,
    epochs,
    half,
    jobs,
    precision,
    quiet,
    size,
    workspace,
)
from transfer.cli.progress import progress
from transfer.grid import Grid

COMMANDLINE = click.core.ParameterSource.COMMANDLINE


@click.command("compare")
@workspace
@click.argument("arms", nargs=-1, metavar="ARM...")
@click.option("--grid", type=click.Path(), metavar="FILE", help="A TOML file in place of ARM... and its options.")
@click.option("--seeds", default=5, show_default=True, help="How many runs of each arm; of folds, repetitions.")
@click.option(
    "--per-class",
    type=PerClass(),
    default="all",
    show_default=True,
    help="Photos a class to train and choose on, with commas: 5,10,all.",
)
@click.option(
    "--tricks", default="", metavar="NAMES", help="Also each arm with each of these alone, where it fits: augment,ema."
)
@click.option("--folds", type=int, help="For small sets: judge every photo, in so many folds, --seeds times.")
@click.option("--refit", is_flag=True, help="Train every arm again on train and validation once those have chosen.")
@epochs
@size
@engine
@precision
@half
@jobs
@click.option(
    "--ray",
    metavar="ADDRESS",
    help="Run the trials on a Ray cluster: local, auto, HOST:PORT or ray://HOST:PORT.  [extra: ray]",
)
@click.option("--budget", type=Duration(), help="Begin no trial after this time: 90s, 10m, 2h.")
@as_json
@quiet
def command(
    workspace: str,
    arms: tuple[str, ...],
    grid: str | None,
    seeds: int,
    per_class: list[int | None],
    tricks: str,
    folds: int | None,
    refit: bool,
    epochs: int | None,
    size: int | None,
    engine: str | None,
    precision: str | None,
    half: bool,
    jobs: int,
    ray: str | None,
    budget: float | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Train several arms on the same splits, a few seeds each.

    Every arm meets the same photos in the same splits. What exists is skipped, so adding an arm, a seed or a size
    later trains only what is missing. A trial that fails is a row with its reason; the others go on.

    Where a test split would be too small, --folds K judges every photo by a model that was trained without it: each
    arm is trained K times, --seeds times over. The splits of the workspace play no part then.

    Every comparison leaves its grid as grid.toml in the workspace; --grid reads such a file. Its names are those of the
    options (arms, seeds, per_class, tricks, folds, refit, epochs, size, engine, precision, half).
    """
    if (grid is None) == (not arms):
        raise click.UsageError("Name at least one ARM, or a --grid FILE, not both.")
    if grid is None:
        names = tuple(name.strip() for name in tricks.split(",") if name.strip())
        parsed = tuple(Arm.parse(arm) for arm in arms)
        wanted = Grid(parsed, seeds, tuple(per_class), names, epochs, size, folds, refit, engine, precision, half)
    else:
        context = click.get_current_context()
        given = [field.name for field in fields(Grid) if context.get_parameter_source(field.name) is COMMANDLINE]
        if beside := [f"--{name.replace('_', '-')}" for name in given if name != "arms"]:
            raise click.UsageError(f"Write {', '.join(beside)} into the --grid FILE, or name ARM... instead of it.")
        wanted = Grid.read(grid)
    with progress(quiet=quiet) as tell:
        comparison = workflow.compare(workspace, wanted, jobs=jobs, ray=ray, budget=budget, on_progress=tell)
    rows = comparison.rows()
    show.as_json(rows) if as_json else show.runs(rows)
    if rows and all(row["status"] == "failed" for row in rows):
        raise click.exceptions.Exit(1)
