"""The command `transfer clean` as a person and a script meet it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy
import pytest
from click.testing import CliRunner, Result

import transfer
from transfer.cli import cli
from transfer.errors import DataError
from transfer.manifest import Manifest
from transfer.photo import Photo
from transfer.stored import Stored, digest
from transfer.workspace import Workspace

SETTING = {"stage": "pixels", "size": 32}


@pytest.fixture
def stored(tmp_path: Path) -> Stored:
    """A photo, and the pixels of it and of one that is gone, each in a part of its own."""
    workspace = Workspace(tmp_path / "ws")
    Manifest((Photo(id="1", file_name="1.png", label="disc", source="folder", sha256="1" * 64),)).write(workspace)
    stored = Stored(workspace, workspace.features / digest(SETTING))
    stored.describe(SETTING | {"shape": [32, 32, 3], "dtype": "uint8", "latency_ms": 0.1, "ms_each": 1500.0})
    for number in (1, 2):
        stored.write(number, (str(number) * 64,), numpy.zeros((1, 32, 32, 3), "uint8"))
    return stored


def clean(stored: Stored, *options: str) -> Result:
    return CliRunner().invoke(cli, ["clean", str(stored.workspace.root), *options], standalone_mode=False)


def test_without_options_a_table_and_nothing_freed(stored: Stored) -> None:
    said = clean(stored)
    header, pixels = said.stdout.splitlines()[:2]
    assert header.split("  ")[0] == "what"
    assert pixels.split("  ")[0] == "decoded photos, 32 px"
    for words in ("2 photos", "6.66 kB", "3.27 kB", "just now", "computed again in about 3 s"):
        assert words in pixels
    assert "3.27 kB unused" in said.stderr
    assert len(stored.parts()) == 2


def test_unused_frees_what_belongs_to_no_photo_and_a_dry_run_only_says_so(stored: Stored) -> None:
    assert "3.27 kB would be freed" in clean(stored, "--unused", "--dry-run").stderr
    assert len(stored.parts()) == 2
    assert "3.27 kB freed" in clean(stored, "--unused").stderr
    assert list(stored.parts()) == [1]
    assert "0 bytes freed" in clean(stored, "--unused").stderr


def test_json_says_all_of_it(stored: Stored) -> None:
    said = json.loads(clean(stored, "--features", "--json").stdout)
    assert said.keys() == {"path", "bytes", "unused_bytes", "freed_bytes", "dry_run", "things"}
    names = {"kind", "what", "count", "unit", "bytes", "unused_bytes", "freed_bytes", "last_used", "again", "seconds"}
    assert all(thing.keys() == names for thing in said["things"])
    assert said["things"][0]["freed_bytes"] == said["freed_bytes"] == said["things"][0]["bytes"]
    assert not stored.parts()


def test_a_folder_that_is_no_workspace_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no workspace"):
        transfer.clean(tmp_path)
    assert list(tmp_path.iterdir()) == []
