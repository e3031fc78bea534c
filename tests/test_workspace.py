"""What a workspace writes is whole or absent, whatever happens in the middle of it."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from transfer.errors import CallError, WorkspaceError
from transfer.run import read_runs
from transfer.workspace import FORMAT, Workspace, atomically

CRASH = """
import os, sys
from transfer.workspace import Workspace

workspace = Workspace(sys.argv[1])
with workspace.replacing(workspace.root / sys.argv[2]) as temporary:
    temporary.write_bytes(b"half of the n")
    os._exit(9)
"""


def files(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def crash(root: Path, name: str) -> None:
    assert subprocess.run([sys.executable, "-c", CRASH, str(root), name], check=False).returncode == 9


# --- atomic ---


def test_a_crash_in_the_middle_of_a_write_leaves_the_old_file_whole(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.write_text(workspace.manifest, "old\n")
    crash(tmp_path, "manifest.jsonl")
    assert workspace.manifest.read_text() == "old\n"
    workspace.write_text(workspace.manifest, "new\n")
    assert workspace.manifest.read_text() == "new\n"


def test_what_a_crash_leaves_behind_is_taken_for_nothing(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    for name in ("manifest.jsonl", "runs/0123/run.json", "features/0123/000000.keys", "workspace.json"):
        crash(tmp_path, name)
    left = [path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()]
    assert left
    assert all(any(part.startswith(".writing-") for part in path.parts[:-1]) for path in left)
    assert not workspace.manifest.exists()
    assert read_runs(workspace) == []
    assert not list(workspace.features.glob("*/*.keys"))
    Workspace(tmp_path).begin()
    assert json.loads((tmp_path / "workspace.json").read_text()) == {"transfer_workspace": FORMAT}


@pytest.mark.parametrize("failure", [KeyboardInterrupt, ValueError])
def test_an_error_in_the_middle_leaves_no_trace(tmp_path: Path, failure: type[BaseException]) -> None:
    workspace = Workspace(tmp_path)
    workspace.write_text(workspace.manifest, "old\n")
    before = files(tmp_path)
    with pytest.raises(failure), workspace.replacing(workspace.manifest) as temporary:
        temporary.write_text("half")
        raise failure
    assert files(tmp_path) == before
    assert list(tmp_path.iterdir()) == [workspace.manifest]
    assert workspace.writes == 1


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    for names in (("a", "b"), ("c",)):
        with workspace.replacing(tmp_path / "model") as temporary:
            temporary.mkdir()
            for name in names:
                (temporary / name).write_text(name)
    assert files(tmp_path) == {"model/c": b"c"}


@pytest.mark.parametrize("failure", [KeyboardInterrupt(), OSError(errno.EIO, os.strerror(errno.EIO))])
@pytest.mark.parametrize("name", ["model", "replaced"])
def test_a_folder_whose_successor_cannot_take_its_place_stands_there_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, failure: BaseException
) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / name / "a").write_text("old")

    def fails(*_: object) -> None:
        assert not (tmp_path / name).exists(), "the old folder is out of the way by now"
        raise failure

    monkeypatch.setattr(Path, "replace", fails)
    with pytest.raises(type(failure)), atomically(tmp_path / name) as temporary:
        temporary.mkdir()
        (temporary / "a").write_text("new")
    assert files(tmp_path) == {f"{name}/a": b"old"}


def test_a_file_does_not_take_the_place_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "report.md").mkdir()
    (tmp_path / "report.md" / "mine.txt").write_text("years")
    with pytest.raises(WorkspaceError, match="cannot be written: Is a directory"):
        Workspace(tmp_path).write_text(tmp_path / "report.md", "a page")
    assert files(tmp_path) == {"report.md/mine.txt": b"years"}


def test_the_temporary_name_keeps_its_endings(tmp_path: Path) -> None:
    with Workspace(tmp_path).replacing(tmp_path / "runs" / "0" / "weights.weights.h5") as temporary:
        assert temporary.name.endswith(".weights.h5")  # Keras refuses to write to another name
        temporary.write_bytes(b"")


def test_writes_are_numbered_and_told_once_they_are_done(tmp_path: Path) -> None:
    told: list[tuple[int, str, bool]] = []
    workspace = Workspace(tmp_path, on_write=lambda number, path: told.append((number, path.name, path.exists())))
    workspace.begin()
    workspace.begin()
    workspace.write_text(workspace.manifest, "")
    workspace.write_json(workspace.report / "index.html", {})
    assert told == [(1, "workspace.json", True), (2, "manifest.jsonl", True), (3, "index.html", True)]
    assert workspace.writes == 3


def test_json_is_written_as_people_read_it(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.write_json(workspace.report / "facts.json", {"label": "größe", "n": [1]})
    text = (workspace.report / "facts.json").read_text(encoding="utf-8")
    assert "größe" in text
    assert text.endswith("}\n")


def test_nothing_is_made_before_something_is_written(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "new")
    assert not workspace.root.exists()
    assert Workspace.of(workspace) is workspace
    assert Workspace.of(workspace.root).root == workspace.root
    assert os.fspath(workspace) == str(tmp_path / "new")


# --- places ---


def test_copies_lie_by_content_and_originals_where_they_are(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    assert workspace.image("abcd", "png") == tmp_path / "images" / "ab" / "abcd.png"
    assert workspace.photo_path("images/ab/abcd.png") == workspace.image("abcd", "png")
    assert workspace.photo_path("/elsewhere/1.png") == Path("/elsewhere/1.png")


# --- refusals ---


def test_a_newer_workspace_is_refused_and_nothing_is_changed(tmp_path: Path) -> None:
    (tmp_path / "workspace.json").write_text(json.dumps({"transfer_workspace": FORMAT + 1}))
    (tmp_path / "manifest.jsonl").write_text("unknown")
    before = files(tmp_path)
    with pytest.raises(WorkspaceError, match=rf"newer transfer.*layout {FORMAT + 1}.*Nothing was changed"):
        Workspace(tmp_path)
    assert files(tmp_path) == before


@pytest.mark.parametrize("damage", ["", "{", "[]", "{}", "null", "1"])
def test_a_damaged_marker_is_a_sentence_that_says_how_to_mend_it(tmp_path: Path, damage: str) -> None:
    (tmp_path / "workspace.json").write_text(damage)
    with pytest.raises(WorkspaceError, match=r"workspace\.json is damaged") as caught:
        Workspace(tmp_path)
    remedy = caught.value.remedy or ""
    (tmp_path / "workspace.json").write_text(remedy[remedy.index("{") : remedy.index("}") + 1])
    assert Workspace(tmp_path).root == tmp_path


def test_an_empty_text_is_not_the_present_folder() -> None:
    """A shell leaves it where a variable is not set."""
    with pytest.raises(CallError, match="No folder is named"):
        Workspace("")


def test_a_file_is_no_workspace(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8\xff")
    with pytest.raises(WorkspaceError, match="A workspace is a folder"):
        Workspace(tmp_path / "photo.jpg")


@pytest.mark.parametrize("trouble", ["below a file", "no text", "a folder for a marker"])
def test_a_place_that_can_hold_no_workspace_is_a_sentence(tmp_path: Path, trouble: str) -> None:
    root = tmp_path / "ws"
    if trouble == "below a file":
        (tmp_path / "ws").write_text("mine")
        root = root / "deeper"
    elif trouble == "no text":
        root.mkdir()
        (root / "workspace.json").write_bytes(b"\xff\xfe")
    else:
        (root / "workspace.json").mkdir(parents=True)
    with pytest.raises(WorkspaceError):
        Workspace(root)


def test_a_file_where_a_folder_should_be_is_a_sentence_and_stays(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.runs.write_text("mine")
    with pytest.raises(WorkspaceError, match="cannot be written"):
        workspace.write_text(workspace.runs / "0123" / "run.json", "{}")
    assert files(tmp_path) == {"runs": b"mine"}


@pytest.mark.parametrize("step", ["write_bytes", "replace"])
def test_a_full_disk_is_a_sentence_and_what_was_there_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    workspace = Workspace(tmp_path)
    workspace.write_text(workspace.manifest, "old\n")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, step, full)
    with pytest.raises(
        WorkspaceError, match=r"cannot be written: No space left on device\. .*Free some space"
    ) as caught:
        workspace.write_text(workspace.manifest, "new\n")
    monkeypatch.undo()
    assert caught.value.exit_status == 1
    assert files(tmp_path) == {"manifest.jsonl": b"old\n"}
    assert workspace.writes == 1


def test_a_disk_that_fills_up_while_writing_leaves_the_old_file_whole(tmp_path: Path) -> None:
    program = (
        "import resource, sys\n"
        "from transfer.workspace import Workspace\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "workspace = Workspace(sys.argv[1])\n"
        "workspace.write_bytes(workspace.manifest, b'x' * 900)\n"
        "try:\n"
        "    workspace.write_bytes(workspace.manifest, b'y' * 2000)\n"
        "except Exception as error:\n"
        "    sys.exit(type(error).__name__)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.stderr == "WorkspaceError\n"
    assert files(tmp_path) == {"manifest.jsonl": b"x" * 900}


# --- files that are named by their content, and journals ---


def test_a_placed_file_is_whole_and_counted(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    place = workspace.image("abcd", "png")
    workspace.place_bytes(place, b"one")
    workspace.place_bytes(place, b"two")
    assert files(tmp_path) == {"images/ab/abcd.png": b"two"}
    assert workspace.writes == 2


@pytest.mark.parametrize("step", ["write_bytes", "replace"])
def test_a_disk_too_full_for_a_placed_file_is_a_sentence_and_leaves_nothing_half(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    workspace = Workspace(tmp_path)
    workspace.place_bytes(workspace.image("abcd", "png"), b"old")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, step, full)
    with pytest.raises(WorkspaceError, match="No space left on device"):
        workspace.place_bytes(workspace.image("abcd", "png"), b"new")
    monkeypatch.undo()
    assert files(tmp_path) == {"images/ab/abcd.png": b"old"}
    assert workspace.writes == 1


@pytest.mark.parametrize("act", ["place", "remove"])
def test_a_file_where_a_folder_should_be_is_a_sentence_for_every_write(tmp_path: Path, act: str) -> None:
    workspace = Workspace(tmp_path)
    (tmp_path / "images").write_text("mine")
    with pytest.raises(WorkspaceError):
        if act == "place":
            workspace.place_bytes(workspace.image("abcd", "png"), b"")
        else:
            workspace.remove(tmp_path / "images" / "ab")


def test_a_journal_grows_line_by_line_and_goes_without_complaint(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.begin()
    workspace.append(workspace.journal, "one\n")
    workspace.append(workspace.journal, "zwölf\n")
    assert workspace.journal.read_text(encoding="utf-8") == "one\nzwölf\n"
    workspace.remove(workspace.journal)
    workspace.remove(workspace.journal)
    assert not workspace.journal.exists()
    assert workspace.writes == 5


def test_a_journal_that_cannot_grow_is_a_sentence(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.journal.mkdir()
    with pytest.raises(WorkspaceError, match="cannot be written"):
        workspace.append(workspace.journal, "one\n")
    assert workspace.writes == 0
