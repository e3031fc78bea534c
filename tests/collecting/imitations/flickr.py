"""Flickr on this machine: the API, which wants a signed or keyed call, and the host of the pictures.

Strict where the real one is: an unknown method or a wrong key is an error in an answer of status 200; no query reaches
past 4,000 photos, beyond which earlier ones come again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from collecting.imitations.host import Asking

KEY, SECRET = "0123456789abcdef0123456789abcdef", "fedcba9876543210"
REACH = 4000


class Flickr:
    """A catalogue of photos by keyword.

    Attributes:
        photos: Keyword -> entries as `flickr.photos.search` gives them, by relevance.
        faults: Answered instead, one each, before anything else.
    """

    def __init__(self) -> None:
        self.photos: dict[str, list[dict[str, Any]]] = {}
        self.faults: list[Callable[[Asking], None]] = []
        self.calls: list[dict[str, str]] = []
        self.nonces: set[str] = set()
        self.total_as: Callable[[int], object] = int

    def add(self, keyword: str, count: int, *, start: int = 0, licence: str = "4", **fields: Any) -> None:
        for number in range(start, start + count):
            self.photos.setdefault(keyword, []).append(entry(keyword, number, licence=licence) | fields)

    def __call__(self, asking: Asking) -> None:
        if self.faults:
            self.faults.pop(0)(asking)
            return None
        signed = dict(re.findall(r'(oauth_\w+)="([^"]*)"', asking.headers.get("Authorization", "")))
        if (signed.get("oauth_consumer_key") or asking.fields.get("api_key")) != KEY:
            return fail(asking, 100, "Invalid API Key (Key has invalid format)")
        nonce = signed.get("oauth_nonce", "")
        if nonce in self.nonces:
            return fail(asking, 97, "the same signature twice")
        self.nonces.add(nonce)
        self.calls.append(asking.fields)
        if asking.fields.get("method") != "flickr.photos.search":
            return fail(asking, 112, f'Method "{asking.fields.get("method")}" not found')
        if not asking.fields.get("text"):
            return fail(asking, 3, "Parameterless searches have been disabled.")
        return say(asking, self.search(asking.fields))

    def search(self, fields: dict[str, str]) -> dict[str, Any]:
        wanted = fields["license"].split(",") if fields.get("license") else None
        low, high = int(fields.get("min_upload_date", 0)), int(fields.get("max_upload_date", 1 << 40))
        assert fields["sort"] == "relevance", "the default is by date"
        found = [
            photo
            for photo in self.photos.get(fields["text"], [])
            if (wanted is None or photo["license"] in wanted) and low <= int(photo["dateupload"]) <= high
        ]
        size, page = min(500, int(fields.get("per_page", 100))), int(fields.get("page", 1))
        first = (
            ((page - 1) * size) % max(size, min(len(found), REACH)) if (page - 1) * size >= REACH else (page - 1) * size
        )
        photos = found[:REACH][first : first + size]
        return {
            "photos": {
                "page": page,
                "pages": -(-len(found) // size),
                "perpage": size,
                "total": self.total_as(len(found)),
                "photo": photos,
            },
            "stat": "ok",
        }


def entry(keyword: str, number: int, *, licence: str = "4") -> dict[str, Any]:
    id = f"{5_000_000_000 + sum(keyword.encode()) * 100_000 + number}"
    photo: dict[str, Any] = {
        "id": id,
        "owner": f"1000{number % 7}@N00",
        "secret": "abc",
        "server": "65535",
        "farm": 66,
        "title": f"{keyword} {number}",
        "license": licence,
        "dateupload": str(1_500_000_000 + number * 1000),
        "ownername": f"Maker {number % 7}",
        "media": "photo",
    }
    for size, longest in (("sq", 75), ("m", 500), ("z", 640)):
        photo |= {
            f"url_{size}": f"https://live.staticflickr.com/65535/{id}_abc_{size}.jpg",
            f"width_{size}": str(longest),
            f"height_{size}": longest * 2 // 3,
        }
    return photo


def say(asking: Asking, document: dict[str, Any]) -> None:
    asking.answer(200, json.dumps(document).encode(), Content_Type="application/json")


def fail(asking: Asking, code: int, message: str) -> None:
    say(asking, {"stat": "fail", "code": code, "message": message})
