"""Class folders on this machine, also within train, validation and test folders.

``root/CLASS/**``: the first folder level is the label, photos lie below it at any depth. Or ``root/PART/CLASS/**``
where every folder of root is called train, validation or test (or a usual form of it) and at least two are there.

Hidden files and folders, and workspaces that lie within, are passed over silently. A file is a candidate where its name
or its first bytes say that it is a picture; others are ignored and counted. Nothing is decoded here.
"""

from __future__ import annotations

from pathlib import Path

from transfer.collecting.formats import looks_like_a_photo
from transfer.collecting.source import Listing, Source
from transfer.collecting.sources._parts import as_given, part
from transfer.collecting.sources._tree import candidates, level
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
    folders, loose = level(root)
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
        classes, loose = level(folder) if divided else ([folder], [])
        stray += [file for file in loose if looks_like_a_photo(file)]
        ignored += len(loose)
        for place in classes:
            found, others = candidates(place, root, splits[folder] if divided else None)
            photos += found
            ignored += others
    if not photos:
        raise _nothing(root, stray, ignored)
    return Listing(root, as_given(photos), ignored=ignored, complete=True)


source = Source(summary="Class folders on this machine, also within train, validation and test folders.", read=read)


def _nothing(root: Path, stray: list[Path], ignored: int) -> DataError:
    if stray:
        return DataError(
            "The photos lie outside class folders, so nothing says what they show.",
            received=f"{len(stray)} such as {stray[0]}",
            remedy=LAYOUT,
        )
    passed = f"{root}, with {ignored} other files" if ignored else f"{root}, which is empty"
    return DataError("The folder holds no photo.", received=passed, remedy=LAYOUT)
