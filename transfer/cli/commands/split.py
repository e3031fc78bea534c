"""The command `transfer split`."""

from __future__ import annotations

import click

from transfer import workflow
from transfer.cli import show
from transfer.cli.options import workspace


@click.command("split")
@workspace
@click.option("--validation", default=0.15, show_default=True, help="Share that chooses epochs, penalties and arms.")
@click.option("--test", default=0.15, show_default=True, help="Share that judges, once, at the end.")
@click.option("--seed", default=0, show_default=True, help="Of the draw.")
def command(workspace: str, validation: float, test: float, seed: int) -> None:
    """Decide train, validation and test for every photo that has none.

    Each class is split in the same shares; copies of one photo stay together, near duplicates too where `transfer
    check` has found them before. A photo that was decided before never moves: another split begins with a new
    workspace. `transfer train` and `compare` split by these defaults where nobody has.
    """
    show.photos(workflow.split(workspace, validation=validation, test=test, seed=seed))
