"""The activations at a frozen cut, computed once for each photo and kept by content.

``WS/features/DIGEST/``: the digest names everything that decides an activation (backbone, weights, cut, size, engine,
precision, half), and inside it a photo is known by the sha256 of its bytes. So another head, seed, split or label
touches no pixel, while a changed photo, other weights or another setting never meets an old activation. How a folder
lies on disk, and when a part of it is whole, is ``stored``'s.

Parts are written as they are computed: a killed process loses the part it was in, and memory holds one part at a time,
of so many photos as ``PART`` and ``PART_BYTES`` allow.
Another process may free parts at any instant (``transfer clean``, or the room that other activations want): what was
read before stays readable, what is asked for after that is computed again.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy

from transfer.errors import TrainingError
from transfer.photo import Photo
from transfer.progress import Progress, quiet
from transfer.stored import PIXELS, Stored, digest, of_network, stores
from transfer.training import batches
from transfer.training import engine as engines
from transfer.training.engine import Engine
from transfer.training.rows import Rows
from transfer.workspace import Workspace

PART = 512
"""Photos in one file, at most."""

PART_BYTES = 1 << 26
"""Bytes of activations in one file, at most: 512 maps at the input of ResNet-50's fourth stage would take 822 MB."""

TRIES = 3
"""So often activations are computed that another process frees before they can be read."""


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
        return digest(self.setting)

    @property
    def stored(self) -> Stored:
        """Where they lie."""
        return Stored(self.workspace, self.workspace.features / self.digest)

    @property
    def folder(self) -> Path:
        return self.stored.folder

    def about(self) -> dict[str, Any]:
        """What ``about.json`` says; empty before the first photo."""
        return self.stored.about()

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

        Raises:
            TrainingError: An activation is too large for half precision.
        """
        missing = self.missing(photos)
        if not missing:
            return 0.0
        begun = time.perf_counter()
        what = "decoding photos" if self.setting["stage"] == PIXELS else "computing frozen features"
        engine = self._engine(bottom)
        ready = time.perf_counter()
        dtype = "float16" if self.setting.get("half") else engine.dtype
        about = dict(self.setting) | {"shape": engine.shape, "dtype": dtype} | engine.facts
        # One stream of pictures for all parts: decoding runs ahead while a part is written.
        seen = batches.pictures(
            missing, self.workspace, size=self.setting["size"], batch=engine.batch, view=self.setting.get("view", "")
        )
        answers, start = _in_parts(engine.answers(seen), len(missing), engine.shape, dtype), 0
        for rows, done in answers:
            on_progress(start + done, len(missing), what)
            if done == len(rows):
                part, start = missing[start : start + done], start + done
                pace = (time.perf_counter() - ready) / start
                self._write(part, rows, about | {"ms_each": round(1000 * pace, 3)})
        return time.perf_counter() - begun

    def _engine(self, bottom: Callable[[], keras.Model]) -> Engine:
        if self.setting["stage"] == PIXELS:
            return engines.Graph(bottom())
        return engines.build(
            self.setting["engine"],
            self.setting["precision"],
            bottom,
            size=self.setting["size"],
            kept=Store(self.workspace, of_network(self.setting)).folder / "network",
            keep=self.workspace.replacing,
        )

    def rows(self, photos: Sequence[Photo]) -> Rows:
        """The kept activations of these photos, in their order. They stay readable whoever frees them.

        Raises:
            FileNotFoundError: One of them is not kept, or has just been freed.
        """
        self.stored.touch()
        places, about = self._places(), self.about()
        if strange := [photo.sha256 for photo in photos if photo.sha256 not in places]:
            raise FileNotFoundError(f"{len(strange)} photos are not kept in {self.folder}, such as {strange[0]}")
        where = numpy.array([places[photo.sha256] for photo in photos], dtype=int).reshape(-1, 2)
        # Halves save disk; whoever computes with them wants the numbers it would have had otherwise.
        dtype = "float32" if self.setting.get("half") else about.get("dtype", "float32")
        rows = Rows(self.folder, where, tuple(about.get("shape", ())), dtype)
        rows.open()
        return rows

    def take(
        self,
        photos: Sequence[Photo],
        bottom: Callable[[], keras.Model],
        *,
        also: Sequence[Photo] = (),
        on_progress: Progress = quiet,
    ) -> tuple[Rows, float]:
        """The activations of these photos, computed now where they are not kept.

        Args:
            photos: Whose activations. bottom: As in ``fill``. also: More photos to compute.
            on_progress: Told ``(done, total, what)``.

        Returns:
            The rows, and the seconds that computing took.
        """
        seconds = self.fill((*photos, *also), bottom, on_progress=on_progress)
        for _ in range(TRIES - 1):
            with contextlib.suppress(FileNotFoundError):
                return self.rows(photos), seconds
            seconds += self.fill(photos, bottom, on_progress=on_progress)  # another process has freed them since
        return self.rows(photos), seconds

    def _write(self, photos: Sequence[Photo], rows: numpy.ndarray, about: Mapping[str, Any]) -> None:
        keys = [photo.sha256 for photo in photos]
        # Named by its photos: two processes that fill a store at once write two parts, or the same part twice.
        number = int(hashlib.sha256("".join(f"{key}\n" for key in keys).encode()).hexdigest()[:12], 16)
        if not self.about():  # before the keys, and again where another process has freed all that there was
            self.stored.describe(about)
        self.stored.write(number, keys, rows)

    def _places(self) -> dict[str, tuple[int, int]]:
        """Content -> (part, row)."""
        parts = self.stored.parts().items()
        return {sha256: (part, row) for part, keys in parts for row, sha256 in enumerate(keys)}


def _in_parts(
    answers: Iterator[numpy.ndarray], photos: int, shape: tuple[int, ...], dtype: str
) -> Iterator[tuple[numpy.ndarray, int]]:
    """The rows of one part after the other, and how many of them are there by now; a full one is not written again."""
    each = math.prod(shape) * numpy.dtype(dtype).itemsize
    most = max(1, min(PART, PART_BYTES // max(1, each)))
    rows, done = numpy.empty((min(most, photos), *shape), dtype), 0
    for answer in answers:
        rest = _fitting(answer, dtype)
        while len(rest):
            some, rest = rest[: len(rows) - done], rest[len(rows) - done :]
            rows[done : done + len(some)] = some
            done += len(some)
            yield rows, done
            if done == len(rows):
                photos -= done
                rows, done = numpy.empty((min(most, photos), *shape), dtype), 0


def _fitting(answer: numpy.ndarray, dtype: str) -> numpy.ndarray:
    """The answer, if it can be kept so."""
    largest = float(numpy.abs(answer).max()) if dtype == "float16" else 0.0
    if largest > float(numpy.finfo("float16").max):
        raise TrainingError(
            "The activations of this network are too large for half precision.",
            received=f"a value of {largest:.3g}, where 65504 is the largest",
            remedy="Leave out --half.",
        )
    return answer


def kept_vectors(workspace: Workspace, photos: Sequence[Photo]) -> numpy.ndarray | None:
    """One vector a photo, of the first setting that has every one of them; None where there is none."""
    for stored in stores(workspace):
        store = Store(workspace, stored.setting())
        if (
            len(stored.about().get("shape", ())) == 1
            and not stored.setting().get("view")
            and store.folder == stored.folder
            and not store.missing(photos)
        ):
            return numpy.asarray(store.rows(photos)[:])
    return None
