"""Robots: what an answer's own headers allow to be done with it."""

from __future__ import annotations

from collections.abc import Iterable

OPT_OUT = frozenset({"noai", "noimageai"})
AGENT = "transfer"
VALUED = frozenset({"max-snippet", "max-image-preview", "max-video-preview", "unavailable_after"})
"""Directives that have a value after a colon."""


def opted_out(lines: Iterable[str]) -> str | None:
    """The directive by which a picture's host keeps it from training, or None.

    Args:
        lines: Every ``X-Robots-Tag`` of the answer. ``bot: noai`` counts for that bot alone.

    >>> opted_out(["noindex, NoAI"]), opted_out(["otherbot: noai"]), opted_out(["transfer: noimageai"])
    ('noai', None, 'noimageai')
    >>> opted_out(["noai, max-image-preview: large"]), opted_out(["max-snippet: -1, noai"])
    ('noai', 'noai')
    """
    for line in lines:
        name, colon, rest = line.partition(":")
        # A colon may end a robot's name, or stand within a directive that has a value.
        named = bool(colon) and "," not in name and name.strip().lower() not in VALUED
        if named and name.strip().lower() != AGENT:
            continue
        said = {word.strip().lower() for word in (rest if named else line).split(",")}
        if said & OPT_OUT:
            return min(said & OPT_OUT)
    return None
