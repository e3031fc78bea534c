"""Presets of KerasHub as backbones: where they are cut, what is refused, and one from the cache to its features."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import keras
import numpy
import pytest

from transfer.errors import CallError, WeightsError
from transfer.models.backbone import BACKBONES
from transfer.models.backbones._keras_hub import ends_of_stages, of_preset
from transfer.models.classifier import Classifier
from transfer.models.weights import load, locate
from transfer.strategy import Head

PRESET = "resnet_18_imagenet"


@pytest.fixture
def hub() -> ModuleType:
    return pytest.importorskip("keras_hub", reason="KerasHub is not installed (extra hub)")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty place of kagglehub, and no way out to fill it."""
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path))
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "https_proxy", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    of_preset.cache_clear()
    yield tmp_path
    of_preset.cache_clear()


@pytest.mark.parametrize(
    ("name", "stem"), [("resnet50", "conv1_relu"), ("mobilenet", "conv_pw_1_relu"), ("densenet121", "conv1_relu")]
)
def test_stages_are_found_where_a_map_size_ends(name: str, stem: str) -> None:
    with keras.StatelessScope(initialize_variables=False):
        network = BACKBONES[name].network(64)  # at this size no two stages have maps of one size
    keras.utils.clear_session()
    found = [network.layers[place].name for place in ends_of_stages(network)]
    expected = {
        "resnet50": [f"conv{number}_block{count}_out" for number, count in ((2, 3), (3, 4), (4, 6), (5, 3))],
        "mobilenet": [f"conv_pw_{number}_relu" for number in (3, 5, 11, 13)],
        "densenet121": ["pool2_conv", "pool3_conv", "pool4_conv", "relu"],  # the pooling behind has no weights
    }[name]
    assert found == [stem, *expected]


def test_where_branches_run_side_by_side_there_is_no_cut() -> None:
    picture = keras.Input((16, 16, 3))
    left = keras.layers.Conv2D(4, 3, padding="same", name="left")(picture)
    right = keras.layers.Conv2D(4, 3, padding="same", name="right")(picture)
    joined = keras.layers.Add(name="joined")([left, right])
    halved = keras.layers.MaxPooling2D(name="halved")(joined)
    bare = keras.layers.Conv2D(4, 3, padding="same", name="conv")(halved) + halved  # a sum that is no layer
    network = keras.Model(picture, keras.layers.ReLU(name="end")(bare))
    assert [network.layers[place].name for place in ends_of_stages(network)] == ["joined", "end"]


def test_without_keras_hub_the_error_says_how_to_have_it() -> None:
    if importlib.util.find_spec("keras_hub"):
        pytest.skip("KerasHub is installed")
    assert f"keras_hub:{PRESET}" in BACKBONES
    assert not any(name.startswith("keras_hub") for name in BACKBONES)
    with pytest.raises(CallError, match=r"(?s)not installed.*Received: .*pip install 'transfer.hub.'"):
        BACKBONES[f"keras_hub:{PRESET}"]


def test_a_broken_keras_hub_is_not_called_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "keras_hub").mkdir()
    (tmp_path / "keras_hub" / "__init__.py").write_text("raise ImportError('cannot import name kagglesdk')")
    monkeypatch.delitem(sys.modules, "keras_hub", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    said = r"cannot be imported\. Received: cannot import name kagglesdk\. Run `pip install -U keras-hub kagglehub"
    with pytest.raises(CallError, match=said):
        BACKBONES["keras_hub:no_such_preset"]


def test_an_unknown_preset_is_refused_with_the_nearest(hub: ModuleType) -> None:
    with pytest.raises(CallError, match=r"(?s)no preset of this name.*resnet_50_imagnet.*resnet_50_imagenet"):
        BACKBONES["keras_hub:resnet_50_imagnet"]


def test_without_a_network_the_error_says_what_to_bring(hub: ModuleType, cache: Path) -> None:
    with pytest.raises(WeightsError, match=r"(?s)could not be fetched.*Received: .*KAGGLEHUB_CACHE"):
        BACKBONES[f"keras_hub:{PRESET}"]


def test_a_kept_preset_becomes_a_backbone_with_its_own_features(hub: ModuleType, cache: Path) -> None:
    theirs = seed(hub, cache, PRESET)
    backbone = BACKBONES[f"keras_hub:{PRESET}"]
    assert backbone.size == 96
    located = locate(f"keras_hub:{PRESET}", backbone, None, pretrained=True)
    assert located is not None and located.name == "preset"
    network = backbone.network(96)
    before = numpy.asarray(network(numpy.ones((1, 96, 96, 3), "float32")))
    load(network, located.path)
    pictures = numpy.random.default_rng(0).uniform(0, 255, (2, 96, 96, 3)).astype("float32")
    converter = hub.layers.ImageConverter.from_preset(PRESET, image_size=(96, 96))
    expected = numpy.asarray(theirs(converter(pictures), training=False))
    numpy.testing.assert_allclose(numpy.asarray(network(backbone.preprocess(pictures))), expected, rtol=1e-4, atol=1e-5)
    assert not numpy.allclose(before, numpy.asarray(network(numpy.ones((1, 96, 96, 3), "float32"))))
    assert network.count_params() == theirs.count_params()


def test_a_kept_preset_is_cut_and_thawed_as_any_backbone(hub: ModuleType, cache: Path) -> None:
    seed(hub, cache, PRESET)
    backbone = BACKBONES[f"keras_hub:{PRESET}"]
    classifier = Classifier(backbone, Head(), classes=3, size=64)
    assert len(backbone.stages) >= 4
    pictures = numpy.random.default_rng(1).integers(0, 255, (2, 64, 64, 3), "uint8")
    whole = numpy.asarray(classifier.top(0)(pictures, training=False))
    for cut in range(1, classifier.last_cut + 1):
        halves = classifier.top(cut)(classifier.bottom(cut)(pictures, training=False), training=False)
        numpy.testing.assert_allclose(numpy.asarray(halves), whole, rtol=1e-4, atol=1e-5)
    classifier.thaw(1, batch_norm="adapt")
    assert 0 < len(classifier.network.trainable_variables) < len(classifier.network.variables)


def test_a_preset_that_calls_its_size_otherwise_is_built_at_the_size_asked_for(hub: ModuleType, cache: Path) -> None:
    preset = "efficientnet_b0_ra_imagenet"
    folder = place(hub, cache, preset)
    stages = {"width_coefficients": 1.0, "depth_coefficients": 1.0, "kernel_sizes": 3, "num_repeats": 1}
    network = hub.models.EfficientNetBackbone(
        **{f"stackwise_{name}": [value] * 3 for name, value in stages.items()},
        stackwise_input_filters=[8, 8, 16],
        stackwise_output_filters=[8, 16, 24],
        stackwise_expansion_ratios=[1, 4, 4],
        stackwise_strides=[1, 2, 2],
        stackwise_squeeze_and_excite_ratios=[0.25] * 3,
        stackwise_block_types=["v1"] * 3,
    )
    network.save_to_preset(folder)
    hub.layers.EfficientNetImageConverter(image_size=(64, 64), scale=1 / 255).save_to_preset(folder)
    complete(cache, hub, preset)
    backbone = BACKBONES[f"keras_hub:{preset}"]
    classifier = Classifier(backbone, Head(), classes=3, size=32)
    assert classifier.network.input.shape == (None, 32, 32, 3)
    assert len(backbone.stages) >= 3


def test_a_preset_of_text_is_refused(hub: ModuleType, cache: Path) -> None:
    preset = "bert_tiny_en_uncased"
    folder = place(hub, cache, preset)
    hub.models.BertBackbone(
        vocabulary_size=10, num_layers=1, num_heads=1, hidden_dim=4, intermediate_dim=4
    ).save_to_preset(folder)
    complete(cache, hub, preset)
    with pytest.raises(CallError, match=r"(?s)cannot be a backbone.*Received: bert_tiny_en_uncased"):
        BACKBONES[f"keras_hub:{preset}"]


def seed(hub: ModuleType, cache: Path, preset: str) -> keras.Model:
    """Put a small ResNet where kagglehub would have put that preset; the network with its weights comes back."""
    keras.utils.set_random_seed(5)
    network = hub.models.ResNetBackbone(
        input_conv_filters=[64],
        input_conv_kernel_sizes=[7],
        stackwise_num_filters=[64, 128, 256],
        stackwise_num_blocks=[1, 1, 1],
        stackwise_num_strides=[1, 2, 2],
        block_type="basic_block",
        image_shape=(96, 96, 3),
    )
    folder = place(hub, cache, preset)
    network.save_to_preset(folder)
    converter = hub.layers.ResNetImageConverter(
        image_size=(96, 96), scale=[0.017, 0.018, 0.019], offset=[-2, -2.1, -1.8]
    )
    converter.save_to_preset(folder)
    complete(cache, hub, preset)
    return network


def place(hub: ModuleType, cache: Path, preset: str) -> str:
    owner, model, framework, variant, version = handle(hub, preset)
    folder = cache / "models" / owner / model / framework / variant / version
    folder.mkdir(parents=True)
    return str(folder)


def complete(cache: Path, hub: ModuleType, preset: str) -> None:
    """Mark each file as kagglehub marks what it has fetched whole."""
    owner, model, framework, variant, version = handle(hub, preset)
    folder = cache / "models" / owner / model / framework / variant
    for path in (folder / version).rglob("*.*"):
        marker = folder / ".complete" / version / f"{path.relative_to(folder / version)}.complete"
        marker.parent.mkdir(parents=True, exist_ok=True)
        marker.touch()


def handle(hub: ModuleType, preset: str) -> list[str]:
    return hub.models.Backbone.presets[preset]["kaggle_handle"].removeprefix("kaggle://").split("/")
