"""Thumbnails: small pictures inside the page, so that it stays one file.

It owns decoding for show only: what a network sees is ``pixels``' business, which brings TensorFlow. A file that
cannot be read has no thumbnail; the page says so in its place.
"""

from __future__ import annotations

import base64
import io
import warnings
from pathlib import Path

import pillow_heif
from PIL import Image

from transfer.pixels.pillow import eight_bits, upright

SIDE = 200
"""The longer side in pixels: twice what is shown, for fine screens."""


def thumbnail(path: Path, *, side: int = SIDE) -> str | None:
    """The upright photo as a ``data:image/jpeg`` URI of a few kilobytes, or None where the file cannot be read."""
    pillow_heif.register_heif_opener()
    try:
        with warnings.catch_warnings():
            # A huge or oddly tagged photo was judged when it was loaded; for a thumbnail it only has to open.
            warnings.simplefilter("ignore")
            with Image.open(path) as opened:
                opened.draft("RGB", (side, side))
                photo = _on_white(eight_bits(upright(opened)))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    photo.thumbnail((side, side))
    encoded = io.BytesIO()
    photo.save(encoded, "JPEG", quality=72, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(encoded.getvalue()).decode()


def _on_white(photo: Image.Image) -> Image.Image:
    if not photo.has_transparency_data:
        return photo.convert("RGB")
    layered = photo.convert("RGBA")
    white = Image.new("RGBA", layered.size, "white")
    return Image.alpha_composite(white, layered).convert("RGB")
