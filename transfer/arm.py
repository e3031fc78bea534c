"""Arm: one competitor of a comparison, backbone x weights x strategy x tricks, and its text form.

    BACKBONE[@WEIGHTS][:STRATEGY][+TRICK...]

    vgg16:fine_tune_top+augment    lenet5:from_scratch    mobilenet_v2@mine.weights.h5:linear_probe

BACKBONE is a name, or ``keras_hub:PRESET``: after ``keras_hub:`` the next name always belongs to the backbone.

    keras_hub:resnet_50_imagenet:linear_probe

An arm holds names only; whether a shelf knows them is decided where the shelves are.
"""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass

from transfer.errors import CallError

_FORM = re.compile(
    r"(?P<backbone>(keras_hub:)?\w+)(@(?P<weights>.+?))?(:(?P<strategy>\w+))?(?P<tricks>(\+\w+)*)", re.ASCII
)


@dataclass(frozen=True, order=True)
class Arm:
    """One competitor.

    Attributes:
        backbone: A name on the backbones' shelf, or ``keras_hub:PRESET``.
        strategy: A name on the strategies' shelf.
        weights: A published name such as ``imagenet``, ``none`` or a file; None takes the usual ones.
        tricks: Names on the tricks' shelf, applied from left to right.
    """

    backbone: str
    strategy: str = "linear_probe"
    weights: str | None = None
    tricks: tuple[str, ...] = ()

    def with_trick(self, trick: str) -> Arm:
        """The same arm with one trick more."""
        return dataclasses.replace(self, tricks=(*self.tricks, trick))

    def __str__(self) -> str:
        weights = "" if self.weights is None else f"@{self.weights}"
        return f"{self.backbone}{weights}:{self.strategy}{''.join(f'+{trick}' for trick in self.tricks)}"

    @classmethod
    def parse(cls, text: str | Arm) -> Arm:
        """Read the text form.

        >>> Arm.parse("resnet50@none:from_scratch+augment+mixup").tricks
        ('augment', 'mixup')

        Raises:
            CallError: The text has another form.
        """
        if isinstance(text, Arm):
            return text
        match = _FORM.fullmatch(text.strip())
        if match is None:
            raise CallError(
                "An arm is written BACKBONE[@WEIGHTS][:STRATEGY][+TRICK...].",
                received=repr(text),
                remedy="For example vgg16:frozen_head or lenet5:from_scratch.",
            )
        tricks = tuple(match["tricks"].split("+")[1:])
        return cls(match["backbone"], match["strategy"] or "linear_probe", match["weights"], tricks)
