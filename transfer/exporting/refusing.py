"""Refusing: when an artifact says `unknown` instead of a class, and what that costs.

It owns the word, the choice of the threshold and its facts; the shares themselves are those of ``scores.refusal``. An
artifact that refuses says `unknown` below the threshold, and also where its answer is the class `background`: both mean
"none of these", and whoever asks has one word to look for. It refuses a run with a class of that name, in which the
word would have two meanings.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from numpy import float32, ndarray

from transfer import scores
from transfer.errors import CallError, DataError
from transfer.run import Predictions

UNKNOWN = "unknown"
BACKGROUND = "background"
"""The class of unrelated photos, as `transfer collect --background` names it."""
AUTO = "auto"


@dataclass(frozen=True)
class Refusing:
    """When an artifact refuses, and what came of it.

    Attributes:
        unknown_below: The least probability that is answered with a class; as the artifact compares it, in float32.
        aim: The error on validation that it was chosen for; None where whoever exported named it.
        background: Index of the class `background`; None where there is none.
        validation, test: Coverage and error on the photos of each; None where there is no photo.
    """

    unknown_below: float
    aim: float | None
    background: int | None
    validation: scores.Refusal | None
    test: scores.Refusal | None

    @property
    def where(self) -> str:
        """Which photos are refused, to end a sentence with."""
        background = "the most probable class is `background`"
        if self.unknown_below == 0:
            return f"{'nowhere' if self.background is None else f'only where {background}'}: the threshold is 0"
        below = f"where the largest probability is below {self.unknown_below:.6g}"
        return below if self.background is None else f"{below} or {background}"

    def said(self, labels: Sequence[str], probabilities: ndarray) -> list[str]:
        """What the artifact must say for class probabilities ``(n, C)``."""
        given = scores.answered(probabilities, self.unknown_below, background=self.background)
        best = probabilities.argmax(axis=1)
        return [labels[at] if answered else UNKNOWN for at, answered in zip(best, given, strict=True)]

    def to_dict(self) -> dict[str, Any]:
        """The facts that ``--json`` promises."""
        return {
            "below": self.unknown_below,
            "chosen_on": None if self.aim is None else "validation",
            "aim": self.aim,
            "validation": None if self.validation is None else _facts(self.validation),
            "test": None if self.test is None else _facts(self.test),
        }


@dataclass(frozen=True)
class GroupedShare(scores.Share):
    """A share of photos some of which belong together: ``groups`` of them are right or wrong by themselves."""

    groups: int

    @property
    def interval(self) -> scores.Interval | None:
        """Wilson's, 95 %, as the report has it: photos of one group count once."""
        return scores.wilson(self.value * self.groups, self.groups) if self.of else None


def check(unknown_below: float | str, labels: Sequence[str]) -> None:
    """Refuse a threshold that is none, and labels among which `unknown` would have two meanings.

    Raises:
        CallError: The threshold is neither `auto` nor a probability. DataError: A class is named `unknown`.
    """
    if unknown_below != AUTO and (isinstance(unknown_below, str) or not 0 <= unknown_below <= 1):
        raise CallError(
            "The threshold below which a model says `unknown` is a probability or `auto`.",
            received=unknown_below,
            remedy="Name a number from 0 to 1, or `auto` to have it chosen on validation.",
        )
    taken = [label for label in labels if label.casefold() == UNKNOWN]
    if taken:
        raise DataError(
            "A class has the name that a refused photo gets.",
            received=taken[0],
            remedy="Load its photos under another label and train again, or export without --unknown-below.",
        )


def decide(unknown_below: float | str, labels: Sequence[str], validation: Predictions, test: Predictions) -> Refusing:
    """The threshold, by the user's word or by validation, with what it does on both parts.

    Args:
        unknown_below: As ``check`` lets it pass.
        validation, test: With the probabilities that the artifact gives, calibrated where it is.

    Raises:
        DataError: Validation is to choose, and there is none or no threshold leaves few enough wrong answers.
    """
    background = list(labels).index(BACKGROUND) if BACKGROUND in labels else None
    aim = scores.MOST_ERROR if unknown_below == AUTO else None
    threshold = float(float32(unknown_below)) if aim is None else _chosen(validation, background, aim)

    def measured(part: Predictions) -> scores.Refusal | None:
        return _measured(part, threshold, background) if len(part.truth) else None

    return Refusing(threshold, aim, background, measured(validation), measured(test))


def _measured(part: Predictions, threshold: float, background: int | None) -> scores.Refusal:
    found = scores.refusal(part.truth, part.probabilities, threshold, background=background)
    given = scores.answered(part.probabilities, threshold, background=background)
    own = [truth != background for truth in part.truth]

    def grouped(share: scores.Share, among: Sequence[bool] | ndarray) -> GroupedShare:
        groups = {group for group, counts in zip(part.groups, among, strict=True) if counts}
        return GroupedShare(share.count, share.of, len(groups))

    return scores.Refusal(found.photos, grouped(found.coverage, own), grouped(found.error, given))


def _chosen(validation: Predictions, background: int | None, aim: float) -> float:
    if not len(validation.truth):
        raise DataError(
            "There is no validation photo that could choose the threshold.",
            remedy="Split with a validation share and train again, or name it: --unknown-below 0.8.",
        )
    truth, probabilities = validation.truth, validation.probabilities
    threshold = scores.least_threshold(truth, probabilities, error=aim, background=background)
    if threshold is not None:
        return threshold
    best = scores.least_error(truth, probabilities, background=background)
    raise DataError(
        f"No threshold leaves at most {100 * aim:g} % of the answers on validation wrong.",
        received=f"at best {best.count} wrong of {best.of} answers, on {len(truth)} validation photos",
        remedy="Choose another run or train with more photos, or name a threshold: --unknown-below 0.8.",
    )


def _facts(measured: scores.Refusal) -> dict[str, Any]:
    facts: dict[str, Any] = {"photos": measured.photos}
    for name, share in (("coverage", measured.coverage), ("error", measured.error)):
        interval = share.interval
        facts[name] = None if math.isnan(share.value) else share.value
        facts[f"{name}_interval"] = None if interval is None else list(dataclasses.astuple(interval))
    return facts
