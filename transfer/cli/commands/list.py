"""The command `transfer list`."""

from __future__ import annotations

import click

from transfer import workflow
from transfer.cli import show
from transfer.cli.options import as_json


@click.command("list")
@click.argument("family", type=click.Choice(sorted(workflow.FAMILIES)))
@click.argument("name", required=False)
@as_json
def command(family: str, name: str | None, as_json: bool) -> None:
    """List the backbones, strategies, tricks, sources or report sections that there are.

    With NAME, all that its file says of it: what it does, where it comes from, when to use it and what to expect.
    """
    shelf = workflow.shelf(family)
    if name is not None:
        record = {"name": name, "about": shelf.about(name), "file": str(shelf.file(name))}
        show.as_json(record) if as_json else click.echo(f"{record['about'].rstrip()}\n\n{record['file']}")
        return
    entries = [(name, shelf.summary(name)) for name in shelf]
    if as_json:
        show.as_json([{"name": name, "summary": summary} for name, summary in entries])
    else:
        more = [("keras_hub:PRESET", "Any convolutional preset of KerasHub, where it is installed.")]
        show.table(("name", "summary"), entries + (more if family == "backbones" else []))
