"""Remote: the photos of a table that lie on the web, fetched politely and kept by content."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path

from transfer.collecting.client import client
from transfer.collecting.download import Stream, fill
from transfer.collecting.fetch import AGAIN, Rules, fetch
from transfer.collecting.journal import Journal, has_content
from transfer.collecting.source import SOURCES
from transfer.manifest import Manifest
from transfer.photo import Photo
from transfer.progress import Progress
from transfer.web import Web
from transfer.workspace import Workspace

RULES = Rules(smallest=1)
"""A table lists what somebody chose: nothing is too small."""


def fetch_all(
    photos: Iterable[Photo],
    known: Manifest,
    workspace: Workspace,
    web: Web | None,
    *,
    on_progress: Progress,
) -> list[Photo]:
    """Fetch photos by their addresses; what an earlier load has, or was stopped with, is not asked for again.

    Returns:
        The photos with content and place, or with the reason why there are none.
    """
    wanted = [dataclasses.replace(photo, id=str(number)) for number, photo in enumerate(photos)]
    journal = Journal(workspace, _path(workspace))
    asked = {photo.image_url for photo in wanted}
    # The journal comes later: what an interrupted load brought stands there alone.
    at = {
        old.image_url: old
        for old in (*known.photos, *journal.photos.values())
        if old.image_url in asked and old.reason not in AGAIN and (not old.sha256 or _is_there(old, workspace))
    }
    had = {}
    for photo in wanted:
        if (old := at.get(photo.image_url)) is not None:
            had[photo.id] = dataclasses.replace(
                photo,
                file_name=old.file_name,
                sha256=old.sha256,
                width=old.width,
                height=old.height,
                excluded=None if old.sha256 else old.excluded,
            )

    def keep(photo: Photo, content: bytes | None, extension: str | None) -> Photo:
        if content is not None:
            place = workspace.image(photo.sha256, extension or "")
            photo = dataclasses.replace(photo, file_name=place.relative_to(workspace.root).as_posix())
            if not has_content(place, photo.sha256):
                workspace.place_bytes(place, content)
        journal.note(dataclasses.replace(photo, id=photo.image_url or ""))
        return photo

    workspace.begin()
    stream = Stream("", len(wanted), iter(wanted))
    own = web or client(dict(SOURCES))
    try:
        fill(
            [stream],
            had,
            lambda photo: fetch(photo, own, RULES),
            keep,
            on_change=lambda: on_progress(len(stream.photos) - stream.under_way, len(wanted), "photos fetched"),
        )
    finally:
        if web is None:
            own.close()
    workspace.sync()
    return [dataclasses.replace(photo, id="") for photo in stream.photos if photo is not None]


def forget(photos: Iterable[Photo], workspace: Workspace) -> None:
    """What was fetched of these stands in the manifest; another load that was stopped goes on from the others."""
    Journal(workspace, _path(workspace)).close({photo.image_url or "" for photo in photos})


def _path(workspace: Workspace) -> Path:
    """A journal of its own: a collection that was stopped in the same workspace keeps its one."""
    return workspace.root / "load-journal.jsonl"


def _is_there(photo: Photo, workspace: Workspace) -> bool:
    return has_content(workspace.photo_path(photo.file_name), photo.sha256)
