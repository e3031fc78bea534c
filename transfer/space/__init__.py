"""Space: what takes room in a workspace, what it would cost to have it again, and how it is freed.

It owns the order in which files go: what says that something is whole goes first, so that a process that is killed
while it frees, or that reads or writes meanwhile, never trusts a half. It never touches the manifest, photos, finished
or interrupted runs, reports, and files that it does not know. What is what, and what is unused, ``survey`` says.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from transfer.errors import CallError, DataError
from transfer.space.survey import RECORDS, survey
from transfer.space.thing import WORDS, Thing
from transfer.workspace import Workspace

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True)
class Space:
    """What takes space in a workspace; where something was freed, what took it before."""

    things: tuple[Thing, ...]

    def __iter__(self) -> Iterator[Thing]:
        return iter(self.things)

    @property
    def bytes(self) -> int:
        return sum(thing.bytes for thing in self.things)

    @property
    def unused_bytes(self) -> int:
        return sum(thing.unused_bytes for thing in self.things)

    @property
    def freed_bytes(self) -> int:
        return sum(thing.freed_bytes for thing in self.things)

    def rows(self) -> list[dict[str, Any]]:
        """A row a thing, with the fields that ``--json`` promises."""
        return [thing.row() for thing in self.things]

    def to_frame(self) -> pandas.DataFrame:
        """A row a thing."""
        import pandas

        return pandas.DataFrame(self.rows())


def clean(workspace: Workspace, free: Sequence[str] = (), *, dry_run: bool = False, now: float) -> Space:
    """Look what takes space, and free what is asked for.

    Args:
        workspace: Whose. free: Words of ``WORDS``. dry_run: Only say what would go. now: Seconds since 1970.

    Raises:
        CallError: A word that is not known. DataError: There is no workspace.
    """
    if strange := sorted(set(free) - set(WORDS)):
        raise CallError("Nothing of this name can be freed.", received=strange[0], remedy=f"Known: {', '.join(WORDS)}.")
    if not any((workspace.root / name).exists() for name in RECORDS):
        raise DataError("There is no workspace here.", received=workspace.root, remedy="Name the folder of one.")
    return Space(tuple(_freed(thing, workspace, free, dry_run=dry_run) for thing in survey(workspace, now=now)))


def _freed(thing: Thing, workspace: Workspace, free: Sequence[str], *, dry_run: bool) -> Thing:
    going = thing.asked(free)
    if not dry_run:
        for entry in going:
            workspace.remove(entry.path)
        for folder in thing.folders if free else ():
            with contextlib.suppress(OSError):  # something is left in it, or it is gone
                folder.rmdir()
    return dataclasses.replace(thing, freed_bytes=sum(entry.size for entry in going))
