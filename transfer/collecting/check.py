"""Check: look at every photo of a workspace, set aside what is rubbish, say what is doubtful. Nothing is deleted."""

from __future__ import annotations

import dataclasses
import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy

from transfer.collecting import edits as decided
from transfer.collecting.duplicates import ACROSS, settle_duplicates
from transfer.collecting.groups import grouped
from transfer.collecting.judge import Judged, Limits, fresh, imbalance, judge, lost
from transfer.collecting.looks import look_all, measure_again
from transfer.collecting.mislabels import Suspect, suspects
from transfer.credits import keep_in_step
from transfer.errors import CallError, DataError
from transfer.manifest import Manifest
from transfer.photo import Photo
from transfer.progress import Progress
from transfer.workspace import Workspace, atomically

Vectors = Callable[[Sequence[Photo]], numpy.ndarray | None]


@dataclass(frozen=True)
class Checked:
    """What was found.

    Attributes:
        manifest: As written. duplicates: Clusters of photos that are exactly or nearly one.
        leaks: Pairs of photos that stood on two sides of a split, the set aside one first.
        suspects: Likely mislabels, the likeliest first; None where no features are kept to look with.
        imbalance: Labels with less than a tenth of the largest one's photos.
        decided: Ids of the photos about which a person has decided.
    """

    manifest: Manifest
    duplicates: tuple[tuple[Photo, ...], ...]
    leaks: tuple[tuple[Photo, Photo], ...]
    suspects: tuple[Suspect, ...] | None
    imbalance: dict[str, int]
    decided: frozenset[str] = frozenset()

    @property
    def doubtful(self) -> list[tuple[Photo, str]]:
        """Photos about which a person may decide, each with its reason: all but those of which there is no file."""
        wrong = {suspect.id: suspect for suspect in self.suspects or ()}
        rows = []
        for photo in self.manifest.photos:
            if photo.id in wrong:
                suspect = wrong[photo.id]
                rows.append((photo, f"looks like {suspect.likelier} ({suspect.label}: {suspect.probability:.2f})"))
            elif photo.id in self.decided or (photo.excluded is not None and photo.file_name):
                rows.append((photo, photo.excluded or ""))
        return rows

    @property
    def excluded(self) -> dict[str, int]:
        """Reason -> photos."""
        return dict(sorted(Counter(photo.reason for photo in self.manifest.photos if photo.reason).items()))

    def to_dict(self) -> dict[str, Any]:
        """The plain values that ``--json`` promises."""
        names = {photo.id: photo.file_name for photo in self.manifest.photos}
        found = (
            None
            if self.suspects is None
            else [
                {
                    "file_name": names[suspect.id],
                    "label": suspect.label,
                    "likelier": suspect.likelier,
                    "probability": suspect.probability,
                }
                for suspect in self.suspects
            ]
        )
        return {
            "photos": len(self.manifest),
            "kept": len(self.manifest.kept),
            "excluded": self.excluded,
            "duplicates": [[photo.file_name for photo in cluster] for cluster in self.duplicates],
            "leaks": [[photo.file_name for photo in pair] for pair in self.leaks],
            "suspects": found,
            "imbalance": self.imbalance,
        }


def check_photos(
    workspace: Workspace,
    *,
    edits: Path | None = None,
    limits: Limits | None = None,
    vectors: Vectors | None = None,
    on_progress: Progress | None = None,
) -> Checked:
    """Judge every photo anew and write the manifest.

    Args:
        workspace: With photos.
        edits: A table of doubtful photos: applied where it is there, written where it is not.
        limits: What is too little. vectors: Photos -> features, where some are kept.
        on_progress: Told ``(done, total, what)``.

    Raises:
        CallError: The table can be neither read nor written. DataError: It makes no sense, or no photo would be kept.
    """
    # Before any work: the table is written last, when the manifest has changed already.
    if edits is not None and not edits.exists() and not _takes_files(edits.parent):
        raise CallError(
            "The table of edits cannot be written there.",
            received=edits,
            remedy="Make its folder first, or name one that you may write to.",
        )
    before = Manifest.read(workspace)
    decisions = decided.remembered(workspace)
    manifest = _back(fresh(decided.taken_back(before, decisions)), workspace, on_progress)
    known = decisions
    if edits is not None and edits.exists():
        decisions = decided.read_table(edits, manifest)
    # What a person says of one copy decides about the others, so that duplicates are settled after it.
    manifest = settle_duplicates(decided.applied(manifest, decisions))
    judged = _judged(manifest, workspace, limits or Limits(), on_progress)
    manifest = grouped(judged.manifest, judged.duplicates)
    if not manifest.kept:
        raise DataError("No photo would be kept.", received=dict(Counter(photo.reason for photo in manifest.photos)))
    found = _suspects(manifest, vectors)
    written = before
    if decisions != known:
        # The remembered decisions say how to take back what the manifest holds: between the old and the new ones it
        # holds none, so that a stop after any of the three writes leaves nothing that cannot be taken back.
        written = decided.taken_back(before, known)
        if written != before:
            written.write(workspace)
        decided.remember(decisions, workspace)
    if manifest != written:
        manifest.write(workspace)
    keep_in_step(manifest, workspace)
    checked = dataclasses.replace(_checked(manifest, judged, found), decided=frozenset(decisions))
    if edits is not None and not edits.exists():
        with atomically(edits) as temporary:
            temporary.write_text(decided.table(checked.doubtful, decisions), encoding="utf-8")
    return checked


def _takes_files(folder: Path) -> bool:
    return folder.is_dir() and os.access(folder, os.W_OK)


def _back(manifest: Manifest, workspace: Workspace, on_progress: Progress | None) -> Manifest:
    """With those photos kept again whose file was away and now holds what it held when it was loaded."""
    gone = lost(manifest)
    tell = _teller(len(gone), "photos looked for", on_progress)
    measured = measure_again(*_files(gone, workspace), on_progress=tell)
    return manifest.replace(
        dataclasses.replace(photo, excluded=found.reason)
        for photo, found in zip(gone, measured, strict=True)
        if found is not None
    )


def _judged(manifest: Manifest, workspace: Workspace, limits: Limits, on_progress: Progress | None) -> Judged:
    kept = manifest.kept
    tell = _teller(len(kept), "photos looked at", on_progress)
    seen = look_all(*_files(kept, workspace), on_progress=tell)
    return judge(manifest, dict(zip((photo.id for photo in kept), seen, strict=True)), limits)


def _files(photos: Sequence[Photo], workspace: Workspace) -> tuple[list[Path], list[str]]:
    return [workspace.photo_path(photo.file_name) for photo in photos], [photo.sha256 for photo in photos]


def _teller(total: int, what: str, on_progress: Progress | None) -> Callable[[int], None]:
    return lambda done: on_progress(done, total, what) if on_progress is not None else None


def _suspects(manifest: Manifest, vectors: Vectors | None) -> tuple[Suspect, ...] | None:
    if vectors is None:
        return None
    doubted = [photo for photo in manifest.kept if not photo.verified]
    # A verified label is the best to learn from, and in doubt no more. A photo that a person has just kept may have no
    # features yet: then the others are looked at without it.
    for photos in (manifest.kept, doubted):
        if (rows := vectors(photos)) is not None:
            found = suspects([photo.id for photo in photos], [photo.label for photo in photos], rows)
            ids = {photo.id for photo in doubted}
            return tuple(suspect for suspect in found if suspect.id in ids)
    return None


def _checked(manifest: Manifest, judged: Judged, found: tuple[Suspect, ...] | None) -> Checked:
    photos = {photo.id: photo for photo in manifest.photos}
    clusters = tuple(tuple(photos[id] for id in cluster) for cluster in judged.duplicates)
    at = {photo.sha256: photo for photo in manifest.kept}
    exact = [(photo, at[photo.sha256]) for photo in manifest.photos if photo.reason == ACROSS and photo.sha256 in at]
    leaks = (*exact, *((photos[one], photos[two]) for one, two in judged.leaks))
    return Checked(manifest, clusters, leaks, found, imbalance(manifest))
