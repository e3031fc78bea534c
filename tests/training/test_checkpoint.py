"""A training that ended too early goes on where it stood, to the same end; what the keyboard leaves is usable."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import keras
import numpy
import pytest
import tensorflow as tf

from transfer import workflow
from transfer.arm import Arm
from transfer.errors import CallError
from transfer.manifest import Manifest
from transfer.models.backbone import BACKBONES
from transfer.models.rebuild import rebuild
from transfer.progress import Progress
from transfer.run import CHECKPOINT, Run
from transfer.training import checkpoint, descent, trial
from transfer.training.checkpoint import Checkpoint, Checkpoints, Standing
from transfer.training.plan import resolve
from transfer.workspace import Workspace

SETTINGS = {"epochs": 3, "size": 16}


class CrashError(Exception):
    """The process ends here, as far as the training can tell."""


@pytest.fixture(autouse=True)
def _after_each_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    """These epochs are quicker than a checkpoint is worth."""
    monkeypatch.setattr(checkpoint, "EVERY", 0.0)


def at_epoch(number: int, error: type[BaseException]) -> Progress:
    """A listener that stops the training when it hears of the so manyth epoch."""
    heard = [0]

    def listen(done: int, total: int, what: str) -> None:
        heard[0] += what.startswith("training, ")
        if heard[0] == number and what.startswith("training, "):
            raise error

    return listen


def weights(run: Run) -> list[numpy.ndarray]:
    return [numpy.array(weight) for weight in rebuild(run).whole().weights]


def same(one: Run, other: Run) -> None:
    """Every bit of weights, answers and history, the clock apart."""
    assert one.id == other.id
    for a, b in zip(weights(one), weights(other), strict=True):
        assert (a == b).all()
    for split in ("validation", "test"):
        assert (one.predictions(split).probabilities == other.predictions(split).probabilities).all()
    timeless = [[{k: v for k, v in row.items() if k != "seconds"} for row in run.history()] for run in (one, other)]
    assert timeless[0] == timeless[1]
    assert one.facts["best_epoch"] == other.facts["best_epoch"]


@pytest.mark.parametrize(
    ("arm", "epoch"),
    [
        ("lenet5:from_scratch+augment+ema", 2),  # views and a running mean
        ("raw_pixels:frozen_head+dropout+sgd_momentum", 2),  # what draws, and momentum
        ("resnet20:from_scratch", 2),  # statistics of batch norm
        ("lenet5@{}:gradual+soup", 4),  # a frozen part below, the second of several phases, and more than one best
    ],
)
def test_a_training_that_crashed_goes_on_to_the_same_bits(
    arm: str, epoch: int, workspace: Workspace, tmp_path: Path, photo_folder: Path
) -> None:
    keras.utils.set_random_seed(7)
    weights_file = tmp_path / "lenet5.weights.h5"
    BACKBONES["lenet5"].network(16).save_weights(weights_file)
    arm = arm.format(weights_file)
    undisturbed = workflow.train(workspace, arm, **SETTINGS)
    other = Workspace(tmp_path / "other")
    workflow.load(photo_folder, other)
    workflow.split(other, validation=0.25, test=0.25)
    with pytest.raises(CrashError):
        workflow.train(other, arm, **SETTINGS, on_progress=at_epoch(epoch, CrashError))
    trial._LATEST.clear()  # a new process has nothing traced
    run = workflow.train(other, arm, **SETTINGS)
    same(run, undisturbed)
    assert "going on after epoch" in (run.path / "log.txt").read_text()
    assert not (run.path / CHECKPOINT).exists()


def test_a_refitting_that_crashed_goes_on_to_the_same_bits(
    workspace: Workspace, tmp_path: Path, photo_folder: Path
) -> None:
    slowly = SETTINGS | {"rate": 1e-5, "refit": True}  # so the best epoch is not the first

    def refitted(place: Workspace) -> Run:
        manifest = Manifest.read(place)
        return trial.run_trial(resolve(Arm.parse("lenet5:from_scratch"), manifest, **slowly), manifest, place)

    undisturbed = refitted(workspace)
    assert undisturbed.facts["best_epoch"] > 1
    other = Workspace(tmp_path / "other")
    workflow.load(photo_folder, other)
    manifest = workflow.split(other, validation=0.25, test=0.25)
    plan = resolve(Arm.parse("lenet5:from_scratch"), manifest, **slowly)
    with pytest.raises(CrashError):
        trial.run_trial(plan, manifest, other, on_progress=at_epoch(len(undisturbed.history()) + 2, CrashError))
    assert (other.runs / plan.id / f"refit-{CHECKPOINT}").exists()
    same(refitted(other), undisturbed)


def test_a_training_whose_kept_activations_no_longer_fit_begins_anew(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its checkpoint is of the network above the cut; from pixels, all of it is trained."""
    keras.utils.set_random_seed(7)
    weights_file = tmp_path / "lenet5.weights.h5"
    BACKBONES["lenet5"].network(16).save_weights(weights_file)
    arm = f"lenet5@{weights_file}:frozen_head"
    with pytest.raises(CrashError):
        workflow.train(workspace, arm, **SETTINGS, on_progress=at_epoch(2, CrashError))
    monkeypatch.setenv("TRANSFER_FEATURES_GB", "0")
    trial._LATEST.clear()
    run = workflow.train(workspace, arm, **SETTINGS)
    assert run.done
    assert run.facts["source"].startswith("pixels")
    assert "going on after epoch" not in (run.path / "log.txt").read_text()


JOB = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell has its background jobs ignore it
from transfer import workflow
from transfer.arm import Arm
from transfer.training import checkpoint
from transfer.workspace import Workspace
checkpoint.EVERY = 0.0
def heard(number, path):
    if path.name == "checkpoint.npz":
        print("checkpoint", flush=True)
workflow.train(Workspace(sys.argv[1], on_write=heard), "lenet5:from_scratch", epochs=60, size=16)
"""


def test_a_killed_process_loses_no_finished_epoch(workspace: Workspace, tmp_path: Path, photo_folder: Path) -> None:
    undisturbed = workflow.train(workspace, "lenet5:from_scratch", epochs=60, size=16)
    other = Workspace(tmp_path / "other")
    workflow.load(photo_folder, other)
    workflow.split(other, validation=0.25, test=0.25)
    process = subprocess.Popen(
        [sys.executable, "-c", JOB, str(other.root)], stdout=subprocess.PIPE, text=True, env=dict(os.environ)
    )
    assert process.stdout is not None
    for _ in range(3):
        assert process.stdout.readline() == "checkpoint\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    run = workflow.train(other, "lenet5:from_scratch", epochs=60, size=16)
    same(run, undisturbed)
    told = (run.path / "log.txt").read_text()
    gone_on = int(told.split("going on after epoch ")[1].split()[0])
    assert gone_on >= 3
    assert [f"epoch {number} of 60" in told for number in range(1, 4)] == [True] * 3


def test_a_process_that_is_interrupted_in_the_middle_of_an_epoch_leaves_a_usable_run(
    workspace: Workspace, manifest: Manifest
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", JOB.replace("epochs=60", "epochs=4000"), str(workspace.root)],
        stdout=subprocess.PIPE,
        text=True,
        env=dict(os.environ),
    )
    assert process.stdout is not None
    for _ in range(3):
        assert process.stdout.readline() == "checkpoint\n"
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0
    process.stdout.close()
    (run,) = workflow.runs(workspace)
    assert (run.status, run.usable) == ("interrupted", True)
    assert 3 <= len(run.history()) < 4000
    assert len(run.predictions("validation").photos) == len(manifest.part("validation"))


def test_a_torn_checkpoint_and_one_of_other_versions_are_none(workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.npz"
    one = Checkpoint(
        1, 8, 2, 0, {"cut": 2}, [numpy.arange(3.0)], Standing([{"loss": 0.1}], [((0.5, -0.1), 1, [numpy.eye(2)])], [])
    )
    keeper = Checkpoints(workspace, path, {"keras": "3"})
    keeper.offer(lambda: one)
    back = keeper.read()
    assert back is not None
    assert (back.step, back.batch, back.before, back.standing.history) == (1, 8, {"cut": 2}, [{"loss": 0.1}])
    assert (back.standing.best[0][2][0] == numpy.eye(2)).all()
    assert Checkpoints(workspace, path, {"keras": "4"}).read() is None
    whole = path.read_bytes()
    for length in (0, 10, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        assert keeper.read() is None
    spoilt = bytearray(whole)
    spoilt[whole.index(numpy.arange(3.0).tobytes()) + 8] ^= 1
    path.write_bytes(spoilt)
    assert keeper.read() is None


@pytest.mark.parametrize(("takes", "lost"), [(0.01, 100), (0.3, 4), (1.0, 1), (60.0, 1)])
def test_an_epoch_of_a_second_is_kept_whatever_writing_costs_and_of_quicker_ones_a_second_is_lost(
    takes: float, lost: int, workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr(checkpoint, "EVERY", 1.0)
    monkeypatch.setattr(checkpoint.time, "monotonic", lambda: clock[0])
    written = [0]

    def write(self: Checkpoints, one: int) -> None:
        clock[0] += 3.0  # a large network on a slow disk
        written.append(one)

    monkeypatch.setattr(Checkpoints, "_write", write)
    keeper = Checkpoints(workspace, tmp_path / "checkpoint.npz", {})
    for epoch in range(1, 400):
        clock[0] += takes
        keeper.offer(lambda epoch=epoch: epoch)  # type: ignore[misc]
    assert max(numpy.diff(written)) == pytest.approx(lost, abs=1 if takes < 0.1 else 0)


# --- the keyboard ---


def test_an_interrupt_leaves_a_usable_run_that_has_not_met_the_test_split(
    workspace: Workspace, manifest: Manifest, tmp_path: Path, photo_folder: Path
) -> None:
    arm = "lenet5:from_scratch"
    run = workflow.train(workspace, arm, **SETTINGS, on_progress=at_epoch(2, KeyboardInterrupt))
    assert (run.status, run.done, run.usable) == ("interrupted", False, True)
    assert "the same command goes on" in str(run.reason)
    assert len(run.history()) == 2
    assert run.facts["test_opened"] == 0
    assert len(run.predictions("test").photos) == 0
    row = workflow.row(run)
    assert row["validation"]["n"] == len(manifest.part("validation"))
    assert row["test"] == {"accuracy": None, "n": 0}
    photos = [workspace.photo_path(photo.file_name) for photo in manifest.part("validation")]
    answers = list(workflow.predict(run.path, photos))
    kept = run.predictions("validation")
    by_id = {photo: kept.probabilities[at].max() for at, photo in enumerate(kept.photos)}
    for photo, answer in zip(manifest.part("validation"), answers, strict=True):
        assert answer.probability == pytest.approx(by_id[photo.id], abs=1e-5)

    other = Workspace(tmp_path / "other")
    workflow.load(photo_folder, other)
    workflow.split(other, validation=0.25, test=0.25)
    finished = workflow.train(workspace, arm, **SETTINGS)
    assert finished.done
    same(finished, workflow.train(other, arm, **SETTINGS))


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("transfer.training.descent.Descent.run", "before step 2 of the strategy had learnt anything"),
        ("transfer.training.fit.inputs", "before step 2 of the strategy had learnt anything"),
        ("transfer.training.best.Best.restore", "after 3 of 3 epochs, step 2 of the strategy"),
    ],
)
def test_an_interrupt_between_steps_leaves_what_the_steps_before_have_learnt(
    where: str, said: str, workspace: Workspace, manifest: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The probe has been fitted; then the keyboard comes before, or just after, the first phase."""
    keras.utils.set_random_seed(7)
    weights_file = tmp_path / "lenet5.weights.h5"
    BACKBONES["lenet5"].network(16).save_weights(weights_file)
    arm = f"lenet5@{weights_file}:gradual"

    def pressed(*args: object, **keywords: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(where, pressed)
        run = workflow.train(workspace, arm, **SETTINGS)
    assert (run.status, run.usable) == ("interrupted", True)
    assert said in str(run.reason)
    assert len(run.predictions("validation").photos) == len(manifest.part("validation"))
    assert workflow.train(workspace, arm, **SETTINGS).done


def test_an_interrupt_before_a_checkpoint_is_taken_up_leaves_the_run_that_it_belongs_to(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    arm = "lenet5:from_scratch"
    first = workflow.train(workspace, arm, **SETTINGS, on_progress=at_epoch(2, KeyboardInterrupt))

    def pressed(*args: object, **keywords: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("transfer.training.fit.inputs", pressed)
        workflow.train(workspace, arm, **SETTINGS)
    (kept,) = workflow.runs(workspace)
    assert kept == first
    assert workflow.train(workspace, arm, **SETTINGS).done


@pytest.mark.parametrize("split", ["validation", "test"])
def test_an_interrupt_while_photos_are_answered_leaves_a_run_that_has_not_met_the_test_split(
    split: str, workspace: Workspace, manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the answers on validation no run could be asked: they are given all the same."""
    predict, presses = trial._predict, iter([True])

    def pressed(*args: object) -> object:
        if args[-1] == split and next(presses, False):
            raise KeyboardInterrupt
        return predict(*args)

    with monkeypatch.context() as patch:
        patch.setattr(trial, "_predict", pressed)
        run = workflow.train(workspace, "raw_pixels:linear_probe", size=8)
    assert (run.status, run.usable, run.facts["test_opened"]) == ("interrupted", True, 0)
    assert f"while it answered the {split} photos" in str(run.reason)
    assert len(run.predictions("validation").photos) == len(manifest.part("validation"))
    assert len(run.predictions("test").photos) == 0
    assert workflow.train(workspace, "raw_pixels:linear_probe", size=8).done


def test_an_interrupt_before_anything_was_learnt_leaves_no_run(workspace: Workspace) -> None:
    def listen(done: int, total: int, what: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        workflow.train(workspace, "lenet5:from_scratch", **SETTINGS, on_progress=listen)
    assert workflow.runs(workspace).runs == ()


def test_a_failed_try_takes_nothing_from_an_interrupted_run(workspace: Workspace, manifest: Manifest) -> None:
    run = workflow.train(workspace, "lenet5:from_scratch", **SETTINGS, on_progress=at_epoch(2, KeyboardInterrupt))
    plan = resolve(Arm.parse("lenet5:from_scratch"), manifest, **SETTINGS)
    assert plan.id == run.id
    assert trial.failed(plan, workspace, "the worker died").status == "failed"
    (kept,) = workflow.runs(workspace)
    assert (kept.status, kept.usable) == ("interrupted", True)


def test_an_interrupted_run_is_no_competitor(workspace: Workspace) -> None:
    workflow.train(workspace, "lenet5:from_scratch", **SETTINGS, on_progress=at_epoch(1, KeyboardInterrupt))
    done = workflow.train(workspace, "raw_pixels:linear_probe", size=8)
    assert workflow.runs(workspace).best().id == done.id
    page = workflow.report(workspace).read_text(encoding="utf-8")
    assert "the same command goes on from there" in page


# --- what is told ---


def test_a_training_that_fails_leaves_the_log_of_its_epochs(workspace: Workspace, manifest: Manifest) -> None:
    arm = "lenet5:from_scratch"
    with pytest.raises(CrashError):
        workflow.train(workspace, arm, **SETTINGS, on_progress=at_epoch(2, CrashError))
    plan = resolve(Arm.parse(arm), manifest, **SETTINGS)
    run = trial.failed(plan, workspace, "it crashed", log="Traceback\n")
    told = (run.path / "log.txt").read_text(encoding="utf-8")
    assert "epoch 2 of 3" in told
    assert told.endswith("Traceback\n")


def test_the_log_has_a_line_an_epoch_with_what_happened(workspace: Workspace) -> None:
    run = workflow.train(workspace, "lenet5:from_scratch", **SETTINGS)
    told = (run.path / "log.txt").read_text(encoding="utf-8").splitlines()
    for row in run.history():
        line = next(line for line in told if f"step 1, epoch {row['epoch']:.0f} of 3" in line)
        assert f"loss {row['loss']:.3f}, validation loss {row['validation_loss']:.3f}" in line


def test_tensorboard_reads_the_history_back(workspace: Workspace) -> None:
    run = workflow.train(workspace, "lenet5:from_scratch+warmup", **SETTINGS, tensorboard=True)
    found: dict[tuple[str, str], list[float]] = {}
    for part in ("train", "validation"):
        for path in sorted((run.path / "tensorboard" / part).iterdir()):
            for record in tf.data.TFRecordDataset(str(path)):
                event = tf.compat.v1.Event.FromString(record.numpy())
                for value in event.summary.value:
                    assert value.metadata.plugin_data.plugin_name == "scalars" or event.step > 1
                    found.setdefault((part, value.tag), []).append(float(tf.make_ndarray(value.tensor)))
    history = run.history()
    for (part, tag), column in {
        ("train", "epoch_loss"): "loss",
        ("train", "epoch_accuracy"): "accuracy",
        ("train", "epoch_learning_rate"): "rate",
        ("validation", "epoch_loss"): "validation_loss",
        ("validation", "epoch_accuracy"): "validation_accuracy",
    }.items():
        assert found[part, tag] == pytest.approx([row[column] for row in history], rel=1e-6)


# --- the range test ---


def test_a_range_test_changes_nothing_but_what_is_known(
    workspace: Workspace, tmp_path: Path, photo_folder: Path
) -> None:
    arm = "raw_pixels:frozen_head+dropout"
    plain = workflow.train(workspace, arm, **SETTINGS)
    assert plain.rates() == []
    other = Workspace(tmp_path / "other")
    workflow.load(photo_folder, other)
    workflow.split(other, validation=0.25, test=0.25)
    tested = workflow.train(other, arm, **SETTINGS, find_rate=True)
    same(plain, tested)
    rows = tested.rates()
    assert rows[0]["rate"] == pytest.approx(1e-7)
    rates = numpy.array([row["rate"] for row in rows])
    assert rates[1:] / rates[:-1] == pytest.approx((10 / 1e-7) ** (1 / 99))
    again = workflow.train(workspace, arm, **SETTINGS, find_rate=True)  # the run is there, its curve is not
    assert again.rates() == rows
    assert again.facts["test_opened"] == 2, "and that is said"
    json.dumps(rows)


def test_a_search_for_the_rate_begins_anew_what_was_killed_without_one(workspace: Workspace) -> None:
    arm = "raw_pixels:frozen_head"
    with pytest.raises(CrashError):
        workflow.train(workspace, arm, **SETTINGS, on_progress=at_epoch(2, CrashError))
    run = workflow.train(workspace, arm, **SETTINGS, find_rate=True)
    assert run.rates() and len(run.history()) == 3
    assert "going on" not in (run.path / "log.txt").read_text()


def test_a_finished_run_outlives_an_interrupted_search_for_its_rate(workspace: Workspace) -> None:
    done = workflow.train(workspace, "raw_pixels:frozen_head", **SETTINGS)
    with pytest.raises(KeyboardInterrupt):
        workflow.train(
            workspace, "raw_pixels:frozen_head", **SETTINGS, find_rate=True, on_progress=at_epoch(2, KeyboardInterrupt)
        )
    assert Run.read(done.path) == done


def test_a_solver_has_no_rate_to_search(workspace: Workspace) -> None:
    with pytest.raises(CallError, match="no gradient descent"):
        workflow.train(workspace, "raw_pixels:linear_probe", size=8, find_rate=True)


def test_a_range_test_ends_when_the_loss_has_exploded(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(descent, "HIGHEST_RATE", 1e6)
    run = workflow.train(workspace, "raw_pixels:from_scratch", epochs=1, size=16, find_rate=True)
    rows = run.rates()
    assert len(rows) < 100
    assert max(row["loss"] for row in rows) > 4 * min(row["loss"] for row in rows)
