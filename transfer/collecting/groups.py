"""Groups: photos that must not stand on two sides of a split. Pure.

Near duplicates, and the photos that one person uploaded within a day: such a burst shows one flower from five sides,
and a model that has seen four of them knows the fifth.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from datetime import datetime

from transfer.manifest import Manifest
from transfer.photo import Photo

_OURS = "together-"
_BURST = 24 * 3600.0  # seconds between two uploads of one burst


def grouped(manifest: Manifest, clusters: Iterable[Iterable[str]] = (), *, anew: bool = True) -> Manifest:
    """The manifest with groups of photos that belong together.

    Args:
        manifest: Groups that were given here before are given anew; those of others are kept whole.
        clusters: Ids of near duplicates.
        anew: Forget the groups that were given here before; otherwise they only grow.
    """
    photos = {photo.id: photo for photo in manifest.photos}
    leader = {id: id for id in photos}

    def find(id: str) -> str:
        while leader[id] != id:
            leader[id] = leader[leader[id]]
            id = leader[id]
        return id

    def join(ids: list[str]) -> None:
        for id in ids[1:]:
            leader[find(id)] = find(ids[0])

    for cluster in clusters:
        join([id for id in cluster if id in photos])
    for burst in _bursts(photo for photo in manifest.photos if photo.excluded is None):
        join(burst)
    foreign: dict[str, list[str]] = {}
    for photo in manifest.photos:
        if photo.group and not (anew and photo.group.startswith(_OURS)):
            foreign.setdefault(photo.group, []).append(photo.id)
    for members in foreign.values():
        join(members)
    together: dict[str, list[Photo]] = {}
    for id, photo in photos.items():
        together.setdefault(find(id), []).append(photo)
    changed = []
    for joined in together.values():
        known = {photo.group for photo in joined if photo.group and not photo.group.startswith(_OURS)}
        # A single group that somebody else gave already says it.
        whole = len(known) == 1 and all(photo.group in known for photo in joined)
        group = f"{_OURS}{min(photo.id for photo in joined)}" if len(joined) > 1 else None
        for photo in joined:
            wanted = photo.group if whole else group
            if photo.group != wanted:
                changed.append(dataclasses.replace(photo, group=wanted))
    return manifest.replace(changed)


def _bursts(photos: Iterable[Photo]) -> list[list[str]]:
    """Ids of the photos that one person uploaded one after the other."""
    by_owner: dict[tuple[str, str], list[tuple[float, str]]] = {}
    for photo in photos:
        owner = photo.owner_url or photo.owner
        moment = _seconds(photo.uploaded)
        if owner and moment is not None:
            by_owner.setdefault((photo.source, owner), []).append((moment, photo.id))
    bursts: list[list[str]] = []
    for uploads in by_owner.values():
        last = None
        for moment, id in sorted(uploads):
            if last is None or moment - last > _BURST:
                bursts.append([])
            bursts[-1].append(id)
            last = moment
    return [burst for burst in bursts if len(burst) > 1]


def _seconds(text: str | None) -> float | None:
    try:
        return datetime.fromisoformat(text or "").timestamp()
    except ValueError:
        return None
