"""Pixels: bytes -> upright RGB of a size; the one decoder of training, prediction and serving.

It owns the rule by which any photo becomes RGB, and the one resize. ``decode`` and ``resize`` are TensorFlow graphs and
nothing else, so an exported model carries the very numbers it was trained on. What TensorFlow cannot read, Python
rewrites first (``readable``). It refuses to know labels, batches and networks.

The rule: grey is repeated, palettes are expanded, alpha is laid over white (PNG, WebP, HEIC), of 16 bits the high byte
is kept, a CMYK JPEG is converted as libjpeg does it. Two formats have no usable alpha here: transparent parts of a GIF
are black, because TensorFlow's decoder leaves them so, and the fourth byte of a BMP is ignored, because most writers
put nothing there. Of a moving picture the first frame counts. The EXIF orientation of JPEG, PNG, WebP and HEIC is
applied; a tag that is missing, damaged or out of range means upright. A JPEG that is to become a much smaller square is
decoded to a half, a quarter or an eighth, the smallest of which both sides are still twice the square's.

    graph.py          bytes -> pixels -> square          orientation.py    which way up they are stored
    files.py          files that the graph can read      deep.py           16 bits in Pillow, without TensorFlow

What is named here is loaded when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from transfer import lazily

if TYPE_CHECKING:
    from transfer.pixels.files import FORMATS as FORMATS
    from transfer.pixels.files import from_bytes as from_bytes
    from transfer.pixels.files import read_photo as read_photo
    from transfer.pixels.files import readable as readable
    from transfer.pixels.graph import decode as decode
    from transfer.pixels.graph import decode_resize as decode_resize
    from transfer.pixels.graph import resize as resize

_HOMES = {
    "files": ("FORMATS", "from_bytes", "read_photo", "readable"),
    "graph": ("decode", "decode_resize", "resize"),
}

__all__ = lazily.names(_HOMES)
__getattr__ = lazily.lookup(__name__, _HOMES)
