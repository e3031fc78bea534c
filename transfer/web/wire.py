"""Wire: one HTTP exchange over one connection, with a deadline that counts at every byte.

The standard library's HTTP parser over a socket of ours. A timeout of a socket counts silence, so that a host which
sends one byte a second is never too slow for it; here each wait for bytes looks at the deadline of the whole exchange.
"""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from transfer.web.address import Target

CHUNK = 1 << 16
SPARE = 1 << 20
"""Bytes of one answer beside its content: status, headers, the sizes of chunks, trailers."""


class TooLateError(OSError):
    """The exchange took too long as a whole."""


class UnreachedError(OSError):
    """No address of the host took the connection."""


class FloodError(OSError):
    """More bytes than allowed."""


@dataclass
class Limits:
    """What one exchange may take: seconds of silence, the moment when it must be over, and bytes of content."""

    silence: float
    until: float
    most: int


class Connection(http.client.HTTPConnection):
    """A connection to addresses that were checked before.

    Args:
        target: Where to; its host names the certificate.
        addresses: IP addresses, tried in turn.
        context: For https.
        clock: Seconds, monotonic.
    """

    def __init__(
        self,
        target: Target,
        addresses: Sequence[str],
        context: Callable[[], ssl.SSLContext],
        clock: Callable[[], float],
    ) -> None:
        super().__init__(target.host, target.port)
        self._target, self._addresses, self._context, self._clock = target, addresses, context, clock
        self.limits = Limits(10.0, clock() + 60.0, 1 << 20)
        self.asked = self._received = 0

    def connect(self) -> None:
        """Connect to the first address that answers."""
        fault: OSError = OSError("no address")
        for address in self._addresses:
            try:
                raw = socket.create_connection((address, self._target.port), timeout=self._patience())
            except TooLateError:
                raise
            except OSError as error:
                fault = error
                continue
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._target.scheme == "https":
                try:
                    raw = self._context().wrap_socket(raw, server_hostname=self._target.host)
                except OSError as error:
                    raw.close()
                    raise UnreachedError(str(error)) from error
            self.sock: Any = _Socket(raw, self._patience, self._count)
            return
        raise UnreachedError(fault.strerror or str(fault)) from fault

    def _patience(self) -> float:
        left = self.limits.until - self._clock()
        if left <= 0:
            raise TooLateError("the whole took too long")
        return min(self.limits.silence, left)

    def _count(self, size: int) -> None:
        """Of the bytes as they come: the parser asks for all there is where a chunk says that it has -1 of them."""
        self._received += size
        if self._received > self.limits.most + SPARE:
            raise FloodError(f"more than {self.limits.most} bytes")

    def exchange(
        self, method: str, headers: dict[str, str], body: bytes | None, limits: Limits, look: Callable[[Any], None]
    ) -> tuple[int, http.client.HTTPMessage, bytes, bool]:
        """Send one request, receive one answer.

        Args:
            method: ``GET``, ``HEAD`` or ``POST``. headers, body: To send. limits: Of this exchange.
            look: Sees the answer's headers before any of its content is read; raises to leave.

        Returns:
            Status, headers, content, and whether the connection may be used again.
        """
        self.limits, self._received = limits, 0
        self.asked += 1
        self.putrequest(method, self._target.path, skip_host=True, skip_accept_encoding=True)
        for name, value in headers.items():
            self.putheader(name, value)
        if body is not None:
            self.putheader("Content-Length", str(len(body)))
        self.endheaders(body)
        response = self.getresponse()
        with response:
            look(response)
            length = response.length  # None where the host does not say
            if length is not None and length > limits.most:
                raise FloodError(f"{length} bytes")
            content = self._content(response, limits.most)
            if length is not None and len(content) < length:
                raise http.client.IncompleteRead(b"", length - len(content))
        again = not response.will_close
        if response.headers.get("Content-Encoding", "").strip().lower() in ("gzip", "x-gzip", "deflate"):
            content = _unpacked(content, limits.most)
        return response.status, response.headers, content, again

    def go_to(self, target: Target) -> None:
        """The next request of a kept connection goes to another path of the same host."""
        self._target = target

    @staticmethod
    def _content(response: http.client.HTTPResponse, most: int) -> bytes:
        parts, size = [], 0
        while chunk := response.read(CHUNK):
            parts.append(chunk)
            size += len(chunk)
            if size > most:
                raise FloodError(f"more than {most} bytes")
        return b"".join(parts)


class _Socket:
    """What ``http.client`` needs of a socket; it is closed when the last who holds it lets go."""

    def __init__(self, raw: socket.socket, patience: Callable[[], float], count: Callable[[int], None]) -> None:
        self.raw, self.patience, self.count = raw, patience, count
        self._held = 1

    def sendall(self, data: Any) -> None:
        self.raw.settimeout(self.patience())
        self.raw.sendall(data)

    def makefile(self, mode: str) -> io.BufferedReader:
        self._held += 1
        return io.BufferedReader(_Reading(self), CHUNK)

    def close(self) -> None:
        self._held -= 1
        if self._held == 0:
            self.raw.close()


class _Reading(io.RawIOBase):
    def __init__(self, socket: _Socket) -> None:
        self._socket = socket

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._socket.raw.settimeout(self._socket.patience())
        count = self._socket.raw.recv_into(buffer)
        self._socket.patience()  # bytes that came too late are too late
        self._socket.count(count)
        return count

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._socket.close()


def _unpacked(content: bytes, most: int) -> bytes:
    """Unpack gzip or zlib, as long as little comes out of it."""
    stream = zlib.decompressobj(47)
    unpacked = stream.decompress(content, most + 1)
    if len(unpacked) > most:
        raise FloodError(f"more than {most} bytes unpacked")
    return unpacked
