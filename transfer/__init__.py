"""From a keyword or a folder of images to a classifier that can be trusted and served.

    import transfer

    transfer.load("photos", into="WS")
    comparison = transfer.compare("WS", ["mobilenet_v2:linear_probe", "mobilenet_v2:fine_tune_top"], seeds=5)
    comparison.to_frame()
    transfer.export("WS", into="model")

The verbs are those of the command line. Everything is loaded when it is first used.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from transfer import lazily

if TYPE_CHECKING:
    from transfer.arm import Arm as Arm
    from transfer.comparison import Comparison as Comparison
    from transfer.errors import TransferError as TransferError
    from transfer.grid import Grid as Grid
    from transfer.manifest import Manifest as Manifest
    from transfer.photo import Photo as Photo
    from transfer.run import Run as Run
    from transfer.strategy import Head as Head
    from transfer.strategy import Phase as Phase
    from transfer.strategy import Solver as Solver
    from transfer.strategy import Strategy as Strategy
    from transfer.workflow import check as check
    from transfer.workflow import clean as clean
    from transfer.workflow import collect as collect
    from transfer.workflow import compare as compare
    from transfer.workflow import explain as explain
    from transfer.workflow import export as export
    from transfer.workflow import export_data as export_data
    from transfer.workflow import load as load
    from transfer.workflow import predict as predict
    from transfer.workflow import recheck as recheck
    from transfer.workflow import report as report
    from transfer.workflow import runs as runs
    from transfer.workflow import split as split
    from transfer.workflow import train as train
    from transfer.workspace import Workspace as Workspace

__version__ = "0.1.0"

# TensorFlow reads it when it is first imported. As it comes, a process takes a GPU's whole memory, and leaves none to
# others, such as the one that proves an export. Who wants otherwise sets the variable.
os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")

_HOMES = {
    "workflow": (
        *("check", "clean", "collect", "compare", "explain", "export", "export_data", "load"),
        *("predict", "recheck", "report", "runs", "split", "train"),
    ),
    "strategy": ("Head", "Phase", "Solver", "Strategy"),
    "arm": ("Arm",),
    "comparison": ("Comparison",),
    "errors": ("TransferError",),
    "grid": ("Grid",),
    "manifest": ("Manifest",),
    "photo": ("Photo",),
    "run": ("Run",),
    "workspace": ("Workspace",),
}

__all__ = lazily.names(_HOMES)
__getattr__ = lazily.lookup(__name__, _HOMES)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
