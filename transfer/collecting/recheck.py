"""Recheck: whether photos were withdrawn since they were collected.

A photo is withdrawn where its page or its file is gone, or where something else stands in its place. It is then set
aside, not deleted; where it has come back it is kept again. A host that does not answer says nothing about its photos.
What was found out is written now and then, and at the end, also where it is stopped.
"""

from __future__ import annotations

import dataclasses
from concurrent.futures import ThreadPoolExecutor, as_completed

from transfer.collecting.duplicates import settle_duplicates
from transfer.collecting.fetch import refuse
from transfer.collecting.source import SOURCES
from transfer.credits import keep_in_step
from transfer.errors import DataError
from transfer.manifest import Manifest
from transfer.photo import Photo
from transfer.progress import Progress
from transfer.web import FetchError, Web
from transfer.workspace import Workspace

WITHDRAWN = "withdrawn"
_GONE = (404, 410, 451)
_THREADS = 4
_WRITTEN_EVERY = 200  # photos looked for


def recheck_photos(workspace: Workspace, web: Web, *, on_progress: Progress | None = None) -> Manifest:
    """Look at the page and the file of every photo from the web; the manifest as written.

    Raises:
        DataError: There is none.
    """
    manifest = Manifest.read(workspace)
    asked = [
        photo
        for photo in manifest.photos
        if photo.source in SOURCES and photo.image_url and photo.reason in (None, WITHDRAWN) and _from_the_web(photo)
    ]
    if not asked:
        raise DataError(
            "There is no collected photo in this workspace.",
            received=workspace.root,
            remedy="Name a workspace that `transfer collect` has filled.",
        )
    changed: list[Photo] = []
    pool = ThreadPoolExecutor(_THREADS)
    try:
        looks = {pool.submit(_gone, photo, web): photo for photo in asked}
        for done, look in enumerate(as_completed(looks), 1):
            photo, gone = looks[look], look.result()
            if gone is not None and (gone != "") != (photo.reason == WITHDRAWN):
                changed.append(dataclasses.replace(photo, excluded=f"{WITHDRAWN}: {gone}" if gone else None))
            if done % _WRITTEN_EVERY == 0:
                _written(manifest, changed, workspace)
            if on_progress is not None:
                on_progress(done, len(asked), "photos looked for")
    except BaseException:  # Ctrl-C above all: nobody waits for a host that rests
        web.close()
        raise
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        manifest = _written(manifest, changed, workspace)
        keep_in_step(manifest, workspace)
    return manifest


def _written(manifest: Manifest, changed: list[Photo], workspace: Workspace) -> Manifest:
    """The manifest with what has changed, on disk as well."""
    if changed:
        manifest = settle_duplicates(manifest.replace(changed))
        manifest.write(workspace)
    return manifest


def _from_the_web(photo: Photo) -> bool:
    return SOURCES[photo.source].search is not None


def _gone(photo: Photo, web: Web) -> str | None:
    """What is gone, "" where all is there, None where nobody answered."""
    for what, address in (("the page", photo.page_url), ("the file", photo.image_url)):
        if not address:
            continue
        try:
            answer = web.request(address, method="HEAD", refuse=refuse)
            if answer.status in _GONE:  # so do some hosts that know no HEAD
                answer = web.get(address, refuse=refuse)
        except FetchError as fault:
            if fault.reason == "unavailable":
                return f"{what} was replaced"
            return None
        if answer.status in _GONE:
            return f"{what} answers {answer.status}"
    return ""
