"""The activations at a frozen cut, computed once for each photo and kept by content.

Owns ``WS/features/DIGEST/``: the digest names everything that decides an activation (backbone, weights, cut, size,
engine, precision), and inside it a photo is known by the sha256 of its bytes. So another head, seed, split or label
touches no pixel, while a changed photo, other weights or another setting never meets an old activation.

    about.json          the settings in words, the shape, milliseconds for one photo
    network.*           the frozen network as OpenVINO reads it, where that is the engine
    N.npy  N.keys       up to 512 photos; keys are written after activations, so a file of keys means a whole part

Parts are written as they are computed: a killed process loses the part it was in, and memory holds one part at a time.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import keras
import numpy
import tensorflow as tf

from transfer.photo import Photo
from transfer.training import batches
from transfer.training import engine as engines
from transfer.training.engine import Engine
from transfer.workspace import Workspace

PART = 512
"""Photos in one file."""

PIXELS = "pixels"
"""The stage of a setting at cut 0."""

SETTING = ("backbone", "weights", "stage", "size", "engine", "precision")
"""What decides an activation, among all that ``about.json`` says."""

Progress = Callable[[int, int, str], None]


def quiet(done: int, total: int, what: str) -> None:
    """The progress of who does not want to hear of it."""


@dataclass(frozen=True)
class Store:
    """The kept activations of one setting.

    Args:
        workspace: Where they lie.
        setting: Everything that decides an activation, besides the photo.
    """

    workspace: Workspace
    setting: Mapping[str, Any]

    @property
    def digest(self) -> str:
        return hashlib.sha256(json.dumps(self.setting, sort_keys=True).encode()).hexdigest()[:16]

    @property
    def folder(self) -> Path:
        return self.workspace.features / self.digest

    def about(self) -> dict[str, Any]:
        """What ``about.json`` says; empty before the first photo."""
        try:
            return json.loads((self.folder / "about.json").read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return {}

    def missing(self, photos: Sequence[Photo]) -> list[Photo]:
        """The photos that are not kept yet, each content once."""
        kept = self._places()
        wanted = {photo.sha256: photo for photo in photos if photo.sha256 not in kept}
        return list(wanted.values())

    def fill(
        self, photos: Sequence[Photo], bottom: Callable[[], keras.Model], *, on_progress: Progress = quiet
    ) -> float:
        """Compute what is missing for these photos; ``bottom`` is built only where something is.

        Returns:
            The seconds that it took.
        """
        missing = self.missing(photos)
        if not missing:
            return 0.0
        begun = time.perf_counter()
        size = self.setting["size"]
        what = "decoding photos" if self.setting["stage"] == PIXELS else "computing frozen features"
        engine = self._engine(bottom)
        if not self.about():
            about = dict(self.setting) | {"shape": engine.shape, "dtype": engine.dtype} | engine.facts
            self.workspace.write_json(self.folder / "about.json", about)
        for start in range(0, len(missing), PART):
            part = missing[start : start + PART]
            rows = numpy.empty((len(part), *engine.shape), engine.dtype)
            done = 0
            seen = batches.pictures(
                part, self.workspace, size=size, batch=engine.batch, view=self.setting.get("view", "")
            )
            for answer in engine.answers(seen):
                rows[done : done + len(answer)] = answer
                done += len(answer)
                on_progress(start + done, len(missing), what)
            self._write(part, rows)
        return time.perf_counter() - begun

    def _engine(self, bottom: Callable[[], keras.Model]) -> Engine:
        if self.setting["stage"] == PIXELS:
            return engines.Graph(bottom())
        plain = Store(self.workspace, {name: value for name, value in self.setting.items() if name != "view"})
        return engines.build(
            self.setting["engine"],
            self.setting["precision"],
            bottom,
            size=self.setting["size"],
            kept=plain.folder / "network",
            keep=self.workspace.replacing,
        )

    def rows(self, photos: Sequence[Photo]) -> Rows:
        """The kept activations of these photos, in their order. Every one of them must be kept."""
        places = self._places()
        where = numpy.array([places[photo.sha256] for photo in photos], dtype=int).reshape(-1, 2)
        about = self.about()
        return Rows(self.folder, where, tuple(about.get("shape", ())), about.get("dtype", "float32"))

    def _write(self, photos: Sequence[Photo], rows: numpy.ndarray) -> None:
        keys = "".join(f"{photo.sha256}\n" for photo in photos)
        # Named by its photos: two processes that fill a store at once write two parts, or the same part twice.
        number = int(hashlib.sha256(keys.encode()).hexdigest()[:12], 16)
        with self.workspace.replacing(self.folder / f"{number:06d}.npy") as temporary:
            numpy.save(temporary, rows)
        self.workspace.write_text(self.folder / f"{number:06d}.keys", keys)

    def _places(self) -> dict[str, tuple[int, int]]:
        """Content -> (part, row)."""
        return {
            sha256: (int(path.stem), row)
            for path in sorted(self.folder.glob("*.keys"))
            for row, sha256 in enumerate(path.read_text(encoding="ascii").split())
        }


@dataclass(frozen=True)
class Rows:
    """Kept activations of some photos, read from disk as they are needed.

    Attributes:
        folder: Of the store. where: Part and row of each photo, int ``(n, 2)``.
        shape: Of one activation. dtype: Its numbers.
    """

    folder: Path
    where: numpy.ndarray
    shape: tuple[int, ...]
    dtype: str

    def __len__(self) -> int:
        return len(self.where)

    def __getitem__(self, indices: numpy.ndarray | slice) -> numpy.ndarray:
        """The activations at these positions, ``(m, *shape)``."""
        where = self.where[indices]
        rows = numpy.empty((len(where), *self.shape), self.dtype)
        for part in numpy.unique(where[:, 0]):
            here = where[:, 0] == part
            rows[here] = self._parts[part][where[here, 1]]
        return rows

    @cached_property
    def _parts(self) -> dict[int, numpy.ndarray]:
        numbers = numpy.unique(self.where[:, 0])
        return {n: numpy.load(self.folder / f"{n:06d}.npy", mmap_mode="r") for n in numbers}

    def batches(self, order: numpy.ndarray, batch: int) -> tf.data.Dataset:
        """The activations in this order, a batch at a time."""
        if self._is_small:
            # No function of ours in the dataset: tracing one anew for every epoch costs more than a small epoch.
            return tf.data.Dataset.from_tensor_slices(self._held[order]).batch(batch)

        def gather(at: tf.Tensor) -> tf.Tensor:
            rows = tf.numpy_function(self.__getitem__, [at], self.dtype)
            rows.set_shape((None, *self.shape))
            return rows

        indices = tf.data.Dataset.from_tensor_slices(order).batch(batch)
        return indices.map(gather, num_parallel_calls=2, deterministic=True).prefetch(2)

    def chunks(self, batch: int) -> Iterator[numpy.ndarray]:
        """The activations in their own order, up to ``batch`` at a time."""
        rows = self._held if self._is_small else self
        return (rows[start : start + batch] for start in range(0, len(self), batch))

    @property
    def _is_small(self) -> bool:
        return len(self) * int(numpy.prod(self.shape)) * numpy.dtype(self.dtype).itemsize <= IN_MEMORY

    @cached_property
    def _held(self) -> numpy.ndarray:
        return self[:]


@dataclass(frozen=True)
class Decoded:
    """Pictures decoded anew at every use: the rows of photos that would not fit the budget."""

    photos: Sequence[Photo]
    workspace: Workspace
    size: int
    view: str = ""

    def __len__(self) -> int:
        return len(self.photos)

    def batches(self, order: numpy.ndarray, batch: int) -> tf.data.Dataset:
        """The pictures in this order, a batch at a time."""
        photos = [self.photos[at] for at in order]
        return batches.decoded(photos, self.workspace, size=self.size).batch(batch).prefetch(2)

    def chunks(self, batch: int) -> Iterator[numpy.ndarray]:
        """The pictures in their own order, up to ``batch`` at a time."""
        return batches.pictures(self.photos, self.workspace, size=self.size, batch=batch, view=self.view)


IN_MEMORY = 1 << 29
"""Bytes of activations that may be held in memory; more are read from disk a batch at a time."""


def kept_vectors(workspace: Workspace, photos: Sequence[Photo]) -> numpy.ndarray | None:
    """One vector a photo, of the first setting that has every one of them; None where there is none."""
    for path in sorted(workspace.features.glob("*/about.json")):
        about = json.loads(path.read_text(encoding="utf-8"))
        store = Store(workspace, {name: value for name, value in about.items() if name in SETTING})
        if len(about["shape"]) == 1 and store.folder == path.parent and not store.missing(photos):
            return numpy.asarray(store.rows(photos)[:])
    return None
