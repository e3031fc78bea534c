"""Every arm at every training size: accuracy with its interval, the spread between seeds, and other scores."""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup

from transfer import scores
from transfer.comparison import Ground
from transfer.reporting import method
from transfer.reporting.evidence import Evidence
from transfer.reporting.markup import DASH, render
from transfer.reporting.pair import Pair
from transfer.reporting.result import Result
from transfer.reporting.section import Section
from transfer.strategy import ALL


def body(evidence: Evidence) -> Markup | None:
    if not evidence.results:
        return None
    return render(
        "arms.html",
        evidence=evidence,
        groups=[_group(ground, evidence) for ground in evidence.grounds],
        several=len(evidence.grounds) > 1,
        repeated=any(len(result.runs) > 1 for result in evidence.results if result.folds is None),
        unchosen=evidence.chosen and any(result.validation_accuracy is None for result in evidence.results),
        method=method,
        folds=any(ground.folds for ground in evidence.grounds),
        whole=all(result.whole for result in evidence.results),
        given=any(ground.folds is None for ground in evidence.grounds),
    )


def _group(ground: Ground, evidence: Evidence) -> dict[str, object]:
    own = evidence.on(ground)
    low, high = _scale(own)

    def place(value: float) -> str:
        return f"{100 * (value - low) / (high - low):.2f}%"

    return {
        "averaged": any(len(one.answers) > 1 for one in own),
        "whole": all(one.whole for one in own),
        "ground": ground,
        "rows": [_row(one, evidence) for one in own],
        "low": low,
        "high": high,
        "place": place,
    }


def _row(result: Result, evidence: Evidence) -> dict[str, object]:
    against = _against_first(result, evidence)
    return {
        "result": result,
        "difference": against and against.difference,
        "alike": against is not None and against.alike,
        "shared": against.shared if against is not None else "",
        "corrected": against and against.corrected,
        "settled": against is not None and against.settled,
        "mean_class": result.score(scores.MEAN_CLASS_ACCURACY),
        "macro_f1": result.score(scores.MACRO_F1),
        "top_5": result.score(scores.top_k(5)) if len(result.runs[0].labels) > 5 else None,
        "log_loss": result.score(scores.LOG_LOSS),
        "brier": result.score(scores.BRIER),
        "calibration": result.score(scores.CALIBRATION_ERROR),
        "seconds": result.seconds,
        "trainable": result.mean("parameters", "trainable"),
        "settings": _settings(result),
    }


def _settings(result: Result) -> str:
    """What decides the result and does not stand in the name, in one line."""
    steps = (result.runs[0].facts.get("strategy") or {}).get("steps") or ()
    # Where every stage is trained no view can be kept, and each epoch draws its own.
    views = max((step.get("views") or 0 for step in steps if step.get("augment") and step["thaw"] != ALL), default=0)
    said = [f"batch norm {result.each('batch_norm') or DASH}", result.each("engine"), result.precision]
    said += [f"{views} views of a photo"] if views else []
    said += [f"from {source}"] if (source := result.each("source")) else []
    said += ["refitted"] if result.each("refit") else []
    return ", ".join(one or DASH for one in said)


def _against_first(result: Result, evidence: Evidence) -> Pair | None:
    """How it stands to the first arm on its ground, the one that validation chose there."""
    first = evidence.on(result.ground)[0]
    for pair in evidence.pairs:
        if {id(pair.a), id(pair.b)} == {id(first), id(result)}:
            return pair.seen_from(result)
    return None


def _scale(results: Sequence[Result]) -> tuple[float, float]:
    """The ends of the drawn scale, in whole tenths around all that is drawn on it."""
    drawn = [edge for one in results if one.interval for edge in (one.interval.low, one.interval.high, *one.accuracies)]
    if not drawn:
        return 0.0, 1.0
    low, high = math.floor(10 * min(drawn)) / 10, math.ceil(10 * max(drawn)) / 10
    return (low, high) if low < high else (max(low - 0.1, 0.0), min(high + 0.1, 1.0))


section = Section("Arms", 30, body)
