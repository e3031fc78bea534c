"""The command `transfer compare`."""

from __future__ import annotations

import click

from transfer import workflow
from transfer.cli import show
from transfer.cli.options import PerClass, as_json, epochs, jobs, quiet, size, workspace
from transfer.cli.progress import progress


@click.command("compare")
@workspace
@click.argument("arms", nargs=-1, required=True, metavar="ARM...")
@click.option("--seeds", default=3, show_default=True, help="How many runs of each arm.")
@click.option(
    "--per-class",
    type=PerClass(),
    default="all",
    show_default=True,
    help="Training photos a class, with commas: 5,10,all.",
)
@epochs
@size
@jobs
@as_json
@quiet
def command(
    workspace: str,
    arms: tuple[str, ...],
    seeds: int,
    per_class: list[int | None],
    epochs: int | None,
    size: int | None,
    jobs: int,
    as_json: bool,
    quiet: bool,
) -> None:
    """Train several arms on the same splits, a few seeds each.

    Every arm meets the same photos in the same splits. What exists is skipped, so adding an arm, a seed or a size
    later trains only what is missing. A trial that fails is a row with its reason; the others go on.
    """
    with progress(quiet=quiet) as tell:
        comparison = workflow.compare(
            workspace, arms, seeds=seeds, per_class=per_class, epochs=epochs, size=size, jobs=jobs, on_progress=tell
        )
    rows = comparison.rows()
    show.as_json(rows) if as_json else show.runs(rows)
    if rows and all(row["status"] == "failed" for row in rows):
        raise click.exceptions.Exit(1)
