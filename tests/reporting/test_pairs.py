"""Arms that have little in common: other seeds, or photos that have other names by now; and what the verdict says."""

from __future__ import annotations

import dataclasses
import html
import re

import numpy
import pytest
from scipy import stats

from reporting.plausible import HEAD, LENET, PROBE, SMALL, TUNED, Competitor, photos, write_run
from transfer.manifest import Manifest
from transfer.reporting.evidence import Evidence, gather
from transfer.reporting.markdown import to_markdown
from transfer.reporting.section import SECTIONS
from transfer.run import read_runs
from transfer.workspace import Workspace

ONE_SEED = "One seed says something about these trained models"


def renamed(manifest: Manifest) -> Manifest:
    """The same photos, loaded again from another place."""
    return Manifest(tuple(dataclasses.replace(one, id=f"renamed {one.id}") for one in manifest.photos))


def before_and_after(workspace: Workspace, before: tuple[Competitor, ...], after: tuple[Competitor, ...]) -> Evidence:
    """Arms that were trained before photos got other names, and since."""
    manifest = photos(workspace, **SMALL)
    now = renamed(manifest)
    for named, arms in ((manifest, before), (now, after)):
        for arm in arms:
            write_run(workspace, named, arm)
    return gather(workspace, now, read_runs(workspace))


def verdict(found: Evidence) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", "", str(SECTIONS["verdict"].body(found)))).split())


def titles(found: Evidence) -> set[frozenset[str]]:
    return {frozenset((pair.a.title, pair.b.title)) for pair in found.pairs}


def test_three_arms_without_one_common_photo_are_asked_nothing_together(workspace: Workspace) -> None:
    found = before_and_after(workspace, (PROBE,), (HEAD, LENET))
    assert len(found.main) == 3
    assert found.omnibus == ()
    assert all(SECTIONS[name].body(found) is not None for name in ("differences", "arms", "verdict"))


def test_a_run_of_photos_with_other_names_takes_no_pair_from_the_others(workspace: Workspace) -> None:
    found = before_and_after(workspace, (PROBE,), (HEAD, LENET))
    assert titles(found) == {frozenset((HEAD.arm, LENET.arm))}
    assert found.pairs[0].difference.photos == 90
    found = before_and_after(Workspace(workspace.root / "more"), (PROBE, TUNED), (HEAD, LENET))
    assert titles(found) == {frozenset((HEAD.arm, LENET.arm)), frozenset((PROBE.arm, TUNED.arm))}


def test_a_run_of_photos_with_other_names_changes_no_figure_of_another_size(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL)
    for arm in (PROBE, LENET):
        write_run(workspace, renamed(manifest), arm)
    alone = gather(workspace, renamed(manifest), read_runs(workspace)).pairs
    write_run(workspace, manifest, HEAD, per_class=2)
    (pair,) = gather(workspace, renamed(manifest), read_runs(workspace)).pairs
    assert pair.difference == alone[0].difference


@pytest.mark.parametrize("seeds", [1, 3])
def test_arms_that_are_right_on_the_same_photos_may_differ_by_what_one_photo_makes(
    workspace: Workspace, seeds: int
) -> None:
    (pair,) = ceiling(workspace, seeds, other=2).pairs
    half = stats.t.isf(0.025, 49) / 50
    assert not pair.alike
    assert (pair.difference.low, pair.difference.high) == (pytest.approx(-half), pytest.approx(half))


def test_of_arms_that_answer_alike_the_verdict_says_so_and_asks_for_no_photos(workspace: Workspace) -> None:
    said = verdict(ceiling(workspace, 3, other=1))
    assert "gives the same answers, so nothing here tells the two apart." in said
    for absent in ("0.0 points", "one point", "it stands at"):
        assert absent not in said, absent


def ceiling(workspace: Workspace, seeds: int, *, other: int) -> Evidence:
    """Two arms that are wrong on the same two of 50 photos; there the second one's answer is so many classes off."""
    manifest = photos(workspace, labels=("ant", "bee", "cat", "dog", "elk"), counts=(4, 4, 10))
    for arm, off in ((PROBE, 1), (LENET, other)):
        for seed in range(seeds):
            run = write_run(workspace, manifest, arm, seed=seed)
            part = run.predictions("test")
            answers = part.truth.copy()
            answers[:2] = (answers[:2] + off) % 5
            near = dataclasses.replace(part, probabilities=numpy.eye(5, dtype="float32")[answers])
            run.write(workspace, [run.predictions("validation"), near], run.history())
    return gather(workspace, manifest, read_runs(workspace))


def test_a_photo_that_has_another_name_since_stands_once_among_the_mistakes(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL)
    now = renamed(manifest)
    write_run(workspace, manifest, LENET, seed=0)
    write_run(workspace, now, LENET, seed=1)
    mistakes = gather(workspace, now, read_runs(workspace)).mistakes
    assert len(mistakes) > 3
    assert all(one.photo is not None and one.seeds == 1 for one in mistakes)


def test_of_two_arms_without_a_common_seed_the_verdict_says_so_and_names_both(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL)
    for seed, arm in enumerate((TUNED, LENET)):
        write_run(workspace, manifest, arm, seed=seed)
    said = verdict(gather(workspace, manifest, read_runs(workspace)))
    assert f"{TUNED.arm} cannot be compared with {LENET.arm}." in said
    assert f"It shares no seed with {LENET.arm}: train the same seeds." in said
    assert "no photo" not in said


def test_of_two_arms_without_a_common_photo_the_verdict_asks_for_no_seed(workspace: Workspace) -> None:
    said = verdict(before_and_after(workspace, (LENET,), (TUNED,)))
    assert f"It was judged on no photo that {LENET.arm} was judged on" in said
    assert "train them again" in said
    assert "shares no seed" not in said


def test_arms_that_cannot_be_compared_are_told_beside_those_that_can(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL)
    for seed, arm in ((0, TUNED), (0, dataclasses.replace(TUNED, arm="twin:fine_tune_top")), (1, LENET)):
        write_run(workspace, manifest, arm, seed=seed)
    said = verdict(gather(workspace, manifest, read_runs(workspace)))
    assert "cannot be told from" in said
    assert f"It shares no seed with {LENET.arm}" in said


def test_a_difference_over_fewer_seeds_than_an_arm_has_is_said_to_be(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL)
    for arm, seeds in ((TUNED, 4), (LENET, 3)):
        for seed in range(seeds):
            write_run(workspace, manifest, arm, seed=seed)
    found = gather(workspace, manifest, read_runs(workspace))
    assert "points behind over the 3 seeds that both have (95% interval" in verdict(found)
    assert ", over the 3 seeds that both have</span>" in str(SECTIONS["arms"].body(found))
    assert re.search(r"−[\d.]+ over the 3 seeds that both have \|", to_markdown(found))
    write_run(workspace, manifest, LENET, seed=3)
    found = gather(workspace, manifest, read_runs(workspace))
    assert "that both have" not in to_markdown(found) + str(SECTIONS["arms"].body(found))


@pytest.mark.parametrize(("folds", "words"), [(None, "one seed"), (3, "one fold")])
def test_of_one_common_training_the_words_are_of_one(workspace: Workspace, folds: int | None, words: str) -> None:
    manifest = photos(workspace, **SMALL)
    for arm, seeds in ((TUNED, (0, 1)), (LENET, (0,))):
        for seed in seeds:
            write_run(workspace, manifest, arm, seed=seed, folds=folds)
    (pair,) = gather(workspace, manifest, read_runs(workspace)).pairs
    assert pair.shared == f"over the {words} that both have"


def test_a_pair_that_rests_on_one_common_seed_is_said_to(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL)
    for arm, seeds in ((TUNED, (0, 1, 2)), (LENET, (2, 3, 4))):
        for seed in seeds:
            write_run(workspace, manifest, arm, seed=seed)
    assert ONE_SEED in verdict(gather(workspace, manifest, read_runs(workspace)))
    write_run(workspace, manifest, LENET, seed=1)
    assert ONE_SEED not in verdict(gather(workspace, manifest, read_runs(workspace)))
