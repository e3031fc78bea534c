"""The command `transfer explain`."""

from __future__ import annotations

import click

from transfer import workflow
from transfer.cli import json_line, show
from transfer.cli.options import workspace

BEST = "best"


@click.command("explain")
@workspace
@click.argument("run", metavar="RUN")
@click.argument("photos", nargs=-1, required=True, metavar="IMAGE...")
@click.option("--class", "label", metavar="LABEL", help="Explain this class, instead of what each photo is taken for.")
@click.option("--into", metavar="DIR", help="The folder for the overlays, instead of WS/explained/RUN.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def command(
    workspace: str, run: str, photos: tuple[str, ...], label: str | None, into: str | None, as_json: bool
) -> None:
    """Draw where in photos a run sees a class (Grad-CAM), as PNG files.

    RUN is an ID, its beginning, or `best`, which takes the best run by validation. Colour lies where the last layer of
    the network found evidence for the class, the warmer the more. A file that cannot be read gets an error of its own
    and exit status 1.
    """
    failed = False
    for answer in workflow.explain(workspace, None if run == BEST else run, photos, label=label, into=into):
        failed |= answer.error is not None
        if as_json:
            click.echo(json_line(answer.to_dict()))
        elif answer.error is not None:
            click.echo(show.printable(f"{answer.file}: {answer.error}"), err=True)
        else:
            taken = "" if answer.label == answer.predicted else f" (taken for {answer.predicted})"
            click.echo(show.printable(f"{answer.overlay}: {answer.label} {answer.probability:.3f}{taken}"))
    if failed:
        raise click.exceptions.Exit(1)
