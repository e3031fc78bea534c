"""Example: a few photos of each class, with whom to thank, so that a reader sees what the classes mean."""

from __future__ import annotations

from dataclasses import dataclass

from transfer.manifest import Manifest
from transfer.photo import Photo
from transfer.reporting.thumbnails import thumbnail
from transfer.workspace import Workspace

SHOWN = 12
"""Photos in all; of more classes the first so many."""

_SIDE = 160
_TRIED = 3  # photos of a class that may be unreadable before it goes without


@dataclass(frozen=True)
class Example:
    """A photo and its picture as a ``data:`` URI."""

    photo: Photo
    thumbnail: str


def examples(workspace: Workspace, manifest: Manifest) -> tuple[Example, ...]:
    """Photos spread over the classes, none from the test split while another is there; the same ones every time."""
    labels = manifest.labels[:SHOWN]
    each = max(SHOWN // max(len(labels), 1), 1)
    found: list[Example] = []
    for label in labels:
        of_label = [photo for photo in manifest.kept if photo.label == label]
        # By content: neither the name nor the order of loading decides, so a reader sees no burst of one camera.
        of_label.sort(key=lambda photo: (photo.split == "test", photo.sha256, photo.id))
        pictures = ((photo, _picture(workspace, photo)) for photo in of_label[: each + _TRIED])
        found += [Example(photo, picture) for photo, picture in pictures if picture][:each]
    return tuple(found)


def _picture(workspace: Workspace, photo: Photo) -> str | None:
    return thumbnail(workspace.photo_path(photo.file_name), side=_SIDE)
