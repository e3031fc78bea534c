"""Camp: where a machine of a cluster keeps what it was given, for one comparison.

    home    the workspace of whoever compares
    camp    a folder below the machine's temporary folder; processes on one machine share it

A marker with a secret tells a machine that sees home, on shared storage, from one that has another folder at the same
path. What a machine lacks (photos, weights, kept activations) it asks for by home's path, and keeps for the tasks that
follow. Knows nothing of Ray.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from transfer.stored import PIXELS, Stored, size_of
from transfer.workspace import Workspace

LOAD = 1 << 30
"""Bytes of activations of one setting that are carried between machines; more are computed where they are wanted."""

Offered = Sequence[tuple[tuple[str, ...], Any]]
"""Paths at home, and the object that holds the bytes of those files by path."""


@dataclass(frozen=True)
class Home:
    """The workspace of whoever compares.

    Attributes:
        root: Absolute. features: Where its activations are kept.
        marker: A file in it. secret: What the file says; it also names the camps.
    """

    root: Path
    features: Path
    marker: str
    secret: str

    def is_seen(self) -> bool:
        """Whether this machine sees the very same folder."""
        try:
            return (self.root / self.marker).read_text(encoding="ascii") == self.secret
        except OSError:
            return False

    @property
    def camp(self) -> Path:
        """The folder of the machine that asks."""
        return Path(tempfile.gettempdir()) / f"transfer-{self.secret}"


class Lacking(BaseException):
    """A file that this machine does not have; no failure of the task, so that nothing on the way takes it for one."""


class Abroad(Workspace):
    """A workspace whose photos may not be on this machine.

    A photo keeps its name wherever it lies: a run's answers stand in the order of names.
    """

    def __init__(self, root: Path, camp: Camp) -> None:
        super().__init__(root)
        self._camp = camp

    def photo_path(self, file_name: str) -> Path:
        return self._camp.path_of(self._camp.home.root / file_name)


class Camp:
    """What a machine of the cluster keeps for one comparison. Several processes may use it at once.

    Args:
        home: Of whoever compares. offered: What is there to be fetched. fetch: Gives what an object holds.
    """

    def __init__(self, home: Home, offered: Offered, fetch: Callable[[Any], Any]) -> None:
        self.home = home
        self._get, self._lock = fetch, threading.Lock()
        self.folder = home.camp
        self.workspace = Workspace(self.folder / "workspace")
        self._offered = {path: held for paths, held in offered for path in paths}

    def path_of(self, path: Path, sha256: str | None = None) -> Path:
        """Where the file that home has at ``path`` lies on this machine; with ``sha256``, only that very content.

        Raises:
            Lacking: Nowhere, and it has not been offered.
        """
        if path.is_file() and (sha256 is None or _sha256(path) == sha256):
            return path
        place = self._place(path)
        if not place.is_file():
            with self._lock:  # photos are read by several threads, and one of them fetches what all of them want
                if not place.is_file():
                    self._fetch(path)
        return place if place.is_file() else path  # what home does not have either is missed by its own name

    def take_features(self, keys: Sequence[str]) -> None:
        """Fetch the kept activations of these folders as far as they are offered."""
        self._make()
        folders = {self.home.features / key for key in keys}
        for path in map(Path, self._offered):
            if path.parent in folders and not self._place(path).exists():
                self._fetch(path)

    def _place(self, path: Path) -> Path:
        if path.is_relative_to(self.home.features):
            return self.workspace.features / path.relative_to(self.home.features)
        return self.folder / "files" / f"{hashlib.sha256(os.fsencode(path)).hexdigest()[:16]}-{path.name}"

    def _fetch(self, path: Path) -> None:
        held = self._offered.get(str(path))
        if held is None:
            raise Lacking(path)
        self._make()
        for name, content in self._get(held).items():
            place = self._place(Path(name))
            place.parent.mkdir(parents=True, exist_ok=True)
            # Whole or absent, whoever else writes it at the same time. No need to wait for the disk: none of it stays.
            temporary = place.with_name(f".writing-{os.getpid()}-{place.name}")
            temporary.write_bytes(content)
            temporary.replace(place)

    def _make(self) -> None:
        self.folder.mkdir(mode=0o700, exist_ok=True)  # what is in it is its owner's alone


@cache
def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def carried(stored: Stored) -> list[Path]:
    """The files of a setting that are carried to other machines, in the order in which they may be written there.

    Decoded photos are not: they are larger than the photos themselves. Nor are more bytes than ``LOAD``.
    """
    about = stored.about()
    files = stored.files()
    if not about or about["stage"] == PIXELS or sum(map(size_of, files)) > LOAD:
        return []
    return [stored.folder / "about.json", *reversed(stored.network()), *reversed(files)]
