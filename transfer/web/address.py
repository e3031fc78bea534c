"""Address: what may be contacted. Every address is hostile input: a photo's address was written by a stranger.

Only http and https, the usual ports, no user name in it; and, after looking the name up, only addresses of the public
internet. The very address that was checked is the one that is connected to, so that a name which answers differently a
moment later gains nothing.
"""

from __future__ import annotations

import contextlib
import ipaddress
import queue
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urljoin, urlsplit

from transfer.web.fault import FetchError

Resolve = Callable[[str, int], Sequence[str]]
_PORTS = {"http": 80, "https": 443}
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_SAFE = "/%:=&?~+!$,;'@()*[]|-._"


@dataclass(frozen=True)
class Target:
    """A checked address, taken apart."""

    scheme: str
    host: str
    port: int
    path: str


def parse(url: str, *, allow_loopback: bool = False) -> Target:
    """Take an address apart.

    Raises:
        FetchError: ``bad_address``; the sentence says what is wrong with it.
    """

    def bad(why: str) -> FetchError:
        return FetchError("bad_address", f"The address {why}.", received=ascii(url[:200]))

    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise bad("cannot be read") from None
    if parts.scheme not in _PORTS:
        raise bad("is neither http nor https")
    if not parts.hostname:
        raise bad("names no host")
    if "@" in parts.netloc:
        raise bad("holds a user name")
    if port not in (None, 80, 443) and not allow_loopback:
        raise bad("names an unusual port")
    if any(ord(sign) < 33 or ord(sign) == 127 for sign in url):
        raise bad("holds blanks or control characters")
    try:
        host = parts.hostname if ":" in parts.hostname else parts.hostname.encode("idna").decode("ascii")
    except UnicodeError:
        raise bad("names an impossible host") from None
    try:
        path = quote(parts.path or "/", safe=_SAFE) + (f"?{quote(parts.query, safe=_SAFE)}" if parts.query else "")
    except UnicodeError:
        raise bad("holds bytes that are no text") from None
    return Target(parts.scheme, host.lower(), port or _PORTS[parts.scheme], path)


def joined(url: str, location: str) -> str:
    """Where a redirect leads.

    Args:
        url: That was asked. location: The header as ``http.client`` reads it: Latin-1, though many hosts write UTF-8.

    Raises:
        FetchError: ``bad_address``: it leads nowhere.
    """
    with contextlib.suppress(UnicodeError):
        location = location.encode("latin-1").decode("utf-8")
    try:
        return urljoin(url, location)
    except ValueError:
        raise FetchError("bad_address", "The address leads to one that cannot be read.", received=url) from None


def is_public(address: str, *, allow_loopback: bool = False) -> bool:
    """Whether an IP address belongs to the public internet, also where one hides within another.

    >>> is_public("93.184.216.34"), is_public("10.0.0.1"), is_public("::ffff:127.0.0.1"), is_public("64:ff9b::a00:1")
    (True, False, False, False)
    """
    ip = ipaddress.ip_address(address.split("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner), allow_loopback=allow_loopback)
    if ip.is_loopback:
        return allow_loopback
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified or ip.is_link_local)


def checked(addresses: Sequence[str], host: str, *, allow_loopback: bool) -> Sequence[str]:
    """The addresses, if every one of them may be contacted.

    Raises:
        FetchError: ``private_address`` where one may not, ``unreachable`` where there is none.
    """
    if not addresses:
        raise FetchError("unreachable", "The host has no address.", received=host)
    if not all(is_public(address, allow_loopback=allow_loopback) for address in addresses):
        raise FetchError("private_address", "The host is not on the public internet.", received=host)
    return addresses


def resolve(host: str, port: int, *, patience: float = 10.0) -> Sequence[str]:
    """Look a name up. The system's own look-up knows no timeout, so it is left behind when it takes too long."""
    answers: queue.Queue[Sequence[str] | OSError] = queue.Queue()

    def ask() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            answers.put(list(dict.fromkeys(str(entry[4][0]) for entry in found)))
        except (OSError, UnicodeError) as error:
            answers.put(error if isinstance(error, OSError) else OSError(str(error)))

    threading.Thread(target=ask, name="look-up", daemon=True).start()
    try:
        answer = answers.get(timeout=patience)
    except queue.Empty:
        raise FetchError("unreachable", f"Looking up the host took over {patience:g} seconds.", received=host) from None
    if isinstance(answer, OSError):
        raise FetchError("unreachable", f"The host cannot be found ({answer.strerror or answer}).", received=host)
    return answer
