"""The proof compares all that an artifact answers; here the answers are given to it."""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy
import pytest

from tests.conftest import draw
from transfer.errors import ExportError
from transfer.exporting import proving
from transfer.exporting.proving import Asked, choose, prove
from transfer.exporting.target import placing
from transfer.manifest import Manifest
from transfer.photo import Photo
from transfer.run import Predictions, Run
from transfer.workspace import Workspace

PROBABILITIES = numpy.array([[0.75, 0.25], [0.125, 0.875]], "float32")
RIGHT = {
    "label": ["cat", "dog"],
    "probability": [0.75, 0.875],
    "probabilities": PROBABILITIES.tolist(),
    "labels": ["cat", "dog"],
}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    facts = {"size": 448}
    return Run("0123", "done", "lenet5:from_scratch", 0, None, ("cat", "dog"), "", tmp_path, facts=facts)


def given(monkeypatch: pytest.MonkeyPatch, **wrong: Any) -> None:
    """Let ``images`` answer so."""
    answers = {"serving_default": RIGHT, "images": RIGHT | wrong}
    monkeypatch.setattr(proving, "_ask", lambda *words: answers)


def test_right_answers_prove_an_artifact(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch)
    largest, answered, refused = prove(tmp_path, Asked((b"", b""), PROBABILITIES), PROBABILITIES, run, None)
    assert (largest, refused) == (0.0, 0)
    assert (answered == PROBABILITIES).all()


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"label": ["cat", "cat"]}, "'cat' instead of 'dog' on 2 photos"),
        ({"labels": ["dog", "cat"]}, "the labels dog, cat instead of cat, dog on 2 photos"),
        ({"labels": ["cat"]}, "the labels cat instead of cat, dog on 2 photos"),
        ({"probability": [0.75, 0.125]}, "the probability 0.125 where the largest is 0.875 on 2 photos"),
        ({"probabilities": [[0.75, 0.25], [0.12, 0.88]]}, "a probability off by 0.005 (tolerance 1e-05) on 2 photos"),
    ],
)
def test_whatever_is_answered_otherwise_is_named(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: dict[str, Any], named: str
) -> None:
    given(monkeypatch, **wrong)
    with pytest.raises(ExportError, match="'images' answers otherwise") as caught:
        prove(tmp_path, Asked((b"", b""), PROBABILITIES), PROBABILITIES, run, None)
    assert caught.value.received == named


def test_photos_whose_files_are_gone_prove_nothing_and_end_nothing(run: Run, tmp_path: Path) -> None:
    draw(0, 0).save(tmp_path / "here.png")
    content = (tmp_path / "here.png").read_bytes()
    here = Photo("0", "here.png", "cat", "folder", sha256=hashlib.sha256(content).hexdigest())
    reasons = (None, "missing: gone since it was loaded", "duplicate", "unreadable: changed since it was loaded")
    photos = [
        dataclasses.replace(here, id=str(at), excluded=reason, file_name="here.png" if at % 2 == 0 else "gone.png")
        for at, reason in enumerate(reasons)
    ]
    kept = Predictions("test", tuple("0123"), numpy.zeros(4, int), numpy.eye(4, dtype="float32"), tuple("0123"))
    asked = choose(run, kept, Manifest(tuple(photos)), Workspace(tmp_path))
    assert asked.contents == (content, content)
    assert (asked.probabilities == numpy.eye(4)[[0, 2]]).all()
    with pytest.raises(ExportError, match="no photo left"):
        choose(run, kept, Manifest(tuple(photos[1::2])), Workspace(tmp_path))


# --- the fresh process ---


def test_of_large_pictures_fewer_are_asked_about_at_once(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []

    def answers(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        asked.append(command)
        (Path(command[3]) / "answers.json").write_text("{}")
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", answers)
    prove(tmp_path, Asked((), PROBABILITIES[:0]), PROBABILITIES[:0], run, None)
    assert asked[0][4] == "8", "448 pixels are four times as many as 224"


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (-9, r"killed, perhaps for want of memory; nothing was written\. Received: signal 9\. End other programs"),
        (1, r"could not be read back in a fresh process; nothing was written\. Received: ImportError: keras\."),
    ],
)
def test_a_process_that_fails_is_told_apart_from_one_that_was_killed(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int, said: str
) -> None:
    done = subprocess.CompletedProcess([], status, "", "Traceback\nImportError: keras\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)
    with pytest.raises(ExportError, match=said):
        prove(tmp_path, Asked((), PROBABILITIES[:0]), PROBABILITIES[:0], run, None)


def test_a_process_that_cannot_be_started_is_no_fault_of_the_folder_that_was_named(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))

    monkeypatch.setattr(subprocess, "run", fails)
    said = r"cannot be started: Cannot allocate memory\. .*TMPDIR"
    with pytest.raises(ExportError, match=said) as caught, placing(tmp_path / "model") as folder:
        prove(folder, Asked((), PROBABILITIES[:0]), PROBABILITIES[:0], run, None)
    assert "model" not in str(caught.value)
