"""Tables of URLs, JSON Lines, Parquet, credits, and data sets of TensorFlow Datasets."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy
import pytest

from collecting.imitations.world import World, picture
from transfer.collecting.load import load_photos
from transfer.collecting.source import SOURCES
from transfer.collecting.sources import tfds
from transfer.errors import CallError, DataError
from transfer.manifest import Manifest
from transfer.workspace import Workspace


@pytest.fixture
def world():
    world = World()
    yield world
    world.stop()


def table(folder: Path, count: int = 4) -> Path:
    rows = [
        {
            "url": f"https://museum.example/{label}{number}.jpg",
            "label": label,
            "license": "cc-by-sa-4.0",
            "creator": "Jane",
            "page": "https://museum.example/page",
        }
        for label in ("cat", "dog")
        for number in range(count)
    ]
    path = folder / "photos.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_the_urls_of_a_table_are_fetched_once_with_their_licence_and_author(world, workspace, tmp_path):
    manifest = load_photos(table(tmp_path), workspace, web=world.web())
    assert len(manifest.kept) == 8
    for photo in manifest.kept:
        assert workspace.photo_path(photo.file_name).read_bytes() == picture(photo.image_url.rsplit("/", 1)[-1])
        assert (photo.licence, photo.owner, photo.page_url) == ("CC BY-SA 4.0", "Jane", "https://museum.example/page")
    assert load_photos(table(tmp_path), workspace, web=world.web()) == manifest
    assert len(world.host.asked) == 8
    assert not list(workspace.root.glob("*journal*"))
    assert len(load_photos(table(tmp_path, 6), workspace, web=world.web()).kept) == 12
    assert len(world.host.asked) == 12


def test_a_url_that_is_gone_is_set_aside_and_a_private_one_is_not_asked(world, workspace, tmp_path):
    world.pictures["cat1.jpg"] = lambda asking: asking.answer(404)
    path = table(tmp_path)
    with path.open("a") as file:
        file.write(json.dumps({"url": "http://10.0.0.1/x.jpg", "label": "cat"}) + "\n")
    manifest = load_photos(path, workspace, web=world.web())
    assert manifest.set_aside() == {"cat": {"gone": 1, "private_address": 1}}


def failing(status: int):
    return lambda asking: asking.answer(status)


@pytest.mark.parametrize("status", [403, 418, 500])
def test_a_url_that_was_refused_or_failed_is_asked_again_by_the_next_load_and_leaves_no_trace(
    world, workspace, tmp_path, status
):
    world.pictures["cat1.jpg"] = failing(status)
    first = load_photos(table(tmp_path), workspace, web=world.web())
    assert (len(first), len(first.kept)) == (8, 7)
    world.pictures.clear()
    asked = len(world.host.asked)
    second = load_photos(table(tmp_path), workspace, web=world.web())
    assert (len(second), len(second.kept)) == (8, 8)
    assert len(world.host.asked) == asked + 1
    assert load_photos(table(tmp_path), workspace, web=world.web()) == second


def test_the_last_answer_for_a_url_is_the_reason_why_its_photo_is_set_aside(world, workspace, tmp_path):
    world.pictures["cat1.jpg"] = failing(403)
    load_photos(table(tmp_path), workspace, web=world.web())
    world.pictures["cat1.jpg"] = failing(404)
    assert load_photos(table(tmp_path), workspace, web=world.web()).set_aside() == {"cat": {"gone": 1}}


def test_a_table_of_which_every_url_was_refused_is_loaded_once_they_are_not(world, workspace, tmp_path):
    names = [f"{label}{number}.jpg" for label in ("cat", "dog") for number in range(4)]
    world.pictures |= dict.fromkeys(names, failing(403))
    with pytest.raises(DataError, match="4 forbidden"):
        load_photos(table(tmp_path), workspace, web=world.web())
    world.pictures.clear()
    assert len(load_photos(table(tmp_path), workspace, web=world.web()).kept) == 8


def test_a_lost_file_that_cannot_be_fetched_again_is_the_same_photo_set_aside_until_it_can(world, workspace, tmp_path):
    loaded = load_photos(table(tmp_path), workspace, web=world.web())
    lost = loaded.kept[0]
    before = loaded.replace([dataclasses.replace(lost, split="test", verified=True)])
    before.write(workspace)
    workspace.photo_path(lost.file_name).unlink()
    world.pictures[lost.image_url.rsplit("/", 1)[-1]] = failing(500)
    after = load_photos(table(tmp_path), workspace, web=world.web())
    aside = dataclasses.replace(lost, split="test", verified=True, excluded="missing")
    assert after == before.replace([aside])
    world.pictures.clear()
    assert load_photos(table(tmp_path), workspace, web=world.web()) == before
    assert workspace.photo_path(lost.file_name).is_file()


class Stopped(BaseException):
    """The process ends here."""


def stopping_after(number: int):
    def on_write(count: int, path: Path) -> None:
        if count == number:
            raise Stopped

    return on_write


def test_another_table_takes_nothing_away_from_a_load_that_was_stopped(world, workspace, tmp_path):
    (tmp_path / "other").mkdir()
    other = tmp_path / "other" / "photos.jsonl"
    rows = [{"url": f"https://museum.example/{label}.jpg", "label": label} for label in ("cow", "hen")]
    other.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(Stopped):
        load_photos(table(tmp_path), Workspace(workspace.root, on_write=stopping_after(12)), web=world.web())
    journal = workspace.root / "load-journal.jsonl"
    lines = journal.read_text()
    arrived = [json.loads(line)["image_url"].rsplit("/", 1)[-1] for line in lines.splitlines()]
    asked = world.asked(*arrived)
    assert len(arrived) > 3
    assert len(load_photos(other, workspace, web=world.web()).kept) == 2
    assert journal.read_text() == lines
    assert len(load_photos(table(tmp_path), workspace, web=world.web()).kept) == 10
    assert world.asked(*arrived) == asked
    assert not journal.exists()


def test_a_failed_url_that_a_stopped_load_brought_is_not_asked_for_again(world, workspace, tmp_path):
    world.pictures["cat1.jpg"] = failing(500)
    load_photos(table(tmp_path), workspace, web=world.web())
    world.pictures.clear()
    with pytest.raises(Stopped):
        load_photos(table(tmp_path), Workspace(workspace.root, on_write=stopping_after(2)), web=world.web())
    asked = len(world.host.asked)
    assert len(load_photos(table(tmp_path), workspace, web=world.web()).kept) == 8
    assert len(world.host.asked) == asked


def test_local_paths_of_json_lines_and_parquet_are_read_like_a_csv(root, workspace, tmp_path):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow", reason="Parquet is read by pyarrow")
    rows = [
        {"path": str(file.relative_to(root)), "label": file.parent.name, "split": None} for file in root.rglob("*.png")
    ]
    (root / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    pandas.DataFrame(rows).to_parquet(root / "a.parquet")
    manifest = load_photos(root / "a.jsonl", workspace)
    assert len(manifest.kept) == 6
    assert load_photos(root / "a.parquet", workspace) == manifest


@pytest.mark.parametrize("text", ["", "[1]\n", "{broken\n", '{"path": "a.jpg"}\n'])
def test_json_lines_that_are_no_table_are_refused(root, workspace, text):
    (root / "a.jsonl").write_text(text)
    with pytest.raises(DataError):
        load_photos(root / "a.jsonl", workspace)


# --- TensorFlow Datasets ---

BUILDER = """
import sys
import numpy
import tensorflow_datasets as tfds

class TinyPhotos(tfds.core.GeneratorBasedBuilder):
    VERSION = tfds.core.Version("1.0.0")
    def _info(self):
        features = {"image": tfds.features.Image(), "label": tfds.features.ClassLabel(names=["cat", "dog"])}
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))
    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples(0), "test": self._generate_examples(10)}
    def _generate_examples(self, start):
        for number in range(start, start + 6):
            pixels = numpy.random.default_rng(number).integers(0, 255, (20, 24, 3)).astype("uint8")
            yield number, {"image": pixels, "label": number % 2}

class TfFlowers(TinyPhotos):
    # Stands for the real one, whose name it bears.
    VERSION = tfds.core.Version("3.0.1")
    def _info(self):
        names = ["dandelion", "daisy", "tulips", "sunflowers", "roses"]
        features = {"image": tfds.features.Image(), "label": tfds.features.ClassLabel(names=names)}
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))
    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples(0)}

TinyPhotos(data_dir=sys.argv[1] + "/one").download_and_prepare()
TfFlowers(data_dir=sys.argv[1] + "/two").download_and_prepare()
"""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with one tiny data set, prepared by a process of its own, beside one with another."""
    folder = tmp_path_factory.mktemp("tfds")
    (folder / "tiny.py").write_text(BUILDER)
    done = subprocess.run([sys.executable, str(folder / "tiny.py"), str(folder)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder / "one"


def test_a_prepared_data_set_is_loaded_with_its_labels_and_its_test_split(prepared, workspace):
    manifest = load_photos(f"tfds:{prepared / 'tiny_photos' / '1.0.0'}", workspace)
    assert manifest.counts() == {"cat": {"": 3, "test": 3}, "dog": {"": 3, "test": 3}}
    assert {photo.source for photo in manifest.photos} == {"tfds"}
    assert {photo.image_url for photo in manifest.photos} == {None}
    assert all(workspace.photo_path(photo.file_name).is_file() for photo in manifest.photos)
    assert load_photos(f"tfds:{prepared / 'tiny_photos' / '1.0.0'}", workspace) == manifest == Manifest.read(workspace)


def test_a_data_set_is_found_by_its_name_its_folder_or_the_data_folder_that_holds_it_alone(
    prepared, workspace, monkeypatch
):
    monkeypatch.setenv("TFDS_DATA_DIR", str(prepared))
    named = load_photos("tfds:tiny_photos", workspace)
    for folder in (prepared / "tiny_photos" / "1.0.0", prepared / "tiny_photos", prepared):
        assert load_photos(f"tfds:{folder}", workspace) == named


def test_tf_flowers_is_loaded_from_the_data_folder_where_it_was_prepared(prepared, workspace, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(prepared.parent / "two"))
    manifest = load_photos("tfds:tf_flowers", workspace)
    assert manifest.counts() == {"daisy": {"": 3}, "dandelion": {"": 3}}


def test_of_several_prepared_data_sets_one_must_be_named_and_of_versions_the_newest_is_taken(tmp_path):
    for place in ("a/1.0.0", "a/10.0.0", "a/9.0.0", "b/big/1.0.0"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "dataset_info.json").write_text("{}")
    assert tfds._prepared(tmp_path / "a") == tmp_path / "a" / "10.0.0"
    assert tfds._prepared(tmp_path / "b") == tmp_path / "b" / "big" / "1.0.0"
    with pytest.raises(CallError, match=r"several prepared data sets.*a, b/big"):
        SOURCES["tfds"].read(Path(f"tfds:{tmp_path}"))


@pytest.mark.parametrize("parts", [("train", "validation", "test"), ("train", "test"), ("train",), ("train", "extra")])
def test_a_folder_of_tfds_image_folder_is_loaded_with_its_labels_and_given_splits(tmp_path, workspace, picture, parts):
    import tensorflow_datasets

    root = tmp_path / "flowers"
    for number in range(12 * len(parts)):
        file = root / parts[number % len(parts)] / ("rose", "iris")[number % 5 % 2] / f"{number}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(picture(number, "JPEG"))
    manifest = load_photos(f"tfds:{root}", workspace)
    told = tensorflow_datasets.ImageFolder(str(root))
    assert list(manifest.labels) == sorted(told.info.features["label"].names)
    for part, split in told.info.splits.items():
        names = [photo for photo in manifest.kept if photo.title.startswith(f"{part}/")]
        assert len(names) == split.num_examples
        given = {"test": "test"} if len(parts) == 2 else {name: name for name in parts if len(parts) == 3}
        assert {photo.split for photo in names} == {given.get(part)}
    assert all(photo.label == photo.title.split("/")[1] for photo in manifest.kept)
    assert load_photos(f"tfds:{root}", workspace) == manifest
    if len(parts) == 3:  # the same folder by itself is the same photos
        assert load_photos(root, workspace) == manifest


def test_a_folder_that_is_no_data_set_says_what_is_expected(tmp_path):
    (tmp_path / "photos" / "cat").mkdir(parents=True)
    with pytest.raises(DataError, match=r"neither a prepared data set nor one of tfds\.ImageFolder"):
        SOURCES["tfds"].read(Path(f"tfds:{tmp_path / 'photos'}"))


def test_the_photos_of_a_data_set_are_gone_from_where_they_were_laid_out(prepared):
    listing = SOURCES["tfds"].read(Path(f"tfds:{prepared / 'tiny_photos' / '1.0.0'}"))
    assert listing.root.is_dir()
    assert len(listing.photos) == 12
    listing.close()
    assert not listing.root.exists()


def test_a_data_set_that_is_not_prepared_fails_at_once_and_says_what_to_do(workspace, tmp_path, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    load = SOURCES["tfds"].read
    begun = time.monotonic()
    with pytest.raises(DataError, match="not prepared on this machine") as caught:
        load(Path("tfds:mnist"))
    assert "TFDS_DATA_DIR" in str(caught.value)
    with pytest.raises(CallError, match="no data set of this name") as caught:
        load(Path("tfds:no_such_data_set"))
    assert len(str(caught.value)) < 400
    assert time.monotonic() - begun < 30


def test_pixels_of_a_data_set_are_its_own(prepared, workspace):
    from PIL import Image

    manifest = load_photos(f"tfds:{prepared / 'tiny_photos' / '1.0.0'}", workspace)
    expected = {numpy.random.default_rng(n).integers(0, 255, (20, 24, 3)).astype("uint8").tobytes() for n in range(16)}
    for photo in manifest.photos:
        with Image.open(workspace.photo_path(photo.file_name)) as image:
            assert numpy.asarray(image).tobytes() in expected
