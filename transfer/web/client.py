"""Client: one polite way to ask strangers for bytes.

It owns the pace of each host, retries with growing pauses, redirects hop by hop and the guard on every address. Clock,
sleep, chance and the look-up of names are given to it. It keeps no cookies, uses no proxy, and puts no header or body
into an error.
"""

from __future__ import annotations

import functools
import http.client
import random as chance
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.message import Message
from typing import Any

from transfer.web import address
from transfer.web.asked import Asked, wanted_wait
from transfer.web.fault import FetchError
from transfer.web.pace import Hosts, Turns
from transfer.web.policy import Policy
from transfer.web.robots import opted_out
from transfer.web.wire import Connection, FloodError, Limits, TooLateError, UnreachedError

_BUSY = {429, 503}
_AGAIN = {*_BUSY, 408, 425, 500, 502, 504, 507, 509, *range(520, 528), 530}  # from 509 on in no standard, but in use
MOST_BUSY, MOST_FAILED = 12, 60
"""Rounds in which a host is busy, and other passing failures of it, without one good answer; then it is left alone."""
_MOVED = {301, 302, 303, 307, 308}
_IDLE = 64


@dataclass(frozen=True)
class Answer:
    """What a host said. ``url`` is where the answer came from in the end; header names are in lower case."""

    url: str
    status: int
    headers: Mapping[str, str]
    content: bytes


class Web:
    """The polite client; safe to use from many threads.

    Args:
        policy: Its manners.
        clock: Seconds, monotonic. sleep: Seconds -> waits. random: Chance from 0 to 1.
        resolve: Host and port -> IP addresses. now: Seconds since 1970, for dates.
    """

    def __init__(
        self,
        policy: Policy | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] | None = None,
        random: Callable[[], float] = chance.random,
        resolve: address.Resolve = address.resolve,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.policy = policy or Policy()
        self._clock, self._random, self._resolve, self.now = clock, random, resolve, now
        self._stopped = threading.Event()
        self._sleep = sleep or self._wait
        self._hosts = Hosts(self.policy.paces, clock, self._nap, self.policy.patience)
        self._idle: dict[tuple[str, str, int], list[Connection]] = {}
        self._lock = threading.Lock()
        self._context = functools.cache(ssl.create_default_context)

    def get(self, url: str, **how: Any) -> Answer:
        """``request`` with GET."""
        return self.request(url, **how)

    def request(
        self,
        url: str,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        form: Mapping[str, str] | bytes | None = None,
        attempts: int | None = None,
        most: int | None = None,
        photo: bool = False,
        refuse: Callable[[str], str | None] | None = None,
    ) -> Answer:
        """Ask until there is an answer that will not change by asking again.

        Args:
            url: Where. method: ``GET``, ``HEAD`` or ``POST``. headers: Beside those that are always sent.
            form: Fields or their encoded form, sent as POST.
            attempts: Instead of the policy's. most: Bytes, instead of the policy's.
            photo: Obey the host's wish that its pictures teach no machine.
            refuse: Sees every address, also of redirects, and gives a slug to stop there.

        Returns:
            The answer, whatever its status, unless the status asks to come again.

        Raises:
            FetchError: Nothing came; ``reason`` says why.
        """
        most = most or self.policy.most
        asked = Asked.of(method, headers, form, most=most, photo=photo, refuse=refuse, seconds=self.policy.total)
        tries = attempts or self.policy.attempts
        for attempt in range(1, tries + 1):
            try:
                return self._follow(url, asked)
            except FetchError as fault:
                spent = attempt == tries or asked.budget.left <= 0
                if not fault.passing or spent or (fault.wait or 0) > self.policy.patience:
                    raise
                self._nap(self._pause(attempt) if fault.wait is None else 0.0)
        raise AssertionError("unreachable")  # the loop returns or raises

    def cool(self, url: str, attempt: int, wait: float | None = None) -> None:
        """Let the host of this address rest: as long as it asked for, or longer with every attempt."""
        seconds = self._pause(attempt) if wait is None else min(wait, self.policy.patience)
        self._turns(url).hold(seconds)

    def rests(self, url: str) -> bool:
        """Whether the host of this address wants to be left alone for longer than anybody waits."""
        try:
            return self._turns(url).is_shut
        except FetchError:  # there is no such address
            return False

    def close(self) -> None:
        """Wake who waits, and let every connection go."""
        self._stopped.set()
        with self._lock:
            idle, self._idle = self._idle, {}
        for connections in idle.values():
            for connection in connections:
                connection.close()

    def __enter__(self) -> Web:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    # --- one attempt ---

    def _follow(self, url: str, asked: Asked) -> Answer:
        loopback = self.policy.allow_loopback
        secure = False
        for _ in range(self.policy.redirects + 1):
            slug = asked.refuse(url) if asked.refuse else None
            if slug is not None:
                raise FetchError(slug, "The host has put something else in this place.", received=url)
            said = address.parse(url, allow_loopback=loopback)
            if secure and said.scheme != "https":
                raise FetchError("redirects", "A secure address leads to one that is not.", received=url)
            secure = said.scheme == "https"
            answer = self._hop(url, said.host, asked)
            if answer.status not in _MOVED or "location" not in answer.headers:
                return answer
            url = address.joined(url, answer.headers["location"])
            asked = asked.moved(answer.status, same=address.parse(url, allow_loopback=loopback).host == said.host)
        raise FetchError("redirects", f"The address leads on more than {self.policy.redirects} times.", received=url)

    def _hop(self, url: str, host: str, asked: Asked) -> Answer:
        target = address.parse(self._routed(url), allow_loopback=self.policy.allow_loopback)
        turns = self._hosts[host]
        with turns.turn() as number:
            try:
                status, headers, content = self._said(url, target, host, asked)
                turns.spent(len(content))
                if status in _AGAIN:
                    raise self._come_again(url, turns, number, status, headers)
            except FetchError as fault:
                if fault.passing and fault.reason != "busy":
                    turns.failed()
                    if turns.failures >= MOST_FAILED:
                        turns.rest(self._leave)
                raise
            turns.fine()
        return Answer(url, status, {name.lower(): value for name, value in headers.items()}, content)

    def _said(
        self, url: str, target: address.Target, host: str, asked: Asked
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        begun = self._clock()
        try:
            return self._exchange(target, host, asked)
        except FetchError:
            raise
        except (TooLateError, TimeoutError) as error:
            raise FetchError("too_slow", "The host takes too long.", received=url) from error
        except FloodError as error:
            raise FetchError("too_big", f"The answer is too large ({error}).", received=url) from error
        except UnreachedError as error:
            raise FetchError("unreachable", f"The host cannot be reached ({error}).", received=url) from error
        except (http.client.HTTPException, OSError, zlib.error) as error:
            what = f"The exchange broke off ({type(error).__name__})."
            raise FetchError("broken_off", what, received=url) from error
        finally:
            asked.budget.left -= max(0.0, self._clock() - begun)

    def _exchange(self, target: address.Target, host: str, asked: Asked) -> tuple[int, http.client.HTTPMessage, bytes]:
        limits = Limits(self.policy.silence, self._clock() + asked.budget.left, asked.most)
        headers = {
            "Host": host if target.port in (80, 443) or host != target.host else f"{host}:{target.port}",
            "User-Agent": self.policy.user_agent,
            "Accept": "*/*",
            "Accept-Encoding": "identity" if asked.photo else "gzip",
            **asked.headers,
        }

        def look(response: Any) -> None:
            word = opted_out(response.headers.get_all("X-Robots-Tag") or ()) if asked.photo else None
            if word is not None and response.status == 200:
                raise FetchError("opted_out", f"The host does not want it to teach machines ({word}).", received=host)

        while True:
            connection = self._connection(target, fresh=asked.body is not None)
            used = connection.asked > 0
            try:
                status, said, content, again = connection.exchange(asked.method, headers, asked.body, limits, look)
            except (http.client.RemoteDisconnected, ConnectionError):
                connection.close()
                if used:  # the host closed a kept connection while nobody looked; that is no fault
                    continue
                raise
            except BaseException:
                connection.close()
                raise
            if again:
                self._keep(target, connection)
            else:
                connection.close()
            return status, said, content

    def _connection(self, target: address.Target, *, fresh: bool) -> Connection:
        if not fresh:
            with self._lock:
                idle = self._idle.get((target.scheme, target.host, target.port))
                if idle:
                    connection = idle.pop()
                    connection.go_to(target)
                    return connection
        loopback = self.policy.allow_loopback
        addresses = address.checked(self._resolve(target.host, target.port), target.host, allow_loopback=loopback)
        return Connection(target, addresses, self._context, self._clock)

    def _keep(self, target: address.Target, connection: Connection) -> None:
        with self._lock:
            idle = self._idle.setdefault((target.scheme, target.host, target.port), [])
            if len(idle) < _IDLE and not self._stopped.is_set():
                idle.append(connection)
                return
        connection.close()

    # --- waiting ---

    def _come_again(self, url: str, turns: Turns, number: int, status: int, headers: Message) -> FetchError:
        busy = status in _BUSY
        wait = wanted_wait(headers, self.now)
        if busy:
            turns.tired(number)
            wait = self._pause(turns.trouble + 2) if wait is None else wait
            if turns.trouble >= MOST_BUSY:
                wait = max(wait, self._leave)
        if wait is not None:  # the host is tired, not this one file: everybody waits
            turns.rest(wait)
        what = f"The host answered {status}" + ("." if wait is None else f" and wants {wait:.0f} seconds of rest.")
        return FetchError("busy" if busy else "server_error", what, received=url, wait=wait)

    @property
    def _leave(self) -> float:
        """Seconds of rest for a host that is given up: more than anybody waits."""
        return 2 * self.policy.patience

    def _pause(self, attempt: int) -> float:
        longest = min(self.policy.patience, self.policy.backoff * 2.0 ** (min(attempt, 30) - 1))
        return longest * (1 - self._random() / 2)

    def _turns(self, url: str) -> Turns:
        return self._hosts[address.parse(url, allow_loopback=self.policy.allow_loopback).host]

    def _nap(self, seconds: float) -> None:
        if seconds > 0:
            self._sleep(seconds)
        if self._stopped.is_set():
            raise FetchError("busy", "The work was stopped.")

    def _wait(self, seconds: float) -> None:
        self._stopped.wait(seconds)

    def _routed(self, url: str) -> str:
        for beginning, instead in self.policy.routes.items():
            if url.startswith(beginning):
                return instead + url[len(beginning) :]
        return url
