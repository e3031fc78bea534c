"""EfficientNetV2-B0: searched for quick training, 5.9 million parameters; much accuracy for the work of a light one.

Tan and Le 2021. Keras builds its preprocessing into the network if it may; here it stands before the network, as for
every backbone.
"""

from __future__ import annotations

import keras

from transfer.models.backbone import Backbone, Stage, Weights
from transfer.models.backbones._preprocessing import standardised
from transfer.strategy import Head


def network(size: int) -> keras.Model:
    """Preprocessed pictures ``(size, size, 3)`` to a map ``(size / 32, size / 32, 1280)``."""
    return keras.applications.EfficientNetV2B0(
        input_shape=(size, size, 3), include_top=False, weights=None, include_preprocessing=False
    )


backbone = Backbone(
    title="EfficientNetV2-B0",
    paper="https://arxiv.org/abs/2104.00298",
    licence="Apache-2.0",
    network=network,
    preprocess=standardised,
    stages=(
        # Each stage ends before a block that halves the picture, the last one at the 1280 features.
        Stage("block_1", "block1a_project_activation"),
        Stage("block_2", "block2b_add"),
        Stage("block_3", "block3b_add"),
        Stage("blocks_4_5", "block5e_add"),
        Stage("block_6", "top_activation"),
    ),
    head=Head("average"),
    weights=(
        Weights(
            "imagenet",
            "efficientnet_v2/efficientnetv2-b0_notop.h5",
            hash="md5:893217f2bb855e2983157299931e43ff",
            licence="Apache-2.0",  # as released by Google in automl
        ),
    ),
)
