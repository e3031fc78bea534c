"""Training from kept activations is the plain way bit for bit: Keras' own ``fit`` on the whole network, partly frozen.

Exact where both ways round alike. Two things make them round otherwise, and change nothing else: TensorFlow's optimiser
of graphs, which fuses other operations in a network that is cut, and the batch in which activations are computed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import keras
import numpy
import pytest
import tensorflow as tf

from transfer.arm import Arm
from transfer.manifest import Manifest
from transfer.models.backbone import BACKBONES
from transfer.models.classifier import Classifier
from transfer.photo import Photo
from transfer.strategy import Head, Phase, Strategy
from transfer.training import batches
from transfer.training import engine as engines
from transfer.training.activations import Activations
from transfer.training.fit import Loop
from transfer.training.plan import Plan
from transfer.workspace import Workspace

SIZE, BATCH, EPOCHS, RATE, SEED = 32, 4, 2, 1e-3, 5


@pytest.fixture
def alike(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Both ways round alike."""
    monkeypatch.setattr(engines, "GRAPH_BATCH", BATCH)
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    yield
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": False})


@pytest.mark.usefixtures("alike")
@pytest.mark.parametrize(
    ("name", "cut", "thawed"),
    [("vgg16", "block4_pool", 6), ("resnet50", "conv4_block6_out", 20), ("mobilenet_v2", "block_12_add", 13)],
)
def test_a_top_stage_learns_from_kept_activations_what_it_learns_in_the_whole_network(
    manifest: Manifest, workspace: Workspace, name: str, cut: str, thawed: int
) -> None:
    photos = [photo for label in manifest.labels for photo in manifest.kept if photo.label == label][::3]
    classifier = Classifier(BACKBONES[name], Head(), classes=3, size=SIZE, seed=1)
    pictures = numpy.concatenate(list(batches.pictures(photos, workspace, size=SIZE, batch=BATCH)))
    if name == "mobilenet_v2":
        give_statistics(classifier, pictures)
    weights = [*classifier.network.weights, *classifier.scores.weights]
    begun = values(weights)

    losses = learn_from_kept(name, classifier, photos, manifest, workspace)
    learned = values(weights)
    (kept,) = workspace.features.glob("*/*.npy")
    assert numpy.load(kept).shape == (len(photos), *classifier.network.get_layer(cut).output.shape[1:])
    moved = sum(not numpy.array_equal(old, new) for old, new in zip(begun, learned, strict=True))
    assert moved == thawed + 2, "kernels and biases of the top stage, and the head's"
    assert losses[-1] < losses[0]

    for weight, value in zip(weights, begun, strict=True):
        weight.assign(value)
    truth = numpy.array([manifest.labels.index(photo.label) for photo in photos])
    assert learn_plainly(classifier, pictures, truth, cut) == losses
    for weight, one, other in zip(weights, learned, values(weights), strict=True):
        assert numpy.array_equal(one, other), weight.path


def learn_from_kept(
    name: str, classifier: Classifier, photos: Sequence[Photo], manifest: Manifest, workspace: Workspace
) -> list[float]:
    """By the loop; the loss of each epoch."""
    phase = Phase(epochs=EPOCHS, batch=BATCH, rate=RATE, thaw=1, patience=None)
    strategy = Strategy(True, Head(), (phase,))
    plan = Plan(Arm(name), strategy, None, SIZE, 1, None, manifest.labels, "", engine="keras")
    fitted = Loop(classifier, strategy).fit(
        Activations(plan, classifier, workspace), train=photos, validation=(), labels=manifest.labels, seed=SEED
    )
    return [row["loss"] for row in fitted.history]


def learn_plainly(classifier: Classifier, pictures: numpy.ndarray, truth: numpy.ndarray, cut: str) -> list[float]:
    """As Keras' guide to transfer learning does it; what is below the cut, and batch norm, is frozen."""
    network, above = classifier.network, False
    for layer in network.layers:
        layer.trainable = above and not isinstance(layer, keras.layers.BatchNormalization)
        above = above or layer.name == cut
    inputs = keras.Input((SIZE, SIZE, 3), dtype="uint8")
    feature_map = network(classifier.backbone.preprocess(keras.ops.cast(inputs, "float32")))
    model = keras.Model(inputs, classifier.scores(keras.layers.GlobalAveragePooling2D()(feature_map)))
    model.compile(keras.optimizers.Adam(RATE), keras.losses.CategoricalCrossentropy(from_logits=True))
    model.optimizer.build(model.trainable_weights)  # or Keras would trace the step twice
    losses = []
    for epoch in range(1, EPOCHS + 1):
        order = numpy.random.default_rng([SEED, 0, epoch]).permutation(len(truth))
        targets = numpy.eye(3, dtype="float32")[truth[order]]
        losses += model.fit(pictures[order], targets, batch_size=BATCH, shuffle=False, verbose=0).history["loss"]
    return losses


def give_statistics(classifier: Classifier, pictures: numpy.ndarray) -> None:
    """Let batch norm have seen these pictures: otherwise nothing of them reaches the top of a random MobileNetV2."""
    for layer in classifier.network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    classifier.network(classifier.backbone.preprocess(keras.ops.cast(pictures, "float32")), training=True)


def values(weights: Sequence[keras.Variable]) -> list[numpy.ndarray]:
    return [keras.ops.convert_to_numpy(weight).copy() for weight in weights]
