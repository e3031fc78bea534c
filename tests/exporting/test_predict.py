"""What is asked to predict may be anybody's model, and photos may have any name."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from transfer import workflow
from transfer.cli import main
from transfer.errors import DataError
from transfer.exporting.predict import Prediction
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
