"""Pace: how often and how widely one host is asked. The clock and the sleep are given, so that tests never wait.

A host that says it is busy is asked half as often from then on, each time that it says so again; many good answers in a
row bring the pace back, a quarter at a time. So a host with a limit that nobody has written down is asked about as
often as it bears. A host that asks to be left alone is, for as long as it said: shortly by waiting, else by asking it
nothing at all. A host that gives no good answer for very many requests in a row is left alone as well.
"""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from transfer.web.fault import FetchError

FIRST, LONGEST = 0.5, 60.0
"""Seconds between two requests to a host that was busy once, and to one that was so again and again."""
CALM = 10
"""Good answers in a row after which a host is asked a little oftener again."""

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
    """The queue before one host: who may ask, and when.

    Args:
        pace: Its usual one. clock: Seconds. sleep: Seconds -> waits.
        patience: A rest that was asked for is waited for if it is no longer than this.

    Attributes:
        every: Seconds between two requests now; never less than the pace says.
        trouble: How often the host was busy since its last good answer.
        failures: How often it failed in another passing way since then.
    """

    def __init__(
        self, pace: Pace, clock: Callable[[], float], sleep: Callable[[float], None], patience: float = math.inf
    ) -> None:
        self.pace, self._clock, self._sleep, self._patience = pace, clock, sleep, patience
        self._gate = threading.BoundedSemaphore(pace.connections)
        self._lock = threading.Lock()
        self._said_at = clock()  # when `_wait` was last set
        self._wait = 0.0
        self._rest_from, self._rest = self._said_at, 0.0
        self.every, self.trouble, self.failures = pace.every, 0, 0
        self._begun = self._slowed = self._good = 0

    @property
    def is_shut(self) -> bool:
        """Whether the host wants to be left alone for longer than anybody waits."""
        return self._resting() > self._patience

    @contextlib.contextmanager
    def turn(self) -> Iterator[int]:
        """Wait for a turn, hold one connection for the block; gives the number of the turn.

        Raises:
            FetchError: ``busy``: the host wants to be left alone for longer than anybody waits.
        """
        self._refuse()
        with self._gate:
            number = self._await()
            begun = self._clock()
            try:
                yield number
            finally:
                if self.pace.rest and self._clock() - begun > 1:
                    self.hold(self.pace.rest)

    def hold(self, seconds: float) -> None:
        """Nobody asks this host for so long."""
        with self._lock:
            self._set(max(seconds, self._remaining()))

    def rest(self, seconds: float) -> None:
        """The host asks to be left alone for so long."""
        with self._lock:
            if seconds > self._rest - (self._clock() - self._rest_from):
                self._rest_from, self._rest = self._clock(), seconds

    def tired(self, number: int) -> None:
        """In this turn the host said that it is busy.

        Of turns that were under way together only the first counts: the others say nothing of the new pace.
        """
        with self._lock:
            self._good = 0
            if number > self._slowed:
                self._slowed = self._begun
                self.trouble += 1
                self.every = max(self.pace.every, min(LONGEST, max(FIRST, 2 * self.every)))

    def failed(self) -> None:
        """The host gave no answer, or one that says that it is broken."""
        with self._lock:
            self.failures += 1

    def fine(self) -> None:
        """The host gave an answer."""
        with self._lock:
            self.trouble, self.failures, self._good = 0, 0, self._good + 1
            if self._good % CALM == 0 and self.every > self.pace.every:
                every = 0.75 * self.every
                self.every = max(self.pace.every, every if every >= FIRST / 2 else 0.0)

    def spent(self, size: int) -> None:
        """So many bytes came from the host."""
        if self.pace.bytes_per_second:
            with self._lock:
                self._set(self._remaining() + size / self.pace.bytes_per_second)

    def _await(self) -> int:
        while True:
            with self._lock:
                self._refuse()
                wait = max(self._remaining(), self._resting())
                if wait <= 0:
                    self._set(self.every)
                    self._begun += 1
                    return self._begun
            self._sleep(wait)

    def _refuse(self) -> None:
        if self.is_shut:
            left = self._resting()
            raise FetchError("busy", f"The host wants {left:.0f} seconds of rest.", wait=left)

    def _resting(self) -> float:
        left = self._rest - max(0.0, self._clock() - self._rest_from)
        return left if left > _NOTHING else 0.0

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
        clock, sleep, patience: As of ``Turns``.
    """

    def __init__(
        self,
        paces: Mapping[str, Pace],
        clock: Callable[[], float],
        sleep: Callable[[float], None],
        patience: float = math.inf,
    ) -> None:
        self._paces, self._clock, self._sleep, self._patience = dict(paces), clock, sleep, patience
        self._turns: dict[str, Turns] = {}
        self._lock = threading.Lock()

    def __getitem__(self, host: str) -> Turns:
        pace = self.pace(host)
        with self._lock:
            key = pace.shared or host
            if key not in self._turns:
                self._turns[key] = Turns(pace, self._clock, self._sleep, self._patience)
            return self._turns[key]

    def pace(self, host: str) -> Pace:
        """The pace that holds for a host."""
        parts = host.split(".")
        names = [".".join(parts[start:]) for start in range(len(parts))]
        return next((self._paces[name] for name in (*names, "*") if name in self._paces), Pace())
