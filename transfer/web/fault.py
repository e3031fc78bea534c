"""Faults: how the network fails, as a sentence for a person and a slug for counting."""

from __future__ import annotations

from transfer import __version__
from transfer.errors import TransferError

USER_AGENT = f"transfer/{__version__}"

PASSING = frozenset({"busy", "server_error", "too_slow", "broken_off", "unreachable"})
"""Slugs of failures that may be gone a moment later."""

FINAL = frozenset({"bad_address", "private_address", "redirects", "too_big", "opted_out", "unavailable"})
"""Slugs of failures that stay what they are."""


class WebError(TransferError):
    """A host that cannot be reached, stays silent, breaks off or refuses."""


class FetchError(WebError):
    """One request that brought nothing.

    Args:
        reason: A slug of ``PASSING`` or ``FINAL``.
        what: The sentence.
        received: The address, never a header or a body: those may hold a key.
        wait: Seconds that the host asked us to wait, where it did.
    """

    def __init__(self, reason: str, what: str, *, received: object = None, wait: float | None = None) -> None:
        super().__init__(what, received=received)
        self.reason, self.wait = reason, wait

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (self.reason, self.what, None if self.received is None else str(self.received), self.wait)

    @property
    def passing(self) -> bool:
        """Whether asking again later may help."""
        return self.reason in PASSING


def _rebuild(reason: str, what: str, received: str | None, wait: float | None) -> FetchError:
    return FetchError(reason, what, received=received, wait=wait)
