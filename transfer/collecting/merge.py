"""Merge: what was known of a place's photos and what was found there now, as one manifest.

Owned here: the identity of a photo, and what becomes of changed, renamed, moved and vanished files. Nothing is read or
written; the one thing asked of the disk is whether a file that was not found still lies in its earlier place.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import unquote

from transfer.collecting.duplicates import REASONS
from transfer.collecting.source import Listing
from transfer.manifest import Manifest
from transfer.photo import Photo

# What loading says of a photo is judged anew by the next load; what anyone else says of it stays.
_OURS = ("unreadable", "missing", *REASONS)
_HERE = "file://"


def merge(known: Manifest, listing: Listing, found: Iterable[Photo], *, copy: bool) -> Manifest:
    """What was known and what was found now, as one table.

    Args:
        known: The manifest as it was.
        listing: What the source said of the place.
        found: Its photos, read: with their content's hash and sizes, or with the reason why there are none.
        copy: Whether the files are to be copied; then their address is noted as ``image_url``.
    """
    before = {photo.id: photo for photo in known.photos}
    ids = {_identity(photo): photo.id for photo in known.photos}
    at: dict[str, list[Photo]] = {}
    for photo in known.photos:
        at.setdefault(_spot(photo), []).append(photo)
    now: dict[str, Photo] = {}
    replaced: set[str] = set()
    for photo in found:
        photo = dataclasses.replace(photo, id=ids.get(_identity(photo)) or _new_id(photo, before))
        here = at.get(_spot(photo), [])
        there = [old for old in here if old.title == photo.title]
        if not photo.sha256 and there:
            # The file is gone or locked, so nothing says that it changed: the photo is what it was, set aside.
            now |= {old.id: dataclasses.replace(old, excluded=_without_file(old, photo)) for old in there}
            continue
        replaced |= {old.id for old in here if old.id != photo.id and old.sha256 != photo.sha256}
        now[photo.id] = _carried(photo, before.get(photo.id), copy=copy)
    gone = _vanished(known, listing, now, replaced) if listing.complete else {}
    renamed = _renamed(now, before, gone | {id: before[id] for id in replaced})
    for id, old in renamed.items():
        new = now.pop(id)
        now[old.id] = dataclasses.replace(_carried(new, old, copy=copy), title=new.title)
    aside = {id: dataclasses.replace(old, excluded=_kept_reason(old) or "missing") for id, old in gone.items()}
    dropped = replaced - now.keys()
    return Manifest(tuple(photo for id, photo in (before | aside | now).items() if id not in dropped))


def _identity(photo: Photo, again: int = 0) -> str:
    """First 16 hex digits of the sha256 of the path within its place and of its content."""
    text = f"{photo.title}\0{photo.sha256}" + (f"\0{again}" if again else "")
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _new_id(photo: Photo, before: Mapping[str, Photo]) -> str:
    """An ID that no photo has: the plain one may be that of a photo that was renamed since."""
    return next(id for again in itertools.count() if (id := _identity(photo, again)) not in before)


def _spot(photo: Photo) -> str:
    """What a place calls the photo: its address where it lies on the web, else its file."""
    remote = photo.source == "table" and (photo.image_url or "").startswith(("http://", "https://"))
    return photo.image_url or "" if remote else origin(photo)


def origin(photo: Photo) -> str:
    """The file a photo was loaded from: itself where it is referred to, the noted address where it was copied."""
    if photo.image_url and photo.image_url.startswith(_HERE):
        return unquote(photo.image_url.removeprefix(_HERE))
    return photo.file_name


def _kept_reason(photo: Photo) -> str | None:
    return None if photo.reason in _OURS else photo.excluded


def _without_file(old: Photo, found: Photo) -> str | None:
    """Why a known photo is set aside that could not be read or fetched now."""
    if not old.sha256:  # nothing of it was ever had, so that the last attempt says why
        return found.excluded
    return _kept_reason(old) or ("missing" if _spot(old) == old.image_url else found.excluded)


def _carried(found: Photo, old: Photo | None, *, copy: bool) -> Photo:
    """What was found, with what is known of this photo already."""
    copied = old is not None and not Path(old.file_name).is_absolute()
    if (copy or copied) and Path(found.file_name).is_absolute():
        found = dataclasses.replace(found, image_url=Path(found.file_name).as_uri())
    if old is None:
        return found
    return dataclasses.replace(
        old,
        file_name=old.file_name if copied else found.file_name,
        label=old.label if old.verified else found.label,
        source=found.source,
        licence=found.licence or old.licence,
        owner=found.owner or old.owner,
        owner_url=found.owner_url or old.owner_url,
        page_url=found.page_url or old.page_url,
        image_url=found.image_url or old.image_url,
        width=found.width,
        height=found.height,
        split=found.split or old.split,
        excluded=found.excluded or _kept_reason(old),
    )


def _vanished(known: Manifest, listing: Listing, now: dict[str, Photo], replaced: set[str]) -> dict[str, Photo]:
    """Photos of the listed place that are not listed any more.

    A photo belongs to the place where it lay below it under its title, or below an earlier place of the same folder:
    one from which a photo has come here, and where the file in question is no more.
    """
    moved_from = {_place(photo) for photo in known.photos if photo.id in now} - {None}

    def belongs(photo: Photo) -> bool:
        place = _place(photo)
        return place == str(listing.root) or (place in moved_from and not Path(origin(photo)).exists())

    return {
        photo.id: photo
        for photo in known.photos
        if photo.source == "folder" and photo.id not in now and photo.id not in replaced and belongs(photo)
    }


def _place(photo: Photo) -> str | None:
    """The root that a photo was loaded from: its file without its title."""
    file, title = origin(photo), f"/{photo.title}"
    return file.removesuffix(title) if Path(file).is_absolute() and file.endswith(title) else None


def _renamed(now: dict[str, Photo], before: dict[str, Photo], gone: dict[str, Photo]) -> dict[str, Photo]:
    """Vanished photos by the id of the new photo that has their content: the same one under a new name.

    Their label is the same; or a person has verified another one, and the file stayed in the folder of its class. Who
    moves it to another class says something new.
    """
    vanished: dict[str, list[Photo]] = {}
    for photo in gone.values():
        if photo.sha256:
            vanished.setdefault(photo.sha256, []).append(photo)
    renamed: dict[str, Photo] = {}
    for fits in (_same_label, _relabelled):
        for id, photo in now.items():
            olds = vanished.get(photo.sha256, []) if id not in before and id not in renamed else []
            old = next((old for old in olds if fits(old, photo)), None)
            if old is not None:
                olds.remove(old)
                renamed[id] = old
    return renamed


def _same_label(old: Photo, new: Photo) -> bool:
    return old.label == new.label


def _relabelled(old: Photo, new: Photo) -> bool:
    return old.verified and new.label in Path(old.title or "").parts[:-1]
