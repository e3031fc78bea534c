"""The command `transfer list`."""

from __future__ import annotations

import click

from transfer import workflow
from transfer.cli import show
from transfer.cli.options import as_json


@click.command("list")
@click.argument("family", type=click.Choice(sorted(workflow.FAMILIES)))
@as_json
def command(family: str, as_json: bool) -> None:
    """List the backbones, strategies, tricks, sources or report sections that there are."""
    shelf = workflow.shelf(family)
    entries = [(name, shelf.summary(name)) for name in shelf]
    if as_json:
        show.as_json([{"name": name, "summary": summary} for name, summary in entries])
    else:
        more = [("keras_hub:PRESET", "Any convolutional preset of KerasHub, where it is installed.")]
        show.table(("name", "summary"), entries + (more if family == "backbones" else []))
