"""The study of docs/statistics.md, small: the same simulation, fewer repetitions, margins of three standard errors."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from pathlib import Path

import numpy
import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "scripts"))  # as Python does for a script that it runs
STUDY = runpy.run_path(str(ROOT / "scripts" / "simulate_statistics.py"))
Setting, pairs, family = STUDY["Setting"], STUDY["pairs"], STUDY["family"]
REPETITIONS = 300


def error(share: float) -> float:
    """Three standard errors of a share seen in so many repetitions."""
    return 3 * (share * (1 - share) / REPETITIONS) ** 0.5


def test_the_simulated_arms_have_the_accuracies_that_they_are_said_to_have() -> None:
    setting = Setting(4, groups=4000, accuracy=0.88, gap=0.05, luck=0.02)
    rng, group = numpy.random.default_rng(0), STUDY["photos_of"](setting)
    drawn = numpy.array([[side.mean(axis=1) for side in STUDY["draw"](rng, group, setting)] for _ in range(60)])
    assert drawn.mean(axis=(0, 2)) == pytest.approx([0.88, 0.83], abs=0.006)
    assert drawn[:, 0].std(axis=1, ddof=1).mean() == pytest.approx(0.02, abs=0.005)


@pytest.mark.parametrize("luck", [0.0, 0.03])
def test_the_interval_of_a_report_covers_a_true_difference_where_the_simple_ones_do_not(luck: float) -> None:
    found = pairs(Setting(5, groups=120, luck=luck, gap=0.04), repetitions=REPETITIONS, draws=300).covers
    assert 0.93 - error(0.93) <= found["report"] <= 0.97 + error(0.97)
    simple = found["seeds"] if luck == 0 else found["photos"]
    assert simple < 0.93 - error(0.93)


@pytest.mark.parametrize(("luck", "wild"), [(0.0, "seeds"), (0.03, "percentile")])
def test_a_report_rejects_a_true_null_no_more_often_than_it_says(luck: float, wild: str) -> None:
    found = pairs(Setting(3, groups=120, luck=luck), repetitions=REPETITIONS, draws=300).rejects
    assert found["report"] <= 0.05 + error(0.05)
    assert found[wild] > 0.05


def test_among_four_arms_no_difference_is_claimed_that_is_not_there() -> None:
    found = family(Setting(5, groups=120, luck=0.03, arms=4), repetitions=REPETITIONS, draws=300)
    assert found["holm"] <= 0.05 + error(0.05)
    assert found["uncorrected"] > 0.05 + error(0.05)
    assert found["percentile"] > 0.05 + error(0.05)


def test_an_arm_that_is_better_is_told_from_all_others_and_no_more_is_claimed() -> None:
    found = family(Setting(5, groups=120, luck=0.0, gap=0.15, arms=3), repetitions=100, draws=300)
    assert found["found"] > 0.5
    assert found["holm"] <= 0.05 + 3 * (0.05 * 0.95 / 100) ** 0.5


@pytest.mark.parametrize("per_class", [None, 5])
def test_in_folds_a_true_null_is_rejected_no_more_often_than_a_report_says(per_class: int | None) -> None:
    setting = STUDY["FoldSetting"](5, 3, photos=80, per_class=per_class)
    found = STUDY["in_folds"](setting, repetitions=REPETITIONS)
    assert found.rejects["report"] <= 0.05
    assert found.rejects["folds"] > 0.05 + error(0.05)
    assert found.covers["single"] >= 0.93 - error(0.93)


def test_in_folds_a_true_difference_is_covered() -> None:
    setting = STUDY["FoldSetting"](5, 1, photos=80, gap=0.5, grouped=True)
    found = STUDY["in_folds"](setting, repetitions=REPETITIONS)
    assert found.covers["report"] >= 0.93 - error(0.93)
    assert found.rejects["report"] < found.rejects["folds"]


def test_the_script_writes_its_tables_between_the_marks_of_a_page_and_nothing_else(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Before\n\n<!-- results -->\nformer rows\n<!-- end -->\n\nAfter.\n", encoding="utf-8")
    command = [
        sys.executable,
        str(ROOT / "scripts" / "simulate_statistics.py"),
        "--repetitions",
        "2",
        "--into",
        str(page),
    ]
    subprocess.run(command, check=True, timeout=200)
    text = page.read_text(encoding="utf-8")
    assert text.startswith("# Before\n\n<!-- results -->\nEach row: 2 simulated comparisons.")
    assert text.endswith("<!-- end -->\n\nAfter.\n")
    assert "former rows" not in text


def test_what_the_page_on_statistics_claims_stands_in_its_tables() -> None:
    """Between 93 and 97 %, and at most 5 %, up to two standard errors of 2,000 repetitions.

    Three seeds may cover 98 %: an interval is never narrower than its photos alone make it, which only widens it, most
    where seeds are few.
    """
    text = (ROOT / "docs" / "statistics.md").read_text(encoding="utf-8")
    tables = {
        title: [
            [cell.strip(" %") for cell in row.strip("|").split("|")]
            for row in re.findall(r"^\|.*\|$", body, re.MULTILINE)
        ][2:]
        for title, body in re.findall(r"### (.*?)\n(.*?)(?=\n###|<!-- end -->)", text, re.DOTALL)
    }
    assert len(tables) == 5
    coverage = [float(row[2]) for row in tables["Coverage of a true difference"]]
    assert len(coverage) == len(STUDY["GAPS"])
    assert min(coverage) >= 93 - 1.2
    of_seeds = [(int(row[0]), float(row[2])) for row in tables["Coverage of a true difference"]]
    assert max(covered for seeds, covered in of_seeds if seeds > 3) <= 97 + 0.8
    assert max(covered for _, covered in of_seeds) <= 98 + 0.6
    rejected = [float(row[2]) for row in tables["Rejections of a true null"]]
    assert len(rejected) == len(STUDY["NULLS"])
    assert max(rejected) <= 5 + 1.0
    assert max(float(row[2]) for row in tables["Any wrong claim among the six pairs of four arms"]) <= 5 + 1.0
    folds = tables["Folds"]
    assert len(folds) == len(STUDY["FOLDS"])
    assert max(float(row[3]) for row in folds) <= 5 + 1.0
    assert min(float(cell) for row in folds for cell in (row[5], row[7])) >= 95 - 1.2
    assert max(float(row[4]) for row in folds) > 50  # Student's t over the folds, which is not used
    for column in (3, 4, 5):  # the ways that are not used fail somewhere, each of them
        assert max(float(row[column]) for row in tables["Rejections of a true null"]) > 10
