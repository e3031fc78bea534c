"""The command `transfer collect`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from transfer import workflow
from transfer.cli import show
from transfer.cli.options import as_json, into, quiet
from transfer.cli.progress import progress
from transfer.credits import terms

DAY = click.DateTime(["%Y-%m-%d"])
OF_RECHECK = ("into", "contact", "recheck", "as_json", "quiet")
COMMANDLINE = click.core.ParameterSource.COMMANDLINE


@click.command("collect")
@click.argument("keywords", nargs=-1, metavar="KEYWORD...")
@into
@click.option("--source", multiple=True, default=("openverse",), show_default=True, help="Where; later ones fill up.")
@click.option("--per-class", default=100, show_default=True, help="Photos of each class.")
@click.option("--background", default=0, metavar="N", help="A class of N unrelated photos, for `none of these`.")
@click.option("--keywords", "file", metavar="FILE", help="Keywords in TOML or CSV.")
@click.option("--licence", default="open", show_default=True, help="Codes such as cc0,by,by-sa, or a word for several.")
@click.option("--since", type=DAY, help="First day of upload.")
@click.option("--until", type=DAY, help="Last day of upload.")
@click.option("--side", type=int, help="Make photos smaller, to so many pixels of the longer side.")
@click.option("--smallest", default=64, show_default=True, help="Least pixels of the shorter side, before --side.")
@click.option("--contact", metavar="WHO", help="Your e-mail address or page, sent along.  [env: TRANSFER_CONTACT]")
@click.option("--retry", is_flag=True, help="Ask again for photos that failed for a passing reason or were refused.")
@click.option("--recheck", is_flag=True, help="Only look whether photos were withdrawn since.")
@as_json
@quiet
def command(
    keywords: tuple[str, ...],
    into: str,
    since: datetime | None,
    until: datetime | None,
    recheck: bool,
    as_json: bool,
    quiet: bool,
    **wish: Any,
) -> None:
    """Collect photos by keyword, with who made them and under which licence.

    A keyword may carry its class: "Felis catus=cat". Several keywords may feed one class. The first valid photos by the
    services' own rank are kept; the others are set aside with a reason. Run it again and it goes on where it stood;
    raise --per-class and it only adds. `transfer list sources` names the services.

    --licence takes codes of Creative Commons, or `commercial` (may be sold), `derivatives` (may be changed), `open`
    (may be passed on, so also nc and nd), or `any`.

    Flickr needs a key, FLICKR_API_KEY and FLICKR_API_SECRET; Openverse gives more to who has one, OPENVERSE_CLIENT_ID
    and OPENVERSE_CLIENT_SECRET; Wikimedia Commons wants --contact. Keys may also stand in
    ~/.config/transfer/keys.toml, or the file that TRANSFER_KEYS names.
    """
    if recheck:
        if beside := _beside_recheck(click.get_current_context()):
            raise click.UsageError(f"--recheck looks for every photo of the workspace: leave out {', '.join(beside)}.")
        with progress(quiet=quiet) as tell:
            manifest = workflow.recheck(into, contact=wish["contact"], on_progress=tell)
        show.as_json(manifest.set_aside()) if as_json else show.photos(manifest)
        return
    said = None if quiet else lambda plan: click.echo("\n".join(map(show.printable, plan.split("\n"))), err=True)
    first, last = since.date() if since else None, until.date() if until else None
    with progress(quiet=quiet) as tell:
        result = workflow.collect(keywords, into, since=first, until=last, **wish, on_plan=said, on_progress=tell)
    for name, fault in result.faults.items():
        click.echo(show.printable(f"{name}: {fault}"), err=True)
    for reason, count in result.left_out.items():
        click.echo(f"left out, not looked at: {count} {reason}", err=True)
    if as_json:
        show.as_json(result.to_dict())
        return
    rows = [(label, result.found[label], result.kept[label]) for label in result.found]
    show.table(("class", "looked at", "kept"), rows)
    for label, reasons in result.set_aside.items():
        if reasons:
            told = ", ".join(f"{count} {reason}" for reason, count in reasons.items())
            click.echo(show.printable(f"set aside in {label}: {told}"), err=True)
    click.echo(show.printable(f"licences: {terms(result.manifest)}"), err=True)
    click.echo(show.printable(f"kept in {into}, with CREDITS.csv and CREDITS.md"), err=True)


def _beside_recheck(context: click.Context) -> list[str]:
    """What was given on the command line and says nothing to ``--recheck``."""
    given = [
        param
        for param in context.command.params
        if param.name not in OF_RECHECK and context.get_parameter_source(param.name or "") is COMMANDLINE
    ]
    return [param.get_error_hint(context) for param in given]
