from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transfer.collecting.groups import grouped
from transfer.collecting.judge import fresh
from transfer.collecting.split import split
from transfer.errors import CallError, DataError
from transfer.folds import groups
from transfer.manifest import Manifest
from transfer.photo import Photo

SHARES = st.sampled_from([(0.15, 0.15), (0.2, 0.1), (0.0, 0.25), (0.3, 0.0), (0.34, 0.33), (0.0, 0.0)])


def photo(name: str, label: str = "cat", **fields: object) -> Photo:
    defaults: dict[str, object] = {
        "file_name": f"/{name}.jpg",
        "label": label,
        "source": "folder",
        "sha256": f"of-{name}",
    }
    return Photo(id=name, **(defaults | fields))  # type: ignore[arg-type]


def photos(label: str, count: int, start: int = 0, **fields: object) -> list[Photo]:
    return [photo(f"{label}{number}", label, **fields) for number in range(start, start + count)]


def manifest(*parts: list[Photo]) -> Manifest:
    return Manifest(tuple(photo for part in parts for photo in part))


def sides(divided: Manifest) -> dict[str, str | None]:
    return {photo.id: photo.split for photo in divided.kept}


def reasons(divided: Manifest) -> dict[str, str]:
    return {photo.id: photo.excluded for photo in divided.photos if photo.excluded}


@st.composite
def tables(draw: st.DrawFn, *, decided: bool = True) -> Manifest:
    """Two or three classes with anything that a manifest may hold: groups, duplicates, given splits, exclusions."""
    rows = []
    for label in draw(st.sampled_from([("cat", "dog"), ("cat", "dog", "eel")])):
        for number in range(draw(st.integers(12, 30))):
            some = draw(st.integers(0, 9)) if number > 3 else 9  # four plain ones: never too small to split
            rows.append(
                photo(
                    f"{label}{number}",
                    label,
                    group=f"{label}-{draw(st.integers(0, 20))}" if some < 2 else None,
                    sha256=f"{label}-same-{draw(st.integers(0, 20))}" if some == 2 else f"{label}-{number}",
                    split=draw(st.sampled_from(["train", "validation", "test"])) if decided and some == 3 else None,
                    excluded="blurred" if some == 4 else None,
                )
            )
    return Manifest(tuple(rows))


# --- laws ---


@settings(deadline=None, max_examples=60)
@given(tables(), SHARES, st.integers(0, 3))
def test_every_kept_photo_has_a_side_and_no_group_has_two(table, shares, seed):
    divided = split(table, validation=shares[0], test=shares[1], seed=seed)
    assert all(photo.split for photo in divided.kept)
    for key in ("sha256", "group"):
        of: dict[str, set[str | None]] = defaultdict(set)
        for each in divided.kept:
            if getattr(each, key):
                of[getattr(each, key)].add(each.split)
        assert all(len(found) == 1 for found in of.values())
    assert all(len({photo.split for photo in group}) == 1 for group in groups(divided.kept)), "as folds know a group"
    assert {photo.id for photo in divided.photos} == {photo.id for photo in table.photos}
    had = {each.split for each in table.kept}
    nothing = {
        part for part, share in zip(("validation", "test"), shares, strict=True) if share == 0 and part not in had
    }
    assert not any(each.split in nothing for each in divided.kept)


@settings(deadline=None, max_examples=60)
@given(tables(), SHARES)
def test_splitting_again_changes_nothing_whatever_the_seed(table, shares):
    divided = split(table, validation=shares[0], test=shares[1], seed=1)
    assert split(divided, validation=shares[0], test=shares[1], seed=2) == divided


@settings(deadline=None, max_examples=60)
@given(tables(decided=False), st.integers(0, 30), SHARES)
def test_adding_photos_never_moves_an_old_one(table, added, shares):
    before = split(table, validation=shares[0], test=shares[1])
    more = [photo(f"new{number}", "cat", group=f"cat-{number}" if number % 3 else None) for number in range(added)]
    after = split(before.replace(more), validation=shares[0], test=shares[1])
    assert {id: side for id, side in sides(after).items() if not id.startswith("new")} == sides(before)


@settings(deadline=None, max_examples=40)
@given(tables(), st.randoms(use_true_random=False))
def test_names_and_order_of_the_files_decide_nothing(table, random):
    names = [f"/{number}.jpg" for number in range(len(table))]
    random.shuffle(names)
    shuffled = [replace(photo, file_name=name) for photo, name in zip(table.photos, names, strict=True)]
    random.shuffle(shuffled)
    assert sides(split(Manifest(tuple(shuffled)))) == sides(split(table))


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(7, 120), min_size=2, max_size=4), SHARES, st.integers(0, 5), st.integers(0, 50))
def test_each_part_of_each_class_is_within_one_photo_of_its_share_also_after_adding(counts, shares, seed, added):
    validation, test = shares
    table = manifest(*(photos(f"class{number}", count) for number, count in enumerate(counts)))
    divided = split(table, validation=validation, test=test, seed=seed)
    grown = split(divided.replace(photos("class0", added, counts[0])), validation=validation, test=test, seed=seed)
    for each in (divided, grown):
        for parts in each.counts().values():
            total = sum(parts.values())
            wanted = {"validation": validation * total, "test": test * total, "train": (1 - validation - test) * total}
            assert all(math.fabs(parts.get(part, 0) - share) <= 1 + 1e-9 for part, share in wanted.items())


def test_the_same_seed_divides_alike_and_another_one_otherwise():
    table = manifest(photos("cat", 40), photos("dog", 40))
    assert split(table, seed=3) == split(table, seed=3)
    assert split(table, seed=3) != split(table, seed=4)


def test_small_classes_have_one_photo_in_every_part():
    divided = split(manifest(photos("cat", 3), photos("dog", 4)))
    assert divided.counts() == {
        "cat": {"train": 1, "validation": 1, "test": 1},
        "dog": {"train": 2, "validation": 1, "test": 1},
    }


@pytest.mark.parametrize("seed", range(8))
def test_a_large_group_leaves_no_part_empty(seed):
    table = manifest(photos("cat", 20, group="burst"), photos("cat", 2, start=20), photos("dog", 9))
    assert set(split(table, seed=seed).counts()["cat"]) == {"train", "validation", "test"}


def test_a_group_of_two_labels_stays_together():
    table = manifest(photos("cat", 10), photos("dog", 10), [photo("a", "cat", group="g"), photo("b", "dog", group="g")])
    divided = sides(split(table))
    assert divided["a"] == divided["b"]


# --- given parts ---


def test_after_two_given_parts_validation_is_cut_from_the_first_and_test_stays_what_it_was():
    table = manifest(photos("cat", 100), photos("cat", 5, start=100, split="test"), photos("dog", 60))
    table = table.replace(photos("dog", 40, start=60, split="test"))
    divided = split(table, validation=0.2, test=0.3)
    assert divided.counts() == {
        "cat": {"train": 80, "validation": 20, "test": 5},
        "dog": {"train": 48, "validation": 12, "test": 40},
    }


def test_a_class_that_a_given_test_split_lacks_gets_no_test_photos_either():
    table = manifest(photos("cat", 20), photos("cat", 5, start=20, split="test"), photos("dog", 20))
    assert split(table).counts()["dog"] == {"train": 17, "validation": 3}


def test_a_large_given_test_split_stays_what_it_was_when_photos_are_added():
    table = manifest(photos("cat", 100), photos("cat", 60, start=100, split="test"), photos("dog", 20))
    grown = split(split(table).replace(photos("cat", 100, start=200)))
    assert grown.counts()["cat"] == {"train": 170, "validation": 30, "test": 60}


def test_three_given_parts_are_left_as_they_are():
    parts = [(0, "train"), (10, "validation"), (20, "test")]
    table = manifest(*(photos(label, 4, start, split=part) for label in ("cat", "dog") for start, part in parts))
    assert split(table) == table


# --- groups and conflicts ---


def test_a_new_member_follows_its_group():
    table = split(manifest(photos("cat", 20), photos("dog", 20)))
    old = table.part("test")[0]
    after = split(table.replace([photo("twin", old.label, sha256=old.sha256)]))
    assert sides(after)["twin"] == "test"


def conflict(*sides: str) -> str:
    return f"split_conflict: its group has photos in {' and '.join(sides)}"


def test_a_photo_that_joins_two_sides_is_excluded_and_the_others_stay():
    old = [photo("a", split="train", group="g"), photo("b", split="test"), *photos("dog", 9)]
    new = [photo("bridge", group="g", sha256="of-b"), photo("follower", group="g")]
    divided = split(manifest(old, new), validation=0, test=0)
    assert reasons(divided) == {"bridge": conflict("train", "test")}
    assert {id: sides(divided)[id] for id in ("a", "b", "follower")} == {"a": "train", "b": "test", "follower": "train"}


def test_a_chain_of_new_photos_between_two_sides_is_excluded_whole():
    old = [photo("a", split="train", group="g"), photo("b", split="test"), *photos("dog", 9)]
    new = [photo("c", group="g", sha256="s"), photo("d", group="h", sha256="s"), photo("e", group="h", sha256="of-b")]
    divided = split(manifest(old, new), validation=0, test=0)
    assert set(reasons(divided)) == {"c", "d", "e"}


def test_of_decided_photos_that_were_found_to_belong_together_the_better_protected_stay():
    old = [photo(id, split=side, group="g") for id, side in (("a", "train"), ("b", "test"), ("c", "validation"))]
    divided = split(manifest(old, photos("dog", 9), photos("cat", 9)))
    assert reasons(divided) == dict.fromkeys(("a", "c"), conflict("train", "validation", "test"))


def test_a_conflict_whose_cause_is_gone_is_taken_back():
    table = manifest([photo("a", split="train", group="g"), photo("b", split="test", group="g")], photos("cat", 9))
    divided = split(table)
    assert set(reasons(divided)) == {"a"}
    healed = split(divided.replace([replace(photo, group=None) for photo in divided.photos]))
    assert reasons(healed) == {} and sides(healed)["a"] == "train"


def uploaded(name: str, hour: int, split: str | None = None, label: str = "cat") -> Photo:
    """Of one person, at that hour of a long day."""
    moment = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(hours=hour)
    return photo(name, label, split=split, source="flickr", owner="Ann", uploaded=moment.isoformat())


def two_bursts() -> Manifest:
    """Three photos of train and two of test, 34 hours later."""
    taught = [uploaded(f"a{hour}", hour, "train") for hour in range(3)]
    judged = [uploaded(f"b{hour}", hour, "test") for hour in (36, 37)]
    return grouped(manifest(taught, judged, photos("dog", 9)), anew=False)


@pytest.mark.parametrize("anew", [False, True])
def test_a_photo_uploaded_between_two_bursts_of_two_sides_is_set_aside_and_both_stay(anew):
    before = two_bursts()
    new = grouped(before.replace([uploaded("between", 18)]), anew=anew)
    assert reasons(new) == {"between": "group_conflict: belongs with photos of train and test"}
    assert {photo.id: photo.group for photo in new.kept} == {photo.id: photo.group for photo in before.kept}
    divided = split(new, validation=0, test=0)
    assert {photo.id for photo in divided.kept} == {photo.id for photo in before.kept}
    assert grouped(fresh(divided)) == divided


def test_of_the_undecided_photos_of_a_burst_those_that_were_there_before_stay():
    before = grouped(two_bursts().replace([uploaded("follower", 10)]), anew=False)
    after = grouped(before.replace([uploaded("between", 20)]), anew=False)
    assert list(reasons(after)) == ["between"]
    assert sides(split(after, validation=0, test=0))["follower"] == "train"
    assert list(reasons(grouped(fresh(after)))) == ["between"]


def test_a_photo_between_two_bursts_is_kept_once_the_photos_of_one_side_are_out():
    table = grouped(two_bursts().replace([uploaded("between", 18)]), anew=False)
    out = [replace(photo, excluded="excluded_by_hand") for photo in table.part("test")]
    again = grouped(fresh(table.replace(out)))
    assert set(reasons(again)) == {"b36", "b37"}
    assert sides(split(again, validation=0, test=0))["between"] == "train"


HOURS = st.lists(st.integers(0, 400), min_size=1, max_size=12, unique=True)


@given(first=HOURS, more=HOURS, last=HOURS, anew=st.booleans())
def test_more_photos_of_a_person_never_put_earlier_ones_out(first, more, last, anew):
    table = manifest(photos("cat", 8), photos("dog", 8))
    for step, hours in enumerate((first, more, last)):
        new = [uploaded(f"{step}-{hour}", hour) for hour in hours]
        before, table = table, grouped(fresh(table.replace(new)) if anew else table.replace(new), anew=anew)
        table = split(table, validation=0.2, test=0.2)
        assert {photo.id for photo in before.kept} <= {photo.id for photo in table.kept}


# --- what cannot be split ---


def test_classes_too_small_for_the_parts_are_named_with_their_counts():
    table = manifest(photos("cat", 1), photos("dog", 6, group="one burst"), photos("eel", 9))
    with pytest.raises(DataError, match=r"cat \(1 photo in 1 .* group\), dog \(6 photos in 1 ") as caught:
        split(table)
    assert "eel" not in str(caught.value)
    assert caught.value.exit_status == 1


def test_a_manifest_without_photos_cannot_be_split():
    with pytest.raises(DataError, match="no photo"):
        split(manifest(photos("cat", 3, excluded="blurred")))


@pytest.mark.parametrize("shares", [(-0.1, 0.1), (0.1, -0.1), (1.0, 0.0), (0.5, 0.5), (float("nan"), 0.1)])
def test_shares_that_leave_nothing_to_train_on_are_a_wrong_call(shares):
    with pytest.raises(CallError, match=f"validation {shares[0]}, test {shares[1]}"):
        split(manifest(photos("cat", 30)), validation=shares[0], test=shares[1])
