"""The verbs, end to end, from collect and load over train and compare to export and predict.

Each calls the rooms in order and gives back what they made. It takes a workspace (or its path) first, unless it fills
one (collect and load take it as ``into``) or needs none (predict). The command line has a command of the same name for
each but recheck, which is ``collect --recheck``. Rooms are imported inside the verbs, so that asking for help loads
nothing heavy. A file here is the door of a room.
"""

from __future__ import annotations

from transfer.workflow.cleaning import clean
from transfer.workflow.collecting import check, collect, export_data, load, recheck, split
from transfer.workflow.exporting import explain, export, predict
from transfer.workflow.reporting import report, row, runs
from transfer.workflow.shelves import FAMILIES, shelf
from transfer.workflow.training import compare, suggested, train

__all__ = [
    "FAMILIES",
    "check",
    "clean",
    "collect",
    "compare",
    "explain",
    "export",
    "export_data",
    "load",
    "predict",
    "recheck",
    "report",
    "row",
    "runs",
    "shelf",
    "split",
    "suggested",
    "train",
]
