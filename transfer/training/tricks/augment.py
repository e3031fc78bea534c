"""Learn from random views: part of the photo, mirrored, in other light.

The photo's class is the same from nearby, from the other side and in other light; views teach that. Above frozen stages
up to eight views of each photo are kept, at the price of so many more features; where everything is thawed every epoch
draws its own. AlexNet's authors saw their network overfit substantially without views (Krizhevsky et al. 2012, section
4.1).

When: few photos and thawed stages. Objects that a mirror turns into another class (letters, left shoes) do not want it.
"""

from transfer.strategy import Strategy


def trick(strategy: Strategy) -> Strategy:
    """Random views in every phase."""
    return strategy.map_phases(augment="plain")
