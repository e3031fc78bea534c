"""ConvNeXt-Tiny: a convolutional network built like a transformer, 27.8 million parameters; no batch norm at all.

Liu, Mao, Wu, Feichtenhofer, Darrell and Xie 2022. Keras' form without classes normalises the map at each place, where
the paper normalises what has been pooled. Keras builds its preprocessing into the network if it may; here it stands
before the network, as for every backbone.
"""

from __future__ import annotations

import keras

from transfer.models.backbone import Backbone, Stage, Weights
from transfer.models.backbones._preprocessing import standardised
from transfer.strategy import Head


def network(size: int) -> keras.Model:
    """Preprocessed pictures ``(size, size, 3)`` to a map ``(size / 32, size / 32, 768)``."""
    built = keras.applications.ConvNeXtTiny(
        input_shape=(size, size, 3), include_top=False, weights=None, include_preprocessing=False
    )
    built.layers[-1].name = "convnext_tiny_layernorm"  # Keras names it by a counter
    return built


backbone = Backbone(
    title="ConvNeXt-Tiny",
    paper="https://arxiv.org/abs/2201.03545",
    licence="Apache-2.0",
    network=network,
    preprocess=standardised,
    stages=(
        # A block ends in a bare sum, which is no layer that could be named, so a stage ends behind the layers that
        # halve its map.
        *(Stage(f"stage_{number}", f"convnext_tiny_downsampling_block_{number}") for number in range(3)),
        Stage("stage_3", "convnext_tiny_layernorm"),
    ),
    head=Head("average"),
    weights=(
        Weights(
            "imagenet",
            "convnext/convnext_tiny_notop.h5",
            hash="sha256:d547c096cabd03329d7be5562c5e14798aa39ed24b474157cef5e85ab9e49ef1",
            licence="MIT",  # as released by Meta
        ),
    ),
)
