"""Split: which photos teach, which choose and which judge. Pure.

Stratified by label, grouped (equal content and equal ``group`` stay on one side), sticky (who has a side keeps it) and
stable (chance comes from a hash of the seed and the content, never from names or the order of files).
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from transfer.errors import CallError, DataError
from transfer.folds import groups, ties
from transfer.manifest import Manifest
from transfer.photo import SPLITS, Photo

CONFLICT = "split_conflict"


def split(manifest: Manifest, *, validation: float = 0.15, test: float = 0.15, seed: int = 0) -> Manifest:
    """Give every undecided kept photo a split.

    The groups of a label come in the order of their hashes, and each goes to the part that lacks most towards its
    target. Of a label with n photos the targets are ``validation * n`` and ``test * n``, at least one photo each where
    the fraction is not 0, and the rest to train. Where groups are single photos, every part ends within one of its
    target.

    *Given test splits.* A label whose test photos outnumber that target by more than one, or whose only decided photos
    are test photos (as after loading a training and a test folder), gets no further ones; the same holds for all labels
    while the whole manifest has decided test photos only. Its targets are shares of the photos outside test:
    ``validation`` of them, and the rest to train.

    Photos that join a group whose photos have a split follow it. A group that stands on two sides is cut: undecided
    photos that join the two are excluded as ``split_conflict``; where decided ones are joined directly, those of the
    better protected split (test before validation before train) stay. These exclusions are judged anew every time.

    Args:
        manifest: Its undecided kept photos are split; those with a split keep it.
        validation, test: Shares of each label, from 0 to below 1, together below 1; 0 gives that part nothing new.
        seed: Another seed, another division of the undecided photos.

    Raises:
        CallError: The fractions make no sense.
        DataError: There is no photo to split, or labels have too few groups for the parts asked for.
    """
    if not (0 <= validation < 1 and 0 <= test < 1 and validation + test < 1):
        raise CallError(
            "The shares of validation and test are fractions that leave something to train on.",
            received=f"validation {validation}, test {test}",
            remedy="Give fractions from 0 to below 1 whose sum is below 1, such as 0.15 and 0.15.",
        )
    manifest = _cut(manifest)
    if not manifest.kept:
        raise DataError("There is no photo to split.", remedy="Load a folder of photos first.")
    chosen: dict[str, str] = {}
    free: dict[str, list[_Group]] = defaultdict(list)
    for photos in groups(manifest.kept):
        sides = {photo.split for photo in photos if photo.split}
        if sides:
            chosen |= {photo.id: side for photo in photos if not photo.split for side in sides}
        else:
            group = _Group.of(photos, seed)
            free[group.label].append(group)
    counts = {label: Counter[str]() for label in manifest.labels}
    for photo in manifest.kept:
        counts[photo.label][chosen.get(photo.id, photo.split or "")] += 1
    plan = _Plan(validation, test, test_only=_only_test(photo.split for photo in manifest.kept))
    small: dict[str, str] = {}
    for label in sorted(free):
        parts = plan.targets(counts[label])
        if len(free[label]) < sum(not counts[label][part] for part in parts):
            few = _times(len(free[label]), "undecided group")
            small[label] = f"{_times(counts[label].total(), 'photo')} in {few}"
            continue
        for group, part in _fill(sorted(free[label], key=lambda group: group.order), parts, counts[label]):
            chosen |= {photo.id: part for photo in group.photos}
            for photo in group.photos:
                counts[photo.label][""] -= 1
                counts[photo.label][part] += 1
    if small:
        raise _too_small(small, plan)
    return manifest.replace(
        dataclasses.replace(photo, split=chosen[photo.id]) for photo in manifest.kept if photo.id in chosen
    )


@dataclass(frozen=True)
class _Group:
    """Undecided photos that stay together. A group of several labels is counted where most of its photos are."""

    photos: tuple[Photo, ...]
    label: str
    order: str

    @classmethod
    def of(cls, photos: Iterable[Photo], seed: int) -> _Group:
        photos = tuple(photos)
        labels = Counter(photo.label for photo in photos)
        content = "\n".join([str(seed), *sorted({photo.sha256 or photo.id for photo in photos})])
        label = min(labels, key=lambda label: (-labels[label], label))
        return cls(photos, label, hashlib.sha256(content.encode()).hexdigest())


@dataclass(frozen=True)
class _Plan:
    """The shares asked for, and whether the manifest has decided test photos only."""

    validation: float
    test: float
    test_only: bool

    def targets(self, counts: Mapping[str, int]) -> dict[str, float]:
        """How many photos of a label each part that may grow should hold in the end, from its counts now."""
        total, there = sum(counts.values()), counts.get("test", 0)
        given = self.test_only or (there > 0 and not counts.get("train") and not counts.get("validation"))
        if given or there > max(1, self.test * total) + 1:
            shares = {"validation": self.validation * (total - there)}
            rest = total - there
        else:
            shares = {"validation": self.validation * total, "test": self.test * total}
            rest = total
        targets = {part: max(1.0, share) for part, share in shares.items() if share > 0}
        # What followed its group into a part that is not asked for is not train's to make up.
        elsewhere = sum(counts.get(part, 0) for part in SPLITS[1:] if part in shares and part not in targets)
        return {"train": max(1.0, rest - elsewhere - sum(targets.values())), **targets}


def _fill(
    undecided: Iterable[_Group], targets: Mapping[str, float], counts: Mapping[str, int]
) -> list[tuple[_Group, str]]:
    """Each group with its part: the one that lacks most; empty parts first once the groups are as few as those."""
    undecided = list(undecided)
    held = {part: counts.get(part, 0) for part in targets}
    filled: list[tuple[_Group, str]] = []
    for index, group in enumerate(undecided):
        empty = [part for part in targets if not held[part]]
        open_parts = empty if len(undecided) - index <= len(empty) else list(targets)
        part = max(open_parts, key=lambda part: targets[part] - held[part])
        held[part] += sum(photo.label == group.label for photo in group.photos)
        filled.append((group, part))
    return filled


def _only_test(splits: Iterable[str | None]) -> bool:
    return set(splits) - {None} == {"test"}


def _too_small(small: Mapping[str, str], plan: _Plan) -> DataError:
    parts = ["train", *(["validation"] if plan.validation else []), *(["test"] if plan.test else [])]
    told = [f"{label} ({count})" for label, count in small.items()]
    return DataError(
        f"Classes are too small to have a photo in each of {', '.join(parts)}.",
        received=", ".join(told[:10]) + (f" and {len(told) - 10} more" if len(told) > 10 else ""),
        remedy="Add photos, leave the class out, or ask for fewer parts (a share of 0 gives none).",
    )


def _times(number: int, what: str) -> str:
    return f"{number} {what}{'s'[: number != 1]}"


# --- groups on two sides ---


def _cut(manifest: Manifest) -> Manifest:
    """Exclude what would make a group stand on two sides; take back such exclusions whose cause is gone."""
    manifest = manifest.replace(
        dataclasses.replace(photo, excluded=None) for photo in manifest.photos if photo.reason == CONFLICT
    )
    for chosen in (_bridges, _undecided, _less_protected):
        manifest = manifest.replace(
            dataclasses.replace(photo, excluded=f"{CONFLICT}: its group has photos in {' and '.join(sides)}")
            for photos in groups(manifest.kept)
            if len(sides := [side for side in SPLITS if any(photo.split == side for photo in photos)]) > 1
            for photo in chosen(photos)
        )
    return manifest


def _bridges(photos: list[Photo]) -> list[Photo]:
    """Undecided photos that touch decided ones of two sides themselves; without them the others may simply follow."""
    sides: dict[tuple[str, str], set[str]] = defaultdict(set)
    for photo in photos:
        for key in ties(photo):
            sides[key] |= {photo.split} if photo.split else set()
    return [photo for photo in photos if not photo.split and len(set().union(*(sides[key] for key in ties(photo)))) > 1]


def _undecided(photos: list[Photo]) -> list[Photo]:
    """What is undecided in a group that still stands on two sides."""
    return [photo for photo in photos if not photo.split]


def _less_protected(photos: list[Photo]) -> list[Photo]:
    """Only decided photos are left: all but those of the best protected side."""
    best = max(SPLITS.index(photo.split or "train") for photo in photos)
    return [photo for photo in photos if SPLITS.index(photo.split or "train") < best]
