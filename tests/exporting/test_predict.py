"""What is asked to predict may be anybody's model, and photos may have any name."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy
import pytest
import tensorflow as tf
from click.testing import CliRunner

from tests.conftest import draw
from transfer import workflow
from transfer.cli import cli, main
from transfer.errors import DataError, TransferError
from transfer.exporting import predict as predicting
from transfer.exporting.predict import Prediction
from transfer.exporting.saved_model import Exported
from transfer.models.explain import Explanation


class Foreign(tf.Module):
    """A model of another program, with as much of ours as is asked for."""

    def __init__(self, labels: bool) -> None:
        super().__init__()
        if labels:
            self.labels = tf.Variable(["cat", "dog"], trainable=False)

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.float32, name="x")])
    def serve(self, x: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"y": 2 * x}


@pytest.mark.parametrize(("labels", "signed"), [(True, True), (False, True), (True, False)])
def test_a_model_of_another_program_is_refused_by_a_sentence(tmp_path: Path, labels: bool, signed: bool) -> None:
    module = Foreign(labels)
    tf.saved_model.save(module, str(tmp_path / "model"), signatures={"serving_default": module.serve} if signed else {})
    with pytest.raises(DataError, match=r"did not write it\. Received: .*model: it takes or gives something else"):
        list(workflow.predict(tmp_path / "model", ["x.jpg"]))


def test_a_damaged_model_is_refused_by_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").write_bytes(b"not a model")
    with pytest.raises(DataError, match="is damaged, or"):
        list(workflow.predict(tmp_path, ["x.jpg"]))


def test_a_model_is_opened_at_once_and_one_photo_needs_no_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match="neither a run nor"):
        workflow.predict(tmp_path, "x.jpg")
    answers = given(monkeypatch, size=224)
    (tmp_path / "x.jpg").write_bytes(b"no photo")
    for photo in (str(tmp_path / "x.jpg"), tmp_path / "x.jpg"):
        assert [answer.file for answer in workflow.predict(tmp_path, photo)] == [str(tmp_path / "x.jpg")]
    assert answers == []


def given(monkeypatch: pytest.MonkeyPatch, *, size: int, error: Exception | None = None) -> list[int]:
    """Let any model be one of a network with that input; how many photos it is asked about each time."""
    asked: list[int] = []

    def answer(contents: list[bytes]) -> tuple[list[str], numpy.ndarray]:
        if error is not None:
            raise error
        asked.append(len(contents))
        return ["cat"] * len(contents), numpy.ones((len(contents), 1), "float32")

    monkeypatch.setattr(predicting, "_open", lambda _: predicting._Opened(("cat",), size, answer))
    return asked


@pytest.mark.parametrize(("size", "batches"), [(32, [9]), (448, [8, 1]), (600, [4, 4, 1]), (4096, [1] * 9)])
def test_of_large_pictures_fewer_are_asked_about_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, batches: list[int]
) -> None:
    draw(0, 0).save(tmp_path / "x.png")
    asked = given(monkeypatch, size=size)
    assert len(list(workflow.predict(tmp_path, [tmp_path / "x.png"] * 9))) == 9
    assert asked == batches


@pytest.mark.parametrize("error", [MemoryError(), tf.errors.ResourceExhaustedError(None, None, "OOM")])
def test_too_little_memory_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    draw(0, 0).save(tmp_path / "x.png")
    given(monkeypatch, size=32, error=error)
    with pytest.raises(TransferError, match=r"not enough memory for this network"):
        list(workflow.predict(tmp_path, tmp_path / "x.png"))


def test_a_pipe_is_an_error_and_nobody_waits_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, size=32)
    os.mkfifo(tmp_path / "pipe.jpg")
    draw(0, 0).save(tmp_path / "x.png")
    piped, good = workflow.predict(tmp_path, [tmp_path / "pipe.jpg", tmp_path / "x.png"])
    assert "it is no regular file" in (piped.error or "")
    assert good.label == "cat"


@pytest.mark.parametrize(("said", "kept"), [({}, "true"), ({"TF_FORCE_GPU_ALLOW_GROWTH": "false"}, "false")])
def test_a_gpu_is_shared_unless_somebody_says_otherwise(said: dict[str, str], kept: str) -> None:
    program = "import os, sys, transfer; print('tensorflow' in sys.modules, os.environ['TF_FORCE_GPU_ALLOW_GROWTH'])"
    others = {name: value for name, value in os.environ.items() if name != "TF_FORCE_GPU_ALLOW_GROWTH"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=others | said, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", kept]


# --- the commands, with answers that are given to them ---


def said_by(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], verb: str, *words: str) -> Any:
    monkeypatch.setattr(sys, "argv", ["transfer", verb, *words])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 1
    return capfd.readouterr()


@pytest.fixture(params=["predict", "explain"])
def verb(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A verb that answers every file with an error that names it."""

    def answers(*words: Any, **_: Any) -> Iterator[Prediction | Explanation]:
        kind = {"predict": Prediction, "explain": Explanation}[request.param]
        yield from (kind(str(file), error=f"The file cannot be read. Received: {file}.") for file in words[-1])

    monkeypatch.setattr(workflow, request.param, answers)
    return str(request.param)


def test_a_file_name_that_would_move_the_cursor_is_shown_harmless(
    verb: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    said = said_by(monkeypatch, capfd, verb, "model", "run", "a\x1b[2J.jpg")
    assert "a?[2J.jpg: The file cannot be read." in said.err
    assert "\x1b" not in said.err


def test_a_file_name_that_is_no_utf_8_comes_back_from_json(
    verb: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    name = os.fsdecode(b"caf\xe9 \xc3\xa9.jpg")
    said = said_by(monkeypatch, capfd, verb, "model", "run", name, "--json")
    assert json.loads(said.out.splitlines()[-1])["file"] == name


def test_an_error_that_ends_a_command_names_a_file_harmlessly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    said = said_by(monkeypatch, capfd, "predict", str(tmp_path / "a\rb"), "x.jpg")
    assert "neither a run nor an exported model" in said.err
    assert "a?b" in said.err


# --- export ---


@pytest.mark.parametrize("earlier", [True, False])
def test_the_command_says_when_the_credits_are_not_those_of_the_photos_that_taught_it(
    monkeypatch: pytest.MonkeyPatch, earlier: bool
) -> None:
    exported = Exported(Path("model"), "saved_model", 0.0, 64, earlier=earlier)
    monkeypatch.setattr(workflow, "export", lambda *_, **__: exported)
    said = CliRunner().invoke(cli, ["export", "WS", "0123", "--into", "model"])
    assert ("made with other photos" in said.stderr) == earlier
    record = json.loads(CliRunner().invoke(cli, ["export", "WS", "0123", "--into", "model", "--json"]).stdout)
    assert record.get("earlier", False) == earlier
