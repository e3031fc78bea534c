"""One line that tells how far the work is; plain lines where no person watches, none with ``--quiet``."""

from __future__ import annotations

import contextlib
import re
import sys
import time
from collections.abc import Iterator

import click

from transfer.cli import show
from transfer.progress import Progress

PLAIN_EVERY = 5.0
"""Seconds between two lines where stderr is no terminal."""

_SAID_ONCE = re.compile(r"^training, |\b(training from|not enough memory;) ")
"""An epoch of the one training that runs, and notices: nothing that comes later says them again."""


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


class _Pace:
    """How fast a piece of work goes; another total, or other words where no trial is named, begins another piece."""

    def __init__(self) -> None:
        self._piece: tuple[str, int] | None = None
        self._begun, self._before = 0.0, 0

    def __call__(self, done: int, total: int, what: str) -> tuple[str, str]:
        """The rate and the time left in words; empty while nothing can be said."""
        piece = ("" if ": " in what else re.sub(r"\d+", "", what), total)
        if piece != self._piece or done < self._before:
            self._piece, self._begun, self._before = piece, time.monotonic(), done  # what was there came at once
        rate = (done - self._before) / max(time.monotonic() - self._begun, 1e-3)
        if not rate:
            return "", ""
        said = f"{rate:.1f} a second" if rate >= 1 else f"{60 * rate:.1f} a minute"
        return said, f"about {show.duration((total - done) / rate)} left" if done < total else ""


@contextlib.contextmanager
def _bar() -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar
    from rich.table import Column

    # Where the terminal is narrow the words behind are cut off, and not what says how far it is.
    columns = (BarColumn(24, table_column=Column(min_width=8)), MofNCompleteColumn(), TimeElapsedColumn())
    pace_column = TextColumn("{task.fields[pace]}", table_column=Column(no_wrap=True))
    text = TextColumn("{task.description}", markup=False, table_column=Column(ratio=1, no_wrap=True))
    with Bar(*columns, pace_column, text, console=Console(stderr=True), transient=True, expand=True) as bar:
        task = bar.add_task("", total=None, pace="")
        pace = _Pace()

        def tell(done: int, total: int, what: str) -> None:
            said = ", ".join(filter(None, pace(done, total, what)))
            bar.update(task, completed=done, total=total, description=what, pace=said)

        yield tell


def _lines() -> Progress:
    last, begun, pace = [0.0], time.monotonic(), _Pace()

    def tell(done: int, total: int, what: str) -> None:
        now, said = time.monotonic(), pace(done, total, what)
        if now - last[0] >= PLAIN_EVERY or (done == total and last[0]) or _SAID_ONCE.search(what):
            last[0] = now
            click.echo("  ".join([f"{done}/{total}", f"{now - begun:.0f} s", what, *filter(None, said)]), err=True)

    return tell
