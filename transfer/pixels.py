"""Pixels: bytes -> upright RGB of a size; the one decoder of training, prediction and serving.

It owns the rule by which any photo becomes RGB, and the one resize. ``decode`` and ``resize`` are TensorFlow graphs and
nothing else, so an exported model carries the very numbers it was trained on. What TensorFlow cannot read, Python
rewrites first (``readable``). It refuses to know labels, batches and networks.

The rule: grey is repeated, palettes are expanded, alpha is laid over white (PNG, WebP, HEIC), of 16 bits the high byte
is kept, a CMYK JPEG is converted as libjpeg does it. Two formats have no usable alpha here: transparent parts of a GIF
are black, because TensorFlow's decoder leaves them so, and the fourth byte of a BMP is ignored, because most writers
put nothing there. Of a moving picture the first frame counts. The EXIF orientation of JPEG, PNG, WebP and HEIC is
applied; a tag that is missing, damaged or out of range means upright.
"""

from __future__ import annotations

import functools
import hashlib
import io
import os
import re
import struct
from collections.abc import Callable
from pathlib import Path

import numpy
import pillow_heif
import tensorflow as tf
from PIL import Image

from transfer.errors import DataError

FORMATS = "JPEG, PNG, GIF, BMP, WebP or HEIC"

_JPEG, _PNG = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"
_HEVC = {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs"}
_MASKS = struct.pack("<3I", 0xFF0000, 0x00FF00, 0x0000FF)  # of a BMP that states the usual order of colours
_MOVES = 2  # the flag in a WebP's VP8X chunk
_ORIENTATION, _SHORT = 274, 3  # TIFF 6.0: a tag and a type
# A photo has a few dozen segments before its pixels; the bound keeps a file of a million empty ones from taking long.
_SEGMENTS = 1000
_REFUSALS = (OSError, ValueError, SyntaxError, RuntimeError, EOFError, struct.error, Image.DecompressionBombError)


# --- in the graph ---


def decode(encoded: tf.Tensor) -> tf.Tensor:
    """The upright RGB pixels of an encoded photo, by the rule at the top of this module.

    Args:
        encoded: Scalar string: a JPEG, PNG, GIF, BMP or WebP file, told apart by content.

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
    plain = tf.equal(tf.strings.substr(encoded, 0, 3), _JPEG) & silent
    return tf.ensure_shape(tf.cond(plain, lambda: _jpeg_as_stored(encoded), lambda: _any(encoded)), [None, None, 3])


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
    """Scalar string -> uint8 ``(size, size, 3)``: ``decode``, then ``resize``."""
    return resize(decode(encoded), size)


def _apart(graph: Callable[[tf.Tensor], tf.Tensor]) -> Callable[[tf.Tensor], tf.Tensor]:
    """A graph of its own, entered only when it is called.

    Inlined, every operation of the formats that a photo is *not* would cost it time: 0.2 ms for a JPEG of 0.25 ms.
    """
    return tf.function(
        graph,
        input_signature=[tf.TensorSpec([], tf.string)],
        autograph=False,
        experimental_attributes={"_noinline": True},
    )


@_apart
def _any(encoded: tf.Tensor) -> tf.Tensor:
    kinds = [(_JPEG, _jpeg), (_PNG, _png), (b"BM", _bmp), (b"RIFF", _webp)]

    def rest() -> tf.Tensor:  # GIF, or an error from TensorFlow that says what it would have read
        return tf.io.decode_image(encoded, channels=3, expand_animations=False)

    return tf.case(
        [(_begins(encoded, 0, magic), functools.partial(kind, encoded)) for magic, kind in kinds], default=rest
    )


def _jpeg_as_stored(encoded: tf.Tensor) -> tf.Tensor:
    # The accurate transform is also Pillow's default; the fast one is up to 4 grey levels off.
    return tf.io.decode_jpeg(encoded, channels=3, dct_method="INTEGER_ACCURATE")


@_apart
def _jpeg(encoded: tf.Tensor) -> tf.Tensor:
    def segment(at: tf.Tensor) -> tuple[tf.Tensor, ...]:
        head = _bytes(encoded, at, 10)
        filler = (head[0] == 0xFF) & (head[1] == 0xFF)  # any number of FF may stand before a marker
        length = head[2] * 256 + head[3]
        going = (head[0] == 0xFF) & (filler | ((head[1] != 0xDA) & (length >= 2)))  # DA: the pixels begin
        exif = tf.reduce_all(tf.equal(head[4:], list(b"Exif\0\0"))) & (head[1] == 0xE1) & ~filler
        return going, exif, at + 10, at + tf.where(filler, tf.constant(1, tf.int64), 2 + length)

    return _upright(_jpeg_as_stored(encoded), _tiff_orientation(encoded, _find(segment, 2)))


@_apart
def _png(encoded: tf.Tensor) -> tf.Tensor:
    def chunk(kind: bytes) -> Callable[[tf.Tensor], tuple[tf.Tensor, ...]]:
        def read(at: tf.Tensor) -> tuple[tf.Tensor, ...]:
            head = _bytes(encoded, at, 8)
            name = head[4:]
            going = tf.reduce_all(name > 0) & tf.reduce_any(tf.not_equal(name, list(b"IDAT")))
            return going, tf.reduce_all(tf.equal(name, list(kind))), at + 8, at + 12 + _number(head[:4], little=False)

        return read

    # Grey (0) and RGB (2) may name one colour as transparent, which TensorFlow honours only when asked for 4 channels.
    # Never ask that of the others: a palette without transparency comes back as uninitialised memory (TensorFlow 2.21).
    colour = _bytes(encoded, 25, 1)[0]
    keyed = ((colour == 0) | (colour == 2)) & (_find(chunk(b"tRNS"), 8) > 0)
    picture = tf.cond(
        keyed, lambda: tf.io.decode_png(encoded, channels=4), lambda: tf.io.decode_png(encoded, channels=0)
    )
    return _upright(_over_white(picture), _tiff_orientation(encoded, _find(chunk(b"eXIf"), 8)))


@_apart
def _webp(encoded: tf.Tensor) -> tf.Tensor:
    # Asked for as many channels as there are, TensorFlow 2.21 writes past the end of its memory when the WebP moves.
    still = ~(_begins(encoded, 12, b"VP8X") & (_bytes(encoded, 20, 1)[0] // _MOVES % 2 == 1))
    with tf.control_dependencies([tf.debugging.Assert(still, ["An animated WebP must be made readable first."])]):
        picture = tf.io.decode_webp(tf.identity(encoded), channels=0)[0]
    return _upright(_over_white(picture), _webp_orientation(encoded))


def _webp_orientation(encoded: tf.Tensor) -> tf.Tensor:
    def chunk(at: tf.Tensor) -> tuple[tf.Tensor, ...]:
        head = _bytes(encoded, at, 8)
        size = _number(head[4:], little=True)
        exif = tf.reduce_all(tf.equal(head[:4], list(b"EXIF")))
        return tf.reduce_all(head[:4] > 0), exif, at + 8, at + 8 + size + size % 2

    start = _find(chunk, 12)
    start += tf.where(_begins(encoded, start, b"Exif\0\0"), tf.constant(6, tf.int64), 0)  # some writers repeat it here
    return _tiff_orientation(encoded, start)


@_apart
def _bmp(encoded: tf.Tensor) -> tf.Tensor:
    # TensorFlow reads neither palettes nor bit masks nor old headers, and notices none of them.
    head = _bytes(encoded, 0, 66)
    usual = tf.reduce_all(tf.equal(head[54:], list(_MASKS)))
    header, bits, compression = (_number(head[a:b], little=True) for a, b in ((14, 18), (28, 30), (30, 34)))
    plain = (header >= 40) & ((bits == 24) | (bits == 32)) & ((compression == 0) | ((compression == 3) & usual))
    with tf.control_dependencies([tf.debugging.Assert(plain, ["A BMP of this kind must be made readable first."])]):
        return tf.io.decode_bmp(tf.identity(encoded), channels=0)[..., :3]


def _over_white(picture: tf.Tensor) -> tf.Tensor:
    """uint8 of 1 to 4 channels -> of 3; the second or fourth is alpha."""
    channels = tf.shape(picture)[-1]

    def blend() -> tf.Tensor:
        colour, alpha = tf.cast(picture[..., :-1], tf.int32), tf.cast(picture[..., -1:], tf.int32)
        return tf.cast((colour * alpha + 255 * (255 - alpha) + 127) // 255, tf.uint8)

    colour = tf.cond(channels % 2 == 0, blend, lambda: picture)
    return tf.broadcast_to(colour, tf.concat([tf.shape(picture)[:-1], [3]], 0))


# --- orientation in the graph ---


def _upright(picture: tf.Tensor, orientation: tf.Tensor) -> tf.Tensor:
    """Undo orientation 2 to 8 (TIFF 6.0, tag 274): 5 to 8 are transposed, then columns and rows may run backwards."""

    def turned() -> tf.Tensor:
        standing = tf.cond(orientation >= 5, lambda: tf.transpose(picture, [1, 0, 2]), lambda: picture)
        columns = tf.reduce_any(tf.equal(orientation, [2, 3, 6, 7]))
        rows = tf.reduce_any(tf.equal(orientation, [3, 4, 7, 8]))
        return tf.raw_ops.Reverse(tensor=standing, dims=tf.stack([rows, columns, False]))

    return tf.cond(orientation > 1, turned, lambda: picture)


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


def _tiff_orientation(encoded: tf.Tensor, start: tf.Tensor) -> tf.Tensor:
    """The orientation in the TIFF block at ``start``, 1 to 8; 1 where ``start`` is 0 or the block is not valid."""

    def read() -> tf.Tensor:
        head = _bytes(encoded, start, 8)
        little = tf.reduce_all(tf.equal(head[:4], list(b"II*\0")))
        valid = little | tf.reduce_all(tf.equal(head[:4], list(b"MM\0*")))
        place = start + _number(head[4:], little=little)
        count = _number(_bytes(encoded, place, 2), little=little)
        # Twelve bytes an entry: tag, type, how many values, the value. What would lie behind the end reads as zeros.
        room = tf.maximum(_length(encoded) - place - 2, 0) // 12
        entries = tf.reshape(_bytes(encoded, place + 2, 12 * tf.minimum(count, room)), [-1, 12])
        named = (_number(entries[:, 0:2], little=little) == _ORIENTATION) & (
            _number(entries[:, 2:4], little=little) == _SHORT
        )
        single = _number(entries[:, 4:8], little=little) == 1
        value = _number(entries[:, 8:10], little=little)
        said = tf.reduce_max(tf.where(named & single, value, 0))
        return tf.where(valid & (said >= 1) & (said <= 8), said, 1)

    return tf.cond(start > 0, read, lambda: tf.constant(1, tf.int64))


def _length(encoded: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.strings.length(encoded), tf.int64)


def _begins(encoded: tf.Tensor, at: int | tf.Tensor, expected: bytes) -> tf.Tensor:
    return tf.equal(_cut(encoded, at, len(expected)), expected)


def _cut(encoded: tf.Tensor, at: int | tf.Tensor, count: int | tf.Tensor) -> tf.Tensor:
    """A substring, shorter or empty where the string ends before; ``substr`` itself raises there."""
    at = tf.minimum(tf.cast(at, tf.int64), _length(encoded))
    return tf.strings.substr(encoded, at, tf.cast(count, tf.int64))


def _bytes(encoded: tf.Tensor, at: int | tf.Tensor, count: int | tf.Tensor) -> tf.Tensor:
    """int64 ``(count,)``: the bytes from ``at``, zeros behind the end."""
    raw = tf.io.decode_raw(_cut(encoded, at, count), tf.uint8)
    padded = tf.pad(raw, [[0, tf.cast(count, tf.int32) - tf.size(raw)]])
    return tf.cast(tf.ensure_shape(padded, [count if isinstance(count, int) else None]), tf.int64)


def _number(digits: tf.Tensor, *, little: bool | tf.Tensor) -> tf.Tensor:
    """The unsigned number that the bytes along the last axis write, in either byte order."""
    rising = [256**place for place in range(digits.shape[-1])]
    weights = tf.where(little, tf.constant(rising, tf.int64), tf.constant(rising[::-1], tf.int64))
    return tf.reduce_sum(digits * weights, -1)


# --- in Python ---


def readable(content: bytes) -> bytes:
    """What ``decode`` can read: the bytes themselves, or the same picture as PNG where TensorFlow cannot read it.

    Rewritten are HEIC and HEIF, the first frame of a moving WebP, and BMP with palettes, bit masks or old headers.

    Args:
        content: A photo's file.

    Returns:
        ``content`` itself, or a lossless upright RGB PNG.

    Raises:
        DataError: The photo is one of those to be rewritten, and damaged.
    """
    rewrite = _rewriting(content)
    if rewrite is None:
        return content
    try:
        pixels, orientation = rewrite(content)
    except _REFUSALS as error:
        raise _undecodable(content, str(error) or type(error).__name__) from error
    return tf.io.encode_png(_upright(_over_white(pixels), orientation)).numpy()


def read_photo(path: str | os.PathLike[str], sha256: str | None) -> bytes:
    """The file of a photo, made ``readable``.

    Args:
        path: Where it lies.
        sha256: Of its bytes when it was loaded, in hexadecimal; None leaves it unchecked.

    Raises:
        DataError: It is missing, may not be read, has changed since it was loaded, or is damaged.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise DataError(
            f"A photo cannot be read: {error.strerror or error}.",
            received=path,
            remedy="Put it back, or run `transfer load` again.",
        ) from error
    if sha256 is not None and hashlib.sha256(content).hexdigest() != sha256:
        raise DataError(
            "A photo has changed since it was loaded.",
            received=path,
            remedy="Put the old file back, or run `transfer load` again.",
        )
    return readable(content)


def from_bytes(content: bytes) -> numpy.ndarray:
    """The upright RGB pixels of a photo's file: uint8 ``(height, width, 3)``.

    Raises:
        DataError: It is of no known format, damaged or cut short.
    """
    content = readable(content)
    try:
        return _decode(tf.constant(content)).numpy()
    except (tf.errors.OpError, ValueError) as error:
        raise _undecodable(content, _reason(str(error))) from error


_decode = tf.function(decode, input_signature=[tf.TensorSpec([], tf.string)], autograph=False)


def _rewriting(content: bytes) -> Callable[[bytes], tuple[numpy.ndarray, int | tf.Tensor]] | None:
    if content[4:8] == b"ftyp" and not _HEVC.isdisjoint(_brands(content)):
        return _from_heic
    if content[:4] == b"RIFF" and content[8:16] == b"WEBPVP8X" and content[20:21] and content[20] & _MOVES:
        return _from_moving_webp
    if content[:2] == b"BM" and len(content) >= 66 and not _is_plain_bmp(content):
        return _from_bmp
    return None


def _brands(content: bytes) -> set[bytes]:
    """ISO 14496-12, 4.3: the major brand, its version (which is no brand and matches none), the compatible brands."""
    box = content[8 : min(int.from_bytes(content[:4]), 1024)]
    return {box[at : at + 4] for at in range(0, len(box), 4)}


def _is_plain_bmp(content: bytes) -> bool:
    (header,) = struct.unpack_from("<I", content, 14)
    bits, compression = struct.unpack_from("<HI", content, 28)
    return header >= 40 and bits in (24, 32) and (compression == 0 or (compression == 3 and content[54:66] == _MASKS))


def _from_heic(content: bytes) -> tuple[numpy.ndarray, int]:
    # libheif turns the picture as the file's own boxes say; the EXIF tag beside them only repeats it.
    picture = pillow_heif.open_heif(io.BytesIO(content)).to_pillow()
    return numpy.asarray(picture.convert("RGBA")), 1


def _from_moving_webp(content: bytes) -> tuple[numpy.ndarray, tf.Tensor]:
    with Image.open(io.BytesIO(content), formats=["WEBP"]) as picture:
        return numpy.asarray(picture.convert("RGBA")), _webp_orientation(tf.constant(content))


def _from_bmp(content: bytes) -> tuple[numpy.ndarray, int]:
    with Image.open(io.BytesIO(content), formats=["BMP"]) as picture:
        return numpy.asarray(picture.convert("RGB")), 1


def _undecodable(content: bytes, reason: str) -> DataError:
    return DataError(
        "The photo cannot be decoded.",
        received=f"{len(content):,} bytes that begin {content[:12]!r} ({reason.rstrip('.')})",
        remedy=f"Save it again as {FORMATS}, or leave it out.",
    )


def _reason(message: str) -> str:
    """TensorFlow's own sentence, without the trace of nodes around it."""
    sentences = re.findall(r"([^\n]+)\n\t \[\[", message)
    return sentences[-1] if sentences else message.splitlines()[0]
