"""Charts: theme + matplotlib Figure -> SVG that belongs into the page.

It owns the look of every drawing and makes it part of the page: colours are the page's own (so they follow light, dark
and print), text stays text, ids are unique, nothing in it depends on the day or on this machine's settings. It draws
no text that comes from files or the web: names stand in the HTML around a chart, where they are escaped, can wrap, and
need no glyph of matplotlib's font.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import matplotlib
from markupsafe import Markup, escape
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from transfer.reporting.markup import plural

# Colours that stand for the page's own until the SVG is written: matplotlib knows no CSS variables.
INK, MUTED, RULE, ACCENT, QUIET = "#010101", "#020202", "#030303", "#040404", "#050505"
ARMS = tuple(f"#0601{n:02}" for n in range(1, 9))
"""Colours of numbered arms, taken round and round: the number beside a line tells which arm it is, not the colour."""

_PAGE = {INK: "--ink", MUTED: "--muted", RULE: "--rule", ACCENT: "--accent", QUIET: "--quiet"}
_PAGE |= {colour: f"--arm-{n}" for n, colour in enumerate(ARMS, 1)}

THEME = {
    "svg.hashsalt": "transfer",  # ids follow the content and nothing else
    "svg.fonttype": "none",  # text stays text: it can be read out, searched and copied
    "text.parse_math": False,
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "text.color": INK,
    "axes.edgecolor": RULE,
    "axes.labelcolor": MUTED,
    "axes.titlecolor": MUTED,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "axes.titlepad": 7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.grid.axis": "y",
    "grid.color": RULE,
    "grid.linewidth": 0.8,
    "xtick.color": RULE,
    "ytick.color": RULE,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "xtick.major.size": 3,
    "ytick.major.size": 0,
    "lines.linewidth": 1.4,
    "lines.solid_capstyle": "round",
    "figure.facecolor": "none",
    "axes.facecolor": "none",
}


def training_curves(histories: Sequence[Sequence[Mapping[str, float]]], *, name: str, title: str) -> Markup | None:
    """Accuracy and loss by epoch, a line a seed; None where no run has epochs.

    Args:
        histories: For each run its rows, an epoch each.
        name: Of this chart on the page, of letters, digits and dashes.
        title: What a screen reader says first.
    """
    if not any(histories):
        return None
    with theme():
        figure = Figure(figsize=(4.6, 2.0), layout="constrained")
        left, right = figure.subplots(1, 2)
        for axes, what in ((left, "accuracy"), (right, "loss")):
            for rows in histories:
                _curve(axes, rows, what, color=QUIET, linestyle=(0, (2, 1.6)))
                _curve(axes, rows, f"validation_{what}", color=ACCENT)
            axes.set_title(what)
            axes.set_xlabel("epoch", loc="right")
            axes.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True, min_n_ticks=1, steps=[1, 2, 5, 10]))
            axes.yaxis.set_major_locator(MaxNLocator(nbins=4, steps=[1, 2, 5, 10]))
        left.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        right.set_ylim(bottom=0)
        return svg(figure, name=name, title=title, description=_told(histories))


def _curve(axes: matplotlib.axes.Axes, rows: Sequence[Mapping[str, float]], what: str, **style: Any) -> None:
    """Epochs count on through the steps of a strategy; a short curve shows its points."""
    points = [(number, row[what]) for number, row in enumerate(rows, 1) if what in row]
    if points:
        axes.plot(*zip(*points, strict=True), marker="o" if len(points) < 4 else "", markersize=3, **style)


def _told(histories: Sequence[Sequence[Mapping[str, float]]]) -> str:
    """The chart in words."""
    epochs = [len(rows) for rows in histories]
    best = [max((row.get("validation_accuracy", 0.0) for row in rows), default=0.0) for rows in histories]
    runs = plural(len(histories), "run")
    lengths = f"{min(epochs)} to {max(epochs)} epochs" if min(epochs) < max(epochs) else plural(max(epochs), "epoch")
    held = any("validation_accuracy" in row for rows in histories for row in rows)
    peak = f" Best validation accuracy: {', '.join(f'{value:.1%}' for value in best)}." if held else ""
    return f"Accuracy and loss by epoch for {runs} of {lengths}, on training and validation photos.{peak}"


def theme() -> AbstractContextManager[None]:
    """The theme over matplotlib's own defaults, whatever a user's settings say; as a context."""
    return matplotlib.rc_context({**matplotlib.rcParamsDefault, "backend": matplotlib.rcParams["backend"], **THEME})


def svg(figure: Figure, *, name: str, title: str, description: str) -> Markup:
    """The figure as an ``<svg>`` element for the page; the same figure gives the same text.

    Args:
        figure: Drawn in the theme and its colours.
        name: Of letters, digits and dashes; makes the ids unique on the page.
        title, description: For those who hear the page.
    """
    written = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    with theme():
        figure.savefig(written, format="svg", metadata=nothing)
    text = _lean(written.getvalue())
    text = re.sub(r'\bid="', f'id="{name}-', text)
    text = re.sub(r'(xlink:href="|url\()#', rf"\1#{name}-", text)
    for colour, variable in _PAGE.items():
        text = text.replace(colour, f"var({variable})")
    box = re.search(r'viewBox="[^"]+"', text)
    opening = (
        f'<svg class="chart" xmlns:xlink="http://www.w3.org/1999/xlink" {box[0] if box else ""} role="img" '
        f'aria-labelledby="{name}-title {name}-told"><title id="{name}-title">{escape(title)}</title>'
        f'<desc id="{name}-told">{escape(description)}</desc>'
    )
    return Markup(opening + text[text.index(">") + 1 :])  # noqa: S704  every name in it was escaped above


def _lean(text: str) -> str:
    """Without prologue, a style that would leak into the page, ids nobody refers to and digits nobody sees."""
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", text, flags=re.DOTALL)
    used = set(re.findall(r"#([\w.-]+)", text))
    text = re.sub(r' id="([^"]+)"', lambda found: found[0] if found[1] in used else "", text)
    text = re.sub(r' transform="rotate\(-0 [^"]*"', "", text)
    text = re.sub(r"font-family: [^;\"]+; ?|font: [\d.]+px [^;\"]+; ?", "", text)
    text = re.sub(r"(\d\.\d\d)\d+", r"\1", text)
    text = re.sub(r">\s+<", "><", text)
    for _ in range(3):  # groups that hold nothing, and what held only them
        text = re.sub(r"<(g|defs)></\1>|<g/>|<defs/>", "", text)
    return re.sub(r"\s+", " ", text).strip()
