"""Whole: one large file from a host that is trusted, on the disk whole or not at all.

Published weights come this way: hundreds of megabytes, streamed to the disk, through the proxy that the environment
names. A stranger's address never comes here; it goes through :class:`~transfer.web.client.Web`, which guards it.
"""

from __future__ import annotations

import contextlib
import os
import queue
import threading
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from transfer.web.fault import USER_AGENT, WebError
from transfer.workspace import atomically

if TYPE_CHECKING:
    import httpx2

REDIRECTS = 5


def download(
    url: str,
    path: str | os.PathLike[str],
    *,
    timeout: float = 5.0,
    begin: float = 8.0,
    check: Callable[[Path], None] | None = None,
    on_progress: Callable[[int, int | None, str], None] | None = None,
) -> None:
    """Bring the bytes at ``url`` to ``path``: whole, checked and renamed into place, or not at all.

    A slow host that goes on sending is waited for as long as it takes.

    Args:
        url: ``http`` or ``https``.
        path: Where the file shall lie. Replaced only by a whole one.
        timeout: Seconds for a connection, and the longest silence on an open one.
        begin: Seconds until the first byte of the content, with everything that goes before: looking up the name,
            trying each of its addresses, redirects.
        check: Called with the path of the finished download before it takes its place; raises to refuse it.
        on_progress: Called with the bytes so far, the bytes in all where the host says, and the URL.

    Raises:
        WebError: The host fails; the sentence says how.
        OSError: The disk does.
    """
    with atomically(Path(path)) as temporary:
        parts = _receive(url, timeout=timeout, begin=begin)
        with contextlib.closing(parts), temporary.open("wb") as file:
            for done, total, chunk in parts:
                file.write(chunk)
                if on_progress is not None:
                    on_progress(done, total, url)
        if check is not None:
            check(temporary)


def _receive(url: str, *, timeout: float, begin: float) -> Generator[tuple[int, int | None, bytes], None, None]:
    """Bytes so far, bytes in all (or None) and each chunk.

    The request runs in a thread that may be left behind: looking up a name knows no timeout, and a connection tries
    every address of a host, each with a timeout of its own.
    """
    import httpx2

    # Files are asked for as they are: what a published hash is about are the bytes on the host. The client is made here
    # because reading the certificates takes a while, which is no fault of the host.
    headers = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity"}
    client = httpx2.Client(headers=headers, timeout=timeout, follow_redirects=True, max_redirects=REDIRECTS)
    arrived: queue.Queue[tuple[int, int | None, bytes] | Exception | None] = queue.Queue(maxsize=16)
    given_up = threading.Event()

    def put(message: tuple[int, int | None, bytes] | Exception | None) -> bool:
        while not given_up.is_set():
            try:
                arrived.put(message, timeout=0.5)
            except queue.Full:
                continue
            return True
        return False

    def request() -> None:
        try:
            for part in _stream(client, url):
                if not put(part):
                    return
            put(None)
        except Exception as error:  # raised again by the thread that waits
            put(error)

    threading.Thread(target=request, name="download", daemon=True).start()
    patience = begin
    try:
        while True:
            try:
                message = arrived.get(timeout=patience)
            except queue.Empty:
                raise WebError(f"The host sent nothing for {patience:g} seconds.", received=url) from None
            if message is None:
                return
            if isinstance(message, Exception):
                raise _said(message, url, timeout)
            # The connection has its own timeout, which says better what happened; this one only stands behind it.
            patience = timeout + 1
            yield message
    finally:
        given_up.set()


def _stream(client: httpx2.Client, url: str) -> Iterator[tuple[int, int | None, bytes]]:
    with client, client.stream("GET", url) as response:
        response.raise_for_status()
        length = response.headers.get("Content-Length", "")
        total = int(length) if length.isdecimal() else None
        done = 0
        for chunk in response.iter_raw():  # as it arrives: a host that sends slowly is seen to be alive
            done += len(chunk)
            yield done, total, chunk


def _said(error: Exception, url: str, timeout: float) -> Exception:
    """The failure as a sentence; a fault of ours stays what it is."""
    import httpx2

    if isinstance(error, httpx2.HTTPStatusError):
        what = f"The host answered {error.response.status_code} {error.response.reason_phrase}"
    elif isinstance(error, httpx2.ConnectTimeout):
        what = f"The host could not be reached within {timeout:g} seconds"
    elif isinstance(error, httpx2.TimeoutException):
        what = f"The host sent nothing for {timeout:g} seconds"
    elif isinstance(error, httpx2.ConnectError):
        what = f"The host cannot be reached ({error})"
    elif isinstance(error, httpx2.HTTPError | httpx2.InvalidURL):
        what = f"The download failed ({str(error).rstrip('.') or type(error).__name__})"
    else:
        return error
    failure = WebError(f"{what.strip()}.", received=url)
    failure.__cause__ = error
    return failure
