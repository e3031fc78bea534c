"""A host on this machine whose answers are functions, and a clock that a test moves."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


class Clock:
    """Seconds that pass when somebody sleeps or a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []
        self._lock = threading.Lock()

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        wake = self.now + seconds
        with self._lock:
            self.slept.append(seconds)
            self.now = max(self.now, wake)

    def pass_by(self, seconds: float) -> None:
        self.now += seconds


class Time:
    """The time of one request."""

    def __init__(self) -> None:
        self.now = 1000.0

    def pass_by(self, seconds: float) -> None:
        self.now += seconds


class OwnTimes(Clock):
    """A clock on which each request has a time of its own: what one sleeps through, no other one waits for.

    A host that is slow for one photo would otherwise be slow for all that are under way at the same moment.
    """

    def __init__(self) -> None:
        super().__init__()
        self._mine = threading.local()
        self._of: dict[str, Time] = {}

    def __call__(self) -> float:
        return self._time().now

    def sleep(self, seconds: float) -> None:
        self._time().pass_by(seconds)

    def begin(self, name: str) -> None:
        """The thread that calls begins to ask for this; from here on the host may let its time pass."""
        self._mine.time = self._of[name] = Time()

    def of(self, name: str) -> Time:
        return self._of[name]

    def _time(self) -> Time:
        if not hasattr(self._mine, "time"):
            self._mine.time = Time()
        return self._mine.time


class Asking:
    """One request as an answering function sees it."""

    def __init__(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        parts = urlsplit(handler.path)
        self.handler, self.method, self.raw_path, self.path = handler, handler.command, handler.path, parts.path
        self.headers, self.body = handler.headers, body
        self.fields = dict(parse_qsl(parts.query, keep_blank_values=True))
        if body:
            self.fields |= dict(parse_qsl(body.decode(), keep_blank_values=True))

    def answer(self, status: int, content: bytes = b"", **headers: str) -> None:
        """Headers by keyword, ``_`` for ``-`` and ``__`` for ``_``."""
        self.begin(status, **({"Content_Length": str(len(content))} | headers))
        if self.method != "HEAD":
            self.handler.wfile.write(content)

    def begin(self, status: int, **headers: str) -> None:
        self.handler.send_response(status)
        for name, value in headers.items():
            self.handler.send_header(name.replace("__", " ").replace("_", "-").replace(" ", "_"), value)
        self.handler.end_headers()
        self.handler.wfile.flush()

    def write(self, content: bytes) -> None:
        self.handler.wfile.write(content)
        self.handler.wfile.flush()

    def hang_up(self) -> None:
        """Close at once, without goodbye."""
        self.handler.close_connection = True


class Host:
    """``host.answers[path]`` or ``host.otherwise`` answers; ``host.asked`` remembers."""

    def __init__(self, otherwise: Callable[[Asking], Any] | None = None) -> None:
        self.answers: dict[str, Callable[[Asking], Any]] = {}
        self.otherwise = otherwise or (lambda asking: asking.answer(404))
        self.asked: list[Asking] = []
        self.at_once = self.most_at_once = 0
        self.lock = threading.Lock()
        host = self

        class Answer(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                asking = Asking(self, self.rfile.read(length))
                with host.lock:
                    host.asked.append(asking)
                    host.at_once += 1
                    host.most_at_once = max(host.most_at_once, host.at_once)
                try:
                    host.answers.get(asking.path, host.otherwise)(asking)
                except (BrokenPipeError, ConnectionResetError):  # the client had enough, which tests ask for
                    self.close_connection = True
                finally:
                    with host.lock:
                        host.at_once -= 1

            do_POST = do_HEAD = do_GET  # noqa: N815

            def log_message(self, *words: object) -> None:
                """Say nothing."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, request: Any, client_address: Any) -> None:
                """A client that hangs up is what these tests are about."""

        self.server = Server(("127.0.0.1", 0), Answer)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    @property
    def paths(self) -> list[str]:
        return [asking.path for asking in self.asked]

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
