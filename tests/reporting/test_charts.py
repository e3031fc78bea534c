"""Charts that belong to the page."""

from __future__ import annotations

import re
from xml.etree import ElementTree

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
