"""MobileNet: depthwise convolutions, each followed by a 1x1 one, 3.2 million parameters; the first made for phones.

Howard et al. 2017, at full width.
"""

from __future__ import annotations

import keras

from transfer.models.backbone import Backbone, Stage, Weights
from transfer.models.backbones._preprocessing import minus_one_to_one
from transfer.strategy import Head


def network(size: int) -> keras.Model:
    """Preprocessed pictures ``(size, size, 3)`` to a map ``(size / 32, size / 32, 1024)``."""
    return keras.applications.MobileNet(input_shape=(size, size, 3), include_top=False, weights=None)


backbone = Backbone(
    title="MobileNet",
    paper="https://arxiv.org/abs/1704.04861",
    licence="Apache-2.0",
    network=network,
    preprocess=minus_one_to_one,
    stages=(
        # Each stage ends before a block that halves the picture.
        Stage("block_1", "conv_pw_1_relu"),
        Stage("blocks_2_3", "conv_pw_3_relu"),
        Stage("blocks_4_5", "conv_pw_5_relu"),
        Stage("blocks_6_11", "conv_pw_11_relu"),
        Stage("blocks_12_13", "conv_pw_13_relu"),
    ),
    head=Head("average"),
    weights=(
        Weights(
            "imagenet",
            "mobilenet/mobilenet_1_0_224_tf_no_top.h5",
            hash=None,  # Keras publishes none for the MobileNets
            licence="Apache-2.0",
        ),
    ),
)
