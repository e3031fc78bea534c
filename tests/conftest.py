"""What every test may ask for: synthetic photos with a seed, and the real ones where they are present."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TRANSFER_ENGINE", "keras")  # converting a network costs more than asking it about few photos

import numpy
import pytest
from hypothesis import settings
from PIL import Image

from transfer.manifest import Manifest
from transfer.photo import Photo

LONG = ("test_crashes.py", "test_demo.py", "test_notebooks.py", "test_readme.py")
"""Files whose few tests take longest. They begin first, so that no core waits for them at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.name not in LONG)


# A busy machine is no fault of the law that is tested.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real photos and weights; the test is skipped where there is none."""
    beside = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("TRANSFER_SHARED_DATA", beside))
    if not folder.is_dir():
        pytest.skip("the real photos and weights are not here: set TRANSFER_SHARED_DATA to their folder")
    return folder


def draw(label: int, number: int, *, side: int = 40) -> Image.Image:
    """A photo-like picture: a bright disc (even labels) or bar (odd labels) in the label's own colour, on noise."""
    rng = numpy.random.default_rng([label, number])
    pixels = rng.integers(0, 90, (side, side, 3))
    y, x = numpy.mgrid[:side, :side]
    cy, cx = rng.uniform(0.3, 0.7, 2) * side
    shape = (y - cy) ** 2 + (x - cx) ** 2 < (0.25 * side) ** 2 if label % 2 == 0 else abs(y - cy) < 0.15 * side
    colour = numpy.roll([230, 120, 40], label) + rng.integers(-20, 20, 3)
    pixels[shape] = numpy.clip(colour + rng.integers(-15, 15, (int(shape.sum()), 3)), 0, 255)
    return Image.fromarray(pixels.astype("uint8"))


def photos(counts: Sequence[int], *, bursts: int = 0) -> Manifest:
    """So many split photos of each class, none of them a file; the first ``bursts`` groups of each class have three."""
    splits = ("train", "train", "train", "validation", "test")
    return Manifest(
        tuple(
            Photo(
                id=f"{label}-{n}",
                file_name=f"{label}/{n}.png",
                label=f"class {label}",
                source="folder",
                sha256=f"{label:02}{n:04}",
                width=40,
                height=40,
                split=splits[n % 5],
                group=f"{label} burst {n // 3}" if n // 3 < bursts else None,
            )
            for label, count in enumerate(counts)
            for n in range(count)
        )
    )


@pytest.fixture(scope="session")
def photo_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three classes of twelve small PNG photos in class folders; read only."""
    root = tmp_path_factory.mktemp("photos")
    for label, name in enumerate(("bar", "coin", "disc")):
        (root / name).mkdir()
        for number in range(12):
            draw(label, number).save(root / name / f"{number:02}.png")
    return root
