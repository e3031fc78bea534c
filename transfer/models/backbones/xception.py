"""Xception: Inception carried to its end, depthwise convolutions with shortcuts, 20.9 million parameters, 299 pixels.

Chollet 2017. Its shortcuts join at sums, which Keras does not name, so they are named here after the block they end.
"""

from __future__ import annotations

import keras

from transfer.models.backbone import Backbone, Stage, Weights
from transfer.models.backbones._naming import name_layers
from transfer.models.backbones._preprocessing import minus_one_to_one
from transfer.strategy import Head


def network(size: int) -> keras.Model:
    """Preprocessed pictures ``(size, size, 3)``, at least 71 pixels, to a map; at 299 pixels ``(10, 10, 2048)``."""
    built = keras.applications.Xception(input_shape=(size, size, 3), include_top=False, weights=None)
    return name_layers(built, keras.layers.Add, [f"block{number}_add" for number in range(2, 14)])


backbone = Backbone(
    title="Xception",
    paper="https://arxiv.org/abs/1610.02357",
    licence="Apache-2.0",
    network=network,
    preprocess=minus_one_to_one,
    stages=(
        # The entry flow halves in each of its blocks; the middle flow is eight equal blocks; then the exit flow.
        Stage("block_1", "block1_conv2_act"),
        Stage("blocks_2_4", "block4_add"),
        Stage("blocks_5_8", "block8_add"),
        Stage("blocks_9_12", "block12_add"),
        Stage("blocks_13_14", "block14_sepconv2_act"),
    ),
    size=299,
    head=Head("average"),
    weights=(
        Weights(
            "imagenet",
            "xception/xception_weights_tf_dim_ordering_tf_kernels_notop.h5",
            hash="md5:b0042744bf5b25fce3cb969f33bebb97",
            licence="MIT",  # as released by its author in Keras
        ),
    ),
)
