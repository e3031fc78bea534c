"""VGG16: thirteen plain 3x3 convolutions, 14.7 million parameters; heavy, and the classic start for transfer.

Simonyan and Zisserman 2015, configuration D. Each stage is one of its five blocks, with the pooling that ends it.
"""

from __future__ import annotations

import keras

from transfer.models.backbone import Backbone, Stage, Weights
from transfer.models.backbones._preprocessing import bgr_centred
from transfer.strategy import Head


def network(size: int) -> keras.Model:
    """Preprocessed pictures ``(size, size, 3)`` to a map ``(size / 32, size / 32, 512)``."""
    return keras.applications.VGG16(input_shape=(size, size, 3), include_top=False, weights=None)


backbone = Backbone(
    title="VGG16",
    paper="https://arxiv.org/abs/1409.1556",
    licence="Apache-2.0",
    network=network,
    preprocess=bgr_centred,
    stages=tuple(Stage(f"block{block}", f"block{block}_pool") for block in range(1, 6)),
    # The paper drops half of the units of its two hidden layers, that is before the second and the third dense layer.
    # A Head drops before each dense layer, so the flattened map is dropped as well.
    head=Head("flatten", (4096, 4096), "relu", dropout=0.5),
    weights=(
        Weights(
            "imagenet",
            "vgg16/vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
            hash="md5:6d6bbae143d832006294945121d1f1fc",
            licence="CC-BY-4.0",  # as released by the Visual Geometry Group, Oxford
        ),
    ),
)
