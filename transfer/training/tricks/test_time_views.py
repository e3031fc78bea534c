"""Answer by the mean over the photo and its mirror image, also when served.

Two looks err less than one (Krizhevsky et al. 2012, section 4.1, average ten). It doubles the time of every answer.

When: accuracy matters more than latency, and a mirror image is the same class.
"""

import dataclasses

from transfer.strategy import Strategy


def trick(strategy: Strategy) -> Strategy:
    """The mirror image has half of the say."""
    return dataclasses.replace(strategy, mirrored=True)
