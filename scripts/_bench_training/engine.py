"""Photos a second from JPEG files to pooled features, as ``Store.fill`` makes them for a training.

Beside it, in each round and on the same cores: the engine on pictures in memory (inference); the pictures alone
(decoding: read, hash, decode, resize, batch); 1 / (1/inference + 1/decoding), which is the limit; and the rival,
``model.predict`` over ``keras.utils.image_dataset_from_directory`` of the same files, its function traced before.
Files are in the system's memory. The network was converted before; it is loaded and compiled within the time, as at
every second start.
"""

from __future__ import annotations

import argparse
import itertools
import math
import tempfile
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy
import tensorflow as tf

from _bench_training.measuring import (
    CORES,
    Spent,
    enlarged,
    exhaust,
    kilobytes,
    limit,
    median,
    photos_in,
    possible,
    spent,
    spread,
    table,
    tell,
    timed,
    title,
    weights_of,
)
from transfer import pixels
from transfer.models.backbone import BACKBONES
from transfer.models.classifier import Classifier
from transfer.photo import Photo
from transfer.stored import Stored
from transfer.training import batches
from transfer.training import engine as engines
from transfer.training.features import PART, Store
from transfer.workspace import Workspace

IN_MEMORY = 512
"""Photos that are asked about from memory, or decoded from bytes in memory, at most."""

Measured = dict[tuple[Any, ...], list[Spent]]
"""What was measured, and what for -> for one photo, a value a round; of ``start`` and ``write``, for all photos."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path)
    parser.add_argument("--photos", type=int, default=1000)
    parser.add_argument("--backbones", nargs="+", default=["mobilenet_v2", "resnet50", "vgg16"])
    parser.add_argument("--sides", nargs="+", type=int, default=[227, 1600], help="Longer side of the photos.")
    parser.add_argument("--precisions", nargs="+", default=["float32", "bfloat16"])
    parser.add_argument("--engine", default=engines.usual())
    parser.add_argument("--rival-seconds", type=float, default=30.0, help="The rival sees so many photos as take that.")


def run(asked: argparse.Namespace) -> None:
    print(title("Photos a second, from files to pooled features"))
    asked.precisions = possible(asked.engine, asked.precisions)
    if not asked.precisions:
        raise SystemExit("no precision is left to be measured")
    with tempfile.TemporaryDirectory() as folder:
        sets = {}
        for side in asked.sides:
            tell(f"photos of {side} pixels")
            sets[side] = enlarged(photos_in(asked.folder, asked.photos), side, Path(folder, str(side)))
            print(f"{len(sets[side]):,} photos of {side} pixels: {kilobytes(sets[side]):.0f} KB on average.")
        rates, parts = [], []
        for name in asked.backbones:
            bench = _Bench(name, asked, sets, Path(folder))
            measured = bench.measure()
            for side, precision in itertools.product(asked.sides, asked.precisions):
                rates.append(_rate_row(name, side, precision, measured, bench.rival_photos[side]))
                parts.append(_part_row(name, side, precision, measured, asked.photos))
    head = ["", "photos a second", "inference", "decoding", "limit", "of the limit"]
    print("\n" + table([*head, "of that with bytes in memory", "Keras (photos)", "times Keras"], rates))
    print(
        f"Where the seconds for {asked.photos:,} photos go, the CPU seconds of this process, and the share of the "
        "cores' time end to end that it did not use. Inference and decoding are each measured alone; *reading* (with "
        "the hash) and *decoding from memory* are what decoding is made of; *start* is loading and compiling the "
        "network, *writing* keeping the parts; *rest* is what the end-to-end time has more than inference, decoding, "
        "start and writing: waiting for each other, and less than nothing where cores that one leaves idle serve the "
        "other.\n"
    )
    head = ["s", "end to end", "inference", "decoding", "reading", "from memory", "start", "writing"]
    print(table([*head, "rest", "CPU: end to end", "inference", "decoding", "idle"], parts))


class _Bench:
    """One backbone at all sides and precisions."""

    def __init__(self, name: str, asked: argparse.Namespace, sets: dict[int, list[Photo]], folder: Path) -> None:
        self.name, self.asked, self.sets, self.folder = name, asked, sets, folder
        self.workspace = Workspace(folder / f"workspace-{name}")
        backbone, weights = BACKBONES[name], weights_of(name)
        tell(f"{name}, {'published' if weights else 'random'} weights")
        self.size = backbone.size
        self.classifier = Classifier(backbone, None, classes=2, size=self.size, weights=weights)
        self.rival = self._rival()
        self.decode = tf.function(
            lambda content: pixels.decode_resize(content, self.size), [tf.TensorSpec([], tf.string)], autograph=False
        )

    def measure(self) -> Measured:
        measured: Measured = defaultdict(list)
        first = self.sets[self.asked.sides[0]][:IN_MEMORY]
        pictures = numpy.concatenate(list(batches.pictures(first, self.workspace, size=self.size, batch=64)))
        for precision in self.asked.precisions:
            # Converted; and checked against Keras with the first answers, which are not timed.
            self.batch = self._engine(precision).batch
        rival = {side: self._affordable(side) for side in self.asked.sides}
        for number in range(self.asked.rounds):
            tell(f"  round {number + 1}")
            for precision in self.asked.precisions:
                engine, took = timed(partial(self._engine, precision))
                measured["start", precision].append(took)
                measured["inference", precision].append(_inference(engine, pictures))
                del engine
            for side, photos in self.sets.items():
                self._decoding(side, photos, measured)
                for precision in self.asked.precisions:
                    measured["whole", side, precision].append(self._fill(photos, precision) / len(photos))
                measured["rival", side].append(self._predicting(side, rival[side]))
            measured["write",].append(self._writing(self.sets[self.asked.sides[0]]))
        self.rival_photos = {side: min(32 * count, len(self.sets[side])) for side, count in rival.items()}
        return measured

    def _store(self, precision: str) -> Store:
        setting = {"backbone": self.name, "weights": "bench", "stage": "pooled", "size": self.size}
        return Store(self.workspace, setting | {"engine": self.asked.engine, "precision": precision})

    def _bottom(self) -> keras.Model:
        return self.classifier.bottom(self.classifier.last_cut)

    def _engine(self, precision: str) -> engines.Engine:
        kept = self._store(precision).folder / "network"
        return engines.build(
            self.asked.engine, precision, self._bottom, size=self.size, kept=kept, keep=self.workspace.replacing
        )

    def _fill(self, photos: Sequence[Photo], precision: str) -> Spent:
        store = self._store(precision)
        for path in store.stored.files():
            path.unlink()
        took = spent(lambda: store.fill(photos, self._bottom))
        if store.missing(photos):
            raise SystemExit("not every photo was kept")
        return took

    def _decoding(self, side: int, photos: Sequence[Photo], measured: Measured) -> None:
        def pictures(some: Sequence[Photo]) -> None:
            exhaust(batches.pictures(some, self.workspace, size=self.size, batch=self.batch))

        measured["decoding", side].append(spent(lambda: pictures(photos)) / len(photos))
        some = photos[:IN_MEMORY]
        contents = [Path(one.file_name).read_bytes() for one in some]
        read = [partial(pixels.read_photo, one.file_name, one.sha256) for one in some]
        decode = [partial(self.decode, tf.constant(content)) for content in contents]
        for part, things in (("reading", read), ("memory", decode)):
            measured[part, side].append(spent(partial(_all, things)) / len(some))

    def _writing(self, photos: Sequence[Photo]) -> Spent:
        """Of one part after the other, in a folder that no store has."""
        scratch = Stored(self.workspace, self.workspace.features / "scratch")
        width = int(self._bottom().output.shape[-1])

        def write() -> None:
            for start in range(0, len(photos), PART):
                keys = [one.sha256 for one in photos[start : start + PART]]
                scratch.write(start, keys, numpy.zeros((len(keys), width), "float32"))

        return spent(write)

    def _rival(self) -> keras.Model:
        pictures = keras.Input((self.size, self.size, 3))
        x = self.classifier.network(self.classifier.backbone.preprocess(pictures), training=False)
        return keras.Model(pictures, keras.layers.GlobalAveragePooling2D()(x))

    def _dataset(self, side: int, batches: int) -> tf.data.Dataset:
        found = keras.utils.image_dataset_from_directory(
            self.folder / str(side), labels=None, image_size=(self.size, self.size), shuffle=False, verbose=False
        )
        return found.take(batches).prefetch(tf.data.AUTOTUNE)

    def _predicting(self, side: int, batches: int) -> Spent:
        seen = self._dataset(side, batches)
        return spent(lambda: self.rival.predict(seen, verbose=0)) / min(32 * batches, len(self.sets[side]))

    def _affordable(self, side: int) -> int:
        """Batches that the rival answers in the time it has; its function is traced on the way."""
        self.rival.predict(self._dataset(side, 1), verbose=0)
        took = spent(lambda: self.rival.predict(self._dataset(side, 2), verbose=0)) / 2
        return max(1, min(math.ceil(len(self.sets[side]) / 32), int(self.asked.rival_seconds / took.seconds)))


def _inference(engine: engines.Engine, pictures: numpy.ndarray) -> Spent:
    given = [pictures[at : at + engine.batch] for at in range(0, len(pictures), engine.batch)]
    exhaust(engine.answers(given[:4]))
    return spent(lambda: exhaust(engine.answers(given))) / len(pictures)


def _all(things: Sequence[Callable[[], object]]) -> None:
    """Do them with a thread for each core, as ``batches`` does."""
    with ThreadPoolExecutor(CORES) as threads:
        exhaust(threads.map(lambda act: act(), things))


def _seconds(measured: Measured, *key: Any) -> list[float]:
    return [one.seconds for one in measured[key]]


def _rate_row(name: str, side: int, precision: str, measured: Measured, rival_photos: int) -> list[str]:
    whole, inference = _seconds(measured, "whole", side, precision), _seconds(measured, "inference", precision)
    decoding, memory = _seconds(measured, "decoding", side), _seconds(measured, "memory", side)
    rival = _seconds(measured, "rival", side)
    limits = [limit(*each) for each in zip(inference, decoding, strict=True)]
    harder = [limit(*each) for each in zip(inference, memory, strict=True)]
    return [
        f"{name}, {side} px, {precision}",
        spread([1 / one for one in whole]),
        *(f"{1 / median(each):.0f}" for each in (inference, decoding)),
        f"{median(limits):.0f}",
        f"**{median(1 / a / b for a, b in zip(whole, limits, strict=True)):.2f}**",
        f"{median(1 / a / b for a, b in zip(whole, harder, strict=True)):.2f}",
        f"{1 / median(rival):.1f} ({rival_photos})",
        f"**{median(b / a for a, b in zip(whole, rival, strict=True)):.2f}**",
    ]


def _part_row(name: str, side: int, precision: str, measured: Measured, photos: int) -> list[str]:
    whole = photos * median(_seconds(measured, "whole", side, precision))
    each = {
        "inference": photos * median(_seconds(measured, "inference", precision)),
        "decoding": photos * median(_seconds(measured, "decoding", side)),
        "start": median(_seconds(measured, "start", precision)),
        "writing": median(_seconds(measured, "write")),
    }
    inner = [photos * median(_seconds(measured, part, side)) for part in ("reading", "memory")]
    shown = [whole, each["inference"], each["decoding"], *inner, each["start"], each["writing"]]
    cpu = [("whole", side, precision), ("inference", precision), ("decoding", side)]
    return [
        f"{name}, {side} px, {precision}",
        *(f"{value:.2f}" for value in (*shown, whole - sum(each.values()))),
        *(f"{photos * median(one.cpu for one in measured[key]):.2f}" for key in cpu),
        f"{100 * median(one.idle for one in measured[cpu[0]]):.0f} %",
    ]
