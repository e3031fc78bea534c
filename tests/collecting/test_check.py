"""Judging photos: measures, near duplicates, leaks, mislabels, and what a person decides."""

from __future__ import annotations

import csv
import json
import time
from dataclasses import replace
from pathlib import Path

import imagehash
import numpy
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as draw
from PIL import Image, ImageFilter

import transfer
from collecting.imitations.world import picture
from tests.conftest import photos
from transfer.cli import cli
from transfer.collecting import edits
from transfer.collecting.check import check_photos
from transfer.collecting.groups import grouped
from transfer.collecting.load import load_photos
from transfer.collecting.looks import look, perceptual_hash
from transfer.collecting.mislabels import suspects
from transfer.collecting.near import near_pairs
from transfer.collecting.split import split
from transfer.errors import CallError, DataError
from transfer.manifest import Manifest
from transfer.photo import Photo
from transfer.workspace import Workspace


def photo_like(number: int, size: tuple[int, int] = (120, 90)) -> Image.Image:
    """Patches of colour with some grain, like no other number's."""
    rng = numpy.random.default_rng(number)
    patches = Image.fromarray(rng.integers(0, 255, (9, 12, 3)).astype("uint8")).resize(size, Image.Resampling.BICUBIC)
    grain = rng.integers(-12, 12, (size[1], size[0], 3))
    return Image.fromarray(numpy.clip(numpy.asarray(patches).astype(int) + grain, 0, 255).astype("uint8"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two classes of six good photos."""
    root = tmp_path / "photos"
    for number in range(12):
        place = root / ("cat", "dog")[number % 2] / f"{number:02}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        photo_like(number).save(place)
    return root


def checked(folder: Path, workspace, **how):
    load_photos(folder, workspace)
    return check_photos(workspace, **how)


def reasons(manifest: Manifest) -> dict[str, str]:
    return {photo.title or "": photo.reason for photo in manifest.photos if photo.excluded}


# --- one photo ---


def test_good_photos_stay(folder, workspace):
    found = checked(folder, workspace)
    assert len(found.manifest.kept) == 12
    assert found.duplicates == found.leaks == ()


@pytest.mark.parametrize(
    ("reason", "image"),
    [
        ("too_small", photo_like(50, (60, 20))),
        ("odd_shape", photo_like(51, (400, 60))),
        ("blank", Image.new("RGB", (100, 100), (200, 190, 180))),
        ("blank", Image.fromarray(numpy.random.default_rng(0).integers(98, 103, (90, 90, 3)).astype("uint8"))),
        ("blurred", photo_like(52, (300, 220)).filter(ImageFilter.GaussianBlur(8))),
    ],
)
def test_rubbish_is_set_aside_with_its_reason(folder, workspace, reason, image):
    image.save(folder / "cat" / "x.png")
    assert reasons(checked(folder, workspace).manifest) == {"cat/x.png": reason}


def test_a_photo_that_was_damaged_since_it_was_loaded_is_found(folder, workspace):
    load_photos(folder, workspace)
    file = folder / "cat" / "00.png"
    file.write_bytes(file.read_bytes()[:300])
    (folder / "cat" / "02.png").unlink()
    assert reasons(check_photos(workspace).manifest) == {"cat/00.png": "unreadable", "cat/02.png": "missing"}


def test_a_photo_whose_place_another_picture_took_is_said_and_comes_back_with_its_own(folder, workspace):
    before = checked(folder, workspace).manifest
    file = folder / "cat" / "00.png"
    content = file.read_bytes()
    photo_like(70).save(file)
    after = check_photos(workspace).manifest
    assert [photo.excluded for photo in after.photos if photo.excluded] == ["unreadable: changed since it was loaded"]
    assert check_photos(workspace).manifest == after
    file.write_bytes(content)
    assert check_photos(workspace).manifest == before


def test_photos_of_a_disk_that_was_away_come_back_with_it(folder, workspace):
    before = split(checked(folder, workspace).manifest, validation=0.25, test=0.25)
    before.write(workspace)
    away = (folder / "cat").rename(folder / "away")
    assert set(reasons(check_photos(workspace).manifest).values()) == {"missing"}
    away.rename(folder / "cat")
    assert check_photos(workspace).manifest == before


def test_a_photo_that_could_not_be_read_for_a_while_comes_back(folder, workspace, monkeypatch):
    before = checked(folder, workspace).manifest
    read = Path.read_bytes

    def refusing(path):
        if path.name == "00.png":
            raise PermissionError(13, "Permission denied")
        return read(path)

    with monkeypatch.context() as locked:
        locked.setattr(Path, "read_bytes", refusing)
        assert reasons(check_photos(workspace).manifest) == {"cat/00.png": "unreadable"}
        assert reasons(check_photos(workspace).manifest) == {"cat/00.png": "unreadable"}
    assert check_photos(workspace).manifest == before


def test_what_was_damaged_when_it_was_loaded_stays_set_aside(folder, workspace):
    file = folder / "cat" / "00.png"
    file.write_bytes(file.read_bytes()[:300])
    before = load_photos(folder, workspace)
    assert [photo.excluded for photo in before.photos if photo.excluded] == ["unreadable: truncated file"]
    assert check_photos(workspace).manifest == before


def test_a_copy_does_not_bring_back_a_photo_whose_original_was_deleted(folder, workspace):
    load_photos(folder, workspace, copy=True)
    (folder / "cat" / "00.png").unlink()
    before = load_photos(folder, workspace, copy=True)
    assert reasons(before) == {"cat/00.png": "missing"}
    assert check_photos(workspace).manifest == before


def test_a_copy_that_was_away_comes_back(folder, workspace):
    load_photos(folder, workspace, copy=True)
    before = check_photos(workspace).manifest
    copy = workspace.photo_path(before.photos[0].file_name)
    away = copy.rename(copy.with_suffix(".away"))
    assert list(reasons(check_photos(workspace).manifest).values()) == ["missing"]
    away.rename(copy)
    assert check_photos(workspace).manifest == before


def test_the_hash_is_that_of_the_imagehash_library():
    for number in range(20):
        grey = photo_like(number).convert("L")
        assert perceptual_hash(grey) == int(str(imagehash.phash(grey)), 16)


def test_a_truncated_jpeg_is_looked_at_without_harm(tmp_path):
    content = picture("cut")
    (tmp_path / "cut.jpg").write_bytes(content[: len(content) // 2])
    assert look(tmp_path / "cut.jpg").reason == "unreadable: truncated file"
    assert look(tmp_path / "none.jpg").reason == "missing: gone since it was loaded"


# --- near duplicates ---


def by_force(hashes: list[int], most: int) -> set[frozenset[int]]:
    """Connected values, by comparing all with all."""
    edges = {(a, b) for a in hashes for b in hashes if a < b and (a ^ b).bit_count() <= most}
    return {frozenset(edge) for edge in edges}


@given(
    draw.lists(draw.integers(0, 2**64 - 1), min_size=2, max_size=12),
    draw.lists(draw.tuples(draw.integers(0, 11), draw.sets(draw.integers(0, 63), max_size=8)), max_size=10),
    draw.integers(0, 7),
)
def test_every_near_pair_is_found_and_no_other(values, changes, most):
    for at, bits in changes:
        values.append(values[at % len(values)] ^ sum(1 << bit for bit in bits))
    pairs = near_pairs(numpy.array(values, dtype=numpy.uint64), most).tolist()
    assert all(a < b and (values[a] ^ values[b]).bit_count() == bits <= most for a, b, bits in pairs)
    assert {frozenset((values[a], values[b])) for a, b, bits in pairs if bits} == by_force(values, most)
    equal = [(a, b) for a, b, bits in pairs if not bits]
    assert len(equal) == len(values) - len(set(values))


def test_the_search_grows_almost_linearly():
    hashes = numpy.random.default_rng(0).integers(0, 2**63, 40_000, dtype=numpy.uint64)
    begun = time.process_time()
    near_pairs(hashes[:10_000], 5)
    small = time.process_time() - begun
    near_pairs(hashes, 5)
    assert time.process_time() - begun - small < 12 * small + 0.5


def test_a_thousand_equal_hashes_are_not_a_million_pairs():
    assert len(near_pairs(numpy.zeros(1000, dtype=numpy.uint64), 5)) == 999


def test_a_photo_saved_again_smaller_is_a_near_duplicate_and_the_larger_one_stays(folder, workspace):
    photo_like(0).resize((80, 60)).save(folder / "cat" / "again.jpg", quality=80)
    found = checked(folder, workspace)
    assert reasons(found.manifest) == {"cat/again.jpg": "near_duplicate"}
    assert [[photo.title for photo in cluster] for cluster in found.duplicates] in (
        [["cat/00.png", "cat/again.jpg"]],
        [["cat/again.jpg", "cat/00.png"]],
    )
    assert len({photo.group for photo in found.duplicates[0]}) == 1


def test_an_exact_duplicate_within_a_class_is_set_aside_and_comes_back_when_the_first_is_gone(folder, workspace):
    copy = folder / "cat" / "copy.png"
    copy.write_bytes((folder / "cat" / "00.png").read_bytes())
    assert list(reasons(checked(folder, workspace).manifest).values()) == ["duplicate"]
    (folder / "cat" / "00.png").unlink()
    assert reasons(checked(folder, workspace).manifest) == {"cat/00.png": "missing"}


def test_nearly_the_same_photo_under_two_labels_counts_for_neither(folder, workspace):
    photo_like(0).resize((110, 82)).save(folder / "dog" / "also.png")
    assert reasons(checked(folder, workspace).manifest) == {
        "cat/00.png": "near_conflict",
        "dog/also.png": "near_conflict",
    }


def test_a_near_duplicate_across_given_splits_is_a_leak_and_the_test_photo_stays(tmp_path, workspace):
    for part, start in (("train", 0), ("val", 20), ("test", 40)):
        for number in range(start, start + 6):
            place = tmp_path / "given" / part / ("cat", "dog")[number % 2] / f"{number:02}.png"
            place.parent.mkdir(parents=True, exist_ok=True)
            photo_like(number).save(place)
    photo_like(40).resize((100, 75)).save(tmp_path / "given" / "train" / "cat" / "seen.png")
    found = checked(tmp_path / "given", workspace)
    assert reasons(found.manifest) == {"train/cat/seen.png": "leak"}
    assert [(one.title, two.title) for one, two in found.leaks] == [("train/cat/seen.png", "test/cat/40.png")]


def test_checking_twice_changes_nothing(folder, workspace):
    photo_like(0).resize((80, 60)).save(folder / "cat" / "again.jpg", quality=80)
    first = checked(folder, workspace).manifest
    assert check_photos(workspace).manifest == first
    assert load_photos(folder, workspace) == first


# --- groups ---


def collected(id: str, owner: str, uploaded: str | None) -> Photo:
    return Photo(id=id, file_name=id, label="a", source="flickr", owner=owner, uploaded=uploaded, sha256=id)


def test_what_one_person_uploaded_in_a_burst_stays_together():
    photos = (
        collected("1", "Ann", "2024-01-01T10:00:00Z"),
        collected("2", "Ann", "2024-01-01T20:00:00Z"),
        collected("3", "Ann", "2024-03-01T10:00:00Z"),
        collected("4", "Bob", "2024-01-01T10:00:00Z"),
        collected("5", "Bob", None),
    )
    manifest = grouped(Manifest(photos), [("3", "4")])
    groups = {photo.id: photo.group for photo in manifest.photos}
    assert groups["1"] == groups["2"] != groups["3"] == groups["4"]
    assert groups["5"] is None
    assert grouped(manifest, [("3", "4")]) == manifest
    assert {photo.group for photo in grouped(manifest).photos} == {groups["1"], None}


def test_groups_keep_bursts_on_one_side_of_a_split():
    photos = [
        replace(
            collected(f"{burst}-{number}", f"Owner {burst}", f"2024-01-{burst + 1:02}T0{number}:00:00Z"), label=label
        )
        for label, bursts in (("a", range(12)), ("b", range(12, 24)))
        for burst in bursts
        for number in range(3)
    ]
    divided = split(grouped(Manifest(tuple(photos))))
    for burst in range(24):
        assert len({photo.split for photo in divided.photos if photo.owner == f"Owner {burst}"}) == 1


# --- labels ---


def test_wrong_labels_are_the_likeliest_suspects():
    rng = numpy.random.default_rng(3)
    labels = ["a"] * 60 + ["b"] * 60 + ["c"] * 60
    centres = numpy.repeat(numpy.eye(3) * 3, 3, axis=1)
    vectors = centres[["abc".index(label) for label in labels]] + rng.normal(0, 0.5, (180, 9))
    wrong = [5, 70, 130, 140]
    given_labels = [{"a": "b", "b": "c", "c": "a"}[label] if at in wrong else label for at, label in enumerate(labels)]
    found = suspects([str(at) for at in range(180)], given_labels, vectors)
    assert {int(suspect.id) for suspect in found[:4]} == set(wrong)
    assert all(suspect.likelier == labels[int(suspect.id)] for suspect in found[:4])
    assert len(found) < 12


def features(photos):
    """Cats and dogs apart, but for the fifth cat, which is a dog."""
    middles = {"cat": 0.0, "dog": 3.0}
    rows = [[middles["dog" if photo.title == "cat/04.png" else photo.label]] * 4 for photo in photos]
    return numpy.array(rows) + numpy.random.default_rng(0).normal(0, 0.3, (len(rows), 4))


def test_suspects_come_from_the_features_that_are_handed_in(folder, workspace):
    found = checked(folder, workspace, vectors=features).to_dict()["suspects"]
    assert [(Path(suspect["file_name"]).name, suspect["likelier"]) for suspect in found[:1]] == [("04.png", "dog")]
    assert checked(folder, workspace).suspects is None


def test_what_a_person_verified_is_learnt_from_and_is_in_doubt_no_more(folder, workspace):
    def suspected():
        return [Path(row["file_name"]).name for row in check_photos(workspace, vectors=features).to_dict()["suspects"]]

    manifest = load_photos(folder, workspace)
    manifest.replace([replace(photo, verified=photo.label == "dog") for photo in manifest.photos]).write(workspace)
    assert suspected() == ["04.png"]
    manifest.replace([replace(photo, verified=True) for photo in manifest.photos]).write(workspace)
    assert suspected() == []


def test_where_a_verified_photo_has_no_features_the_others_are_looked_at(folder, workspace):
    def features(photos):
        return None if any(photo.verified for photo in photos) else numpy.zeros((len(photos), 4))

    manifest = load_photos(folder, workspace)
    manifest.replace([replace(manifest.photos[0], verified=True)]).write(workspace)
    assert check_photos(workspace, vectors=features).suspects is not None


def test_a_class_of_one_photo_hides_no_mislabel_of_the_others():
    labels = ["a"] * 8 + ["lonely"] + ["b"] * 8
    vectors = numpy.array([[0.0] if label == "a" else [9.0] for label in labels])
    labels[0] = "b"
    vectors += numpy.random.default_rng(0).normal(0, 0.1, vectors.shape)
    assert [suspect.id for suspect in suspects(list(map(str, range(17))), labels, vectors)] == ["0"]
    assert suspects(["0", "1", "2"], ["a", "a", "lonely"], vectors[:3]) == []
    assert suspects([], [], vectors[:0]) == []


def test_a_class_of_few_photos_is_said(folder, workspace):
    for number in range(100, 160):
        photo_like(number, (64, 48)).save(folder / "cat" / f"{number}.png")
    load_photos(folder, workspace)
    manifest = Manifest.read(workspace)
    few = [photo for photo in manifest.photos if photo.label == "dog"][2:]
    manifest.replace([replace(photo, excluded="rubbish") for photo in few]).write(workspace)
    assert check_photos(workspace).imbalance == {"dog": 2}


# --- edits ---


def fill_in(table: Path, **actions: str) -> None:
    rows = list(csv.DictReader(table.read_text().splitlines()))
    for row in rows:
        name = Path(row["file_name"]).stem
        row["action"], _, row["new_label"] = actions.get(f"p{name}", row["action"]).partition(" ")
    with table.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def test_a_person_decides_in_a_table_and_takes_it_back(folder, workspace, tmp_path):
    photo_like(60, (300, 220)).filter(ImageFilter.GaussianBlur(8)).save(folder / "cat" / "60.png")
    photo_like(61, (300, 220)).filter(ImageFilter.GaussianBlur(8)).save(folder / "cat" / "61.png")
    table = tmp_path / "edits.csv"
    before = checked(folder, workspace, edits=table).manifest
    assert reasons(before) == {"cat/60.png": "blurred", "cat/61.png": "blurred"}
    fill_in(table, p60="keep", p61="relabel dog")
    after = {photo.title: photo for photo in check_photos(workspace, edits=table).manifest.kept}
    assert (after["cat/60.png"].label, after["cat/60.png"].verified) == ("cat", True)
    assert (after["cat/61.png"].label, after["cat/61.png"].verified) == ("dog", True)
    assert check_photos(workspace).manifest == check_photos(workspace, edits=table).manifest
    fill_in(table, p60="", p61="")
    assert check_photos(workspace, edits=table).manifest == before


@pytest.mark.parametrize("after", [1, 2, 3])
def test_decisions_are_taken_back_also_after_a_stop_at_any_write(folder, workspace, tmp_path, after):
    manifest = checked(folder, workspace).manifest
    one, other = (photo.id for photo in manifest.photos if photo.title in ("cat/00.png", "cat/02.png"))
    table = tmp_path / "edits.csv"
    table.write_text(f"action,new_label,id\nexclude,,{one}\nrelabel,dog,{other}\n")
    check_photos(workspace, edits=table)
    table.write_text(f"action,new_label,id\nrelabel,owl,{other}\n")

    def stop(number, path):
        if number == after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check_photos(Workspace(workspace.root, on_write=stop), edits=table)
    found = {photo.id: photo for photo in check_photos(workspace, edits=table).manifest.photos}
    assert (found[one].excluded, found[other].label, found[other].verified) == (None, "owl", True)
    table.write_text("action,id\n")
    assert check_photos(workspace, edits=table).manifest == manifest


def test_a_table_of_edits_is_whole_or_not_there(folder, workspace, tmp_path, monkeypatch):
    load_photos(folder, workspace)

    def cut(self, content, **how):
        self.write_bytes(content[:5].encode())
        raise KeyboardInterrupt

    with monkeypatch.context() as stopped, pytest.raises(KeyboardInterrupt):
        stopped.setattr(Path, "write_text", cut)
        check_photos(workspace, edits=tmp_path / "edits.csv")
    assert not (tmp_path / "edits.csv").exists()


def test_a_photo_can_be_set_aside_by_hand_and_comes_back(folder, workspace, tmp_path):
    manifest = checked(folder, workspace).manifest
    one = next(photo for photo in manifest.photos if photo.title == "dog/03.png")
    table = tmp_path / "edits.csv"
    table.write_text(f"action,id\nexclude,{one.id}\n")
    assert reasons(check_photos(workspace, edits=table).manifest) == {"dog/03.png": "excluded_by_hand"}
    table.write_text("action,id\n")
    assert check_photos(workspace, edits=table).manifest == manifest


def test_which_of_two_labels_is_right_is_for_a_person_to_say(folder, workspace, tmp_path):
    (folder / "dog" / "same.png").write_bytes((folder / "cat" / "00.png").read_bytes())
    table = tmp_path / "edits.csv"
    assert set(reasons(checked(folder, workspace, edits=table).manifest).values()) == {"conflicting_labels"}
    fill_in(table, p00="keep")
    decided = check_photos(workspace, edits=table).manifest
    assert reasons(decided) == {"dog/same.png": "conflicting_labels"}
    assert load_photos(folder, workspace) == decided == check_photos(workspace).manifest


@pytest.mark.parametrize(("action", "left"), [("exclude", "excluded_by_hand"), ("relabel cat", "duplicate")])
def test_what_a_person_says_of_one_copy_brings_the_other_back_at_once(folder, workspace, tmp_path, action, left):
    (folder / "dog" / "same.png").write_bytes((folder / "cat" / "00.png").read_bytes())
    table = tmp_path / "edits.csv"
    before = checked(folder, workspace, edits=table).manifest
    fill_in(table, psame=action)
    after = check_photos(workspace, edits=table).manifest
    assert list(reasons(after).values()) == [left]
    assert [photo.label for photo in after.kept if photo.sha256 == copy_of(after, "cat/00.png")] == ["cat"]
    assert check_photos(workspace, edits=table).manifest == after
    fill_in(table, psame="")
    assert check_photos(workspace, edits=table).manifest == before


def copy_of(manifest, title: str) -> str:
    return next(photo.sha256 for photo in manifest.photos if photo.title == title)


def test_a_copy_that_a_person_keeps_on_its_side_takes_the_other_side_s_place_and_never_leaks(tmp_path, workspace):
    for part, number in (("train", 0), ("validation", 20), ("test", 40)):
        for label in ("cat", "dog"):
            place = tmp_path / "given" / part / label
            place.mkdir(parents=True)
            for more in range(3):
                photo_like(number + more + (label == "dog") * 10).save(place / f"{number + more}.png")
    given = tmp_path / "given"
    (given / "test" / "cat" / "copy.png").write_bytes((given / "train" / "cat" / "0.png").read_bytes())
    table = tmp_path / "edits.csv"
    assert reasons(checked(given, workspace, edits=table).manifest) == {"train/cat/0.png": "duplicate_across_splits"}
    fill_in(table, p0="keep")
    decided = check_photos(workspace, edits=table).manifest
    assert reasons(decided) == {"test/cat/copy.png": "duplicate_across_splits"}
    assert load_photos(given, workspace) == decided


@pytest.mark.parametrize("row", ["keep,,,,,,x", "destroy,,,,,,{id}", "relabel,../up,,,,,{id}", "relabel,,,,,,{id}"])
def test_a_row_that_makes_no_sense_is_refused_and_nothing_changes(folder, workspace, tmp_path, row):
    manifest = checked(folder, workspace).manifest
    table = tmp_path / "edits.csv"
    header = "action,new_label,label,reason,file_name,title,id"
    table.write_text(f"{header}\n{row.format(id=manifest.photos[0].id)}\n")
    with pytest.raises(transfer.TransferError):
        check_photos(workspace, edits=table)
    assert Manifest.read(workspace) == manifest


@pytest.mark.parametrize("sign", [";", "\t", "|"])
def test_a_table_of_edits_that_a_spreadsheet_saved_with_another_delimiter_decides_the_same(
    folder, workspace, tmp_path, sign
):
    one = checked(folder, workspace).manifest.photos[0]
    table = tmp_path / "edits.csv"
    table.write_text(f"action,new_label,id\nrelabel,owl,{one.id}\n")
    decided = check_photos(workspace, edits=table).manifest
    assert "owl" in {photo.label for photo in decided.photos}
    table.write_text(f"\ufeffaction{sign}new_label{sign}id\r\nrelabel{sign}owl{sign}{one.id}\r\n", encoding="utf-8")
    assert check_photos(workspace, edits=table).manifest == decided


@pytest.mark.parametrize(
    ("text", "lacks"),
    [
        ("", "action and id"),
        ("path,label\n1.jpg,cat\n", "action and id"),
        ("action,label\nkeep,cat\n", "id"),
        ("id,label\n1,cat\n", "action"),
        ("action:id\nkeep:1\n", "action and id"),
    ],
)
def test_a_table_that_lacks_the_columns_of_a_decision_takes_nothing_back(folder, workspace, tmp_path, text, lacks):
    one = checked(folder, workspace).manifest.photos[0]
    table = tmp_path / "edits.csv"
    table.write_text(f"action,id\nexclude,{one.id}\n")
    decided = check_photos(workspace, edits=table).manifest
    table.write_text(text)
    with pytest.raises(DataError, match=rf"lacks the column {lacks}\. Received: .*edits\.csv with.* Begin it with"):
        check_photos(workspace, edits=table)
    assert check_photos(workspace).manifest == Manifest.read(workspace) == decided


@pytest.mark.parametrize("name", ["missing/edits.csv", "file/edits.csv"])
def test_a_table_that_cannot_be_written_is_refused_before_anything_changes(folder, workspace, tmp_path, name):
    photo_like(60, (300, 220)).filter(ImageFilter.GaussianBlur(8)).save(folder / "cat" / "60.png")
    (tmp_path / "file").touch()
    manifest = load_photos(folder, workspace)
    with pytest.raises(CallError, match=r"cannot be written there\. Received: .*edits\.csv\. Make its folder first"):
        check_photos(workspace, edits=tmp_path / name)
    assert Manifest.read(workspace) == manifest
    assert not (tmp_path / "missing").exists()


def test_the_table_lists_only_photos_of_which_there_is_a_file(folder, workspace, tmp_path):
    manifest = checked(folder, workspace).manifest
    one, other, *_ = manifest.photos
    gone = replace(one, file_name="", sha256="", excluded="gone: status 404")
    manifest.replace([gone, replace(other, excluded="rubbish")]).write(workspace)
    check_photos(workspace, edits=tmp_path / "edits.csv")
    rows = list(csv.DictReader((tmp_path / "edits.csv").read_text().splitlines()))
    assert [row["id"] for row in rows] == [other.id]


def test_the_command_says_what_to_do_with_a_table_and_how_much_of_it_holds(folder, workspace, tmp_path):
    manifest = checked(folder, workspace).manifest
    table = tmp_path / "edits.csv"
    words = ["check", str(workspace.root), "--edits", str(table)]
    assert f"doubtful photos listed in {table}: 0; fill in `action`" in CliRunner().invoke(cli, words).stderr
    table.write_text(f"action,id\nexclude,{manifest.photos[0].id}\n")
    assert f"decisions of {table} in force: 1" in CliRunner().invoke(cli, words).stderr


# --- the command ---


def test_the_command_prints_json_that_a_script_may_rely_on(folder, workspace):
    (folder / "cat" / "copy.png").write_bytes((folder / "cat" / "00.png").read_bytes())
    load_photos(folder, workspace)
    done = CliRunner().invoke(cli, ["check", str(workspace.root), "--json", "--quiet"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert (told["photos"], told["kept"], told["excluded"]) == (13, 12, {"duplicate": 1})
    assert [sorted(Path(name).name for name in cluster) for cluster in told["duplicates"]] == [["00.png", "copy.png"]]
    assert told["leaks"] == []
    assert "likely mislabels" in CliRunner().invoke(cli, ["check", str(workspace.root)]).stderr


@pytest.mark.shared
def test_real_photos_are_not_taken_for_rubbish(shared_data, workspace):
    found = checked(shared_data / "hymenoptera", workspace)
    assert len(found.manifest.kept) >= 0.98 * len(found.manifest)


def test_a_label_that_looks_like_a_formula_comes_back_from_the_table_as_it_was(tmp_path):
    manifest = photos([1, 1])
    one = manifest.photos[0]
    text = edits.table([(one, "blurred")], {one.id: edits.Decision("relabel", "-x", one.label)})
    assert "relabel,'-x," in text
    (tmp_path / "edits.csv").write_text(text)
    assert edits.read_table(tmp_path / "edits.csv", manifest)[one.id].new_label == "-x"
