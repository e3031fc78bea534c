"""Photos -> decoded pictures, and nothing else.

Every path reads a photo through ``pixels``: bytes, checked against the manifest's hash, upright RGB of one size.
"""

from __future__ import annotations

import functools
import itertools
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy
import tensorflow as tf

from transfer import pixels
from transfer.errors import DataError
from transfer.models import augment
from transfer.photo import Photo
from transfer.workspace import Workspace

MIRROR = "mirror"
"""The view that shows left as right."""


def pictures(
    photos: Sequence[Photo], workspace: Workspace, *, size: int, batch: int, view: str = ""
) -> Iterator[numpy.ndarray]:
    """Decoded pictures in the photos' order, uint8 ``(up to batch, size, size, 3)``; decoding runs ahead in parallel.

    Threads of Python, not tf.data: what they call was traced once for the whole process and lets go of Python's lock,
    while a dataset builds its graph anew each time, which for a few photos costs more than they do.

    Args:
        view: Of each photo: ``mirror``, ``plain N`` or ``strong N`` (the Nth random view, whoever asks), or itself.

    Raises:
        DataError: A photo is missing, was changed since it was loaded, or cannot be decoded; the sentence names it.
    """
    kind, _, number = view.partition(" ")
    show = _shower(size, kind)

    def shown(photo: Photo) -> numpy.ndarray:
        path = workspace.photo_path(photo.file_name)
        content = pixels.read_photo(path, photo.sha256)
        seed = (int(number), int(photo.sha256[:7], 16)) if number else (0, 0)
        try:
            return show(content, numpy.array(seed, "int32")).numpy()
        except tf.errors.OpError as error:
            raise _named(path, content, error) from error

    with ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="decode") as pool:
        ahead = deque[Future[numpy.ndarray]]()
        coming = iter(photos)
        try:
            while True:
                ahead.extend(pool.submit(shown, photo) for photo in itertools.islice(coming, 3 * batch - len(ahead)))
                if not ahead:
                    return
                yield numpy.stack([ahead.popleft().result() for _ in range(min(batch, len(ahead)))])
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _named(path: object, content: bytes, error: tf.errors.OpError) -> DataError:
    """What is wrong with a photo, as ``pixels`` says it, and with which."""
    try:
        pixels.from_bytes(content)
    except DataError as why:
        return DataError(why.what, received=f"{path}, {why.received}", remedy=why.remedy)
    return DataError("A photo could not be shown.", received=f"{path}: {error}"[:300])


@functools.cache
def _shower(size: int, kind: str) -> Callable[[bytes, numpy.ndarray], tf.Tensor]:
    """A photo's file and a seed -> its view of that kind, uint8 ``(size, size, 3)``; traced at its first use."""

    def show(content: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        with tf.device("CPU"):
            picture = tf.ensure_shape(pixels.decode_resize(content, size), (size, size, 3))
            if kind == MIRROR:
                return tf.reverse(picture, [1])
            return augment.VIEWS[kind](picture, seed) if kind else picture

    signature = [tf.TensorSpec([], tf.string), tf.TensorSpec([2], tf.int32)]
    return tf.function(show, input_signature=signature, autograph=False)


def decoded(photos: Sequence[Photo], workspace: Workspace, *, size: int) -> tf.data.Dataset:
    """One decoded picture after the other, uint8 ``(size, size, 3)``, in the photos' order."""
    paths = [str(workspace.photo_path(photo.file_name)) for photo in photos]
    hashes = [photo.sha256 for photo in photos]

    def read(path: bytes, sha256: bytes) -> bytes:
        return pixels.read_photo(path.decode(), sha256.decode() or None)

    def decode(path: tf.Tensor, sha256: tf.Tensor) -> tf.Tensor:
        content = tf.numpy_function(read, [path, sha256], tf.string)
        content.set_shape(())
        picture = pixels.decode_resize(content, size)
        picture.set_shape((size, size, 3))
        return picture

    return tf.data.Dataset.from_tensor_slices((paths, hashes)).map(
        decode, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
    )
