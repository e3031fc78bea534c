"""Backbone: the contract of the shelf ``backbones/``.

A backbone turns raw 0-255 RGB pictures into a feature map, its preprocessing included. It owns its usual size, its
ordered stages, its published weights and its published head. It refuses to know classes.

A file on the shelf states facts and names two functions: see ``backbones/resnet50.py`` for the shape of one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import keras

from transfer.shelf import Shelf
from transfer.strategy import Head

KERAS_HUB = "keras_hub:"
"""What the name of a preset of KerasHub begins with, as a backbone."""


class BackboneShelf(Shelf):
    """The files on the shelf; and by name, ``keras_hub:PRESET``, whatever KerasHub has, which is not listed."""

    def __contains__(self, name: object) -> bool:
        return (isinstance(name, str) and name.startswith(KERAS_HUB)) or super().__contains__(name)

    def __getitem__(self, name: str) -> Backbone:
        """The backbone of that name.

        Raises:
            CallError: There is none. WeightsError: KerasHub cannot fetch what it says of the preset.
        """
        if name.startswith(KERAS_HUB):
            from transfer.models.backbones._keras_hub import of_preset

            return of_preset(name.removeprefix(KERAS_HUB))
        backbone: Backbone = super().__getitem__(name)
        return backbone


BACKBONES = BackboneShelf("transfer.models.backbones", "backbone")


@dataclass(frozen=True)
class Weights:
    """Published weights of a backbone.

    Attributes:
        name: As an arm names them: ``imagenet``.
        file: Path below the host of Keras' published weights, ``package:NAME`` for a file in ``transfer/data``, or
            ``keras_hub:PRESET`` for what KerasHub keeps.
        hash: ``md5:...`` or ``sha256:...``; None where the publisher states none.
        licence: Under which the weights are published.
        size: Side in pixels of the pictures they were trained on, where it differs from the backbone's usual one.
    """

    name: str
    file: str
    hash: str | None
    licence: str
    size: int | None = None


@dataclass(frozen=True)
class Stage:
    """A part of the network that is thawed as one: everything up to and including the layer ``last``.

    Only one tensor may leave a stage, so that the network can be cut there.
    """

    name: str
    last: str


@dataclass(frozen=True)
class Backbone:
    """A convolutional network without its classes.

    Attributes:
        title: As a person writes it. paper: Where it was published. licence: Of the network's reference code.
        network: Side in pixels -> Keras model, preprocessed pictures -> feature maps ``(height, width, channels)``.
        preprocess: Symbolic raw 0-255 RGB picture -> what ``network`` expects.
        stages: From the input to the output; the last one ends at the network's output.
        size: The usual side of its square input, in pixels.
        least: The smallest side it takes by itself where every photo is smaller than ``size``; None: always ``size``.
        pool: How a new head sees the feature map: ``average``, or ``flatten`` where position matters.
        head: Its published head, which training from scratch uses.
        weights: Published weights; the first are the usual ones.
        learned: Whether the network has weights at all.
    """

    title: str
    paper: str
    licence: str
    network: Callable[[int], keras.Model]
    preprocess: Callable[[Any], Any]
    stages: tuple[Stage, ...]
    size: int = 224
    least: int | None = None
    pool: str = "average"
    head: Head = field(default_factory=Head)
    weights: tuple[Weights, ...] = ()
    learned: bool = True
