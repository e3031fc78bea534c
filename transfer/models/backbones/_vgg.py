"""What the depths of VGG share: five blocks of plain 3x3 convolutions, and three dense layers that few keep."""

from __future__ import annotations

from collections.abc import Callable

import keras

from transfer.models.backbone import Backbone, Stage, Weights
from transfer.models.backbones._preprocessing import bgr_centred
from transfer.strategy import Head


def vgg(depth: int, build: Callable[..., keras.Model], *, md5: str) -> Backbone:
    """VGG of that depth.

    Args:
        depth: Layers with weights, the three dense ones counted. build: Keras' function.
        md5: Of the published weights without classes.
    """

    def network(size: int) -> keras.Model:
        return build(input_shape=(size, size, 3), include_top=False, weights=None)

    return Backbone(
        title=f"VGG{depth}",
        paper="https://arxiv.org/abs/1409.1556",
        licence="Apache-2.0",
        network=network,
        preprocess=bgr_centred,
        stages=tuple(Stage(f"block{block}", f"block{block}_pool") for block in range(1, 6)),
        # The paper drops half of the units of its two hidden layers, that is before the second and the third dense
        # layer. A Head drops before each dense layer, so the flattened map is dropped as well.
        head=Head("flatten", (4096, 4096), "relu", dropout=0.5),
        weights=(
            Weights(
                "imagenet",
                f"vgg{depth}/vgg{depth}_weights_tf_dim_ordering_tf_kernels_notop.h5",
                hash=f"md5:{md5}",
                licence="CC-BY-4.0",  # as released by the Visual Geometry Group, Oxford
            ),
        ),
    )
