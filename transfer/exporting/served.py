"""The module that an artifact is: encoded files or pictures in, names and probabilities out.

Everything between the two is inside, decoder, resize, preprocessing, network and labels, so that whoever serves it
needs nothing but TensorFlow.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
import tensorflow as tf

from transfer import pixels, scores
from transfer.exporting.refusing import UNKNOWN, Refusing


class Served(tf.Module):
    """What is written: two functions from photos to names and probabilities."""

    def __init__(
        self,
        classifier: keras.Model,
        labels: Sequence[str],
        size: int,
        temperature: float | None = None,
        refusing: Refusing | None = None,
    ) -> None:
        super().__init__()
        self._size, self._temperature, self._refusing = size, temperature, refusing
        self.labels = tf.Variable(list(labels), trainable=False, name="labels")
        self._classifier = classifier
        # Keras' own objects would ask for Keras when they are read back; plain variables do not.
        self.weights = [variable.value for variable in classifier.variables]
        del self._classifier
        self._answer_pictures = tf.function(lambda pictures: classifier(pictures, training=False))

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, name="encoded")])
    def encoded(self, encoded: tf.Tensor) -> dict[str, tf.Tensor]:
        """JPEG, PNG, GIF, BMP or WebP files as bytes."""
        picture = tf.TensorSpec((self._size, self._size, 3), tf.uint8)
        return self._answer(
            tf.map_fn(lambda one: pixels.decode_resize(one, self._size), encoded, fn_output_signature=picture)
        )

    @tf.function(input_signature=[tf.TensorSpec((None, None, None, 3), tf.uint8, name="images")])
    def images(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """Upright RGB pictures of one size, whatever it is.

        Of a JPEG more than four times as large as the network's input, ``encoded`` answers a little differently: there
        it is reduced while it is decoded, as in training.
        """
        return self._answer(pixels.resize(images, self._size))

    def _answer(self, pictures: tf.Tensor) -> dict[str, tf.Tensor]:
        probabilities = self._answer_pictures(tf.ensure_shape(pictures, (None, self._size, self._size, 3)))
        if self._temperature is not None:  # as scores.tempered does it
            logits = tf.math.log(tf.clip_by_value(probabilities, scores.LEAST, 1.0))
            probabilities = tf.nn.softmax(logits / self._temperature)
        best, probability = tf.argmax(probabilities, axis=1), tf.reduce_max(probabilities, axis=1)
        label = tf.gather(self.labels, best)
        if self._refusing is not None:  # as scores.answered does it
            given = probability >= self._refusing.unknown_below
            if self._refusing.background is not None:
                given &= best != self._refusing.background
            label = tf.where(given, label, UNKNOWN)
        return {
            "label": label,
            "probability": probability,
            "probabilities": probabilities,
            "labels": tf.identity(self.labels),
        }
