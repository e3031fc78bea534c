"""A photo as Pillow opens it -> as the graph sees it: the levels of deep grey, and which way up.

For whoever shows or measures photos by Pillow. Its own conversion cuts levels of 16 bits off at 255, so that nearly all
of a picture is white, and its own turning believes XMP, which no decoder of training and serving reads. Nothing here
names TensorFlow.
"""

from __future__ import annotations

import numpy
from PIL import Image

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def eight_bits(picture: Image.Image) -> Image.Image:
    """The high byte of each level where a picture is grey of 16 bits; any other picture as it is.

    Returns:
        Of mode ``L``, or ``LA`` where the file names one level as transparent.
    """
    if not picture.mode.startswith("I;16"):
        return picture
    levels = numpy.asarray(picture)
    grey = Image.fromarray((levels >> 8).astype(numpy.uint8))
    clear = picture.info.get("transparency")
    if clear is not None:
        grey.putalpha(Image.fromarray(numpy.where(levels == clear, 0, 255).astype(numpy.uint8)))
    return grey


def orientation(picture: Image.Image) -> int:
    """1 to 8, by EXIF; 1 where it says nothing or is damaged: the pixels are there and the photo is kept.

    Args:
        picture: Whose pixels were loaded: a PNG may say it behind them.
    """
    exif = Image.Exif()
    try:
        exif.load(picture.info.get("exif") or b"")
        said = int(exif.get(0x0112, 1))
    except Exception:  # damaged EXIF raises anything at all
        return 1
    return said if 1 <= said <= 8 else 1


def upright(picture: Image.Image) -> Image.Image:
    """The picture as it should stand; itself where it does."""
    picture.load()
    turn = _TURNS.get(orientation(picture))
    return picture if turn is None else picture.transpose(turn)
