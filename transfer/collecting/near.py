"""Near: every pair of 64-bit hashes that differ in few bits, exactly, in almost linear time. Pure.

Two hashes that differ in at most 7 bits differ in at most one bit of at least one of their four parts of 16 bits. So
each part is sorted once, and a hash is compared only with those whose part is equal or one bit away: about a thousand
of a million. Equal hashes are found by sorting and enter the search once.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy

PARTS, BITS = 4, 16
CHUNK = 1 << 21  # pairs compared at a time: a few dozen megabytes


def near_pairs(hashes: numpy.ndarray, most: int) -> numpy.ndarray:
    """Pairs that differ in at most ``most`` bits.

    Args:
        hashes: uint64 ``(n,)``. most: 0 to 11.

    Returns:
        int64 ``(m, 3)``: two positions, the first the smaller one, and the number of bits. Of equal hashes each one is
        paired with the first of them only; every other pair of values is given between their first positions. So the
        pairs connect all that is near, without being quadratic where a thousand photos are the same.
    """
    hashes = numpy.asarray(hashes, dtype=numpy.uint64)
    values, first, inverse = numpy.unique(hashes, return_index=True, return_inverse=True)
    again = numpy.flatnonzero(first[inverse] != numpy.arange(len(hashes)))
    equal = numpy.stack([first[inverse[again]], again, numpy.zeros_like(again)], axis=1)
    parts = [equal.reshape(-1, 3)]
    if most > 0 and len(values) > 1:
        found = numpy.concatenate([*_unequal(values, most), numpy.empty((0, 2), numpy.int64)])
        found = numpy.unique(found, axis=0)
        bits = numpy.bitwise_count(values[found[:, 0]] ^ values[found[:, 1]]).astype(numpy.int64)
        ends = numpy.sort(first[found], axis=1)
        parts.append(numpy.column_stack([ends, bits]))
    pairs = numpy.concatenate(parts)
    return pairs[numpy.lexsort((pairs[:, 1], pairs[:, 0]))]


def _unequal(values: numpy.ndarray, most: int) -> Iterator[numpy.ndarray]:
    """Positions of different values at most ``most`` bits apart; a pair may come up to four times."""
    masks = [
        sum(1 << bit for bit in bits) for reach in range(most // PARTS + 1) for bits in combinations(range(BITS), reach)
    ]
    for part in range(PARTS):
        keys = ((values >> numpy.uint64(part * BITS)) & numpy.uint64((1 << BITS) - 1)).astype(numpy.int64)
        order = numpy.argsort(keys, kind="stable")
        keys = keys[order]
        starts = numpy.searchsorted(keys, numpy.arange((1 << BITS) + 1))
        for mask in masks:
            if mask == 0:
                begin, end = numpy.arange(1, len(keys) + 1), starts[keys + 1]
            else:
                other = keys ^ mask
                begin, end = starts[other], numpy.where(keys < other, starts[other + 1], starts[other])
            yield from _compared(values, order, begin, end, most)


def _compared(
    values: numpy.ndarray, order: numpy.ndarray, begin: numpy.ndarray, end: numpy.ndarray, most: int
) -> Iterator[numpy.ndarray]:
    """Compare each hash, in sorted order, with those from ``begin`` to ``end``."""
    counts = end - begin
    totals = numpy.cumsum(counts)
    start = 0
    while start < len(counts):
        before = totals[start - 1] if start else 0
        stop = max(start + 1, int(numpy.searchsorted(totals, before + CHUNK, side="right")))
        here = counts[start:stop]
        left = numpy.repeat(numpy.arange(start, stop), here)
        step = numpy.arange(len(left)) - numpy.repeat(numpy.cumsum(here) - here, here)
        one, two = order[left], order[begin[left] + step]
        close = numpy.bitwise_count(values[one] ^ values[two]) <= most
        if close.any():
            yield numpy.sort(numpy.stack([one[close], two[close]], axis=1), axis=1)
        start = stop
