"""The table of photos: what it keeps, what its digests see, and what it says of a damaged line."""

from __future__ import annotations

import dataclasses
import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as draw

from transfer.errors import DataError
from transfer.manifest import Manifest
from transfer.photo import FIELDS, SPLITS, Photo
from transfer.workspace import Workspace

CREDITS = ("page_url", "image_url", "title", "owner", "licence", "verified", "group", "width", "height")
words = draw.text(draw.characters(codec="utf-8"))
names = draw.text(draw.characters(codec="utf-8", exclude_characters="\0"))
maybe = draw.none() | words
photos = draw.builds(
    Photo,
    id=names,
    file_name=names,
    label=draw.sampled_from(["cat", "dog", "größe", "a b"]),
    source=words,
    page_url=maybe,
    image_url=maybe,
    title=maybe,
    owner=maybe,
    licence=maybe,
    sha256=draw.text("0123456789abcdef", min_size=64, max_size=64),
    width=draw.integers(0, 9999),
    height=draw.integers(0, 9999),
    split=draw.sampled_from([None, *SPLITS]),
    group=maybe,
    excluded=draw.none() | draw.sampled_from(["unreadable", "unreadable: cut short", "duplicate"]),
    verified=draw.booleans(),
)
manifests = draw.lists(photos, max_size=8, unique_by=lambda photo: photo.id).map(lambda rows: Manifest(tuple(rows)))
some = draw.lists(photos, min_size=1, max_size=8, unique_by=lambda photo: photo.id).map(lambda r: Manifest(tuple(r)))

PLAIN = Photo(id="1", file_name="cat/1.png", label="cat", source="folder", sha256="ab" * 32, split="train")


def dog(id: str = "2", **changes: object) -> Photo:
    return dataclasses.replace(PLAIN, id=id, file_name=f"dog/{id}.png", label="dog", sha256=f"{id:0>64}", **changes)


# --- on disk ---


@settings(deadline=None, max_examples=50)
@given(manifests)
@example(
    Manifest(
        (dataclasses.replace(PLAIN, title="two\u2028lines\u2029 and\x85a\x0b\x0c\x1c next", owner="\x00\x1b[31m\r\n"),)
    )
)
@example(Manifest((dataclasses.replace(PLAIN, title='\\"{}', label=" a"),)))
def test_what_was_written_is_read_whatever_people_call_their_photos(manifest: Manifest) -> None:
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(folder)
        manifest.write(workspace)
        again = Manifest.read(workspace)
        assert again == manifest
        assert again.digest() == manifest.digest()
        assert workspace.manifest.read_bytes().count(b"\n") == len(manifest)


@settings(deadline=None, max_examples=50)
@given(draw.lists(photos, max_size=8, unique_by=lambda photo: photo.id), draw.randoms())
def test_the_order_of_arrival_leaves_no_trace(rows: list[Photo], random) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)
    assert Manifest(tuple(shuffled)).to_jsonl() == Manifest(tuple(rows)).to_jsonl()


def test_photos_stand_by_label_then_file_name() -> None:
    manifest = Manifest((dog("3"), PLAIN, dog("2")))
    assert [photo.id for photo in manifest.photos] == ["1", "2", "3"]


def test_a_workspace_without_a_manifest_has_an_empty_one(tmp_path: Path) -> None:
    assert len(Manifest.read(Workspace(tmp_path))) == 0


@pytest.mark.parametrize("damage", ["{", "[]", '"photo"', "null", "{}", '{"id": "9"}', "7", "[" * 100_000])
def test_a_damaged_line_is_named_and_the_file_is_left_alone(tmp_path: Path, damage: str) -> None:
    workspace = Workspace(tmp_path)
    Manifest((PLAIN, dog())).write(workspace)
    first, second = workspace.manifest.read_text().splitlines(keepends=True)
    workspace.manifest.write_text(first + damage + "\n" + second)
    with pytest.raises(DataError, match=r"manifest\.jsonl, line 2: ") as caught:
        Manifest.read(workspace)
    assert "Mend or delete the line" in str(caught.value)
    assert workspace.manifest.read_text() == first + damage + "\n" + second


def test_a_value_of_another_kind_is_a_damaged_line(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.manifest.write_text(Manifest((PLAIN,)).to_jsonl() + json.dumps(dog().to_dict() | {"label": 7}) + "\n")
    with pytest.raises(DataError, match="line 2"):
        Manifest.read(workspace)


@pytest.mark.parametrize(
    ("field", "value", "why"),
    [
        ("label", "/etc", "its label '/etc' holds a slash or a backslash"),
        ("label", "..", "its label '..' is empty or only dots"),
        ("label", "a\n", r"its label 'a\n' holds a control character"),
        ("label", ".net", "its label '.net' begins with a dot"),
        ("title", "\ud800", "it holds half a surrogate"),
        ("label", "\ud800", "it holds half a surrogate"),
        ("file_name", "dog/\0.png", "its id or file name holds a NUL"),
        ("id", "2\0", "its id or file name holds a NUL"),
        ("sha256", "", "its sha256 '' is not 64 hexadecimal digits"),
        ("sha256", "AB" * 32, f"its sha256 '{'AB' * 32}' is not 64 hexadecimal digits"),
        ("split", "../..", "its split '../..' is none of train, validation, test"),
    ],
)
def test_a_value_that_would_lead_elsewhere_or_nowhere_is_a_damaged_line(
    tmp_path: Path, field: str, value: str, why: str
) -> None:
    workspace = Workspace(tmp_path)
    Manifest((PLAIN, dog())).write(workspace)
    first, second = workspace.manifest.read_text().splitlines(keepends=True)
    workspace.manifest.write_text(first + json.dumps(json.loads(second) | {field: value}) + "\n")
    with pytest.raises(DataError, match=r"manifest\.jsonl, line 2: ") as caught:
        Manifest.read(workspace)
    assert f"is no photo: {why}" in caught.value.what


def test_a_photo_that_is_set_aside_needs_no_content(tmp_path: Path) -> None:
    manifest = Manifest((PLAIN, dataclasses.replace(dog(), sha256="", excluded="gone: status 404")))
    manifest.write(Workspace(tmp_path))
    assert Manifest.read(Workspace(tmp_path)) == manifest


def test_empty_lines_count_where_a_line_is_named(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.manifest.write_text("\n\n{\n")
    with pytest.raises(DataError, match="line 3"):
        Manifest.read(workspace)


def test_a_manifest_that_is_no_text_is_a_sentence(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.manifest.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match=r"cannot be read\. Received: .*manifest\.jsonl: .* a copy of it in UTF-8"):
        Manifest.read(workspace)


def test_a_field_that_a_later_version_adds_is_passed_over(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.manifest.write_text(json.dumps(PLAIN.to_dict() | {"aperture": 2.8}) + "\n")
    assert Manifest.read(workspace).photos == (PLAIN,)


def test_two_photos_with_one_id_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"one id\. Received: 2\. Leave one line"):
        Manifest((dog("2"), dog("2", title="again")))
    workspace = Workspace(tmp_path)
    workspace.manifest.write_text(Manifest((dog(),)).to_jsonl() * 2)
    with pytest.raises(DataError, match="one id"):
        Manifest.read(workspace)


# --- digests ---


@settings(deadline=None, max_examples=50)
@given(some, draw.data())
def test_the_training_digest_does_not_see_names_places_and_credits(manifest: Manifest, data: draw.DataObject) -> None:
    told = {
        name: data.draw(draw.integers(0, 9) if name in ("width", "height") else words, label=name) for name in CREDITS
    }
    changed = [
        dataclasses.replace(photo, **told | {"id": f"other {n}", "file_name": f"elsewhere/{n}", "source": "table"})
        for n, photo in enumerate(manifest.photos)
    ]
    assert Manifest(tuple(changed)).training_digest() == manifest.training_digest()


@settings(deadline=None, max_examples=50)
@given(some, draw.data())
def test_the_training_digest_sees_content_label_split_and_what_is_set_aside(manifest: Manifest, data) -> None:
    if not manifest.kept:
        return
    photo = data.draw(draw.sampled_from(manifest.kept))
    for change in (
        {"sha256": photo.sha256 + "0"},
        {"label": photo.label + " too"},
        {"split": "test" if photo.split != "test" else "train"},
        {"excluded": "duplicate"},
    ):
        changed = manifest.replace([dataclasses.replace(photo, **change)])
        assert changed.training_digest() != manifest.training_digest(), change


@settings(deadline=None, max_examples=50)
@given(manifests)
def test_photos_that_are_set_aside_do_not_count_for_training(manifest: Manifest) -> None:
    assert Manifest(manifest.kept).training_digest() == manifest.training_digest()


@settings(deadline=None, max_examples=50)
@given(some, draw.data())
def test_the_whole_digest_sees_every_field(manifest: Manifest, data: draw.DataObject) -> None:
    photo = data.draw(draw.sampled_from(manifest.photos))
    changed = dataclasses.replace(photo, title=(photo.title or "") + "!")
    assert manifest.replace([changed]).digest() != manifest.digest()


# --- views ---


@settings(deadline=None, max_examples=50)
@given(manifests)
def test_every_photo_is_kept_in_one_part_or_counted_as_set_aside(manifest: Manifest) -> None:
    kept = sum(sum(row.values()) for row in manifest.counts().values())
    aside = sum(sum(row.values()) for row in manifest.set_aside().values())
    assert kept == len(manifest.kept)
    assert kept + aside == len(manifest)
    assert set(manifest.labels) == {photo.label for photo in manifest.kept}
    assert sum(len(manifest.part(split)) for split in SPLITS) == sum(1 for p in manifest.kept if p.split)


def test_reasons_are_counted_by_their_slug() -> None:
    aside = [
        dog("2", excluded="unreadable: cut short"),
        dog("3", excluded="unreadable"),
        dog("4", excluded="too_small"),
    ]
    assert Manifest((PLAIN, *aside)).set_aside() == {"dog": {"too_small": 1, "unreadable": 2}}


def test_replacing_adds_what_is_new_and_changes_nothing_here() -> None:
    before = Manifest((PLAIN,))
    after = before.replace([dataclasses.replace(PLAIN, split="test"), dog()])
    assert [photo.split for photo in after.photos] == ["test", "train"]
    assert before.photos == (PLAIN,)


@settings(deadline=None, max_examples=50)
@given(manifests)
def test_the_frame_has_a_row_a_photo_and_a_column_a_field(manifest: Manifest) -> None:
    frame = manifest.to_frame()
    assert frame.shape == (len(manifest), len(FIELDS))
    assert list(frame["id"]) == [photo.id for photo in manifest.photos]
