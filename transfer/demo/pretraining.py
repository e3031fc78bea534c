"""Pretraining: ResNet-20 on drawn glyphs, and what its frozen features are worth on handwritten digits.

It owns the recipe of the weights that the package carries (``resnet20@glyphs``) and the record beside them. The
network is built, thawed and saved by the library. The descent itself is Keras' own ``fit``: the library's loop reads
photos from a manifest, and 38,700 drawings of a few bytes are no photos worth keeping.
"""

from __future__ import annotations

import hashlib
import platform
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import keras
import numpy
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from transfer.demo import glyphs
from transfer.models import weights
from transfer.models.backbone import BACKBONES
from transfer.models.classifier import Classifier
from transfer.progress import Progress
from transfer.strategy import ALL, Head

FILE = "resnet20_glyphs.weights.h5"
KEPT = Path(__file__).parents[1] / "data" / FILE
"""The weights that the package carries; the record lies beside them as ``.json``."""


@dataclass(frozen=True)
class Recipe:
    """How the glyph weights are made.

    Attributes:
        drawings: Of each class, for training. held_out: Of each class, other ones, for the source accuracy.
        epochs: Over all drawings. batch: Drawings a step.
        rate: The highest learning rate, of SGD with Nesterov momentum 0.9; it rises over the first tenth of the steps
            and falls to zero along a cosine.
        weight_decay: Decoupled, as a share of the weight for each unit of learning rate.
        seed: Of drawings, initial weights and order.
    """

    drawings: int = 300
    held_out: int = 15
    epochs: int = 5
    batch: int = 128
    rate: float = 0.1
    weight_decay: float = 5e-4
    seed: int = 0


@dataclass(frozen=True)
class Pretrained:
    """A network of preprocessed 8 x 8 pictures, and how well it told held-out glyphs apart."""

    network: keras.Model
    source_accuracy: float
    seconds: float


def pretrain(recipe: Recipe = Recipe(), *, on_progress: Progress | None = None) -> Pretrained:
    """Train ResNet-20 on glyphs; 2 to 3 minutes on two cores.

    Args:
        recipe: What decides the result, but for the order in which threads add.
        on_progress: Told ``(done, total, what)``.
    """
    begun = time.perf_counter()
    drawings, truth = glyphs.draw_glyphs(recipe.drawings, seed=recipe.seed, on_progress=on_progress)
    # Seeds of two words, so that no held-out drawing is one of another recipe's training drawings.
    unseen, unseen_truth = glyphs.draw_glyphs(recipe.held_out, seed=recipe.seed + 2**32, on_progress=on_progress)
    classifier = Classifier(
        BACKBONES["resnet20"], Head("average"), classes=len(glyphs.classes()), size=glyphs.SIDE, seed=recipe.seed
    )
    model = classifier.top(0)
    classifier.thaw(ALL, batch_norm="adapt")
    steps = recipe.epochs * -(-len(truth) // recipe.batch)
    model.compile(
        keras.optimizers.SGD(_rate(recipe, steps), momentum=0.9, nesterov=True, weight_decay=recipe.weight_decay),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    keras.utils.set_random_seed(recipe.seed)
    told = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: on_progress and on_progress(epoch + 1, recipe.epochs, "pretraining")
    )
    pictures = as_pictures(drawings)
    model.fit(pictures, truth, batch_size=recipe.batch, epochs=recipe.epochs, verbose=0, callbacks=[told])
    _, accuracy = model.evaluate(as_pictures(unseen), unseen_truth, batch_size=512, verbose=0)
    return Pretrained(classifier.network, round(float(accuracy), 4), round(time.perf_counter() - begun, 1))


def features(network: keras.Model, drawings: numpy.ndarray) -> numpy.ndarray:
    """Average-pooled feature maps of drawings, uint8 ``(n, 8, 8)``, as float32 ``(n, 64)``."""
    ready = BACKBONES["resnet20"].preprocess(keras.ops.cast(as_pictures(drawings), "float32"))
    return network.predict(ready, batch_size=512, verbose=0).mean(axis=(1, 2))


def as_pictures(drawings: numpy.ndarray) -> numpy.ndarray:
    """Grey ``(n, 8, 8)`` as RGB ``(n, 8, 8, 3)``."""
    return numpy.repeat(drawings[..., None], 3, axis=-1)


def probe_accuracies(
    vectors: numpy.ndarray, truth: numpy.ndarray, *, per_class: Sequence[int], subsets: int = 10, seed: int = 0
) -> dict[int, float]:
    """Mean accuracy of logistic regression on few labelled vectors, judged on all the others.

    Plain scikit-learn with its default penalty, on vectors divided by their root mean square: a yardstick that does
    not depend on the library's own solver.

    Args:
        vectors: Float ``(n, features)``. truth: Class of each.
        per_class: How many are labelled. subsets: Random choices of them. seed: Of these choices.
    """
    scaled = vectors / numpy.sqrt(numpy.mean(numpy.square(vectors)))
    means = {}
    for k in per_class:
        found = []
        for subset in range(subsets):
            order = numpy.random.default_rng([seed, k, subset]).permutation(len(truth))
            chosen = numpy.concatenate([order[truth[order] == label][:k] for label in numpy.unique(truth)])
            rest = numpy.setdiff1d(order, chosen)
            probe = LogisticRegression(max_iter=5000).fit(scaled[chosen], truth[chosen])
            found.append(probe.score(scaled[rest], truth[rest]))
        means[k] = round(float(numpy.mean(found)), 4)
    return means


def record(pretrained: Pretrained, recipe: Recipe, path: Path, *, subsets: int = 10) -> dict[str, Any]:
    """All that stands beside a weights file: how it was made, and what was measured.

    No digit is ever trained on. The recipe itself was settled among half a dozen by looking at these figures, and the
    drawings were made to resemble the digits' scans, so the figures are those of a source that suits its target.
    """
    digits = load_digits()
    grey, sizes = glyphs.to_grey(digits.images), (1, 5, 10, 20)
    learned = probe_accuracies(features(pretrained.network, grey), digits.target, per_class=sizes, subsets=subsets)
    raw = probe_accuracies(grey.reshape(len(grey), -1) / 255, digits.target, per_class=sizes, subsets=subsets)
    return {
        "file": path.name,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "network": "resnet20 without its head, for preprocessed 8 x 8 RGB pictures",
        "parameters": pretrained.network.count_params(),
        "licence": "Apache-2.0",
        "recipe": asdict(recipe),
        "classes": list(glyphs.classes()),
        "fonts": [glyphs.font_file(face).name for face in glyphs.FACES],
        "source_accuracy": {"accuracy": pretrained.source_accuracy, "n": len(glyphs.classes()) * recipe.held_out},
        "target": "sklearn.datasets.load_digits; logistic regression on k labelled digits a class, judged on the rest",
        "target_subsets": subsets,
        "target_accuracy": {str(k): {"pretrained": learned[k], "raw_pixels": raw[k]} for k in sizes},
        "seconds": pretrained.seconds,
        "versions": {"python": platform.python_version()}
        | {name: version(name) for name in ("keras", "tensorflow", "numpy", "matplotlib", "pillow", "scikit-learn")},
    }


def kept_network() -> keras.Model:
    """ResNet-20 for 8 x 8 pictures with the weights that the package carries.

    Raises:
        WeightsError: The file is missing, damaged or another network's.
    """
    network = BACKBONES["resnet20"].network(glyphs.SIDE)
    weights.load(network, KEPT)
    return network


def _rate(recipe: Recipe, steps: int) -> keras.optimizers.schedules.CosineDecay:
    rising = max(1, steps // 10)
    return keras.optimizers.schedules.CosineDecay(
        recipe.rate / 20, max(1, steps - rising), warmup_target=recipe.rate, warmup_steps=rising
    )
