"""DenseNet-121: every layer of a block sees all before it, 7.0 million parameters; small for its accuracy.

Huang, Liu, van der Maaten and Weinberger 2017. Inside a block many maps are alive at once; between blocks it is one. A
stage is a block with the transition behind it, which halves both picture and channels, so that little has to be kept.
"""

from __future__ import annotations

import keras

from transfer.models.backbone import Backbone, Stage, Weights
from transfer.models.backbones._preprocessing import standardised
from transfer.strategy import Head


def network(size: int) -> keras.Model:
    """Preprocessed pictures ``(size, size, 3)`` to a map ``(size / 32, size / 32, 1024)``."""
    return keras.applications.DenseNet121(input_shape=(size, size, 3), include_top=False, weights=None)


backbone = Backbone(
    title="DenseNet-121",
    paper="https://arxiv.org/abs/1608.06993",
    licence="Apache-2.0",
    network=network,
    preprocess=standardised,
    stages=(
        Stage("conv1", "pool1"),
        Stage("block_1", "pool2_pool"),
        Stage("block_2", "pool3_pool"),
        Stage("block_3", "pool4_pool"),
        Stage("block_4", "relu"),
    ),
    head=Head("average"),
    weights=(
        Weights(
            "imagenet",
            "densenet/densenet121_weights_tf_dim_ordering_tf_kernels_notop.h5",
            hash="md5:30ee3e1110167f948a6b9946edeeb738",
            licence="BSD-3-Clause",  # as released by the authors
        ),
    ),
)
