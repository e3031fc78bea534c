"""The command `transfer split`."""

from __future__ import annotations

import click

from transfer import workflow
from transfer.cli import show
from transfer.cli.options import workspace


@click.command("split")
@workspace
@click.option("--validation", default=0.15, show_default=True, help="Share of the photos to choose by.")
@click.option("--test", default=0.15, show_default=True, help="Share of the photos to be judged on, once.")
@click.option("--seed", default=0, show_default=True, help="Of the draw.")
def command(workspace: str, validation: float, test: float, seed: int) -> None:
    """Decide train, validation and test for every photo that has none.

    Each class is split in the same shares; copies of one photo stay together; a photo that was decided before never
    moves.
    """
    show.photos(workflow.split(workspace, validation=validation, test=test, seed=seed))
