"""A run comes back from its folder as it was written, to the last bit."""

from __future__ import annotations

import dataclasses
import json
import tempfile
from pathlib import Path

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as draw
from hypothesis.extra import numpy as arrays

from transfer.errors import DataError
from transfer.run import Predictions, Run, read_runs, run_id
from transfer.workspace import Workspace

NULL = "null"
LABELS = ("cat", "dog, large", 'the "third"')
numbers = draw.floats(width=32, allow_nan=False)
probabilities = draw.integers(0, 6).flatmap(lambda n: arrays.arrays("float32", (n, len(LABELS)), elements=numbers))


def run_in(workspace: Workspace, **changes: object) -> Run:
    run = Run(
        id="0123456789ab",
        status="done",
        arm="vgg16:linear_probe",
        seed=0,
        per_class=None,
        labels=LABELS,
        data="d" * 64,
        path=workspace.runs / "0123456789ab",
        facts={"seconds": {"total": 1.25}, "chosen": {}, "weights": None},
    )
    return dataclasses.replace(run, **changes)


def predicted(table: numpy.ndarray, split: str = "test") -> Predictions:
    n = len(table)
    return Predictions(
        split=split,
        photos=tuple(f"photo-{i}" for i in range(n)),
        truth=numpy.arange(n) % len(LABELS),
        probabilities=table,
        groups=tuple(f"group-{i // 2}" for i in range(n)),
    )


@settings(deadline=None, max_examples=50)
@given(probabilities, probabilities)
def test_predictions_come_back_bit_for_bit(validation: numpy.ndarray, test: numpy.ndarray) -> None:
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(folder)
        parts = [predicted(validation, "validation"), predicted(test)]
        run_in(workspace).write(workspace, parts, [])
        (run,) = read_runs(workspace)
        for part in parts:
            again = run.predictions(part.split)
            assert again.probabilities.dtype == numpy.float32
            assert again.probabilities.shape == part.probabilities.shape
            assert again.probabilities.tobytes() == part.probabilities.tobytes()
            assert (again.photos, again.groups) == (part.photos, part.groups)
            numpy.testing.assert_array_equal(again.truth, part.truth)


def test_what_is_correct_follows_from_the_probabilities() -> None:
    table = numpy.array([[0.5, 0.3, 0.2], [0.1, 0.2, 0.7], [0.1, 0.2, 0.7]], "float32")
    assert predicted(table).predicted.tolist() == [0, 2, 2]
    assert predicted(table).correct.tolist() == [True, False, True]


def test_the_facts_come_back_and_the_weights_are_no_part_of_them(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    run = run_in(workspace, per_class=5, seed=3)
    run.write(workspace, [], [])
    assert Run.read(run.path) == run
    assert read_runs(workspace) == [run]


def test_a_history_comes_back_with_gaps_where_nothing_was_measured(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    run = run_in(workspace)
    first = {"step": 0, "epoch": 0, "rate": 1e-3, "loss": 0.1 + 0.2, "accuracy": 1 / 3, "seconds": 0.5}
    second = first | {"epoch": 1, "validation_loss": 1e-30, "validation_accuracy": 1.0}
    run.write(workspace, [], [first, second])
    assert Run.read(run.path).history() == [first, second]


def test_a_folder_without_its_facts_is_no_run(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    run = run_in(workspace)
    run.write(workspace, [], [])
    (run.path / "run.json").unlink()
    assert read_runs(workspace) == []
    with pytest.raises(DataError, match="no whole run"):
        Run.read(run.path)


def test_the_facts_are_written_last(tmp_path: Path) -> None:
    written: list[str] = []
    workspace = Workspace(tmp_path, on_write=lambda number, path: written.append(path.name))
    run_in(workspace).write(workspace, [], [])
    assert written[-1] == "run.json"
    assert len(written) == 3


def test_of_a_damaged_run_among_others_the_error_says_which_and_what_helps(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    run = run_in(workspace)
    run.write(workspace, [], [])
    workspace.write_text(workspace.runs / "ffff" / "run.json", "{")
    with pytest.raises(DataError, match=r"Received: .*runs/ffff\. .*delete the folder and train again"):
        read_runs(workspace)
    (workspace.runs / "ffff" / "run.json").unlink()
    assert read_runs(workspace) == [run]


@pytest.mark.parametrize("damage", ["", "{", "[]", "{}", '{"id": "a"}', NULL])
def test_damaged_facts_are_a_sentence(tmp_path: Path, damage: str) -> None:
    (tmp_path / "run.json").write_text(damage)
    with pytest.raises(DataError, match="no whole run"):
        Run.read(tmp_path)


@pytest.mark.parametrize("kept", [0, 1, 40, -30, -3])
def test_answers_that_were_cut_off_are_a_sentence_or_fewer(tmp_path: Path, kept: int) -> None:
    """As by a copy that was stopped: no traceback, and no answer that was not there."""
    workspace = Workspace(tmp_path)
    run = run_in(workspace)
    run.write(workspace, [predicted(numpy.full((9, len(LABELS)), 1 / len(LABELS), "float32"), "validation")], [])
    whole = run.predictions("validation")
    path = run.path / "predictions.csv"
    path.write_text(path.read_text()[:kept])
    try:
        found = run.predictions("validation")
    except DataError as error:
        assert "The answers of a run are damaged" in str(error)
    else:
        assert found.photos == whole.photos[: len(found.photos)]


def test_a_run_keeps_no_score(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    run = run_in(workspace)
    run.write(workspace, [predicted(numpy.eye(3, dtype="float32"))], [])
    assert not {"accuracy", "score", "f1"} & set(json.loads((run.path / "run.json").read_text()))


values = draw.recursive(
    draw.none() | draw.booleans() | draw.integers() | draw.floats(allow_nan=False) | draw.text(),
    lambda inner: draw.lists(inner, max_size=3) | draw.dictionaries(draw.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None, max_examples=50)
@given(draw.dictionaries(draw.text(), values, min_size=1, max_size=5))
def test_an_id_is_twelve_digits_that_do_not_depend_on_order(decisive: dict[str, object]) -> None:
    id = run_id(decisive)
    assert len(id) == 12
    assert int(id, 16) >= 0
    assert run_id(dict(reversed(decisive.items()))) == id
    name = next(iter(decisive))
    assert run_id(decisive | {name: [decisive[name]]}) != id
    assert run_id({key: value for key, value in decisive.items() if key != name}) != id
