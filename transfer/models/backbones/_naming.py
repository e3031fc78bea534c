"""Naming layers that Keras has named by a counter.

Such a name (``add_3``) depends on what was built before in the same process. Where a stage ends at such a layer, its
network gives it a lasting name first.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras


def name_layers(network: keras.Model, kind: type[keras.layers.Layer], names: Sequence[str]) -> keras.Model:
    """Name the network's layers of exactly this kind, in their order; the network itself comes back.

    Raises:
        ValueError: It has more or fewer of them, so that Keras' network is no longer the one that was named.
    """
    layers = [layer for layer in network.layers if type(layer) is kind]
    for layer, name in zip(layers, names, strict=True):
        layer.name = name
    return network
