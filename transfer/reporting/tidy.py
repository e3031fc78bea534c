"""Tidy: every figure of every run as one table, a row for each run and metric; ``results.csv`` beside the page.

It owns the columns, so that a spreadsheet, a script and a later report read the same ones. A later report needs nothing
else to say what changed, so nothing else is kept for it.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator
from pathlib import Path

from transfer import scores
from transfer.cells import guarded
from transfer.errors import DataError
from transfer.reporting.evidence import Evidence
from transfer.reporting.result import Result

NAME = "results.csv"
COLUMNS = ("run", "arm", "title", "per_class", "seed", "data", "split", "photos", "metric", "value", "folds")
COSTS = {
    "seconds": ("seconds", "total"),
    "training_seconds": ("seconds", "training"),
    "latency_ms": ("latency_ms",),
    "peak_memory_mb": ("peak_memory_mb",),
    "trainable_parameters": ("parameters", "trainable"),
    "parameters": ("parameters", "total"),
    "test_opened": ("test_opened",),
}
"""Facts of a run that stand in the table as they were kept, by the name they have there."""


def to_csv(evidence: Evidence) -> str:
    """The table as text.

    ``title`` is the arm as the page names it, ``per_class`` is ``all`` or a number, ``data`` the beginning of the
    digest of the photos, ``split`` is empty for a cost, ``folds`` where the given splits were used; of K folds seed s
    is fold s % K of repetition s // K, and its test photos are those of that fold. A share is between 0 and 1; what is
    not known has no row.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for result in evidence.results:
        for row in _rows(result):
            writer.writerow([guarded(value) if isinstance(value, str) else value for value in row])
    return text.getvalue()


def _rows(result: Result) -> Iterator[tuple[object, ...]]:
    folds = "" if result.folds is None else result.folds
    for number, run in enumerate(result.runs):
        size = "all" if run.per_class is None else run.per_class
        own = (run.id, run.arm, result.title, size, run.seed, run.data[:12])
        for part in dict.fromkeys((result.validation[number].split, result.stated[number].split)):
            answers = next(p for p in (result.validation[number], result.stated[number]) if p.split == part)
            for metric in scores.METRICS.values():
                if metric.name == "top_5" and len(run.labels) <= 5:
                    continue
                value = metric(answers.truth, answers.probabilities)
                if math.isfinite(value):
                    yield (*own, part, len(answers.photos), metric.name, f"{value:.6g}", folds)
        for name, path in COSTS.items():
            for value in Result(result.title, (run,), (), (), ()).facts(*path):
                yield (*own, "", "", name, value, folds)


def read_csv(place: Path) -> list[dict[str, str]]:
    """The rows of an earlier report.

    Args:
        place: Its folder, its page, or its ``results.csv``.

    Raises:
        DataError: There is no such table there.
    """
    path = place.with_name(NAME) if place.is_file() else place / NAME
    try:
        return rows(path.read_bytes().decode("utf-8"))
    except (OSError, UnicodeDecodeError, csv.Error, ValueError, TypeError) as error:
        raise DataError(
            "There is no earlier report to compare with.",
            received=f"{path}: {(error.strerror if isinstance(error, OSError) else None) or error}",
            remedy=f"Name the folder of a report; what is read from it is its {NAME}.",
        ) from error


def rows(text: str) -> list[dict[str, str]]:
    """The rows of a table, by column; figures that are no numbers are refused with a ``ValueError``."""
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    found = list(reader)
    if tuple(reader.fieldnames or ()) not in (COLUMNS, COLUMNS[:-1]):  # there were no folds once
        raise ValueError(f"its columns are {', '.join(reader.fieldnames or ())}"[:200])
    for row in found:
        row.setdefault("folds", "")
        float(row["value"])
        for whole in (row["per_class"].replace("all", "1"), row["folds"] or "0"):
            int(whole)
    return found
