"""Small pictures on disk for the collecting room."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy
import pytest
from PIL import Image

from transfer.workspace import Workspace


def encoded(number: int, format: str = "PNG", *, size: tuple[int, int] = (16, 12), **options: Any) -> bytes:
    """The bytes of a picture that is like no other number's."""
    pixels = numpy.random.default_rng(number).integers(0, 255, (size[1], size[0], 3))
    file = io.BytesIO()
    Image.fromarray(pixels.astype("uint8")).save(file, format, **options)
    return file.getvalue()


@pytest.fixture
def picture() -> Any:
    return encoded


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two classes of three photos, in folders that a test may change."""
    root = tmp_path / "photos"
    for number in range(6):
        file = root / ("cat", "dog")[number % 2] / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(encoded(number))
    return root


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "ws")
