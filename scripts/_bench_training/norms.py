"""A training step of a whole network whose batch norm adapts: as one operation a layer, and as Keras writes it.

Beside them the same step with frozen batch norm, which has no statistics to count. The three take turns in one process
on one batch in memory; ratios are of a turn.
"""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy

from _bench_training.measuring import apart, median, photos_in, spent, spread, table, tell, title, weights_of
from transfer.photo import Photo

WAYS = ("Keras", "one operation", "frozen")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path)
    parser.add_argument("--backbones", nargs="+", default=["mobilenet_v2_035", "mobilenet_v2", "resnet50"])
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--batch", type=int, default=32)


def run(asked: argparse.Namespace) -> None:
    print(title("Batch norm that adapts"))
    print(f"A step with {asked.batch} photos of {asked.size} pixels, every layer trained.\n")
    photos, rows = photos_in(asked.folder, asked.batch), []
    for name in asked.backbones:
        tell(name)
        turns = apart(measure, name, photos, asked.size, asked.rounds)
        faster = [keras / ours for keras, ours, _ in turns]
        dearer = [ours / frozen for _, ours, frozen in turns]
        rows.append(
            [
                name,
                *(spread(seconds, ".3f") for seconds in zip(*turns, strict=True)),
                f"**{median(faster):.2f}**",
                f"{median(dearer):.2f}",
            ]
        )
    print(table(["", *(f"{way} (s)" for way in WAYS), "times Keras", "times frozen's seconds"], rows))


def measure(name: str, photos: list[Photo], size: int, rounds: int) -> list[tuple[float, ...]]:
    """Seconds of a step in each of the ways, for each round."""
    from transfer.training import batches
    from transfer.workspace import Workspace

    pictures = numpy.concatenate(list(batches.pictures(photos, Workspace("nowhere"), size=size, batch=len(photos))))
    steps = [_step(name, way, pictures) for way in WAYS]
    return [tuple(spent(step).seconds for step in steps) for _ in range(rounds)]


def _step(name: str, way: str, pictures: numpy.ndarray) -> Callable[[], object]:
    """The step, traced."""
    import keras
    import tensorflow as tf

    from transfer.models.backbone import BACKBONES
    from transfer.models.classifier import Classifier
    from transfer.strategy import ALL, Head
    from transfer.training.norms import Norms

    classes, size = 10, pictures.shape[1]
    classifier = Classifier(BACKBONES[name], Head(pool="average"), classes=classes, size=size, weights=weights_of(name))
    classifier.thaw(ALL, batch_norm="frozen" if way == "frozen" else "adapt")
    model: Any = classifier.top(0)
    model.compile(keras.optimizers.SGD(1e-3, momentum=0.9), keras.losses.CategoricalCrossentropy(from_logits=True))
    targets = numpy.eye(classes, dtype="float32")[numpy.arange(len(pictures)) % classes]
    given = tf.constant(pictures), tf.constant(targets)
    with Norms(model, len(pictures)).fused() if way == "one operation" else contextlib.nullcontext():
        model.train_on_batch(*given)
    return lambda: model.train_on_batch(*given)
