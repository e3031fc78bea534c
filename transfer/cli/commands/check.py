"""The command `transfer check`."""

from __future__ import annotations

from pathlib import Path

import click

from transfer import workflow
from transfer.cli import show
from transfer.cli.options import as_json, quiet, workspace
from transfer.cli.progress import progress

SHOWN = 10


@click.command("check")
@workspace
@click.option("--edits", metavar="FILE", help="A table to decide in: written if new, else applied and taken back.")
@as_json
@quiet
def command(workspace: str, edits: str | None, as_json: bool, quiet: bool) -> None:
    """Find unreadable, small, blank and blurred photos, duplicates, leaks between splits, and likely mislabels.

    Nothing is deleted: a photo is set aside with a reason, and comes back when the reason is gone. With --edits a table
    of all doubtful photos is written; fill in its column `action` (keep, exclude, verified, or relabel with new_label)
    and run the command again. Likely mislabels need the features of an earlier `transfer train`.

    Set aside are photos that cannot be read; those whose shorter side is below 32 pixels or whose longer one is more
    than five times that; those with hardly any contrast or no sharp edge; of duplicates and near duplicates in one
    class all but the best (of test before validation before train, then the larger); and nearly equal photos of two
    classes, all of them. What a person has verified stays, if it can be read.

    Photos of two classes that are alike but not so nearly equal, and those that one owner uploaded within a day, stay
    together in splits and folds that are made afterwards, so check before `transfer split`. What is set aside or
    relabelled makes other data, and for runs in folds or with --per-class so does what now stays together: runs made
    before are not compared with later ones.
    """
    fresh = edits is not None and not Path(edits).exists()
    with progress(quiet=quiet) as tell:
        found = workflow.check(workspace, edits=edits, on_progress=tell)
    if as_json:
        show.as_json(found.to_dict())
        return
    show.photos(found.manifest)
    for one, two in found.leaks[:SHOWN]:
        click.echo(show.printable(f"leak: {one.file_name} ({one.split}) is {two.file_name} ({two.split})"), err=True)
    if found.suspects is None:
        click.echo("likely mislabels: not looked for, no run has left features of these photos", err=True)
    for suspect in (found.suspects or ())[:SHOWN]:
        title = next(photo.title or photo.file_name for photo in found.manifest.photos if photo.id == suspect.id)
        click.echo(
            show.printable(f"likely mislabel: {title} ({suspect.label}) looks like {suspect.likelier}"), err=True
        )
    if fresh:
        said = "fill in `action` (keep, exclude, verified, relabel with new_label) and run the same command again"
        click.echo(show.printable(f"doubtful photos listed in {edits}: {len(found.doubtful)}; {said}"), err=True)
    elif edits is not None:
        click.echo(show.printable(f"decisions of {edits} in force: {len(found.decided)}"), err=True)
    for label, count in found.imbalance.items():
        click.echo(show.printable(f"few photos: {label} has {count}, less than a tenth of the largest class"), err=True)
