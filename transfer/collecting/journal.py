"""Journal: what became of each photo, one line as soon as it is known, until all of it is folded into the manifest.

It lives only while something is being collected, or until what was interrupted is collected again. A half last line, as
a power cut leaves it, is passed over, and a file that is not what its line says is fetched again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from pathlib import Path

from transfer.photo import FIELDS, Photo
from transfer.workspace import Workspace


class Journal:
    """The journal of a workspace, or another one; opening it reads what an interrupted collection left."""

    def __init__(self, workspace: Workspace, path: Path | None = None) -> None:
        self._workspace = workspace
        self.path = path or workspace.journal
        self._torn = False
        self.photos = {photo.id: photo for photo in self._read() if self._is_whole(photo)}

    def note(self, photo: Photo) -> None:
        """Write what became of a photo."""
        line = _line(photo)
        self._workspace.append(self.path, f"\n{line}" if self._torn else line)
        self._torn = False
        self.photos[photo.id] = photo

    def close(self, done: Collection[str]) -> None:
        """Forget the photos of these ids, which stand in the manifest; another collection goes on from the others."""
        if not self.path.exists():
            return
        self.photos = {id: photo for id, photo in self.photos.items() if id not in done}
        if self.photos:
            self._workspace.write_text(self.path, "".join(map(_line, self.photos.values())))
        else:
            self._workspace.remove(self.path)

    def _read(self) -> list[Photo]:
        try:
            text = self.path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return []
        self._torn = bool(text) and not text.endswith("\n")
        photos = []
        for line in text.split("\n"):
            try:
                record = json.loads(line)
                photos.append(Photo(**{name: value for name, value in record.items() if name in FIELDS}))
            except (ValueError, TypeError, AttributeError):  # half a line, or an empty one
                continue
        return photos

    def _is_whole(self, photo: Photo) -> bool:
        return photo.excluded is not None or has_content(self._workspace.photo_path(photo.file_name), photo.sha256)


def _line(photo: Photo) -> str:
    return json.dumps(photo.to_dict(), ensure_ascii=True) + "\n"


def has_content(path: Path, sha256: str) -> bool:
    """Whether a file is there and holds these bytes."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == sha256
    except OSError:
        return False
