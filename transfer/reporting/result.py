"""Result: a competitor with its answers; what a row of a table is made of.

It owns every figure of a single arm. Which runs belong together and in which order arms stand is ``comparison``'s, what
an arm is called on the page is ``title``'s, how arms stand to each other is ``pair``'s.

In folds a run judges its own fold only. The accuracy is the mean over the runs, as its interval wants it; everything
else is of the answers to all photos, put together for each repetition, since a fold may be too small to show a class.
Where a fold is missing, its photos are missing from a repetition.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean
from typing import Any

import numpy

from transfer import scores
from transfer.comparison import Competitor, Ground, ground
from transfer.folds import Fold, group_of
from transfer.manifest import Manifest
from transfer.reporting.markup import plural
from transfer.reporting.title import titles_of
from transfer.run import Predictions, Run


@dataclass(frozen=True, eq=False)
class Result:
    """One competitor: a run for each seed.

    Attributes:
        title: The arm, and what tells it from another setting of the same arm.
        runs: By seed. stated, validation: Their predictions on the stated split and on validation, in that order.
        histories: Their rows an epoch; empty where a solver needed none.
        rates: Their rows a step of a range test of the learning rate; empty where there was none.
    """

    title: str
    runs: tuple[Run, ...]
    stated: tuple[Predictions, ...]
    validation: tuple[Predictions, ...]
    histories: tuple[list[dict[str, float]], ...]
    rates: tuple[list[dict[str, float]], ...] = ()

    @property
    def ground(self) -> Ground:
        return ground(self.runs[0])

    @property
    def per_class(self) -> int | None:
        return self.ground.per_class

    @property
    def folds(self) -> int | None:
        return self.ground.folds

    @property
    def seeds(self) -> tuple[int, ...]:
        return tuple(run.seed for run in self.runs)

    def answer(self, seed: int) -> Predictions:
        """What the run of this seed answered on the stated split."""
        return self.stated[self.seeds.index(seed)]

    @property
    def trainings(self) -> str:
        """How often it was trained, in words: 3 seeds; 5 folds; 3 repetitions of 5 folds; 7 trainings in 5 folds."""
        if self.folds is None:
            return plural(len(self.runs), "seed")
        if not self.whole:
            return f"{plural(len(self.runs), 'training')} in {self.folds} folds"
        times = len(self.answers)
        return f"{self.folds} folds" if times == 1 else f"{times} repetitions of {self.folds} folds"

    @property
    def whole(self) -> bool:
        """Whether no fold is missing of any repetition; always so on the given splits."""
        return self.folds is None or len(self.runs) == self.folds * len(self.answers)

    @property
    def pooled(self) -> str:
        """That its runs are taken as one, to go on with in a sentence; nothing of a run on its own."""
        if len(self.runs) == 1:
            return ""
        every = "" if self.folds else "both " if len(self.runs) == 2 else "all "
        return f", {every}{self.trainings.removeprefix('2 ') if every == 'both ' else self.trainings} taken together"

    @property
    def averaged(self) -> str:
        """Likewise of answers that are averaged over the seeds, or over the repetitions of folds."""
        return "" if len(self.answers) == 1 else f", its {'repetitions' if self.folds else 'seeds'} averaged"

    @property
    def judged(self) -> str:
        """What its figures are of, in words."""
        return "photos, each by a model trained without it" if self.folds else f"{self.stated[0].split} photos"

    @cached_property
    def answers(self) -> tuple[Predictions, ...]:
        """What it answered to all photos that were judged: of each seed, or of each repetition of folds, by photo."""
        if self.folds is None:
            return self.stated
        of: dict[int, list[Predictions]] = {}
        for run, part in zip(self.runs, self.stated, strict=True):
            of.setdefault(Fold.of_seed(run.seed, self.folds).repetition, []).append(part)
        return tuple(_together(parts) for parts in of.values())

    @property
    def truth(self) -> numpy.ndarray:
        """The label of each photo that was judged, int; once each, however often it was judged."""
        parts = self.stated if self.folds else self.stated[:1]
        of = {photo: label for part in parts for photo, label in zip(part.photos, part.truth, strict=True)}
        return numpy.array([*of.values()], dtype=int)

    @cached_property
    def design(self) -> scores.Design:
        """How its photos were divided into folds."""
        return design_of(self.stated, self.folds or 1)

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
        """Wilson's, on the mean accuracy; photos of one group count once, since they are right or wrong together.

        Of folds that by the variance of Nadeau and Bengio.
        """
        if self.accuracy is None:
            return None
        if self.folds:
            return scores.mean_over_splits(self.accuracies, self.design)
        groups = len(set(self.stated[0].groups))
        return scores.wilson(self.accuracy * groups, groups)

    @cached_property
    def spread(self) -> float | None:
        """Standard deviation of the accuracy between seeds; None for one seed."""
        return float(numpy.std(self.accuracies, ddof=1)) if len(self.accuracies) > 1 else None

    def score(self, metric: scores.Metric) -> float | None:
        """Mean of a metric over the seeds, or over the repetitions of folds."""
        found = [metric(part.truth, part.probabilities) for part in self.answers if len(part.truth)]
        return fmean(found) if found else None

    @property
    def network(self) -> tuple[str | None, ...]:
        """What frozen features depend on."""
        names = (("backbone",), ("weights", "sha256"), ("size",), ("engine",), ("precision",))
        return tuple(self.each(*name) for name in names)

    @property
    def seconds(self) -> float | None:
        """Mean time of a run, without the features of the network, which are computed once for all that share them."""
        return self.mean("seconds", "training")

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

    @property
    def precision(self) -> str | None:
        """In which the frozen part was computed, and its activations kept."""
        return "; ".join(filter(None, [self.each("precision"), self.each("half") and "kept in half"])) or None

    @cached_property
    def table(self) -> numpy.ndarray:
        """The confusion table on the stated split, summed over the seeds, int ``(classes, classes)``."""
        classes = len(self.runs[0].labels)
        found = numpy.zeros((classes, classes), dtype=int)
        for part in self.stated:  # one at a time: of a thousand classes each takes 8 MB
            found += scores.confusion(part.truth, part.predicted, classes)
        return found


def design_of(parts: Sequence[Predictions], folds: int) -> scores.Design:
    """How the photos that these trainings judged were divided, whether or not every fold is among them."""
    photos = {photo: group for part in parts for photo, group in zip(part.photos, part.groups, strict=True)}
    groups, of_fold = len(set(photos.values())), fmean(len(part.photos) for part in parts)
    return scores.Design(folds, len(photos), groups, of_fold)


def results_of(competitors: Sequence[Competitor], stated: str, manifest: Manifest) -> tuple[Result, ...]:
    """The competitors in their order, with what they answered and how they trained.

    Which photos belong together is what the manifest says now: a run knows what was known when it was made.
    """
    known = group_of(manifest.kept)
    titles = titles_of([one.runs for one in competitors])
    return tuple(
        Result(
            title=title,
            runs=one.runs,
            stated=tuple(run.predictions("test" if one.ground.folds else stated).regrouped(known) for run in one.runs),
            validation=one.validation,
            histories=tuple(run.history() for run in one.runs),
            rates=tuple(run.rates() for run in one.runs),
        )
        for title, one in zip(titles, competitors, strict=True)
    )


def _fact(facts: Mapping[str, Any], names: Sequence[str]) -> Any:
    value: Any = facts
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _together(parts: Sequence[Predictions]) -> Predictions:
    """The folds of one repetition as one, by photo."""
    photos = [photo for part in parts for photo in part.photos]
    groups = [group for part in parts for group in part.groups]
    order = sorted(range(len(photos)), key=photos.__getitem__)
    return Predictions(
        split=parts[0].split,
        photos=tuple(photos[at] for at in order),
        groups=tuple(groups[at] for at in order),
        truth=numpy.concatenate([part.truth for part in parts])[order],
        probabilities=numpy.concatenate([part.probabilities for part in parts])[order],
    )


def _accuracies(parts: Sequence[Predictions]) -> tuple[float, ...]:
    return tuple(float(part.correct.mean()) for part in parts if len(part.photos))
