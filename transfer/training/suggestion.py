"""The arm for who names none: a rule of one number and the device, tested against docs/results.md and docs/examples.md.

    fewer than FEW training photos a class    linear_probe: nothing was measured to be better, and it takes seconds
    FEW or more, on a CPU                     fine_tune_top: the last stage alone, from kept activations
    FEW or more, on a GPU                     fine_tune_all: there the whole network costs little more

The backbone is MobileNetV2: of those that a CPU trains in minutes it is the best that was measured.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from transfer.photo import Photo

BACKBONE = "mobilenet_v2"

FEW = 50
"""Training photos a class, in the middle of the classes. With 10 fine-tuning was not told from the probe on either of
two data sets, with 26 to 70 not either, with 100 it was 3.9 points better (docs/examples.md)."""


@dataclass(frozen=True)
class Suggestion:
    """An arm, and why this one."""

    arm: str
    reason: str


def suggest(train: Sequence[Photo], *, gpu: bool) -> Suggestion:
    """What the number of photos and the device suggest.

    Args:
        train: The photos to learn from; every class has one. gpu: Whether there is a GPU.
    """
    a_class = median(Counter(photo.label for photo in train).values())
    said = f"{a_class:g} training photo{'' if a_class == 1 else 's'} a class"
    if a_class < FEW:
        return Suggestion(f"{BACKBONE}:linear_probe", f"{said}, fewer than {FEW}, where fine-tuning gains nothing sure")
    strategy, device = ("fine_tune_all", "a GPU") if gpu else ("fine_tune_top", "a CPU")
    return Suggestion(f"{BACKBONE}:{strategy}", f"{said}, {FEW} or more, and {device}")
