"""Inception-v3: branches of unlike convolutions side by side, 21.8 million parameters, pictures of 299 pixels.

Szegedy, Vanhoucke, Ioffe, Shlens and Wojna 2016. A module joins its branches into one map, and only there can the
network be cut. At 299 pixels the modules see maps of 35, 17 and 8 pixels.
"""

from __future__ import annotations

import keras

from transfer.models.backbone import Backbone, Stage, Weights
from transfer.models.backbones._naming import name_layers
from transfer.models.backbones._preprocessing import minus_one_to_one
from transfer.strategy import Head


def network(size: int) -> keras.Model:
    """Preprocessed pictures ``(size, size, 3)``, at least 75 pixels, to a map; at 299 pixels ``(8, 8, 2048)``."""
    built = keras.applications.InceptionV3(input_shape=(size, size, 3), include_top=False, weights=None)
    return name_layers(built, keras.layers.MaxPooling2D, ("stem_pool1", "stem_pool2", "mixed3_pool", "mixed8_pool"))


backbone = Backbone(
    title="Inception-v3",
    paper="https://arxiv.org/abs/1512.00567",
    licence="Apache-2.0",
    network=network,
    preprocess=minus_one_to_one,
    stages=(
        # Each stage after the stem ends before a module that halves the picture.
        Stage("stem", "stem_pool2"),
        Stage("mixed_0_2", "mixed2"),
        Stage("mixed_3_7", "mixed7"),
        Stage("mixed_8_10", "mixed10"),
    ),
    size=299,
    head=Head("average"),
    weights=(
        Weights(
            "imagenet",
            "inception_v3/inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5",
            hash="md5:bcbd6486424b2319ff4ef7d526e38f63",
            licence="Apache-2.0",
        ),
    ),
)
