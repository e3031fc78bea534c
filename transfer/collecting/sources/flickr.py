"""Photos on Flickr by keyword, through its API; needs a key.

One call brings up to 500 photos with sizes, licence and author, so that no photo costs a call of its own. A query
reaches its first 4,000 photos; what lies beyond is reached by windows of upload dates, each cut in two until it holds
fewer. Paging is not stable there: repeats are dropped by id. API: https://www.flickr.com/services/api/ .
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING, Any

from transfer.collecting.answers import Answers
from transfer.collecting.keys import key
from transfer.collecting.source import Query, Source, Terms
from transfer.collecting.sources._service import number, plain, web_address
from transfer.errors import CallError, DataError
from transfer.licence import Licence
from transfer.photo import Photo
from transfer.web import FetchError, Pace, Web

if TYPE_CHECKING:
    import flickrapi

REST = "https://api.flickr.com/services/rest/"
PAGE, REACH = 500, 4000
BEGINNING = int(datetime(2004, 2, 10, tzinfo=UTC).timestamp())  # of Flickr
LICENCES = {
    "0": Licence("reserved"),
    "1": Licence("by-nc-sa", "2.0"),
    "2": Licence("by-nc", "2.0"),
    "3": Licence("by-nc-nd", "2.0"),
    "4": Licence("by", "2.0"),
    "5": Licence("by-sa", "2.0"),
    "6": Licence("by-nd", "2.0"),
    "7": Licence("no-known"),
    "8": Licence("us-gov"),
    "9": Licence("cc0"),
    "10": Licence("pdm"),
    "11": Licence("by", "4.0"),
    "12": Licence("by-sa", "4.0"),
    "13": Licence("by-nd", "4.0"),
    "14": Licence("by-nc", "4.0"),
    "15": Licence("by-nc-sa", "4.0"),
    "16": Licence("by-nc-nd", "4.0"),
}
"""By id: their names have changed, their ids have not. https://www.flickr.com/services/api/flickr.photos.licenses.getInfo.html"""

_SIZES = "tsnwmzclhk"  # from small to large; squares are cut, originals are huge
_EXTRAS = ",".join(["license", "date_upload", "owner_name", "media", *(f"url_{size}" for size in _SIZES)])
_PASSING = (10, 105, 201)
_QUIET = ("flickrapi", "requests_oauthlib", "oauthlib")


def search(query: Query, limit: int, web: Web, answers: Answers) -> Iterator[Photo]:
    """Photos by relevance; beyond the first 4,000, by windows of upload date."""
    if not any(licence.code in query.licences for licence in LICENCES.values()):
        return  # without a licence in the question Flickr would give all that it has
    service = _Service(query, web, answers, page=min(PAGE, max(100, limit)))
    seen: set[str] = set()
    first = service.page(1)
    yield from _fresh(service.rest(first, {}), seen)
    if parse_page(first, query.side)[1] > REACH:
        begin, end = service.span()
        yield from _fresh(service.windows(begin, end), seen)


def parse_page(document: Mapping[str, Any], side: int) -> tuple[list[Photo], int]:
    """The photos of one answer in their order, and how many the service says there are. Pure.

    Numbers come as text or number, sizes that do not exist are absent. What has no usable address is left out.
    """
    page = document.get("photos")
    page = page if isinstance(page, Mapping) else {}
    entries = page.get("photo")
    photos = [
        _photo(entry, side) for entry in (entries if isinstance(entries, list) else ()) if isinstance(entry, Mapping)
    ]
    return [photo for photo in photos if photo is not None], number(page.get("total"))


def prepare(web: Web) -> None:
    """Say what to do where there is no key."""
    if not (key("FLICKR_API_KEY") and key("FLICKR_API_SECRET")):
        raise CallError(
            "Flickr is asked with a key, and there is none.",
            remedy="Set FLICKR_API_KEY and FLICKR_API_SECRET (https://www.flickr.com/services/apps/create/), "
            "or use --source openverse, which needs none.",
        )


source = Source(
    summary="Photos on Flickr by keyword, through its API; needs a key.",
    key="FLICKR_API_KEY",
    search=search,
    prepare=prepare,
    terms=Terms(
        api="api.flickr.com",
        page=PAGE,
        depth=10**9,
        dated=True,
        # 3,600 calls an hour; the host of the pictures tires after 20 to 30 files without pauses.
        paces={
            "api.flickr.com": Pace(1.0, 1),
            "staticflickr.com": Pace(0.5, 2, shared="Flickr's pictures"),
            "flickr.com": Pace(0.5, 1),  # the pages, when photos are looked for again
        },
    ),
)


def _fresh(photos: Iterator[Photo], seen: set[str]) -> Iterator[Photo]:
    for photo in photos:
        if photo.id not in seen:
            seen.add(photo.id)
            yield photo


def _photo(entry: Mapping[str, Any], side: int) -> Photo | None:
    id, owner = str(entry.get("id", "")), str(entry.get("owner", ""))
    address = _address(entry, side)
    usable = re.fullmatch(r"\d{1,20}", id) and re.fullmatch(r"[\w@.-]{1,60}", owner, re.ASCII) and address
    if not usable or entry.get("media", "photo") != "photo":
        return None
    licence = LICENCES.get(str(entry.get("license", "")))
    uploaded = number(entry.get("dateupload"))
    return Photo(
        id=id,
        file_name="",
        label="",
        source="flickr",
        page_url=f"https://www.flickr.com/photos/{owner}/{id}",
        image_url=address,
        title=plain(entry.get("title")),
        owner=plain(entry.get("ownername")) or owner,
        owner_url=f"https://www.flickr.com/people/{owner}/",
        licence=licence.name if licence else None,
        uploaded=_iso(uploaded) if uploaded > 0 else None,
    )


def _iso(seconds: int) -> str | None:
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (OverflowError, ValueError, OSError):
        return None


def _address(entry: Mapping[str, Any], side: int) -> str | None:
    """The smallest size whose longer side is at least ``side``, else the largest."""
    found = sorted(
        (max(number(entry.get(f"width_{size}")), number(entry.get(f"height_{size}"))), address)
        for size in _SIZES
        if (address := web_address(entry.get(f"url_{size}")))
    )
    return next((address for longest, address in found if longest >= side), found[-1][1] if found else None)


class _Service:
    """The API for one query; every call goes through the polite client, and once."""

    def __init__(self, query: Query, web: Web, answers: Answers, *, page: int) -> None:
        self._query, self._web, self._answers, self._per_page = query, web, answers, page
        self._flickr: flickrapi.FlickrAPI | None = None

    def page(self, page: int, window: Mapping[str, int] | None = None) -> Mapping[str, Any]:
        wanted = sorted(id for id, licence in LICENCES.items() if licence.code in self._query.licences)
        parameters = {
            "text": self._query.text,
            "sort": "relevance",
            "media": "photos",
            "safe_search": 1,
            "content_types": 0,
            "license": ",".join(sorted(wanted, key=int)),
            "extras": _EXTRAS,
            "per_page": self._per_page,
            "page": page,
            **(window or self._bounds()),
        }
        answer = self._answers({"source": "flickr", **parameters}, lambda: self._call(parameters))
        return answer if isinstance(answer, Mapping) else {}

    def rest(self, first: Mapping[str, Any], window: Mapping[str, int]) -> Iterator[Photo]:
        """The photos of a query from its first page on, until a page brings nothing new."""
        pages = min(number((first.get("photos") or {}).get("pages")), REACH // self._per_page)
        seen: set[str] = set()
        for page in range(1, max(1, pages) + 1):
            photos, _ = parse_page(first if page == 1 else self.page(page, window), self._query.side)
            fresh = [photo for photo in photos if photo.id not in seen]
            if not fresh and page > 1:
                return
            seen |= {photo.id for photo in fresh}
            yield from fresh

    def windows(self, begin: int, end: int) -> Iterator[Photo]:
        """All photos uploaded from ``begin`` to ``end``, newest windows first."""
        window = {"min_upload_date": begin, "max_upload_date": end}
        first = self.page(1, window)
        total = parse_page(first, self._query.side)[1]
        if total <= REACH or end <= begin:
            if total:
                yield from self.rest(first, window)
            return
        middle = (begin + end) // 2
        yield from self.windows(middle + 1, end)
        yield from self.windows(begin, middle)

    def span(self) -> tuple[int, int]:
        bounds = self._bounds()
        question = {"source": "flickr", "asked": "when the search began", "text": self._query.text}
        end = bounds.get("max_upload_date") or self._answers(question, lambda: int(self._web.now()))
        return bounds.get("min_upload_date", BEGINNING), int(end)

    def _bounds(self) -> dict[str, int]:
        since, until = self._query.since, self._query.until
        bounds = {}
        if since:
            bounds["min_upload_date"] = int(datetime.combine(since, time(), UTC).timestamp())
        if until:
            bounds["max_upload_date"] = int(datetime.combine(until, time(23, 59, 59), UTC).timestamp())
        return bounds

    def _call(self, parameters: Mapping[str, Any]) -> Any:
        import flickrapi

        for attempt in range(1, self._web.policy.attempts + 1):
            try:
                # A new call each time: the same signature twice may be refused.
                return self._api().photos.search(**parameters)
            except flickrapi.FlickrError as error:
                code = getattr(error, "code", None)
                if code is not None and code not in _PASSING:
                    raise _said(code) from None
            except FetchError as error:
                if not error.passing or (error.wait or 0) > self._web.policy.patience:
                    raise
                if error.wait is not None:
                    continue
            except ValueError:  # 200 with HTML or nothing
                pass
            self._web.cool(REST, attempt)
        raise FetchError("server_error", "Flickr does not answer.", received=REST)

    def _api(self) -> flickrapi.FlickrAPI:
        if self._flickr is None:
            import flickrapi
            import requests

            from transfer.collecting.sources._requests import Through

            for name in _QUIET:  # they log headers, and a header holds the key
                logging.getLogger(name).setLevel(logging.CRITICAL + 1)
            prepare(self._web)
            session = requests.Session()
            session.trust_env = False
            session.mount("https://", Through(self._web))
            self._flickr = flickrapi.FlickrAPI(
                key("FLICKR_API_KEY"), key("FLICKR_API_SECRET"), format="parsed-json", store_token=False, cache=False
            )
            self._flickr.flickr_oauth.session = session
        return self._flickr


def _said(code: int) -> DataError:
    if code in (95, 96, 97, 98, 99, 100):
        return DataError(
            "Flickr does not accept the key.",
            received=f"error {code}",
            remedy="Look at FLICKR_API_KEY and FLICKR_API_SECRET, or use --source openverse, which needs none.",
        )
    return DataError(
        "Flickr does not take this question.",
        received=f"error {code}",
        remedy="Use a plain word or two as the keyword.",
    )
