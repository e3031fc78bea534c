"""The command `transfer load`."""

from __future__ import annotations

import click

from transfer import workflow
from transfer.cli import show
from transfer.cli.options import into, quiet
from transfer.cli.progress import progress


@click.command("load")
@click.argument("path")
@into
@click.option("--copy", is_flag=True, help="Copy the photos into the workspace instead of referring to them.")
@quiet
def command(path: str, into: str, copy: bool, quiet: bool) -> None:
    """Load photos from class folders, given parts, a table, or TensorFlow Datasets.

    \b
    PATH is  root/CLASS/*                           class folders
             root/{train,validation,test}/CLASS/*   given parts, kept as given; of two, such as train and val,
                                                    the second is the test split, and validation is drawn
                                                    from the first
             photos.csv                             columns path or url, label and, if you like, split,
                                                    licence, author, page; also .tsv, .jsonl, .parquet
             tfds:NAME                              a data set that TensorFlow Datasets has prepared, looked
                                                    for in TFDS_DATA_DIR
             tfds:FOLDER                            a prepared one, or PART/CLASS/* as tfds.ImageFolder has it

    Originals are never changed. Photos that cannot be read are set aside with a reason. Loading the same photos again
    changes nothing; loading more adds them.
    """
    with progress(quiet=quiet) as tell:
        manifest = workflow.load(path, into, copy=copy, on_progress=tell)
    show.photos(manifest)
