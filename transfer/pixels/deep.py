"""Deep: grey of 16 bits as Pillow opens it -> what the graph sees of it.

For whoever shows or measures photos by Pillow. Its own conversion cuts such levels off at 255, so that nearly all of a
picture is white. Nothing here names TensorFlow.
"""

from __future__ import annotations

import numpy
from PIL import Image


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
