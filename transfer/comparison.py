"""Comparison: runs side by side, as rows that a script may rely on and as a table.

It derives every figure from kept predictions and owns one choice: which run is best. Validation chooses; test figures
are only shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Any

from transfer.errors import DataError
from transfer.run import Run

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True)
class Comparison:
    """Runs in the order they were asked for."""

    runs: tuple[Run, ...]

    def __iter__(self) -> Iterator[Run]:
        return iter(self.runs)

    def __len__(self) -> int:
        return len(self.runs)

    def rows(self) -> list[dict[str, Any]]:
        """A row a run, with the fields that ``--json`` promises."""
        return [row(run) for run in self.runs]

    def to_frame(self) -> pandas.DataFrame:
        """A row a run; ``validation`` and ``test`` become ``validation_accuracy``, ``validation_n`` and so on."""
        import pandas

        return pandas.json_normalize(self.rows(), sep="_")

    def best(self) -> Run:
        """The run to ship: of the arm with the best mean validation accuracy, the seed with the best.

        Only the largest training size counts, since nobody ships a model that saw less than there was. Ties go to the
        arm that trains fewer weights.

        Raises:
            DataError: No run is done, or none has a validation photo.
        """
        return best(self.runs)


def row(run: Run) -> dict[str, Any]:
    """One run as plain values."""
    record: dict[str, Any] = {
        name: getattr(run, name) for name in ("id", "arm", "seed", "per_class", "status", "reason")
    }
    for split in ("validation", "test"):
        correct = run.predictions(split).correct if run.done else ()
        record[split] = {"accuracy": float(fmean(map(float, correct))) if len(correct) else None, "n": len(correct)}
    record["seconds"] = run.facts.get("seconds", {}).get("total")
    record["trainable_parameters"] = run.facts.get("parameters", {}).get("trainable")
    return record | {"path": str(run.path)}


def best(runs: Sequence[Run]) -> Run:
    """The run to ship; see ``Comparison.best``."""
    rows = {run.id: row(run) for run in runs if run.done}
    rows = {id: record for id, record in rows.items() if record["validation"]["n"]}
    if not rows:
        raise DataError("No finished run has validation photos to choose by.", remedy="Train an arm first.")
    largest = max((record["per_class"] or float("inf")) for record in rows.values())
    rows = {id: record for id, record in rows.items() if (record["per_class"] or float("inf")) == largest}
    arms: dict[str, list[float]] = {}
    for record in rows.values():
        arms.setdefault(record["arm"], []).append(record["validation"]["accuracy"])

    def merit(id: str) -> tuple[float, int, float, int]:
        record = rows[id]
        return (
            fmean(arms[record["arm"]]),
            -record["trainable_parameters"],
            record["validation"]["accuracy"],
            -record["seed"],
        )

    chosen = max(rows, key=merit)
    return next(run for run in runs if run.id == chosen)
