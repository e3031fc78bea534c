"""Pace: how often and how widely one host is asked. The clock and the sleep are given, so that tests never wait."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

_NOTHING = 1e-6  # seconds; what rounding leaves over is no wait


@dataclass(frozen=True)
class Pace:
    """What a host is asked at most.

    Attributes:
        every: Seconds between the beginnings of two requests.
        connections: Requests at once.
        bytes_per_second: Over all that comes from the host; 0 for no limit.
        rest: Seconds of rest after a request that took more than one second.
        shared: Hosts with one name here share one pace.
    """

    every: float = 0.0
    connections: int = 2
    bytes_per_second: float = 0.0
    rest: float = 0.0
    shared: str | None = None


class Turns:
    """The queue before one host: who may ask, and when."""

    def __init__(self, pace: Pace, clock: Callable[[], float], sleep: Callable[[float], None]) -> None:
        self.pace, self._clock, self._sleep = pace, clock, sleep
        self._gate = threading.BoundedSemaphore(pace.connections)
        self._lock = threading.Lock()
        self._said_at = clock()  # when `_wait` was last set
        self._wait = 0.0
        self.trouble = 0

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for a turn, hold one connection for the block."""
        with self._gate:
            self._await()
            begun = self._clock()
            try:
                yield
            finally:
                if self.pace.rest and self._clock() - begun > 1:
                    self.hold(self.pace.rest)

    def hold(self, seconds: float) -> None:
        """Nobody asks this host for so long."""
        with self._lock:
            self._set(max(seconds, self._remaining()))

    def spent(self, size: int) -> None:
        """So many bytes came from the host."""
        if self.pace.bytes_per_second:
            with self._lock:
                self._set(self._remaining() + size / self.pace.bytes_per_second)

    def _await(self) -> None:
        while True:
            with self._lock:
                wait = self._remaining()
                if wait <= 0:
                    self._set(self.pace.every)
                    return
            self._sleep(wait)

    def _remaining(self) -> float:
        passed = self._clock() - self._said_at
        if passed < 0:  # the clock jumped back: what was to be waited is waited from now, and no longer
            self._said_at, passed = self._clock(), 0.0
        left = self._wait - passed
        return left if left > _NOTHING else 0.0

    def _set(self, seconds: float) -> None:
        self._said_at, self._wait = self._clock(), seconds


class Hosts:
    """The turns of every host, made when it is first asked.

    Args:
        paces: By host name; a name also stands for the names below it (``staticflickr.com`` for
            ``live.staticflickr.com``). ``*`` is everybody else.
    """

    def __init__(self, paces: Mapping[str, Pace], clock: Callable[[], float], sleep: Callable[[float], None]) -> None:
        self._paces, self._clock, self._sleep = dict(paces), clock, sleep
        self._turns: dict[str, Turns] = {}
        self._lock = threading.Lock()

    def __getitem__(self, host: str) -> Turns:
        pace = self.pace(host)
        with self._lock:
            key = pace.shared or host
            if key not in self._turns:
                self._turns[key] = Turns(pace, self._clock, self._sleep)
            return self._turns[key]

    def pace(self, host: str) -> Pace:
        """The pace that holds for a host."""
        parts = host.split(".")
        names = [".".join(parts[start:]) for start in range(len(parts))]
        return next((self._paces[name] for name in (*names, "*") if name in self._paces), Pace())
