"""Result: one arm at one training size, with a run for each seed; what a row of a table is made of.

It owns which runs belong together and every figure of a single arm. How arms stand to each other is ``pair``'s.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean
from typing import Any

import numpy

from transfer import scores
from transfer.run import Predictions, Run


@dataclass(frozen=True, eq=False)
class Result:
    """One arm at one training size: a run for each seed.

    Attributes:
        title: The arm, and what tells it from another setting of the same arm.
        runs: By seed. stated, validation: Their predictions on the stated split and on validation, in that order.
        histories: Their rows an epoch; empty where a solver needed none.
    """

    title: str
    runs: tuple[Run, ...]
    stated: tuple[Predictions, ...]
    validation: tuple[Predictions, ...]
    histories: tuple[list[dict[str, float]], ...]

    @property
    def per_class(self) -> int | None:
        return self.runs[0].per_class

    @property
    def seeds(self) -> tuple[int, ...]:
        return tuple(run.seed for run in self.runs)

    @cached_property
    def accuracies(self) -> tuple[float, ...]:
        """On the stated split, a value a seed; empty where it has no photos."""
        return _accuracies(self.stated)

    @cached_property
    def accuracy(self) -> float | None:
        return fmean(self.accuracies) if self.accuracies else None

    @cached_property
    def validation_accuracy(self) -> float | None:
        found = _accuracies(self.validation)
        return fmean(found) if found else None

    @cached_property
    def interval(self) -> scores.Interval | None:
        """Wilson's, on the mean accuracy; photos of one group count once, since they are right or wrong together."""
        if self.accuracy is None:
            return None
        groups = len(set(self.stated[0].groups))
        return scores.wilson(self.accuracy * groups, groups)

    @cached_property
    def spread(self) -> float | None:
        """Standard deviation of the accuracy between seeds; None for one seed."""
        return float(numpy.std(self.accuracies, ddof=1)) if len(self.accuracies) > 1 else None

    def score(self, metric: scores.Metric) -> float | None:
        """Mean of a metric over the seeds, on the stated split."""
        found = [metric(part.truth, part.probabilities) for part in self.stated if len(part.truth)]
        return fmean(found) if found else None

    def facts(self, *names: str) -> list[Any]:
        """A fact of each run that states it: ``facts("seconds", "total")``."""
        found = [_fact(run.facts, names) for run in self.runs]
        return [value for value in found if value is not None]

    def mean(self, *names: str) -> float | None:
        """The mean of a fact that is a number."""
        found = self.facts(*names)
        return fmean(found) if found else None

    def greatest(self, *names: str) -> float | None:
        """The greatest of a fact that is a number."""
        return max(self.facts(*names), default=None)

    def each(self, *names: str) -> str | None:
        """A fact that should be one for all seeds, as text; all of them where it is not."""
        return ", ".join(sorted({str(value) for value in self.facts(*names)})) or None

    @cached_property
    def table(self) -> numpy.ndarray:
        """The confusion table on the stated split, summed over the seeds, int ``(classes, classes)``."""
        classes = len(self.runs[0].labels)
        tables = [scores.confusion(part.truth, part.predicted, classes) for part in self.stated]
        return numpy.sum(tables, axis=0)


def results_of(runs: Sequence[Run], stated: str) -> tuple[Result, ...]:
    """Finished runs put together by arm, setting and size; largest size first, within a size best validation first."""
    settings: dict[str, list[Run]] = {}
    for run in runs:
        settings.setdefault(_setting(run), []).append(run)
    titles = _titles(list(settings.values()))
    found = [
        Result(
            title=title,
            runs=tuple(group),
            stated=tuple(run.predictions(stated) for run in group),
            validation=tuple(run.predictions("validation") for run in group),
            histories=tuple(run.history() for run in group),
        )
        for title, group in zip(titles, settings.values(), strict=True)
    ]
    return tuple(sorted(found, key=_order))


def _order(result: Result) -> tuple[float, float, float, str]:
    """Largest size first, then by validation; of equals the one that trains fewer weights, as ``export`` takes them."""
    size = float("inf") if result.per_class is None else result.per_class
    accuracy = -1.0 if result.validation_accuracy is None else result.validation_accuracy
    trained = result.mean("parameters", "trainable") if result.validation_accuracy is not None else 0
    return -size, -accuracy, trained or 0, result.title


def _titles(groups: Sequence[Sequence[Run]]) -> list[str]:
    """The arm of each group of runs; with what differs where an arm was trained in several settings of one size."""
    flat = [_flat({name: group[0].facts.get(name) for name in _TELLING}) for group in groups]
    titles: list[tuple[str, str]] = []
    for group, own in zip(groups, flat, strict=True):
        rivals = [
            other
            for rival, other in zip(groups, flat, strict=True)
            if (rival[0].arm, rival[0].per_class) == (group[0].arm, group[0].per_class)
        ]
        differing = [name for name in own if any(other.get(name) != own[name] for other in rivals)]
        telling = ", ".join(f"{name} {own[name]}" for name in differing[:3])
        titles.append((group[0].arm, f" ({telling})" if telling else ""))
    arms = Counter(_short(arm) for arm in {arm for arm, _ in titles})
    return [(_short(arm) if arms[_short(arm)] == 1 else arm) + telling for arm, telling in titles]


def _short(arm: str) -> str:
    """Of a weights file its name alone, where two arms do not become one by it."""
    return re.sub(r"@[^:+]*[/\\]([^:+/\\]+)", r"@\1", arm).replace(".weights.h5", "")


_TELLING = ("strategy", "size", "engine", "precision", "weights")


def _flat(value: Any, name: str = "") -> dict[str, str]:
    """``{"steps": [{"epochs": 5}]}`` -> ``{"steps 1 epochs": "5"}``; the outermost names of a strategy are left out."""
    if isinstance(value, Mapping):
        pairs = list(value.items())
    elif isinstance(value, list | tuple):
        pairs = [(f"{name.rstrip('s')} {number}".strip(), part) for number, part in enumerate(value, 1)]
        return {key: text for inner, part in pairs for key, text in _flat(part, inner).items()}
    else:
        return {name: str(value)}
    inside = "" if name == "strategy" else name
    return {key: text for inner, part in pairs for key, text in _flat(part, f"{inside} {inner}".strip()).items()}


def latest(runs: Sequence[Run]) -> list[Run]:
    """One run for each setting and seed: the one that was started last."""
    ordered = sorted(runs, key=lambda run: (str(run.facts.get("started", "")), run.id))
    kept = {(_setting(run), run.seed): run for run in ordered}
    return sorted(kept.values(), key=lambda run: (run.arm, run.seed, run.id))


def _setting(run: Run) -> str:
    """What makes two runs of one arm the same competitor: every resolved value except the seed."""
    names = ("strategy", "weights", "size", "engine", "precision")
    return json.dumps([run.arm, run.per_class, [run.facts.get(name) for name in names]], sort_keys=True)


def _fact(facts: Mapping[str, Any], names: Sequence[str]) -> Any:
    value: Any = facts
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _accuracies(parts: Sequence[Predictions]) -> tuple[float, ...]:
    return tuple(float(part.correct.mean()) for part in parts if len(part.photos))
