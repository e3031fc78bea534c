"""Every way in which the host of a picture fails, by name, and what has to become of the photo.

A fault is a function ``(asking, time)``. ``time`` is the client's, as it passes for this one request alone, so that a
slow host is slow without anybody waiting.
"""

from __future__ import annotations

import collections
import email.utils
import gzip
import struct
import threading
import time as real
import zlib
from collections.abc import Callable
from typing import Any

from collecting.imitations.host import Asking, Time
from collecting.imitations.world import picture

Fault = Callable[[Asking, Time], Any]

UNAVAILABLE = "https://s.yimg.com/pw/images/en-us/photo_unavailable.png"


def status(code: int, content: bytes = b"", **headers: str) -> Fault:
    return lambda asking, time: asking.answer(code, content, **headers)


def name(asking: Asking) -> str:
    return asking.path.rsplit("/", 1)[-1]


def good(asking: Asking, time: Time) -> None:
    asking.answer(200, picture(name(asking)), Content_Type="image/jpeg")


def odd(asking: Asking, time: Time) -> None:
    """A good photo whose name and type say something else."""
    asking.answer(200, picture(name(asking), format="PNG"), Content_Type="text/html")


def busy_until(asking: Asking, time: Time) -> None:
    asking.answer(429, Retry_After=email.utils.formatdate(real.time() + 20, usegmt=True))


def truncated(asking: Asking, time: Time) -> None:
    """Half of it, and nobody says how much it would have been."""
    content = picture("truncated")
    asking.begin(200)
    asking.write(content[: len(content) // 2])
    asking.hang_up()


def dropped(share: float) -> Fault:
    """The right length is said, and the connection ends before it."""

    def answer(asking: Asking, time: Time) -> None:
        content = picture(name(asking))
        asking.begin(200, Content_Length=str(len(content)))
        asking.write(content[: int(share * len(content))])
        asking.hang_up()

    return answer


def cut(asking: Asking, time: Time) -> None:
    """Half of it, and that is the length that is said."""
    content = picture("cut")
    asking.answer(200, content[: len(content) // 2])


def endless(asking: Asking, time: Time) -> None:
    asking.begin(200, Content_Type="image/jpeg")
    for _ in range(1000):  # 1,000 MiB, of which nobody may take so much
        asking.write(bytes(1 << 20))


def first_byte_after(seconds: float) -> Fault:
    def answer(asking: Asking, time: Time) -> None:
        time.pass_by(seconds)
        good(asking, time)

    return answer


def trickle(asking: Asking, time: Time) -> None:
    """A byte every ten seconds: never silent for long, and never done."""
    asking.begin(200, Content_Length="100000")
    for byte in bytes(100_000):
        time.pass_by(10)
        asking.write(bytes([byte]))


def jump(seconds: float) -> Fault:
    """Somebody sets the clock while the photo is on its way."""
    return first_byte_after(seconds)


def bomb() -> bytes:
    """A PNG of a few hundred bytes that declares 50,000 x 50,000 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")


STEADY: dict[str, tuple[Fault, str | None]] = {
    "gone": (status(404), "gone"),
    "gone for ever": (status(410), "gone"),
    "forbidden": (status(403), "forbidden"),
    "server error": (status(500), "server_error"),
    "502 of HTML": (status(502, b"<html>bad gateway</html>", Content_Type="text/html"), "server_error"),
    "HTML named .jpg": (status(200, b"<html>please log in</html>", Content_Type="image/jpeg"), "unreadable"),
    "0 bytes": (status(200), "unreadable"),
    "another type than it says": (odd, None),
    "redirect loop": (lambda asking, time: asking.answer(302, Location=asking.raw_path), "redirects"),
    "redirect to a private address": (status(302, Location="https://10.0.0.7/secret.jpg"), "private_address"),
    "redirect to file:": (status(302, Location="file:///etc/passwd"), "bad_address"),
    "withdrawn": (status(302, Location=UNAVAILABLE), "unavailable"),
    "opted out": (status(200, picture("x"), X_Robots_Tag="noai"), "opted_out"),
    "small": (status(200, picture("x", size=(40, 30))), "too_small"),
    "truncated without a length": (truncated, "unreadable"),
    "truncated with its own length": (cut, "unreadable"),
    "dropped": (dropped(0.5), "broken_off"),
    "PNG bomb": (status(200, bomb()), "unreadable"),
}
"""Those that stay what they are, and take no time."""

HEAVY: dict[str, tuple[Fault, str | None]] = {
    "gzip bomb": (status(200, gzip.compress(bytes(40 << 20)), Content_Encoding="gzip"), "too_big"),
    "endless body": (endless, "too_big"),
}
BUSY: dict[str, tuple[Fault, str | None]] = {
    "429": (status(429), "busy"),
    "429 for seconds": (status(429, Retry_After="20"), "busy"),
    "429 until a date": (busy_until, "busy"),
    "429 for hours": (status(429, Retry_After="7000"), "busy"),
}
SLOW: dict[str, tuple[Fault, str | None]] = {
    "slow first byte": (first_byte_after(61), "too_slow"),
    "slow first byte, in time": (first_byte_after(40), None),
    "slow trickle": (trickle, "too_slow"),
    "clock that jumps ahead": (jump(1e6), "too_slow"),
    "clock that jumps back": (jump(-1e6), None),
}
EVERY = STEADY | HEAVY | BUSY | SLOW


class Once:
    """A fault that is gone when somebody asks again."""

    def __init__(self, fault: Fault) -> None:
        self._fault = fault
        self._asked: collections.Counter[str] = collections.Counter()
        self._lock = threading.Lock()

    def __call__(self, asking: Asking, time: Time) -> None:
        with self._lock:
            self._asked[asking.path] += 1
            first = self._asked[asking.path] == 1
        (self._fault if first else good)(asking, time)


def passing() -> dict[str, tuple[Fault, str | None]]:
    """Those that a second attempt finds gone: a connection dropped at every tenth of a body, and what a host says."""
    faults: dict[str, Fault] = {f"dropped once after {tenth} tenths": dropped(tenth / 10) for tenth in range(10)}
    faults |= {"500 once": status(500), "429 once": status(429), "429 once for seconds": status(429, Retry_After="20")}
    return {kind: (Once(fault), None) for kind, fault in faults.items()}
