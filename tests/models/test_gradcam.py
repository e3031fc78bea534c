"""Grad-CAM: against cases worked out by hand, a law, and a plain tape on Keras' own network."""

from __future__ import annotations

from typing import Any

import keras
import numpy
import pytest
import tensorflow as tf

from transfer.errors import CallError
from transfer.models.backbone import BACKBONES, Backbone, Stage
from transfer.models.classifier import Classifier
from transfer.models.gradcam import heat_maps, overlay
from transfer.strategy import Head

KERNEL = numpy.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]], "float32")
"""Two channels: how red a pixel is, and how green."""


def two_channels(size: int) -> keras.Model:
    picture = keras.Input((size, size, 3))
    layer = keras.layers.Conv2D(2, 1, use_bias=False, name="conv")
    network = keras.Model(picture, layer(picture), name="two_channels")
    layer.kernel.assign(KERNEL[None, None])
    return network


def same(pixels: Any) -> Any:
    return pixels * 1.0


LINEAR = Backbone(
    title="Two channels",
    paper="https://arxiv.org/abs/1610.02391",
    licence="Apache-2.0",
    network=two_channels,
    preprocess=same,
    stages=(Stage("conv", "conv"),),
    size=4,
)


def linear(head: Head, dense: list[list[float]], size: int = 4) -> Classifier:
    """Red and green through one dense layer with these weights."""
    classifier = Classifier(LINEAR, head, classes=len(dense[0]), size=size)
    classifier.scores.get_layer("logits").kernel.assign(numpy.array(dense, "float32"))
    return classifier


def pictures(size: int = 4) -> numpy.ndarray:
    return numpy.random.default_rng(0).integers(0, 255, (3, size, size, 3), dtype="uint8")


def test_of_a_linear_network_it_is_the_weighted_sum_of_its_channels() -> None:
    # The average pool gives each place of channel k the gradient w[k] / 16, so the evidence is
    # w[red] * red + w[green] * green wherever that is positive; the 16 goes when the largest becomes 1.
    found, _ = heat_maps(linear(Head(), [[0.5, -1.0], [-0.25, 2.0]]), pictures(), [0, 1, 0])
    red, green = pictures()[..., 0].astype("float32"), pictures()[..., 1].astype("float32")
    expected = [0.5 * red[0] - 0.25 * green[0], -1.0 * red[1] + 2.0 * green[1], 0.5 * red[2] - 0.25 * green[2]]
    for heat, evidence in zip(found, expected, strict=True):
        positive = numpy.maximum(evidence, 0)
        numpy.testing.assert_allclose(heat, positive / positive.max(), atol=1e-6)
    assert found.dtype == numpy.float32


def test_a_head_that_flattens_weighs_a_channel_by_its_mean_weight() -> None:
    weights = numpy.random.default_rng(1).normal(0.2, 1, size=(4 * 4 * 2, 2))
    found, _ = heat_maps(linear(Head("flatten"), weights.tolist()), pictures(), [1, 0, 1])
    mean = weights.reshape(16, 2, 2).mean(axis=0)  # of each channel, for each class
    for picture, index, heat in zip(pictures(), [1, 0, 1], found, strict=True):
        positive = numpy.maximum(picture[..., 0] * mean[0, index] + picture[..., 1] * mean[1, index], 0)
        assert numpy.count_nonzero(positive) > 0
        numpy.testing.assert_allclose(heat, positive / positive.max(), atol=1e-5)


def test_where_nothing_speaks_for_a_class_the_map_is_empty() -> None:
    maps, _ = heat_maps(linear(Head(), [[1.0, -1.0], [1.0, -1.0]]), pictures(), [1, 1, 1])
    assert not maps.any()


@pytest.mark.parametrize("pool", ["average", "max", "concat", "flatten"])
@pytest.mark.parametrize("quadrant", range(4))
def test_evidence_in_one_quadrant_lights_that_quadrant(pool: Any, quadrant: int) -> None:
    row, column = divmod(quadrant, 2)
    picture = numpy.zeros((1, 8, 8, 3), "uint8")
    picture[0, 4 * row : 4 * row + 4, 4 * column : 4 * column + 4, 0] = 200
    inputs = {"concat": 4, "flatten": 8 * 8 * 2}.get(pool, 2)
    dense = [[1.0, 0.0] if place % 2 == 0 else [0.0, 1.0] for place in range(inputs)]  # class 0 is red
    heat = heat_maps(linear(Head(pool), dense, size=8), picture, [0])[0][0]
    lit = numpy.zeros((8, 8), bool)
    lit[4 * row : 4 * row + 4, 4 * column : 4 * column + 4] = True
    numpy.testing.assert_array_equal(heat > 0.5, lit)


def test_it_equals_a_plain_tape_on_a_flat_network_of_keras() -> None:
    """The backbone stands nested in our classifier; Keras' network and its head are one flat model here."""
    size, classes = 64, 3
    classifier = Classifier(BACKBONES["mobilenet_v2_035"], Head(widths=(8,)), classes=classes, size=size, seed=3)
    rng = numpy.random.default_rng(2)
    for variable in classifier.network.trainable_variables:  # fresh weights give maps of almost nothing
        if variable.path.endswith("beta"):
            variable.assign(rng.normal(0, 0.5, variable.shape))
    photos = rng.integers(0, 255, (2, size, size, 3), dtype="uint8")

    flat = keras.applications.MobileNetV2(input_shape=(size, size, 3), alpha=0.35, include_top=False, weights=None)
    flat.set_weights(classifier.network.get_weights())
    x = keras.layers.GlobalAveragePooling2D()(flat.output)
    hidden, last = keras.layers.Dense(8, activation="relu"), keras.layers.Dense(classes)
    model = keras.Model(flat.input, [flat.get_layer("out_relu").output, last(hidden(x))])
    for layer, values in ((hidden, 0), (last, 2)):
        layer.set_weights(classifier.scores.get_weights()[values : values + 2])

    with tf.GradientTape() as tape:
        maps, logits = model(keras.applications.mobilenet_v2.preprocess_input(photos.astype("float32")), training=False)
        tape.watch(maps)
        score = last(hidden(tf.reduce_mean(maps, (1, 2))))
        chosen = score[0, 2] + score[1, 1]
    numpy.testing.assert_allclose(score, logits, rtol=1e-4, atol=1e-5)
    gradient = tape.gradient(chosen, maps).numpy()
    found, probabilities = heat_maps(classifier, photos, [2, 1])
    numpy.testing.assert_allclose(probabilities, tf.nn.softmax(logits), rtol=1e-4, atol=1e-5)
    for at in range(2):
        alpha = gradient[at].reshape(-1, gradient.shape[-1]).mean(axis=0)
        evidence = numpy.maximum((maps[at].numpy() * alpha).sum(axis=-1), 0)
        assert evidence.max() > 0
        numpy.testing.assert_allclose(found[at], evidence / evidence.max(), rtol=1e-3, atol=1e-4)


def test_the_map_does_not_depend_on_which_stages_were_thawed() -> None:
    classifier = Classifier(BACKBONES["resnet20"], Head(), classes=3, size=16)
    photos = pictures(16)
    before, _ = heat_maps(classifier, photos, [0, 1, 2])
    classifier.thaw(1, batch_norm="adapt")
    numpy.testing.assert_allclose(heat_maps(classifier, photos, [0, 1, 2])[0], before, atol=1e-6)


def test_without_a_class_it_explains_what_the_picture_is_taken_for() -> None:
    classifier = Classifier(BACKBONES["resnet20"], Head(), classes=3, size=16, seed=1)
    maps, probabilities = heat_maps(classifier, pictures(16))
    numpy.testing.assert_allclose(probabilities, numpy.asarray(classifier.whole()(pictures(16))), atol=1e-5)
    named, _ = heat_maps(classifier, pictures(16), probabilities.argmax(axis=1).tolist())
    numpy.testing.assert_array_equal(maps, named)


def test_raw_pixels_have_no_map_and_say_so() -> None:
    classifier = Classifier(BACKBONES["raw_pixels"], None, classes=2, size=8)
    with pytest.raises(CallError, match=r"Raw pixels makes no feature map"):
        heat_maps(classifier, pictures(8), [0, 0, 0])


def test_an_overlay_is_the_grey_photo_where_there_is_no_evidence_and_coloured_where_it_is() -> None:
    photo = numpy.random.default_rng(4).integers(0, 255, (20, 30, 3), dtype="uint8")
    heat = numpy.zeros((2, 3), "float32")
    drawn = overlay(photo, heat)
    assert drawn.shape == photo.shape
    assert drawn.dtype == numpy.uint8
    numpy.testing.assert_array_equal(drawn[..., 0], drawn[..., 2])
    heat[0, 2] = 1.0  # the upper right
    marked = overlay(photo, heat)
    numpy.testing.assert_array_equal(marked[15:, :10], drawn[15:, :10])
    assert numpy.ptp(marked[:5, 25:].astype(int), axis=-1).min() > 30
