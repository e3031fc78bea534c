"""The networks against what their papers and Keras say of them: counts, normalisation, shortcuts, published weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import keras
import numpy
import pytest
import tensorflow as tf

from transfer.models.backbone import BACKBONES
from transfer.models.backbones._local_response import LocalResponseNormalization
from transfer.models.backbones._preprocessing import luma, minus_one_to_one, rgb_centred
from transfer.models.backbones.resnet20 import HalvedShortcut
from transfer.models.classifier import Classifier
from transfer.models.weights import load


def counted(count: Callable[[], int]) -> int:
    """What is counted on networks whose weights have shapes and no values."""
    with keras.StatelessScope(initialize_variables=False):
        number = count()
    keras.utils.clear_session()  # else whoever builds next gives these weights their values
    return number


@pytest.mark.parametrize(
    ("name", "size", "parameters"),
    [
        ("vgg16", 32, 14_714_688),
        ("resnet50", 32, 23_587_712),
        ("mobilenet_v2", 32, 2_257_984),
        ("mobilenet_v2_035", 32, 410_208),
        ("vgg19", 32, 20_024_384),
        ("resnet101", 32, 42_658_176),
        ("resnet152", 32, 58_370_944),
        ("resnet50_v2", 32, 23_564_800),
        ("inception_v3", 75, 21_802_784),
        ("xception", 71, 20_861_480),
        ("densenet121", 32, 7_037_504),
        ("mobilenet", 32, 3_228_864),
        ("efficientnet_v2_b0", 32, 5_919_312),
        ("convnext_tiny", 32, 27_820_128),
        ("raw_pixels", 3, 0),
    ],
)
def test_a_network_without_classes_has_the_published_number_of_parameters(
    name: str, size: int, parameters: int
) -> None:
    assert counted(lambda: BACKBONES[name].network(size).count_params()) == parameters


@pytest.mark.parametrize(
    ("name", "classes", "parameters"),
    [
        ("vgg16", 1000, 138_357_544),
        ("resnet50", 1000, 25_636_712),
        ("mobilenet_v2", 1000, 3_538_984),
        ("vgg19", 1000, 143_667_240),
        ("resnet101", 1000, 44_707_176),
        ("resnet152", 1000, 60_419_944),
        ("resnet50_v2", 1000, 25_613_800),
        ("inception_v3", 1000, 23_851_784),
        ("xception", 1000, 22_910_480),
        ("densenet121", 1000, 8_062_504),
        ("mobilenet", 1000, 4_253_864),
        ("efficientnet_v2_b0", 1000, 7_200_312),
        ("convnext_tiny", 1000, 28_589_128),
        ("alexnet", 1000, 60_965_224),
        ("lenet5", 10, 61_706),
    ],
)
def test_with_its_published_head_a_network_has_the_published_number_of_parameters(
    name: str, classes: int, parameters: int
) -> None:
    backbone = BACKBONES[name]
    classifier = Classifier(backbone, None, classes=classes, size=backbone.size)
    assert counted(lambda: classifier.network.count_params() + classifier.scores.count_params()) == parameters


def test_resnet20_has_the_parameters_of_the_paper_without_moving_statistics() -> None:
    classifier = Classifier(BACKBONES["resnet20"], None, classes=10, size=32)
    trained = classifier.network.trainable_variables + classifier.scores.trainable_variables
    assert sum(int(numpy.prod(variable.shape)) for variable in trained) == 269_722


@pytest.mark.parametrize(
    ("name", "shapes"),
    [
        ("alexnet", [(27, 27, 96), (13, 13, 256), (13, 13, 384), (13, 13, 384), (6, 6, 256)]),
        ("lenet5", [(14, 14, 6), (5, 5, 16)]),
        ("resnet20", [(32, 32, 16), (32, 32, 16), (16, 16, 32), (8, 8, 64)]),
    ],
)
def test_the_maps_between_stages_have_the_shapes_of_the_paper(name: str, shapes: list[tuple[int, int, int]]) -> None:
    backbone = BACKBONES[name]
    network = backbone.network(backbone.size)
    assert [network.get_layer(stage.last).output.shape[1:] for stage in backbone.stages] == shapes


def test_the_two_towers_of_alexnet_see_each_other_in_the_third_convolution_only() -> None:
    network = BACKBONES["alexnet"].network(67)
    assert [network.get_layer(f"conv{i}").groups for i in (1, 2, 3, 4, 5)] == [1, 2, 1, 2, 2]
    assert [network.get_layer(f"conv{i}").count_params() for i in (1, 2, 3, 4, 5)] == [
        34_944,
        307_456,
        885_120,
        663_936,
        442_624,
    ]


def test_local_response_normalisation_agrees_with_tensorflow() -> None:
    activations = numpy.random.default_rng(1).normal(0, 80, (2, 3, 4, 11)).astype("float32")
    ours = numpy.asarray(LocalResponseNormalization()(activations))
    theirs = tf.nn.local_response_normalization(activations, depth_radius=2, bias=2.0, alpha=1e-4, beta=0.75)
    numpy.testing.assert_allclose(ours, theirs.numpy(), rtol=2e-6)
    assert not numpy.allclose(ours, activations / 2**0.75, rtol=1e-3)  # the energy did matter


def test_local_response_normalisation_does_not_overflow_in_half_precision() -> None:
    activations = numpy.full((1, 2, 2, 8), 300.0, "float16")  # 300 squared is no float16
    narrow = numpy.asarray(LocalResponseNormalization(dtype="float16")(activations), "float32")
    wide = numpy.asarray(LocalResponseNormalization()(activations.astype("float32")))
    numpy.testing.assert_allclose(narrow, wide, rtol=1e-3)


def test_a_halved_shortcut_keeps_every_other_pixel_and_adds_empty_channels() -> None:
    inputs = numpy.arange(2 * 5 * 4 * 3, dtype="float32").reshape(2, 5, 4, 3)
    outputs = numpy.asarray(HalvedShortcut()(inputs))
    assert outputs.shape == (2, 3, 2, 6)
    numpy.testing.assert_array_equal(outputs[..., :3], inputs[:, ::2, ::2])
    assert not outputs[..., 3:].any()


def test_convolution_and_shortcut_of_a_halving_block_look_at_the_same_pixels() -> None:
    network = BACKBONES["resnet20"].network(8)
    convolution = network.get_layer("stage2_block1_1_conv")
    kernel = numpy.zeros(convolution.kernel.shape, "float32")
    kernel[1, 1, range(16), range(16)] = 1.0  # the identity: what passes is the pixel under the kernel's centre
    convolution.kernel.assign(kernel)
    block_input = network.get_layer("stage1_block3").output
    both = keras.Model(block_input, [convolution.output, network.get_layer("stage2_block1_shortcut").output])
    through, around = both(numpy.random.default_rng(2).normal(size=(1, 8, 8, 16)).astype("float32"))
    numpy.testing.assert_allclose(numpy.asarray(through)[..., :16], numpy.asarray(around)[..., :16], atol=1e-6)


def test_grey_and_coloured_pixels_are_scaled_as_stated() -> None:
    pixels = numpy.array([[[0, 0, 0], [255, 255, 255], [255, 0, 0]]], "float32")
    numpy.testing.assert_allclose(numpy.asarray(luma(pixels))[0, :, 0], [-1, 1, 2 * 0.299 - 1], atol=1e-6)
    numpy.testing.assert_allclose(minus_one_to_one(pixels)[0, :2, 0], [-1, 1])
    numpy.testing.assert_allclose(rgb_centred(pixels)[0, 0], [-123.68, -116.779, -103.939])


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "file", "alpha"),
    [
        ("mobilenet_v2", "mobilenetv2_1.0_224_notop.weights.h5", 1.0),
        ("mobilenet_v2_035", "mobilenetv2_0.35_224_notop.weights.h5", 0.35),
    ],
)
def test_real_weights_give_the_features_that_keras_gives(name: str, file: str, alpha: float, shared_data: Path) -> None:
    path = shared_data / "weights" / file
    backbone = BACKBONES[name]
    network = backbone.network(96)
    load(network, path)
    picture = numpy.random.default_rng(3).uniform(0, 255, (1, 96, 96, 3)).astype("float32")
    keras_own = keras.applications.MobileNetV2(
        input_shape=(96, 96, 3), alpha=alpha, include_top=False, weights=str(path)
    )
    expected = keras_own(keras.applications.mobilenet_v2.preprocess_input(picture.copy()), training=False)
    ours = network(backbone.preprocess(picture), training=False)
    numpy.testing.assert_allclose(numpy.asarray(ours), numpy.asarray(expected), rtol=1e-5, atol=1e-5)
    assert numpy.asarray(ours).max() > 1.0  # trained features, not the zeros of an empty network
