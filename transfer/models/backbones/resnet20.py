"""ResNet-20: the small residual network for 32-pixel pictures, 0.27 million parameters.

He, Zhang, Ren and Sun 2016, section 4.2, with n = 3: one convolution, then three stages of three blocks with 16, 32
and 64 channels. Shortcuts are the paper's option A: where a stage halves the picture, every other pixel of the shortcut
is kept and zeros fill the new channels, so that a shortcut has no parameters.
"""

from __future__ import annotations

from typing import Any

import keras

from transfer.models.backbone import Backbone, Stage, Weights
from transfer.models.backbones._preprocessing import minus_one_to_one
from transfer.strategy import Head


@keras.saving.register_keras_serializable("transfer")
class HalvedShortcut(keras.layers.Layer):
    """Option A: ``(height, width, c)`` to ``(height / 2, width / 2, 2c)`` by leaving out pixels and adding zeros."""

    def call(self, inputs: Any) -> Any:
        kept = inputs[:, ::2, ::2, :]
        return keras.ops.pad(kept, [[0, 0], [0, 0], [0, 0], [0, inputs.shape[-1]]])


def network(size: int) -> keras.Model:
    """Pictures ``(size, size, 3)`` to a map ``(size / 4, size / 4, 64)``."""
    inputs = keras.Input((size, size, 3))
    x = _convolution(inputs, 16, "stem", stride=1)
    x = keras.layers.ReLU(name="stem")(x)
    for stage, channels in enumerate((16, 32, 64), start=1):
        for block in (1, 2, 3):
            x = _block(x, channels, f"stage{stage}_block{block}", halve=stage > 1 and block == 1)
    return keras.Model(inputs, x, name="resnet20")


def _block(inputs: Any, channels: int, name: str, *, halve: bool) -> Any:
    x = _convolution(inputs, channels, f"{name}_1", stride=2 if halve else 1)
    x = keras.layers.ReLU(name=f"{name}_1")(x)
    x = _convolution(x, channels, f"{name}_2", stride=1)
    shortcut = HalvedShortcut(name=f"{name}_shortcut")(inputs) if halve else inputs
    return keras.layers.ReLU(name=name)(keras.layers.Add(name=f"{name}_add")([x, shortcut]))


def _convolution(inputs: Any, channels: int, name: str, *, stride: int) -> Any:
    # One pixel of zeros on every side, as in the paper. Keras' "same" would pad an even picture on the right only
    # where the stride is 2, so that convolution and shortcut would look at different pixels.
    x = keras.layers.ZeroPadding2D(1, name=f"{name}_pad")(inputs)
    x = keras.layers.Conv2D(
        channels, 3, strides=stride, use_bias=False, kernel_initializer="he_normal", name=f"{name}_conv"
    )(x)
    return keras.layers.BatchNormalization(name=f"{name}_norm")(x)


backbone = Backbone(
    title="ResNet-20",
    paper="https://arxiv.org/abs/1512.03385",
    licence="Apache-2.0",
    network=network,
    # The paper subtracts the mean picture of CIFAR-10, which means nothing for other data.
    preprocess=minus_one_to_one,
    stages=(
        Stage("stem", "stem"),
        Stage("stage1", "stage1_block3"),
        Stage("stage2", "stage2_block3"),
        Stage("stage3", "stage3_block3"),
    ),
    size=32,
    least=8,
    head=Head("average"),
    weights=(
        Weights(
            "glyphs",
            "package:resnet20_glyphs.weights.h5",
            "sha256:a286e2d2b8bdce32d64e2777dfc8c7d8107d0434fc3020c481e3824533d1fb06",
            licence="Apache-2.0",
            size=8,
        ),
    ),
)
