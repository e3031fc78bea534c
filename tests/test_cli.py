"""The command line as a person and a script meet it: the whole job, and every bad input as a sentence."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from conftest import draw
from PIL import Image

from transfer.cli import main
from transfer.manifest import Manifest
from transfer.models.backbone import BACKBONES
from transfer.workspace import Workspace


class Said(NamedTuple):
    """What a command printed, and its exit status."""

    status: int
    out: str
    err: str


Transfer = Callable[..., Said]


@pytest.fixture
def transfer(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Transfer:
    """Run a command of this process; no command may end in a traceback."""

    def run(*words: object) -> Said:
        monkeypatch.setattr(sys, "argv", ["transfer", *map(str, words)])
        with pytest.raises(SystemExit) as end:
            main()
        said = Said(int(end.value.code or 0), *capfd.readouterr())
        assert "Traceback" not in said.err + said.out
        return said

    return run


@pytest.fixture
def loaded(tmp_path: Path, photo_folder: Path, transfer: Transfer) -> Path:
    assert transfer("load", photo_folder, "--into", tmp_path / "ws", "--quiet").status == 0
    return tmp_path / "ws"


def test_runs_of_other_photos_are_left_out_and_the_list_says_so(
    loaded: Path, photo_folder: Path, tmp_path: Path, transfer: Transfer
) -> None:
    assert transfer("train", loaded, "raw_pixels").status == 0
    before = transfer("runs", loaded)
    assert "raw_pixels" in before.out
    assert "left out" not in before.err
    shutil.copytree(photo_folder, tmp_path / "more")
    draw(0, 999).save(tmp_path / "more" / "coin" / "new.png")
    assert transfer("load", tmp_path / "more", "--into", loaded).status == 0
    now = transfer("runs", loaded)
    assert "raw_pixels" not in now.out
    assert "left out: 1 run made with other photos" in now.err
    assert transfer("runs", loaded, "--earlier").out == before.out


def test_a_comparison_says_what_it_had_no_time_for(loaded: Path, transfer: Transfer) -> None:
    said = transfer("compare", loaded, "raw_pixels", "--seeds", 2, "--budget", "0.001s")
    assert said.status == 0
    assert "skipped: 2 of 2 runs: the time was spent" in said.err


def test_a_grid_file_takes_the_place_of_the_options(loaded: Path, tmp_path: Path, transfer: Transfer) -> None:
    (tmp_path / "grid.toml").write_text('arms = ["raw_pixels"]\nseeds = 1')
    said = transfer("compare", loaded, "--grid", tmp_path / "grid.toml", "--seeds", 3, "--per-class", 4)
    assert said.status == 2
    assert "--seeds, --per-class" in said.err
    assert transfer("compare", loaded, "--grid", tmp_path / "grid.toml").status == 0


def test_a_comparison_that_is_stopped_leaves_its_grid_and_one_made_again_writes_none(
    loaded: Path, transfer: Transfer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("transfer.training.compare.compare", stopped)
        assert transfer("compare", loaded, "raw_pixels", "--seeds", 1).status == 130
    grid = loaded / "grid.toml"
    assert transfer("compare", loaded, "--grid", grid).status == 0
    before = grid.stat().st_mtime_ns
    assert transfer("compare", loaded, "raw_pixels", "--seeds", 1).status == 0
    assert grid.stat().st_mtime_ns == before


def test_on_a_narrow_terminal_no_command_s_sentence_is_cut_off(
    transfer: Transfer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    told = " ".join(transfer("--help").out.partition("Commands:")[2].split())
    assert "..." not in told
    assert "duplicates, leaks between splits, and likely mislabels. split Decide train, validation and test" in told


def test_who_has_read_enough_is_told_of_no_failure() -> None:
    """As `transfer list strategies | head -1`; a script with pipefail would stop."""
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "transfer", "list", "strategies"], stdout=writing, stderr=-1, timeout=60
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_name_on_a_shelf_is_explained_by_its_file(transfer: Transfer) -> None:
    said = transfer("list", "strategies", "one_cycle")
    assert said.status == 0
    assert "When: some hundred photos a class" in said.out
    assert Path(said.out.splitlines()[-1]).name == "one_cycle.py"
    said = transfer("list", "strategies", "one_circle")
    assert said.status == 2
    assert "Did you mean one_cycle" in said.err


def test_the_whole_job_by_commands(loaded: Path, tmp_path: Path, photo_folder: Path, transfer: Transfer) -> None:
    said = transfer("split", loaded, "--validation", 0.25, "--test", 0.25)
    assert said.status == 0
    assert said.out.splitlines()[0].split() == ["class", "train", "validation", "test", "set", "aside"]

    said = transfer("compare", loaded, "raw_pixels", "lenet5:from_scratch", "--seeds", 1, "--epochs", 1, "--json")
    assert said.status == 0, said.err
    rows = json.loads(said.out)
    promised = {"id", "arm", "seed", "per_class", "status", "reason", "validation", "test", "seconds", "path"} | {
        "fold"
    }
    assert all(promised | {"trainable_parameters"} == row.keys() for row in rows)
    assert [row["arm"] for row in rows] == ["raw_pixels:linear_probe", "lenet5:from_scratch"]

    assert transfer("train", loaded, "raw_pixels", "--json").out == json.dumps(rows[:1], indent=1) + "\n"
    listed = transfer("runs", loaded)
    assert all(row["id"] in listed.out for row in rows)

    report = Path(transfer("report", loaded).out.strip())
    assert report.read_text(encoding="utf-8").startswith("<!doctype html>")

    said = transfer("export", loaded, "--into", tmp_path / "model", "--json")
    assert said.status == 0, said.err
    assert json.loads(said.out).keys() == {"path", "format", "max_difference", "checked", "temperature"}

    photo = photo_folder / "coin" / "03.png"
    said = transfer("predict", tmp_path / "model", photo, "--top", 2, "--json")
    answer = json.loads(said.out)
    assert answer.keys() == {"file", "label", "probability", "top"}
    assert answer["top"][0] == [answer["label"], answer["probability"]]
    assert transfer("predict", tmp_path / "model", photo, tmp_path / "none.jpg").status == 1

    lenet5 = rows[1]["id"]
    said = transfer("explain", loaded, lenet5, photo, "--json")
    assert said.status == 0, said.err
    answer = json.loads(said.out)
    assert answer.keys() == {"file", "label", "probability", "predicted", "overlay"}
    assert Path(answer["overlay"]).read_bytes().startswith(b"\x89PNG")
    assert transfer("explain", loaded, lenet5, tmp_path / "none.jpg").status == 1
    assert transfer("explain", loaded, lenet5, photo, "--class", "unicorn").status == 2


# --- bad input: a sentence, the right status, nothing lost ---


def test_a_path_that_is_not_there(tmp_path: Path, transfer: Transfer) -> None:
    said = transfer("load", tmp_path / "photso", "--into", tmp_path / "ws")
    assert said.status == 2
    assert "photso" in said.err
    assert not (tmp_path / "ws").exists()


def test_an_empty_folder(tmp_path: Path, transfer: Transfer) -> None:
    (tmp_path / "empty").mkdir()
    said = transfer("load", tmp_path / "empty", "--into", tmp_path / "ws")
    assert said.status == 1
    assert said.err.startswith("Error: ")
    assert "Received:" in said.err


def test_one_class_is_named(tmp_path: Path, photo_folder: Path, transfer: Transfer) -> None:
    shutil.copytree(photo_folder / "coin", tmp_path / "photos" / "coin")
    said = transfer("load", tmp_path / "photos", "--into", tmp_path / "ws", "--quiet")
    assert said.status == 1
    assert "coin" in said.err


def test_one_photo_in_a_class_is_too_few_to_split_and_the_class_is_named(
    tmp_path: Path, photo_folder: Path, transfer: Transfer
) -> None:
    shutil.copytree(photo_folder, tmp_path / "photos")
    for photo in sorted((tmp_path / "photos" / "disc").iterdir())[1:]:
        photo.unlink()
    assert transfer("load", tmp_path / "photos", "--into", tmp_path / "ws").status == 0
    before = (tmp_path / "ws" / "manifest.jsonl").read_bytes()
    said = transfer("split", tmp_path / "ws")
    assert said.status == 1
    assert "disc" in said.err
    assert "coin" not in said.err
    assert (tmp_path / "ws" / "manifest.jsonl").read_bytes() == before


def test_a_label_with_a_slash(tmp_path: Path, photo_folder: Path, transfer: Transfer) -> None:
    table = tmp_path / "photos.csv"
    photo = photo_folder / "coin" / "00.png"
    table.write_text(f"path,label\n{photo},coin\n{photo_folder / 'disc' / '00.png'},disc/round\n")
    said = transfer("load", table, "--into", tmp_path / "ws")
    assert said.status == 1
    assert "disc/round" in said.err


def test_odd_files_are_set_aside_with_a_reason_and_counted_for_each_class(
    tmp_path: Path, photo_folder: Path, transfer: Transfer
) -> None:
    photos = tmp_path / "photos"
    shutil.copytree(photo_folder, photos)
    (photos / "bar" / "text.jpg").write_text("this is no photo")
    draw(0, 99, side=80).save(photos / "bar" / "cut.jpg")
    whole = (photos / "bar" / "cut.jpg").read_bytes()
    (photos / "bar" / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    draw(1, 98).convert("P").save(photos / "coin" / "still.gif")
    shutil.copy(photos / "coin" / "05.png", photos / "disc" / "also-a-coin.png")
    said = transfer("load", photos, "--into", tmp_path / "ws", "--quiet")
    assert said.status == 0
    assert "set aside in bar: 2 unreadable" in said.err
    assert "set aside in coin: 1 conflicting_labels" in said.err
    assert "set aside in disc: 1 conflicting_labels" in said.err
    kept = [json.loads(line) for line in (tmp_path / "ws" / "manifest.jsonl").read_text().splitlines()]
    assert any(photo["file_name"].endswith("still.gif") and "excluded" not in photo for photo in kept)
    assert transfer("train", tmp_path / "ws", "raw_pixels", "--quiet").status == 0


def test_a_folder_that_may_not_be_read(
    tmp_path: Path, photo_folder: Path, transfer: Transfer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As root every folder may be read, so the refusal is played."""
    import os

    scandir = os.scandir

    def refuse(path: object = ".") -> object:
        if str(path).endswith("coin"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)  # type: ignore[call-overload]

    monkeypatch.setattr(os, "scandir", refuse)
    said = transfer("load", photo_folder, "--into", tmp_path / "ws")
    assert said.status == 1
    assert "coin" in said.err


def test_a_folder_into_which_nobody_may_look_is_named(
    tmp_path: Path, photo_folder: Path, transfer: Transfer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk has a lost+found that only root may enter; played, since root may."""
    exists = Path.exists

    def refuse(path: Path) -> bool:
        if path.parent.name == "lost+found":
            raise PermissionError(13, "Permission denied", str(path))
        return exists(path)

    shutil.copytree(photo_folder, tmp_path / "disk")
    (tmp_path / "disk" / "lost+found").mkdir()
    monkeypatch.setattr(Path, "exists", refuse)
    said = transfer("load", tmp_path / "disk", "--into", tmp_path / "ws")
    assert said.status == 1
    assert "Permission denied" in said.err
    assert "lost+found" in said.err


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            OSError(28, "No space left on device", "full/x.png"),
            "No space left on device. Received: full/x.png. Mend that",
        ),
        (OSError("file signature not found"), "file signature not found. Mend that"),
    ],
)
def test_whatever_the_system_refuses_ends_as_a_sentence(
    loaded: Path, transfer: Transfer, monkeypatch: pytest.MonkeyPatch, error: OSError, told: str
) -> None:
    from transfer import workflow

    def refuse(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(workflow, "split", refuse)
    said = transfer("split", loaded)
    assert said.status == 1
    assert said.err.startswith("Error: ")
    assert told in said.err


def test_a_workspace_of_a_newer_version(loaded: Path, transfer: Transfer) -> None:
    (loaded / "workspace.json").write_text('{"transfer_workspace": 99}')
    before = {path: path.read_bytes() for path in loaded.rglob("*") if path.is_file()}
    for words in (("runs", loaded), ("split", loaded), ("train", loaded, "raw_pixels"), ("report", loaded)):
        said = transfer(*words)
        assert said.status == 1
        assert "newer" in said.err
    assert before == {path: path.read_bytes() for path in loaded.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("vgg61:frozen_head",), "vgg16"),
        (("vgg16:frozen_haed",), "frozen_head"),
        (("vgg16:",), "BACKBONE"),
        (("raw_pixels", "--seeds", "0"), "--seeds"),
        (("raw_pixels", "--jobs", "0"), "--jobs"),
        (("raw_pixels", "--per-class", "five"), "5,10,all"),
        (("raw_pixels", "--per-class", "0"), "--per-class"),
        (("lenet5:frozen_head",), "lenet5:from_scratch"),
        (("resnet50@no/such/file.h5",), "no/such/file.h5"),
        (("raw_pixels:frozen_head+higher_resolution", "--size", "16"), "chooses the size"),
        ((), "ARM"),
    ],
)
def test_a_wrong_call_says_so_before_anything_begins(
    loaded: Path, transfer: Transfer, words: tuple[str, ...], hint: str
) -> None:
    said = transfer("compare", loaded, *words)
    assert said.status == 2
    assert hint in said.err
    assert not (loaded / "runs").exists()
    assert not Manifest.read(Workspace(loaded)).part("train"), "a split is for good"


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("raw_pixles:linear_probe",), "raw_pixels"),
        (("raw_pixels:linear_prob",), "linear_probe"),
        (("raw_pixels:linear_probe+dropout",), "dropout"),
        (("lenet5:frozen_head",), "lenet5:from_scratch"),
        (("raw_pixels", "--seed", "-1"), "--seed"),
        (("raw_pixels", "--gpus", "0"), "--gpus"),
        (("--per-class", "0"), "--per-class"),
        (("raw_pixels:linear_probe", "--rate", "1e-3"), "no gradient descent"),
        (("raw_pixels:frozen_head", "--rate", "nan"), "above zero"),
        (("--rate", "1e-3"), "no gradient descent"),
        (("raw_pixels:linear_probe", "--find-rate"), "no gradient descent"),
        (("raw_pixels:frozen_head+higher_resolution", "--size", "16"), "chooses the size"),
        (("lenet5:from_scratch", "--gpus", "99"), "not so many GPUs"),
        (("resnet20@none:linear_probe", "--engine", "tensorflow", "--precision", "bfloat16"), "float32 only"),
        (("lenet5:from_scratch", "--size", "4"), "4 pixels"),
        (("lenet5@~nosuchuser/w.h5:fine_tune_all",), "no such file"),
        ((f"lenet5@{'w' * 300}:fine_tune_all",), "no such file"),
        (("mobilenet_v2@imagenet:from_scratch",), "random weights"),
        (("lenet5:from_scratch+augment+augment",), "named twice"),
    ],
)
def test_a_training_that_is_called_wrongly_splits_no_photo(
    loaded: Path, transfer: Transfer, words: tuple[str, ...], hint: str
) -> None:
    said = transfer("train", loaded, *words)
    assert said.status == 2
    assert hint in said.err
    assert not Manifest.read(Workspace(loaded)).part("train")


@pytest.mark.parametrize("strategy", ["linear_probe", "frozen_head"])
def test_one_class_that_is_left_is_nothing_to_train_on(loaded: Path, transfer: Transfer, strategy: str) -> None:
    transfer("split", loaded)
    manifest = Manifest.read(Workspace(loaded))
    manifest.replace(
        dataclasses.replace(photo, excluded="blank") for photo in manifest.photos if photo.label != manifest.labels[0]
    ).write(Workspace(loaded))
    said = transfer("train", loaded, f"raw_pixels:{strategy}", "--quiet")
    assert said.status == 1
    assert "no second class" in said.err


def test_a_size_that_leaves_a_network_no_pixel_is_named(loaded: Path, transfer: Transfer) -> None:
    said = transfer("train", loaded, "mobilenet_v2@none:linear_probe", "--size", "16", "--quiet")
    assert said.status == 2
    assert "16 pixels" in said.err
    assert "--size" in said.err


def test_weights_of_another_architecture(loaded: Path, tmp_path: Path, transfer: Transfer) -> None:
    weights = tmp_path / "lenet5.weights.h5"
    BACKBONES["lenet5"].network(32).save_weights(weights)
    said = transfer("train", loaded, f"resnet20@{weights}:linear_probe", "--quiet")
    assert said.status == 1
    assert "lenet5.weights.h5" in said.err
    assert weights.exists()


def test_an_unknown_command_suggests_the_nearest(transfer: Transfer) -> None:
    said = transfer("trian")
    assert said.status == 2
    assert "'train'" in said.err


def test_ctrl_c_ends_with_its_own_status_and_a_sentence(
    loaded: Path, transfer: Transfer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transfer import workflow

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(workflow, "train", interrupted)
    said = transfer("train", loaded, "raw_pixels")
    assert said.status == 130
    assert "kept" in said.err


def test_names_that_would_move_the_cursor_are_shown_harmless(tmp_path: Path, transfer: Transfer) -> None:
    for label in ("a\x1b[2J", "b"):
        (tmp_path / "photos" / label).mkdir(parents=True)
        Image.new("RGB", (8, 8), (len(label), 0, 0)).save(tmp_path / "photos" / label / "1.png")
    said = transfer("load", tmp_path / "photos", "--into", tmp_path / "ws")
    assert "\x1b" not in said.out + said.err
