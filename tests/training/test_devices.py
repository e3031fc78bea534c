"""Precision and several devices: a GPU's part is played by the CPU, or by two logical ones in another process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy
import pytest

from transfer import workflow
from transfer.errors import CallError
from transfer.manifest import Manifest
from transfer.models.classifier import Classifier
from transfer.run import Run
from transfer.strategy import Phase
from transfer.training import devices, rates, trial
from transfer.training.descent import Descent
from transfer.workspace import Workspace

TWO = """
import json, sys
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from transfer import workflow
from transfer.models.rebuild import rebuild
from transfer.training import devices
told = []
for gpus in (None, 2):
    # Where one trains, its batches are sent to the second device and come back; where two do, each has its share.
    devices._devices = lambda: [device.name for device in tf.config.list_logical_devices("CPU")][::-1]
    run = workflow.train(sys.argv[1], "lenet5:from_scratch+ema", epochs=2, size=16, gpus=gpus)
    told.append({
        "id": run.id,
        "history": run.history(),
        "probabilities": run.predictions("test").probabilities.tolist(),
        "command": run.facts["command"],
    })
    arm = "raw_pixels:frozen_head+batch_norm_head"
    run = workflow.train(sys.argv[1], arm, per_class=3, epochs=3, size=16, gpus=gpus)
    norm = next(layer for layer in rebuild(run).scores.layers if hasattr(layer, "moving_mean"))
    told[-1]["statistics"] = [weight.numpy().tolist() for weight in (norm.moving_mean, norm.moving_variance)]
print(json.dumps(told))
"""


def test_two_devices_together_learn_what_one_learns(workspace: Workspace) -> None:
    said = subprocess.run(
        [sys.executable, "-c", TWO, str(workspace.root)],
        capture_output=True,
        text=True,
        check=False,
        env={"TF_CPP_MIN_LOG_LEVEL": "3"} | os.environ,
    )
    assert said.returncode == 0, said.stderr
    one, two = json.loads(said.stdout.splitlines()[-1])
    assert one["id"] != two["id"]
    assert "--gpus 2" in two["command"]
    for name in ("loss", "accuracy", "validation_loss"):
        assert [row[name] for row in two["history"]] == pytest.approx([row[name] for row in one["history"]], rel=1e-4)
    assert numpy.array(two["probabilities"]) == pytest.approx(numpy.array(one["probabilities"]), abs=1e-4)
    # Of nine photos two devices would have five and four: one comes again.
    assert numpy.array(two["statistics"]) == pytest.approx(numpy.array(one["statistics"]), rel=1e-4), "of all photos"


def test_each_device_clips_its_share_of_the_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    phase = Phase(epochs=1, rate=0.1, clip=1.0)
    assert rates.optimizer(phase).global_clipnorm == 1.0
    monkeypatch.setattr(devices, "together", lambda: 4)
    assert rates.optimizer(phase).global_clipnorm == 0.25


def test_more_gpus_than_there_are_is_said(workspace: Workspace) -> None:
    with pytest.raises(CallError, match="GPUs"):
        workflow.train(workspace, "lenet5:from_scratch", epochs=1, size=16, gpus=2)
    assert keras.config.dtype_policy().name == "float32"


@pytest.fixture
def mixed(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> tuple[Run, Classifier]:
    """A run in mixed precision, and the network that it was made with."""
    trial._LATEST.clear()
    run = workflow.train(workspace, "lenet5:from_scratch", epochs=3, size=16, engine="keras", precision="bfloat16")
    (loop,) = trial._LATEST.values()
    return run, loop.classifier


def test_mixed_precision_computes_in_bfloat16_and_keeps_float32(
    workspace: Workspace, manifest: Manifest, mixed: tuple[Run, Classifier]
) -> None:
    run, classifier = mixed
    computing = {layer.compute_dtype for layer in classifier.network.layers if layer.weights}
    assert computing == {"bfloat16"}
    assert {weight.dtype for weight in classifier.network.weights} == {"float32"}
    assert classifier.scores.get_layer("logits").compute_dtype == "float32"
    assert (run.facts["engine"], run.facts["precision"]) == ("keras", "bfloat16")
    kept = run.predictions("test").probabilities
    assert kept.sum(axis=1) == pytest.approx(numpy.ones(len(kept)), abs=1e-5)
    assert keras.config.dtype_policy().name == "float32", "what comes next computes as ever"
    exact = workflow.train(workspace, "lenet5:from_scratch", epochs=3, size=16)
    assert exact.id != run.id
    losses = [[row["loss"] for row in one.history()] for one in (run, exact)]
    assert losses[0] != losses[1]
    assert losses[0] == pytest.approx(losses[1], rel=0.05)
    answers = workflow.predict(run.path, [workspace.photo_path(photo.file_name) for photo in manifest.part("test")])
    served = {photo.id: answer.probability for photo, answer in zip(manifest.part("test"), answers, strict=True)}
    for photo, row in zip(run.predictions("test").photos, kept, strict=True):
        assert served[photo] == pytest.approx(row.max(), abs=0.05)


def test_an_engine_without_the_precision_says_which_has_it(workspace: Workspace, weights_file: Path) -> None:
    with pytest.raises(CallError, match="openvino"):
        workflow.train(
            workspace, f"resnet20@{weights_file}:linear_probe", size=16, engine="tensorflow", precision="bfloat16"
        )


def test_without_a_gpu_no_step_is_compiled_by_xla() -> None:
    """Keras chooses; on processors XLA's convolutions are the slower ones."""
    start = keras.Input((4,))
    model = keras.Model(start, keras.layers.Dense(3)(start))
    Descent(model, model, Phase(epochs=1, rate=0.1), 0)
    assert model.jit_compile is False


@pytest.mark.parametrize(
    ("engine", "precision", "policy"),
    [
        ("keras", "bfloat16", "mixed_bfloat16"),
        ("keras", "float32", "float32"),
        ("openvino", "bfloat16", "float32"),  # only what is frozen computes there
    ],
)
def test_what_keras_computes_in_follows_engine_and_precision(engine: str, precision: str, policy: str) -> None:
    assert devices.policy(engine, precision) == policy
