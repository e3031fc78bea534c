"""Arms that have little in common: other seeds, or photos that have other names by now; and what the verdict says."""

from __future__ import annotations

import dataclasses
import html
import re

from reporting.plausible import HEAD, LENET, PROBE, SMALL, TUNED, Competitor, photos, write_run
from transfer.manifest import Manifest
from transfer.reporting.evidence import Evidence, gather
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


def test_a_pair_that_rests_on_one_common_seed_is_said_to(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL)
    for arm, seeds in ((TUNED, (0, 1, 2)), (LENET, (2, 3, 4))):
        for seed in seeds:
            write_run(workspace, manifest, arm, seed=seed)
    assert ONE_SEED in verdict(gather(workspace, manifest, read_runs(workspace)))
    write_run(workspace, manifest, LENET, seed=1)
    assert ONE_SEED not in verdict(gather(workspace, manifest, read_runs(workspace)))
