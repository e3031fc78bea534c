"""Comparison: runs side by side, as rows that a script may rely on and as a table; and the rule that chooses.

It derives every figure from kept predictions and owns one choice, which the page, ``compare`` and ``export`` share:
what a competitor is, in which order competitors stand, and which run of the first is shipped. Validation chooses; test
figures are only shown.

    competitor   an arm in one resolved setting (strategy, weights, size, engine, precision, half, refit) on one ground
    ground       what arms must share to be compared: training photos a class, and given splits or so many folds
    double       of two runs of one competitor and seed the one started last counts
    order        grounds with validation photos first, then the larger training size, then folds before given splits,
                 since in folds every photo is judged; on one ground the higher mean validation accuracy over the runs,
                 then fewer trained weights, then the name
    shipped      of the first competitor the run with the highest validation accuracy, then the lowest seed
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean
from typing import TYPE_CHECKING, Any, NamedTuple

from transfer import folds
from transfer.errors import DataError
from transfer.folds import Fold
from transfer.manifest import Manifest
from transfer.run import Predictions, Run

if TYPE_CHECKING:
    import pandas

DECISIVE = ("strategy", "weights", "size", "engine", "precision", "half", "refit")
"""The facts that tell two settings of one arm apart."""


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
        """The run to ship, by the rule of this module.

        Raises:
            DataError: No run is done, or none has a validation photo.
        """
        return best(self.runs)


class Ground(NamedTuple):
    """What arms must share to be compared.

    Attributes:
        per_class: Training photos a class, None for all. folds: How many, None for the given splits.
    """

    per_class: int | None = None
    folds: int | None = None

    @property
    def rank(self) -> tuple[float, int]:
        """Lower comes first."""
        return -(float("inf") if self.per_class is None else self.per_class), -(self.folds or 0)


@dataclass(frozen=True, eq=False)
class Competitor:
    """An arm in one setting on one ground: a run for each seed, by seed, with its answers on validation."""

    runs: tuple[Run, ...]
    validation: tuple[Predictions, ...]

    @property
    def ground(self) -> Ground:
        return ground(self.runs[0])

    @cached_property
    def validation_accuracy(self) -> float | None:
        """The mean over the runs that had photos to choose by."""
        found = [float(part.correct.mean()) for part in self.validation if len(part.photos)]
        return fmean(found) if found else None

    @property
    def order(self) -> tuple[float, float, str, str]:
        """Lower comes first, on one ground. Where nothing could be held out to choose by, the name alone decides."""
        name = (self.runs[0].arm, setting(self.runs[0]))
        if self.validation_accuracy is None:
            return 1.0, 0.0, *name
        trained = [run.facts.get("parameters", {}).get("trainable") or 0 for run in self.runs]
        return -self.validation_accuracy, fmean(trained), *name


def competitors(runs: Iterable[Run]) -> tuple[Competitor, ...]:
    """Finished runs put together, in the order of the rule."""
    of: dict[str, list[Run]] = {}
    for run in latest([run for run in runs if run.done]):
        of.setdefault(setting(run), []).append(run)
    found = [Competitor(tuple(each), tuple(run.predictions("validation") for run in each)) for each in of.values()]
    choosable = {one.ground for one in found if one.validation_accuracy is not None}
    return tuple(sorted(found, key=lambda one: (one.ground not in choosable, one.ground.rank, one.order)))


def best(runs: Sequence[Run]) -> Run:
    """The run to ship, by the rule of this module.

    Raises:
        DataError: No run is done, or none has a validation photo.
    """
    first = next(iter(competitors(runs)), None)
    if first is None:
        others = ", ".join(sorted({run.status for run in runs}))
        raise DataError(
            "There is no finished run to choose.",
            received=f"{len(runs)} {others}" if runs else None,
            remedy="Train an arm first: `transfer train WS`.",
        )
    if first.validation_accuracy is None:
        raise DataError(
            "No finished run has validation photos to choose by.",
            received=f"{len(runs)} without any",
            remedy="Name a run, as `transfer runs WS` lists them; or split with a validation share and train again.",
        )
    judged = [(run, part) for run, part in zip(first.runs, first.validation, strict=True) if len(part.photos)]
    return min(judged, key=lambda one: (-float(one[1].correct.mean()), one[0].seed))[0]


def latest(runs: Iterable[Run]) -> list[Run]:
    """One run for each competitor and seed: the one that was started last. By arm and seed."""
    ordered = sorted(runs, key=lambda run: (str(run.facts.get("started", "")), run.id))
    kept = {(setting(run), run.seed): run for run in ordered}
    return sorted(kept.values(), key=lambda run: (run.arm, run.seed, run.id))


def setting(run: Run) -> str:
    """What makes two runs the same competitor: every resolved value except the seed; of a rule the rule."""
    facts = [run.facts.get("rule" if name == "strategy" and "rule" in run.facts else name) for name in DECISIVE]
    return json.dumps([run.arm, ground(run), run.data, facts], sort_keys=True)


def ground(run: Run) -> Ground:
    """Where the run competes."""
    return Ground(run.per_class, run.facts.get("folds"))


def present(runs: Iterable[Run], manifest: Manifest) -> list[Run]:
    """The runs that were made with these photos, labels, and splits or groups."""
    data, groups = {manifest.training_digest(), folds.digest(manifest)}, manifest.groups_digest()

    def drawn(run: Run) -> bool:
        """Whether the photos of a smaller size, which keep groups together, would be drawn so again."""
        facts = run.facts
        return run.per_class is None or "folds" in facts or not run.usable or facts.get("groups") == groups

    return [run for run in runs if run.data in data and drawn(run)]


def row(run: Run) -> dict[str, Any]:
    """One run as plain values."""
    record: dict[str, Any] = {
        name: getattr(run, name) for name in ("id", "arm", "seed", "per_class", "status", "reason")
    }
    of = run.facts.get("folds")
    record["fold"] = None if of is None else Fold.of_seed(run.seed, of)._asdict()
    for split in ("validation", "test"):
        correct = run.predictions(split).correct if run.usable else ()
        record[split] = {"accuracy": float(fmean(map(float, correct))) if len(correct) else None, "n": len(correct)}
    record["seconds"] = run.facts.get("seconds", {}).get("total")
    record["trainable_parameters"] = run.facts.get("parameters", {}).get("trainable")
    return record | {"path": str(run.path)}
