"""LeNet-5: two small convolutions on 32-pixel grey pictures, the network that read cheques; always from scratch.

LeCun, Bottou, Bengio and Haffner 1998, in its modern form: every map of C3 sees every map of S2, pooling is a plain
average, the classes come from a softmax: 61,706 parameters with ten classes. C5, a convolution that covers its whole
input, stands in the head as the dense layer of 120 that it is at this size.
"""

from __future__ import annotations

import keras

from transfer.models.backbone import Backbone, Stage
from transfer.models.backbones._preprocessing import luma
from transfer.strategy import Head


def network(size: int) -> keras.Model:
    """Grey pictures ``(size, size, 1)`` to a map; at 32 pixels ``(5, 5, 16)``."""
    inputs = keras.Input((size, size, 1))
    x = keras.layers.Conv2D(6, 5, activation="tanh", name="c1")(inputs)
    x = keras.layers.AveragePooling2D(2, name="s2")(x)
    x = keras.layers.Conv2D(16, 5, activation="tanh", name="c3")(x)
    x = keras.layers.AveragePooling2D(2, name="s4")(x)
    return keras.Model(inputs, x, name="lenet5")


backbone = Backbone(
    title="LeNet-5",
    paper="https://doi.org/10.1109/5.726791",
    licence="Apache-2.0",
    network=network,
    preprocess=luma,
    stages=(Stage("c1", "s2"), Stage("c3", "s4")),
    size=32,
    pool="flatten",
    head=Head("flatten", (120, 84), "tanh"),
)
