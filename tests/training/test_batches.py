"""Decoded pictures and views of them: a function of the photo and the view's name."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy
import pytest

from transfer.errors import DataError
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


@pytest.mark.parametrize("place", [0, 7])
def test_a_photo_that_cannot_be_decoded_is_named_after_all_before_it_were_shown(
    manifest: Manifest, workspace: Workspace, tmp_path: Path, place: int
) -> None:
    photos = list(manifest.kept[:9])
    path = tmp_path / "torn.png"  # not where it lies: other tests read the same photos
    path.write_bytes(workspace.photo_path(photos[place].file_name).read_bytes()[:200])
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    photos[place] = dataclasses.replace(photos[place], file_name=str(path), sha256=sha256)
    seen = 0
    with pytest.raises(DataError, match=path.name) as error:
        for pictures in batches.pictures(photos, workspace, size=16, batch=2):
            seen += len(pictures)
    assert seen == place // 2 * 2
    assert "cannot be decoded" in error.value.what
    assert error.value.remedy
