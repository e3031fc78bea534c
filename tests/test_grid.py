"""A grid is its TOML file, and its cells are what a comparison runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as draw

from transfer.arm import Arm
from transfer.errors import CallError
from transfer.grid import Grid

arms = draw.builds(
    Arm,
    draw.sampled_from(["vgg16", "lenet5"]),
    draw.sampled_from(["linear_probe", "from_scratch"]),
    draw.sampled_from([None, "none", 'a "quoted" \\ file.h5', "gr\u00fcn.h5"]),
)
sizes = draw.one_of(draw.none(), draw.integers(1, 100))
grids = draw.builds(
    Grid,
    arms=draw.lists(arms, min_size=1, max_size=4).map(tuple),
    seeds=draw.integers(1, 9),
    per_class=draw.lists(sizes, min_size=1, max_size=4).map(tuple),
    tricks=draw.lists(draw.sampled_from(["augment", "dropout"]), max_size=2, unique=True).map(tuple),
    epochs=sizes,
    size=sizes,
    folds=draw.one_of(draw.none(), draw.integers(2, 10)),
    refit=draw.booleans(),
    half=draw.booleans(),
)


@given(grid=grids)
def test_a_grid_comes_back_from_its_file(grid: Grid, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "grid.toml"
    path.write_text(grid.to_toml(), encoding="utf-8")
    assert Grid.read(path) == grid


@given(grid=grids)
def test_every_arm_meets_every_size_and_seed_with_and_without_each_trick(grid: Grid) -> None:
    cells = list(grid.cells())
    arms = {one for arm in grid.arms for one in (arm, *map(arm.with_trick, grid.tricks))}
    assert len(cells) == len(set(cells)) == len(arms) * len(set(grid.per_class)) * grid.seeds * (grid.folds or 1)
    for arm in grid.arms:
        plain = [(k, seed) for one, k, seed in cells if one == arm]
        for trick in grid.tricks:
            assert set(plain) == {(k, seed) for one, k, seed in cells if one == arm.with_trick(trick)}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("arms = []", "nothing to compare"),
        ('arms = ["vgg16"]\nseeds = 0', "--seeds"),
        ('arms = ["vgg16"]\nper_class = [0]', "--per-class"),
        ('arms = ["vgg16"]\nfolds = 1', "--folds"),
        ('arms = ["vgg16"]\nrefit = 1', "refit"),
        ('arms = ["vgg16"]\nhalf = "yes"', "half"),
        ('arms = ["vgg16"]\nspeed = 3', "speed"),
        ('arms = ["vgg16:"]', "BACKBONE"),
        ("arms = 3", r"arms is a list\. Received: 3\. Write arms = "),
        ("arms = [3]", "wrong kind"),
        ('arms = "raw_pixels"', r"arms is a list\. Received: 'raw_pixels'\. Write arms = "),
        ('arms = ["vgg16"]\nper_class = "5"', r"per_class is a list\. Received: '5'\."),
        ('arms = ["vgg16"]\nper_class = 5', r"per_class is a list\. Received: 5\."),
        ('arms = ["vgg16"]\nper_class = []', "names no size"),
        ('arms = ["vgg16"]\nper_class = [true]', "--per-class must be at least 1. Received: True"),
        ('arms = ["vgg16"]\ntricks = "augment"', r"tricks is a list\. Received: 'augment'\."),
        ('arms = ["vgg16"]\ntricks = [1]', r"A trick is named\. Received: 1\. Write tricks = "),
        ('arms = ["vgg16"]\nseeds = true', "--seeds must be at least 1. Received: True"),
        ('arms = ["vgg16"]\nseeds = "5"', "--seeds must be at least 1. Received: '5'. Give a whole number"),
        ('arms = ["vgg16"', "cannot be read"),
    ],
)
def test_a_bad_grid_file_is_a_sentence(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "grid.toml").write_text(text)
    with pytest.raises(CallError, match=said):
        Grid.read(tmp_path / "grid.toml")


def test_an_absent_grid_file_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(CallError, match="cannot be read"):
        Grid.read(tmp_path / "none.toml")


def test_a_grid_file_may_be_named_by_a_text(tmp_path: Path) -> None:
    (tmp_path / "grid.toml").write_text('arms = ["vgg16"]\nseeds = 2')
    assert Grid.read(str(tmp_path / "grid.toml")) == Grid((Arm("vgg16"),), seeds=2)


def test_what_is_named_twice_is_trained_once() -> None:
    arm = Arm("vgg16")
    assert list(Grid((arm, arm), seeds=2, per_class=(5, 5, None)).cells()) == [
        (arm, k, seed) for k in (5, None) for seed in (0, 1)
    ]
