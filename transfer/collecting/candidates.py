"""Candidates: the photos of one label in the order in which they are wanted, found lazily.

Sources come one after the other; within a source the label's keywords take turns. What comes twice, by its id or by its
page, counts once. What has no wanted licence is left out here, before anything is fetched. Where the host of a source's
pictures wants to be left alone for long, the source ends: its hundred thousand other photos would not be had either.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from transfer.collecting.answers import Answers
from transfer.collecting.source import Query, Source
from transfer.collecting.wanted import Wanted
from transfer.errors import TransferError
from transfer.licence import Licence
from transfer.photo import Photo
from transfer.web import FetchError, Web

MOST_SHUT = 20
"""Photos one after the other whose hosts want to be left alone, after which their source is given up for now."""
_SHUT = (
    "The host of its pictures wants a long rest, or does not answer. Run the same command with --retry in some hours"
)


@dataclass
class Notes:
    """What a person should hear of at the end: sources that failed, and photos that were left out unseen.

    A source that could not be reached, after all its patience, is ``down`` and not asked by the next keyword again.
    """

    faults: dict[str, str] = field(default_factory=dict)
    down: set[str] = field(default_factory=set)
    left_out: dict[str, int] = field(default_factory=dict)


def candidates(label: str, wanted: Wanted, web: Web, answers: Answers, notes: Notes) -> Iterator[Photo]:
    """Photos with ``id`` and ``label``, by rank."""
    count, keywords = wanted.streams[label]
    seen: set[str] = set()
    shut = 0
    for name, source in wanted.searched().items():
        searches = [_guarded(name, source, wanted.query(word), count, web, answers, notes) for word in keywords]
        for photo in _in_turns(searches):
            keys = {f"{name} {photo.id}", _page(photo)} - {""}
            if keys & seen:
                continue
            seen |= keys
            why = _unwanted(photo, wanted)
            if why is not None:
                notes.left_out[why] = notes.left_out.get(why, 0) + 1
                continue
            shut = shut + 1 if web.rests(photo.image_url or "") else 0
            if shut > MOST_SHUT:
                notes.down.add(name)
                notes.faults.setdefault(name, _SHUT)
                break
            yield dataclasses.replace(photo, id=identity(photo, label), label=label)


def identity(photo: Photo, label: str) -> str:
    """The same photo under the same label has the same id in every workspace."""
    return hashlib.sha256(f"{photo.source}\0{photo.id}\0{label}".encode()).hexdigest()[:16]


def _guarded(
    name: str, source: Source, query: Query, limit: int, web: Web, answers: Answers, notes: Notes
) -> Iterator[Photo]:
    """A search whose failure ends it and is noted: another source may still fill up the number."""
    try:
        if source.search is not None and name not in notes.down:
            yield from source.search(query, limit, web, answers)
    except TransferError as fault:
        if isinstance(fault, FetchError):
            notes.down.add(name)
        notes.faults.setdefault(name, str(fault).rstrip("."))


def _in_turns(searches: list[Iterator[Photo]]) -> Iterator[Photo]:
    while searches:
        for search in list(searches):
            photo = next(search, None)
            if photo is None:
                searches.remove(search)
            else:
                yield photo


def _page(photo: Photo) -> str:
    """A photo's page, however its address is written: two services may know one photo."""
    return (photo.page_url or "").split("://")[-1].removeprefix("www.").rstrip("/")


def _unwanted(photo: Photo, wanted: Wanted) -> str | None:
    licence = Licence.parse(photo.licence)
    if licence is None and not wanted.unknown:
        return "unknown_licence"
    if licence is not None and licence.code not in wanted.licences:
        return "other_licence"
    day = (photo.uploaded or "")[:10]
    if not day and (wanted.since or wanted.until):
        return "unknown_date"
    if (wanted.since and day < wanted.since.isoformat()) or (wanted.until and day > wanted.until.isoformat()):
        return "other_date"
    return None
