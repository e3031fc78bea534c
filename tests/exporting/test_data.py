"""Folders for other libraries, each read back by its own where that is installed."""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from conftest import draw
from PIL import Image

import transfer
from transfer.cli import cli
from transfer.credits import credits_page
from transfer.errors import CallError, DataError, ExportError
from transfer.exporting.croissant import COLUMNS, write_croissant
from transfer.exporting.data import FORMATS, export_data
from transfer.manifest import Manifest
from transfer.photo import Photo
from transfer.workspace import Workspace

READERS = "TRANSFER_READERS"
"""Names the Python of an environment that has the libraries which are too heavy to be installed for a test."""


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
    assert {row["file"] for row in rows} == {
        str(file.relative_to(tmp_path / "out")) for file in files(tmp_path / "out")
    }
    made = [row["title"] for row in rows if row["changes"] == "saved as PNG"]
    assert made == (["bar/odd.webp"] if format in ("folders", "tfds") else [])
    for row in rows:
        assert row["sha256"] == hashlib.sha256((tmp_path / "out" / row["file"]).read_bytes()).hexdigest()
    assert list(written.photos) == ["train", "validation", "test"]


def test_credits_are_harmless_text_whatever_their_words(workspace, tmp_path):
    transfer.export_data(workspace, into=tmp_path / "out")
    page = (tmp_path / "out" / "CREDITS.md").read_text()
    assert r"[=A \[coin\]\(x\)](<https://example.org/1>) by Jane \*Doe\*, [CC BY-NC 2.0]" in page
    assert "**no commerce**" in page
    assert ",'=A [coin](x)," in (tmp_path / "out" / "CREDITS.csv").read_text()


def test_the_address_of_a_page_starts_no_markdown_of_its_own(workspace):
    photo = Manifest.read(workspace).kept[0]
    hostile = dataclasses.replace(photo, title="x", page_url="https://a.org/\n\n# Ours\u2028[<b>](y)\ud800")
    page = credits_page(Manifest((hostile,)))
    assert "(<https://a.org/%0A%0A# Ours%E2%80%A8[%3Cb%3E](y)%3F>)" in page


@pytest.mark.parametrize("format", ["folders", "tfds"])
def test_keras_reads_the_folders(workspace, tmp_path, format):
    import keras

    transfer.export_data(workspace, into=tmp_path / "out", format=format)
    read = keras.utils.image_dataset_from_directory(tmp_path / "out" / "train", image_size=(16, 16), verbose=False)
    assert read.class_names == ["bar", "coin", "disc"]
    assert sum(len(labels) for _, labels in read) == len(Manifest.read(workspace).part("train"))


def test_keras_reads_every_photo_whatever_its_format_and_its_name(photo_folder, tmp_path):
    import keras
    import pillow_heif

    pillow_heif.register_heif_opener()
    shutil.copytree(photo_folder, tmp_path / "photos")
    odd = {"a.webp": "WEBP", "b.jpg": "WEBP", "c.jfif": "JPEG", "d.heic": "HEIF", "e.gif": "GIF", "f.png": "BMP"}
    for number, (name, kind) in enumerate(odd.items()):
        draw(0, 100 + number).save(tmp_path / "photos" / "disc" / name, format=kind)
    manifest = transfer.load(tmp_path / "photos", tmp_path / "ws")
    assert len(manifest.kept) == 36 + len(odd)
    transfer.export_data(tmp_path / "ws", into=tmp_path / "out", format="folders")
    read = keras.utils.image_dataset_from_directory(tmp_path / "out", image_size=(16, 16), verbose=False)
    assert sum(len(labels) for _, labels in read) == len(manifest.kept)
    for file in (tmp_path / "out" / "disc").iterdir():
        with Image.open(file) as image:
            assert {"JPEG": ".jpg", "PNG": ".png"}[str(image.format)] == file.suffix
    rows = csv.DictReader((tmp_path / "out" / "CREDITS.csv").read_text().splitlines())
    assert {row["title"] for row in rows if row["changes"] == "saved as PNG"} == {f"disc/{name}" for name in odd} - {
        "disc/c.jfif"
    }


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


def read_by(library: str, script: str, *arguments: Path) -> Any:
    """What a script prints as JSON in a Python that has the library: this one, or that of an environment of its own."""
    python = sys.executable if importlib.util.find_spec(library) else os.environ.get(READERS)
    if not python:
        pytest.skip(
            f"{library} is not installed: python -m venv readers; readers/bin/pip install datasets Pillow mlcroissant; "
            f"then set {READERS}=$PWD/readers/bin/python"
        )
    settings = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(arguments[-1]), "PYTHONPATH": ""}
    command = [python, "-c", script, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env=settings, cwd=arguments[-1])
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


HUGGING_FACE = """
import hashlib, json, sys
from datasets import Image, load_dataset
read = load_dataset("imagefolder", data_dir=sys.argv[1])
sizes = [list(row["image"].size) == [row["width"], row["height"]] for part in read.values() for row in part]
raw = read.cast_column("image", Image(decode=False))
rows = [[part, row["label"], row["author"], row["licence"], hashlib.sha256(open(row["image"]["path"], "rb").read())
         .hexdigest()] for part in raw for row in raw[part]]
print(json.dumps({"rows": rows, "decoded": len(sizes), "sizes": all(sizes)}))
"""

CROISSANT = """
import json, sys
import mlcroissant
dataset = mlcroissant.Dataset(jsonld=sys.argv[1] + "/croissant.json")
issues = dataset.metadata.ctx.issues
text = lambda value: value.decode() if isinstance(value, bytes) else value
names = ("split", "label", "author", "licence", "sha256")
rows = [[text(row["photos/" + name]) or "" for name in names] for row in dataset.records("photos")]
print(json.dumps({"rows": rows, "errors": sorted(issues.errors), "warnings": sorted(issues.warnings)}))
"""


def rows_of(manifest: Manifest) -> list[list[str | None]]:
    return sorted(
        [photo.split, photo.label, photo.owner or "", photo.licence or "", photo.sha256] for photo in manifest.kept
    )


def test_hugging_face_reads_every_photo_byte_by_byte_with_its_split_label_and_credit(workspace, tmp_path):
    transfer.export_data(workspace, into=tmp_path / "out", format="imagefolder")
    read = read_by("datasets", HUGGING_FACE, tmp_path / "out", tmp_path)
    assert sorted(read["rows"]) == rows_of(Manifest.read(workspace))
    assert (read["decoded"], read["sizes"]) == (36, True)


def test_mlcroissant_validates_its_metadata_without_a_remark_and_reads_every_row(workspace, tmp_path):
    transfer.export_data(workspace, into=tmp_path / "out", format="croissant")
    read = read_by("mlcroissant", CROISSANT, tmp_path / "out", tmp_path)
    assert (read["errors"], read["warnings"]) == ([], [])
    assert sorted(read["rows"]) == rows_of(Manifest.read(workspace))


def test_the_table_of_croissant_is_what_its_metadata_says(workspace, tmp_path):
    transfer.export_data(workspace, into=tmp_path / "out", format="croissant")
    told = json.loads((tmp_path / "out" / "croissant.json").read_text())
    table = (tmp_path / "out" / "photos.csv").read_bytes()
    assert told["distribution"][0]["sha256"] == hashlib.sha256(table).hexdigest()
    columns = {field["source"]["extract"]["column"] for field in told["recordSet"][0]["field"]}
    rows = list(csv.DictReader(table.decode().splitlines()))
    assert columns == set(rows[0])
    assert all((tmp_path / "out" / row["file_name"]).is_file() for row in rows)
    assert "'=A [coin](x)" in {row["title"] for row in rows}, "a spreadsheet would reckon it"


@pytest.mark.parametrize(
    ("terms", "listed"),
    [
        ((None, None), ["not stated"]),
        ((None, "CC BY 4.0"), ["https://creativecommons.org/licenses/by/4.0/", "not stated"]),
        (("ask me first", "CC0"), ["ask me first", "https://creativecommons.org/publicdomain/zero/1.0/"]),
    ],
)
def test_croissant_lists_also_terms_that_are_no_known_licence(tmp_path, terms, listed):
    photos = [
        Photo(id=str(number), file_name="x", label="a", source="table", licence=of) for number, of in enumerate(terms)
    ]
    rows = [dict.fromkeys(COLUMNS, "") for _ in photos]
    write_croissant(tmp_path, rows, Manifest(tuple(photos)), "photos")
    assert json.loads((tmp_path / "croissant.json").read_text())["license"] == listed


def test_a_manifest_of_somebody_else_leads_to_no_place_outside_the_folder(workspace, tmp_path):
    manifest = Manifest.read(workspace)
    before = sorted(path.name for path in tmp_path.iterdir())
    for name in ("/../../x", "a\x00b", ".."):
        hostile = dataclasses.replace(manifest.kept[0], id=name)
        with pytest.raises(DataError, match=r"The id of a photo (holds a|is empty or only dots)"):
            export_data(Manifest((hostile,)), workspace, into=tmp_path / "out", format="folders")
    for label in ("/home/me/x", "../.."):
        hostile = dataclasses.replace(manifest.kept[0], label=label)
        with pytest.raises(DataError, match=r"A label holds a slash"):
            export_data(Manifest((hostile,)), workspace, into=tmp_path / "out", format="folders")
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_a_label_or_an_id_that_is_too_long_for_a_folder_is_named(workspace, tmp_path):
    photo = Manifest.read(workspace).kept[0]
    long = "ä" * 128
    labelled, named = (dataclasses.replace(photo, **{field: long}) for field in ("label", "id"))
    with pytest.raises(DataError, match=r"A label is longer than 255 bytes.*xe4.*another label"):
        export_data(Manifest((labelled,)), workspace, into=tmp_path / "out", format="folders")
    with pytest.raises(DataError, match=r"The id of a photo is longer than 255 bytes"):
        export_data(Manifest((named,)), workspace, into=tmp_path / "out", format="folders")
    fits = dataclasses.replace(photo, label=long[:-1])
    assert export_data(Manifest((fits,)), workspace, into=tmp_path / "out", format="folders").photos == {"train": 1}


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


def test_a_place_that_cannot_be_written_is_a_sentence_that_names_it(workspace, tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ExportError, match=r"cannot be written: .*file/out.* another place"):
        transfer.export_data(workspace, into=tmp_path / "file" / "out")
    assert (tmp_path / "file").read_text() == "mine"


def test_the_folder_where_one_stands_may_be_filled(workspace, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    transfer.export_data(workspace, into=".", format="croissant")
    assert len(files(tmp_path / "here")) == 36
    assert json.loads((tmp_path / "here" / "croissant.json").read_text())["name"] == "here"


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
    said = CliRunner().invoke(cli, ["export-data", str(workspace.root), "--into", str(tmp_path / "more")]).stderr
    assert "licences: 1 CC BY-NC 2.0 (no commerce), 35 not stated" in said
