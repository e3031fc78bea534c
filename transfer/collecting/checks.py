"""Checks: pure measures of one photo's bytes, with Pillow only.

Owned here: what makes a file unreadable, and the upright size. Which formats are photos is said in ``formats``. A fault
is a value, the ``reason``; nothing here raises because of what a file holds.
"""

from __future__ import annotations

import contextlib
import io
import threading
import warnings
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError

from transfer.collecting.formats import EXTENSIONS, HEAD, sniff
from transfer.pixels.pillow import eight_bits, orientation, upright

MAX_PIXELS = 178_956_970
"""More is taken for a decompression bomb. It is where Pillow itself refuses (twice its warning), 13,377 pixels squared:
the largest telephone pictures of today (108 million pixels) pass, 200 million do not."""

MOST_AT_ONCE = 2 * MAX_PIXELS
"""Pixels that all threads together decode at a time, each up to four bytes: a small file may hold very many of them."""


@dataclass(frozen=True)
class Measured:
    """What one file turned out to be.

    Attributes:
        format: Pillow's name of it, such as ``JPEG`` (an MPO is one); None where it is no known picture.
        width, height: In pixels, upright; 0 where unreadable.
        reason: None, or ``unreadable: DETAIL``, ready for ``Photo.excluded``.
    """

    format: str | None = None
    width: int = 0
    height: int = 0
    reason: str | None = None

    @property
    def extension(self) -> str | None:
        """How a copy is called, decided by content."""
        return EXTENSIONS.get(self.format or "")


def measure(file: BinaryIO) -> Measured:
    """Decode a whole photo (the first frame, where it has several) and say its upright size, or what is wrong with it.

    Args:
        file: Open for reading and able to seek; read from its start.
    """
    file.seek(0)
    head = file.read(HEAD)
    format = sniff(head)
    if not head:
        return Measured(reason="unreadable: empty file")
    if format is None:
        return Measured(reason="unreadable: not an image")
    if format not in EXTENSIONS:
        return Measured(format, reason=f"unreadable: format not supported ({format})")
    file.seek(0)
    try:
        with _silence_of_pillow(), _opened(file, format) as image:
            width, height = image.size
            if width * height > MAX_PIXELS:
                return Measured(format, reason=f"unreadable: decompression bomb ({width} x {height} pixels)")
            # An eighth of the size for JPEG: all of its data is still read, which is what finds damage, in less time.
            image.draft(None, (1, 1))
            with room_for(image, width * height):
                image.load()
            if orientation(image) >= 5:  # by a quarter, with or without a mirror
                width, height = height, width
        if format == "PNG":
            _check_chunks(file)
        if format == "GIF":
            _check_frame(file)
    except MemoryError:
        raise  # of this machine, not of the photo
    except Exception as error:  # decoders raise anything at all on damaged bytes; it becomes the photo's reason
        return Measured(format, reason=f"unreadable: {_fault(error)}")
    return Measured(format, width, height)


def fit(content: bytes, side: int | None) -> tuple[Measured, bytes]:
    """Measure a photo, and make one whose longer side is over ``side`` smaller.

    What was made smaller is upright and without its EXIF; a JPEG stays one, anything else becomes a PNG. A photo that
    is small enough, or unreadable, comes back byte by byte.

    Returns:
        What is true of the bytes that come back, and they.
    """
    file = io.BytesIO(content)
    head = _head(content) if side else (0, 0)
    if side is None or max(head) <= side or head[0] * head[1] > MAX_PIXELS:
        return measure(file), content
    format = sniff(content[:HEAD]) or ""
    try:
        with _silence_of_pillow(), _opened(file, format) as opened:
            opened.draft("RGB", (side, side))  # libjpeg makes it smaller while it decodes, and still reads all of it
            with room_for(opened, head[0] * head[1]):
                image = eight_bits(upright(opened))
                if image.mode not in ("RGB", "L"):
                    image = image.convert("RGBA" if image.has_transparency_data else "RGB")
                # The mean over the area that becomes a pixel: no aliasing, and half the time of a bicubic.
                image.thumbnail((side, side), Image.Resampling.BOX)
        if format == "PNG":
            _check_chunks(file)
        made = io.BytesIO()
        if format == "JPEG":
            image.save(made, "JPEG", quality=90, icc_profile=opened.info.get("icc_profile"))
        else:
            image.save(made, "PNG")
    except MemoryError:
        raise  # of this machine, not of the photo
    except Exception as error:  # as in `measure`
        return Measured(format, reason=f"unreadable: {_fault(error)}"), content
    return Measured("JPEG" if format == "JPEG" else "PNG", *image.size), made.getvalue()


def _head(content: bytes) -> tuple[int, int]:
    """The size that a header declares, (0, 0) where it declares none that can be read."""
    format = sniff(content[:HEAD])
    if format not in EXTENSIONS:
        return 0, 0
    try:
        with _silence_of_pillow(), _opened(io.BytesIO(content), format) as image:
            return image.size
    except MemoryError:
        raise
    except Exception:  # `measure` will say what is wrong
        return 0, 0


@contextlib.contextmanager
def opened(file: BinaryIO, format: str) -> Iterator[Image.Image]:
    """A photo of that format, not yet decoded, while Pillow keeps its warnings to itself. It raises anything at all."""
    with _silence_of_pillow(), _opened(file, format) as image:
        yield image


def _opened(file: BinaryIO, format: str) -> Image.Image:
    if format == "HEIF":
        import pillow_heif

        pillow_heif.register_heif_opener()
    # Only the one plugin that the bytes claim: others (EPS, say) run programs.
    return Image.open(file, formats=[format])


def _check_chunks(file: BinaryIO) -> None:
    """Pillow is content once it has all pixels; libpng, and so TensorFlow, wants every checksum and the end as well."""
    file.seek(8)
    while True:
        head = file.read(8)
        length, kind = int.from_bytes(head[:4], "big"), head[4:]
        data, checksum = file.read(length), file.read(4)
        if len(head) < 8 or len(checksum) < 4:
            raise EOFError
        # The names of chunks that matter begin with a capital; damaged others are skipped by every decoder.
        if kind[:1].isupper() and zlib.crc32(kind + data) != int.from_bytes(checksum, "big"):
            raise ValueError(f"the checksum of {kind.decode('ascii', 'replace')} is wrong")
        if kind == b"IEND":
            return


def _check_frame(file: BinaryIO) -> None:
    """Pillow is content once it has all pixels; TensorFlow wants the empty block that ends a GIF's first frame."""
    file.seek(10)
    flags = _bytes(file, 3)[0]
    _bytes(file, 3 << ((flags & 7) + 1) if flags & 0x80 else 0)
    while (kind := _bytes(file, 1)) != b",":
        if kind != b"!":
            raise EOFError
        _bytes(file, 1)
        _pass_blocks(file)
    flags = _bytes(file, 9)[8]
    _bytes(file, (3 << ((flags & 7) + 1) if flags & 0x80 else 0) + 1)
    _pass_blocks(file)


def _pass_blocks(file: BinaryIO) -> None:
    while length := _bytes(file, 1)[0]:
        _bytes(file, length)


def _bytes(file: BinaryIO, count: int) -> bytes:
    data = file.read(count)
    if len(data) < count:
        raise EOFError
    return data


def _fault(error: Exception) -> str:
    if isinstance(error, Image.DecompressionBombError):
        return "decompression bomb"
    if isinstance(error, EOFError) or "truncated" in str(error).lower() or "end of file" in str(error):
        return "truncated file"
    if isinstance(error, UnidentifiedImageError):
        return "damaged header"
    said = " ".join(str(error).split())[:80]
    return f"damaged ({said or type(error).__name__})"


_room = threading.Condition()
_decoding = 0


@contextlib.contextmanager
def room_for(image: Image.Image, whole: int) -> Iterator[None]:
    """Wait until this photo and those under way hold no more than ``MOST_AT_ONCE`` pixels, or it is alone.

    Args:
        image: As it will be decoded, after ``draft``. whole: Its pixels before; a progressive JPEG takes all of them.
    """
    global _decoding
    pixels = whole if image.info.get("progressive") else image.width * image.height
    with _room:
        _room.wait_for(lambda: not _decoding or _decoding + pixels <= MOST_AT_ONCE)
        _decoding += pixels
    try:
        yield
    finally:
        with _room:
            _decoding -= pixels
            _room.notify_all()


_lock = threading.Lock()
_inside = 0
_stack = contextlib.ExitStack()


@contextlib.contextmanager
def _silence_of_pillow() -> Iterator[None]:
    """Pillow's own warnings off: it warns of what it repaired (EXIF, MPO) and of sizes that are judged above.

    The filters belong to the process, so that the first thread to come sets them and the last to leave puts them back.
    """
    global _inside
    with _lock:
        if _inside == 0:
            _stack.enter_context(warnings.catch_warnings())
            warnings.filterwarnings("ignore", module=r"(PIL|pillow_heif)\b")
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0:
                _stack.close()
