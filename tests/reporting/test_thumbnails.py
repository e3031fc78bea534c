"""Small pictures for the page, from whatever lies on disk."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import pytest
from PIL import Image

from transfer.reporting.thumbnails import SIDE, thumbnail


def shown(path: Path) -> Image.Image:
    uri = thumbnail(path)
    assert uri is not None
    head, encoded = uri.split(",", 1)
    assert head == "data:image/jpeg;base64"
    return Image.open(io.BytesIO(base64.b64decode(encoded)))


def test_a_thumbnail_keeps_the_shape_and_is_small(tmp_path: Path) -> None:
    Image.new("RGB", (1600, 800), "red").save(tmp_path / "wide.png")
    assert shown(tmp_path / "wide.png").size == (SIDE, SIDE // 2)


def test_a_thumbnail_stands_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (400, 200), "red").save(tmp_path / "turned.jpg", exif=exif)
    assert shown(tmp_path / "turned.jpg").size == (SIDE // 2, SIDE)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_is_transparent_is_white(tmp_path: Path, mode: str) -> None:
    clear = Image.new("RGBA", (50, 50), (0, 0, 0, 0)).convert(mode)
    clear.save(tmp_path / "clear.png", **({"transparency": clear.getpixel((0, 0))} if mode == "P" else {}))
    assert min(shown(tmp_path / "clear.png").getpixel((25, 25))) > 250  # type: ignore[type-var, arg-type]


@pytest.mark.parametrize("mode", ["L", "1", "CMYK", "I;16"])
def test_every_mode_becomes_a_picture(tmp_path: Path, mode: str) -> None:
    name = tmp_path / ("any.jpg" if mode == "CMYK" else "any.png")
    Image.new(mode, (60, 40)).save(name)
    assert shown(name).mode == "RGB"


@pytest.mark.parametrize(("level", "grey"), [(300, 1), (0x8000, 128), (0xFFFF, 255)])
def test_of_sixteen_bits_the_high_byte_is_shown(tmp_path: Path, level: int, grey: int) -> None:
    Image.new("I;16", (60, 40), level).save(tmp_path / "deep.png")
    assert shown(tmp_path / "deep.png").getpixel((30, 20)) == pytest.approx((grey,) * 3, abs=1)


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n" + bytes(40)])
def test_what_cannot_be_read_has_no_thumbnail(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "broken.png").write_bytes(content)
    assert thumbnail(tmp_path / "broken.png") is None
    assert thumbnail(tmp_path / "absent.png") is None


def test_a_truncated_photo_has_no_thumbnail(tmp_path: Path) -> None:
    Image.effect_noise((300, 300), 90).save(tmp_path / "whole.jpg")
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "whole.jpg").read_bytes()[:3000])
    assert thumbnail(tmp_path / "cut.jpg") is None
