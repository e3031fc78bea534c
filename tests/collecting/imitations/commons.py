"""Wikimedia Commons on this machine: refuses who does not say who runs it, shuffles pages, continues in odd places."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from collecting.imitations.host import Asking

WIDTHS = ("20", "40", "60", "120", "250", "330", "500", "960", "1280", "1920", "3840")


class Commons:
    """A catalogue of files by keyword.

    Attributes:
        files: Keyword -> pages, by rank. faults: Answered instead, one each.
        apart: Whether the infos of the second half of each page come in a further answer (``iicontinue``).
    """

    def __init__(self) -> None:
        self.files: dict[str, list[dict[str, Any]]] = {}
        self.faults: list[Callable[[Asking], None]] = []
        self.apart = False
        self.asked: list[dict[str, str]] = []

    def add(self, keyword: str, count: int, *, start: int = 0, **fields: Any) -> None:
        for number in range(start, start + count):
            self.files.setdefault(keyword, []).append(file(keyword, number) | fields)

    def __call__(self, asking: Asking) -> None:
        agent = asking.headers.get("User-Agent", "")
        if "@" not in agent and "http" not in agent:
            text = b"Please set a user-agent and respect our robot policy https://w.wiki/4wJS. See also T400119"
            return asking.answer(403, text, Content_Type="text/plain")
        if self.faults:
            return self.faults.pop(0)(asking)
        fields = asking.fields
        self.asked.append(fields)
        assert fields["iiurlwidth"] in WIDTHS, "refused as a thumbnail"
        assert fields["gsrnamespace"] == "6"
        keyword = fields["gsrsearch"].removesuffix(" filetype:bitmap")
        limit, offset = int(fields["gsrlimit"]), int(fields.get("gsroffset", 0))
        found = self.files.get(keyword, [])
        if not found:
            return say(asking, {"batchcomplete": True})
        pages = [dict(page, index=offset + at + 1) for at, page in enumerate(found[offset : offset + limit])]
        answer: dict[str, Any] = {"batchcomplete": True, "query": {"pages": list(reversed(pages))}}
        if self.apart:
            half = len(pages) // 2
            second = "iicontinue" in fields
            for at, page in enumerate(pages):
                if (at >= half) != second:
                    page.pop("imageinfo")
            if not second:
                del answer["batchcomplete"]
                onward = {"gsroffset": offset} if offset else {}
                return say(asking, answer | {"continue": {"iicontinue": "x|1", "continue": "||", **onward}})
        if offset + limit < len(found):
            answer["continue"] = {"gsroffset": offset + limit, "continue": "gsroffset||"}
        return say(asking, answer)


def file(keyword: str, number: int) -> dict[str, Any]:
    name = f"{keyword.replace(' ', '_')}_{number}.jpg"
    utm = "?utm_source=commons.wikimedia.org&utm_campaign=imageinfo&utm_content="
    return {
        "pageid": sum(keyword.encode()) * 10_000 + number + 1,
        "ns": 6,
        "title": f"File:{keyword} {number}.jpg",
        "imageinfo": [
            {
                "size": 3_008_000,
                "width": 6016,
                "height": 4000,
                "thumburl": f"https://thumb.wikimedia.org/wikipedia/commons/thumb/a/ab/{name}/500px-{name}{utm}thumbnail",
                "url": f"https://upload.wikimedia.org/wikipedia/commons/a/ab/{name}{utm}original",
                "descriptionurl": f"https://commons.wikimedia.org/wiki/File:{name}",
                "mime": "image/jpeg",
                "timestamp": f"2024-01-02T03:04:{number % 60:02}Z",
                "extmetadata": {
                    "LicenseShortName": {"value": "CC BY-SA 4.0"},
                    "LicenseUrl": {"value": "https://creativecommons.org/licenses/by-sa/4.0"},
                    "Artist": {"value": '<a href="//commons.wikimedia.org/wiki/User:Jane">Jane &amp; Joe</a>'},
                },
            }
        ],
    }


def say(asking: Asking, document: dict[str, Any], status: int = 200, **headers: str) -> None:
    asking.answer(status, json.dumps(document).encode(), Content_Type="application/json", **headers)
