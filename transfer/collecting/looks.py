"""Looks: what can be measured on one photo for judging its quality. Pure, but for reading the file.

One small grey copy of each photo (its longer side 256 pixels) is enough for all of it: how much there is to see, how
sharp it is, and a perceptual hash that stays when a photo is made smaller or saved again.
"""

from __future__ import annotations

import functools
import hashlib
import io
import itertools
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy
from PIL import Image

from transfer.collecting.checks import MAX_PIXELS, Measured, measure, opened, room_for
from transfer.collecting.formats import HEAD, sniff
from transfer.pixels.pillow import eight_bits

SIDE = 256
Seen = TypeVar("Seen")
HASHED, KEPT = 32, 8  # the hash looks at 32 x 32 pixels and keeps the 8 x 8 slowest waves
THREADS = os.cpu_count() or 1
MISSING, CHANGED = "missing: gone since it was loaded", "unreadable: changed since it was loaded"


@dataclass(frozen=True)
class Look:
    """What one photo looks like.

    Attributes:
        width, height: As stored. contrast: Standard deviation of the grey levels, 0 to 127.
        sharpness: Variance of the Laplacian of the grey copy.
        hash: 64 bits; equal to ``imagehash.phash`` of the grey copy.
        reason: None, or why it cannot be looked at.
    """

    width: int = 0
    height: int = 0
    contrast: float = 0.0
    sharpness: float = 0.0
    hash: int = 0
    reason: str | None = None


def look(path: Path, sha256: str = "") -> Look:
    """Look at one file, which should hold what has that hash where one is given; damage is a value."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return Look(reason=MISSING)
    except OSError as error:
        return Look(reason=f"unreadable: {(error.strerror or str(error)).lower()}")
    if sha256 and hashlib.sha256(content).hexdigest() != sha256:
        return Look(reason=CHANGED)
    try:
        with opened(io.BytesIO(content), sniff(content[:HEAD]) or "") as image:
            width, height = image.size
            if width * height > MAX_PIXELS:
                return Look(reason=measure(io.BytesIO(content)).reason)
            image.draft("L", (SIDE, SIDE))
            with room_for(image, width * height):
                image.load()
                grey = eight_bits(image).convert("L")
    except MemoryError:
        raise  # of this machine, not of the photo
    except Exception:  # whatever a decoder raises; the careful check says what it is
        return Look(reason=measure(io.BytesIO(content)).reason or "unreadable: damaged")
    grey.thumbnail((SIDE, SIDE), Image.Resampling.BOX)
    pixels = numpy.asarray(grey, dtype=numpy.float32)
    return Look(width, height, float(pixels.std()), _sharpness(pixels), perceptual_hash(grey))


def look_all(
    paths: Iterable[Path],
    hashes: Iterable[str] | None = None,
    *,
    on_progress: Callable[[int], None] | None = None,
    threads: int = THREADS,
) -> Iterator[Look]:
    """Look at many files, in their order, a few at a time; with the hashes of what they should hold, if known."""
    yield from _a_few_at_a_time(look, paths, hashes or itertools.repeat(""), on_progress, threads)


def measure_again(
    paths: Iterable[Path],
    hashes: Iterable[str],
    *,
    on_progress: Callable[[int], None] | None = None,
    threads: int = THREADS,
) -> Iterator[Measured | None]:
    """Measure many files in the same way; None for one that does not hold what has its hash."""
    yield from _a_few_at_a_time(_measured, paths, hashes, on_progress, threads)


def _measured(path: Path, sha256: str) -> Measured | None:
    try:
        content = path.read_bytes()
    except OSError:
        return None
    return measure(io.BytesIO(content)) if hashlib.sha256(content).hexdigest() == sha256 else None


def _a_few_at_a_time(
    work: Callable[[Path, str], Seen],
    paths: Iterable[Path],
    hashes: Iterable[str],
    on_progress: Callable[[int], None] | None,
    threads: int,
) -> Iterator[Seen]:
    with ThreadPoolExecutor(threads) as pool:
        try:
            for done, seen in enumerate(pool.map(work, paths, hashes), 1):
                if on_progress is not None:
                    on_progress(done)
                yield seen
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def perceptual_hash(grey: Image.Image) -> int:
    """64 bits: which of the slowest waves of a photo are stronger than their median.

    The same bits as ``imagehash.phash`` (https://www.hackerfactor.com/blog/index.php?/archives/432-Looks-Like-It.html),
    by one product with a fixed matrix, which takes a third of the time.
    """
    small = numpy.asarray(grey.resize((HASHED, HASHED), Image.Resampling.LANCZOS), dtype=numpy.float64)
    waves = _waves()
    low = waves @ small @ waves.T
    bits = (low > numpy.median(low)).ravel()
    return int.from_bytes(numpy.packbits(bits).tobytes(), "big")


@functools.cache
def _waves() -> numpy.ndarray:
    """The first rows of the discrete cosine transform, ``(8, 32)``."""
    place, wave = numpy.arange(HASHED), numpy.arange(KEPT)
    return numpy.cos(numpy.pi * (2 * place[None, :] + 1) * wave[:, None] / (2 * HASHED))


def _sharpness(pixels: numpy.ndarray) -> float:
    if min(pixels.shape) < 3:
        return 0.0
    edges = 4 * pixels[1:-1, 1:-1]
    edges -= pixels[:-2, 1:-1]
    edges -= pixels[2:, 1:-1]
    edges -= pixels[1:-1, :-2]
    edges -= pixels[1:-1, 2:]
    return float(edges.var())
