"""Decoded pictures and views of them: a function of the photo and the view's name."""

from __future__ import annotations

from collections.abc import Sequence

import numpy
import pytest

from transfer.manifest import Manifest
from transfer.photo import Photo
from transfer.training import batches
from transfer.workspace import Workspace


@pytest.mark.parametrize("view", ["plain 4", "strong 4", batches.MIRROR])
def test_a_view_of_a_photo_is_the_same_whoever_asks(manifest: Manifest, workspace: Workspace, view: str) -> None:
    def seen(photos: Sequence[Photo], view: str = view) -> numpy.ndarray:
        return numpy.concatenate(list(batches.pictures(photos, workspace, size=16, batch=5, view=view)))

    photos = manifest.kept[:8]
    all_of_them, some = seen(photos), seen(list(reversed(photos[2:6])))
    assert (some == all_of_them[2:6][::-1]).all()
    if view == batches.MIRROR:
        assert (all_of_them == seen(photos, "")[:, :, ::-1]).all()
    else:
        assert (all_of_them != seen(photos, view.replace("4", "5"))).any()
        assert (all_of_them != seen(photos, "")).any()
