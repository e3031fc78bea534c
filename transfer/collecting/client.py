"""Client: the polite client with the manners that the services of a collection ask for, and who runs it."""

from __future__ import annotations

from collections.abc import Mapping

from transfer.collecting.keys import key
from transfer.collecting.source import Source
from transfer.errors import CallError
from transfer.web import Pace, Policy, Web

CONTACT = "TRANSFER_CONTACT"
EVERYBODY = Pace(0.0, 2)
"""For hosts that have said nothing: two connections."""


def client(sources: Mapping[str, Source], *, contact: str | None = None) -> Web:
    """A client with the paces of these sources; the slower one holds where two of them name one host."""
    paces: dict[str, Pace] = {"*": EVERYBODY}
    for source in sources.values():
        for host, pace in (source.terms.paces if source.terms else {}).items():
            known = paces.get(host)
            paces[host] = pace if known is None or pace.every > known.every else known
    contact = contact or key(CONTACT)
    if contact is not None and not (contact.isascii() and contact.isprintable()):
        raise CallError(
            "A contact is sent in a header, which takes plain ASCII.",
            received=contact,
            remedy="Give an e-mail address or a page, such as me@example.org.",
        )
    return Web(Policy(contact=contact, paces=paces))
