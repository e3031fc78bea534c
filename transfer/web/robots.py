"""Robots: what an answer's own headers allow to be done with it."""

from __future__ import annotations

from collections.abc import Iterable

OPT_OUT = frozenset({"noai", "noimageai"})
AGENT = "transfer"


def opted_out(lines: Iterable[str]) -> str | None:
    """The directive by which a picture's host keeps it from training, or None.

    Args:
        lines: Every ``X-Robots-Tag`` of the answer. ``bot: noai`` counts for that bot alone.

    >>> opted_out(["noindex, NoAI"]), opted_out(["otherbot: noai"]), opted_out(["transfer: noimageai"])
    ('noai', None, 'noimageai')
    """
    for line in lines:
        left, colon, right = line.partition(":")
        if colon and left.strip().lower() != AGENT:
            continue
        said = {word.strip().lower() for word in (right if colon else left).split(",")}
        if said & OPT_OUT:
            return min(said & OPT_OUT)
    return None
