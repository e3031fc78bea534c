"""Engines answer as Keras does, in order, and leave what they are shown alone."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Callable
from pathlib import Path

import keras
import numpy
import pytest

from transfer import workflow
from transfer.errors import CallError, TrainingError
from transfer.models.backbone import BACKBONES
from transfer.models.classifier import Classifier
from transfer.strategy import Head
from transfer.training import engine as engines
from transfer.training.engine import BATCH, Engine
from transfer.workspace import Workspace

SIZE = 16
HERE = importlib.util.find_spec("openvino") is not None
needs_openvino = pytest.mark.skipif(not HERE, reason="OpenVINO is not installed: transfer[cpu]")


@pytest.fixture(scope="module")
def network() -> keras.Model:
    keras.utils.set_random_seed(3)
    classifier = Classifier(BACKBONES["resnet20"], Head(), classes=3, size=SIZE)
    return classifier.bottom(classifier.last_cut)


@pytest.fixture(scope="module")
def pictures() -> numpy.ndarray:
    return numpy.random.default_rng(0).integers(0, 256, (2 * BATCH + 5, SIZE, SIZE, 3)).astype("uint8")


@pytest.fixture
def build(network: keras.Model, tmp_path: Path) -> Callable[..., Engine]:
    def make(name: str, precision: str = "float32", network: Callable[[], keras.Model] = lambda: network) -> Engine:
        keep = Workspace(tmp_path).replacing
        return engines.build(name, precision, network, size=SIZE, kept=tmp_path / "network", keep=keep)

    return make


def ask(engine: Engine, pictures: numpy.ndarray) -> numpy.ndarray:
    """Batches of a wanted size, the last one shorter."""
    return numpy.concatenate(list(engine.answers(pictures[at : at + BATCH] for at in range(0, len(pictures), BATCH))))


@pytest.mark.parametrize("name", ["tensorflow", "keras", pytest.param("openvino", marks=needs_openvino)])
def test_every_engine_answers_as_keras_does_in_order_and_leaves_its_input_alone(
    name: str, build: Callable[..., Engine], network: keras.Model, pictures: numpy.ndarray
) -> None:
    before = hashlib.sha256(pictures.tobytes()).hexdigest()
    engine, theirs = build(name), network(pictures, training=False).numpy()
    ours = ask(engine, pictures)
    assert ours.shape == (len(pictures), *engine.shape)
    assert numpy.abs(ours - theirs).max() <= 3e-5 * numpy.abs(theirs).max()
    assert numpy.abs(ask(engine, pictures[::-1].copy())[::-1] - ours).max() <= 1e-5 * numpy.abs(theirs).max()
    assert hashlib.sha256(pictures.tobytes()).hexdigest() == before
    assert engine.facts["parameters"] == network.count_params()
    assert engine.facts["latency_ms"] > 0


def test_the_usual_engine_is_the_fastest_there_is_or_the_named_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRANSFER_ENGINE")
    assert engines.usual() == ("openvino" if HERE else "tensorflow")
    monkeypatch.setenv("TRANSFER_ENGINE", "tensorflow")
    assert engines.usual() == "tensorflow"


@needs_openvino
def test_a_kept_network_needs_no_keras(build: Callable[..., Engine], pictures: numpy.ndarray) -> None:
    def never() -> keras.Model:
        raise AssertionError("it was built again")

    first = ask(build("openvino"), pictures)
    again = build("openvino", network=never)
    assert (ask(again, pictures) == first).all()
    assert again.facts == build("openvino", network=never).facts


@needs_openvino
def test_a_network_whose_description_was_not_written_is_converted_again(
    build: Callable[..., Engine], pictures: numpy.ndarray, tmp_path: Path
) -> None:
    first = ask(build("openvino"), pictures)
    (tmp_path / "network.xml").unlink()  # it is written last
    assert (ask(build("openvino"), pictures) == first).all()


@needs_openvino
def test_a_network_that_does_not_answer_as_keras_does_is_not_used(
    build: Callable[..., Engine], pictures: numpy.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "AGREEMENT", 1e-12)
    with pytest.raises(TrainingError, match="as Keras"):
        ask(build("openvino"), pictures)


@needs_openvino
def test_bfloat16_is_near_and_not_equal(build: Callable[..., Engine], pictures: numpy.ndarray) -> None:
    exact, short = ask(build("openvino"), pictures), ask(build("openvino", "bfloat16"), pictures)
    off = numpy.linalg.norm(short - exact) / numpy.linalg.norm(exact)
    assert off < 0.2, "a machine without bfloat16 may answer in float32, which is no error"


@pytest.mark.parametrize(("name", "precision"), [("tensorrt", "float32"), ("tensorflow", "bfloat16")])
def test_what_no_engine_can_do_is_a_wrong_call(build: Callable[..., Engine], name: str, precision: str) -> None:
    with pytest.raises(CallError):
        build(name, precision)


@needs_openvino
def test_engine_and_precision_stand_in_the_run_and_decide_it(workspace: Workspace, weights_file: Path) -> None:
    arm = f"resnet20@{weights_file}:linear_probe"
    one, other = (workflow.train(workspace, arm, engine=name) for name in ("openvino", "tensorflow"))
    assert [run.facts["engine"] for run in (one, other)] == ["openvino", "tensorflow"]
    assert one.id != other.id
    assert one.predictions("test").probabilities == pytest.approx(other.predictions("test").probabilities, abs=2e-2)
