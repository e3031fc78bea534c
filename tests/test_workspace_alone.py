"""One process at a time changes the photos, also in a folder that is not there yet."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from transfer.errors import WorkspaceError
from transfer.workspace import Workspace


def names(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*")}


def test_two_processes_do_not_change_the_photos_at_once_and_the_end_of_one_frees_them(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    script = f"""
import sys
from transfer.workspace import Workspace
from pathlib import Path
with Workspace(Path({str(tmp_path)!r})).alone():
    print("mine", flush=True)
    sys.stdin.read()
"""
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"mine\n"
        with pytest.raises(WorkspaceError, match="Another process is changing the photos"), workspace.alone():
            pass
        other.kill()
        other.wait()
        with workspace.alone():
            pass


def test_two_first_calls_on_a_new_folder_are_kept_apart_and_who_writes_nothing_leaves_none(tmp_path: Path) -> None:
    new = Workspace(tmp_path / "deep" / "new")
    with new.alone(), pytest.raises(WorkspaceError, match="Another process"), Workspace(new.root).alone():
        pass
    assert not list(tmp_path.iterdir())
    with new.alone():
        assert names(new.root) == {"workspace.json"}, "else loading the folder around it would take it for a class"
        new.write_text(new.manifest, "")
    assert names(new.root) == {"workspace.json", "manifest.jsonl"}


def test_a_folder_that_was_taken_away_while_it_was_opened_is_not_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = Workspace(tmp_path / "new")
    monkeypatch.setattr("fcntl.flock", lambda *_: new.root.rmdir())  # as the one that made it does at its end
    with pytest.raises(WorkspaceError, match="ask again"), new.alone():
        pass


def test_a_place_that_can_have_no_folder_is_a_sentence(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "new")
    workspace.root.write_text("mine")
    with pytest.raises(WorkspaceError, match="cannot be written"), workspace.alone():
        pass
