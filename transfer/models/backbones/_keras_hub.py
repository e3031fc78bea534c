"""Any vision backbone of KerasHub, written ``keras_hub:PRESET``, where KerasHub is installed.

A preset's facts (its layers, its size, its scaling) lie in two small files on Kaggle, which KerasHub fetches once and
keeps; its weights follow when an arm first wants them. Stages are found, not written down: a stage ends at the last
layer of each map size that alone feeds what follows, and has weights.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import Any

import keras
import numpy

from transfer.errors import CallError, WeightsError
from transfer.models.backbone import KERAS_HUB, Backbone, Stage, Weights
from transfer.strategy import Head

WEIGHTS_FILE = "model.weights.h5"
USUAL = 224
"""Side in pixels where a preset names none."""


@cache
def of_preset(preset: str) -> Backbone:
    """The backbone of a preset.

    Raises:
        CallError: KerasHub is not installed or broken, knows no such preset, or it is none of pictures -> feature map.
        WeightsError: Its description can neither be found on this disk nor be fetched.
    """
    hub, handle = _installed(), _handle(preset)
    with _fetching(preset):
        try:
            converter = hub.layers.ImageConverter.from_preset(preset)
        except ValueError as error:  # a model of text or sound has none
            raise _unfit(preset, "It comes with no scaling of pictures") from error
    if type(converter).call is not hub.layers.ImageConverter.call:
        raise _unfit(preset, "Its preprocessing is more than a scale and an offset")
    size = (converter.image_size or (USUAL, USUAL))[0]
    build = partial(_build, preset)
    with _fetching(preset):
        ends = ends_of_stages(build(size))
    return Backbone(
        title=f"KerasHub {preset}",
        paper="https://www.kaggle.com/models/" + "/".join(handle.split("/")[:2]),
        licence="Apache-2.0",
        network=lambda side: _named(build(side), ends),
        preprocess=_affine(converter.scale, converter.offset),
        stages=tuple(Stage(_stage(number), _stage(number)) for number in range(1, len(ends) + 1)),
        size=size,
        head=Head("average"),
        weights=(Weights("preset", f"{KERAS_HUB}{preset}", hash=None, licence="as stated on Kaggle's page"),),
    )


def weights_file(preset: str) -> Path:
    """The file with a preset's weights, fetched where it must be.

    Raises:
        WeightsError: It can neither be found on this disk nor be fetched.
    """
    kaggle = importlib.import_module("kagglehub")  # KerasHub brings it
    with _fetching(preset):
        return Path(kaggle.model_download(_handle(preset), path=WEIGHTS_FILE))


def ends_of_stages(network: keras.Model) -> list[int]:
    """Where a network can be cut: the places in ``network.layers`` of the last layer of each stage.

    A tensor that alone leads from what is below it to what is above it is a cut; of the cuts at one map size the last
    is taken. The network's output is the last of all.
    """
    operations = network.operations
    made = {id(tensor): at for at, each in enumerate(operations) for tensor in keras.tree.flatten(each.output)}
    needed = dict(made)
    for at, operation in enumerate(operations):
        for tensor in () if isinstance(operation, keras.layers.InputLayer) else keras.tree.flatten(operation.input):
            needed[id(tensor)] = max(needed[id(tensor)], at)
    alive = [0] * len(operations)
    for tensor, begin in made.items():
        for at in range(begin, needed[tensor]):
            alive[at] += 1
    places = {id(layer): place for place, layer in enumerate(network.layers)}
    cuts: dict[Any, int] = {}
    for at, operation in enumerate(operations):
        is_layer = id(operation) in places and not isinstance(operation, keras.layers.InputLayer)
        if is_layer and alive[at] == 1 and len(operation.output.shape) == 4:
            cuts[operation.output.shape[1:3]] = places[id(operation)]
    output = next(places[id(layer)] for layer in network.layers if layer.output is network.output)
    return _with_weights(network, sorted({*cuts.values()} - {output}), output)


def _with_weights(network: keras.Model, ends: list[int], output: int) -> list[int]:
    """Those of the ends that leave no stage without weights (padding changes the size of a map, too)."""
    kept: list[int] = []
    for end in ends:
        if _weighs(network, kept[-1] if kept else -1, end):
            kept.append(end)
    if kept and not _weighs(network, kept[-1], output):
        kept.pop()
    return [*kept, output]


def _weighs(network: keras.Model, below: int, end: int) -> bool:
    return any(layer.weights for layer in network.layers[below + 1 : end + 1])


# --- what KerasHub says ---


def _installed() -> Any:
    try:
        return importlib.import_module("keras_hub")
    except ImportError as error:
        if importlib.util.find_spec("keras_hub"):
            remedy = "Run `pip install -U keras-hub kagglehub kagglesdk`: they must fit each other."
            raise CallError("KerasHub cannot be imported.", received=str(error), remedy=remedy) from error
        raise CallError(
            "KerasHub is not installed.",
            received=f"an arm with {KERAS_HUB}",
            remedy="Run `pip install 'transfer[hub]'`, or choose a backbone that `transfer list backbones` names.",
        ) from error


def _handle(preset: str) -> str:
    """``OWNER/MODEL/keras/VARIANT/VERSION`` on Kaggle."""
    known = _installed().models.Backbone.presets
    if preset not in known:
        close = difflib.get_close_matches(preset, known, n=3, cutoff=0.5)
        raise CallError(
            "KerasHub has no preset of this name.",
            received=preset,
            remedy=f"Did you mean {' or '.join(close)}?" if close else "keras.io/keras_hub/presets lists them.",
        )
    return str(known[preset]["kaggle_handle"]).removeprefix("kaggle://")


def _build(preset: str, size: int) -> keras.Model:
    """The network of a preset for pictures of that side, with random weights."""
    backbone = _installed().models.Backbone
    how = {"load_weights": False, "dtype": keras.config.dtype_policy()}  # a preset brings its own
    try:
        network = backbone.from_preset(preset, image_shape=(size, size, 3), **how)
        if _side(network) != size:  # EfficientNet has another name for it, and passes over this one
            network = backbone.from_preset(preset, input_shape=(size, size, 3), **how)
    except TypeError as error:  # no such argument
        raise _unfit(preset, "It takes no pictures of a size that is asked for") from error
    single = isinstance(network.output, keras.KerasTensor) and isinstance(network.input, keras.KerasTensor)
    if not single or len(network.output.shape) != 4:
        raise _unfit(preset, "It does not turn a picture into one feature map")
    if _side(network) != size:
        raise _unfit(preset, "It takes no pictures of a size that is asked for")
    return network


def _side(network: keras.Model) -> Any:
    return network.input.shape[1] if isinstance(network.input, keras.KerasTensor) else None


@contextmanager
def _fetching(preset: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:  # every fault of the network is one
        raise WeightsError(
            f"The preset {preset} of KerasHub could not be fetched.",
            received=f"{type(error).__name__}: {str(error)[:200]}",
            remedy="Ask for it once where kaggle.com can be reached, and copy that machine's ~/.cache/kagglehub to "
            "this one (or name the copy in KAGGLEHUB_CACHE).",
        ) from error


def _unfit(preset: str, why: str) -> CallError:
    return CallError(
        f"This preset of KerasHub cannot be a backbone here. {why}.",
        received=preset,
        remedy="Choose a convolutional one, such as keras_hub:resnet_50_imagenet.",
    )


# --- into the house's terms ---


def _affine(scale: Any, offset: Any) -> Callable[[Any], Any]:
    factor, shift = (
        numpy.asarray(usual if value is None else value, "float32") for value, usual in ((scale, 1.0), (offset, 0.0))
    )

    def preprocess(pixels: Any) -> Any:
        """Raw pixels times a factor plus a shift, each of one number or one a channel."""
        return pixels * factor + shift

    return preprocess


def _named(network: keras.Model, ends: list[int]) -> keras.Model:
    for number, place in enumerate(ends, 1):
        network.layers[place].name = _stage(number)
    return network


def _stage(number: int) -> str:
    return f"stage_{number}"
