"""ResNet-50 V2: residual blocks that normalise before they convolve, 23.6 million parameters.

He, Zhang, Ren and Sun 2016b, "Identity mappings in deep residual networks". Unlike in the first version a stage halves
the picture in its last block, what leaves a stage is a bare sum, and one normalisation ends the network.
"""

from __future__ import annotations

import keras

from transfer.models.backbone import Backbone, Stage, Weights
from transfer.models.backbones._preprocessing import minus_one_to_one
from transfer.strategy import Head


def network(size: int) -> keras.Model:
    """Preprocessed pictures ``(size, size, 3)`` to a map ``(size / 32, size / 32, 2048)``."""
    return keras.applications.ResNet50V2(input_shape=(size, size, 3), include_top=False, weights=None)


backbone = Backbone(
    title="ResNet-50 V2",
    paper="https://arxiv.org/abs/1603.05027",
    licence="Apache-2.0",
    network=network,
    preprocess=minus_one_to_one,
    stages=(
        Stage("conv1", "pool1_pool"),
        Stage("conv2", "conv2_block3_out"),
        Stage("conv3", "conv3_block4_out"),
        Stage("conv4", "conv4_block6_out"),
        Stage("conv5", "post_relu"),
    ),
    head=Head("average"),
    weights=(
        Weights(
            "imagenet",
            "resnet/resnet50v2_weights_tf_dim_ordering_tf_kernels_notop.h5",
            hash="md5:fac2f116257151a9d068a22e544a4917",
            licence="BSD-3-Clause",  # as Keras states it: from Facebook's fb.resnet.torch
        ),
    ),
)
