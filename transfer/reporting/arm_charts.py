"""Arm charts: drawings of several arms at once, and the reliability diagram of one.

In them an arm is a number, in the colour that goes with it; the key beside the chart says which arm that is. So no name
is drawn, and who sees no colours, or prints without, loses nothing.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass

import numpy
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullFormatter, PercentFormatter

from transfer import scores
from transfer.reporting.charts import ACCENT, ARMS, QUIET, svg, theme


@dataclass(frozen=True)
class Line:
    """An arm at several training sizes.

    Attributes:
        number: Of the arm. photos: Training photos a class, increasing.
        values: At each, the accuracy of every seed.
    """

    number: int
    photos: tuple[float, ...]
    values: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Point:
    """An arm with one cost. ``best`` where no other arm is both cheaper and more accurate."""

    number: int
    cost: float
    accuracy: float
    best: bool


def learning_curves(
    lines: Sequence[Line], *, ticks: Sequence[tuple[float, str]], name: str, title: str, told: str
) -> Markup:
    """Accuracy against training photos a class: the mean of the seeds, and a band from the lowest to the highest.

    Args:
        lines: The arms. ticks: Where the sizes stand on the axis and what they are called.
        name: Of the chart on the page. title, told: For those who hear it.
    """
    with theme():
        figure = Figure(figsize=(5.0, 3.3), layout="constrained")
        axes = figure.subplots()
        axes.set_xscale("log")
        for line in lines:
            colour = _colour(line.number)
            low, high = [min(one) for one in line.values], [max(one) for one in line.values]
            axes.fill_between(line.photos, low, high, color=colour, alpha=0.13, linewidth=0)
            axes.plot(line.photos, [sum(one) / len(one) for one in line.values], color=colour, marker="o", markersize=4)
        axes.xaxis.set_major_locator(FixedLocator([at for at, _ in ticks]))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda at, _: {round(a, 6): t for a, t in ticks}[round(at, 6)]))
        axes.xaxis.set_minor_locator(FixedLocator([]))
        axes.set_xlabel("training photos a class", loc="right")
        _accuracy(axes)
        ends = [(line.number, line.photos[-1], sum(line.values[-1]) / len(line.values[-1])) for line in lines]
        _number(figure, axes, ends)
        return svg(figure, name=name, title=title, description=told)


def pareto(points: Sequence[Point], *, axis: str, name: str, title: str, told: str) -> Markup:
    """Accuracy against a cost, the costs on a logarithmic scale, with a line through the arms that nothing beats.

    Args:
        points: The arms. axis: What the cost is, with its unit.
        name: Of the chart on the page. title, told: For those who hear it.
    """
    with theme():
        figure = Figure(figsize=(3.3, 2.7), layout="constrained")
        axes = figure.subplots()
        axes.set_xscale("log")
        edge = sorted((point for point in points if point.best), key=lambda point: point.cost)
        axes.step(
            [one.cost for one in edge], [one.accuracy for one in edge], where="post", color=QUIET, linestyle=(0, (2, 2))
        )
        for point in points:
            face = _colour(point.number) if point.best else "none"
            axes.plot(
                [point.cost], [point.accuracy], "o", markersize=7, color=_colour(point.number), markerfacecolor=face
            )
        costs = [point.cost for point in points]
        axes.set_xlim(min(costs) / 1.8, max(costs) * 2.4)
        wide = max(costs) / min(costs) > 30
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0,) if wide else (1.0, 2.0, 5.0), numticks=6))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _brief(value)))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.minorticks_off()
        axes.set_xlabel(axis, loc="right")
        _accuracy(axes)
        on_edge = {point.number for point in points if point.best}
        _number(figure, axes, [(point.number, point.cost, point.accuracy) for point in points], above=on_edge)
        return svg(figure, name=name, title=title, description=told)


def reliability(bins: Sequence[scores.Bin], *, name: str, title: str, told: str) -> Markup:
    """Share of right answers against confidence, with how many answers each bin holds below.

    Args:
        bins: Those that hold a photo. name: Of the chart on the page. title, told: For those who hear it.
    """
    with theme():
        figure = Figure(figsize=(4.2, 4.2), layout="constrained")
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
        above.plot([0, 1], [0, 1], color=QUIET, linestyle=(0, (2, 2)))
        for bin in bins:  # how far the bin is from meaning what it says
            above.plot([bin.confidence] * 2, [bin.confidence, bin.accuracy], color=ACCENT, alpha=0.35, linewidth=3)
        above.plot([one.confidence for one in bins], [one.accuracy for one in bins], "o", color=ACCENT, markersize=5)
        above.set_title("share that is right")
        above.set_ylim(-0.03, 1.03)
        above.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        below.bar(
            [one.low for one in bins],
            [one.photos for one in bins],
            width=[0.9 * (one.high - one.low) for one in bins],
            align="edge",
            color=QUIET,
        )
        below.set_title("answers")
        below.yaxis.set_major_locator(MaxNLocator(nbins=2, integer=True))
        below.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        below.set_xlim(0, 1)
        below.set_xlabel("probability of the answer", loc="right")
        return svg(figure, name=name, title=title, description=told)


def _colour(number: int) -> str:
    return ARMS[(number - 1) % len(ARMS)]


def _accuracy(axes: Axes) -> None:
    axes.set_title("accuracy")
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 5, 10]))
    low, high = axes.get_ylim()
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=1 if high - low < 0.04 else 0))


def _number(
    figure: Figure, axes: Axes, ends: Sequence[tuple[int, float, float]], *, above: Container[int] = ()
) -> None:
    """The numbers of arms, each right of its point; those that would stand in each other's way are moved apart.

    Those ``above`` stand above their point, where a line that goes on to the right does not cross them out.
    """
    figure.draw_without_rendering()  # the layout is known only afterwards
    size = 9 * figure.dpi / 72
    taken: list[tuple[float, float]] = []
    for number, x, y in sorted(ends, key=lambda end: (-end[2], end[0])):
        px, py = axes.transData.transform((x, y))
        if number in above:
            px, py = px - 0.3 * size, py + 1.1 * size
        else:
            px += 0.8 * size
        for other_x, other_y in sorted(taken, key=lambda one: -one[1]):
            if abs(other_x - px) < 1.6 * size and abs(other_y - py) < 1.15 * size:
                py = other_y - 1.15 * size
        taken.append((px, py))
        at_x, at_y = axes.transData.inverted().transform((px, py))
        axes.text(at_x, at_y, str(number), color=_colour(number), weight="bold", va="center_baseline", clip_on=False)


def _brief(value: float) -> str:
    """0.5, 20, 3k, 60M: an axis has no room for more."""
    for step, sign in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= step:
            return f"{value / step:g}{sign}"
    return f"{value:g}"


def frontier(costs: Sequence[float], accuracies: Sequence[float]) -> list[bool]:
    """Which arms no other beats: none is at least as cheap and at least as accurate, and better in one of the two.

    >>> frontier([1, 2, 3, 3], [0.7, 0.6, 0.9, 0.8])
    [True, False, True, False]
    """
    c, a = numpy.asarray(costs), numpy.asarray(accuracies)
    beaten = (c <= c[:, None]) & (a >= a[:, None]) & ((c < c[:, None]) | (a > a[:, None]))
    return [not any(row) for row in beaten]
