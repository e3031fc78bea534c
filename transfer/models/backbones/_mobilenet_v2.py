"""What the widths of MobileNetV2 share: its graph, its stages and where its weights are published."""

from __future__ import annotations

import keras

from transfer.models.backbone import Backbone, Stage, Weights
from transfer.models.backbones._preprocessing import minus_one_to_one
from transfer.strategy import Head

STAGES = (
    # Each stage ends before a block that halves the picture, the last one at the 1280 features.
    Stage("block_0", "expanded_conv_project_BN"),
    Stage("blocks_1_2", "block_2_add"),
    Stage("blocks_3_5", "block_5_add"),
    Stage("blocks_6_12", "block_12_add"),
    Stage("blocks_13_16", "out_relu"),
)


def mobilenet_v2(alpha: float) -> Backbone:
    """MobileNetV2 with ``alpha`` times its usual channels; the last layer has 1280 at every width up to 1."""

    def network(size: int) -> keras.Model:
        return keras.applications.MobileNetV2(input_shape=(size, size, 3), alpha=alpha, include_top=False, weights=None)

    return Backbone(
        title="MobileNetV2" if alpha == 1.0 else f"MobileNetV2 {alpha}",
        paper="https://arxiv.org/abs/1801.04381",
        licence="Apache-2.0",
        network=network,
        preprocess=minus_one_to_one,
        stages=STAGES,
        head=Head("average"),
        weights=(
            Weights(
                "imagenet",
                f"mobilenet_v2/mobilenet_v2_weights_tf_dim_ordering_tf_kernels_{alpha}_224_no_top.h5",
                hash=None,  # Keras publishes none for the MobileNets
                licence="Apache-2.0",
            ),
        ),
    )
