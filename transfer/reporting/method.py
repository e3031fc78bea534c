"""Method: how pairs were compared, in the words that several sections share.

It owns which words are due: of one seed nothing is averaged, of one pair nothing is corrected, and p of two single runs
is another test's than the interval is from. What the words stand for is computed in ``pair`` and ``transfer.scores``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from transfer.reporting.pair import Pair


def interval(pairs: Sequence[Pair]) -> str:
    """Where the intervals of these pairs come from."""
    given = [pair for pair in pairs if not pair.a.folds]
    ways = []
    if given:
        seeds = any(pair.difference.seeds > 1 for pair in given)
        grouped = any(pair.difference.groups < pair.difference.photos for pair in given)
        photos = "groups of photos" if grouped else "photos"
        ways.append(f"joint paired bootstrap over seeds and {photos}" if seeds else f"paired bootstrap over {photos}")
    if len(given) < len(pairs):
        ways.append(f"{'in folds ' if given else ''}corrected resampled t of Nadeau and Bengio")
    return "; ".join(ways)


def p_value(pairs: Sequence[Pair]) -> str:
    """What p is, where it is not of the same making as the interval, and for what it was corrected; may be nothing."""
    said = []
    if all(pair.exact for pair in pairs):
        said.append("that of McNemar’s test (mid-p)")
    elif any(pair.exact for pair in pairs):
        said.append("that of McNemar’s test (mid-p) where two single runs are compared")
    if corrected(pairs):
        said.append("corrected by Holm over all pairs of one table")
    return ", ".join(said)


def corrected(pairs: Sequence[Pair]) -> bool:
    """Whether some pair stands on one ground with another, so that there was something to correct for."""
    return max(Counter(pair.a.ground for pair in pairs).values(), default=0) > 1
