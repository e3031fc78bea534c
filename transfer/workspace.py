"""Workspace: the only file that knows where things lie on disk, and the only way to write them.

It owns the layout and the atomic write: to a temporary name, flushed, renamed. Whatever is read back is therefore whole
or absent. Writes are numbered, so that a test can stop the process after each. It refuses to know what files mean.

    manifest.jsonl      one photo a line
    workspace.json      the version of this layout
    images/AB/SHA.EXT   copies of photos, by content
    features/DIGEST/    activations of the frozen part, by photo content
    journal.jsonl       while collecting: what became of each photo; folded into the manifest at the end
    searches/DIGEST     what services answered, so that nothing is asked twice
    runs/ID/            one training: run.json, history.csv, predictions.csv, weights, log.txt
    explained/ID/       where a run sees its class in photos that were named
    grid.toml           what was last compared
    report/index.html   the report
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from transfer.errors import CallError, WorkspaceError

FORMAT = 1


class Workspace:
    """A folder that holds one data set and all that was done with it.

    Args:
        root: The folder; it need not exist yet. on_write: Told the number (from 1) and path of each finished write.
    """

    def __init__(self, root: str | os.PathLike[str], *, on_write: Callable[[int, Path], None] | None = None) -> None:
        if not os.fspath(root):  # as of a variable that is not set
            raise CallError("No folder is named.", received="an empty text", remedy="Name the workspace's folder.")
        self.root = Path(root)
        self.writes = 0
        self._on_write = on_write
        self._check_format()

    @classmethod
    def of(cls, place: Workspace | str | os.PathLike[str]) -> Workspace:
        """The workspace itself, or the one at this path."""
        return place if isinstance(place, Workspace) else cls(place)

    def __repr__(self) -> str:
        return f"Workspace({str(self.root)!r})"

    def __fspath__(self) -> str:
        return str(self.root)

    # --- where things lie ---

    @property
    def manifest(self) -> Path:
        return self.root / "manifest.jsonl"

    @property
    def journal(self) -> Path:
        return self.root / "journal.jsonl"

    @property
    def searches(self) -> Path:
        return self.root / "searches"

    @property
    def features(self) -> Path:
        return self.root / "features"

    @property
    def runs(self) -> Path:
        return self.root / "runs"

    @property
    def report(self) -> Path:
        return self.root / "report"

    @property
    def explained(self) -> Path:
        return self.root / "explained"

    @property
    def grid(self) -> Path:
        return self.root / "grid.toml"

    def image(self, sha256: str, extension: str) -> Path:
        """Where a copied photo lies: by content, in 256 folders."""
        return self.root / "images" / sha256[:2] / f"{sha256}.{extension}"

    def photo_path(self, file_name: str) -> Path:
        """The file of a photo: relative names lie in the workspace, absolute ones where the user keeps them."""
        return self.root / file_name

    # --- writing ---

    def begin(self) -> None:
        """Make the folder and say which layout it has; harmless when that was done before."""
        marker = self.root / "workspace.json"
        if not marker.exists():
            self.write_json(marker, {"transfer_workspace": FORMAT})

    @contextlib.contextmanager
    def replacing(self, path: Path) -> Iterator[Path]:
        """A temporary path beside ``path``; what was written there takes its place when the block ends without error.

        Raises:
            WorkspaceError: The place cannot be written (no permission, a full disk, a file where a folder should be).
        """
        try:
            with atomically(path) as temporary:
                yield temporary
        except OSError as error:
            raise self._unwritable(path, error) from error
        self._written(path)

    def write_bytes(self, path: Path, content: bytes) -> None:
        with self.replacing(path) as temporary:
            temporary.write_bytes(content)

    def write_text(self, path: Path, content: str) -> None:
        self.write_bytes(path, content.encode("utf-8"))

    def place_bytes(self, path: Path, content: bytes) -> None:
        """Like ``write_bytes``, without waiting for the disk.

        For files that are named by their content: after a power cut one of them may be empty, so that who begins again
        looks at their content first.
        """
        temporary = path.with_name(f".writing-{path.name}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(content)
            temporary.replace(path)
        except OSError as error:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise self._unwritable(path, error) from error
        self._written(path)

    def append(self, path: Path, text: str) -> None:
        """Add to the end of a file. After a power cut its last line may be half."""
        try:
            with path.open("a", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            raise self._unwritable(path, error) from error
        self._written(path)

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Let no other process change the photos meanwhile; it ends with the process, however that ends.

        Raises:
            WorkspaceError: Another one is changing them, or there can be no folder.
        """
        try:
            made = [path for path in (self.root, *self.root.parents) if not path.exists()]
            self.root.mkdir(parents=True, exist_ok=True)
            folder = os.open(self.root, os.O_RDONLY)
        except OSError as error:
            raise self._unwritable(self.root, error) from error
        with contextlib.ExitStack() as at_the_end:
            at_the_end.callback(os.close, folder)
            self._lock(folder)
            if made:
                at_the_end.callback(self._unmake, made)
                self.begin()  # it may lie among the photos that are loaded, where only a workspace is passed over
            yield

    def _lock(self, folder: int) -> None:
        """Hold the open folder, if it still is the one of that name: who made it may have taken it away again."""
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            held = os.path.samestat(os.fstat(folder), self.root.stat())
        except (BlockingIOError, FileNotFoundError):
            held = False
        except OSError:  # a file system without locks has none to wait for
            held = True
        if not held:
            raise WorkspaceError(
                "Another process is changing the photos of this workspace.",
                received=self.root,
                remedy="Wait until it has ended (collect, load, check, split or recheck), then ask again.",
            )

    def _unmake(self, made: Sequence[Path]) -> None:
        """Take away the folders that were made, where nothing was written but that this is a workspace."""
        marker = self.root / "workspace.json"
        with contextlib.suppress(OSError):
            if list(self.root.iterdir()) == [marker]:
                marker.unlink()
            for path in made:
                path.rmdir()

    def sweep(self) -> None:
        """Take away what a process that was killed was just writing among the images."""
        for stray in (self.root / "images").glob("*/.writing-*"):
            shutil.rmtree(stray) if stray.is_dir() else stray.unlink(missing_ok=True)

    def sync(self) -> None:
        """Wait until the disk has everything: before a file is trusted that points to what ``place_bytes`` wrote."""
        os.sync()

    def remove(self, path: Path) -> None:
        """Take a file away; harmless where there is none."""
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise self._unwritable(path, error) from error
        self._written(path)

    def write_json(self, path: Path, content: Any) -> None:
        self.write_text(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")

    @staticmethod
    def _unwritable(path: Path, error: OSError) -> WorkspaceError:
        return WorkspaceError(
            f"The workspace cannot be written: {error.strerror or error}.",
            received=path,
            remedy="Free some space or choose another place; what was there before is untouched.",
        )

    def _written(self, path: Path) -> None:
        self.writes += 1
        if self._on_write is not None:
            self._on_write(self.writes, path)

    def _check_format(self) -> None:
        if self.root.exists() and not self.root.is_dir():
            raise WorkspaceError("A workspace is a folder.", received=self.root, remedy="Name a folder, new or old.")
        try:
            content = (self.root / "workspace.json").read_bytes()
        except FileNotFoundError:
            return
        except OSError as error:
            raise WorkspaceError(
                f"The workspace cannot be read: {error.strerror or error}.",
                received=self.root,
                remedy="Name another folder, or give yourself the permission to read this one.",
            ) from error
        try:
            version = json.loads(content)["transfer_workspace"]
        except (ValueError, KeyError, TypeError) as error:
            raise WorkspaceError(
                "workspace.json is damaged.",
                received=content[:80],
                remedy=f'Write {{"transfer_workspace": {FORMAT}}} into it, if this folder was made by transfer.',
            ) from error
        if not isinstance(version, int) or version > FORMAT:
            raise WorkspaceError(
                f"The workspace was written by a newer transfer; this one reads layout {FORMAT}.",
                received=f"layout {version} in {self.root}",
                remedy="Install a newer transfer (pip install -U), or use another workspace. Nothing was changed.",
            )


@contextlib.contextmanager
def atomically(path: Path) -> Iterator[Path]:
    """Write a file or a folder under a temporary name, flush it, and rename it to ``path`` at the end.

    What stood there is replaced as a whole or not at all. Only a process that is killed between the two renames of a
    folder leaves none: the old one lies beside it, as ``.writing-X/.writing-X``. The temporary name keeps its suffixes.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    holder = Path(tempfile.mkdtemp(prefix=".writing-", dir=path.parent))
    temporary, replaced = holder / path.name, holder / holder.name
    try:
        yield temporary
        _flush(temporary)
        if path.is_dir() and temporary.is_dir():  # a file never takes the place of a folder
            path.rename(replaced)
        temporary.replace(path)
        _sync(path.parent)
    finally:
        if replaced.exists() and not path.exists():
            replaced.rename(path)
        shutil.rmtree(holder, ignore_errors=True)


def _flush(path: Path) -> None:
    """Ask the disk to have the file, or the folder with every file in it, before anything points to it."""
    for each in (path, *path.rglob("*")) if path.is_dir() else (path,):
        _sync(each)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
