"""Show the head each channel's average and its maximum.

What is everywhere and what is somewhere are different things to know (fastai's heads; Howard and Gugger 2020). Both are
kept for every photo anyway, so it costs nothing but a wider head.

When: objects that fill a small part of the photo.
"""

from transfer.strategy import Strategy


def trick(strategy: Strategy) -> Strategy:
    """Average and maximum side by side."""
    return strategy.with_head(pool="concat")
