"""The way of the ``requests`` library through the polite client, for a library that insists on ``requests``."""

from __future__ import annotations

from typing import Any

import requests
from requests.adapters import BaseAdapter

from transfer.web import Web


class Through(BaseAdapter):
    """Sends what ``requests`` prepared with :class:`Web`: its pace, its guard, its deadlines. Never sends it twice."""

    def __init__(self, web: Web) -> None:
        super().__init__()
        self._web = web

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """One exchange.

        Raises:
            FetchError: As of the client.
        """
        kept = {"authorization", "content-type"}
        headers = {_text(name): _text(value) for name, value in request.headers.items() if _text(name).lower() in kept}
        body = request.body.encode() if isinstance(request.body, str) else None
        if isinstance(request.body, bytes):
            body = request.body
        answer = self._web.request(
            request.url or "", method=request.method or "GET", headers=headers, form=body, attempts=1, most=16 << 20
        )
        response = requests.Response()
        response.status_code, response.url, response.request = answer.status, answer.url, request
        response.headers.update(answer.headers)
        response.headers.pop("content-encoding", None)
        response._content = answer.content
        return response

    def close(self) -> None:
        """Nothing is held."""


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value
