"""What every file on the backbones' shelf promises, swept over the shelf."""

from __future__ import annotations

import re
from pathlib import Path

import keras
import numpy
import pytest

from transfer.models.backbone import BACKBONES, Backbone
from transfer.shelf import Shelf

SMALLEST = {"alexnet": 67, "resnet20": 8, "raw_pixels": 5, "lenet5": 32}
APPLICATIONS = {
    "vgg16": keras.applications.vgg16,
    "resnet50": keras.applications.resnet50,
    "mobilenet_v2": keras.applications.mobilenet_v2,
    "mobilenet_v2_035": keras.applications.mobilenet_v2,
}


class Built:
    """One backbone and its network at the smallest side that tests need, with random weights."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.backbone: Backbone = BACKBONES[name]
        self.size = SMALLEST.get(name, 32)
        keras.utils.set_random_seed(0)
        self.network = self.backbone.network(self.size)
        self.pictures = numpy.random.default_rng(0).uniform(0, 255, (2, self.size, self.size, 3)).astype("float32")

    def prepared(self) -> numpy.ndarray:
        return numpy.asarray(preprocessing(self)(self.pictures))

    def bottom(self, last: str) -> keras.Model:
        return keras.Model(self.network.input, self.network.get_layer(last).output)

    def top(self, last: str) -> keras.Model:
        return keras.Model(self.network.get_layer(last).output, self.network.output)


def preprocessing(built: Built) -> keras.Model:
    pictures = keras.Input((built.size, built.size, 3))
    return keras.Model(pictures, built.backbone.preprocess(pictures))


@pytest.fixture(scope="module", params=list(BACKBONES))
def built(request: pytest.FixtureRequest) -> Built:
    return Built(request.param)


def test_the_shelf_holds_what_the_first_job_needs() -> None:
    needed = {"vgg16", "resnet50", "mobilenet_v2", "mobilenet_v2_035", "resnet20", "lenet5", "alexnet", "raw_pixels"}
    assert needed <= set(BACKBONES)


@pytest.mark.parametrize("name", list(BACKBONES))
def test_a_summary_is_one_sentence_that_fits_a_line(name: str) -> None:
    assert isinstance(BACKBONES, Shelf)
    summary = BACKBONES.summary(name)
    assert 20 < len(summary) < 120
    assert summary.endswith(".")


def test_facts_are_stated(built: Built) -> None:
    backbone = built.backbone
    assert backbone.title
    assert re.fullmatch(r"https://(arxiv\.org/abs/\d{4}\.\d{4,5}|doi\.org/10\.\d+/\S+)", backbone.paper)
    assert backbone.licence == "Apache-2.0"
    assert backbone.least is None or 1 <= backbone.least <= backbone.size
    assert backbone.pool in ("average", "flatten")
    assert backbone.head.pool in ("average", "flatten")


def test_published_weights_have_a_place_a_licence_and_a_well_formed_hash(built: Built) -> None:
    names = [weights.name for weights in built.backbone.weights]
    assert len(set(names)) == len(names)
    assert "none" not in names
    for weights in built.backbone.weights:
        assert re.fullmatch(r"(package:|\w+/)[\w.]+\.h5", weights.file)
        assert weights.licence in ("Apache-2.0", "MIT", "CC-BY-4.0")
        assert weights.hash is None or re.fullmatch(r"md5:[0-9a-f]{32}|sha256:[0-9a-f]{64}", weights.hash)


def test_the_graph_gives_a_map_of_the_pictures(built: Built) -> None:
    prepared = built.prepared()
    assert prepared.shape[1:] == built.network.input.shape[1:]
    features = built.network.predict(prepared, verbose=0)
    assert features.ndim == 4
    assert numpy.isfinite(features).all()
    assert not numpy.array_equal(features[0], features[1])


def test_a_network_answers_the_same_twice_and_photo_by_photo(built: Built) -> None:
    prepared = built.prepared()
    both = numpy.asarray(built.network(prepared, training=False))
    numpy.testing.assert_array_equal(both, numpy.asarray(built.network(prepared, training=False)))
    alone = numpy.asarray(built.network(prepared[1:], training=False))
    numpy.testing.assert_allclose(alone, both[1:], rtol=1e-4, atol=1e-4 * max(1.0, float(abs(both).max())))


def test_the_network_is_flat(built: Built) -> None:
    assert not any(isinstance(layer, keras.Model) for layer in built.network.layers)


def test_one_tensor_leaves_each_stage_and_the_halves_make_the_whole(built: Built) -> None:
    prepared = built.prepared()
    whole = numpy.asarray(built.network(prepared, training=False))
    for stage in built.backbone.stages[:-1]:
        bottom, top = built.bottom(stage.last), built.top(stage.last)
        # Keras finds the other inputs of a half by itself: none may come from below the cut but the tensor itself.
        shared = {id(layer) for layer in bottom.layers} & {id(layer) for layer in top.layers}
        assert not shared, f"the cut at {stage.last} leaks"
        numpy.testing.assert_array_equal(numpy.asarray(top(bottom(prepared, training=False), training=False)), whole)


def test_every_layer_belongs_to_exactly_one_stage(built: Built) -> None:
    below: set[int] = set()
    for stage in built.backbone.stages:
        layers = {id(layer) for layer in built.bottom(stage.last).layers}
        assert below < layers, f"stage {stage.name} adds nothing"
        below = layers
    assert below == {id(layer) for layer in built.network.layers}
    names = [stage.name for stage in built.backbone.stages]
    assert len(set(names)) == len(names)


def test_the_last_stage_ends_at_the_output(built: Built) -> None:
    last = built.backbone.stages[-1].last
    assert built.network.get_layer(last).output is built.network.output


def test_the_stages_are_the_same_at_the_usual_size(built: Built) -> None:
    if built.size == built.backbone.size:
        pytest.skip("this is the usual size")
    usual = built.backbone.network(built.backbone.size)
    assert usual.count_params() == built.network.count_params()
    for stage in built.backbone.stages:
        assert usual.get_layer(stage.last).output.shape[-1] == built.network.get_layer(stage.last).output.shape[-1]


def test_every_size_from_the_least_on_is_taken(built: Built) -> None:
    if built.backbone.least is None:
        pytest.skip("it takes its usual size only")
    for size in (built.backbone.least, built.backbone.least + 1):
        pictures = numpy.zeros((1, *built.backbone.network(size).input.shape[1:]), "float32")
        assert numpy.asarray(built.backbone.network(size)(pictures)).size > 0


@pytest.mark.parametrize("name", sorted(APPLICATIONS))
def test_preprocessing_is_that_of_the_published_weights(name: str) -> None:
    built = Built(name)
    expected = APPLICATIONS[name].preprocess_input(built.pictures.copy())
    numpy.testing.assert_allclose(built.prepared(), expected, rtol=1e-6, atol=1e-5)


def test_preprocessing_survives_saving(built: Built, tmp_path: Path) -> None:
    model = preprocessing(built)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    numpy.testing.assert_array_equal(numpy.asarray(again(built.pictures)), built.prepared())


# Keras 3.15 turns its own variables to arrays in a way that NumPy 2 asks to change.
@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning")
@pytest.mark.parametrize("name", sorted(set(BACKBONES) - set(APPLICATIONS)))
def test_a_network_of_our_own_survives_saving(name: str, tmp_path: Path) -> None:
    built = Built(name)
    built.network.save(tmp_path / "network.keras")
    again = keras.saving.load_model(tmp_path / "network.keras")
    prepared = built.prepared()
    numpy.testing.assert_array_equal(numpy.asarray(again(prepared)), numpy.asarray(built.network(prepared)))
