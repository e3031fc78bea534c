"""Run: what happened in one training, and one of the two values that cross from room to room.

A run is a folder ``WS/runs/ID/``: ``run.json`` (the facts; written last, so a folder without it is no run),
``history.csv`` (a row an epoch), ``predictions.csv`` (a row a photo), ``weights.weights.h5`` (what changed),
``log.txt`` (what was told while it ran), ``rates.csv`` where there was a range test of the learning rate,
``tensorboard/`` where it was asked for, and ``gradcam/`` where the report has looked at its mistakes. Until it is done,
``checkpoint.npz`` says where it stands. A run never stores a score: those are derived from its predictions by
``scores``.
"""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy

from transfer.errors import DataError
from transfer.workspace import Workspace

WEIGHTS = "weights.weights.h5"
LOG = "log.txt"
CHECKPOINT = "checkpoint.npz"
OVERLAY_CLASS = "transfer:class"
"""The note in an overlay's PNG that names the class it shows."""


@dataclass(frozen=True)
class Predictions:
    """Class probabilities for the photos of one split.

    Attributes:
        split: ``validation`` or ``test``.
        photos: Photo ids, n of them.
        truth: Index of each photo's label when the run was made, int ``(n,)``.
        probabilities: Float32 ``(n, classes)``, rows sum to 1.
        groups: What keeps near duplicates together, n of them; a photo on its own is its own group.
    """

    split: str
    photos: tuple[str, ...]
    truth: numpy.ndarray
    probabilities: numpy.ndarray
    groups: tuple[str, ...]

    @property
    def predicted(self) -> numpy.ndarray:
        """Index of the most probable class, int ``(n,)``."""
        return self.probabilities.argmax(axis=1)

    @property
    def correct(self) -> numpy.ndarray:
        """Bool ``(n,)``."""
        return self.predicted == self.truth

    def regrouped(self, group_of: Mapping[str, str]) -> Predictions:
        """With the groups that are known now; a photo that is not among them keeps its own."""
        groups = tuple(group_of.get(photo, group) for photo, group in zip(self.photos, self.groups, strict=True))
        return dataclasses.replace(self, groups=groups)


@dataclass(frozen=True)
class Run:
    """What happened in one training.

    Attributes:
        id: Digest of what decides the result, and of nothing else.
        status: ``done``, ``failed``, or ``interrupted``: ended by the keyboard, usable, and without answers on test.
        reason: Why it failed, or where it was.
        arm: Text form. seed: Of initial weights and order. per_class: Training photos a class, None for all.
        labels: The classes in the order of every prediction.
        data: Digest of the training view of the data.
        facts: Everything else that ``run.json`` says: strategy, weights, size, versions, seconds, parameters ...
        path: The folder.
    """

    id: str
    status: str
    arm: str
    seed: int
    per_class: int | None
    labels: tuple[str, ...]
    data: str
    path: Path
    reason: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def done(self) -> bool:
        return self.status == "done"

    @property
    def usable(self) -> bool:
        """Whether it has weights and answers: finished, or interrupted after something was learnt."""
        return self.status in ("done", "interrupted")

    @property
    def rounded(self) -> bool:
        """Whether part of it computed in bfloat16, or was kept in half precision."""
        return self.facts.get("precision", "float32") != "float32" or bool(self.facts.get("half"))

    def overlay(self, photo: str) -> Path | None:
        """Where the picture of what the run saw in that photo lies (Grad-CAM); None for an ID that is no file name."""
        return self.path / "gradcam" / f"{photo}.png" if Path(photo).name == photo else None

    def predictions(self, split: str) -> Predictions:
        """The kept probabilities for ``validation`` or ``test``; empty where that split had no photo.

        Raises:
            DataError: The file is damaged.
        """
        index = {label: i for i, label in enumerate(self.labels)}
        path = self.path / "predictions.csv"
        try:
            rows = [row for row in _rows(path) if row[0] == split]
            answers = numpy.array([row[4:] for row in rows], dtype="float32").reshape(len(rows), len(self.labels))
            photos, groups = tuple(row[1] for row in rows), tuple(row[2] for row in rows)
            truth = numpy.array([index[row[3]] for row in rows], dtype=int)
        except (IndexError, KeyError, ValueError) as error:
            raise DataError(
                "The answers of a run are damaged.",
                received=path,
                remedy="Put the file back, or take the run's folder away and train again.",
            ) from error
        return Predictions(split=split, photos=photos, groups=groups, truth=truth, probabilities=answers)

    def history(self) -> list[dict[str, float]]:
        """A row an epoch: step, epoch, rate, loss, accuracy, validation_loss, validation_accuracy, seconds."""
        header, *rows = _rows(self.path / "history.csv", header=True)
        return [{name: float(value) for name, value in zip(header, row, strict=True) if value} for row in rows]

    def rates(self) -> list[dict[str, float]]:
        """A row for each step of a range test of the learning rate: step, rate, loss; none where there was no test."""
        path = self.path / "rates.csv"
        if not path.exists():
            return []
        header, *rows = _rows(path, header=True)
        return [{name: float(value) for name, value in zip(header, row, strict=True)} for row in rows]

    def write(
        self,
        workspace: Workspace,
        predictions: Sequence[Predictions],
        history: Sequence[Mapping[str, float]],
        rates: Sequence[Mapping[str, float]] = (),
    ) -> None:
        """Write the folder; ``run.json`` last. The weights, if any, were written there before."""
        workspace.write_text(self.path / "history.csv", _table(HISTORY, history))
        if rates:
            workspace.write_text(self.path / "rates.csv", _table(RATES, rates))
        workspace.write_text(self.path / "predictions.csv", _predictions_csv(predictions, self.labels))
        self.write_facts(workspace)

    def write_facts(self, workspace: Workspace) -> None:
        names = ("id", "status", "reason", "arm", "seed", "per_class", "data", "labels")
        record = {name: getattr(self, name) for name in names} | dict(self.facts)
        workspace.write_json(self.path / "run.json", record)

    @classmethod
    def read(cls, path: Path) -> Run:
        """The run in this folder.

        Raises:
            DataError: There is no run in it.
        """
        try:
            record = json.loads((path / "run.json").read_text(encoding="utf-8"))
            names = ("id", "status", "reason", "arm", "seed", "per_class", "data")
            own = {name: record.pop(name) for name in names}
            return cls(**own, labels=tuple(record.pop("labels")), path=path, facts=record)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(
                "There is no whole run in this folder.",
                received=path,
                remedy="Look whether its run.json may be read; where it is damaged, delete the folder and train again.",
            ) from error


def run_id(decisive: Mapping[str, Any]) -> str:
    """Twelve hexadecimal digits from everything that decides a run's result."""
    return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()[:12]


def read_runs(workspace: Workspace) -> list[Run]:
    """Every whole run of a workspace, by ID."""
    return [Run.read(path.parent) for path in sorted(workspace.runs.glob("*/run.json"))]


def find_run(workspace: Workspace, id: str) -> Run:
    """The run whose ID begins so.

    Raises:
        DataError: None does, or more than one.
    """
    matching = [path.parent for path in workspace.runs.glob("*/run.json") if path.parent.name.startswith(id)]
    if len(matching) != 1:
        raise DataError(
            "There is no such run." if not matching else "More than one run begins like this.",
            received=id,
            remedy="`transfer runs WS` lists them.",
        )
    return Run.read(matching[0])


def _rows(path: Path, *, header: bool = False) -> Iterator[list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.reader(file)
        if not header:
            next(rows, None)
        yield from rows


def _predictions_csv(predictions: Sequence[Predictions], labels: Sequence[str]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["split", "photo", "group", "label", *labels])
    for part in predictions:
        for id, group, truth, row in zip(part.photos, part.groups, part.truth, part.probabilities, strict=True):
            # Nine significant digits bring every float32 back exactly.
            writer.writerow([part.split, id, group, labels[truth], *(f"{value:.9g}" for value in row)])
    return text.getvalue()


HISTORY = ("step", "epoch", "rate", "loss", "accuracy", "validation_loss", "validation_accuracy", "seconds")


RATES = ("step", "rate", "loss")


def _table(columns: Sequence[str], rows: Sequence[Mapping[str, float]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([[row.get(name, "") for name in columns] for row in rows])
    return text.getvalue()
