"""Rows: the activations of some photos, or their pictures, as training and prediction ask for them.

Both kinds answer the same two questions: batches in an order that training chooses, and chunks in the photos' own
order. What is small is held in memory; what is large is read from disk, or decoded, as it is needed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy
import tensorflow as tf

from transfer import pixels
from transfer.photo import Photo
from transfer.training import batches
from transfer.workspace import Workspace

IN_MEMORY = 1 << 29
"""Bytes of activations that a training may hold in memory, its kept views together."""


@dataclass(frozen=True)
class Rows:
    """Kept activations of some photos, read from disk as they are needed.

    Attributes:
        folder: Of the store. where: Part and row of each photo, int ``(n, 2)``.
        shape: Of one activation. dtype: Its numbers.
        together: So many like these share what a training may hold in memory; else they are read as needed.
    """

    folder: Path
    where: numpy.ndarray
    shape: tuple[int, ...]
    dtype: str
    together: int = 1

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

    def open(self) -> None:
        """Hold the files, so that they stay readable when another process frees them."""
        _ = self._parts

    @cached_property
    def _parts(self) -> dict[int, numpy.ndarray]:
        return {number: self._part(number) for number in numpy.unique(self.where[:, 0])}

    def _part(self, number: int) -> numpy.ndarray:
        path = self.folder / f"{number:06d}.npy"
        try:
            part: numpy.ndarray = numpy.load(path, mmap_mode="r")
        except (EOFError, ValueError) as error:  # cut by a copy, say: ours are written whole
            path.with_suffix(".keys").unlink(missing_ok=True)  # so that it counts no more and is computed again
            raise FileNotFoundError(f"{path} is damaged: {error}") from error
        return part

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
        return len(self) * int(numpy.prod(self.shape)) * numpy.dtype(self.dtype).itemsize * self.together <= IN_MEMORY

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

    def check(self) -> None:
        """Say which photo is at fault, where TensorFlow stopped at one.

        Raises:
            DataError: The first that is missing or was changed since it was loaded.
        """
        for photo in self.photos:
            pixels.read_photo(self.workspace.photo_path(photo.file_name), photo.sha256)

    def chunks(self, batch: int) -> Iterator[numpy.ndarray]:
        """The pictures in their own order, up to ``batch`` at a time."""
        return batches.pictures(self.photos, self.workspace, size=self.size, batch=batch, view=self.view)


@contextlib.contextmanager
def naming(rows: Rows | Decoded) -> Iterator[None]:
    """Where TensorFlow stops at a photo that cannot be read, say which it is."""
    try:
        yield
    except tf.errors.OpError as error:
        if isinstance(rows, Decoded) and not isinstance(error, tf.errors.ResourceExhaustedError):
            rows.check()
        raise
