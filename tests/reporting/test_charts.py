"""Charts that belong to the page."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from xml.etree import ElementTree

import pytest
from markupsafe import Markup

from transfer import scores
from transfer.reporting.arm_charts import Line, Point, learning_curves, pareto, reliability
from transfer.reporting.charts import training_curves

ROWS = [
    {
        "step": 0,
        "epoch": n,
        "loss": 2 / n,
        "accuracy": n / 10,
        "validation_loss": 2.2 / n,
        "validation_accuracy": n / 11,
    }
    for n in range(1, 9)
]


def test_a_chart_is_sound_xml_in_the_colours_of_the_page_with_a_title_and_a_description() -> None:
    chart = training_curves([ROWS, ROWS[:5]], name="curves-1", title='a "quoted" <arm> & more')
    assert chart is not None
    root = ElementTree.fromstring(chart)
    assert root[0].text == 'a "quoted" <arm> & more'
    assert "2 runs of 5 to 8 epochs" in str(root[1].text)
    assert "72.7%, 45.5%" in str(root[1].text)
    assert "var(--accent)" in chart
    assert not re.search(r"#0[1-5]0[1-5]0[1-5]|<style|<metadata|font-family", chart)
    labels = {part.text for part in root.iter() if part.tag.endswith("text")}
    assert {"accuracy", "loss", "epoch"} <= labels


def test_every_reference_of_a_chart_meets_its_own_id() -> None:
    charts = [training_curves([ROWS], name=f"curves-{n}", title="arm") for n in (1, 2)]
    ids = [re.findall(r'\bid="([^"]+)"', str(chart)) for chart in charts]
    assert ids[0]
    assert not set(ids[0]) & set(ids[1])
    for chart, own in zip(charts, ids, strict=True):
        assert set(re.findall(r'(?:url\(|href=")#([^")]+)', str(chart))) <= set(own)


def test_runs_without_epochs_have_no_chart() -> None:
    assert training_curves([[], []], name="curves-1", title="arm") is None


def test_epochs_without_validation_are_drawn_and_said_without_it() -> None:
    bare = [{name: row[name] for name in ("epoch", "loss", "accuracy")} for row in ROWS[:1]]
    chart = training_curves([bare], name="curves-1", title="arm")
    assert chart is not None
    assert "Best validation" not in chart


# --- drawings of several arms ---

SAID = {"title": 'a "quoted" <title>', "told": "what & how"}


def curves() -> Markup:
    lines = [Line(n, (1.0, 5.0, 20.0), ((0.2, 0.3), (0.5, 0.6), (0.8 + n / 1000, 0.8))) for n in (1, 2, 9)]
    return learning_curves(lines, ticks=[(1.0, "1"), (5.0, "5"), (20.0, "all")], name="curves", **SAID)


def costs() -> Markup:
    points = [Point(n, 10.0**n, 0.7 + n / 50, n != 2) for n in (1, 2, 3)]
    return pareto(points, axis="seconds a run", name="costs", **SAID)


def bins() -> Markup:
    found = (scores.Bin(0.4, 0.5, 3, 0.45, 0.2), scores.Bin(0.9, 1.0, 30, 0.97, 1.0))
    return reliability(found, name="bins", **SAID)


@pytest.mark.parametrize("drawn", [curves, costs, bins])
def test_every_drawing_is_sound_and_said_and_the_same_each_time(drawn: Callable[[], Markup]) -> None:
    chart = drawn()
    root = ElementTree.fromstring(chart)
    assert (root[0].text, root[1].text) == (SAID["title"], SAID["told"])
    assert not re.search(r"#0[0-9a-f]0[0-9a-f]0[0-9a-f]\b|<style|<metadata|font-family", chart)
    assert chart == drawn()


def texts(chart: Markup) -> list[tuple[str, float]]:
    """The words of a drawing and how high they stand."""
    found = [part for part in ElementTree.fromstring(chart).iter() if part.tag.endswith("text")]
    heights = [re.findall(r"-?[\d.]+", part.get("transform", "")) for part in found]
    return [
        (str(part.text), float(part.get("y") or (numbers[1] if len(numbers) > 1 else 0)))
        for part, numbers in zip(found, heights, strict=True)
    ]


def test_arms_are_numbers_and_sizes_are_called_by_their_names() -> None:
    words = [word for word, _ in texts(curves())]
    assert {"1", "2", "9", "5", "all", "training photos a class"} <= set(words)
    assert {"seconds a run", "10", "100", "1k"} <= {word for word, _ in texts(costs())}


def test_numbers_of_arms_that_end_at_one_place_do_not_cover_each_other() -> None:
    heights = sorted(height for word, height in texts(curves()) if word in ("2", "9"))
    heights += [height for word, height in texts(curves()) if word == "1"][-1:]
    heights.sort()
    assert all(after - before > 8 for before, after in itertools.pairwise(heights))


def test_the_ninth_arm_has_the_colour_of_the_first_and_another_number() -> None:
    chart = curves()
    assert "var(--arm-1)" in chart
    assert "var(--arm-2)" in chart
    assert "var(--arm-9)" not in chart


def test_no_line_crosses_out_the_number_of_an_arm_that_nothing_beats() -> None:
    points = [Point(1, 200.0, 0.87, True), Point(2, 3.0, 0.83, True), Point(3, 50.0, 0.81, False)]
    chart = str(pareto(points, axis="seconds a run", name="pareto", title="", told=""))
    numbers = {n: float(y) for y, n in re.findall(r'<text [^>]*y="([\d.]+)">([123])</text>', chart)}
    dots = {n: float(y) for y, n in re.findall(r'<use [^>]*y="([\d.]+)" [^>]*stroke: var\(--arm-(\d)\)', chart)}
    baseline = {n: numbers[n] - dots[n] for n in "123"}
    assert baseline["1"] < -4
    assert baseline["2"] < -4, "y grows downwards: above the dot and the line that goes on from it"
    assert 0 < baseline["3"] < 5, "beside its dot"
