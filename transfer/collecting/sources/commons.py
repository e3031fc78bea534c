"""Photos on Wikimedia Commons by keyword; needs no key, but a contact.

Wikimedia asks every program to say who runs it, and refuses those that do not: `--contact` or TRANSFER_CONTACT. One
question at a time, pictures in the widths that are kept ready. API: https://commons.wikimedia.org/w/api.php .
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

from transfer.collecting.answers import Answers
from transfer.collecting.source import Query, Source, Terms
from transfer.collecting.sources._service import ask, number, plain, web_address
from transfer.errors import CallError, DataError
from transfer.licence import Licence
from transfer.photo import Photo
from transfer.web import FetchError, Pace, Web

API = "https://commons.wikimedia.org/w/api.php"
PAGE, DEPTH = 50, 10_000
WIDTHS = (20, 40, 60, 120, 250, 330, 500, 960, 1280, 1920, 3840)
"""The only widths that are served; others are refused. https://w.wiki/GHai"""

_MIMES = ("image/jpeg", "image/png", "image/gif", "image/webp")
_FIELDS = "LicenseShortName|License|LicenseUrl|UsageTerms|Artist|Credit|Attribution|NonFree|Restrictions|ObjectName"
_PASSING = ("maxlag", "ratelimited", "readonly")


def search(query: Query, limit: int, web: Web, answers: Answers) -> Iterator[Photo]:
    """Photos by the rank of the site's own search."""
    base = {
        "action": "query",
        "format": "json",
        "formatversion": 2,
        "maxlag": 5,
        "generator": "search",
        "gsrsearch": f"{query.text} filetype:bitmap",
        "gsrnamespace": 6,
        "gsrlimit": PAGE,
        "prop": "imageinfo",
        "iiprop": "url|size|mime|timestamp|extmetadata",
        "iiurlwidth": next((width for width in WIDTHS if width >= query.side), WIDTHS[-1]),
        "iiextmetadatafilter": _FIELDS,
        "iiextmetadatalanguage": "en",
    }
    onward: dict[str, Any] = {}
    held: dict[int, dict[str, Any]] = {}
    seen: set[str] = set()
    while True:
        asked = {**base, **onward}
        found = answers({"source": "commons", **asked}, lambda asked=asked: _page(web, asked))  # type: ignore[misc]
        merge(held, found)
        if "batchcomplete" in found or "continue" not in found:
            for photo in parse_page(held.values()):
                if photo.id not in seen:
                    seen.add(photo.id)
                    yield photo
            held = {}
        further = found.get("continue")
        if not isinstance(further, Mapping) or dict(further) == onward:
            return
        onward = dict(further)


def merge(held: dict[int, dict[str, Any]], found: Mapping[str, Any]) -> None:
    """Add the pages of one answer to what is held by page id: properties may come in several answers."""
    pages = (found.get("query") or {}).get("pages") or ()
    for page in pages:
        if isinstance(page, Mapping):
            mine = held.setdefault(number(page.get("pageid")), {})
            mine.update({name: value for name, value in page.items() if name != "imageinfo" or value})


def parse_page(pages: Any) -> list[Photo]:
    """The photos of merged pages, by rank: pages come in no order. Pure."""
    ordered = sorted(pages, key=lambda page: (number(page.get("index")), number(page.get("pageid"))))
    photos = [_photo(page) for page in ordered]
    return [photo for photo in photos if photo is not None]


def prepare(web: Web) -> None:
    """Say what to do where nobody said who runs this."""
    if not web.policy.contact:
        raise CallError(
            "Wikimedia Commons answers only those who say who they are.",
            remedy="Set TRANSFER_CONTACT (or --contact) to your e-mail address or a page of yours.",
        )


source = Source(
    summary="Photos on Wikimedia Commons by keyword; needs no key, but a contact.",
    search=search,
    prepare=prepare,
    terms=Terms(
        api="commons.wikimedia.org",
        page=PAGE,
        depth=DEPTH,
        dated=True,
        paces={
            "commons.wikimedia.org": Pace(0.3, 1, rest=5.0),
            "upload.wikimedia.org": Pace(0.0, 2, 3e6, rest=5.0, shared="Wikimedia's pictures"),
            "thumb.wikimedia.org": Pace(0.0, 2, 3e6, rest=5.0, shared="Wikimedia's pictures"),
        },
    ),
)


def _page(web: Web, asked: Mapping[str, Any]) -> dict[str, Any]:
    url = f"{API}?{urlencode(asked)}"
    for attempt in range(1, web.policy.attempts + 1):
        answer, found = ask(web, url)
        error = found.get("error")
        if not isinstance(error, Mapping):
            return found
        code = str(error.get("code", ""))
        if code not in _PASSING and not code.startswith("internal_api_error"):
            raise DataError("Wikimedia Commons does not take this question.", received=plain(code))
        wait = number(answer.headers.get("retry-after"))
        web.cool(API, attempt, float(wait) if wait else None)
    raise FetchError("busy", "Wikimedia Commons is overloaded.", received=API)


def _photo(page: Mapping[str, Any]) -> Photo | None:
    infos = page.get("imageinfo")
    info = infos[0] if isinstance(infos, list) and infos and isinstance(infos[0], Mapping) else {}
    known = info.get("extmetadata")
    known = known if isinstance(known, Mapping) else {}  # an empty one comes as a list

    def value(name: str) -> str | None:
        entry = known.get(name)
        return plain(str(entry.get("value", "")), markup=True) if isinstance(entry, Mapping) else None

    address = web_address(info.get("thumburl")) or web_address(info.get("url"))
    id = number(page.get("pageid"))
    if id <= 0 or address is None or info.get("mime") not in _MIMES or "NonFree" in known:
        return None
    names = (value("License"), value("LicenseShortName"), value("LicenseUrl"))
    licence = next((licence for name in names if (licence := Licence.parse(name))), None)
    title = value("ObjectName") or plain(str(page.get("title", "")).removeprefix("File:").rsplit(".", 1)[0])
    return Photo(
        id=str(id),
        file_name="",
        label="",
        source="commons",
        page_url=web_address(info.get("descriptionurl")),
        image_url=urlsplit(address)._replace(query="").geturl(),
        title=title,
        owner=value("Attribution") or value("Artist") or value("Credit"),
        licence=licence.name if licence else None,
        uploaded=plain(info.get("timestamp")),
    )
