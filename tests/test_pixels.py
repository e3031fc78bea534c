"""The one decoder against Pillow, format by format; orientation against exif_transpose; the same numbers everywhere."""

from __future__ import annotations

import hashlib
import io
import itertools
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy
import pillow_heif
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from transfer import pixels
from transfer.collecting.checks import measure
from transfer.errors import DataError
from transfer.pixels.pillow import eight_bits, upright

HEIGHT, WIDTH = 9, 11
NOISE = numpy.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 4), dtype=numpy.uint8)
RGBA = Image.fromarray(NOISE)
RGB = Image.fromarray(NOISE[..., :3])
GREY = Image.fromarray(NOISE[..., 0])
GREY_ALPHA = Image.fromarray(NOISE[..., :2])
PALETTE = RGB.quantize(16)
BITS = GREY.convert("1")
DEEP = Image.fromarray(NOISE.view(numpy.uint16)[..., 0].copy())

decode = tf.function(pixels.decode, input_signature=[tf.TensorSpec([], tf.string)])


def saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def opened(content: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(content))
    picture.load()
    return picture


def over(picture: Image.Image, ground: str) -> numpy.ndarray:
    """The rule, by Pillow: grey repeated, palettes expanded, alpha laid over the ground."""
    return numpy.asarray(
        Image.alpha_composite(Image.new("RGBA", picture.size, ground), picture.convert("RGBA")).convert("RGB")
    )


def distance(one: numpy.ndarray, other: numpy.ndarray) -> int:
    assert one.shape == other.shape
    assert one.dtype == other.dtype == numpy.uint8
    return int(abs(one.astype(int) - other.astype(int)).max())


# --- every format and mode ---

READ_IN_THE_GRAPH = {
    "png grey": saved(GREY, "PNG"),
    "png grey and alpha": saved(GREY_ALPHA, "PNG"),
    "png palette": saved(PALETTE, "PNG"),
    "png palette with a transparent colour": saved(PALETTE, "PNG", transparency=3),
    "png palette with half transparent colours": saved(PALETTE, "PNG", transparency=bytes([0, 50, 100, 255])),
    "png grey with a transparent level": saved(GREY, "PNG", transparency=int(NOISE[0, 0, 0])),
    "png rgb with a transparent colour": saved(RGB, "PNG", transparency=tuple(int(v) for v in NOISE[0, 0, :3])),
    "png rgb": saved(RGB, "PNG"),
    "png rgba": saved(RGBA, "PNG"),
    "png bits": saved(BITS, "PNG"),
    "png bits with transparent black": saved(BITS, "PNG", transparency=0),
    "png 16-bit rgba": tf.io.encode_png(numpy.random.default_rng(1).integers(0, 65536, (9, 11, 4), "uint16")).numpy(),
    "bmp 24": saved(RGB, "BMP"),
    "gif": saved(PALETTE, "GIF"),
    "gif grey": saved(GREY, "GIF"),
    "gif that moves": saved(PALETTE, "GIF", save_all=True, append_images=[RGB.rotate(180).quantize(16)]),
    "webp lossless": saved(RGB, "WEBP", lossless=True),
    "webp lossless with alpha": saved(RGBA, "WEBP", lossless=True, exact=True),
    "webp lossy": saved(RGB, "WEBP", quality=80),
    "webp lossy with alpha": saved(RGBA, "WEBP", quality=80),
    "webp grey": saved(GREY, "WEBP", lossless=True),
}
REWRITTEN = {
    "webp that moves": saved(RGB, "WEBP", lossless=True, save_all=True, append_images=[RGB.rotate(180)]),
    "webp that moves, with alpha": saved(
        RGBA, "WEBP", lossless=True, exact=True, save_all=True, append_images=[RGBA.rotate(180)]
    ),
    "bmp palette": saved(PALETTE, "BMP"),
    "bmp grey": saved(GREY, "BMP"),
    "bmp bits": saved(BITS, "BMP"),
}


@pytest.mark.parametrize("name", READ_IN_THE_GRAPH)
def test_a_lossless_format_decodes_to_the_pixels_of_the_stated_rule(name: str) -> None:
    content = READ_IN_THE_GRAPH[name]
    assert pixels.readable(content) is content
    assert distance(decode(content).numpy(), over(opened(content), "white")) == 0


@pytest.mark.parametrize("name", REWRITTEN)
def test_what_tensorflow_misreads_is_rewritten_without_loss_and_refused_in_the_graph(name: str) -> None:
    content = REWRITTEN[name]
    readable = pixels.readable(content)
    assert opened(readable).format == "PNG"
    assert opened(readable).mode == "RGB"
    assert distance(decode(readable).numpy(), over(opened(content), "white")) == 0
    with pytest.raises(tf.errors.InvalidArgumentError, match="made readable first"):
        decode(content)


@pytest.mark.parametrize("picture", [GREY, RGB, RGB.convert("CMYK")], ids=["grey", "rgb", "cmyk"])
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0, "quality": 95}], ids=str)
def test_a_jpeg_decodes_within_one_level_of_pillow(picture: Image.Image, options: dict[str, object]) -> None:
    content = saved(picture, "JPEG", **options)
    assert distance(decode(content).numpy(), numpy.asarray(opened(content).convert("RGB"))) <= 1


def test_alpha_over_white_is_exact_for_every_level_and_every_alpha() -> None:
    every = numpy.stack(numpy.meshgrid(numpy.arange(256), numpy.arange(256)), -1).astype(numpy.uint8)
    picture = Image.fromarray(every)
    assert picture.mode == "LA"
    assert distance(decode(saved(picture, "PNG")).numpy(), over(picture, "white")) == 0


def test_of_sixteen_bits_the_high_byte_is_kept() -> None:
    high = (numpy.asarray(DEEP) >> 8).astype(numpy.uint8)
    assert distance(decode(saved(DEEP, "PNG")).numpy(), numpy.repeat(high[..., None], 3, -1)) == 0


@pytest.mark.parametrize("options", [{}, {"transparency": int(NOISE.view(numpy.uint16)[2, 3, 0])}])
def test_pillow_shows_sixteen_bits_as_the_graph_sees_them(options: dict[str, int]) -> None:
    content = saved(DEEP, "PNG", **options)
    shown = over(eight_bits(opened(content)), "white")
    assert (pixels.from_bytes(content) == shown).all()
    assert len(numpy.unique(shown)) > 20
    assert eight_bits(RGB) is RGB


def test_what_needs_no_graph_loads_no_tensorflow() -> None:
    program = "import sys, transfer.pixels.pillow, transfer.collecting.looks; print('tensorflow' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert told.split() == ["False"]


def test_transparent_parts_of_a_gif_are_black_and_the_fourth_byte_of_a_bmp_is_ignored() -> None:
    content = saved(PALETTE, "GIF", transparency=3)
    assert distance(decode(content).numpy(), over(opened(content), "black")) == 0
    content = saved(RGBA, "BMP")
    assert pixels.readable(content) is content
    assert distance(decode(content).numpy(), NOISE[..., :3]) == 0


def with_masks(bmp: bytes, *masks: int) -> bytes:
    """A 32-bit BMP that states which bits are red, green and blue, between its header and its pixels."""
    assert bmp[28] == 32
    assert bmp[10] == 54
    head = bytearray(bmp[:54])
    head[10], head[30] = 66, 3
    return bytes(head) + struct.pack("<3I", *masks) + bmp[54:]


def test_a_bmp_with_unusual_bit_masks_is_rewritten_instead_of_swapping_its_colours() -> None:
    usual = with_masks(saved(RGBA, "BMP"), 0x00FF0000, 0x0000FF00, 0x000000FF)
    assert pixels.readable(usual) is usual
    assert distance(decode(usual).numpy(), NOISE[..., :3]) == 0
    unusual = with_masks(saved(RGBA, "BMP"), 0xFF000000, 0x00FF0000, 0x0000FF00)
    assert distance(pixels.from_bytes(unusual), NOISE[..., [3, 0, 1]]) == 0
    with pytest.raises(tf.errors.InvalidArgumentError, match="made readable first"):
        decode(unusual)


@pytest.mark.parametrize("picture", [RGB, RGBA, GREY], ids=["rgb", "rgba", "grey"])
def test_heic_is_rewritten_as_pillow_heif_reads_it(picture: Image.Image) -> None:
    buffer = io.BytesIO()
    pillow_heif.from_pillow(picture).save(buffer, quality=-1, chroma=444)
    content = buffer.getvalue()
    expected = over(pillow_heif.open_heif(io.BytesIO(content)).to_pillow(), "white")
    assert distance(pixels.from_bytes(content), expected) == 0
    assert distance(expected, over(picture, "white")) <= 1, "lossless but for the turn to YCbCr and back"


@pytest.mark.parametrize("orientation", range(1, 9))
def test_heic_stands_upright(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    quarters = numpy.kron(numpy.array([[0, 80], [160, 240]], numpy.uint8), numpy.ones((32, 48), numpy.uint8))
    picture = Image.fromarray(numpy.stack([quarters] * 3, -1))
    buffer = io.BytesIO()
    pillow_heif.from_pillow(picture).save(buffer, quality=-1, exif=exif.tobytes())
    picture.getexif()[0x0112] = orientation
    upright = numpy.asarray(ImageOps.exif_transpose(picture))
    assert distance(pixels.from_bytes(buffer.getvalue()), upright) <= 3


# --- orientation ---


def tiff(
    orientation: int, order: str = "<", *, kind: int = 3, count: int = 1, tag: int = 0x0112, before: int = 2
) -> bytes:
    """A TIFF block that holds some other entries and an orientation."""
    mark = b"II*\0" if order == "<" else b"MM\0*"
    other = b"".join(struct.pack(order + "HHIHH", 0x100 + n, 3, 1, 5, 0) for n in range(before))
    entry = struct.pack(order + "HHIHH", tag, kind, count, orientation, 0)
    return mark + struct.pack(order + "IH", 8, before + 1) + other + entry + bytes(4)


def segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def with_exif(jpeg: bytes, block: bytes, *, ahead: bytes = b"") -> bytes:
    return jpeg[:2] + ahead + segment(0xE1, b"Exif\0\0" + block) + jpeg[2:]


PLAIN = saved(RGB, "JPEG")
AHEAD = {
    "first": b"",
    "behind other segments": (
        segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0")
        + segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x/>")
        + segment(0xFE, b"a comment that says Exif\0\0II*\0 and means nothing")
        + segment(0xE2, bytes(60_000))
        + b"\xff\xff"  # filler before the next marker
    ),
}


@pytest.mark.parametrize("ahead", AHEAD)
@pytest.mark.parametrize("order", ["<", ">"], ids=["little endian", "big endian"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_jpeg_is_turned_upright_as_pillow_turns_it(orientation: int, order: str, ahead: str) -> None:
    content = with_exif(PLAIN, tiff(orientation, order), ahead=AHEAD[ahead])
    picture = opened(PLAIN)
    picture.getexif()[0x0112] = orientation
    assert distance(decode(content).numpy(), numpy.asarray(ImageOps.exif_transpose(picture))) <= 1


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("PNG", {}),
        ("WEBP", {"lossless": True}),
        ("WEBP", {"lossless": True, "save_all": True, "append_images": [GREY]}),
    ],
    ids=["png", "webp", "webp that moves"],
)
def test_png_and_webp_are_turned_upright_as_pillow_turns_them(
    kind: str, options: dict[str, object], orientation: int
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = saved(RGB, kind, exif=exif, **options)
    upright = ImageOps.exif_transpose(opened(content)).convert("RGB")
    assert upright.size == ((WIDTH, HEIGHT) if orientation < 5 else (HEIGHT, WIDTH))
    assert distance(pixels.from_bytes(content), numpy.asarray(upright)) == 0


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_png_may_say_behind_its_pixels_which_way_up_it_is(orientation: int) -> None:
    """PNG, third edition, 11.3.4.5: anywhere but between the parts of the pixels."""
    block = tiff(orientation)
    chunk = struct.pack(">I", len(block)) + b"eXIf" + block + struct.pack(">I", zlib.crc32(b"eXIf" + block))
    plain = saved(RGB, "PNG")
    content = plain[:-12] + chunk + plain[-12:]
    standing = upright(opened(content)).convert("RGB")
    assert standing.size == ((WIDTH, HEIGHT) if orientation < 5 else (HEIGHT, WIDTH))
    assert distance(pixels.from_bytes(content), numpy.asarray(standing)) == 0
    measured = measure(io.BytesIO(content))
    assert (measured.width, measured.height) == standing.size


def test_of_a_file_that_is_no_photo_the_reason_is_a_sentence_without_nodes() -> None:
    with pytest.raises(DataError) as caught:
        pixels.from_bytes(b"export A=b\n" * 20)
    assert "(Unknown image file format." in str(caught.value)
    assert "node" not in str(caught.value)


def test_what_xmp_says_turns_a_photo_nowhere() -> None:
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    content = PLAIN[:2] + segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xmp) + PLAIN[2:]
    assert ImageOps.exif_transpose(opened(content)).size == (HEIGHT, WIDTH), "Pillow believes it"
    assert upright(opened(content)).size == (WIDTH, HEIGHT)
    assert pixels.from_bytes(content).shape == (HEIGHT, WIDTH, 3)


@pytest.mark.parametrize(
    "block",
    [
        b"",
        b"II*\0",
        tiff(0),
        tiff(9),
        tiff(0xFFFF),
        tiff(6, kind=4),
        tiff(6, count=2),
        tiff(6, tag=0x0113),
        tiff(6)[:-12],
        b"XX" + tiff(6)[2:],
        b"II*\0\xff\xff\xff\xff",
        b"II*\0\x08\0\0\0\xff\xff",
    ],
    ids=repr,
)
def test_an_orientation_that_is_missing_damaged_or_out_of_range_means_upright(block: bytes) -> None:
    assert distance(decode(with_exif(PLAIN, block)).numpy(), decode(PLAIN).numpy()) == 0


def test_the_word_exif_outside_its_segment_turns_nothing() -> None:
    block = b"Exif\0\0" + tiff(6)
    for content in (PLAIN[:2] + segment(0xFE, block) + PLAIN[2:], PLAIN + block, PLAIN + segment(0xE1, block)):
        assert distance(decode(content).numpy(), decode(PLAIN).numpy()) == 0


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damaged_exif_never_raises_and_never_changes_more_than_the_side_up(data: st.DataObject) -> None:
    block = bytearray(tiff(data.draw(st.integers(0, 12)), data.draw(st.sampled_from("<>"))))
    for _ in range(data.draw(st.integers(0, 6))):
        block[data.draw(st.integers(0, len(block) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(block)))
    jpeg = with_exif(PLAIN, bytes(block[:cut]) + data.draw(st.binary(max_size=20)))
    exif = struct.pack("<4sI", b"EXIF", data.draw(st.integers(0, 2**32 - 1))) + bytes(block[:cut])
    webp = READ_IN_THE_GRAPH["webp lossless"]
    body = b"VP8X" + struct.pack("<IB3x", 10, 8) + bytes([WIDTH - 1, 0, 0, HEIGHT - 1, 0, 0]) + webp[12:]
    for content, plain in (
        (jpeg, PLAIN),
        (b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body + exif, webp),
    ):
        # Sorted, all eight ways up are one: no pixel is lost and none invented.
        turned, stored = decode(content).numpy(), decode(plain).numpy()
        assert sorted(turned.shape) == sorted(stored.shape)
        assert (numpy.sort(turned.reshape(-1, 3), 0) == numpy.sort(stored.reshape(-1, 3), 0)).all()


@pytest.mark.parametrize(("empty", "turned"), [(900, True), (1100, False)])
def test_the_walk_gives_up_after_a_thousand_segments_instead_of_taking_minutes(empty: int, turned: bool) -> None:
    png = READ_IN_THE_GRAPH["png rgb"]
    chunks = [(b"teSt", b"")] * empty + [(b"eXIf", tiff(6))]
    framed = (
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )
    picture = decode(png[:33] + b"".join(framed) + png[33:]).numpy()
    assert distance(picture, numpy.rot90(NOISE[..., :3], -1) if turned else NOISE[..., :3]) == 0


# --- the same numbers on every path ---


BIG = saved(Image.fromarray(numpy.random.default_rng(2).integers(0, 256, (48, 66, 3), dtype=numpy.uint8)), "JPEG")


def test_eager_tf_data_map_fn_and_a_loaded_saved_model_give_the_same_pixels(tmp_path: Path) -> None:
    kinds = (
        "png palette with a transparent colour",
        "png rgba",
        "bmp 24",
        "gif that moves",
        "webp lossless with alpha",
    )
    jpegs = [PLAIN, BIG, *(with_exif(jpeg, tiff(n)) for jpeg in (PLAIN, BIG) for n in (3, 6))]
    contents = [*jpegs, *(READ_IN_THE_GRAPH[kind] for kind in kinds)]
    eager = numpy.stack([pixels.decode_resize(tf.constant(content), 7).numpy() for content in contents])
    assert eager.shape == (len(contents), 7, 7, 3)

    mapped = tf.data.Dataset.from_tensor_slices(contents).map(
        lambda content: pixels.decode_resize(content, 7), num_parallel_calls=2
    )
    assert mapped.element_spec == tf.TensorSpec((7, 7, 3), tf.uint8)

    module = tf.Module()
    module.serve = tf.function(
        lambda batch: tf.map_fn(lambda one: pixels.decode_resize(one, 7), batch, fn_output_signature=tf.uint8),
        input_signature=[tf.TensorSpec([None], tf.string)],
    )
    tf.saved_model.save(module, tmp_path / "saved")
    served = tf.saved_model.load(tmp_path / "saved").serve(tf.constant(contents))

    from_files = numpy.stack([pixels.resize(pixels.from_bytes(content, 7), 7).numpy() for content in contents])
    for other in (numpy.stack(list(mapped.as_numpy_iterator())), served.numpy(), from_files):
        assert distance(eager, other) == 0


# --- a JPEG that is much larger than what is made of it ---


@pytest.mark.parametrize(("size", "ratio"), [(13, 1), (12, 2), (7, 2), (6, 4), (4, 4), (3, 8), (1, 8)])
@pytest.mark.parametrize("orientation", [None, 1, 6])
def test_a_jpeg_is_reduced_as_far_as_both_sides_stay_twice_the_wanted_ones(
    size: int, ratio: int, orientation: int | None
) -> None:
    content = BIG if orientation is None else with_exif(BIG, tiff(orientation))
    stored = tf.io.decode_jpeg(BIG, ratio=ratio, dct_method="INTEGER_ACCURATE").numpy()
    assert stored.shape == (48 // ratio, -(-66 // ratio), 3)
    upright = numpy.rot90(stored, -1) if orientation == 6 else stored
    picture = pixels.decode(content, size).numpy()
    assert distance(picture, upright) == 0
    assert distance(pixels.from_bytes(content, size), upright) == 0
    assert distance(pixels.decode_resize(content, size).numpy(), pixels.resize(picture, size).numpy()) == 0


def test_photos_that_are_too_small_to_be_reduced_and_other_formats_keep_every_bit() -> None:
    for content in (BIG, with_exif(BIG, tiff(6))):
        assert distance(pixels.decode_resize(content, 13).numpy(), pixels.resize(decode(content), 13).numpy()) == 0
        assert distance(pixels.decode_resize(content, 64).numpy(), pixels.resize(decode(content), 64).numpy()) == 0
    for kind in ("png rgb", "bmp 24", "gif", "webp lossy"):
        content = READ_IN_THE_GRAPH[kind]
        assert distance(pixels.decode(content, 1).numpy(), decode(content).numpy()) == 0


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}], ids=str)
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_a_reduced_jpeg_looks_like_the_whole_one(mode: str, options: dict[str, object]) -> None:
    coarse = Image.fromarray(numpy.random.default_rng(3).integers(0, 256, (6, 8, 3), dtype=numpy.uint8))
    content = saved(coarse.resize((320, 240), Image.Resampling.BICUBIC).convert(mode), "JPEG", quality=95, **options)
    whole, reduced = pixels.resize(decode(content), 30).numpy(), pixels.decode_resize(content, 30).numpy()
    assert 0 < distance(whole, reduced) <= 8
    assert abs(whole.astype(int) - reduced.astype(int)).mean() < 1


# --- resize ---


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_a_picture_of_the_right_size_passes_unchanged(side: int, seed: int) -> None:
    picture = numpy.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=numpy.uint8)
    assert distance(pixels.resize(picture, side).numpy(), picture) == 0
    assert distance(pixels.resize(picture.astype("float32"), side).numpy(), picture) == 0
    assert distance(pixels.resize(picture[None], side).numpy(), picture[None]) == 0


@pytest.mark.parametrize("size", [5, 9, 24])
def test_the_whole_picture_is_squeezed_within_one_level_of_pillow(size: int) -> None:
    pillow = numpy.asarray(RGB.resize((size, size), Image.Resampling.BILINEAR))
    ours = pixels.resize(NOISE[..., :3], size).numpy()
    assert distance(ours, pillow) <= 1
    batch = pixels.resize(numpy.stack([NOISE[..., :3]] * 2), size).numpy()
    assert distance(batch, numpy.stack([ours] * 2)) == 0


def test_floats_are_rounded_and_clipped() -> None:
    picture = numpy.full((4, 4, 3), 0.0, "float32")
    picture[..., 0], picture[..., 1], picture[..., 2] = -20.0, 300.0, 99.6
    assert (pixels.resize(picture, 2).numpy() == [0, 255, 100]).all()


# --- what is refused ---


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"a text file named .jpg",
        PLAIN[:3],
        b"BM",
        b"RIFF",
        b"GIF89a",
        b"\0\0\0\x18ftypheic" + bytes(40),
        READ_IN_THE_GRAPH["png rgb"][:40],
        READ_IN_THE_GRAPH["bmp 24"][:60],
        READ_IN_THE_GRAPH["webp lossless"][:30],
        REWRITTEN["bmp palette"][:70],
        REWRITTEN["webp that moves"][:60],
    ],
    ids=lambda content: repr(content[:16]),
)
def test_bytes_that_are_no_photo_are_refused_in_three_beats(content: bytes) -> None:
    with pytest.raises(
        DataError, match=r"^The photo cannot be decoded\. Received: \d+ bytes that begin .*Save it again"
    ):
        pixels.from_bytes(content)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_a_truncated_jpeg_is_refused_and_not_filled_with_grey(share: float) -> None:
    content = saved(Image.effect_noise((64, 64), 80), "JPEG")
    cut = content[: int(len(content) * share)]
    with pytest.raises(tf.errors.InvalidArgumentError):
        decode(cut)
    with pytest.raises(DataError, match="JPEG"):
        pixels.from_bytes(cut)
    for size in (16, 8, 4):
        with pytest.raises(tf.errors.InvalidArgumentError):
            pixels.decode_resize(cut, size)
        with pytest.raises(DataError, match="JPEG"):
            pixels.from_bytes(cut, size)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([*READ_IN_THE_GRAPH.values(), *REWRITTEN.values(), PLAIN]), st.data())
def test_a_damaged_file_gives_pixels_or_a_data_error(content: bytes, data: st.DataObject) -> None:
    damaged = bytearray(content)
    for _ in range(data.draw(st.integers(1, 4))):
        # The header's sizes stay, or a few bytes would ask for gigabytes.
        damaged[data.draw(st.integers(34, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        picture = pixels.from_bytes(bytes(damaged))
    except DataError:
        return
    assert picture.dtype == numpy.uint8
    assert picture.shape[2] == 3


def test_a_photo_is_read_when_its_hash_fits_and_refused_when_it_is_gone_or_changed(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(PLAIN)
    assert pixels.read_photo(path, hashlib.sha256(PLAIN).hexdigest()) == PLAIN
    assert pixels.read_photo(path, None) == PLAIN
    path.write_bytes(PLAIN + b"!")
    with pytest.raises(DataError, match=r"changed since it was loaded.*photo\.jpg.*`transfer load` again"):
        pixels.read_photo(path, hashlib.sha256(PLAIN).hexdigest())
    path.unlink()
    with pytest.raises(DataError, match=r"cannot be read: No such file.*photo\.jpg.*`transfer load` again"):
        pixels.read_photo(path, hashlib.sha256(PLAIN).hexdigest())
    with pytest.raises(DataError, match=r"cannot be read: No such file.*photo\.jpg.*Name the file of a photo"):
        pixels.read_photo(path, None)


def test_a_pipe_is_refused_and_nobody_waits_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(DataError, match=r"This is a folder, no photo.*Name its files: .*/\*"):
        pixels.read_photo(tmp_path, None)
    with pytest.raises(DataError, match=r"cannot be read: it is no regular file.*pipe\.jpg"):
        pixels.read_photo(tmp_path / "pipe.jpg", None)


# --- real photos ---


def _is_grey(path: Path) -> bool:
    with Image.open(path) as picture:
        return picture.mode == "L"


@pytest.mark.shared
def test_real_odd_photos_decode_as_pillow_decodes_them(shared_data: Path) -> None:
    ants = shared_data / "hymenoptera" / "train" / "ants"
    grey = list(itertools.islice(filter(_is_grey, sorted(shared_data.glob("caltech20/*/*.jpg"))), 3))
    assert len(grey) == 3
    for path in (ants / "imageNotFound.gif", ants / "formica.jpeg", *grey):
        picture = pixels.from_bytes(pixels.read_photo(path, None))
        with Image.open(path) as reference:
            assert distance(picture, numpy.asarray(ImageOps.exif_transpose(reference).convert("RGB"))) <= 1, path.name
