"""The statistics of batch norm that learns: they are those of the photos under the weights that are kept."""

from __future__ import annotations

import dataclasses

import keras
import numpy
import pytest
import tensorflow as tf

from tests.training.tiny import TINY
from transfer.models.classifier import Classifier
from transfer.strategy import ALL, Head, Phase
from transfer.training.descent import Descent, Labelled
from transfer.training.norms import PHOTOS, Norms

PHASE = Phase(epochs=3, rate=3e-3, thaw=ALL, batch_norm="adapt", batch=8)


class Pictures:
    """Rows in memory."""

    def __init__(self, pictures: numpy.ndarray) -> None:
        self.pictures = pictures
        self.asked: list[numpy.ndarray] = []

    def __len__(self) -> int:
        return len(self.pictures)

    def batches(self, order: numpy.ndarray, batch: int) -> tf.data.Dataset:
        self.asked.append(order)
        return tf.data.Dataset.from_tensor_slices(self.pictures[order]).batch(batch)

    def chunks(self, batch: int) -> list[numpy.ndarray]:
        return [self.pictures]


def pictures(count: int) -> numpy.ndarray:
    return numpy.random.default_rng(0).integers(0, 256, (count, 16, 16, 3)).astype("uint8")


def build(thaw: int = ALL) -> Classifier:
    keras.utils.clear_session()
    classifier = Classifier(TINY, Head(), classes=3, size=16)
    classifier.thaw(thaw, batch_norm="adapt")
    return classifier


def norms(model: keras.Model) -> list[keras.layers.BatchNormalization]:
    return [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]


def test_in_one_batch_the_network_answers_as_it_did_while_it_trained() -> None:
    """Then the statistics kept are the batch's own, in every layer."""
    classifier, shown = build(), pictures(12)
    Norms(classifier.top(0), batch=12).count(Pictures(shown), draw=[0])
    judged = numpy.array(classifier.top(0)(shown, training=False))
    assert judged == pytest.approx(numpy.array(classifier.top(0)(shown, training=True)), abs=1e-4)


def test_over_batches_the_first_layer_has_the_mean_and_the_variance_of_all_photos() -> None:
    """Its inputs do not depend on the batch, so what numpy says of all of them at once must come out."""
    classifier, shown = build(), pictures(24)
    Norms(classifier.top(0), batch=8).count(Pictures(shown), draw=[0])
    first = norms(classifier.network)[0]
    own = keras.Model(classifier.network.input, first.input)
    seen = numpy.array(own(TINY.preprocess(shown.astype("float32"))))
    assert numpy.array(first.moving_mean) == pytest.approx(seen.mean(axis=(0, 1, 2)), abs=1e-5)
    assert numpy.array(first.moving_variance) == pytest.approx(seen.var(axis=(0, 1, 2)), rel=1e-4)


def test_layers_that_are_frozen_keep_their_statistics() -> None:
    classifier = build(thaw=1)
    before = [numpy.array(norm.moving_mean) for norm in norms(classifier.network)]
    Norms(classifier.top(0), batch=4).count(Pictures(pictures(8)), draw=[0])
    after = [numpy.array(norm.moving_mean) for norm in norms(classifier.network)]
    same = [numpy.array_equal(*pair) for pair in zip(before, after, strict=True)]
    assert same == [True, True, False]


def test_a_network_that_learns_without_batch_norm_is_not_asked_for_a_photo() -> None:
    classifier, rows = build(thaw=0), Pictures(pictures(4))
    Norms(classifier.top(classifier.last_cut), batch=4).count(rows, draw=[0])
    assert not rows.asked


def test_what_a_head_drops_in_training_is_not_missing_from_what_is_counted() -> None:
    """Between two dense layers: the second batch norm is judged by inputs of which nothing is dropped."""
    keras.utils.clear_session()
    classifier, shown = (
        Classifier(TINY, Head(widths=(64,), dropout=0.5, batch_norm=True), classes=3, size=16),
        pictures(64),
    )
    classifier.thaw(ALL, batch_norm="adapt")
    Norms(classifier.top(0), batch=64).count(Pictures(shown), draw=[0])
    first, _, dense, second, drop, _ = classifier.scores.layers
    vectors = classifier.vectors(0)(shown, training=False)
    reaching = numpy.array(dense(first(vectors, training=False)))
    assert numpy.array(second.moving_variance) == pytest.approx(reaching.var(axis=0), rel=1e-3, abs=1e-6)
    assert drop.rate == 0.5


def test_momentum_and_weights_are_left_as_they_were() -> None:
    classifier = build()
    weights = [numpy.array(weight) for weight in classifier.top(0).trainable_weights]
    Norms(classifier.top(0), batch=4).count(Pictures(pictures(8)), draw=[0])
    assert {norm.momentum for norm in norms(classifier.network)} == {0.99}
    for weight, before in zip(classifier.top(0).trainable_weights, weights, strict=True):
        assert numpy.array_equal(numpy.array(weight), before)


@pytest.mark.parametrize(("photos", "expected"), [(3, 3), (8, 8), (19, 18), (PHOTOS + 500, PHOTOS)])
def test_batches_are_equal_and_the_same_photos_come_each_time(photos: int, expected: int) -> None:
    classifier, rows = build(thaw=1), Pictures(pictures(photos))
    counted = Norms(classifier.top(0), batch=8)
    for _ in range(2):
        counted.count(rows, draw=[7, 1])
    once, again = rows.asked
    assert len(set(once)) == expected
    assert numpy.array_equal(once, again)


@pytest.mark.parametrize(
    ("changes", "validated"),
    [({}, True), ({}, False), ({"average": 0.9}, True), ({"average": 0.9}, False), ({"soup": 3}, True)],
    ids=["best epoch", "last epoch", "best of running means", "last running mean", "soup"],
)
def test_what_is_kept_has_statistics_of_its_own_weights(changes: dict[str, float], validated: bool) -> None:
    """Whichever weights a phase ends with: counted again, nothing changes. A moving mean would lag behind them."""
    keras.utils.set_random_seed(3)
    phase = dataclasses.replace(PHASE, **changes)
    shown, truth = pictures(24), numpy.arange(24) % 3
    classifier = build()
    model = keras.Model(classifier.top(0).input, classifier.top(0).output)
    taught = Labelled(Pictures(shown), truth, truth)
    descent = Descent(model, classifier.top(0), phase, 0)
    # Photos that it learns from, so that an epoch gains and is kept.
    descent.run(taught, taught if validated else Labelled(Pictures(shown[:0]), truth[:0], truth[:0]), seed=5)
    assert descent.best_epoch is None if not validated else descent.best_epoch >= 1
    kept = [numpy.array(norm.moving_variance) for norm in norms(classifier.network)]
    Norms(model, phase.batch).count(Pictures(shown), draw=[5, 0])
    for norm, before in zip(norms(classifier.network), kept, strict=True):
        assert numpy.array(norm.moving_variance) == pytest.approx(before, rel=1e-4)


@pytest.mark.parametrize("scale", [True, False], ids=["scaled", "not scaled"])
@pytest.mark.parametrize("center", [True, False], ids=["shifted", "not shifted"])
@pytest.mark.parametrize("shape", [(5, 4, 4, 6), (2, 1, 1, 6), (1, 1, 1, 6), (3, 7, 2, 1)], ids=str)
def test_as_one_operation_batch_norm_answers_learns_and_counts_as_keras_has_it(
    scale: bool, center: bool, shape: tuple[int, ...]
) -> None:
    """In a batch of one pixel too: TensorFlow divides the variance by one less than Keras does."""
    keras.utils.set_random_seed(4)
    inputs = keras.Input(shape[1:])
    norm = keras.layers.BatchNormalization(scale=scale, center=center, epsilon=1e-3, momentum=0.7)
    model = keras.Model(inputs, norm(inputs))
    generator = numpy.random.default_rng(1)
    for weight in norm.weights:
        weight.assign(generator.uniform(0.5, 2, weight.shape))
    begun = norm.get_weights()
    shown = tf.constant(generator.normal(3, 2, shape), tf.float32)
    wanted = tf.constant(generator.normal(0, 1, shape), tf.float32)

    def learn() -> list[numpy.ndarray]:
        with tf.GradientTape() as tape:
            tape.watch(shown)
            answer = model(shown, training=True)
            loss = tf.reduce_sum(wanted * answer)
        sources = [shown, *(weight.value for weight in model.trainable_weights)]
        return [*map(numpy.array, (answer, *tape.gradient(loss, sources))), *norm.get_weights()]

    expected = learn()
    norm.set_weights(begun)
    with Norms(model, batch=8).fused():
        found = learn()
    for one, other in zip(found, expected, strict=True):
        assert one == pytest.approx(other, rel=1e-4, abs=1e-4)


def operations(function: tf.types.experimental.ConcreteFunction) -> list[str]:
    return [node.op for node in function.graph.as_graph_def().node]


def test_each_layer_that_learns_is_one_operation_and_a_frozen_one_stays_as_it_was() -> None:
    classifier = build(thaw=2)
    model, shown = classifier.top(0), tf.constant(pictures(4))
    traced = tf.function(lambda x: model(x, training=True), autograph=False)
    with Norms(model, batch=4).fused():
        named = operations(traced.get_concrete_function(shown))
    assert named.count("FusedBatchNormV3") == 2
    assert "FusedBatchNormV3" not in operations(tf.function(traced.python_function).get_concrete_function(shown))


def test_in_inference_what_is_traced_as_one_operation_goes_by_the_statistics_kept() -> None:
    classifier, shown = build(), pictures(4)
    model = classifier.top(0)
    expected = numpy.array(model(shown, training=False))
    with Norms(model, batch=4).fused():
        assert numpy.array_equal(numpy.array(model(shown, training=False)), expected)


def test_an_error_while_tracing_leaves_the_layers_as_keras_made_them() -> None:
    classifier = build()
    with pytest.raises(KeyError), Norms(classifier.top(0), batch=4).fused():
        raise KeyError
    assert not any("call" in vars(norm) for norm in norms(classifier.network))


def test_a_descent_learns_by_the_one_operation(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    own = tf.raw_ops.FusedBatchNormV3
    monkeypatch.setattr(tf.raw_ops, "FusedBatchNormV3", lambda **given: calls.append(given) or own(**given))
    shown, truth, classifier = pictures(16), numpy.arange(16) % 3, build()
    model = keras.Model(classifier.top(0).input, classifier.top(0).output)
    taught = Labelled(Pictures(shown), truth, truth)
    descent = Descent(model, classifier.top(0), PHASE, 0)
    descent._epoch(taught, 1, 1, seed=0)
    assert len(calls) >= 3
