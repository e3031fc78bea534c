"""What is what in a workspace, and what of it is unused. It looks and changes nothing.

unused      activations of photos that are no longer kept; activations and networks in a setting that no run had and
            that nobody used for a day; checkpoints of finished runs; leftovers
leftovers   what a killed process was writing; only after an hour, since until then it may be a living one
others      what has no name of ours, also in folders of ours: other programs keep their runs in ``runs/`` too
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path

from transfer.errors import DataError
from transfer.manifest import Manifest
from transfer.run import Run
from transfer.space.thing import KINDS, Entry, Thing
from transfer.space.words import had, in_words
from transfer.stored import ABOUT, Stored, digest, of_network, stores
from transfer.workspace import Workspace

HOUR, DAY = 3600.0, 86400.0

WRITING = ".writing-"
"""How everything begins that is not yet written."""

CHECKPOINT = "checkpoint.npz"
"""How the name of every checkpoint ends."""

NAMED = {
    "features": re.compile("[0-9a-f]{16}"),
    "runs": re.compile("[0-9a-f]{12}"),
    "explained": re.compile("[0-9a-f]{12}"),
    "images": re.compile("[0-9a-f]{2}"),
    "searches": re.compile(r"[0-9a-f]+\.json"),
}
"""How what we write into each folder is called."""

RECORDS = ("manifest.jsonl", "workspace.json", "journal.jsonl", "grid.toml", "edits.json", "CREDITS.csv", "CREDITS.md")


def survey(workspace: Workspace, *, now: float) -> list[Thing]:
    """Everything that takes space; every file is in one thing.

    Args:
        workspace: To look at. now: Seconds since 1970.
    """
    look = _Look(workspace, now)
    found = [*look.features(), *look.networks(), *look.of_runs(), *look.of_folders()]
    claimed = {entry.path for thing in found for entry in thing.entries}
    found += look.rest([entry for path, entry in look.files.items() if path not in claimed])
    return [thing for thing in found if thing.entries or thing.folders]


class _Look:
    """One look at a workspace: its files, its runs, and which photos are kept."""

    def __init__(self, workspace: Workspace, now: float) -> None:
        self.workspace, self.now = workspace, now
        self.files = {entry.path: entry for entry in _walk(workspace.root)}
        folders = [folder for folder in sorted(workspace.runs.glob("*")) if folder.is_dir()]
        self.runs = {folder.name: _run(folder) for folder in folders if NAMED["runs"].fullmatch(folder.name)}
        known = Manifest.read(workspace).kept if workspace.manifest.exists() else None
        self.kept = None if known is None else frozenset(photo.sha256 for photo in known)

    def entries(self, paths: Iterable[Path]) -> tuple[Entry, ...]:
        """Those that were there when the look began, each once."""
        return tuple(self.files[path] for path in dict.fromkeys(paths) if path in self.files)

    @cached_property
    def _whole(self) -> dict[str, dict[str, list[Entry]]]:
        """What is written to its end, by the folder in the workspace and the folder or file in that."""
        found: dict[str, dict[str, list[Entry]]] = {}
        for entry in self.files.values():
            parts = entry.path.relative_to(self.workspace.root).parts
            if len(parts) > 1 and not any(part.startswith(WRITING) for part in parts):
                found.setdefault(parts[0], {}).setdefault(parts[1], []).append(entry)
        return found

    def below(self, folder: Path) -> list[Entry]:
        """What of ours lies in a folder of the workspace, written to its end."""
        found = self._whole.get(folder.name, {})
        return [entry for name, entries in found.items() if _is_ours((folder.name, name)) for entry in entries]

    # --- activations ---

    def features(self) -> list[Thing]:
        """The largest first; the views of one setting together."""
        groups: dict[str, list[Stored]] = {}
        for stored in stores(self.workspace):
            if stored.parts():
                groups.setdefault(in_words(stored.setting()), []).append(stored)
        things = [self._features(what, group) for what, group in groups.items()]
        return sorted(things, key=lambda thing: (-thing.bytes, thing.what))

    def _features(self, what: str, group: Sequence[Stored]) -> Thing:
        entries, unused, photos, milliseconds = list[Entry](), list[Entry](), 0, 0.0
        for stored in group:
            parts, about = stored.parts(), stored.about()
            files, dead = stored.files(parts), [number for number, keys in parts.items() if self._gone(keys)]
            whole = self.entries([*files[: len(parts)], stored.folder / ABOUT, *files])
            entries += whole
            unused += whole if self._forgotten(stored) else self.entries(stored.files(dead))
            count = sum(map(len, parts.values()))
            photos += count
            milliseconds += count * (about.get("ms_each") or about.get("latency_ms") or 0.0)
        return Thing(
            kind="features",
            what=what + (f", {len(group)} of them" if len(group) > 1 else ""),
            count=photos,
            unit="photos",
            entries=tuple(entries),
            unused=tuple(unused),
            # Who fills a folder may have made sure just now that it is there: one in use stays until the next time.
            folders=tuple(stored.folder for stored in group if self.now - stored.used > HOUR),
            used=max(stored.used for stored in group),
            again="computed again",
            seconds=round(milliseconds / 1000, 1),
        )

    def _gone(self, keys: Iterable[str]) -> bool:
        """Whether none of these photos is kept any more."""
        return self.kept is not None and self.kept.isdisjoint(keys)

    def _forgotten(self, stored: Stored) -> bool:
        """Whether nobody used it for a day, and no run had its setting."""
        setting = stored.setting()
        return self.now - stored.used > DAY and not any(run and had(run, setting) for run in self.runs.values())

    def networks(self) -> Iterator[Thing]:
        """Converted networks; each serves all views of its setting, kept whole or in half precision."""
        users: dict[str, list[Stored]] = {}
        for stored in stores(self.workspace):
            users.setdefault(digest(of_network(stored.setting())), []).append(stored)
        for folder in stores(self.workspace):
            entries, of = self.entries(folder.network()), users.get(folder.folder.name, [])
            idle = self._old(entries, DAY) and all(self._forgotten(stored) for stored in of)
            name = f" of {in_words(of_network(of[0].setting()))}" if of else ""
            yield self._thing(
                "networks", f"network{name}", entries, unused=entries if idle else (), again="converted again"
            )

    def _old(self, entries: Iterable[Entry], age: float) -> bool:
        return all(self.now - entry.written > age for entry in entries)

    # --- runs ---

    def of_runs(self) -> list[Thing]:
        """Runs, and what lies in their folders without being part of them."""
        runs, failed, drawn = list[Entry](), list[Entry](), list[Entry]()
        ended, going = list[Entry](), list[Entry]()
        for name, run in self.runs.items():
            folder = self.workspace.runs / name
            for entry in self._whole.get(self.workspace.runs.name, {}).get(name, ()):
                if entry.path.name.endswith(CHECKPOINT) and entry.path.parent == folder:
                    (ended if run and run.done else going).append(entry)
                elif entry.path.parent == folder / "gradcam":
                    drawn.append(entry)
                elif run and run.status == "failed":
                    failed.append(entry)
                elif (folder / "run.json") in self.files:  # without it a folder is no run
                    runs.append(entry)
        failed.sort(key=lambda entry: (entry.path.parent, entry.path.name != "run.json"))
        lost = "trained from the first epoch"
        return [
            self._thing("overlays", "where runs looked (gradcam)", drawn, again="drawn by the next report"),
            self._thing(
                "failed", "failed runs", failed, count=len({entry.path.parent for entry in failed}), unit="runs"
            ),
            self._thing("checkpoints", "checkpoints of finished runs", ended, unused=ended),
            self._thing("checkpoints", "checkpoints of unfinished runs", going, again=lost),
            self._thing("runs", "runs", runs, count=len({entry.path.parent for entry in runs}), unit="runs"),
        ]

    # --- the rest ---

    def of_folders(self) -> list[Thing]:
        """What has a folder for itself."""
        place = self.workspace
        explained, searches = self.below(place.explained), self.below(place.searches)
        return [
            self._thing("overlays", "where runs looked (explained)", explained, again="drawn by `transfer explain`"),
            self._thing("searches", "answers of services", searches, again="asked again, maybe answered otherwise"),
            self._thing("photos", "copies of photos", self.below(place.root / "images")),
            self._thing("report", "report", self.below(place.report)),
            self._thing("records", "manifest and records", self.entries(place.root / name for name in RECORDS)),
        ]

    def rest(self, entries: Sequence[Entry]) -> list[Thing]:
        """What no process finished, and what is not ours."""
        left, writing, strange = list[Entry](), list[Entry](), list[Entry]()
        for entry in entries:
            half = _is_ours(entry.path.relative_to(self.workspace.root).parts)
            (strange if not half else left if self._old([entry], HOUR) else writing).append(entry)
        leftovers = self._thing("leftovers", "leftovers of killed processes", left, unused=left)
        return [
            dataclasses.replace(leftovers, folders=(*leftovers.folders, *self._empty())),
            self._thing("under way", "being written", writing),
            self._thing("other", "files of others", strange),
        ]

    def _thing(
        self,
        kind: str,
        what: str,
        entries: Sequence[Entry],
        *,
        unused: Sequence[Entry] = (),
        again: str = "",
        count: int | None = None,
        unit: str = "files",
    ) -> Thing:
        count = len(entries) if count is None else count
        folders = self._folders(entries) if kind in KINDS else ()
        return Thing(kind, what, count, unit, tuple(entries), tuple(unused), folders, again=again)

    def _folders(self, entries: Iterable[Entry]) -> tuple[Path, ...]:
        """The folders that these lie in, below those that every workspace has; the deepest first."""
        root = self.workspace.root
        found = {
            folder
            for entry in entries
            for folder in entry.path.parents
            if root in folder.parents and (folder.parent != root or folder.name.startswith(WRITING))
        }
        return tuple(sorted(found, key=lambda folder: (-len(folder.parts), folder)))

    def _empty(self) -> tuple[Path, ...]:
        """Empty folders in which nobody wrote for an hour."""
        root = self.workspace.root
        return tuple(
            folder
            for top in NAMED
            for folder in sorted(Path(path) for path, dirs, names in os.walk(root / top) if not dirs and not names)
            if _is_ours(folder.relative_to(root).parts) and self.now - folder.stat().st_mtime > HOUR
        )


def _walk(root: Path) -> Iterator[Entry]:
    """Every file below a folder; a link to a folder is followed where it stands directly in it, as to a larger disk."""
    for top in sorted(root.iterdir()):
        found = [Path(folder) / name for folder, _, names in os.walk(top) for name in names] if top.is_dir() else [top]
        for path in found:
            with contextlib.suppress(FileNotFoundError):  # it went while we looked
                about = path.lstat()
                yield Entry(path, about.st_size, about.st_mtime)


def _is_ours(parts: Sequence[str]) -> bool:
    """Whether a path in the workspace, by its parts, is one that we write."""
    if any(part.startswith(WRITING) for part in parts) or parts[0] == "report":
        return True
    return len(parts) > 1 and parts[0] in NAMED and NAMED[parts[0]].fullmatch(parts[1]) is not None


def _run(folder: Path) -> Run | None:
    try:
        return Run.read(folder)
    except DataError:  # no run yet, or a damaged one; either is left alone
        return None
