"""AlexNet: five convolutions in two towers, the network that won ImageNet in 2012; always from scratch.

Krizhevsky, Sutskever and Hinton 2012. The two towers, one for each graphics card of the time, are grouped convolutions;
only the third convolution sees both. Order: convolution, ReLU, normalisation, overlapping pooling. The paper says 224
pixels, its arithmetic says 227. With 1000 classes 60,965,224 parameters.
"""

from __future__ import annotations

from typing import Any

import keras

from transfer.models.backbone import Backbone, Stage
from transfer.models.backbones._local_response import LocalResponseNormalization
from transfer.models.backbones._preprocessing import rgb_centred
from transfer.strategy import Head


def network(size: int) -> keras.Model:
    """Preprocessed pictures ``(size, size, 3)``, at least 67 pixels, to a map; at 227 pixels ``(6, 6, 256)``."""
    inputs = keras.Input((size, size, 3))
    x = _convolution(inputs, 96, 11, "conv1", strides=4, padding="valid")
    x = LocalResponseNormalization(name="norm1")(x)
    x = keras.layers.MaxPooling2D(3, 2, name="pool1")(x)
    x = _convolution(x, 256, 5, "conv2", groups=2, bias=0.1)
    x = LocalResponseNormalization(name="norm2")(x)
    x = keras.layers.MaxPooling2D(3, 2, name="pool2")(x)
    x = _convolution(x, 384, 3, "conv3")
    x = _convolution(x, 384, 3, "conv4", groups=2, bias=0.1)
    x = _convolution(x, 256, 3, "conv5", groups=2, bias=0.1)
    x = keras.layers.MaxPooling2D(3, 2, name="pool5")(x)
    return keras.Model(inputs, x, name="alexnet")


def _convolution(
    inputs: Any, channels: int, width: int, name: str, *, padding: str = "same", bias: float = 0.0, **settings: Any
) -> Any:
    # The paper starts the biases of conv2, conv4 and conv5 at 1. Those who rebuilt it in Caffe found that the loss then
    # stays flat, and started them at 0.1.
    return keras.layers.Conv2D(
        channels,
        width,
        padding=padding,
        activation="relu",
        kernel_initializer=keras.initializers.RandomNormal(stddev=0.01),
        bias_initializer=keras.initializers.Constant(bias),
        name=name,
        **settings,
    )(inputs)


backbone = Backbone(
    title="AlexNet",
    paper="https://doi.org/10.1145/3065386",
    licence="Apache-2.0",
    network=network,
    # Centred but not scaled: the constants of the normalisation were chosen for activations of that size.
    preprocess=rgb_centred,
    stages=(
        Stage("conv1", "pool1"),
        Stage("conv2", "pool2"),
        Stage("conv3", "conv3"),
        Stage("conv4", "conv4"),
        Stage("conv5", "pool5"),
    ),
    size=227,
    # The paper drops the units of its two hidden layers, that is before the second and the third dense layer. A Head
    # drops before each dense layer, so the flattened map is dropped as well.
    head=Head("flatten", (4096, 4096), "relu", dropout=0.5),
)
