"""Files of photos: read, checked against their hash, and made what the graph can decode."""

from __future__ import annotations

import hashlib
import io
import os
import re
import stat
import struct
from collections.abc import Callable
from pathlib import Path

import numpy
import pillow_heif
import tensorflow as tf
from PIL import Image

from transfer.errors import DataError
from transfer.pixels import orientation
from transfer.pixels.graph import BMP_MASKS, WEBP_MOVES, WHOLE, decode, over_white
from transfer.pixels.orientation import upright

FORMATS = "JPEG, PNG, GIF, BMP, WebP or HEIC"

_HEVC = {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs"}
_REFUSALS = (OSError, ValueError, SyntaxError, RuntimeError, EOFError, struct.error, Image.DecompressionBombError)


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
        picture, turned = rewrite(content)
    except _REFUSALS as error:
        raise _undecodable(content, str(error) or type(error).__name__) from error
    return tf.io.encode_png(upright(over_white(picture), turned)).numpy()


def read_photo(path: str | os.PathLike[str], sha256: str | None) -> bytes:
    """The file of a photo, made ``readable``.

    Args:
        path: Where it lies.
        sha256: Of its bytes when it was loaded, in hexadecimal; None leaves it unchecked.

    Raises:
        DataError: It is missing, no regular file, may not be read, has changed since it was loaded, or is damaged.
    """
    remedy = "Put it back, or run `transfer load` again." if sha256 is not None else "Name the file of a photo."
    try:
        mode = Path(path).stat().st_mode
        if stat.S_ISDIR(mode):
            raise DataError("This is a folder, no photo.", received=path, remedy=f"Name its files: {path}/*")
        if not stat.S_ISREG(mode):  # opening a pipe would wait for ever
            raise DataError("A photo cannot be read: it is no regular file.", received=path, remedy=remedy)
        content = Path(path).read_bytes()
    except OSError as error:
        what = f"A photo cannot be read: {error.strerror or error}."
        raise DataError(what, received=path, remedy=remedy) from error
    if sha256 is not None and hashlib.sha256(content).hexdigest() != sha256:
        raise DataError(
            "A photo has changed since it was loaded.",
            received=path,
            remedy="Put the old file back, or run `transfer load` again.",
        )
    return readable(content)


def from_bytes(content: bytes, size: int = WHOLE) -> numpy.ndarray:
    """The upright RGB pixels of a photo's file: uint8 ``(height, width, 3)``.

    Args:
        content: The file. size: Side of the square that is to be made of it, as in ``decode``.

    Raises:
        DataError: It is of no known format, damaged or cut short.
    """
    content = readable(content)
    try:
        return _decode(tf.constant(content), tf.constant(size)).numpy()
    except (tf.errors.OpError, ValueError) as error:
        raise _undecodable(content, _reason(str(error))) from error


_decode = tf.function(
    decode, input_signature=[tf.TensorSpec([], tf.string), tf.TensorSpec([], tf.int32)], autograph=False
)


def _rewriting(content: bytes) -> Callable[[bytes], tuple[numpy.ndarray, int | tf.Tensor]] | None:
    if content[4:8] == b"ftyp" and not _HEVC.isdisjoint(_brands(content)):
        return _from_heic
    if content[:4] == b"RIFF" and content[8:16] == b"WEBPVP8X" and content[20:21] and content[20] & WEBP_MOVES:
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
    return (
        header >= 40 and bits in (24, 32) and (compression == 0 or (compression == 3 and content[54:66] == BMP_MASKS))
    )


def _from_heic(content: bytes) -> tuple[numpy.ndarray, int]:
    # libheif turns the picture as the file's own boxes say; the EXIF tag beside them only repeats it.
    picture = pillow_heif.open_heif(io.BytesIO(content)).to_pillow()
    return numpy.asarray(picture.convert("RGBA")), 1


def _from_moving_webp(content: bytes) -> tuple[numpy.ndarray, tf.Tensor]:
    with Image.open(io.BytesIO(content), formats=["WEBP"]) as picture:
        return numpy.asarray(picture.convert("RGBA")), orientation.of_webp(tf.constant(content))


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
    sentences = re.findall(r"^([^\t\n][^\n]*)\n\t \[\[", message, re.MULTILINE)
    return sentences[-1] if sentences else message.splitlines()[0]
