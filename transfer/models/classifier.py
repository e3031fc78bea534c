"""Classifier: a backbone and a head, as one network that can be cut.

It owns which layers belong to which stage, what is thawed, and the two halves at every cut: ``bottom`` (frozen, called
without training, worth keeping the results of) and ``top`` (trained). It knows neither photos nor files.

Cuts are numbered by the stages below them. For a backbone of five stages:

    cut 0    nothing is frozen; the top starts from raw pixels
    cut 4    four stages are frozen; the top starts from the activations at the fifth stage's input
    cut 5    all is frozen; the top is the head, and starts from pooled vectors (from the map, if the head flattens)
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import keras

from transfer.errors import CallError
from transfer.models import head as heads
from transfer.models.backbone import Backbone
from transfer.models.seeding import seed_draws
from transfer.models.weights import load
from transfer.strategy import ALL, Head

BIASES = ("bias", "beta")
"""How Keras names what is added: the biases of its layers, and the shifts of its normalisations."""


class _Still(keras.layers.Layer):
    """A frozen network inside one that is trained. Keras would hand its training mode down, and with it dropout."""

    def __init__(self, network: keras.Model) -> None:
        super().__init__()
        self._network = network

    def call(self, inputs: Any) -> Any:
        return self._network(inputs, training=False)


class Classifier:
    """A backbone and a head.

    Args:
        backbone: The contract of a file on the backbones' shelf.
        head: The new head, or None for the backbone's published one.
        classes: How many.
        size: Side of the square input in pixels.
        seed: Of every initial weight. The head's do not depend on whether the network has been built.
        weights: File with the network's weights; None leaves them random.
        kept: Length of the kept vectors (average and maximum) of a head that pools, where it is known already; else
            the network is built to ask it.
        mirrored: Whether the whole network's answer is the mean over the picture and its mirror image.
    """

    def __init__(
        self,
        backbone: Backbone,
        head: Head | None,
        *,
        classes: int,
        size: int,
        seed: int = 0,
        weights: Path | None = None,
        kept: int | None = None,
        mirrored: bool = False,
    ) -> None:
        self.backbone, self.head = backbone, head or backbone.head
        self.classes, self.size, self.seed = classes, size, seed
        self.mirrored = mirrored
        self._weights = weights
        self._kept = kept if self.pool != "flatten" else None
        self._tops: dict[int, keras.Model] = {}
        self._composed: dict[int, keras.Model] = {}
        self._vectors: dict[int, keras.Model] = {}
        self._moved = False

    @property
    def pool(self) -> str:
        """How the head sees the feature map."""
        return self.head.pool or self.backbone.pool

    @property
    def last_cut(self) -> int:
        """The cut above which only the head remains."""
        return len(self.backbone.stages)

    def cut_for(self, thaw: int) -> int:
        """The deepest cut below which nothing is trained, when ``thaw`` stages are (``ALL``: every one)."""
        return 0 if thaw == ALL else max(0, self.last_cut - thaw)

    def restart(self, seed: int) -> None:
        """Be as a new classifier of this seed would be, in every weight; what was built and traced stays."""
        self.seed = seed
        if "network" in self.__dict__ and (self._moved or self._weights is None):
            _copy(self._new_network(), self.network)
        if "scores" in self.__dict__:
            _copy(self._new_scores(), self.scores)
        self._moved = False

    def put_back(self, variables: Sequence[keras.Variable], values: Sequence[Any]) -> None:
        """Give variables of the classifier the values that they had in an earlier training."""
        self._moved = True
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)

    # --- parts ---

    @cached_property
    def network(self) -> keras.Model:
        """Preprocessed pictures -> feature maps; built, and given its weights, at the first use."""
        return self._new_network()

    @cached_property
    def scores(self) -> keras.Sequential:
        """Vectors -> logits: the trained part of the head."""
        return self._new_scores()

    def bottom(self, cut: int) -> keras.Model:
        """Raw pictures, uint8 ``(n, size, size, 3)`` -> activations at the cut. Frozen: call it with training=False."""
        pictures = self._pictures()
        if cut == 0:
            return keras.Model(pictures, pictures, name="bottom_0")
        x = self._until(cut)(self._prepare(pictures))
        return keras.Model(pictures, heads.kept_pools(x) if self._keeps_vectors(cut) else x, name=f"bottom_{cut}")

    def vectors(self, cut: int) -> keras.Model:
        """Activations at the cut -> the vectors that the head's dense layers see, ``(n, features)``."""
        if cut not in self._vectors:
            self._vectors[cut] = self._until_vectors(cut)
        return self._vectors[cut]

    def _until_vectors(self, cut: int) -> keras.Model:
        if self._keeps_vectors(cut):
            start = keras.Input((self._count_features() * (1 if self.pool == "concat" else 2),))
            return keras.Model(start, heads.select(start, self.pool))
        if cut == 0:
            start = self._pictures()
            feature_map = self.network(self._prepare(start))
        else:
            middle = self._layer_output(cut)
            start = keras.Input(middle.shape[1:])
            feature_map = start if cut == self.last_cut else keras.Model(middle, self.network.output)(start)
        return keras.Model(start, heads.pool(feature_map, self.pool), name=f"vectors_{cut}")

    def top(self, cut: int) -> keras.Model:
        """Activations at the cut -> logits ``(n, classes)``. Tops share layers, so what one learns the others know."""
        if cut not in self._tops:
            vectors = self.vectors(cut)
            self._tops[cut] = keras.Model(vectors.input, self.scores(vectors.output), name=f"top_{cut}")
        return self._tops[cut]

    def composed(self, cut: int) -> keras.Model:
        """Raw pictures -> logits through a frozen bottom: what trains from pixels where activations are not kept."""
        if cut not in self._composed:
            pictures = self._pictures()
            scores = self.top(cut)(_Still(self.bottom(cut))(pictures))
            self._composed[cut] = keras.Model(pictures, scores, name=f"composed_{cut}")
        return self._composed[cut]

    def whole(self) -> keras.Model:
        """Raw pictures, uint8 ``(n, size, size, 3)`` -> probabilities ``(n, classes)``."""
        pictures = self._pictures()
        chances = keras.ops.softmax(self.top(0)(pictures))
        if self.mirrored:
            chances = (chances + keras.ops.softmax(self.top(0)(keras.ops.flip(pictures, axis=2)))) / 2
        return keras.Model(pictures, chances, name="classifier")

    def _new_network(self) -> keras.Model:
        seed_draws(self.seed)
        try:
            network = self.backbone.network(self.size)
        except ValueError as error:  # of Keras, of a map that would have no pixel left, or of the least size it allows
            raise CallError(
                f"{self.backbone.title} cannot be built for pictures of this size.",
                received=f"{self.size} pixels; {str(error).partition('. ')[0]}",
                remedy="Use a larger --size.",
            ) from error
        if self._weights is not None:
            load(network, self._weights)
        return network

    def _new_scores(self) -> keras.Sequential:
        features = self._count_features()
        seed_draws(self.seed)
        return heads.scores(self.head, features=features, classes=self.classes)

    def _pictures(self) -> Any:
        return keras.Input((self.size, self.size, 3), dtype="uint8", name="pictures")

    def _prepare(self, pictures: Any) -> Any:
        return self.backbone.preprocess(keras.ops.cast(pictures, "float32"))

    def _keeps_vectors(self, cut: int) -> bool:
        return 0 < cut == self.last_cut and self.pool != "flatten"

    def _until(self, cut: int) -> keras.Model:
        return keras.Model(self.network.input, self._layer_output(cut))

    def _layer_output(self, cut: int) -> Any:
        return self.network.get_layer(self.backbone.stages[cut - 1].last).output

    def _count_features(self) -> int:
        """Length of the vector that the dense layers see."""
        if self._kept is not None:
            return self._kept if self.pool == "concat" else self._kept // 2
        height, width, channels = self.network.output.shape[1:]
        return {"flatten": height * width * channels, "concat": 2 * channels}.get(self.pool, channels)

    # --- what is trained ---

    def thaw(
        self,
        thaw: int,
        *,
        batch_norm: Literal["frozen", "adapt"],
        part: Literal["all", "batch_norm", "bias"] = "all",
    ) -> None:
        """Let the last ``thaw`` stages be trained, and no other; batch norm inside them by the given policy.

        A frozen batch-norm layer keeps its statistics as well as its scale and shift (Keras runs it in inference mode).
        The statistics that one is judged by which adapts are counted by ``training/norms.py``. Of the thawed stages
        only a ``part`` may be trained: the batch-norm layers, or every bias.
        """
        cut = self.cut_for(thaw)
        self._moved = self._moved or cut < self.last_cut
        for number, layers in enumerate(self.stage_layers, 1):
            # A layer of layers, as KerasHub has them, comes before those within it, and they have the last word.
            for layer in (each for outer in layers for each in outer._flatten_layers()):
                norm = isinstance(layer, keras.layers.BatchNormalization)
                layer.trainable = False  # first: what it is already Keras passes over, and the weights keep their flags
                layer.trainable = number > cut and not (norm and batch_norm == "frozen")
                for variable in layer.trainable_variables if part != "all" else ():
                    variable.trainable = norm if part == "batch_norm" else variable.name in BIASES

    def depth(self, weight: keras.Variable) -> int:
        """How many stages from the top the weight lies: 0 in the head, 1 in the last stage."""
        for number, layers in enumerate(self.stage_layers, 1):
            if any(weight is own for layer in layers for own in layer.weights):
                return self.last_cut + 1 - number
        return 0

    @cached_property
    def stage_layers(self) -> tuple[tuple[keras.layers.Layer, ...], ...]:
        """The layers of each stage, from the input to the output; each layer in exactly one."""
        seen: set[int] = set()
        stages = []
        for cut in range(1, self.last_cut + 1):
            layers = tuple(layer for layer in self._until(cut).layers if id(layer) not in seen)
            seen |= {id(layer) for layer in layers}
            stages.append(layers)
        return tuple(stages)


def _copy(source: keras.Model, target: keras.Model) -> None:
    """Every variable, the states of random layers included (``weights`` leaves those out)."""
    for old, new in zip(target.variables, source.variables, strict=True):
        old.assign(new)
