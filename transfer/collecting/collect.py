"""Collect: keywords -> photos in a workspace, credited, the first so many valid ones of each label.

Owned here: the order of things. What was found out stands in the journal at once and in the manifest at the end; after
a stop at any instant the same call goes on where it stood, asks for nothing twice, and ends with the same manifest.
"""

from __future__ import annotations

import dataclasses
import functools
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from transfer.collecting.answers import Answers
from transfer.collecting.candidates import Notes, candidates
from transfer.collecting.download import WORKERS, Stream, fill
from transfer.collecting.duplicates import settle_duplicates
from transfer.collecting.fetch import AGAIN, Rules, fetch
from transfer.collecting.groups import grouped
from transfer.collecting.journal import Journal, has_content
from transfer.collecting.wanted import Wanted
from transfer.credits import write_credits
from transfer.errors import DataError
from transfer.manifest import Manifest
from transfer.photo import Photo
from transfer.progress import Progress
from transfer.web import Web
from transfer.workspace import Workspace

MISSING = "missing"
"""What `transfer check` says of a photo without a file."""
GONE = f"{MISSING}: gone since it was loaded"
_UNDATED = "It does not say when photos were uploaded, so it was not asked"


@dataclass(frozen=True)
class Collected:
    """What came of it.

    Attributes:
        manifest: As written. found: Label -> photos that were looked at.
        kept: Label -> photos that are kept. set_aside: Label -> reason -> count.
        left_out: Reason -> photos that were not looked at, for their licence or date.
        faults: Source -> the sentence with which it failed, or why it was not asked.
    """

    manifest: Manifest
    found: Mapping[str, int]
    kept: Mapping[str, int]
    set_aside: Mapping[str, Mapping[str, int]]
    left_out: Mapping[str, int] = field(default_factory=dict)
    faults: Mapping[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """``{label: {"found", "kept", "set_aside": {reason: count}}}``."""
        return {
            label: {"found": self.found[label], "kept": self.kept[label], "set_aside": dict(self.set_aside[label])}
            for label in self.found
        }


def collect_photos(
    wanted: Wanted, workspace: Workspace, web: Web, *, workers: int = WORKERS, on_progress: Progress | None = None
) -> Collected:
    """Search, fetch, keep.

    Args:
        wanted: What. workspace: Where. web: Through which client; the paces of the sources should be its own.
        workers: Threads. on_progress: Told ``(kept, wanted, what)``.

    Raises:
        CallError: A source needs something first. DataError: Nothing at all could be had.
        WorkspaceError: The disk fails; what was kept until then stays.
    """
    for source in wanted.searched().values():
        if source.prepare is not None:
            source.prepare(web)
    workspace.begin()
    workspace.sweep()
    journal, before = Journal(workspace), Manifest.read(workspace)
    said = {photo.id: photo for photo in before.photos}
    lost = {id for id, photo in said.items() if _is_lost(photo, workspace)}
    settled = {id for id, photo in said.items() if id not in lost and photo.reason not in AGAIN}
    # What an interrupted --retry brought stands in the journal alone.
    known = {id: photo for id, photo in said.items() if id not in lost}
    known |= {id: photo for id, photo in journal.photos.items() if id not in settled}
    if wanted.retry:
        known = {id: photo for id, photo in known.items() if photo.reason not in AGAIN}
    answers, notes = Answers(workspace), Notes()
    notes.faults |= dict.fromkeys(wanted.undated, _UNDATED)
    streams = [
        Stream(label, count, candidates(label, wanted, web, answers, notes))
        for label, (count, _) in wanted.streams.items()
    ]
    rules = Rules(wanted.side, wanted.smallest)
    kept = functools.partial(_kept, workspace, journal, said)
    told = functools.partial(_tell, streams, on_progress) if on_progress else None
    while True:
        fill(streams, known, lambda photo: fetch(photo, web, rules), kept, workers=workers, on_change=told)
        manifest = _folded(before, settled, streams)
        aside = {photo.id for photo in manifest.photos if photo.excluded is not None}
        # The same content under two labels counts for neither; both then need one more.
        if not [stream for stream in streams if stream.reject(aside & _ids(stream)) and stream.wants_more]:
            break
    if not manifest.kept:
        raise _nothing(streams, notes)
    if journal.photos:
        workspace.sync()
    if manifest != before or not workspace.manifest.exists():
        manifest.write(workspace)
    write_credits(manifest, workspace)
    journal.close(settled | {photo.id for stream in streams for photo in stream.photos if photo is not None})
    return _collected(manifest, streams, notes)


def _is_lost(photo: Photo, workspace: Workspace) -> bool:
    """Whether its file should be there and is not."""
    if photo.excluded is None:
        return not workspace.photo_path(photo.file_name).is_file()
    return photo.reason == MISSING


def _kept(
    workspace: Workspace,
    journal: Journal,
    said: Mapping[str, Photo],
    photo: Photo,
    content: bytes | None,
    extension: str | None,
) -> Photo:
    """Write the bytes, then the line that speaks of them. What was said of the photo before stands."""
    old = said.get(photo.id)
    if content is None and old is not None and old.sha256:
        # Its file is lost and could not be had again: what it held is known, should it come back.
        photo = dataclasses.replace(old, excluded=GONE)
    elif old is not None:
        photo = dataclasses.replace(photo, label=old.label, verified=old.verified, split=old.split, group=old.group)
    if content is not None:
        place = workspace.image(photo.sha256, extension or "")
        photo = dataclasses.replace(photo, file_name=place.relative_to(workspace.root).as_posix())
        if not has_content(place, photo.sha256):
            workspace.place_bytes(place, content)
    journal.note(photo)
    return photo


def _folded(before: Manifest, settled: Collection[str], streams: Iterable[Stream]) -> Manifest:
    """What a person has said of a photo since stands; everything else is as it was found."""
    found = [photo for stream in streams for photo in stream.photos if photo is not None]
    fresh = [photo for photo in found if photo.id not in settled]
    return grouped(settle_duplicates(before.replace(fresh)), anew=False)


def _ids(stream: Stream) -> set[str]:
    return {photo.id for photo in stream.photos if photo is not None and photo.excluded is None}


def _tell(streams: list[Stream], on_progress: Progress) -> None:
    total = sum(stream.count for stream in streams)
    looked = sum(len(stream.photos) - stream.under_way for stream in streams)
    valid = sum(stream.valid for stream in streams)
    on_progress(valid, total, f"photos kept of {looked:,} looked at")


def _nothing(streams: list[Stream], notes: Notes) -> DataError:
    said = [f"{name}: {sentence}" for name, sentence in notes.faults.items()]
    said += [f"left out {count} {reason}" for reason, count in notes.left_out.items()]
    looked = [photo for stream in streams for photo in stream.photos if photo is not None]
    reasons = Counter(photo.reason for photo in looked if photo.reason is not None)
    told = [f"{count} {reason}" for reason, count in sorted(reasons.items())]
    if AGAIN & reasons.keys():
        remedy = "Run the same command with --retry."
    elif notes.faults and not looked:
        remedy = "Mend what the sources say, such as the network, and give the same command again."
    else:
        remedy = "Try another keyword, another --source or more licences."
    received = "; ".join([f"{len(looked)} photos were looked at", *told, *said])
    return DataError("No photo could be kept.", received=received, remedy=remedy)


def _collected(manifest: Manifest, streams: list[Stream], notes: Notes) -> Collected:
    photos = {photo.id: photo for photo in manifest.photos}
    found: dict[str, int] = {}
    kept: dict[str, int] = {}
    aside: dict[str, dict[str, int]] = {}
    for stream in streams:
        mine = [photos[photo.id] for photo in stream.photos if photo is not None]
        found[stream.label] = len(mine)
        kept[stream.label] = sum(photo.excluded is None for photo in mine)
        counts: dict[str, int] = {}
        for photo in mine:
            if photo.reason is not None:
                counts[photo.reason] = counts.get(photo.reason, 0) + 1
        aside[stream.label] = dict(sorted(counts.items()))
    return Collected(manifest, found, kept, aside, notes.left_out, notes.faults)
