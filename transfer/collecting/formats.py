"""Formats: which files are photos.

A photo's content decides its format, never its name; a usual name alone only makes a candidate of a file.
"""

from __future__ import annotations

from pathlib import Path

EXTENSIONS = {"JPEG": "jpg", "PNG": "png", "GIF": "gif", "WEBP": "webp", "BMP": "bmp", "HEIF": "heic"}
"""The formats that are photos here, by Pillow's name, and how a copy of each is called."""

HEAD = 64  # bytes that `sniff` looks at

_SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".gif", ".webp", ".bmp", ".dib", ".heic", ".heif"),
    *(".tif", ".tiff", ".avif", ".jp2", ".jxl", ".psd", ".ico"),  # not supported, and set aside with that reason
)
_MAGIC = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"8BPS", "PSD"),
    (b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (b"\0\0\0\x0cJXL ", "JPEG XL"),
    (b"\xff\x0a", "JPEG XL"),
)
_BMP_HEADERS = (12, 16, 40, 52, 56, 64, 108, 124)
_HEIF_BRANDS = frozenset((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"))


def sniff(head: bytes) -> str | None:
    """The format that the first bytes claim, also of pictures that are not supported; None for anything else."""
    for magic, format in _MAGIC:
        if head.startswith(magic):
            return format
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    # "BM" alone begins many a text; what follows the file header is the length of the next one.
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADERS:
        return "BMP"
    if head[4:8] == b"ftyp":
        box = head[: int.from_bytes(head[:4], "big")]
        brands = {box[start : start + 4] for start in range(16, len(box) - 3, 4)}
        if head[8:12] in (b"avif", b"avis") or (brands & {b"avif", b"avis"} and not brands & {b"heic", b"heix"}):
            return "AVIF"
        return "HEIF" if head[8:12] in _HEIF_BRANDS else None
    return None


def looks_like_a_photo(path: Path) -> bool:
    """Whether a file's name or its first bytes say that it is a picture of any kind."""
    if path.suffix.lower() in _SUFFIXES:
        return True
    if not path.is_file():  # a pipe would wait for ever
        return False
    try:
        with path.open("rb") as file:
            return sniff(file.read(HEAD)) is not None
    except OSError:  # neither its name nor its content says so
        return False
