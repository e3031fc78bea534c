"""Keep the mean of the best epochs' weights, as far as validation gains by it.

Weights of one training lie in one valley, and their mean often lies lower than each (Wortsman et al., "Model soups",
2022, whose greedy recipe is taken, over the epochs of one run in place of many runs).

When: thawed stages and enough validation photos to tell. Where nothing chooses, below five photos a class and in the
second training of ``--refit``, no epoch is judged and the last one stays.
"""

from transfer.strategy import Strategy


def trick(strategy: Strategy) -> Strategy:
    """A soup of up to five epochs at the end of every phase."""
    return strategy.map_phases(soup=5)
