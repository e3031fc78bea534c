"""Thing: something that takes space in a workspace, as a plain value."""

from __future__ import annotations

import datetime
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

KINDS = ("features", "networks", "overlays", "failed", "checkpoints", "leftovers", "searches")
"""What may be freed as a whole."""

ALL = KINDS[:-1]
"""What ``all`` frees: what can be had again as it was. Services may answer otherwise tomorrow."""

WORDS = ("unused", "all", *KINDS)
"""What may be asked for."""


class Entry(NamedTuple):
    """A file: its path, its size in bytes, and when it was written, in seconds since 1970."""

    path: Path
    size: int
    written: float


@dataclass(frozen=True)
class Thing:
    """Something that takes space.

    Attributes:
        kind: One of ``KINDS``, or what is never freed: photos, runs, report, records, under way, other.
        what: In words. count: How many, in ``unit``.
        entries: Its files, in the order in which they may go. unused: Those of them that nobody needs.
        folders: That go with them once they are empty, the deepest first.
        used: When it was last used, in seconds since 1970. again: What it costs to have it again, in words.
        seconds: That this takes, where it is known. freed_bytes: What was freed, or would be.
    """

    kind: str
    what: str
    count: int
    unit: str
    entries: tuple[Entry, ...]
    unused: tuple[Entry, ...] = ()
    folders: tuple[Path, ...] = ()
    used: float | None = None
    again: str = ""
    seconds: float | None = None
    freed_bytes: int = 0

    @property
    def bytes(self) -> int:
        return sum(entry.size for entry in self.entries)

    @property
    def unused_bytes(self) -> int:
        return sum(entry.size for entry in self.unused)

    def asked(self, free: Collection[str]) -> tuple[Entry, ...]:
        """The files that these words free."""
        if self.kind in free or ("all" in free and self.kind in ALL):
            return self.entries
        return self.unused if {"unused", "all"} & set(free) else ()

    def row(self) -> dict[str, Any]:
        """The thing as plain values."""
        names = ("kind", "what", "count", "unit", "bytes", "unused_bytes", "freed_bytes", "again", "seconds")
        used = None if self.used is None else datetime.datetime.fromtimestamp(self.used, datetime.UTC)
        record = {name: getattr(self, name) for name in names}
        return record | {"last_used": None if used is None else used.isoformat(timespec="seconds")}
