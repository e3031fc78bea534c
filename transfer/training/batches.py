"""Photos -> tf.data of decoded pictures, and nothing else.

Every path reads a photo through ``pixels``: bytes, checked against the manifest's hash, upright RGB of one size.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

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

    Args:
        view: Of each photo: ``mirror``, ``plain N`` or ``strong N`` (the Nth random view, whoever asks), or itself.

    Raises:
        DataError: A photo is missing, was changed since it was loaded, or cannot be decoded; the sentence names it.
    """
    dataset = decoded(photos, workspace, size=size)
    if view:
        dataset = _seen(dataset, photos, view)
    dataset = dataset.batch(batch).prefetch(2)
    done = 0
    try:
        for pictures in dataset.as_numpy_iterator():
            done += len(pictures)
            yield pictures
    except tf.errors.OpError as error:
        _name_the_culprit(photos[done:], workspace)
        raise DataError("Photos could not be decoded.", received=str(error)[:200]) from error


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


def _seen(dataset: tf.data.Dataset, photos: Sequence[Photo], view: str) -> tf.data.Dataset:
    """The same view of every photo; a random one is drawn from the view's number and the photo's content."""
    if view == MIRROR:
        return dataset.map(lambda picture: tf.reverse(picture, [1]), num_parallel_calls=tf.data.AUTOTUNE)
    kind, number = view.split()
    seeds = numpy.array([(int(number), int(photo.sha256[:7], 16)) for photo in photos], dtype="int32").reshape(-1, 2)
    each = tf.data.Dataset.zip(dataset, tf.data.Dataset.from_tensor_slices(seeds))
    return each.map(augment.VIEWS[kind], num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)


def _name_the_culprit(photos: Sequence[Photo], workspace: Workspace) -> None:
    """tf.data says that something failed, not which photo; look at each in turn until one raises."""
    for photo in photos:
        pixels.from_bytes(pixels.read_photo(workspace.photo_path(photo.file_name), photo.sha256))
