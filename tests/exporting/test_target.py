"""An export takes the place of an older one and of nothing else, and says so before anything is computed."""

from __future__ import annotations

from pathlib import Path

import pytest

from transfer.errors import DataError, ExportError
from transfer.exporting.target import MARK, check, check_model

WRITTEN = ("saved_model.pb", "fingerprint.pb", "variables/variables.index", "labels.txt", "README.md", "CREDITS.csv")


def model(folder: Path, *others: str) -> Path:
    """A folder as an export writes it, with other files in it."""
    for name in (*WRITTEN, *others):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"{MARK} 64 real photos" if name == "README.md" else "")
    (folder / "assets").mkdir()
    return folder


def test_a_new_an_empty_folder_and_an_older_export_may_be_taken(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    check_model(tmp_path / "empty")
    check_model(tmp_path / "not" / "there")
    check_model(model(tmp_path / "models" / "1"))
    check_model(tmp_path / "models" / "2")  # the versions that TensorFlow Serving looks for lie side by side
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "models"]


@pytest.mark.parametrize(
    ("others", "named"),
    [
        (["serve.py"], "serve.py"),
        ([".git/HEAD"], ".git"),
        (["variables/mine.txt"], "variables/mine.txt"),
        (["assets.extra/tf_serving_warmup_requests"], "assets.extra"),
        (["1/saved_model.pb"], "1"),
        (list("abcdefg"), "a, b, c, d, e, ..."),
    ],
)
def test_what_lies_beside_an_older_export_is_named_and_kept(tmp_path: Path, others: list[str], named: str) -> None:
    folder = model(tmp_path / "model", *others)
    with pytest.raises(DataError, match="something else") as caught:
        check_model(folder)
    assert caught.value.received == f"{folder}: {named}"


@pytest.mark.parametrize("missing", ["labels.txt", "README.md"])
def test_a_model_of_another_program_is_kept(tmp_path: Path, missing: str) -> None:
    folder = model(tmp_path / "model")
    (folder / missing).unlink()
    with pytest.raises(DataError, match="something else"):
        check_model(folder)


def test_the_card_of_another_program_is_no_mark_of_ours(tmp_path: Path) -> None:
    folder = model(tmp_path / "model")
    (folder / "README.md").write_bytes(b"# Their model \xff")
    with pytest.raises(DataError, match="something else"):
        check_model(folder)


def test_a_file_is_no_place_for_a_model(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years")
    with pytest.raises(DataError, match="something else"):
        check_model(tmp_path / "thesis.txt")


# --- places where no folder can be put ---


def test_an_address_is_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ExportError, match="not to an address"):
        check(Path("gs://bucket/model"))
    assert not list(tmp_path.iterdir())
    (tmp_path / "old:").mkdir()
    check(Path("old:") / "model")


def test_a_mount_point_is_refused_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "is_mount", lambda path: path == tmp_path / "disk")
    (tmp_path / "disk").mkdir()
    with pytest.raises(ExportError, match=r"mount point.*folder inside it"):
        check(tmp_path / "disk")
    check(tmp_path / "disk" / "model")


@pytest.mark.parametrize("place", ["/proc/model", "file/model"])
def test_a_place_that_cannot_be_written_is_refused_at_once(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ExportError, match=r"cannot be written: .* another place"):
        check(tmp_path / place)
