from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from transfer.collecting.source import SOURCES, Source
from transfer.collecting.sources.folder import read
from transfer.errors import DataError


def put(root: Path, *names: str, content: bytes) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)


def seen(root: Path) -> list[tuple[str | None, str, str | None]]:
    return [(photo.title, photo.label, photo.split) for photo in read(root).photos]


def test_the_first_folder_level_is_the_label_and_photos_lie_at_any_depth(tmp_path, picture):
    put(tmp_path, "cat/1.png", "cat/old/deep/2.png", "dog/1.jpg", content=picture(1))
    assert seen(tmp_path) == [
        ("cat/1.png", "cat", None),
        ("cat/old/deep/2.png", "cat", None),
        ("dog/1.jpg", "dog", None),
    ]
    listing = read(tmp_path)
    assert listing.complete and listing.root == tmp_path and listing.ignored == 0
    assert all(Path(photo.file_name).is_absolute() for photo in listing.photos)


def test_three_given_parts_are_kept(tmp_path, picture):
    put(tmp_path, "Training/cat/1.png", "valid/cat/2.png", "TEST/cat/3.png", "TEST/dog/4.png", content=picture(1))
    assert Counter((label, split) for _, label, split in seen(tmp_path)) == {
        ("cat", "train"): 1,
        ("cat", "validation"): 1,
        ("cat", "test"): 1,
        ("dog", "test"): 1,
    }


@pytest.mark.parametrize(("first", "second"), [("train", "val"), ("train", "test"), ("validation", "testing")])
def test_of_two_given_parts_the_second_is_the_test_split_and_the_first_undecided(tmp_path, picture, first, second):
    put(tmp_path, f"{first}/cat/1.png", f"{second}/cat/2.png", content=picture(1))
    assert {title: split for title, _, split in seen(tmp_path)} == {
        f"{first}/cat/1.png": None,
        f"{second}/cat/2.png": "test",
    }


def test_a_given_part_without_photos_is_not_given(tmp_path, picture):
    put(tmp_path, "train/cat/1.png", "val/cat/2.png", content=picture(1))
    (tmp_path / "test").mkdir()
    assert {split for _, _, split in seen(tmp_path)} == {None, "test"}


def test_one_folder_called_train_is_a_class_like_any_other(tmp_path, picture):
    put(tmp_path, "train/1.png", "bus/1.png", content=picture(1))
    assert seen(tmp_path) == [("bus/1.png", "bus", None), ("train/1.png", "train", None)]


def test_parts_beside_other_folders_are_an_error_rather_than_classes(tmp_path, picture):
    put(tmp_path, "train/cat/1.png", "test/cat/1.png", "extra/1.png", content=picture(1))
    with pytest.raises(DataError, match="extra, test, train"):
        read(tmp_path)


def test_hidden_files_are_passed_over_and_other_files_counted(tmp_path, picture):
    put(tmp_path, "cat/1.png", "cat/.hidden.png", ".git/2.png", "__MACOSX/cat/1.png", "dog/2", content=picture(1))
    put(tmp_path, "cat/notes.txt", "cat/Thumbs.db", "LICENSE", content=b"a text")
    put(tmp_path, "cat/scan.tif", "dog/page.jpg", content=b"a text")
    listing = read(tmp_path)
    assert [photo.title for photo in listing.photos] == ["cat/1.png", "cat/scan.tif", "dog/2", "dog/page.jpg"]
    assert listing.ignored == 3


def test_a_workspace_among_the_photos_is_no_class(tmp_path, picture):
    put(tmp_path, "cat/1.png", "dog/1.png", "ws/images/ab/1.png", "ws/workspace.json", content=picture(1))
    assert {label for _, label, _ in seen(tmp_path)} == {"cat", "dog"}


def test_a_link_that_leads_back_ends(tmp_path, picture):
    put(tmp_path, "cat/1.png", "dog/1.png", content=picture(1))
    (tmp_path / "cat" / "again").symlink_to(tmp_path / "cat")
    assert [title for title, _, _ in seen(tmp_path)] == ["cat/1.png", "dog/1.png"]


def test_a_pipe_is_not_waited_for(tmp_path, picture):
    put(tmp_path, "cat/1.png", content=picture(1))
    os.mkfifo(tmp_path / "cat" / "pipe")
    assert read(tmp_path).ignored == 1


def test_one_word_is_one_label_in_both_forms_of_unicode(tmp_path, picture):
    put(tmp_path, "train/caf\u00e9/1.png", "test/cafe\u0301/2.png", content=picture(1))
    assert {label for _, label, _ in seen(tmp_path)} == {"caf\u00e9"}


def test_an_empty_folder_says_so_and_what_is_expected(tmp_path):
    with pytest.raises(DataError, match=r"holds no photo.*is empty.*ROOT/cat/1\.jpg"):
        read(tmp_path)


def test_a_folder_without_photos_says_how_much_else_it_holds(tmp_path):
    put(tmp_path, "cat/a.txt", "dog/b.txt", content=b"a text")
    with pytest.raises(DataError, match="with 2 other files"):
        read(tmp_path)


@pytest.mark.parametrize("place", ["", "train"])
def test_photos_outside_class_folders_are_told_the_expected_layout(tmp_path, picture, place):
    put(tmp_path / place, "1.png", "2.png", content=picture(1))
    (tmp_path / "test").mkdir(exist_ok=True)
    (tmp_path / "train").mkdir(exist_ok=True)
    with pytest.raises(DataError, match=r"2 such as .*1\.png.*ROOT/cat/1\.jpg"):
        read(tmp_path)


@pytest.mark.parametrize("name", ["a\\b", "new\nline", "bell\x07", " ", b"\xff".decode("utf-8", "surrogateescape")])
def test_a_folder_whose_name_cannot_be_a_label_is_an_error_that_shows_it(tmp_path, picture, name):
    put(tmp_path, f"{name}/1.png", "dog/1.png", content=picture(1))
    with pytest.raises(DataError, match="label") as caught:
        read(tmp_path)
    assert ascii(name) in str(caught.value)
    assert caught.value.exit_status == 1


def test_a_folder_that_may_not_be_read_is_named(tmp_path, picture, monkeypatch):
    put(tmp_path, "cat/1.png", "dog/1.png", content=picture(1))
    scandir = os.scandir

    def refusing(place):
        if Path(place).name == "dog":
            raise PermissionError(13, "Permission denied")
        return scandir(place)

    monkeypatch.setattr(os, "scandir", refusing)
    with pytest.raises(DataError, match=r"Permission denied.*dog"):
        read(tmp_path)


@pytest.mark.parametrize("place", ["lost+found", "cat/lost+found"])
def test_a_folder_into_which_nobody_may_look_is_named(tmp_path, picture, monkeypatch, place):
    put(tmp_path, "cat/1.png", "dog/1.png", content=picture(1))
    (tmp_path / place).mkdir()
    exists = Path.exists

    def refusing(path):
        if path.parent.name == "lost+found":
            raise PermissionError(13, "Permission denied", str(path))
        return exists(path)

    monkeypatch.setattr(Path, "exists", refusing)
    with pytest.raises(DataError, match=r"Permission denied\. Received: .*lost\+found\. Give yourself"):
        read(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_without_permission_is_named(tmp_path, picture):
    put(tmp_path, "cat/1.png", "dog/1.png", content=picture(1))
    (tmp_path / "dog").chmod(0)
    try:
        with pytest.raises(DataError, match=r"Permission denied.*dog"):
            read(tmp_path)
    finally:
        (tmp_path / "dog").chmod(0o700)


def test_every_source_states_one_way_to_its_photos_and_one_line_about_itself():
    assert {"folder", "table"} <= set(SOURCES)
    for name, source in SOURCES.items():
        assert isinstance(source, Source)
        assert (source.read is None) != (source.search is None)
        assert source.summary == SOURCES.summary(name), name


def test_a_source_that_neither_searches_nor_reads_is_a_mistake():
    with pytest.raises(TypeError):
        Source("says nothing")
