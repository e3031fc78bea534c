"""What the sources on the web share: strangers' text made plain, numbers of every kind, answers that are no JSON."""

from __future__ import annotations

import html
import json
import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from transfer.errors import DataError
from transfer.web import Answer, FetchError, Web

LONGEST = 300  # characters of a title or a name
_TAG = re.compile(r"<[^<>]*>")  # no second "<": else a text of nothing but "<" takes time that grows with its square


def plain(text: object, *, markup: bool = False) -> str | None:
    """One line of text, without control characters, half surrogates and (``markup``) tags; None where nothing is left.

    >>> plain("A \\x1b[31m red\\n apple"), plain("<a href='x'>Jane &amp; Joe</a>", markup=True), plain("  ")
    ('A [31m red apple', 'Jane & Joe', None)
    """
    if not isinstance(text, str):
        return None
    if markup:
        text = html.unescape(_TAG.sub(" ", text))
    kept = (
        "" if unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Co") and sign not in "\t\r\n" else sign for sign in text
    )
    return " ".join("".join(kept).split())[:LONGEST] or None


def number(value: object) -> int:
    """An int from what services send for one: 5, "5", "", None.

    >>> number("1270"), number(3), number(""), number(None), number("many")
    (1270, 3, 0, 0, 0)
    """
    try:
        return int(value)  # type: ignore[call-overload]
    except (TypeError, ValueError, OverflowError):
        return 0


def web_address(value: object) -> str | None:
    """An http or https address without blanks and control characters, or None."""
    text = value.strip() if isinstance(value, str) else ""
    return text if re.fullmatch(r"https?://[!-~\u00a1-\ud7ff\uf900-\uffef]{3,2000}", text) else None


def document(answer: Answer) -> dict[str, Any] | None:
    """The JSON object of an answer, None where it holds none: a page of HTML, an empty body."""
    try:
        value = json.loads(answer.content)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def ask(web: Web, url: str, *, headers: Mapping[str, str] | None = None) -> tuple[Answer, dict[str, Any]]:
    """Ask until the answer is a JSON object.

    Raises:
        FetchError: It never was, or nothing came.
        DataError: The service refuses this client.
    """
    for attempt in range(1, web.policy.attempts + 1):
        answer = web.get(url, headers=headers, most=16 << 20)
        found = document(answer)
        if found is not None:
            return answer, found
        if answer.status in (401, 403):
            raise DataError(
                f"The service refuses this client ({answer.status}).",
                received=plain(answer.content.decode("utf-8", "replace"), markup=True),
                remedy="Say who runs this with --contact or TRANSFER_CONTACT, and try again later.",
            )
        web.cool(url, attempt)
    raise FetchError("server_error", "The service does not answer with JSON.", received=url.split("?")[0])
