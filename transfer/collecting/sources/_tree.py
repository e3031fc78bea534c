"""A tree of class folders on this machine: what lies in it, and what is passed over silently. Nothing is decoded."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from transfer.collecting.formats import looks_like_a_photo
from transfer.collecting.source import checked_label
from transfer.errors import DataError
from transfer.photo import Photo


def candidates(place: Path, root: Path, split: str | None) -> tuple[list[Photo], int]:
    """The photos below a class folder, which gives them its name, and how many other files lie there."""
    there = list(_files(place))
    photos = [
        Photo(
            id="",
            file_name=str(file),
            label=checked_label(place.name, where=file.parent),
            source="folder",
            title=file.relative_to(root).as_posix(),
            split=split,
        )
        for file in there
        if looks_like_a_photo(file)
    ]
    return photos, len(there) - len(photos)


def level(folder: Path) -> tuple[list[Path], list[Path]]:
    """The folders and the files directly in a folder, hidden ones and workspaces left out, by name."""
    with _reading(folder), os.scandir(folder) as entries:
        listed = sorted((entry.name, entry.is_dir()) for entry in entries if not _hidden(entry.name))
    folders = [folder / name for name, is_folder in listed if is_folder]
    files = [folder / name for name, is_folder in listed if not is_folder]
    return [each for each in folders if not _is_workspace(each)], files


def _is_workspace(folder: Path) -> bool:
    with _reading(folder):
        return (folder / "workspace.json").exists()


@contextlib.contextmanager
def _reading(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DataError(
            f"A folder cannot be read: {error.strerror or error}.",
            received=folder,
            remedy="Give yourself the permission to read it, or move it out of the folder of photos.",
        ) from error


def _hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"  # what a Mac puts into its archives beside the photos


def _files(folder: Path, above: frozenset[Path] = frozenset()) -> Iterator[Path]:
    """Every file below a folder. A link that leads back to a folder above it is not followed again."""
    here = folder.resolve()
    if here in above:
        return
    folders, there = level(folder)
    yield from there
    for each in folders:
        yield from _files(each, above | {here})
