"""Class folders on this machine, also within train, validation and test folders.

``root/CLASS/**``: the first folder level is the label, photos lie below it at any depth. Or ``root/PART/CLASS/**``
where every folder of root is called train, validation or test (or a usual form of it) and at least two are there.

Hidden files and folders, and workspaces that lie within, are passed over silently. A file is a candidate where its name
or its first bytes say that it is a picture; others are ignored and counted. Nothing is decoded here.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from transfer.collecting.formats import looks_like_a_photo
from transfer.collecting.source import Listing, Source, checked_label
from transfer.collecting.sources._parts import as_given, part
from transfer.errors import DataError
from transfer.photo import Photo

LAYOUT = "Put the photos into class folders (ROOT/cat/1.jpg, ROOT/dog/2.jpg), or write a CSV of paths and labels."


def read(root: Path) -> Listing:
    """The candidates of a folder, in the order of their names.

    Raises:
        DataError: A folder may not be read, holds no photo at all, or its photos lie outside class folders; or the name
            of a class folder cannot be a label.
    """
    root = root.resolve()
    folders, loose = _level(root)
    splits = {folder: part(folder.name) for folder in folders}
    parts = set(splits.values()) - {None}
    divided = len(parts) >= 2
    if divided and None in splits.values():
        raise DataError(
            "Folders of train, validation or test photos stand beside other folders, so the layout cannot be told.",
            received=f"{root} with {', '.join(folder.name for folder in folders[:10])}",
            remedy="Move the other folders out, or load one of the parts by itself.",
        )
    photos: list[Photo] = []
    stray = [file for file in loose if looks_like_a_photo(file)]
    ignored = len(loose)
    for folder in folders:
        classes, loose = _level(folder) if divided else ([folder], [])
        stray += [file for file in loose if looks_like_a_photo(file)]
        ignored += len(loose)
        for place in classes:
            files = list(_files(place))
            found = [file for file in files if looks_like_a_photo(file)]
            ignored += len(files) - len(found)
            split = splits[folder] if divided else None
            photos += [_photo(file, root, place.name, split) for file in found]
    if not photos:
        raise _nothing(root, stray, ignored)
    return Listing(root, as_given(photos), ignored=ignored, complete=True)


source = Source(summary="Class folders on this machine, also within train, validation and test folders.", read=read)


def _photo(file: Path, root: Path, label: str, split: str | None) -> Photo:
    return Photo(
        id="",
        file_name=str(file),
        label=checked_label(label, where=file.parent),
        source="folder",
        title=file.relative_to(root).as_posix(),
        split=split,
    )


def _level(folder: Path) -> tuple[list[Path], list[Path]]:
    """The folders and the files directly in a folder, hidden ones and workspaces left out, by name."""
    try:
        with os.scandir(folder) as entries:
            listed = sorted((entry.name, entry.is_dir()) for entry in entries if not _hidden(entry.name))
    except OSError as error:
        raise DataError(
            f"A folder cannot be read: {error.strerror or error}.",
            received=folder,
            remedy="Give yourself the permission to read it, or move it out of the folder of photos.",
        ) from error
    folders = [folder / name for name, is_folder in listed if is_folder]
    files = [folder / name for name, is_folder in listed if not is_folder]
    return [each for each in folders if not (each / "workspace.json").exists()], files


def _hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"  # what a Mac puts into its archives beside the photos


def _files(folder: Path, above: frozenset[Path] = frozenset()) -> Iterator[Path]:
    """Every file below a folder. A link that leads back to a folder above it is not followed again."""
    here = folder.resolve()
    if here in above:
        return
    folders, files = _level(folder)
    yield from files
    for each in folders:
        yield from _files(each, above | {here})


def _nothing(root: Path, stray: list[Path], ignored: int) -> DataError:
    if stray:
        return DataError(
            "The photos lie outside class folders, so nothing says what they show.",
            received=f"{len(stray)} such as {stray[0]}",
            remedy=LAYOUT,
        )
    passed = f"{root}, with {ignored} other files" if ignored else f"{root}, which is empty"
    return DataError("The folder holds no photo.", received=passed, remedy=LAYOUT)
