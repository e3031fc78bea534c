"""The arm for who names none: held against the tables of the documents."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from conftest import photos

from transfer import workflow
from transfer.arm import Arm
from transfer.cli import cli
from transfer.errors import DataError
from transfer.photo import Photo
from transfer.run import Run
from transfer.training import suggestion
from transfer.training.plan import resolve_strategy
from transfer.training.suggestion import FEW, suggest
from transfer.workspace import Workspace

DOCS = Path(__file__).parents[2] / "docs"


def train(*counts: int) -> tuple[Photo, ...]:
    """So many photos of each class."""
    return photos(counts).photos


@pytest.mark.parametrize("gpu", [False, True])
@pytest.mark.parametrize("a_class", [1, FEW - 1, FEW, 10 * FEW])
def test_what_is_suggested_exists_and_says_why(a_class: int, gpu: bool) -> None:
    found = suggest(train(a_class, a_class, a_class), gpu=gpu)
    resolve_strategy(Arm.parse(found.arm), lambda: (3 * a_class, 300.0))
    assert found.reason.startswith(f"{a_class} training photo")
    assert ("linear_probe" in found.arm) == (a_class < FEW)


@pytest.mark.parametrize(("per_class", "few"), [(None, False), (3, True)])
def test_who_names_no_arm_gets_what_their_own_photos_suggest(
    per_class: int | None, few: bool, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of each class six photos are to learn from; it takes five here to be many."""
    monkeypatch.setattr(suggestion, "FEW", 5)
    found = workflow.suggested(workspace, per_class=per_class)
    trained: list[str] = []

    def trains(place: object, arm: str, **how: object) -> Run:
        trained.append(arm)
        raise DataError("Nothing is trained here.")

    monkeypatch.setattr(workflow, "train", trains)
    asked = ["train", str(workspace.root), *(["--per-class", str(per_class)] if per_class else [])]
    said = CliRunner().invoke(cli, asked, standalone_mode=False)
    assert trained == [found.arm]
    assert f"training {found.arm}: {found.reason}" in said.stderr
    assert found.arm.endswith("linear_probe") == few


def test_one_large_class_does_not_speak_for_the_others() -> None:
    assert suggest(train(10, 12, 5000), gpu=False).arm == "mobilenet_v2:linear_probe"


def cell(text: str) -> tuple[float, float]:
    mean, low = re.findall(r"([\d.]+)% \(([\d.]+)", text)[0]
    return float(mean), float(low)


def measured() -> list[tuple[str, int, dict[str, tuple[float, float]]]]:
    """Of the examples: data set, training photos a class, and mean and lower end for each strategy of MobileNetV2."""
    found = []
    for section in re.split(r"^## ", (DOCS / "examples.md").read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        rows = re.findall(r"^\| `mobilenet_v2:(\w+)` \|(.+)\|$", section, re.MULTILINE)
        head = re.search(r"^\| Arm \|(.+)\|$", section, re.MULTILINE)
        if head is None or not rows:
            continue
        for column, words in enumerate(head[1].split("|")):
            numbers = [int(number) for number in re.findall(r"\d+", words)]
            cells = {
                strategy: tuple(
                    float(value) for value in re.findall(r"([\d.]+)%? ?\(([\d.]+)", line.split("|")[column])[0]
                )
                for strategy, line in rows
            }
            found.append((section.split(":")[0], sum(numbers) // len(numbers), cells))
    return found


def test_no_choice_lies_below_what_the_best_of_the_examples_reaches() -> None:
    tables = measured()
    assert len(tables) >= 8
    for name, a_class, cells in tables:
        strategy = suggest(train(a_class), gpu=False).arm.partition(":")[2]
        best = max(cells.values())
        assert cells[strategy][0] >= best[1], (
            f"{name}, {a_class} a class: {strategy} has {cells[strategy]}, {best} is best"
        )


A_CLASS = {"hymenoptera": 104, "clothing_small": 100, "caltech20": 45, "flowers5": 251}


@pytest.mark.parametrize(("width", "gpu"), [("1.0", False), ("0.35", False), ("0.35", True)])
def test_no_choice_lies_below_what_the_best_of_the_results_reaches(width: str, gpu: bool) -> None:
    """Of all photos; the whole network was trained from them in its narrow form only."""
    text = (DOCS / "results.md").read_text(encoding="utf-8").split(f"## MobileNetV2, {width}")[1].split("## ")[0]
    head, _, *rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("|")]
    for column, name in enumerate(head[1:], 1):
        found = {row[0]: re.findall(r"[\d.]+", row[column]) for row in rows}
        cells = {strategy: (float(values[0]), float(values[1])) for strategy, values in found.items() if values}
        strategy = suggest(train(A_CLASS[name]), gpu=gpu).arm.partition(":")[2]
        assert cells[strategy][0] >= max(cells.values())[1], f"{name}: {strategy} has {cells[strategy]}"
    assert len(rows) >= 6 and len(head) == 5


def test_fine_tuning_is_suggested_where_it_was_measured_to_gain() -> None:
    (cells,) = [cells for name, a_class, cells in measured() if (name, a_class) == ("Clothing", 100)]
    assert cells["fine_tune_top"][0] - cells["linear_probe"][0] > 3
    assert suggest(train(100), gpu=False).arm == "mobilenet_v2:fine_tune_top"
