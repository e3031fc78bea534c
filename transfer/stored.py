"""Stored: the activations of one setting as they lie on disk; when a part is whole, and in which order it goes.

Owns the layout of a folder ``WS/features/DIGEST/``. It computes nothing, so that what lies there can be shown and freed
without TensorFlow.

    about.json          the setting in words, the shape, milliseconds for one photo; its date is that of the last use
    network.*           the frozen network as OpenVINO reads it, where that is the engine
    N.npy  N.keys       some photos; keys are written after activations

A part counts where its keys, its activations and ``about.json`` are there, whoever takes away what while another
process reads or fills: what does not count is computed again. Keys go first, so that a process that is killed while it
takes a part away leaves none that looks whole.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy

from transfer.workspace import Workspace

ABOUT = "about.json"

SETTING = ("backbone", "weights", "stage", "size", "engine", "precision", "half", "view")
"""What decides an activation, among all that ``about.json`` says."""

PIXELS = "pixels"
"""The stage of a setting that keeps decoded photos."""


READING = "large JPEGs reduced"
"""How ``pixels`` reads photos: part of every folder's name, so that what was read otherwise is computed again."""


def digest(setting: Mapping[str, Any]) -> str:
    """The name of a setting's folder."""
    decisive = dict(setting) | {"reading": READING}
    return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()[:16]


def of_network(setting: Mapping[str, Any]) -> dict[str, Any]:
    """The setting in whose folder the network lies: one for all views, and for whole and half precision."""
    return {name: value for name, value in setting.items() if name not in ("view", "half")}


@dataclass(frozen=True)
class Stored:
    """The folder of one setting.

    Args:
        workspace: That it belongs to. folder: It need not exist.
    """

    workspace: Workspace
    folder: Path

    def about(self) -> dict[str, Any]:
        """What ``about.json`` says; empty where there is none."""
        try:
            said = json.loads((self.folder / ABOUT).read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return {}
        return said if isinstance(said, dict) else {}

    def setting(self) -> dict[str, Any]:
        """What decides these activations; empty where it is not known."""
        return {name: value for name, value in self.about().items() if name in SETTING}

    def parts(self) -> dict[int, tuple[str, ...]]:
        """The whole parts: number -> sha256 of each photo, in the order of the rows."""
        whole: dict[int, tuple[str, ...]] = {}
        if not self.about():
            return whole
        for keys in sorted(self.folder.glob("*.keys")):
            with contextlib.suppress(FileNotFoundError):  # another process has just taken it away
                text = keys.read_text(encoding="ascii")
                if keys.with_suffix(".npy").exists():
                    whole[int(keys.stem)] = tuple(text.splitlines())
        return whole

    def path(self, part: int) -> Path:
        """Where the activations of a part lie."""
        return self.folder / f"{part:06d}.npy"

    def describe(self, about: Mapping[str, Any]) -> None:
        """Write ``about.json``."""
        self.workspace.write_json(self.folder / ABOUT, dict(about))

    def write(self, part: int, keys: Sequence[str], rows: numpy.ndarray) -> None:
        """Keep a part: its activations, then its keys."""
        with self.workspace.replacing(self.path(part)) as temporary:
            numpy.save(temporary, rows)
        self.workspace.write_text(self.path(part).with_suffix(".keys"), "".join(f"{key}\n" for key in keys))

    def touch(self) -> None:
        """Note that it was used now."""
        # Where somebody may only read the workspace, or the folder has just been freed, there is no date to keep.
        with contextlib.suppress(PermissionError, FileNotFoundError):
            os.utime(self.folder / ABOUT)

    @property
    def used(self) -> float:
        """When it was last used, in seconds since 1970; 0 where that is not known."""
        try:
            return (self.folder / ABOUT).stat().st_mtime
        except FileNotFoundError:
            return 0.0

    def files(self, parts: Iterable[int] | None = None) -> list[Path]:
        """The files of these parts, or of every whole one, in the order in which they may go: keys first."""
        paths = [self.path(part) for part in (self.parts() if parts is None else parts)]
        return [path.with_suffix(".keys") for path in paths] + paths

    def network(self) -> list[Path]:
        """The files of the kept network in the order in which they may go: what says that it is whole first."""
        return sorted(self.folder.glob("network.*"), key=lambda path: (path.suffix != ".xml", path.name))


def stores(workspace: Workspace) -> Iterator[Stored]:
    """Every setting of which something is kept."""
    for folder in sorted(workspace.features.glob("[!.]*")):
        if folder.is_dir():
            yield Stored(workspace, folder)


def make_room(workspace: Workspace, wanted: int, *, budget: int, spare: Collection[str] = ()) -> int:
    """Free the parts that were not used for longest, until so many bytes more fit the budget.

    Kept networks and descriptions stay: they are small beside activations.

    Args:
        workspace: Whose features. wanted: Bytes about to be written. budget: That all activations together may take.
        spare: Names of folders that are about to be read.

    Returns:
        The bytes that were freed.
    """
    held = {one: one.files() for one in stores(workspace)}
    sizes = {one: sum(map(size_of, files)) for one, files in held.items()}
    taken, freed = sum(sizes.values()), 0
    for one in sorted(held, key=lambda one: one.used):
        if taken - freed + wanted <= budget:
            break
        if one.folder.name not in spare:
            for path in held[one]:
                workspace.remove(path)
            freed += sizes[one]
    return freed


def size_of(path: Path) -> int:
    """Bytes of a file; none where another process has just taken it away."""
    try:
        return path.lstat().st_size
    except FileNotFoundError:
        return 0
