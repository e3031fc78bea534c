"""One line that tells how far the work is; plain lines where no person watches, none with ``--quiet``."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator

import click

Progress = Callable[[int, int, str], None]

PLAIN_EVERY = 5.0
"""Seconds between two lines where stderr is no terminal."""


@contextlib.contextmanager
def progress(*, quiet: bool) -> Iterator[Progress | None]:
    """What a verb takes as ``on_progress``."""
    if quiet:
        yield None
    elif sys.stderr.isatty():
        with _bar() as tell:
            yield tell
    else:
        yield _lines()


@contextlib.contextmanager
def _bar() -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (BarColumn(24), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn(compact=True))
    text = TextColumn("{task.description}", markup=False)
    with Bar(*columns, text, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)
        kinds: list[str] = []

        def tell(done: int, total: int, what: str) -> None:
            kind = what.split(":")[0]
            if total != bar.tasks[task].total or (done < bar.tasks[task].completed and kind not in kinds):
                bar.reset(task, total=total)
            kinds[:] = [kind]
            bar.update(task, completed=done, total=total, description=what)

        yield tell


def _lines() -> Progress:
    last = [0.0]
    begun = time.monotonic()

    def tell(done: int, total: int, what: str) -> None:
        now = time.monotonic()
        if now - last[0] >= PLAIN_EVERY or (done == total and last[0]):
            last[0] = now
            click.echo(f"{done}/{total}  {now - begun:.0f} s  {what}", err=True)

    return tell
