"""Accuracy against training photos a class: what more photos would bring, and to which arm."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from transfer.reporting.arm_charts import Line, learning_curves
from transfer.reporting.evidence import Evidence
from transfer.reporting.markup import of_size, percent, render
from transfer.reporting.result import Result
from transfer.reporting.section import Section

DRAWN = 8
"""More lines than these cannot be told apart: the first by validation are drawn."""


def body(evidence: Evidence) -> Markup | None:
    several: dict[str, dict[int | None, Result]] = {}
    for folds in dict.fromkeys(ground.folds for ground in evidence.grounds):
        several = several or _several(evidence, folds)  # folds and given splits are not drawn together
    if not several:
        return None
    results = [one for of in several.values() for one in of.values()]
    at = _photos(results, len(evidence.manifest.labels))
    sizes = sorted({size for of in several.values() for size in of}, key=lambda size: at[size])
    drawn = dict(list(several.items())[:DRAWN])
    chart = learning_curves(
        [_line(evidence.numbers[title], of, at) for title, of in drawn.items()],
        ticks=[(at[size], "all" if size is None else str(size)) for size in sizes],
        name="learning-curve",
        title="Accuracy against training photos a class",
        told=" ".join(_told(evidence.numbers[title], of, at) for title, of in drawn.items()),
    )
    return render(
        "learning_curve.html",
        result=results[0],
        evidence=evidence,
        chart=chart,
        arms=[(evidence.numbers[title], title) for title in drawn],
        sizes=sizes,
        rows=[(title, [of.get(size) for size in sizes]) for title, of in several.items()],
        all=round(_of_all(results, len(evidence.manifest.labels))) if None in sizes else None,
        held_out=_holds_out(results),
        repeated=any(len(one.accuracies) > 1 for one in results),
        left_out=len(several) - len(drawn),
    )


def _photos(results: Sequence[Result], classes: int) -> dict[int | None, float]:
    """Training photos a class of every size; all of them stand apart from the largest subset even where equal."""
    subsets = [float(result.per_class) for result in results if result.per_class is not None]
    apart = max(_of_all(results, classes), 1.25 * max(subsets, default=1.0))
    return {**{int(size): size for size in subsets}, None: apart}


def _several(evidence: Evidence, folds: int | None) -> dict[str, dict[int | None, Result]]:
    """The arms with more than one size on the given splits, or in so many folds."""
    arms: dict[str, dict[int | None, Result]] = {}
    for result in evidence.results:
        if result.accuracies and result.folds == folds:
            arms.setdefault(result.title, {})[result.per_class] = result
    return {title: of for title, of in arms.items() if len(of) > 1}


def _holds_out(results: Sequence[Result]) -> bool:
    """Whether a size counts photos that are held out of it to choose by; of very few photos none are."""
    return any(result.mean("photos", "validation") for result in results if result.per_class is not None)


def _of_all(results: Sequence[Result], classes: int) -> float:
    """Training photos a class where all are taken, counted as those of the smaller sizes are."""
    parts = ("train", "validation") if _holds_out(results) else ("train",)
    found = [sum(one.mean("photos", part) or 0 for part in parts) for one in results if one.per_class is None]
    return max(found, default=0.0) / max(classes, 1)


def _line(number: int, of: dict[int | None, Result], at: dict[int | None, float]) -> Line:
    ordered = sorted(of.values(), key=lambda result: at[result.per_class])
    return Line(number, tuple(at[one.per_class] for one in ordered), tuple(one.accuracies for one in ordered))


def _told(number: int, of: dict[int | None, Result], at: dict[int | None, float]) -> str:
    ordered = sorted(of.values(), key=lambda result: at[result.per_class])
    return f"{number}: " + ", ".join(f"{percent(one.accuracy)} with {of_size(one.per_class)}" for one in ordered) + "."


section = Section("Learning curve", 36, body)
