"""The curve of a range test: loss against learning rate, with the rate that the arm has and the one it suggests."""

from __future__ import annotations

from markupsafe import Markup
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from transfer.reporting.charts import ACCENT, INK, QUIET, svg, theme
from transfer.scores import RangeTest, in_powers


def rate_chart(test: RangeTest, *, own: float, name: str, title: str) -> Markup:
    """The smoothed loss by rate.

    Args:
        test: The curve, read. own: The rate that the phase has.
        name: Of this chart on the page, of letters, digits and dashes. title: What a screen reader says first.
    """
    with theme():
        figure = Figure(figsize=(3.4, 2.1), layout="constrained")
        axes = figure.subplots()
        axes.set_xscale("log")
        axes.plot(test.rates, test.smoothed, color=QUIET, zorder=3)
        axes.axvline(own, color=INK, linewidth=1)
        if test.suggested is not None:
            axes.axvline(test.suggested, color=ACCENT, linewidth=1, linestyle=(0, (2, 1.6)))
        # What comes after the least loss rises without end and says nothing more.
        axes.set_ylim(0, 1.6 * max(test.smoothed[0], min(test.smoothed)))
        axes.set_title("loss")
        axes.set_xlabel("learning rate", loc="right")
        axes.xaxis.set_major_locator(LogLocator(numticks=5))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda rate, _: in_powers(rate)))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_locator(MaxNLocator(nbins=4))
        suggested = f", a tenth of which is {in_powers(test.suggested)}" if test.suggested else "; no rate made it fall"
        told = f"The loss is least at a rate of {in_powers(test.least)}{suggested}. The arm has {in_powers(own)}."
        return svg(figure, name=name, title=title, description=told)
