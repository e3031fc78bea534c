"""The decoder and the resize as TensorFlow graphs, and nothing else: what training, prediction and serving share."""

from __future__ import annotations

import functools
import struct
from collections.abc import Callable

import tensorflow as tf

from transfer.pixels import orientation
from transfer.pixels.orientation import begins, bytes_at, number, upright

JPEG, PNG = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"
BMP_MASKS = struct.pack("<3I", 0xFF0000, 0x00FF00, 0x0000FF)  # of a BMP that states the usual order of colours
WEBP_MOVES = 2  # the flag in a WebP's VP8X chunk

WHOLE = 1 << 20
"""The side of a square for which no JPEG is large enough to be reduced."""

MARGIN = 2
"""A reduced JPEG's shorter side is at least so many times the square's: decision 018 has what that changes."""

RATIOS = (1, 2, 4, 8)
"""To which libjpeg can scale a photo while it decodes it."""

_ENCODED, _SIZE = tf.TensorSpec([], tf.string), tf.TensorSpec([], tf.int32)
_Graph = Callable[..., tf.Tensor]


def decode(encoded: tf.Tensor, size: int | tf.Tensor = WHOLE) -> tf.Tensor:
    """The upright RGB pixels of an encoded photo, by the rule of ``transfer.pixels``.

    Args:
        encoded: Scalar string: a JPEG, PNG, GIF, BMP or WebP file, told apart by content.
        size: Side of the square that is to be made of it: a JPEG that is much larger is reduced while it is decoded.

    Returns:
        uint8 ``(height, width, 3)``.

    Raises:
        tf.errors.InvalidArgumentError: The bytes are of no such format, damaged or cut short; or they are a WebP that
            moves or a BMP that TensorFlow would misread, which ``readable`` rewrites.
    """
    encoded = tf.convert_to_tensor(encoded, tf.string)
    # The short way for most photos: for a JPEG that nowhere says Exif, one fast scan replaces the walk by segments.
    rest = tf.strings.regex_replace(encoded, r"Exif\x00\x00", "", replace_global=False)
    silent = tf.equal(tf.strings.length(rest), tf.strings.length(encoded))
    plain = tf.equal(tf.strings.substr(encoded, 0, 3), JPEG) & silent
    size = tf.convert_to_tensor(size, tf.int32)
    picture = tf.cond(plain, lambda: _jpeg_as_stored(encoded, size), lambda: _any(encoded, size))
    return tf.ensure_shape(picture, [None, None, 3])


def resize(image: tf.Tensor, size: int) -> tf.Tensor:
    """The whole picture squeezed to a square: antialiased bilinear, rounded to whole grey levels.

    Rounding makes cached pixels small and lets every path see the same numbers. A picture of that size is unchanged.

    Args:
        image: uint8 or float ``(height, width, 3)`` or ``(n, height, width, 3)``, 0 to 255.
        size: Side of the square in pixels.

    Returns:
        uint8 ``(size, size, 3)`` or ``(n, size, size, 3)``.
    """
    image = tf.convert_to_tensor(image)
    # At its own size every pixel has weight one, so nothing changes; tested, and cheaper than a conditional.
    square = tf.image.resize(image, (size, size), method="bilinear", antialias=True)
    return tf.cast(tf.clip_by_value(tf.round(tf.cast(square, tf.float32)), 0.0, 255.0), tf.uint8)


def decode_resize(encoded: tf.Tensor, size: int) -> tf.Tensor:
    """Scalar string -> uint8 ``(size, size, 3)``: ``decode`` at the size that suffices, then ``resize``."""
    return resize(decode(encoded, size), size)


def _apart(*signature: tf.TensorSpec) -> Callable[[_Graph], _Graph]:
    """A graph of its own, entered only when it is called.

    Inlined, every operation of the formats that a photo is *not* would cost it time: 0.2 ms for a JPEG of 0.25 ms.
    """
    attributes = {"_noinline": True}
    return tf.function(input_signature=signature, autograph=False, experimental_attributes=attributes)


@_apart(_ENCODED, _SIZE)
def _any(encoded: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    def jpeg(encoded: tf.Tensor) -> tf.Tensor:
        return _jpeg(encoded, size)

    kinds = [(JPEG, jpeg), (PNG, _png), (b"BM", _bmp), (b"RIFF", _webp)]

    def rest() -> tf.Tensor:  # GIF, or an error from TensorFlow that says what it would have read
        return tf.io.decode_image(encoded, channels=3, expand_animations=False)

    return tf.case(
        [(begins(encoded, 0, magic), functools.partial(kind, encoded)) for magic, kind in kinds], default=rest
    )


def _jpeg_as_stored(encoded: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """Reduced as far as the margin allows; by its shorter side, so whichever way up it is."""

    def reduced(ratio: int) -> tf.Tensor:
        # The accurate transform is also Pillow's default; the fast one is up to 4 grey levels off.
        return tf.io.decode_jpeg(encoded, channels=3, ratio=ratio, dct_method="INTEGER_ACCURATE")

    shorter = tf.reduce_min(tf.io.extract_jpeg_shape(encoded)[:2])
    allowed = tf.reduce_sum(tf.cast(shorter >= MARGIN * size * tf.constant(RATIOS), tf.int32))
    steps = [functools.partial(reduced, ratio) for ratio in RATIOS]
    return tf.switch_case(tf.maximum(allowed - 1, 0), steps)


@_apart(_ENCODED, _SIZE)
def _jpeg(encoded: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    return upright(_jpeg_as_stored(encoded, size), orientation.of_jpeg(encoded))


@_apart(_ENCODED)
def _png(encoded: tf.Tensor) -> tf.Tensor:
    # Grey (0) and RGB (2) may name one colour as transparent, which TensorFlow honours only when asked for 4 channels.
    # Never ask that of the others: a palette without transparency comes back as uninitialised memory (TensorFlow 2.21).
    colour = bytes_at(encoded, 25, 1)[0]
    keyed = ((colour == 0) | (colour == 2)) & orientation.names_transparent_colour(encoded)
    picture = tf.cond(
        keyed, lambda: tf.io.decode_png(encoded, channels=4), lambda: tf.io.decode_png(encoded, channels=0)
    )
    return upright(over_white(picture), orientation.of_png(encoded))


@_apart(_ENCODED)
def _webp(encoded: tf.Tensor) -> tf.Tensor:
    # Asked for as many channels as there are, TensorFlow 2.21 writes past the end of its memory when the WebP moves.
    still = ~(begins(encoded, 12, b"VP8X") & (bytes_at(encoded, 20, 1)[0] // WEBP_MOVES % 2 == 1))
    with tf.control_dependencies([tf.debugging.Assert(still, ["An animated WebP must be made readable first."])]):
        picture = tf.io.decode_webp(tf.identity(encoded), channels=0)[0]
    return upright(over_white(picture), orientation.of_webp(encoded))


@_apart(_ENCODED)
def _bmp(encoded: tf.Tensor) -> tf.Tensor:
    # TensorFlow reads neither palettes nor bit masks nor old headers, and notices none of them.
    head = bytes_at(encoded, 0, 66)
    usual = tf.reduce_all(tf.equal(head[54:], list(BMP_MASKS)))
    header, bits, compression = (number(head[a:b], little=True) for a, b in ((14, 18), (28, 30), (30, 34)))
    plain = (header >= 40) & ((bits == 24) | (bits == 32)) & ((compression == 0) | ((compression == 3) & usual))
    with tf.control_dependencies([tf.debugging.Assert(plain, ["A BMP of this kind must be made readable first."])]):
        return tf.io.decode_bmp(tf.identity(encoded), channels=0)[..., :3]


def over_white(picture: tf.Tensor) -> tf.Tensor:
    """uint8 of 1 to 4 channels -> of 3; the second or fourth is alpha."""
    channels = tf.shape(picture)[-1]

    def blend() -> tf.Tensor:
        colour, alpha = tf.cast(picture[..., :-1], tf.int32), tf.cast(picture[..., -1:], tf.int32)
        return tf.cast((colour * alpha + 255 * (255 - alpha) + 127) // 255, tf.uint8)

    colour = tf.cond(channels % 2 == 0, blend, lambda: picture)
    return tf.broadcast_to(colour, tf.concat([tf.shape(picture)[:-1], [3]], 0))
