"""What lies in the repository runs anywhere: no path of one machine, no host to install from, no photo of others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from transfer.collecting.sources.table import read
from transfer.manifest import Manifest
from transfer.workspace import Workspace

ROOT = Path(__file__).parents[2]
FOLDERS = (".ci", "data", "docs", "notebooks", "scripts", "tests", "transfer")
TEXT = {".py", ".md", ".toml", ".txt", ".json", ".jsonl", ".csv", ".html", ".css", ".ipynb", ".svg", ".cfg", ""}
# A home, the root's home or a working place at the top of a disk, followed by a name; "me" is nobody in particular.
MACHINE = re.compile(r"(?<![\w.*/])/(home|Users|root|work|workspace)/(?!me/)\w")
REGISTRY = re.compile(r"(?i)(files\.pythonhosted|pypi\.org|index[-_]url|--find-links|artifactory|nexus\.)")


def kept() -> Iterator[Path]:
    """Files that are ours to look at; what tools leave behind is not."""
    yield from (path for path in ROOT.iterdir() if path.is_file() and path.suffix in TEXT)
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and not {"__pycache__", "actual", ".ipynb_checkpoints"} & set(path.parts):
                yield path


def texts() -> Iterator[tuple[str, str]]:
    for path in kept():
        if path.suffix in TEXT and path != Path(__file__):
            yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")


@pytest.mark.parametrize("unwanted", [MACHINE, REGISTRY], ids=["a path of one machine", "a host to install from"])
def test_no_file_names(unwanted: re.Pattern[str]) -> None:
    found = [f"{name}: {match[0]}" for name, text in texts() if (match := unwanted.search(text))]
    assert found == []


@pytest.mark.parametrize("text", ["open('/home/ann/x')", "cd /" + "root/x"])
def test_a_path_of_one_machine_would_be_found(text: str) -> None:
    assert MACHINE.search(text)


def test_the_pinned_versions_name_no_place_to_get_them_from() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    assert len(lines) > 50
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in lines if line and not line.startswith("#"))


def test_every_file_is_small_and_no_photo_lies_among_the_data() -> None:
    large = {path.relative_to(ROOT).as_posix() for path in kept() if path.stat().st_size > 500_000}
    assert large <= {"transfer/data/resnet20_glyphs.weights.h5"}
    assert {path.suffix for path in (ROOT / "data").rglob("*") if path.is_file()} <= {".md", ".jsonl", ".csv", ".txt"}


def test_the_sample_manifest_reads_and_is_as_it_would_be_written(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    text = (ROOT / "data" / "sample_manifest.jsonl").read_text(encoding="utf-8")
    workspace.manifest.write_text(text, encoding="utf-8")
    manifest = Manifest.read(workspace)
    assert manifest.to_jsonl() == text
    assert manifest.labels == ("heron", "teal")
    assert manifest.counts() == {"heron": {"train": 1}, "teal": {"test": 1}}
    assert manifest.set_aside() == {"heron": {"unreadable": 1}}


def test_the_sample_table_reads() -> None:
    listing = read(ROOT / "data" / "sample_table.csv")
    assert [(photo.title, photo.label, photo.split) for photo in listing.photos] == [
        ("heron/grey.jpg", "heron", "train"),
        ("heron/morning.jpg", "heron", None),
        ("teal/asleep.png", "teal", "validation"),
        ("teal/pair.png", "teal", "test"),
    ]


def test_every_sample_stands_in_the_readme() -> None:
    text = (ROOT / "data" / "README.md").read_text(encoding="utf-8")
    for path in (ROOT / "data").iterdir():
        assert path.name == "README.md" or f"`{path.name}`" in text
