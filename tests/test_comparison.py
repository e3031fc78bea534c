"""The one rule: what a competitor is, which is first, which run is shipped."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy
import pytest

from transfer.comparison import Comparison, Ground, best, competitors, present, row
from transfer.errors import DataError
from transfer.folds import digest
from transfer.manifest import Manifest
from transfer.photo import SPLITS, Photo
from transfer.reporting.evidence import gather
from transfer.reporting.sections.verdict import judge
from transfer.run import Predictions, Run, read_runs, run_id
from transfer.workflow._places import run_of
from transfer.workspace import Workspace

PHOTOS = Manifest(
    tuple(
        Photo(str(n), f"{n}.png", "ab"[n % 2], "folder", sha256=f"{n:064}", split=SPLITS[n % 3], width=9, height=9)
        for n in range(60)
    )
)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    workspace = Workspace(tmp_path / "WS")
    PHOTOS.write(workspace)
    return workspace


def write(
    workspace: Workspace,
    arm: str,
    right: int,
    *,
    seed: int = 0,
    per_class: int | None = None,
    validated: bool = True,
    trainable: int = 100,
    started: str = "2026-01-01",
    **facts: Any,
) -> Run:
    """A finished run that has so many of its twenty validation photos right, and half of the test photos."""
    data = digest(PHOTOS) if facts.get("folds") else PHOTOS.training_digest()
    facts |= {"parameters": {"trainable": trainable, "total": 999}, "started": started}
    id = run_id({"arm": arm, "seed": seed, "per_class": per_class, **facts})
    run = Run(id, "done", arm, seed, per_class, ("a", "b"), data, workspace.runs / id, facts=facts)
    kept = [answers("validation", right)] if validated else []
    run.write(workspace, [*kept, answers("test", 10)], [])
    return run


def answers(split: str, right: int) -> Predictions:
    photos = PHOTOS.part(split)
    truth = numpy.array([photo.label == "b" for photo in photos], dtype=int)
    said = numpy.where(numpy.arange(len(photos)) < right, truth, 1 - truth)
    probabilities = numpy.eye(2, dtype="float32")[said] * 0.6 + 0.2
    return Predictions(split, tuple(p.id for p in photos), truth, probabilities, tuple(p.sha256 for p in photos))


def arms(workspace: Workspace) -> list[str]:
    return [one.runs[0].arm for one in competitors(read_runs(workspace))]


def test_the_mean_over_the_seeds_chooses_the_arm_and_the_best_seed_is_shipped(workspace: Workspace) -> None:
    for seed, right in enumerate((18, 12)):
        write(workspace, "lucky:probe", right, seed=seed)
    shipped = [write(workspace, "steady:probe", right, seed=seed) for seed, right in enumerate((16, 17, 17))]
    assert arms(workspace) == ["steady:probe", "lucky:probe"]
    assert best(read_runs(workspace)).id == shipped[1].id, "of equal seeds the lowest"


def test_a_rule_that_depends_on_the_number_of_photos_is_one_competitor_in_all_folds(workspace: Workspace) -> None:
    for seed, epochs in enumerate((4, 5, 4)):
        write(workspace, "a:rule", 15, seed=seed, folds=3, strategy={"epochs": epochs}, rule={"epochs": 1})
    (found,) = competitors(read_runs(workspace))
    assert [run.seed for run in found.runs] == [0, 1, 2]


def test_runs_of_a_drawn_size_are_of_other_data_once_other_photos_belong_together(workspace: Workspace) -> None:
    few = write(workspace, "a:probe", 15, per_class=5)
    full = write(workspace, "a:probe", 15)
    assert {run.id for run in present(read_runs(workspace), PHOTOS)} == {few.id, full.id}
    train = PHOTOS.part("train")[:2]
    burst = PHOTOS.replace(dataclasses.replace(one, group="b") if one in train else one for one in PHOTOS.photos)
    assert [run.id for run in present(read_runs(workspace), burst)] == [full.id]
    again = write(workspace, "a:probe", 16, per_class=5, groups=burst.groups_digest())
    assert {run.id for run in present(read_runs(workspace), burst)} == {full.id, again.id}


def test_of_equal_arms_the_one_that_trains_fewer_weights_and_then_the_name_is_first(workspace: Workspace) -> None:
    write(workspace, "c:probe", 15, trainable=50)
    write(workspace, "b:probe", 15, trainable=50)
    write(workspace, "a:probe", 15, trainable=60)
    assert arms(workspace) == ["b:probe", "c:probe", "a:probe"]


def test_the_largest_size_that_could_choose_decides(workspace: Workspace) -> None:
    write(workspace, "a:probe", 20, per_class=5)
    write(workspace, "b:probe", 10, per_class=10)
    write(workspace, "c:probe", 0, validated=False)
    found = competitors(read_runs(workspace))
    assert [one.ground for one in found] == [Ground(10), Ground(5), Ground(None)]
    assert best(read_runs(workspace)).arm == "b:probe"


def test_two_settings_of_an_arm_are_two_competitors_and_share_no_mean(workspace: Workspace) -> None:
    for size, right in ((32, 4), (64, 18)):
        write(workspace, "a:probe", right, size=size)
    write(workspace, "a:probe", 19, size=64, refit=True)
    write(workspace, "b:probe", 12)
    found = competitors(read_runs(workspace))
    assert [one.validation_accuracy for one in found] == [0.95, 0.9, 0.6, 0.2]
    assert best(read_runs(workspace)).facts["refit"]


def test_of_two_runs_of_one_cell_the_later_counts(workspace: Workspace) -> None:
    for day, right in ((1, 20), (3, 11), (2, 19)):
        write(workspace, "a:probe", right, started=f"2026-01-0{day}")
    (one,) = competitors(read_runs(workspace))
    assert one.validation_accuracy == pytest.approx(11 / 20)


def test_folds_and_given_splits_are_never_mixed_and_folds_come_first(workspace: Workspace) -> None:
    write(workspace, "a:probe", 20)
    for seed in range(3):
        write(workspace, "a:probe", 10, seed=seed, folds=3)
        write(workspace, "a:probe", 5, seed=seed, folds=2)
    found = competitors(read_runs(workspace))
    assert [one.ground.folds for one in found] == [3, 2, None]
    assert [len(one.runs) for one in found] == [3, 3, 1]
    assert row(found[0].runs[2])["fold"] == {"of": 3, "repetition": 0, "number": 2}
    assert row(found[2].runs[0])["fold"] is None


def test_runs_of_these_photos_are_told_from_runs_of_others(workspace: Workspace) -> None:
    write(workspace, "a:probe", 20)
    write(workspace, "a:probe", 20, folds=3)
    runs = read_runs(workspace)
    assert len(present(runs, PHOTOS)) == 2
    resplit = PHOTOS.replace([dataclasses.replace(PHOTOS.photos[0], split="test")])
    assert [run.facts.get("folds") for run in present(runs, resplit)] == [3]


def test_without_validation_photos_nothing_is_chosen_and_a_run_can_be_named(workspace: Workspace) -> None:
    write(workspace, "a:probe", 20, validated=False)
    with pytest.raises(DataError, match=r"choose by\. Received: 1 without any\. Name a run, as `transfer runs"):
        best(read_runs(workspace))


@pytest.mark.parametrize(("status", "received"), [(None, ""), ("interrupted", r" Received: 1 interrupted\.")])
def test_without_a_finished_run_the_error_says_to_train(
    workspace: Workspace, status: str | None, received: str
) -> None:
    runs = [dataclasses.replace(write(workspace, "a:probe", 20), status=status)] if status else []
    with pytest.raises(DataError, match=rf"no finished run to choose\.{received} Train an arm first"):
        best(runs)


@pytest.mark.parametrize("draw", range(12))
def test_compare_export_and_the_page_choose_the_same(workspace: Workspace, draw: int) -> None:
    """Whatever lies in the workspace: sizes, settings, folds, doubles, equals, and runs without validation."""
    rng = numpy.random.default_rng(draw)
    for number in range(10):
        write(
            workspace,
            str(rng.choice(["a:probe", "b:probe", "c:head"])),
            int(rng.integers(17, 20)),
            seed=int(rng.integers(2)),
            per_class=[None, 5, 10][int(rng.integers(3))],
            validated=bool(rng.random() < 0.7),
            trainable=int(rng.integers(1, 3)),
            started=f"2026-01-{number + 1:02}",
            size=int(rng.choice([32, 64])),
            **({"folds": 3} if draw % 3 == 0 and rng.random() < 0.5 else {}),
        )
    runs = read_runs(workspace)
    if draw % 4 == 0:
        write(workspace, "z:probe", 20)
        runs = read_runs(workspace)
    shipped = best(runs)
    evidence = gather(workspace, PHOTOS, runs)
    assert evidence.best is not None
    assert shipped.id in {run.id for run in evidence.best.runs}
    verdict = judge(evidence)
    assert verdict is not None
    assert verdict.leader is evidence.best
    assert Comparison(tuple(runs)).best() == shipped
    assert run_of(workspace, None, PHOTOS) == shipped
