"""Checkpoint: where a training stands after an epoch; enough to go on as if nothing had happened.

It holds everything that the rest of the training depends on and that is no function of plan and photos: every variable
of what is trained (with the states of what draws for dropout), the optimizer's, the best weights so far, and the rows
of the epochs. It lies in the run's folder, ``WS/runs/ID/checkpoint.npz``, until the run is written, so it belongs to
one plan; other versions of the libraries do not take it up.
"""

from __future__ import annotations

import json
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy

from transfer.workspace import Workspace

EVERY = 1.0
"""Seconds of training that a kill may cost at most, besides the epoch it was in: an epoch that takes longer is kept."""

Kept = tuple[tuple[float, float], int, list[numpy.ndarray]]
"""A result (accuracy, minus loss), the epoch that had it, and its weights."""


@dataclass(frozen=True)
class Standing:
    """Where a phase stands after some epochs.

    Attributes:
        history: A row for each epoch made. best: The best so far, the best first.
        optimizer: Its variables.
    """

    history: list[dict[str, float]]
    best: list[Kept]
    optimizer: list[numpy.ndarray]


@dataclass(frozen=True)
class Checkpoint:
    """Where a training stands.

    Attributes:
        step: The strategy's step that is under way. batch: Photos a step in it.
        source: The cut that it learns from. views: Kept views of each photo that it learns from there.
        before: What the steps before left behind. log: What was told so far.
        variables: Of what is trained. standing: Of the phase.
        seconds: Spent so far.
    """

    step: int
    batch: int
    source: int
    views: int
    before: Mapping[str, Any]
    variables: list[numpy.ndarray]
    standing: Standing
    log: tuple[str, ...] = ()
    seconds: float = 0.0


class Checkpoints:
    """The checkpoint of one run, replaced from epoch to epoch.

    Args:
        workspace: Writes it. path: The file.
        versions: Of the libraries; a checkpoint of others is none.
    """

    def __init__(self, workspace: Workspace, path: Path, versions: Mapping[str, str]) -> None:
        self._workspace, self._path, self._versions = workspace, path, dict(versions)
        self._written = time.monotonic()

    def offer(self, make: Callable[[], Checkpoint]) -> None:
        """Keep where the training stands, unless that was done only just now."""
        if time.monotonic() - self._written >= EVERY:
            self._write(make())
            self._written = time.monotonic()

    def read(self) -> Checkpoint | None:
        """The kept checkpoint; None where there is none, or none of these versions, or no whole one."""
        try:
            # A torn file fails by its sums; numpy would leave it open if we did not hold it.
            with self._path.open("rb") as file, numpy.load(file, allow_pickle=False) as arrays:
                return self._unpacked(arrays)
        except (FileNotFoundError, EOFError, ValueError, KeyError, zipfile.BadZipFile):
            return None

    def clear(self) -> None:
        """Take it away: the run is written."""
        if self._path.exists():
            self._workspace.remove(self._path)

    def _write(self, one: Checkpoint) -> None:
        standing = one.standing
        facts = {
            "versions": self._versions,
            "step": one.step,
            "batch": one.batch,
            "source": one.source,
            "views": one.views,
            "before": one.before,
            "history": standing.history,
            "best": [(result, epoch) for result, epoch, _ in standing.best],
            "log": one.log,
            "seconds": one.seconds,
        }
        arrays = _numbered("variable", one.variables) | _numbered("optimizer", standing.optimizer)
        for place, (_, _, weights) in enumerate(standing.best):
            arrays |= _numbered(f"best{place}", weights)
        with self._workspace.replacing(self._path) as temporary:
            numpy.savez(temporary, allow_pickle=False, facts=numpy.array(json.dumps(facts)), **arrays)

    def _unpacked(self, arrays: Mapping[str, numpy.ndarray]) -> Checkpoint | None:
        facts = json.loads(str(arrays["facts"]))
        if facts["versions"] != self._versions:
            return None
        best = [
            ((result[0], result[1]), epoch, _listed(f"best{place}", arrays))
            for place, (result, epoch) in enumerate(facts["best"])
        ]
        return Checkpoint(
            step=facts["step"],
            batch=facts["batch"],
            source=facts["source"],
            views=facts["views"],
            before=facts["before"],
            variables=_listed("variable", arrays),
            standing=Standing(facts["history"], best, _listed("optimizer", arrays)),
            log=tuple(facts["log"]),
            seconds=facts["seconds"],
        )


def _numbered(name: str, arrays: Sequence[numpy.ndarray]) -> dict[str, numpy.ndarray]:
    return {f"{name}_{number}": array for number, array in enumerate(arrays)}


def _listed(name: str, arrays: Mapping[str, numpy.ndarray]) -> list[numpy.ndarray]:
    count = sum(key.startswith(f"{name}_") for key in arrays)
    return [arrays[f"{name}_{number}"] for number in range(count)]
