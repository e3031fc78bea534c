"""Folders for other libraries, each read back by its own where that is installed."""

from __future__ import annotations

import csv
import dataclasses
import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image

import transfer
from transfer.cli import cli
from transfer.errors import CallError, DataError, ExportError
from transfer.exporting.data import FORMATS
from transfer.manifest import Manifest
from transfer.workspace import Workspace


@pytest.fixture
def workspace(photo_folder: Path, tmp_path: Path) -> Workspace:
    """Three classes of twelve photos, split; one of them a WebP, one credited, one set aside."""
    mixed = tmp_path / "mixed"
    for file in photo_folder.rglob("*.png"):
        place = mixed / file.parent.name / file.name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(file.read_bytes())
    with Image.open(mixed / "bar" / "00.png") as image:
        image.save(mixed / "bar" / "odd.webp", lossless=True)
    workspace = Workspace(tmp_path / "ws")
    manifest = transfer.load(mixed, workspace, copy=True)
    coin = next(photo for photo in manifest.kept if photo.label == "coin")
    bar = next(photo for photo in manifest.kept if photo.title == "bar/05.png")
    credited = dataclasses.replace(
        coin, owner="Jane *Doe*", licence="CC BY-NC 2.0", page_url="https://example.org/1", title="=A [coin](x)"
    )
    manifest.replace([credited, dataclasses.replace(bar, excluded="rubbish")]).write(workspace)
    transfer.split(workspace)
    return workspace


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.suffix in (".png", ".jpg", ".webp")]


@pytest.mark.parametrize("format", FORMATS)
def test_every_layout_holds_every_kept_photo_once_with_credits_and_no_place_on_this_disk(workspace, tmp_path, format):
    written = transfer.export_data(workspace, into=tmp_path / "out", format=format)
    manifest = Manifest.read(workspace)
    assert len(files(tmp_path / "out")) == sum(written.photos.values()) == len(manifest.kept) == 36
    for photo in manifest.kept:
        assert len(list((tmp_path / "out" / str(photo.split) / photo.label).glob(f"*{photo.id}.*"))) == 1
    for file in (tmp_path / "out").rglob("*"):
        if file.is_file() and file not in files(tmp_path / "out"):
            text = file.read_text()
            assert "file://" not in text
            assert str(tmp_path) not in text
    rows = list(csv.DictReader((tmp_path / "out" / "CREDITS.csv").read_text().splitlines()))
    assert len(rows) == 36
    assert {row["flags"] for row in rows} == {"", "no commerce"}


def test_credits_are_harmless_text_whatever_their_words(workspace, tmp_path):
    transfer.export_data(workspace, into=tmp_path / "out")
    page = (tmp_path / "out" / "CREDITS.md").read_text()
    assert r"[=A \[coin\]\(x\)](<https://example.org/1>) by Jane \*Doe\*, [CC BY-NC 2.0]" in page
    assert "**no commerce**" in page
    assert ",'=A [coin](x)," in (tmp_path / "out" / "CREDITS.csv").read_text()


def test_keras_reads_the_folders(workspace, tmp_path):
    import keras

    transfer.export_data(workspace, into=tmp_path / "out", format="tfds")
    read = keras.utils.image_dataset_from_directory(tmp_path / "out" / "train", image_size=(16, 16), verbose=False)
    assert read.class_names == ["bar", "coin", "disc"]
    assert sum(len(labels) for _, labels in read) == len(Manifest.read(workspace).part("train"))


def test_tfds_reads_its_layout_and_misses_no_photo(workspace, tmp_path):
    import tensorflow_datasets as tfds

    transfer.export_data(workspace, into=tmp_path / "out", format="tfds")
    assert not list((tmp_path / "out").rglob("*.webp"))
    builder = tfds.ImageFolder(str(tmp_path / "out"))
    manifest = Manifest.read(workspace)
    assert {name: split.num_examples for name, split in builder.info.splits.items()} == {
        part: len(manifest.part(part)) for part in ("train", "validation", "test")
    }
    assert builder.info.features["label"].names == list(manifest.labels)


def test_the_metadata_of_imagefolder_names_every_photo_beside_it(workspace, tmp_path):
    transfer.export_data(workspace, into=tmp_path / "out", format="imagefolder")
    for part in ("train", "validation", "test"):
        lines = [json.loads(line) for line in (tmp_path / "out" / part / "metadata.jsonl").read_text().splitlines()]
        assert sorted(line["file_name"] for line in lines) == sorted(
            file.relative_to(tmp_path / "out" / part).as_posix() for file in files(tmp_path / "out" / part)
        )
        assert all(line["label"] == line["file_name"].split("/")[0] for line in lines)


def test_hugging_face_reads_its_layout(workspace, tmp_path):
    datasets = pytest.importorskip("datasets", reason="Hugging Face datasets is not installed")
    transfer.export_data(workspace, into=tmp_path / "out", format="imagefolder")
    read = datasets.load_dataset("imagefolder", data_dir=str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"))
    assert sum(len(read[part]) for part in read) == 36
    assert {row["label"] for row in read["train"]} == {"bar", "coin", "disc"}


def test_mlcroissant_validates_its_metadata(workspace, tmp_path):
    croissant = pytest.importorskip("mlcroissant", reason="mlcroissant is not installed")
    transfer.export_data(workspace, into=tmp_path / "out", format="croissant")
    dataset = croissant.Dataset(jsonld=str(tmp_path / "out" / "croissant.json"))
    assert len(list(dataset.records("photos"))) == 36


def test_the_table_of_croissant_is_what_its_metadata_says(workspace, tmp_path):
    import hashlib

    transfer.export_data(workspace, into=tmp_path / "out", format="croissant")
    told = json.loads((tmp_path / "out" / "croissant.json").read_text())
    table = (tmp_path / "out" / "photos.csv").read_bytes()
    assert told["distribution"][0]["sha256"] == hashlib.sha256(table).hexdigest()
    columns = {field["source"]["extract"]["column"] for field in told["recordSet"][0]["field"]}
    rows = list(csv.DictReader(table.decode().splitlines()))
    assert columns == set(rows[0])
    assert all((tmp_path / "out" / row["file_name"]).is_file() for row in rows)


def test_a_taken_folder_an_unknown_layout_and_half_a_split_are_refused(workspace, tmp_path):
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "x").write_text("mine")
    with pytest.raises(CallError, match="holds something"):
        transfer.export_data(workspace, into=tmp_path / "taken")
    with pytest.raises(CallError, match="no such layout"):
        transfer.export_data(workspace, into=tmp_path / "out", format="zip")
    manifest = Manifest.read(workspace)
    manifest.replace([dataclasses.replace(manifest.kept[0], split=None)]).write(workspace)
    with pytest.raises(DataError, match="transfer split"):
        transfer.export_data(workspace, into=tmp_path / "out")


def test_a_photo_that_changed_leaves_no_half_folder(workspace, tmp_path):
    last = Manifest.read(workspace).kept[-1]
    workspace.photo_path(last.file_name).write_bytes(b"other")
    with pytest.raises(ExportError, match="has changed"):
        transfer.export_data(workspace, into=tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert not list(tmp_path.glob(".writing-*"))


def test_the_command_writes_folders(workspace, tmp_path):
    done = CliRunner().invoke(cli, ["export-data", str(workspace.root), "--into", str(tmp_path / "out"), "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["format"] == "folders"
