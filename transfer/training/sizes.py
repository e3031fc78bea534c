"""Sizes: the side in pixels of a run's pictures where none is asked for; pure."""

from __future__ import annotations

from transfer.manifest import Manifest
from transfer.models.backbone import Backbone
from transfer.strategy import Strategy


def own_size(backbone: Backbone, trained_at: int | None, strategy: Strategy, manifest: Manifest) -> int:
    """The side in pixels where none is asked for: that of the weights' pictures or the usual one, times the scale."""
    return scaled(trained_at or usual_size(backbone, manifest), strategy.scale)


def usual_size(backbone: Backbone, manifest: Manifest) -> int:
    """The backbone's usual size; the photos' own where all are smaller and the backbone takes it by itself."""
    largest = max((max(photo.width, photo.height) for photo in manifest.kept), default=backbone.size)
    if backbone.least is None or largest >= backbone.size:
        return backbone.size
    return max(backbone.least, largest)


def scaled(size: int, scale: float) -> int:
    """A side made larger or smaller, to whole times 32 pixels (8 below 128); larger by at least one step.

    What is below 128 already is not made smaller: it is a network, or its photos are, of few pixels.

    >>> scaled(224, 1.25), scaled(224, 1.0), scaled(32, 1.25), scaled(8, 1.25), scaled(224, 128 / 224), scaled(32, 0.5)
    (288, 224, 40, 16, 128, 32)
    """
    step = 32 if size >= 128 else 8
    if scale <= 1:
        return size if scale == 1 or size < 128 else step * round(scale * size / step)
    return max(step * (size // step + 1), step * round(scale * size / step))
