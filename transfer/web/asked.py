"""Asked: what one request says, and how long an answer asks to be left alone."""

from __future__ import annotations

import dataclasses
import email.utils
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.message import Message
from urllib.parse import urlencode

_SECRET = ("authorization", "cookie", "proxy-authorization")


class Budget:
    """Seconds that are left for one request, with its redirects and repetitions; waiting for a turn costs nothing."""

    def __init__(self, seconds: float) -> None:
        self.left = seconds


@dataclass(frozen=True)
class Asked:
    """One request beside its address.

    Attributes:
        method: ``GET``, ``HEAD`` or ``POST``. headers, body: To send.
        most: Bytes of the answer. photo: Whether the answer is a picture that may opt out.
        refuse: Address -> slug or None. budget: Of time.
    """

    method: str
    headers: Mapping[str, str]
    body: bytes | None
    most: int
    photo: bool
    refuse: Callable[[str], str | None] | None
    budget: Budget

    @classmethod
    def of(
        cls,
        method: str,
        headers: Mapping[str, str] | None,
        form: Mapping[str, str] | bytes | None,
        *,
        most: int,
        photo: bool,
        refuse: Callable[[str], str | None] | None,
        seconds: float,
    ) -> Asked:
        """With a form it is a POST."""
        if form is None:
            return cls(method, dict(headers or {}), None, most, photo, refuse, Budget(seconds))
        body = form if isinstance(form, bytes) else urlencode(form).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
        return cls("POST", headers, body, most, photo, refuse, Budget(seconds))

    def moved(self, status: int, *, same: bool) -> Asked:
        """What is asked of the next hop: keys never leave for another host, and only 307 and 308 keep a POST."""
        headers = {name: value for name, value in self.headers.items() if same or name.lower() not in _SECRET}
        if self.body is None or (status in (307, 308) and same):
            return dataclasses.replace(self, headers=headers)
        headers.pop("Content-Type", None)
        return dataclasses.replace(self, method="GET", headers=headers, body=None)


def wanted_wait(headers: Mapping[str, str] | Message, now: Callable[[], float]) -> float | None:
    """Seconds from ``Retry-After``, which is a number or a date; None where it says nothing that can be read.

    A date is compared with the host's own ``Date``, so that a wrong clock here does no harm.

    >>> wanted_wait({"Retry-After": "38"}, lambda: 0)
    38.0
    """
    said = (headers.get("Retry-After") or "").strip()
    if said.isdecimal():
        return float(said[:9])
    moment = _moment(said)
    if moment is None:
        return None
    there = _moment(headers.get("Date") or "")
    return max(0.0, moment - (now() if there is None else there))


def _moment(text: str) -> float | None:
    try:
        return email.utils.parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
