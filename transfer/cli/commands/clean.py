"""The command `transfer clean`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from transfer import workflow
from transfer.cli import show
from transfer.cli.options import as_json, workspace

if TYPE_CHECKING:
    from transfer.space import Space
    from transfer.space.thing import Thing

UNITS = ("bytes", "kB", "MB", "GB", "TB")
AGES = ((86400, "day"), (3600, "hour"), (60, "minute"))


@click.command("clean")
@workspace
@click.option("--unused", is_flag=True, help="Free what nothing here needs.")
@click.option("--all", "all_", is_flag=True, help="Free everything below, but for --searches.")
@click.option("--features", is_flag=True, help="Kept activations and decoded photos.")
@click.option("--networks", is_flag=True, help="Networks converted for OpenVINO.")
@click.option("--overlays", is_flag=True, help="Pictures of where runs looked (gradcam/, explained/).")
@click.option("--failed", is_flag=True, help="Failed runs.")
@click.option("--checkpoints", is_flag=True, help="Of all runs; an unfinished training then begins anew.")
@click.option("--leftovers", is_flag=True, help="What killed processes were writing.")
@click.option("--searches", is_flag=True, help="What services answered; `collect` asks them again.")
@click.option("--dry-run", "-n", is_flag=True, help="Only say what would be freed.")
@as_json
def command(workspace: str, as_json: bool, dry_run: bool, all_: bool, **kinds: bool) -> None:
    """Show what takes space in a workspace and what it would cost to have it again; free what is named.

    Without options nothing is freed. Unused are activations of photos that are no longer kept, activations and
    networks in a setting that no run had and nobody used for a day, checkpoints of finished runs, and leftovers that
    nobody wrote to for an hour. What is freed is made again when it is asked for, and may be freed while another
    process trains.

    Manifest, photos, finished and interrupted runs, and reports always stay.
    """
    free = [*(["all"] if all_ else []), *(kind for kind, wanted in kinds.items() if wanted)]
    space = workflow.clean(workspace, free, dry_run=dry_run)
    if as_json:
        totals = {"bytes": space.bytes, "unused_bytes": space.unused_bytes, "freed_bytes": space.freed_bytes}
        show.as_json({"path": workspace, **totals, "dry_run": dry_run, "things": space.rows()})
    elif free:
        _freed(space, "would be freed" if dry_run else "freed")
    else:
        _taken(space)


def _taken(space: Space) -> None:
    header = ("what", "holds", "size", "unused", "last used", "to have it again")
    show.table(header, [_line(thing) for thing in space])
    click.echo(f"{_size(space.bytes)} in all, {_size(space.unused_bytes)} unused", err=True)
    if space.unused_bytes:
        click.echo("--unused frees what is unused", err=True)


def _line(thing: Thing) -> tuple[str | None, ...]:
    unused = _size(thing.unused_bytes) if thing.unused_bytes else None
    used = None if thing.used is None else _age(time.time() - thing.used)
    again = thing.again + (f" in about {show.duration(thing.seconds or 0)}" if (thing.seconds or 0) >= 1 else "")
    return thing.what, f"{thing.count:,} {thing.unit}", _size(thing.bytes), unused, used, again or None


def _freed(space: Space, said: str) -> None:
    lines = [(thing.what, _size(thing.freed_bytes)) for thing in space if thing.freed_bytes]
    if lines:
        show.table(("what", said), lines)
    click.echo(f"{_size(space.freed_bytes)} {said}", err=True)


def _size(number: float) -> str:
    for unit in UNITS[:-1]:
        if number < 1000:
            return f"{number:.0f} {unit}" if unit == "bytes" else f"{number:.3g} {unit}"
        number /= 1000
    return f"{number:,.3g} {UNITS[-1]}"


def _age(seconds: float) -> str:
    for length, unit in AGES:
        if seconds >= length:
            count = int(seconds // length)
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"
