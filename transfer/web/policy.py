"""Policy: how patient and how polite a client is, as a plain value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from transfer.web.fault import USER_AGENT
from transfer.web.pace import Pace


@dataclass(frozen=True)
class Policy:
    """How patient and how polite.

    Attributes:
        contact: A URL or an e-mail address of who runs this; sent with every request.
        paces: By host. attempts: Of one request.
        silence, total: Seconds without a byte, and for one photo as a whole, its redirects and repetitions included.
        most: Bytes of one answer. redirects: Hops.
        backoff: Seconds of the first pause; it doubles, and chance takes up to half of it away.
        patience: The longest pause that is waited for; a host that asks for more is given up for now.
        allow_loopback: For tests against this machine.
        routes: Beginnings of addresses and what is asked in their place: a mirror, or an imitation in a test.
    """

    contact: str | None = None
    paces: Mapping[str, Pace] = field(default_factory=dict)
    attempts: int = 5
    silence: float = 15.0
    total: float = 60.0
    most: int = 64 << 20
    redirects: int = 5
    backoff: float = 1.0
    patience: float = 600.0
    allow_loopback: bool = False
    routes: Mapping[str, str] = field(default_factory=dict)

    @property
    def user_agent(self) -> str:
        """As the policies of the big hosts want it: name, version, who runs it."""
        return f"{USER_AGENT} ({self.contact})" if self.contact else USER_AGENT
