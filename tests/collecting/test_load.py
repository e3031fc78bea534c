from __future__ import annotations

import hashlib
import os
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from transfer.collecting.check import check_photos
from transfer.collecting.load import load_photos
from transfer.collecting.split import split
from transfer.errors import CallError, DataError
from transfer.manifest import Manifest
from transfer.photo import Photo
from transfer.workspace import Workspace


def by_title(manifest: Manifest) -> dict[str, Photo]:
    return {photo.title or "": photo for photo in manifest.photos}


def reasons(manifest: Manifest) -> dict[str, str]:
    return {photo.title or "": photo.excluded for photo in manifest.photos if photo.excluded}


# --- a first load ---


def test_class_folders_become_a_manifest_that_refers_to_the_originals(photo_folder, workspace):
    manifest = load_photos(photo_folder, workspace)
    assert manifest.counts() == {"bar": {"": 12}, "coin": {"": 12}, "disc": {"": 12}}
    photo = by_title(manifest)["coin/03.png"]
    content = (photo_folder / "coin" / "03.png").read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    assert photo.file_name == str(photo_folder / "coin" / "03.png")
    assert (photo.label, photo.source, photo.sha256, photo.width, photo.height) == ("coin", "folder", sha256, 40, 40)
    assert photo.id == hashlib.sha256(f"coin/03.png\0{sha256}".encode()).hexdigest()[:16]
    assert Manifest.read(workspace) == manifest
    assert not (workspace.root / "images").exists()


def test_copies_lie_by_content_and_the_manifest_names_them(root, workspace, picture):
    (root / "cat" / "photo").write_bytes(picture(7, "JPEG"))
    before = {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in root.rglob("*") if file.is_file()}
    manifest = load_photos(root, workspace, copy=True)
    for photo in manifest.photos:
        extension = "jpg" if photo.title == "cat/photo" else "png"
        assert photo.file_name == f"images/{photo.sha256[:2]}/{photo.sha256}.{extension}"
        assert hashlib.sha256(workspace.photo_path(photo.file_name).read_bytes()).hexdigest() == photo.sha256
        assert photo.image_url == (root / (photo.title or "")).as_uri()
    assert before == {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in root.rglob("*") if file.is_file()}


def test_a_table_is_loaded_with_its_splits_and_its_missing_files_are_set_aside(root, workspace):
    table = root / "photos.csv"
    table.write_text(
        "path,label,split\ncat/0.png,tabby,train\ncat/2.png,tabby,test\ndog/1.png,hound,val\nno.png,hound,\n"
    )
    manifest = load_photos(table, workspace)
    assert {(photo.title, photo.label, photo.split, photo.excluded) for photo in manifest.photos} == {
        ("cat/0.png", "tabby", "train", None),
        ("cat/2.png", "tabby", "test", None),
        ("dog/1.png", "hound", "validation", None),
        ("no.png", "hound", None, "missing"),
    }


def test_progress_is_told_from_the_first_to_the_last_photo(root, workspace):
    (root / "notes.txt").write_text("a text")
    told: list[tuple[int, int, str]] = []
    load_photos(root, workspace, on_progress=lambda *progress: told.append(progress))
    assert told[:6] == [(done, 6, "photos read") for done in range(1, 7)]
    assert told[6:] == [(6, 6, "photos loaded, 1 other files passed over")]


def test_unreadable_photos_stay_with_their_reason_and_are_counted_for_each_class(root, workspace, picture):
    (root / "cat" / "text.jpg").write_text("this is a text")
    (root / "cat" / "cut.jpg").write_bytes(picture(8, "JPEG")[:200])
    (root / "dog" / "void.png").touch()
    (root / "dog" / "gone.png").symlink_to("nowhere.png")
    manifest = load_photos(root, workspace)
    assert reasons(manifest) == {
        "cat/text.jpg": "unreadable: not an image",
        "cat/cut.jpg": "unreadable: truncated file",
        "dog/void.png": "unreadable: empty file",
        "dog/gone.png": "missing",
    }
    assert manifest.set_aside() == {"cat": {"unreadable": 2}, "dog": {"missing": 1, "unreadable": 1}}
    assert Counter(photo.label for photo in manifest.kept) == {"cat": 3, "dog": 3}


def test_a_gif_among_pngs_is_a_photo_like_the_others(root, workspace, picture):
    (root / "cat" / "9.png").write_bytes(picture(9, "GIF"))
    manifest = load_photos(root, workspace, copy=True)
    assert by_title(manifest)["cat/9.png"].file_name.endswith(".gif")


def test_a_file_that_may_not_be_read_is_set_aside(root, workspace, monkeypatch):
    opened = Path.open

    def refusing(self, *args, **options):
        if self.name == "0.png":
            raise PermissionError(13, "Permission denied")
        return opened(self, *args, **options)

    monkeypatch.setattr(Path, "open", refusing)
    assert reasons(load_photos(root, workspace)) == {"cat/0.png": "unreadable: permission denied"}


def test_a_file_whose_name_is_no_text_is_set_aside_and_shown(root, workspace, picture):
    Path(os.fsdecode(os.fsencode(root / "cat") + b"/\xff.png")).write_bytes(picture(9))
    assert reasons(load_photos(root, workspace)) == {"cat/\\xff.png": "unreadable: the file name is not UTF-8"}
    assert Manifest.read(workspace).counts() == {"cat": {"": 3}, "dog": {"": 3}}


# --- duplicates ---


def test_the_same_content_under_two_labels_is_kept_under_none(root, workspace):
    shutil.copy(root / "cat" / "0.png", root / "dog" / "again.png")
    manifest = load_photos(root, workspace)
    assert reasons(manifest) == dict.fromkeys(("cat/0.png", "dog/again.png"), "conflicting_labels: cat, dog")


def test_deleting_the_wrong_one_of_two_labels_brings_the_other_back(root, workspace):
    shutil.copy(root / "cat" / "0.png", root / "dog" / "again.png")
    load_photos(root, workspace)
    (root / "dog" / "again.png").unlink()
    assert reasons(load_photos(root, workspace)) == {"dog/again.png": "missing"}


def test_a_conflict_between_two_folders_ends_for_both_when_one_file_is_gone(root, tmp_path, workspace):
    load_photos(root, workspace)
    (tmp_path / "more" / "cow").mkdir(parents=True)
    shutil.copy(root / "cat" / "0.png", tmp_path / "more" / "cow" / "0.png")
    shutil.copy(root / "cat" / "2.png", tmp_path / "more" / "cow" / "2.png")
    assert len(reasons(load_photos(tmp_path / "more", workspace))) == 4
    (tmp_path / "more" / "cow" / "0.png").unlink()
    assert set(reasons(load_photos(tmp_path / "more", workspace))) == {"cow/0.png", "cow/2.png", "cat/2.png"}


def test_exact_duplicates_within_a_label_are_kept_as_one_group(root, workspace):
    shutil.copy(root / "cat" / "0.png", root / "cat" / "again.png")
    photos = by_title(load_photos(root, workspace))
    assert photos["cat/0.png"].group == photos["cat/again.png"].group is not None
    assert [title for title, photo in photos.items() if photo.group] == ["cat/0.png", "cat/again.png"]
    (root / "cat" / "again.png").unlink()
    assert by_title(load_photos(root, workspace))["cat/0.png"].group is None


def given_parts(root: Path, picture, *parts: str) -> None:
    for number, part in enumerate(parts):
        for offset, label in enumerate(("cat", "dog")):
            place = root / part / label
            place.mkdir(parents=True)
            for count in range(4):
                (place / f"{count}.png").write_bytes(picture(100 * number + 10 * offset + count))


def test_duplicates_across_given_splits_stay_in_the_best_protected_one_only(tmp_path, workspace, picture):
    root = tmp_path / "given"
    given_parts(root, picture, "train", "val", "test")
    shutil.copy(root / "test" / "cat" / "0.png", root / "train" / "cat" / "a.png")
    shutil.copy(root / "test" / "cat" / "0.png", root / "val" / "cat" / "b.png")
    shutil.copy(root / "val" / "dog" / "0.png", root / "train" / "dog" / "c.png")
    manifest = load_photos(root, workspace)
    assert reasons(manifest) == {
        "train/cat/a.png": "duplicate_across_splits: the same content is in test (test/cat/0.png)",
        "val/cat/b.png": "duplicate_across_splits: the same content is in test (test/cat/0.png)",
        "train/dog/c.png": "duplicate_across_splits: the same content is in validation (val/dog/0.png)",
    }
    assert load_photos(root, workspace) == manifest


def test_what_a_given_test_split_holds_already_does_not_teach(tmp_path, workspace, picture):
    root = tmp_path / "given"
    given_parts(root, picture, "train", "val")
    shutil.copy(root / "val" / "cat" / "0.png", root / "train" / "cat" / "a.png")
    manifest = load_photos(root, workspace)
    assert list(reasons(manifest)) == ["train/cat/a.png"]
    divided = split(manifest, validation=0.25)
    assert divided.counts() == {label: {"train": 3, "validation": 1, "test": 4} for label in ("cat", "dog")}
    divided.write(workspace)
    assert load_photos(root, workspace) == divided


# --- loading again ---


@pytest.mark.parametrize("copy", [False, True])
def test_loading_the_same_folder_again_changes_nothing(root, tmp_path, copy):
    written: list[Path] = []
    workspace = Workspace(tmp_path / "ws", on_write=lambda number, path: written.append(path))
    split(load_photos(root, workspace, copy=copy), validation=0.3, test=0.3).write(workspace)
    before, writes = workspace.manifest.read_bytes(), len(written)
    load_photos(root, workspace, copy=copy)
    assert workspace.manifest.read_bytes() == before
    assert len(written) == writes


@pytest.mark.parametrize("copy", [False, True])
def test_a_folder_that_moved_keeps_its_photos_and_their_splits(root, tmp_path, workspace, copy):
    before = split(load_photos(root, workspace, copy=copy), validation=0.3, test=0.3)
    before.write(workspace)
    moved = root.rename(tmp_path / "elsewhere")
    after = load_photos(moved, workspace, copy=copy)
    assert {(photo.id, photo.split) for photo in after.kept} == {(photo.id, photo.split) for photo in before.kept}
    assert all(workspace.photo_path(photo.file_name).exists() for photo in after.photos)
    assert after.training_digest() == before.training_digest()


@pytest.mark.parametrize("copy", [False, True])
@pytest.mark.parametrize("move", [False, True])
def test_a_vanished_photo_is_missing_until_it_is_back(root, tmp_path, workspace, copy, move):
    divided = split(load_photos(root, workspace, copy=copy), validation=0.3, test=0.3)
    divided.write(workspace)
    content = (root / "cat" / "0.png").read_bytes()
    (root / "cat" / "0.png").unlink()
    root = root.rename(tmp_path / "elsewhere") if move else root
    assert reasons(load_photos(root, workspace, copy=copy)) == {"cat/0.png": "missing"}
    (root / "cat" / "0.png").write_bytes(content)
    back = load_photos(root, workspace, copy=copy)
    assert back.training_digest() == divided.training_digest()


def test_photos_of_another_folder_are_not_missed_even_where_the_two_share_one(root, tmp_path, workspace, picture):
    load_photos(root, workspace)
    for label in ("cat", "cow"):
        (tmp_path / "more" / label).mkdir(parents=True)
    (tmp_path / "more" / "cow" / "0.png").write_bytes(picture(50))
    shutil.copy(root / "cat" / "0.png", tmp_path / "more" / "cat" / "0.png")
    manifest = load_photos(tmp_path / "more", workspace)
    assert manifest.counts() == {"cat": {"": 3}, "cow": {"": 1}, "dog": {"": 3}}


def test_a_class_may_be_added_by_itself_once_there_is_another(root, tmp_path, workspace, picture):
    load_photos(root, workspace)
    (tmp_path / "more" / "cow").mkdir(parents=True)
    (tmp_path / "more" / "cow" / "0.png").write_bytes(picture(50))
    assert load_photos(tmp_path / "more", workspace).labels == ("cat", "cow", "dog")


def test_a_file_that_changed_in_place_is_replaced_by_its_new_photo(root, workspace, picture):
    before = by_title(load_photos(root, workspace))["cat/0.png"]
    (root / "cat" / "0.png").write_bytes(picture(70))
    manifest = load_photos(root, workspace)
    assert len(manifest) == 6
    assert by_title(manifest)["cat/0.png"].id != before.id


@pytest.mark.parametrize("copy", [False, True])
def test_a_renamed_file_keeps_its_split_and_what_a_person_said(root, workspace, copy):
    manifest = split(load_photos(root, workspace, copy=copy), validation=0.3, test=0.3)
    manifest.replace([replace(by_title(manifest)["cat/0.png"], verified=True, owner="Ann")]).write(workspace)
    (root / "cat" / "0.png").rename(root / "cat" / "tom.png")
    after = load_photos(root, workspace, copy=copy)
    tom = by_title(after)["cat/tom.png"]
    old = by_title(manifest)["cat/0.png"]
    assert (tom.id, tom.verified, tom.owner, tom.split) == (old.id, True, "Ann", old.split)
    assert reasons(after) == {} and len(after) == 6
    assert after.training_digest() == manifest.training_digest()
    assert load_photos(root, workspace, copy=copy) == after


def test_renumbered_files_keep_their_splits(root, workspace):
    before = split(load_photos(root, workspace), validation=0.3, test=0.3)
    before.write(workspace)
    (root / "cat" / "0.png").rename(root / "cat" / "held.png")
    (root / "cat" / "2.png").rename(root / "cat" / "0.png")
    (root / "cat" / "held.png").rename(root / "cat" / "2.png")
    assert load_photos(root, workspace).training_digest() == before.training_digest()


@pytest.mark.parametrize("copy", [False, True])
def test_a_renamed_photo_keeps_its_id_through_further_names_a_move_and_back(root, tmp_path, workspace, copy):
    before = load_photos(root, workspace, copy=copy)
    ids = {photo.id for photo in before.photos}
    for old, new in (("0.png", "tom.png"), ("tom.png", "tim.png")):
        (root / "cat" / old).rename(root / "cat" / new)
        assert {photo.id for photo in load_photos(root, workspace, copy=copy).kept} == ids
    root = root.rename(tmp_path / "elsewhere")
    assert {photo.id for photo in load_photos(root, workspace, copy=copy).kept} == ids
    (root / "cat" / "tim.png").rename(root / "cat" / "0.png")
    back = load_photos(root, workspace, copy=copy)
    assert {title: photo.id for title, photo in by_title(back).items()} == {
        title: photo.id for title, photo in by_title(before).items()
    }


def test_a_file_under_the_first_name_of_a_renamed_photo_is_a_photo_of_its_own(root, workspace):
    first = by_title(load_photos(root, workspace))["cat/0.png"].id
    (root / "cat" / "0.png").rename(root / "cat" / "tom.png")
    load_photos(root, workspace)
    shutil.copy(root / "cat" / "tom.png", root / "cat" / "0.png")
    manifest = load_photos(root, workspace)
    photos = by_title(manifest)
    assert len(manifest.kept) == 7
    assert photos["cat/tom.png"].id == first != photos["cat/0.png"].id
    assert load_photos(root, workspace) == manifest


def test_files_that_change_names_and_change_back_keep_their_ids(root, workspace):
    before = load_photos(root, workspace)
    for _ in range(2):
        (root / "cat" / "0.png").rename(root / "cat" / "held.png")
        (root / "cat" / "2.png").rename(root / "cat" / "0.png")
        (root / "cat" / "held.png").rename(root / "cat" / "2.png")
        after = load_photos(root, workspace)
        assert {photo.sha256: photo.id for photo in after.photos} == {photo.sha256: photo.id for photo in before.photos}
    assert after == before


def relabelled(root: Path, workspace: Workspace) -> Photo:
    """A photo in the folder of cats that a person says shows a dog."""
    manifest = load_photos(root, workspace)
    photo = replace(by_title(manifest)["cat/0.png"], label="dog", verified=True, split="train")
    manifest.replace([photo]).write(workspace)
    return photo


def test_a_relabelled_photo_that_is_renamed_stays_what_a_person_said(root, workspace):
    photo = relabelled(root, workspace)
    (root / "cat" / "deep").mkdir()
    (root / "cat" / "0.png").rename(root / "cat" / "deep" / "rex.png")
    manifest = load_photos(root, workspace)
    file = str(root / "cat" / "deep" / "rex.png")
    assert by_title(manifest)["cat/deep/rex.png"] == replace(photo, file_name=file, title="cat/deep/rex.png")
    assert len(manifest) == len(manifest.kept) == 6
    assert load_photos(root, workspace) == manifest


def test_of_several_renamed_photos_of_one_content_each_takes_the_one_of_its_label_first(root, workspace):
    shutil.copy(root / "cat" / "0.png", root / "cat" / "9.png")
    manifest = load_photos(root, workspace)
    photos = by_title(manifest)
    said = [replace(photos["cat/0.png"], label="dog", verified=True), replace(photos["cat/9.png"], verified=True)]
    manifest.replace(said).write(workspace)
    (root / "cat" / "9.png").rename(root / "cat" / "a.png")
    (root / "cat" / "0.png").rename(root / "dog" / "b.png")
    after = by_title(load_photos(root, workspace))
    assert (after["cat/a.png"].id, after["cat/a.png"].label) == (said[1].id, "cat")
    assert (after["dog/b.png"].id, after["dog/b.png"].label) == (said[0].id, "dog")


def test_a_verified_photo_that_is_moved_to_another_class_is_a_new_one_that_nobody_has_verified(root, workspace):
    manifest = load_photos(root, workspace)
    manifest.replace([replace(by_title(manifest)["cat/0.png"], verified=True)]).write(workspace)
    (root / "cat" / "0.png").rename(root / "dog" / "rex.png")
    manifest = load_photos(root, workspace)
    rex = by_title(manifest)["dog/rex.png"]
    assert (rex.label, rex.verified, rex.excluded) == ("dog", False, None)
    assert reasons(manifest) == {"cat/0.png": "missing"}


def test_a_table_of_edits_still_holds_after_its_photos_were_renamed(root, workspace, tmp_path, picture):
    for number in range(6):  # large enough for a check
        (root / ("cat", "dog")[number % 2] / f"{number}.png").write_bytes(picture(number, size=(96, 72)))
    ids = {title: photo.id for title, photo in by_title(load_photos(root, workspace)).items()}
    table = tmp_path / "edits.csv"
    table.write_text(f"action,new_label,id\nrelabel,dog,{ids['cat/0.png']}\nverified,,{ids['cat/2.png']}\n")
    check_photos(workspace, edits=table)
    (root / "cat" / "0.png").rename(root / "cat" / "rex.png")
    (root / "cat" / "2.png").rename(root / "cat" / "tom.png")
    load_photos(root, workspace)
    said = {title: (photo.label, photo.verified) for title, photo in by_title(load_photos(root, workspace)).items()}
    assert (said["cat/rex.png"], said["cat/tom.png"]) == (("dog", True), ("cat", True))
    after = by_title(check_photos(workspace, edits=table).manifest)
    assert {title: (photo.label, photo.verified) for title, photo in after.items()} == said
    table.write_text("action,new_label,id\n")
    back = by_title(check_photos(workspace, edits=table).manifest)
    assert {(photo.label, photo.verified) for title, photo in back.items() if title.startswith("cat")} == {
        ("cat", False)
    }


def test_what_others_said_of_a_photo_survives_a_load(root, workspace):
    photos = by_title(load_photos(root, workspace))
    said = [
        replace(photos["cat/0.png"], label="dog", verified=True),
        replace(photos["cat/2.png"], excluded="blurred: 3.1"),
        replace(photos["dog/1.png"], owner="Ann", licence="CC0-1.0", group="burst-7"),
    ]
    expected = Manifest(tuple(photos.values())).replace(said)
    expected.write(workspace)
    assert load_photos(root, workspace) == expected


def test_a_photo_that_was_copied_stays_copied(root, workspace):
    copied = load_photos(root, workspace, copy=True)
    assert load_photos(root, workspace) == copied


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize("looked", [False, True])
def test_a_copy_that_is_gone_or_damaged_is_made_again(root, workspace, again, looked):
    before = load_photos(root, workspace, copy=True)
    gone, damaged = (workspace.photo_path(photo.file_name) for photo in before.photos[:2])
    whole = gone.read_bytes(), damaged.read_bytes()
    gone.unlink()
    damaged.write_bytes(whole[1][:50])
    if looked:
        aside = [replace(photo, excluded="missing: gone since it was loaded") for photo in before.photos[:2]]
        before.replace(aside).write(workspace)
    assert load_photos(root, workspace, copy=again) == before
    assert (gone.read_bytes(), damaged.read_bytes()) == whole


def test_a_copy_of_another_folder_is_left_alone(root, tmp_path, workspace, picture):
    before = load_photos(root, workspace, copy=True)
    copy = workspace.photo_path(before.photos[0].file_name)
    copy.unlink()
    root.rename(tmp_path / "away")
    (tmp_path / "more" / "cow").mkdir(parents=True)
    (tmp_path / "more" / "cow" / "0.png").write_bytes(picture(50))
    after = load_photos(tmp_path / "more", workspace, copy=True)
    assert set(before.photos) < set(after.photos)


def test_a_given_test_split_beside_undecided_photos_gets_no_further_ones(root, workspace):
    table = root / "photos.csv"
    rows = [f"{label}/{n}.png,{label},{'test' if n < 2 else ''}" for n in range(6) for label in [("cat", "dog")[n % 2]]]
    table.write_text("\n".join(["path,label,split", *rows]))
    divided = split(load_photos(table, workspace), validation=0.25, test=0.5)
    assert {photo.title for photo in divided.part("test")} == {"cat/0.png", "dog/1.png"}
    assert divided.counts() == {label: {"test": 1, "train": 1, "validation": 1} for label in ("cat", "dog")}


def test_a_table_that_lists_less_forgets_nothing_and_a_label_mended_there_is_taken(root, workspace):
    table = root / "photos.csv"
    table.write_text("path,label\ncat/0.png,tabby\ncat/2.png,tabby\ndog/1.png,hound\ndog/3.png,hound\n")
    load_photos(table, workspace)
    table.write_text("path,label\ncat/0.png,tiger\n")
    assert load_photos(table, workspace).counts() == {"hound": {"": 2}, "tabby": {"": 1}, "tiger": {"": 1}}


def test_a_licence_and_an_author_that_are_mended_in_a_table_are_taken_and_none_is_lost(root, workspace):
    table = root / "photos.csv"
    table.write_text("path,label,licence,author\ncat/0.png,tabby,by-nc,\ndog/1.png,hound,cc0,Ann\n")
    load_photos(table, workspace)
    table.write_text("path,label,licence,author\ncat/0.png,tabby,by,Bob\ndog/1.png,hound,,\n")
    manifest = by_title(load_photos(table, workspace))
    assert [(manifest[name].licence, manifest[name].owner) for name in ("cat/0.png", "dog/1.png")] == [
        ("CC BY", "Bob"),
        ("CC0 1.0", "Ann"),
    ]


def test_credits_that_were_saved_in_another_encoding_are_written_again(root, workspace):
    table = root / "photos.csv"
    table.write_text("path,label,author\ncat/0.png,tabby,José\ndog/1.png,hound,Ann\n", encoding="utf-8")
    load_photos(table, workspace)
    credits = workspace.root / "CREDITS.csv"
    good = credits.read_bytes()
    credits.write_bytes(good.decode("utf-8").encode("cp1252"))
    load_photos(table, workspace)
    assert credits.read_bytes() == good


def test_a_file_of_a_table_that_is_missing_for_a_while_is_the_same_photo_afterwards(root, workspace):
    table = root / "photos.csv"
    table.write_text("path,label\ncat/0.png,tabby\ncat/2.png,tabby\ndog/1.png,hound\nnot_yet.png,hound\n")
    first = load_photos(table, workspace)
    (root / "cat" / "0.png").rename(root / "held.png")
    assert reasons(load_photos(table, workspace)) == {"cat/0.png": "missing", "not_yet.png": "missing"}
    (root / "held.png").rename(root / "cat" / "0.png")
    assert load_photos(table, workspace) == first
    shutil.copy(root / "dog" / "3.png", root / "not_yet.png")
    assert reasons(load_photos(table, workspace)) == {}


# --- interruptions ---


class Stopped(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("number", range(1, 9))
def test_a_load_that_stops_after_any_write_ends_like_an_undisturbed_one(root, tmp_path, number):
    whole = load_photos(root, Workspace(tmp_path / "whole"), copy=True)

    def stop(count: int, path: Path) -> None:
        if count == number:
            raise Stopped

    with pytest.raises(Stopped):
        load_photos(root, Workspace(tmp_path / "ws", on_write=stop), copy=True)
    assert load_photos(root, Workspace(tmp_path / "ws"), copy=True) == whole
    assert not list((tmp_path / "ws").rglob(".writing-*"))


def test_an_interrupted_reading_stops_at_once_and_writes_nothing(photo_folder, workspace):
    def interrupt(done: int, total: int, what: str) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load_photos(photo_folder, workspace, on_progress=interrupt)
    assert not workspace.root.exists()


def test_a_photo_that_changes_while_it_is_copied_is_set_aside(root, workspace, picture):
    def change(done: int, total: int, what: str) -> None:
        if (done, what) == (6, "photos read"):
            (root / "dog" / "1.png").write_bytes(picture(60))
            (root / "dog" / "3.png").unlink()

    manifest = load_photos(root, workspace, copy=True, on_progress=change)
    assert reasons(manifest) == {
        "dog/1.png": "unreadable: the file changed while it was copied",
        "dog/3.png": "unreadable: no such file or directory",
    }


def test_a_duplicate_that_changes_while_it_is_copied_has_no_say_any_more(root, workspace, picture):
    shutil.copy(root / "cat" / "0.png", root / "dog" / "again.png")

    def change(done: int, total: int, what: str) -> None:
        if (done, what) == (7, "photos read"):
            (root / "dog" / "again.png").write_bytes(picture(60))

    manifest = load_photos(root, workspace, copy=True, on_progress=change)
    assert reasons(manifest) == {"dog/again.png": "unreadable: the file changed while it was copied"}


# --- what cannot be loaded ---


def test_a_path_that_does_not_exist_is_a_wrong_call(tmp_path, workspace):
    with pytest.raises(CallError, match=r"no such file.*nowhere"):
        load_photos(tmp_path / "nowhere", workspace)


def test_a_file_that_is_no_table_is_a_wrong_call(root, workspace):
    with pytest.raises(CallError, match=r"neither a folder nor a table.*0\.png.*\.csv"):
        load_photos(root / "cat" / "0.png", workspace)


def test_the_workspace_itself_cannot_be_loaded_into_itself(root):
    with pytest.raises(CallError, match="workspace itself"):
        load_photos(root, Workspace(root))


def test_one_class_is_an_error_that_names_it(root, workspace):
    shutil.rmtree(root / "dog")
    with pytest.raises(DataError, match=r"one only.*cat") as caught:
        load_photos(root, workspace)
    assert caught.value.exit_status == 1
    assert not workspace.root.exists()


def test_a_class_of_unreadable_photos_vanishes_but_is_counted(root, workspace, picture):
    (root / "cow").mkdir()
    (root / "cow" / "1.jpg").write_text("a text")
    manifest = load_photos(root, workspace)
    assert manifest.labels == ("cat", "dog")
    assert manifest.set_aside() == {"cow": {"unreadable": 1}}


def test_fewer_than_two_readable_classes_are_an_error_that_counts_them(root, workspace):
    load_photos(root, workspace)
    before = workspace.manifest.read_bytes()
    for file in (root / "dog").iterdir():
        file.write_text("a text")
    with pytest.raises(DataError, match=r"cat: 3 kept, set aside none; dog: 0 kept, set aside 3 unreadable"):
        load_photos(root, workspace, copy=True)
    assert workspace.manifest.read_bytes() == before
    assert not (workspace.root / "images").exists()


# --- real photos ---


@pytest.mark.shared
def test_real_folders_are_loaded_whole(shared_data, tmp_path):
    ants = load_photos(shared_data / "hymenoptera", Workspace(tmp_path / "hymenoptera"), copy=True)
    assert ants.counts() == {"ants": {"": 124, "test": 70}, "bees": {"": 121, "test": 83}}
    assert [photo.title for photo in ants.photos if photo.file_name.endswith(".gif")] == [
        "train/ants/imageNotFound.gif"
    ]
    clothing = load_photos(shared_data / "clothing_small", Workspace(tmp_path / "clothing"))
    assert [len(clothing.part(part)) for part in ("train", "validation", "test")] == [1000, 341, 372]
    assert split(clothing) == clothing
    things = split(load_photos(shared_data / "caltech20", Workspace(tmp_path / "caltech")))
    assert len(things.labels) == 20 and len(things.kept) == len(things) == 1313
    assert all(set(parts) == {"train", "validation", "test"} for parts in things.counts().values())
