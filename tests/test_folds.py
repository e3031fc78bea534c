"""Every photo is judged once a repetition, by a model that saw neither it nor what is nearly it."""

from __future__ import annotations

import dataclasses
import random
from collections import Counter

import pytest
from conftest import photos
from hypothesis import given, settings
from hypothesis import strategies as draw

from transfer.errors import DataError
from transfer.folds import Fold, digest, divide, folded, group_of, groups, ties
from transfer.manifest import Manifest
from transfer.photo import SPLITS


def sides(manifest: Manifest, *, of: int, repetition: int = 0) -> list[dict[str, str | None]]:
    """The split of every photo in each fold."""
    seen = [folded(manifest, Fold(of, repetition, number)) for number in range(of)]
    return [{photo.id: photo.split for photo in one.kept} for one in seen]


counts = draw.lists(draw.integers(12, 40), min_size=2, max_size=4)


@settings(max_examples=40)
@given(counts=counts, of=draw.integers(2, 6), bursts=draw.integers(0, 2), repetition=draw.integers(0, 9))
def test_every_photo_is_judged_once_and_its_group_with_it(
    counts: list[int], of: int, bursts: int, repetition: int
) -> None:
    manifest = photos(counts, bursts=bursts)
    found = sides(manifest, of=of, repetition=repetition)
    for photo in manifest.kept:
        assert [one[photo.id] for one in found].count("test") == 1
    for group in groups(manifest.kept):
        for one in found:
            assert len({one[photo.id] for photo in group}) == 1
    for one in found:
        assert set(one.values()) == set(SPLITS)


@settings(max_examples=40)
@given(counts=counts, of=draw.integers(2, 6))
def test_each_class_is_spread_evenly_over_the_folds(counts: list[int], of: int) -> None:
    manifest = photos(counts)
    labels = {photo.id: photo.label for photo in manifest.kept}
    judged = [Counter(labels[id] for id, side in one.items() if side == "test") for one in sides(manifest, of=of)]
    for label in manifest.labels:
        assert max(one[label] for one in judged) - min(one[label] for one in judged) <= 1
    assert max(one.total() for one in judged) - min(one.total() for one in judged) <= 1


def test_a_fifth_of_what_is_not_judged_is_held_out_to_choose_by() -> None:
    one = sides(photos((50, 25)), of=5)[0]
    assert Counter(one.values()) == {"test": 15, "validation": 12, "train": 48}


def test_a_repetition_divides_anew_and_the_same_one_alike() -> None:
    manifest = photos((30, 30))
    assert sides(manifest, of=3) == sides(manifest, of=3)
    assert sides(manifest, of=3) != sides(manifest, of=3, repetition=1)


def test_neither_names_nor_order_nor_the_given_splits_decide_a_fold() -> None:
    manifest = photos((20, 20), bursts=2)
    shuffled = list(manifest.photos)
    random.Random(0).shuffle(shuffled)
    other = Manifest(
        tuple(
            dataclasses.replace(photo, file_name=f"elsewhere/{n}.png", id=f"new {n}", split=SPLITS[n % 3])
            for n, photo in enumerate(shuffled)
        )
    )
    for number in range(4):
        one, two = (folded(each, Fold(4, 0, number)) for each in (manifest, other))
        assert {p.sha256: p.split for p in one.kept} == {p.sha256: p.split for p in two.kept}
    assert digest(manifest) == digest(other)


def test_the_digest_knows_what_decides_a_fold() -> None:
    manifest = photos((20, 11))
    first = manifest.photos[0]
    for change in ({"group": "a burst"}, {"label": "class 1"}, {"sha256": "else"}, {"excluded": "by hand"}):
        assert digest(manifest.replace([dataclasses.replace(first, **change)])) != digest(manifest)
    assert digest(manifest.replace([dataclasses.replace(first, split="test", owner="me")])) == digest(manifest)


def test_equal_content_joins_groups_through_others() -> None:
    a, b, c, d = (dataclasses.replace(photo, group=None) for photo in photos((4,)).photos)
    chain = [dataclasses.replace(a, group="x"), dataclasses.replace(b, group="y"), c, d]
    link = dataclasses.replace(chain[1], id="copy", group="x")
    assert sorted(len(group) for group in groups([*chain, link])) == [1, 1, 3]
    blank = [dataclasses.replace(photo, sha256="") for photo in (c, d)]
    assert len(groups(blank)) == 2, "no content known is no common content"


def test_a_photo_that_nothing_joins_with_others_is_a_group_of_its_own() -> None:
    alone = [dataclasses.replace(photo, sha256="") for photo in photos((3,)).photos]
    assert groups(alone) == [[photo] for photo in alone]
    assert len({tie for photo in alone for tie in ties(photo)}) == 3


@settings(max_examples=40)
@given(keys=draw.lists(draw.tuples(draw.integers(0, 6), draw.integers(0, 6)), max_size=14))
def test_groups_are_what_content_and_group_join_through_however_many_others(keys: list[tuple[int, int]]) -> None:
    """0 stands for what is not known; of the joined photos each is reached from each, and from no other."""
    chosen = [
        dataclasses.replace(photo, sha256=f"{content or ''}", group=f"{group}" if group else None)
        for photo, (content, group) in zip(photos((14,)).photos, keys, strict=False)
    ]
    found = groups(chosen)
    assert sorted(photo.id for group in found for photo in group) == sorted(photo.id for photo in chosen)
    for group in found:
        reached = group[:1]
        for photo in reached:
            near = [other for other in chosen if set(ties(photo)) & set(ties(other))]
            reached += [other for other in near if other not in reached]
        assert sorted(photo.id for photo in reached) == sorted(photo.id for photo in group)


def test_a_class_that_chance_would_take_from_training_stays_there() -> None:
    manifest = photos((2, 30))
    for one in sides(manifest, of=2):
        assert [one[f"0-{n}"] for n in range(2)].count("train") == 1


def test_too_few_groups_for_the_folds_are_named() -> None:
    with pytest.raises(DataError, match=r"class 0 \(4 groups\)"):
        folded(photos((12, 30), bursts=4), Fold(5, 0, 0))
    with pytest.raises(DataError, match=r"class 0 \(1 group\)"):
        folded(photos((3, 30), bursts=1), Fold(5, 0, 0))


def test_photos_set_aside_are_in_no_fold() -> None:
    manifest = photos((20, 11))
    out = manifest.replace([dataclasses.replace(manifest.photos[0], excluded="by hand")])
    assert folded(out, Fold(3, 0, 0)).photos[0] == out.photos[0]
    assert sum(len(part) for part in divide(out.kept, 3, seed="0")) == len(manifest) - 1


def test_photos_have_one_name_of_their_group_where_another_joins_them() -> None:
    manifest = photos([6])
    one, two, three, four, *_ = manifest.kept
    joined = [dataclasses.replace(one, group="g"), dataclasses.replace(two, group="g", sha256=three.sha256), three]
    names = group_of([*joined, four, dataclasses.replace(four, id="bare", sha256="")])
    assert names == {one.id: "g", two.id: "g", three.id: "g", four.id: four.sha256, "bare": "bare"}
