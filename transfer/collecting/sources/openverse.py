"""Openly licensed photos by keyword, from Openverse; needs no key.

Anonymous questions reach 240 photos a keyword, 20 in a minute and 200 in a day; client credentials bring larger pages,
not more depth. API: https://api.openverse.org/v1/ .
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

from transfer.collecting.answers import Answers
from transfer.collecting.keys import key
from transfer.collecting.source import Query, Source, Terms
from transfer.collecting.sources._service import ask, document, number, plain, web_address
from transfer.errors import DataError
from transfer.licence import Licence
from transfer.photo import Photo
from transfer.web import FetchError, Pace, Web

SITE = "https://api.openverse.org/v1"
DEPTH = 240
PAGE, PAGE_WITH_KEY = 20, 48  # at most 50 are given, and whole pages of 48 reach all 240
LICENCES = ("by", "by-sa", "by-nc", "by-nd", "by-nc-sa", "by-nc-nd", "cc0", "pdm")
_MINUTE = 60.0


def search(query: Query, limit: int, web: Web, answers: Answers) -> Iterator[Photo]:
    """Photos in the service's order, at most 240 of them."""
    licences = [code for code in LICENCES if code in query.licences]
    if not licences:
        return
    service = _Service(web)
    seen: set[str] = set()
    page = 1
    while page * service.page_size <= DEPTH:
        size = service.page_size
        # `mature` stays out: whatever its value, the service reads it as yes.
        asked = {"q": query.text[:200], "license": ",".join(licences), "page": page, "page_size": size}
        found = answers({"source": "openverse", **asked}, lambda asked=asked: service.page(asked))  # type: ignore[misc]
        if found is None:  # the token is of no use any more
            page, service.page_size = 1, PAGE
            continue
        photos = parse_page(found)
        for photo in photos:
            if photo.id not in seen:
                seen.add(photo.id)
                yield photo
        # Pages may be short, for dead links are taken out; only the count of pages ends a search.
        if page >= number(found.get("page_count")):
            return
        page += 1


def parse_page(found: Mapping[str, Any]) -> list[Photo]:
    """The photos of one answer, in its order. Pure."""
    results = found.get("results")
    photos = [_photo(entry) for entry in (results if isinstance(results, list) else ()) if isinstance(entry, Mapping)]
    return [photo for photo in photos if photo is not None]


source = Source(
    summary="Openly licensed photos by keyword, from Openverse; needs no key.",
    search=search,
    terms=Terms(
        api="api.openverse.org",
        page=PAGE,
        depth=DEPTH,
        per_day=200,
        paces={
            "api.openverse.org": Pace(3.0, 1),
            "staticflickr.com": Pace(0.5, 2, shared="Flickr's pictures"),
            "upload.wikimedia.org": Pace(0.0, 2, 3e6, rest=5.0, shared="Wikimedia's pictures"),
        },
    ),
)


def _photo(entry: Mapping[str, Any]) -> Photo | None:
    id, address = str(entry.get("id", "")), web_address(entry.get("url"))
    if not re.fullmatch(r"[0-9a-f-]{36}", id) or address is None:
        return None
    version = entry.get("license_version")
    code = str(entry.get("license", "")).lower()
    licence = Licence.parse(f"{code} {version}" if version and code.startswith("by") else code)
    return Photo(
        id=id,
        file_name="",
        label="",
        source="openverse",
        page_url=web_address(entry.get("foreign_landing_url")),
        image_url=address,
        title=plain(entry.get("title")),
        owner=plain(entry.get("creator")),
        owner_url=web_address(entry.get("creator_url")),
        licence=licence.name if licence else None,
    )


class _Service:
    """The API, with a token where client credentials are given; it lives in memory alone and is renewed."""

    def __init__(self, web: Web) -> None:
        self._web = web
        self._known = bool(key("OPENVERSE_CLIENT_ID") and key("OPENVERSE_CLIENT_SECRET"))
        self.page_size = PAGE_WITH_KEY if self._known else PAGE
        self._spent = False  # whether the questions of this day are used up

    def page(self, asked: Mapping[str, Any]) -> dict[str, Any] | None:
        """One page; None where a page of this size is refused, with a fresh token as well."""
        url = f"{SITE}/images/?{urlencode(asked)}"
        for renew in (False, True):
            token = self._token(renew=renew) if asked["page_size"] > PAGE else None
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            if self._spent:
                raise _no_more_today()
            try:
                answer, found = ask(self._web, url, headers=headers)
            except FetchError as fault:
                raise _no_more_today(fault.wait) if (fault.wait or 0) > self._web.policy.patience else fault from None
            self._heed(answer.headers)
            if answer.status == 200:
                return found
            if answer.status != 401 or asked["page_size"] <= PAGE:
                said = plain(str(found.get("detail", "")))
                raise DataError(f"Openverse does not take this question ({answer.status}).", received=said)
        return None

    def _heed(self, headers: Mapping[str, str]) -> None:
        """Rest, or end, before the service has to say so."""
        for name, value in headers.items():
            if name.startswith("x-ratelimit-available-") and number(value) <= 0:
                if name.endswith("_burst"):
                    self._web.cool(SITE, 1, _MINUTE)
                self._spent |= name.endswith("_sustained")

    def _token(self, *, renew: bool) -> str | None:
        client = key("OPENVERSE_CLIENT_ID") or ""
        with _lock:
            token, until = _tokens.get(client, (None, 0.0))
            if token is None or renew or self._web.now() > until:
                token, seconds = self._new_token(client)
                _tokens[client] = (token, self._web.now() + seconds - _MINUTE)
            return token

    def _new_token(self, client: str) -> tuple[str | None, float]:
        secret = key("OPENVERSE_CLIENT_SECRET") or ""
        form = {"client_id": client, "client_secret": secret, "grant_type": "client_credentials"}
        answer = self._web.request(f"{SITE}/auth_tokens/token/", form=form)
        found = document(answer) or {}
        token = found.get("access_token")
        if answer.status == 401:
            raise DataError(
                "Openverse does not accept the client credentials.",
                remedy="Look at OPENVERSE_CLIENT_ID and OPENVERSE_CLIENT_SECRET, or unset them: none are needed.",
            )
        if answer.status != 200 or not isinstance(token, str):
            raise FetchError("server_error", "Openverse gives no token.", received=f"{SITE}/auth_tokens/token/")
        return token, float(number(found.get("expires_in")))


def _no_more_today(wait: float | None = None) -> FetchError:
    what = "Openverse answers no more questions for today; the same command goes on from here tomorrow."
    return FetchError("busy", what, wait=wait)


_tokens: dict[str, tuple[str | None, float]] = {}
_lock = threading.Lock()
