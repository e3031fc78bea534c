"""Orientation: which way up a photo is stored, read in the graph; and the bytes that say so.

A file is a chain of segments (JPEG) or chunks (PNG, WebP). The one that holds the EXIF block is searched for, and the
block's own table for the tag. What is missing, damaged or out of range means upright.
"""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

_ORIENTATION, _SHORT = 274, 3  # TIFF 6.0: a tag and a type
# A photo has a few dozen segments before its pixels; the bound keeps a file of a million empty ones from taking long.
_SEGMENTS = 1000


def upright(picture: tf.Tensor, orientation: tf.Tensor) -> tf.Tensor:
    """Undo orientation 2 to 8 (TIFF 6.0, tag 274): 5 to 8 are transposed, then columns and rows may run backwards."""

    def turned() -> tf.Tensor:
        standing = tf.cond(orientation >= 5, lambda: tf.transpose(picture, [1, 0, 2]), lambda: picture)
        columns = tf.reduce_any(tf.equal(orientation, [2, 3, 6, 7]))
        rows = tf.reduce_any(tf.equal(orientation, [3, 4, 7, 8]))
        return tf.raw_ops.Reverse(tensor=standing, dims=tf.stack([rows, columns, False]))

    return tf.cond(orientation > 1, turned, lambda: picture)


def of_jpeg(encoded: tf.Tensor) -> tf.Tensor:
    """1 to 8, int64 scalar."""

    def segment(at: tf.Tensor) -> tuple[tf.Tensor, ...]:
        head = bytes_at(encoded, at, 10)
        filler = (head[0] == 0xFF) & (head[1] == 0xFF)  # any number of FF may stand before a marker
        length = head[2] * 256 + head[3]
        going = (head[0] == 0xFF) & (filler | ((head[1] != 0xDA) & (length >= 2)))  # DA: the pixels begin
        exif = tf.reduce_all(tf.equal(head[4:], list(b"Exif\0\0"))) & (head[1] == 0xE1) & ~filler
        return going, exif, at + 10, at + tf.where(filler, tf.constant(1, tf.int64), 2 + length)

    return _of_tiff(encoded, _find(segment, 2))


def of_png(encoded: tf.Tensor) -> tf.Tensor:
    """1 to 8, int64 scalar."""
    return _of_tiff(encoded, _find(_chunk(encoded, b"eXIf", before=b"IEND"), 8))


def names_transparent_colour(encoded: tf.Tensor) -> tf.Tensor:
    """Whether a PNG has a tRNS chunk."""
    return _find(_chunk(encoded, b"tRNS", before=b"IDAT"), 8) > 0


def _chunk(encoded: tf.Tensor, kind: bytes, *, before: bytes) -> Callable[[tf.Tensor], tuple[tf.Tensor, ...]]:
    def read(at: tf.Tensor) -> tuple[tf.Tensor, ...]:
        head = bytes_at(encoded, at, 8)
        name = head[4:]
        going = tf.reduce_all(name > 0) & tf.reduce_any(tf.not_equal(name, list(before)))
        return going, tf.reduce_all(tf.equal(name, list(kind))), at + 8, at + 12 + number(head[:4], little=False)

    return read


def of_webp(encoded: tf.Tensor) -> tf.Tensor:
    """1 to 8, int64 scalar."""

    def chunk(at: tf.Tensor) -> tuple[tf.Tensor, ...]:
        head = bytes_at(encoded, at, 8)
        size = number(head[4:], little=True)
        exif = tf.reduce_all(tf.equal(head[:4], list(b"EXIF")))
        return tf.reduce_all(head[:4] > 0), exif, at + 8, at + 8 + size + size % 2

    start = _find(chunk, 12)
    start += tf.where(begins(encoded, start, b"Exif\0\0"), tf.constant(6, tf.int64), 0)  # some writers repeat it here
    return _of_tiff(encoded, start)


def _find(read: Callable[[tf.Tensor], tuple[tf.Tensor, ...]], start: int) -> tf.Tensor:
    """Walk a chain of segments; where the content of the wanted one begins, or 0.

    Args:
        read: Place of a segment -> whether it is one with another behind it, whether it is the wanted one, where its
            content begins, where the next one begins.
        start: Place of the first one.
    """

    def step(at: tf.Tensor, found: tf.Tensor, going: tf.Tensor) -> tuple[tf.Tensor, ...]:
        more, wanted, content, following = read(at)
        here = more & wanted
        return following, tf.where(here, content, found), more & ~here

    zero = tf.constant(0, tf.int64)
    state = (tf.constant(start, tf.int64), zero, tf.constant(True))
    return tf.while_loop(lambda at, found, going: going, step, state, maximum_iterations=_SEGMENTS)[1]


def _of_tiff(encoded: tf.Tensor, start: tf.Tensor) -> tf.Tensor:
    """The orientation in the TIFF block at ``start``, 1 to 8; 1 where ``start`` is 0 or the block is not valid."""

    def read() -> tf.Tensor:
        head = bytes_at(encoded, start, 8)
        little = tf.reduce_all(tf.equal(head[:4], list(b"II*\0")))
        valid = little | tf.reduce_all(tf.equal(head[:4], list(b"MM\0*")))
        place = start + number(head[4:], little=little)
        count = number(bytes_at(encoded, place, 2), little=little)
        # Twelve bytes an entry: tag, type, how many values, the value. What would lie behind the end reads as zeros.
        room = tf.maximum(_length(encoded) - place - 2, 0) // 12
        entries = tf.reshape(bytes_at(encoded, place + 2, 12 * tf.minimum(count, room)), [-1, 12])
        named = (number(entries[:, 0:2], little=little) == _ORIENTATION) & (
            number(entries[:, 2:4], little=little) == _SHORT
        )
        single = number(entries[:, 4:8], little=little) == 1
        value = number(entries[:, 8:10], little=little)
        said = tf.reduce_max(tf.where(named & single, value, 0))
        return tf.where(valid & (said >= 1) & (said <= 8), said, 1)

    return tf.cond(start > 0, read, lambda: tf.constant(1, tf.int64))


def _length(encoded: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.strings.length(encoded), tf.int64)


def begins(encoded: tf.Tensor, at: int | tf.Tensor, expected: bytes) -> tf.Tensor:
    """Whether these bytes stand there."""
    return tf.equal(_cut(encoded, at, len(expected)), expected)


def _cut(encoded: tf.Tensor, at: int | tf.Tensor, count: int | tf.Tensor) -> tf.Tensor:
    """A substring, shorter or empty where the string ends before; ``substr`` itself raises there."""
    at = tf.minimum(tf.cast(at, tf.int64), _length(encoded))
    return tf.strings.substr(encoded, at, tf.cast(count, tf.int64))


def bytes_at(encoded: tf.Tensor, at: int | tf.Tensor, count: int | tf.Tensor) -> tf.Tensor:
    """int64 ``(count,)``: the bytes from ``at``, zeros behind the end."""
    raw = tf.io.decode_raw(_cut(encoded, at, count), tf.uint8)
    padded = tf.pad(raw, [[0, tf.cast(count, tf.int32) - tf.size(raw)]])
    return tf.cast(tf.ensure_shape(padded, [count if isinstance(count, int) else None]), tf.int64)


def number(digits: tf.Tensor, *, little: bool | tf.Tensor) -> tf.Tensor:
    """The unsigned number that the bytes along the last axis write, in either byte order."""
    rising = [256**place for place in range(digits.shape[-1])]
    weights = tf.where(little, tf.constant(rising, tf.int64), tf.constant(rising[::-1], tf.int64))
    return tf.reduce_sum(digits * weights, -1)
