"""Engines answer as Keras does, in order, and leave what they are shown alone."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.util
from collections.abc import Callable
from pathlib import Path

import keras
import numpy
import pytest
import tensorflow as tf

from tests.training.tiny import TinyPlan
from transfer.arm import Arm
from transfer.errors import CallError, TrainingError
from transfer.manifest import Manifest
from transfer.models.backbone import BACKBONES
from transfer.models.classifier import Classifier
from transfer.strategy import Head, Solver, Strategy
from transfer.training import engine as engines
from transfer.training import room
from transfer.training.engine import BATCH, Engine
from transfer.training.trial import run_trial
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
    """An engine whose network was never converted."""

    def make(name: str, precision: str = "float32") -> Engine:
        keep = Workspace(tmp_path).replacing
        return engines.build(name, precision, lambda: network, size=SIZE, kept=tmp_path / "network", keep=keep)

    return make


@pytest.fixture(scope="module")
def converted(network: keras.Model, pictures: numpy.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the network lies as OpenVINO reads it, once it has answered as Keras does."""
    folder = tmp_path_factory.mktemp("converted")
    keep = Workspace(folder).replacing
    ask(engines.build("openvino", "float32", lambda: network, size=SIZE, kept=folder / "network", keep=keep), pictures)
    return folder / "network"


def again(converted: Path, precision: str = "float32") -> Engine:
    """An engine whose network was converted before."""

    def never(*_: object) -> keras.Model:
        raise AssertionError("it was built again")

    return engines.build("openvino", precision, never, size=SIZE, kept=converted, keep=never)


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


@pytest.mark.parametrize("name", ["keras", pytest.param("openvino", marks=needs_openvino)])
def test_pictures_whose_maps_are_large_go_in_smaller_batches(
    name: str,
    build: Callable[..., Engine],
    request: pytest.FixtureRequest,
    pictures: numpy.ndarray,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def make() -> Engine:
        return again(request.getfixturevalue("converted")) if name == "openvino" else build(name)

    usual = make()
    cores = room.threads() if name == "keras" else 1
    # Its first maps have 16 channels of floats; some layers see them with an edge of zeros around.
    monkeypatch.setattr(room, "EACH", 7 * 2 * (SIZE + 2) ** 2 * 16 * 4 // cores)
    engine = make()
    assert 7 <= engine.batch <= 8 < usual.batch
    given = numpy.array_split(pictures, range(engine.batch, len(pictures), engine.batch))
    ours = numpy.concatenate(list(engine.answers(given)))
    assert ours == pytest.approx(ask(usual, pictures), abs=1e-4)
    monkeypatch.setattr(room, "EACH", 1)
    assert make().batch == 1


def test_what_finds_no_memory_is_halved_and_later_batches_are_no_larger(
    build: Callable[..., Engine], pictures: numpy.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = build("keras")
    answer, fits, tried = engine._answer, 5, []  # type: ignore[attr-defined]

    def cramped(pictures: tf.Tensor) -> tf.Tensor:
        tried.append(len(pictures))
        if len(pictures) > fits:
            raise tf.errors.ResourceExhaustedError(None, None, "no room")
        return answer(pictures)

    whole = ask(engine, pictures)
    monkeypatch.setattr(engine, "_answer", cramped)
    assert ask(engine, pictures) == pytest.approx(whole, abs=1e-4)
    assert tried == [16, 8, *[4] * (len(pictures) // 4), len(pictures) % 4]
    assert engine.batch == 4
    fits = 0
    with pytest.raises(tf.errors.ResourceExhaustedError):
        ask(engine, pictures)
    assert tried[-3:] == [4, 2, 1]


def test_the_usual_engine_is_the_fastest_there_is_or_the_named_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRANSFER_ENGINE")
    assert engines.usual() == ("openvino" if HERE else "tensorflow")
    monkeypatch.setenv("TRANSFER_ENGINE", "tensorflow")
    assert engines.usual() == "tensorflow"


@needs_openvino
def test_a_kept_network_needs_no_keras(converted: Path, network: keras.Model, pictures: numpy.ndarray) -> None:
    theirs = network(pictures, training=False).numpy()
    one, other = again(converted), again(converted)
    assert numpy.abs(ask(one, pictures) - theirs).max() <= 3e-5 * numpy.abs(theirs).max()
    assert one.facts == other.facts


@needs_openvino
def test_a_network_whose_description_was_not_written_is_converted_again(
    build: Callable[..., Engine], converted: Path, pictures: numpy.ndarray, tmp_path: Path
) -> None:
    for suffix in (".json", ".bin"):  # the description is written last
        (tmp_path / "network").with_suffix(suffix).write_bytes(b"of another network")
    assert (ask(build("openvino"), pictures) == ask(again(converted), pictures)).all()
    assert (tmp_path / "network.xml").exists()


@needs_openvino
def test_a_network_that_does_not_answer_as_keras_does_is_not_used(
    build: Callable[..., Engine], pictures: numpy.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "AGREEMENT", 1e-12)
    for _ in range(2):  # nor is it when it lies there already
        with pytest.raises(TrainingError, match="as Keras"):
            ask(build("openvino"), pictures)


@needs_openvino
def test_a_network_whose_check_was_cut_short_is_checked_at_the_next_start_and_then_no_more(
    network: keras.Model, pictures: numpy.ndarray, tmp_path: Path
) -> None:
    built: list[keras.Model] = []

    def build() -> keras.Model:
        built.append(network)
        return network

    def start() -> Engine:
        keep = Workspace(tmp_path).replacing
        return engines.build("openvino", "float32", build, size=SIZE, kept=tmp_path / "network", keep=keep)

    first = start()  # killed before it answers
    answers = ask(start(), pictures)
    assert len(built) == 2
    third = start()
    assert len(built) == 2
    assert (ask(third, pictures) == answers).all()
    assert third.facts == first.facts


@needs_openvino
def test_bfloat16_is_near_and_not_equal_and_refused_where_the_processor_has_none(
    converted: Path, pictures: numpy.ndarray
) -> None:
    import openvino

    if "BF16" not in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        with pytest.raises(CallError, match=r"does not compute in bfloat16.*FP32"):
            again(converted, "bfloat16")
        return
    exact, short = ask(again(converted), pictures), ask(again(converted, "bfloat16"), pictures)
    assert 1e-4 < numpy.linalg.norm(short - exact) / numpy.linalg.norm(exact) < 0.2


@pytest.mark.parametrize(("name", "precision"), [("tensorrt", "float32"), ("tensorflow", "bfloat16")])
def test_what_no_engine_can_do_is_a_wrong_call(build: Callable[..., Engine], name: str, precision: str) -> None:
    with pytest.raises(CallError):
        build(name, precision)


def test_an_engine_that_is_not_here_is_said_in_three_beats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(CallError, match=r"not installed\. Received: --engine openvino\. Run `pip install"):
        engines.check("openvino", "float32")


@needs_openvino
def test_engine_and_precision_stand_in_the_run_and_decide_it(workspace: Workspace, manifest: Manifest) -> None:
    strategy = Strategy(True, Head(), (Solver(penalties=(1.0,)),))
    plan = TinyPlan(Arm("tiny"), strategy, None, SIZE, 0, None, manifest.labels, manifest.training_digest())
    plans = [dataclasses.replace(plan, engine=name) for name in ("openvino", "tensorflow")]
    one, other = (run_trial(plan, manifest, workspace) for plan in plans)
    assert [run.facts["engine"] for run in (one, other)] == ["openvino", "tensorflow"]
    assert len({one.id, other.id, dataclasses.replace(plans[0], precision="bfloat16").id}) == 3
    assert one.predictions("test").probabilities == pytest.approx(other.predictions("test").probabilities, abs=1e-3)
