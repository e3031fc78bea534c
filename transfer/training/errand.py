"""A task away from home: what a machine of a Ray cluster does with it.

A machine that sees home, on shared storage, works in it as a process at home would. One that does not works in its camp
(``camp.py``), and what it made goes home by value: the run, and the activations that others will ask for too. What it
lacks it asks for by path; the next try finds it offered.

Imports neither Keras nor TensorFlow before there is work to do, and Ray only where Ray has called it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import importlib.metadata
import math
import os
import shutil
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from transfer.errors import TrainingError, TransferError
from transfer.run import Run
from transfer.stored import Stored
from transfer.training.camp import Abroad, Camp, Home, Lacking, Offered, carried
from transfer.workspace import Workspace

PACE = 0.5
"""Seconds between two words of progress."""


@dataclass(frozen=True)
class Errand:
    """A task in the form in which it travels.

    Attributes:
        number: By which its progress is told. name: For failures.
        function: ``module:function``. arguments: An object of Ray; a ``Workspace`` among them is put in its place here.
        keys: Folders of kept activations that it may ask for.
        home: Where it comes from. carried: Whether kept activations were offered, if there are any.
        threads: Cores that it may use. version: Of transfer at home.
    """

    number: int
    name: str
    function: str
    arguments: Any
    keys: tuple[str, ...]
    home: Home
    carried: bool
    threads: int
    version: str


@dataclass(frozen=True)
class Reply:
    """What comes home: a result, a failure, or the path of what is lacking.

    Attributes:
        files: What was made out of sight of home, by its place in the workspace.
        node: Ray's name of the machine, where it has a camp.
    """

    result: Any = None
    error: TransferError | None = None
    log: str = ""
    lacking: str | None = None
    files: Mapping[str, bytes] = field(default_factory=dict)
    node: str | None = None


def do(errand: Errand, offered: Offered, progress: Any) -> Reply:
    """Do a task on this machine.

    Args:
        errand: The task. offered: What it may lack here. progress: The actor that is told how far it is.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    camp = Camp(errand.home, offered, _get)
    try:
        reply = _work(errand, camp, progress)
    except Lacking as lacking:
        reply = Reply(lacking=str(lacking))
    except TransferError as error:
        reply = Reply(error=error, log=traceback.format_exc())
    except Exception as error:  # whatever it was, it is this trial's and no other's; the log keeps where it came from
        wrapped = TrainingError("The trial failed.", received=f"{type(error).__name__}: {error}"[:500])
        reply = Reply(error=wrapped, log=traceback.format_exc())
    return dataclasses.replace(reply, node=_node() if camp.folder.exists() else None)


def clear(home: Home) -> None:
    """Take away this machine's camp."""
    shutil.rmtree(home.camp, ignore_errors=True)


def _work(errand: Errand, camp: Camp, progress: Any) -> Reply:
    if (version := importlib.metadata.version("transfer")) != errand.version:
        raise TrainingError(
            "A machine of the cluster has another version of transfer.",
            received=f"{version}, where home has {errand.version}",
            remedy="Install the same one on every machine.",
        )
    seen = errand.home.is_seen()
    if not seen and not errand.carried:
        raise Lacking(errand.home.features)
    module, function = errand.function.split(":")
    work = getattr(importlib.import_module(module), function)
    if "tensorflow" in sys.modules:
        sys.modules["tensorflow"].config.threading.set_intra_op_parallelism_threads(errand.threads)
    if not seen:
        camp.take_features(errand.keys)
    workspace = Abroad(errand.home.root if seen else camp.workspace.root, camp)
    arguments = {name: _settled(value, workspace, camp) for name, value in _get(errand.arguments).items()}
    result = work(**arguments, on_progress=_teller(progress, errand.number))
    return Reply(result) if seen else Reply(result, files=_luggage(result, workspace, errand.keys))


def _settled(value: Any, workspace: Workspace, camp: Camp) -> Any:
    """An argument as this machine knows it: its workspace, and where the weights of a plan lie."""
    if isinstance(value, Workspace):
        return workspace
    weights = getattr(value, "weights", None)
    if weights is None or not hasattr(weights, "sha256"):
        return value
    path = camp.path_of(weights.path, weights.sha256)
    return dataclasses.replace(value, weights=dataclasses.replace(weights, path=path))


def _luggage(result: Any, workspace: Workspace, keys: Sequence[str]) -> dict[str, bytes]:
    """The files to be carried home. A run is then forgotten here; activations stay for the tasks that follow."""
    paths = [path for key in keys for path in carried(Stored(workspace, workspace.features / key))]
    if isinstance(result, Run):
        made = (path for path in result.path.rglob("*") if path.is_file())
        paths += sorted(made, key=lambda path: path.name == "run.json")  # written last, here as there
    files = {}
    for path in paths:
        with contextlib.suppress(FileNotFoundError):  # another task has freed activations since
            files[path.relative_to(workspace.root).as_posix()] = path.read_bytes()
    if isinstance(result, Run):
        shutil.rmtree(result.path)
    return files


def _get(held: Any) -> Any:
    import ray

    return ray.get(held)


def _node() -> str:
    import ray

    return str(ray.get_runtime_context().get_node_id())


def _teller(progress: Any, number: int) -> Callable[[int, int, str], None]:
    """Tells the actor, now and then."""
    last = -math.inf

    def tell(done: int, total: int, what: str) -> None:
        nonlocal last
        if time.monotonic() - last >= PACE:
            last = time.monotonic()
            progress.tell.remote(number, done, total, what)

    return tell


class Progress:
    """The latest word of each task that has spoken since somebody last listened; an actor."""

    def __init__(self) -> None:
        self._said: dict[int, tuple[int, int, str]] = {}

    def tell(self, number: int, done: int, total: int, what: str) -> None:
        self._said[number] = (done, total, what)

    def hear(self) -> dict[int, tuple[int, int, str]]:
        said, self._said = self._said, {}
        return said
