"""ResNet-50: sixteen residual bottleneck blocks, 23.6 million parameters; the usual yardstick.

He, Zhang, Ren and Sun 2016, in Keras' form: the stride stands in the first 1x1 convolution of a block, as in the paper.
"""

from __future__ import annotations

import keras

from transfer.models.backbone import Backbone, Stage, Weights
from transfer.models.backbones._preprocessing import bgr_centred
from transfer.strategy import Head


def network(size: int) -> keras.Model:
    """Preprocessed pictures ``(size, size, 3)`` to a map ``(size / 32, size / 32, 2048)``."""
    return keras.applications.ResNet50(input_shape=(size, size, 3), include_top=False, weights=None)


backbone = Backbone(
    title="ResNet-50",
    paper="https://arxiv.org/abs/1512.03385",
    licence="Apache-2.0",
    network=network,
    preprocess=bgr_centred,
    stages=(
        Stage("conv1", "pool1_pool"),
        Stage("conv2", "conv2_block3_out"),
        Stage("conv3", "conv3_block4_out"),
        Stage("conv4", "conv4_block6_out"),
        Stage("conv5", "conv5_block3_out"),
    ),
    head=Head("average"),
    weights=(
        Weights(
            "imagenet",
            "resnet/resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",
            hash="md5:4d473c1dd8becc155b73f8504c6f6626",
            licence="MIT",  # as released by Kaiming He
        ),
    ),
)
