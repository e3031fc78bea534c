"""Groups: photos that must not stand on two sides of a split. Pure.

Near duplicates, and the photos that one person uploaded within a day: such a burst shows one flower from five sides,
and a model that has seen four of them knows the fifth.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from datetime import datetime

from transfer.manifest import Manifest
from transfer.photo import SPLITS, Photo

BETWEEN = "group_conflict"
_OURS = "together-"
_BURST = 24 * 3600.0  # seconds between two uploads of one burst


def grouped(manifest: Manifest, clusters: Iterable[Iterable[str]] = (), *, anew: bool = True) -> Manifest:
    """The manifest with groups of photos that belong together.

    An undecided photo that would join photos of two splits, such as one uploaded between two bursts, is set aside as
    ``group_conflict``: as one group, all but those of one side could not stay. The newest ones go first: those that
    were in no group before.

    Args:
        manifest: Groups that were given here before are given anew; those of others are kept whole.
        clusters: Ids of near duplicates.
        anew: Forget the groups that were given here before; otherwise they only grow, and photos of two splits that
            belong together keep the groups they have.
    """
    clusters = [tuple(cluster) for cluster in clusters]
    while between := list(_between(together := _together(manifest, clusters, anew=anew))):
        manifest = manifest.replace(between)
    changed = []
    for joined in together:
        if not anew and len(_sides(joined)) > 1:
            continue
        known = {photo.group for photo in joined if photo.group and not photo.group.startswith(_OURS)}
        # A single group that somebody else gave already says it.
        whole = len(known) == 1 and all(photo.group in known for photo in joined)
        group = f"{_OURS}{min(photo.id for photo in joined)}" if len(joined) > 1 else None
        for photo in joined:
            wanted = photo.group if whole else group
            if photo.group != wanted:
                changed.append(dataclasses.replace(photo, group=wanted))
    return manifest.replace(changed)


def _together(manifest: Manifest, clusters: Iterable[Iterable[str]], *, anew: bool) -> list[list[Photo]]:
    """Photos that a cluster, a burst or a group joins, directly or through others."""
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
    for burst in _bursts(manifest.kept):
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
    return list(together.values())


def _between(together: Iterable[list[Photo]]) -> Iterator[Photo]:
    """Undecided photos that join two sides, set aside."""
    for joined in together:
        sides = _sides(joined)
        undecided = [photo for photo in joined if photo.excluded is None and not photo.split]
        if len(sides) > 1:
            for photo in [photo for photo in undecided if not photo.group] or undecided:
                group = None if (photo.group or "").startswith(_OURS) else photo.group
                told = f"{BETWEEN}: belongs with photos of {' and '.join(sides)}"
                yield dataclasses.replace(photo, excluded=told, group=group)


def _sides(photos: Iterable[Photo]) -> list[str]:
    """The splits of the kept ones."""
    found = {photo.split for photo in photos if photo.excluded is None}
    return [split for split in SPLITS if split in found]


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
