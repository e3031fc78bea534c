"""Fetch: one photo's address -> its bytes and what is true of them, or one reason from a fixed list. No disk.

What a server calls a file means nothing here: the content decides. Nothing is decoded that declares too many pixels.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
from dataclasses import dataclass
from urllib.parse import urlsplit

from transfer.collecting.checks import fit, opened
from transfer.collecting.formats import HEAD, sniff
from transfer.photo import Photo
from transfer.web import FetchError, Web
from transfer.web.fault import FINAL, PASSING

REASONS = (*sorted(PASSING), *sorted(FINAL), "gone", "forbidden", "refused", "unreadable", "too_small", "duplicate")
"""Why a photo that was found is set aside."""

AGAIN = PASSING | {"forbidden", "refused"}
"""Those that may be had another day, or by who says who is asking."""

_STATUS = {401: "forbidden", 403: "forbidden", 404: "gone", 410: "gone", 451: "forbidden"}
_PLACEHOLDER = "photo_unavailable"  # the last part of the address that Flickr gives in place of a deleted photo


@dataclass(frozen=True)
class Rules:
    """What may be kept: at most so many bytes come in.

    Attributes:
        side: Pixels of the longer side of what is kept. smallest: Of the shorter side of what comes.
        most: Bytes.
    """

    side: int | None = None
    smallest: int = 64
    most: int = 32 << 20


def fetch(photo: Photo, web: Web, rules: Rules) -> tuple[Photo, bytes | None, str | None]:
    """Bring one photo.

    Returns:
        The photo with hash and sizes, or with its reason; the bytes to keep; and their extension.
    """
    if not photo.image_url:
        return dataclasses.replace(photo, excluded="bad_address: there is none"), None, None
    try:
        answer = web.get(photo.image_url, most=rules.most, photo=True, refuse=refuse)
    except FetchError as fault:
        said = "" if fault.reason != "opted_out" else f": {fault.what.split('(')[-1].rstrip('.)')}"
        return dataclasses.replace(photo, excluded=fault.reason + said), None, None
    if answer.status != 200:
        slug = _STATUS.get(answer.status, "refused")
        return dataclasses.replace(photo, excluded=f"{slug}: status {answer.status}"), None, None
    measured, content = fit(answer.content, rules.side)
    if measured.reason is not None:
        return dataclasses.replace(photo, excluded=measured.reason), None, None
    smaller = content is not answer.content
    width, height = _size(answer.content) if smaller else (measured.width, measured.height)
    if min(width, height) < rules.smallest:
        reason = f"too_small: {width} x {height} pixels"
        return dataclasses.replace(photo, width=width, height=height, excluded=reason), None, None
    photo = dataclasses.replace(
        photo,
        sha256=hashlib.sha256(content).hexdigest(),
        width=measured.width,
        height=measured.height,
        changes=f"made smaller, to at most {rules.side} pixels" if smaller else None,
    )
    return photo, content, measured.extension


def refuse(url: str) -> str | None:
    """Flickr leads to a picture that says so where a photo was deleted; it is a good picture of nothing."""
    try:
        name = urlsplit(url).path.rsplit("/", 1)[-1]
    except ValueError:
        return "bad_address"
    return "unavailable" if _PLACEHOLDER in name else None


def _size(content: bytes) -> tuple[int, int]:
    """Of a photo that was decoded before, as its header says it."""
    with opened(io.BytesIO(content), sniff(content[:HEAD]) or "") as image:
        return image.size
