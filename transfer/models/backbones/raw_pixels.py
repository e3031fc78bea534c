"""Raw pixels: no network at all; what a linear classifier reaches by itself, the floor under every other arm.

The first row of the table in LeCun et al. 1998, where such a classifier errs on 12 digits of a hundred.
"""

from __future__ import annotations

from typing import Any

import keras

from transfer.models.backbone import Backbone, Stage
from transfer.strategy import Head


def network(size: int) -> keras.Model:
    """Pixels ``(size, size, 3)`` to the same pixels; no parameters."""
    inputs = keras.Input((size, size, 3))
    return keras.Model(inputs, keras.layers.Identity(name="pixels")(inputs), name="raw_pixels")


def preprocess(pixels: Any) -> Any:
    """0 to 255 becomes 0 to 1."""
    return pixels / 255.0


backbone = Backbone(
    title="Raw pixels",
    paper="https://doi.org/10.1109/5.726791",
    licence="Apache-2.0",
    network=network,
    preprocess=preprocess,
    stages=(Stage("pixels", "pixels"),),
    size=32,
    least=1,
    pool="flatten",
    head=Head("flatten"),
    learned=False,
)
