"""What the depths of ResNet share: its preprocessing, its stages and where its weights are published."""

from __future__ import annotations

from collections.abc import Callable

import keras

from transfer.models.backbone import Backbone, Stage, Weights
from transfer.models.backbones._preprocessing import bgr_centred
from transfer.strategy import Head


def resnet(depth: int, build: Callable[..., keras.Model], *, blocks: tuple[int, int, int, int], md5: str) -> Backbone:
    """ResNet of that depth.

    Args:
        depth: Layers with weights. build: Keras' function. blocks: Residual blocks of the four stages.
        md5: Of the published weights without classes.
    """

    def network(size: int) -> keras.Model:
        return build(input_shape=(size, size, 3), include_top=False, weights=None)

    ends = [Stage(f"conv{number}", f"conv{number}_block{count}_out") for number, count in enumerate(blocks, 2)]
    return Backbone(
        title=f"ResNet-{depth}",
        paper="https://arxiv.org/abs/1512.03385",
        licence="Apache-2.0",
        network=network,
        preprocess=bgr_centred,
        stages=(Stage("conv1", "pool1_pool"), *ends),
        head=Head("average"),
        weights=(
            Weights(
                "imagenet",
                f"resnet/resnet{depth}_weights_tf_dim_ordering_tf_kernels_notop.h5",
                hash=f"md5:{md5}",
                licence="MIT",  # as released by Kaiming He
            ),
        ),
    )
