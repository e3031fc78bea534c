from __future__ import annotations

import io
import threading
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy
import pillow_heif
import pytest
from PIL import Image, ImageFile

from transfer.collecting import checks
from transfer.collecting.checks import MAX_PIXELS, fit, measure
from transfer.collecting.formats import looks_like_a_photo, sniff
from transfer.collecting.looks import look

pillow_heif.register_heif_opener()

FORMATS = [("JPEG", "jpg"), ("PNG", "png"), ("GIF", "gif"), ("WEBP", "webp"), ("BMP", "bmp"), ("HEIF", "heic")]


@pytest.mark.parametrize(("format", "extension"), FORMATS)
def test_every_supported_format_is_measured_and_named_by_its_content(picture, format, extension):
    measured = measure(io.BytesIO(picture(1, format, size=(18, 14))))
    assert (measured.format, measured.extension, measured.reason) == (format, extension, None)
    assert (measured.width, measured.height) == (18, 14)


@pytest.mark.parametrize("format", [format for format, _ in FORMATS])
def test_a_photo_cut_short_is_unreadable_wherever_it_was_cut(picture, format):
    whole = picture(1, format, size=(40, 30))
    for end in range(1, len(whole) - 20, max(1, len(whole) // 25)):
        reason = measure(io.BytesIO(whole[:end])).reason
        assert reason is not None and reason.startswith("unreadable: "), f"cut at {end} of {len(whole)}"


@pytest.mark.parametrize("format", ["JPEG", "PNG", "BMP"])
def test_a_photo_cut_in_half_is_called_truncated(picture, format):
    whole = picture(1, format)
    assert measure(io.BytesIO(whole[: len(whole) // 2])).reason == "unreadable: truncated file"


@pytest.mark.parametrize("missing", [1, 4, 12])
def test_a_png_without_its_end_is_truncated_although_all_pixels_are_there(picture, missing):
    assert measure(io.BytesIO(picture(1)[:-missing])).reason == "unreadable: truncated file"


def test_a_png_with_a_wrong_checksum_is_damaged(picture):
    content = bytearray(picture(1))
    end = content.rindex(b"IEND") - 8  # the checksum of the pixels stands before the length of the end
    content[end] ^= 255
    assert measure(io.BytesIO(bytes(content))).reason == "unreadable: damaged (the checksum of IDAT is wrong)"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "unreadable: empty file"),
        (b"<html>Not found</html>", "unreadable: not an image"),
        (b"BMW is a maker of cars, and this is a text", "unreadable: not an image"),
        (b"\xff\xd8\xff\xe0" + b"no picture" * 9, "unreadable: truncated file"),
        (b"II*\0" + bytes(60), "unreadable: format not supported (TIFF)"),
        (b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf", "unreadable: format not supported (AVIF)"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf", "unreadable: format not supported (AVIF)"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0isommp42", "unreadable: not an image"),
    ],
)
def test_what_is_no_photo_says_why(content, reason):
    assert measure(io.BytesIO(content)).reason == reason


def test_a_decompression_bomb_is_refused_from_its_header(picture):
    """Twenty bytes of header that promise 20,000 x 20,000 pixels; nothing of that size may be allocated."""
    header = b"IHDR" + (20_000).to_bytes(4, "big") * 2 + bytes([8, 2, 0, 0, 0])
    bomb = picture(1)[:8] + (13).to_bytes(4, "big") + header + zlib.crc32(header).to_bytes(4, "big") + picture(1)[33:]
    assert "decompression bomb" in str(measure(io.BytesIO(bomb)).reason)


def test_a_photo_between_pillows_warning_and_its_error_is_measured(picture, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 150)  # 16 x 12 lies between once and twice this
    assert measure(io.BytesIO(picture(1))).reason is None
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 90)
    assert measure(io.BytesIO(picture(1))).reason == "unreadable: decompression bomb"


def test_the_bound_on_pixels_is_ours_even_where_somebody_lifted_pillows(picture, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    monkeypatch.setattr("transfer.collecting.checks.MAX_PIXELS", 100)
    assert measure(io.BytesIO(picture(1))).reason == "unreadable: decompression bomb (16 x 12 pixels)"
    assert MAX_PIXELS > 12_000 * 9_000  # 108 million: the largest telephone pictures


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_the_size_is_the_upright_one(picture, format, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    measured = measure(io.BytesIO(picture(1, format, size=(18, 14), exif=exif)))
    assert (measured.width, measured.height) == ((14, 18) if orientation >= 5 else (18, 14))


def test_damaged_exif_leaves_the_photo_as_it_lies(picture):
    measured = measure(io.BytesIO(picture(1, "JPEG", size=(18, 14), exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff\x01")))
    assert (measured.width, measured.height, measured.reason) == (18, 14, None)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16", "CMYK"])
def test_every_usual_kind_of_pixel_is_readable(mode):
    file = io.BytesIO()
    Image.new(mode, (9, 7)).save(file, "JPEG" if mode == "CMYK" else "PNG")
    assert measure(file).reason is None


def test_a_grey_photo_of_sixteen_bits_is_made_smaller_and_looked_at_by_its_high_bytes(tmp_path):
    levels = numpy.random.default_rng(0).integers(0, 65536, (60, 80), numpy.uint16)
    deep, flat = (io.BytesIO(), io.BytesIO())
    Image.fromarray(levels).save(deep, "PNG")
    Image.fromarray((levels >> 8).astype("uint8")).save(flat, "PNG")
    fitted = [Image.open(io.BytesIO(fit(file.getvalue(), 40)[1])).convert("RGB") for file in (deep, flat)]
    assert fitted[0].size == (40, 30)
    assert fitted[0].tobytes() == fitted[1].tobytes()
    for name, file in (("deep.png", deep), ("flat.png", flat)):
        (tmp_path / name).write_bytes(file.getvalue())
    assert look(tmp_path / "deep.png") == look(tmp_path / "flat.png")
    assert look(tmp_path / "deep.png").contrast > 40, "white as a wall it would be set aside"


def test_warnings_of_others_still_count_while_photos_are_checked_in_threads(picture):
    photos = [picture(number, "JPEG") for number in range(40)]
    begun = threading.Event()

    def check(content: bytes) -> str | None:
        begun.set()
        return measure(io.BytesIO(content)).reason

    before = list(warnings.filters)
    with ThreadPoolExecutor(4) as pool:
        results = pool.map(check, photos)
        begun.wait(10)
        with pytest.raises(UserWarning, match="mine"):
            warnings.warn("mine", stacklevel=1)
        assert set(results) == {None}
    assert warnings.filters == before


SIZE = 48 * 40


@pytest.mark.parametrize(
    ("format", "options", "pixels"),
    [("PNG", {}, SIZE), ("JPEG", {}, SIZE // 64), ("JPEG", {"progressive": True}, SIZE)],
    ids=["PNG", "JPEG", "progressive JPEG"],
)
@pytest.mark.parametrize("most", [1, 2 * SIZE], ids=["one", "two"])
def test_threads_decode_no_more_pixels_at_a_time_than_there_is_room_for(
    tmp_path, picture, monkeypatch, format, options, pixels, most
):
    held = []

    def load(image):
        held.append(checks._decoding)
        return real(image)

    real = ImageFile.ImageFile.load
    monkeypatch.setattr(ImageFile.ImageFile, "load", load)
    monkeypatch.setattr(checks, "MOST_AT_ONCE", most)
    contents = [picture(number, format, size=(48, 40), **options) for number in range(20)]
    with ThreadPoolExecutor(4) as pool:
        assert {measured.reason for measured in pool.map(measure, map(io.BytesIO, contents))} == {None}
    assert len(held) == 20
    assert min(held) == pixels
    assert max(held) <= max(most, pixels)
    (tmp_path / "one").write_bytes(contents[0])
    for decode in (lambda: fit(contents[0], 16), lambda: look(tmp_path / "one")):
        held.clear()
        decode()
        assert held[0] > 0, "making it smaller and looking at it take room as well"


def test_name_or_content_makes_a_candidate(tmp_path, picture):
    (tmp_path / "by_content").write_bytes(picture(1))
    (tmp_path / "by_name.JPG").write_text("a text")
    (tmp_path / "notes.txt").write_text("a text")
    (tmp_path / "folder").mkdir()
    assert [path.name for path in sorted(tmp_path.iterdir()) if looks_like_a_photo(path)] == [
        "by_content",
        "by_name.JPG",
    ]


def test_sniffing_takes_any_bytes():
    assert [sniff(head) for head in (b"", b"B", b"BM", b"RIFF", b"\0\0\0\0ftyp")] == [None] * 5


def test_a_gif_without_the_end_of_its_first_frame_is_truncated(picture):
    whole = picture(3, "GIF")
    assert measure(io.BytesIO(whole[:-1])).reason is None  # every decoder does without the last byte
    for cut in (2, 3, 40):
        assert measure(io.BytesIO(whole[:-cut])).reason == "unreadable: truncated file"
