"""Openverse on this machine: refuses pages that are too large or too deep, counts down its allowance, gives tokens."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from collecting.imitations.host import Asking

CLIENT, SECRET = "client-name", "client-word-of-secrecy"
DEPTH = 240
KNOWN = {"by", "by-sa", "by-nc", "by-nd", "by-nc-sa", "by-nc-nd", "cc0", "pdm", "sampling+", "nc-sampling+"}


class Openverse:
    """A catalogue of photos by keyword.

    Attributes:
        photos: Keyword -> results. faults: Answered instead, one each. tokens: That are good now.
        burst: What is left of this minute. today: What is left of this day. lives: Pages that a token is good for.
    """

    def __init__(self) -> None:
        self.photos: dict[str, list[dict[str, Any]]] = {}
        self.faults: list[Callable[[Asking], None]] = []
        self.tokens: set[str] = set()
        self.given = 0
        self.burst = 1000
        self.lives = 1 << 30
        self.today = 1 << 30
        self.pages: list[dict[str, str]] = []

    def add(self, keyword: str, count: int, *, start: int = 0, **fields: Any) -> None:
        for number in range(start, start + count):
            self.photos.setdefault(keyword, []).append(result(keyword, number) | fields)

    def __call__(self, asking: Asking) -> None:
        if self.faults:
            return self.faults.pop(0)(asking)
        if asking.path.endswith("/auth_tokens/token/"):
            return self.token(asking)
        assert asking.path.endswith("/v1/images/"), asking.path
        assert "mature" not in asking.fields, "any value of it, false too, asks for sensitive pictures"
        self.pages.append(asking.fields)
        self.burst -= 1
        self.today -= 1
        if self.today < 0:
            return self.say(asking, 429, {"detail": "Request was throttled."}, Retry_After="40000")
        if self.burst < 0:
            return self.say(asking, 429, {"detail": "Request was throttled."}, Retry_After="38")
        trusted = asking.headers.get("Authorization", "").removeprefix("Bearer ") in self.tokens
        if trusted:
            self._left -= 1
            if self._left < 0:
                self.tokens.clear()
                trusted = False
        size, page = int(asking.fields.get("page_size", 20)), int(asking.fields.get("page", 1))
        if size > (50 if trusted else 20):
            return self.say(asking, 401, {"detail": "page_size may not exceed 20 for anonymous requests"})
        if size * page > DEPTH:
            return self.say(asking, 401, {"detail": "pagination depth may not exceed 240 for anonymous requests"})
        licences = asking.fields["license"].split(",")
        if not KNOWN.issuperset(licences):
            return self.say(asking, 400, {"detail": {"license": ["License does not exist."]}})
        found = [photo for photo in self.photos.get(asking.fields["q"], []) if photo["license"] in licences][:DEPTH]
        page_count = min(-(-len(found) // size), DEPTH // size)
        results = found[(page - 1) * size : page * size]
        count = {"result_count": len(found), "page_count": page_count, "page_size": size, "page": page}
        return self.say(asking, 200, count | {"results": results})

    def token(self, asking: Asking) -> None:
        assert asking.headers["Content-Type"] == "application/x-www-form-urlencoded"
        if (asking.fields.get("client_id"), asking.fields.get("client_secret")) != (CLIENT, SECRET):
            return self.say(asking, 401, {"error": "invalid_client"})
        self.given += 1
        self._left = self.lives
        self.tokens = {f"token-of-secrecy-{self.given}"}
        token = f"token-of-secrecy-{self.given}"
        return self.say(asking, 200, {"access_token": token, "expires_in": 36000, "token_type": "Bearer"})

    def say(self, asking: Asking, status: int, document: object, **headers: str) -> None:
        left = {"burst": self.burst, "sustained": self.today}
        headers |= {f"X_RateLimit_Available_anon__{name}": str(max(0, count)) for name, count in left.items()}
        headers |= {"Content_Type": "application/json"}
        asking.answer(status, json.dumps(document).encode(), **headers)


def result(keyword: str, number: int) -> dict[str, Any]:
    id = f"{sum(keyword.encode()):08x}-1111-4222-8333-{number:012x}"
    return {
        "id": id,
        "title": f"{keyword} {number}",
        "foreign_landing_url": f"https://museum.example/{id}",
        "url": f"https://museum.example/pictures/{id}.jpg",
        "creator": f"Maker {number % 5}",
        "creator_url": None,
        "license": "by-sa",
        "license_version": "4.0",
        "license_url": "https://creativecommons.org/licenses/by-sa/4.0/",
        "source": "museum",
        "height": None,
        "width": None,
        "mature": False,
    }
