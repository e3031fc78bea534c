"""What every file on the backbones' shelf promises, swept over the shelf."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cached_property, partial
from pathlib import Path
from types import ModuleType

import keras
import numpy
import pytest

from transfer.models.backbone import BACKBONES, Backbone
from transfer.shelf import Shelf

SMALLEST = {"alexnet": 67, "resnet20": 8, "raw_pixels": 5, "lenet5": 32, "inception_v3": 75, "xception": 71}
APPLICATIONS: dict[str, tuple[Callable[..., keras.Model], ModuleType]] = {
    "vgg16": (keras.applications.VGG16, keras.applications.vgg16),
    "vgg19": (keras.applications.VGG19, keras.applications.vgg19),
    "resnet50": (keras.applications.ResNet50, keras.applications.resnet),
    "resnet101": (keras.applications.ResNet101, keras.applications.resnet),
    "resnet152": (keras.applications.ResNet152, keras.applications.resnet),
    "resnet50_v2": (keras.applications.ResNet50V2, keras.applications.resnet_v2),
    "inception_v3": (keras.applications.InceptionV3, keras.applications.inception_v3),
    "xception": (keras.applications.Xception, keras.applications.xception),
    "densenet121": (keras.applications.DenseNet121, keras.applications.densenet),
    "mobilenet": (keras.applications.MobileNet, keras.applications.mobilenet),
    "mobilenet_v2": (keras.applications.MobileNetV2, keras.applications.mobilenet_v2),
    "mobilenet_v2_035": (partial(keras.applications.MobileNetV2, alpha=0.35), keras.applications.mobilenet_v2),
    "efficientnet_v2_b0": (keras.applications.EfficientNetV2B0, keras.applications.efficientnet_v2),
    "convnext_tiny": (keras.applications.ConvNeXtTiny, keras.applications.convnext),
}
"""What Keras has under another name: how it builds it, and the module with its preprocessing."""
DEEP = {"resnet101", "resnet152"}
"""Built as ResNet-50 is, from the same file, with more blocks: looked at, not run."""


class Built:
    """One backbone and its network at the smallest side that tests need, with random weights."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.backbone: Backbone = BACKBONES[name]
        self.size = SMALLEST.get(name, 32)
        keras.utils.set_random_seed(0)
        if name in DEEP:
            self.network = without_weights(lambda: self.backbone.network(self.size))
        else:
            self.network = self.backbone.network(self.size)
        self.pictures = numpy.random.default_rng(0).uniform(0, 255, (2, self.size, self.size, 3)).astype("float32")

    @cached_property
    def prepared(self) -> numpy.ndarray:
        return numpy.asarray(preprocessing(self)(self.pictures))

    @cached_property
    def features(self) -> numpy.ndarray:
        return numpy.asarray(self.network(self.prepared, training=False))

    def bottom(self, last: str) -> keras.Model:
        return keras.Model(self.network.input, self.network.get_layer(last).output)


def without_weights(build: Callable[[], keras.Model]) -> keras.Model:
    """A network whose weights have shapes and no values: quicker to build, and small however deep it is."""
    with keras.StatelessScope(initialize_variables=False):
        network = build()
    keras.utils.clear_session()  # else whoever builds next gives these weights their values too
    return network


def preprocessing(built: Built) -> keras.Model:
    pictures = keras.Input((built.size, built.size, 3))
    return keras.Model(pictures, built.backbone.preprocess(pictures))


@pytest.fixture(scope="module", params=list(BACKBONES))
def built(request: pytest.FixtureRequest) -> Built:
    return Built(request.param)


@pytest.fixture
def running(built: Built) -> Built:
    if built.name in DEEP:
        pytest.skip("too deep to be run here")
    return built


def test_the_shelf_holds_the_networks_of_the_lectures_and_those_of_keras() -> None:
    assert {"resnet20", "lenet5", "alexnet", "raw_pixels", *APPLICATIONS} <= set(BACKBONES)


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
        assert re.fullmatch(r"(package:|\w+/)[\w.-]+\.h5", weights.file)
        assert weights.licence in ("Apache-2.0", "MIT", "CC-BY-4.0", "BSD-3-Clause")
        assert weights.hash is None or re.fullmatch(r"md5:[0-9a-f]{32}|sha256:[0-9a-f]{64}", weights.hash)


def test_the_graph_takes_what_preprocessing_gives_and_gives_a_map(built: Built) -> None:
    assert built.prepared.shape[1:] == built.network.input.shape[1:]
    assert len(built.network.output.shape) == 4


def test_the_map_depends_on_the_picture(running: Built) -> None:
    features = running.features
    assert numpy.isfinite(features).all()
    assert not numpy.array_equal(features[0], features[1])


def test_a_network_answers_photo_by_photo_as_it_does_together(running: Built) -> None:
    alone, both = numpy.asarray(running.network(running.prepared[1:], training=False)), running.features
    numpy.testing.assert_allclose(alone, both[1:], rtol=1e-4, atol=1e-4 * max(1.0, float(abs(both).max())))


def test_no_batch_norm_and_no_end_of_a_stage_hides_in_a_nested_network(built: Built) -> None:
    # Whoever freezes statistics looks at the network's own layers.
    for nested in (layer for layer in built.network.layers if isinstance(layer, keras.Model)):
        assert not any(isinstance(layer, keras.layers.BatchNormalization) for layer in nested.layers)
        assert not {layer.name for layer in nested.layers} & {stage.last for stage in built.backbone.stages}


def test_one_tensor_leaves_each_stage(built: Built) -> None:
    for stage in built.backbone.stages[:-1]:
        # Keras finds the other inputs of a half by itself: none may come from below the cut but the tensor itself.
        top = keras.Model(built.network.get_layer(stage.last).output, built.network.output)
        shared = {id(layer) for layer in built.bottom(stage.last).layers} & {id(layer) for layer in top.layers}
        assert not shared, f"the cut at {stage.last} leaks"


def test_the_stages_one_after_the_other_make_the_whole(running: Built) -> None:
    kept, between = running.prepared, running.network.input
    for stage in running.backbone.stages:
        end = running.network.get_layer(stage.last).output
        kept, between = keras.Model(between, end)(kept, training=False), end
    numpy.testing.assert_array_equal(numpy.asarray(kept), running.features)


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


def test_the_stages_are_the_same_at_the_usual_size_and_in_a_second_network(built: Built) -> None:
    if built.size == built.backbone.size:
        pytest.skip("this is the usual size")
    usual = without_weights(lambda: built.backbone.network(built.backbone.size))
    assert usual.count_params() == built.network.count_params()
    for stage in built.backbone.stages:
        assert usual.get_layer(stage.last).output.shape[-1] == built.network.get_layer(stage.last).output.shape[-1]


def test_every_size_from_the_least_on_is_taken(built: Built) -> None:
    if built.backbone.least is None:
        pytest.skip("it takes its usual size only")
    for size in (built.backbone.least, built.backbone.least + 1):
        pictures = numpy.zeros((1, *built.backbone.network(size).input.shape[1:]), "float32")
        assert numpy.asarray(built.backbone.network(size)(pictures)).size > 0


def test_features_are_those_that_keras_gives_with_the_same_weights(running: Built) -> None:
    if running.name not in APPLICATIONS:
        pytest.skip("a network of our own")
    build, module = APPLICATIONS[running.name]
    shape = (running.size, running.size, 3)
    # As Keras gives it to everyone: with the preprocessing inside, where it has one inside.
    twin = without_weights(lambda: build(input_shape=shape, include_top=False, weights=None))
    assert twin.count_params() == running.network.count_params()
    values = [
        [variable.value for variable in variables]
        for variables in (running.network.trainable_variables, running.network.non_trainable_variables)
    ]
    expected, _ = twin.stateless_call(*values, module.preprocess_input(running.pictures.copy()), training=False)
    ours = running.features
    scale = float(abs(ours).max())
    numpy.testing.assert_allclose(ours / scale, numpy.asarray(expected) / scale, atol=2e-5)
    assert ours.std() > 0


@pytest.mark.parametrize("name", sorted(DEEP))
def test_what_is_too_deep_to_be_run_prepares_pictures_and_counts_as_keras_does(name: str) -> None:
    built = Built(name)
    build, module = APPLICATIONS[name]
    twin = without_weights(lambda: build(input_shape=(32, 32, 3), include_top=False, weights=None))
    numpy.testing.assert_array_equal(built.prepared, module.preprocess_input(built.pictures.copy()))
    assert built.network.output.shape == twin.output.shape
    shapes = [[tuple(weight.shape) for weight in network.weights] for network in (built.network, twin)]
    assert shapes[0] == shapes[1]


def test_preprocessing_survives_saving(built: Built, tmp_path: Path) -> None:
    model = preprocessing(built)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    numpy.testing.assert_array_equal(numpy.asarray(again(built.pictures)), built.prepared)


# Keras 3.15 turns its own variables to arrays in a way that NumPy 2 asks to change.
@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning")
@pytest.mark.parametrize("name", sorted(set(BACKBONES) - set(APPLICATIONS)))
def test_a_network_of_our_own_survives_saving(name: str, tmp_path: Path) -> None:
    built = Built(name)
    built.network.save(tmp_path / "network.keras")
    again = keras.saving.load_model(tmp_path / "network.keras")
    prepared = built.prepared
    numpy.testing.assert_array_equal(numpy.asarray(again(prepared)), numpy.asarray(built.network(prepared)))
