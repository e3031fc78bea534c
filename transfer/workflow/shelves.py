"""The shelves, by family."""

from __future__ import annotations

from typing import TYPE_CHECKING

from transfer.errors import CallError

if TYPE_CHECKING:
    from transfer.shelf import Shelf


FAMILIES = {
    "backbones": ("transfer.models.backbones", "backbone"),
    "strategies": ("transfer.training.strategies", "strategy"),
    "tricks": ("transfer.training.tricks", "trick"),
    "sources": ("transfer.collecting.sources", "source"),
    "sections": ("transfer.reporting.sections", "section"),
}


def shelf(family: str) -> Shelf:
    """The shelf of a family: backbones, strategies, tricks, sources or sections."""
    from transfer.shelf import Shelf

    if family not in FAMILIES:
        raise CallError("There is no such family.", received=family, remedy=f"Known: {', '.join(FAMILIES)}.")
    return Shelf(*FAMILIES[family])
