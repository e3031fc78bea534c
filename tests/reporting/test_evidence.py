"""What belongs together, what is chosen, what is stated, and what is left out."""

from __future__ import annotations

import dataclasses

import numpy
import pytest

from reporting.plausible import (
    FOUR,
    HEAD,
    LENET,
    PROBE,
    SMALL,
    TUNED,
    Competitor,
    photos,
    write_failure,
    write_run,
    write_runs,
)
from transfer import scores
from transfer.comparison import Ground, best
from transfer.errors import TransferError
from transfer.manifest import Manifest
from transfer.reporting.evidence import gather
from transfer.reporting.pair import pairs_of
from transfer.reporting.sections.verdict import judge
from transfer.run import read_runs
from transfer.shelf import Shelf
from transfer.workspace import Workspace

SECTIONS = Shelf("transfer.reporting.sections", "section")


def test_runs_are_put_together_by_arm_and_size_and_ordered_by_validation(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL)
    write_runs(workspace, manifest, FOUR, seeds=2, sizes=(5, None, 20))
    evidence = gather(workspace, manifest, read_runs(workspace))
    assert evidence.grounds == (Ground(None), Ground(20), Ground(5))
    assert {result.seeds for result in evidence.results} == {(0, 1)}
    for ground in evidence.grounds:
        found = [one.validation_accuracy for one in evidence.on(ground)]
        assert len(found) == 4
        assert found == sorted(found, reverse=True)
    assert evidence.best is evidence.main[0]
    assert evidence.main == evidence.results[:4]


def test_validation_chooses_even_where_the_test_split_would_choose_otherwise(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL)
    write_runs(workspace, manifest, (PROBE, HEAD, TUNED))
    evidence = gather(workspace, manifest, read_runs(workspace))
    validation = {one.title: numpy.mean([p.correct.mean() for p in one.validation]) for one in evidence.main}
    assert evidence.best is not None
    assert evidence.best.title == max(validation, key=lambda title: validation[title])


def test_of_equal_arms_the_one_that_trains_fewer_weights_is_chosen(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL)
    sure = 60.0  # every photo right
    write_runs(
        workspace,
        manifest,
        (Competitor("a:frozen_head", sure, trainable=500), Competitor("b:probe", sure, trainable=9)),
    )
    evidence = gather(workspace, manifest, read_runs(workspace))
    assert [one.title for one in evidence.main] == ["b:probe", "a:frozen_head"]


def test_the_page_chooses_the_arm_that_export_takes(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL)
    write_runs(workspace, manifest, FOUR, sizes=(5, None))
    evidence = gather(workspace, manifest, read_runs(workspace))
    assert evidence.best is not None
    assert best(read_runs(workspace)).id in {run.id for run in evidence.best.runs}


def test_the_same_arm_in_two_settings_is_two_competitors_that_say_what_differs(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL)
    for epochs in (5, 12):
        write_run(workspace, manifest, dataclasses.replace(HEAD, epochs=epochs))
    evidence = gather(workspace, manifest, read_runs(workspace))
    assert {one.title for one in evidence.main} == {f"{HEAD.arm} (step 1 epochs {n})" for n in (5, 12)}


def test_runs_of_other_data_are_counted_and_left_out(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL)
    write_runs(workspace, manifest, (PROBE,), seeds=2)
    changed = manifest.replace([dataclasses.replace(manifest.kept[0], excluded="by hand")])
    write_runs(workspace, changed, (PROBE,), seeds=1)
    evidence = gather(workspace, changed, read_runs(workspace))
    assert (len(evidence.runs), evidence.other_data) == (1, 2)


def test_a_failure_is_shown_until_a_later_run_makes_it_good(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL)
    done = write_run(workspace, manifest, HEAD, seed=1)
    write_failure(workspace, manifest, HEAD.arm, "no memory", strategy=done.facts["strategy"])
    assert [run.reason for run in gather(workspace, manifest, read_runs(workspace)).failed] == ["no memory"]
    write_run(workspace, manifest, HEAD)
    assert gather(workspace, manifest, read_runs(workspace)).failed == ()


@pytest.mark.parametrize(
    "facts",
    [{"size": 331}, {"strategy": {"steps": []}}, {"folds": 2}, {"started": "2026-05-02T10:00:00+00:00"}],
    ids=lambda facts: next(iter(facts)),
)
def test_a_run_in_another_setting_or_before_it_makes_no_failure_good(
    workspace: Workspace, facts: dict[str, object]
) -> None:
    manifest = photos(workspace, **SMALL)
    write_run(workspace, manifest, HEAD)  # of 224 pixels, on the first of May
    write_run(workspace, manifest, HEAD, folds=3)
    write_failure(workspace, manifest, HEAD.arm, "no memory", **facts)
    assert [run.reason for run in gather(workspace, manifest, read_runs(workspace)).failed] == ["no memory"]


def test_without_runs_the_error_says_to_train(workspace: Workspace) -> None:
    with pytest.raises(TransferError, match="transfer train"):
        gather(workspace, photos(workspace, **SMALL), [])


def test_with_runs_of_other_data_only_the_error_says_so(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL)
    write_runs(workspace, manifest, (PROBE,), seeds=1)
    with pytest.raises(TransferError, match="1 run of other data"):
        gather(workspace, photos(workspace, labels=("x", "y"), counts=(4, 20, 30)), read_runs(workspace))


def test_without_test_photos_validation_is_stated_and_nothing_is_compared(workspace: Workspace) -> None:
    manifest = photos(workspace, labels=("ant", "bee"), counts=(4, 20, 0))
    write_runs(workspace, manifest, (PROBE, LENET))
    evidence = gather(workspace, manifest, read_runs(workspace))
    assert (evidence.stated, evidence.pairs) == ("validation", ())
    assert evidence.best is not None
    assert evidence.best.accuracy == evidence.best.validation_accuracy


def test_every_pair_of_a_size_is_compared_once_and_never_across_sizes(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL)
    write_runs(workspace, manifest, FOUR, seeds=2, sizes=(None, 5))
    pairs = gather(workspace, manifest, read_runs(workspace)).pairs
    assert len(pairs) == 2 * 6
    assert all(pair.a.per_class == pair.b.per_class for pair in pairs)
    assert all(pair.corrected >= pair.difference.p for pair in pairs)


def test_arms_are_compared_over_the_seeds_that_both_have(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL)
    write_runs(workspace, manifest, (PROBE,), seeds=3)
    write_runs(workspace, manifest, (LENET,), seeds=2)
    (pair,) = gather(workspace, manifest, read_runs(workspace)).pairs
    assert pair.difference.seeds == 2
    both = [numpy.mean(one.accuracies[:2]) for one in (pair.a, pair.b)]
    assert pair.difference.estimate == pytest.approx(both[0] - both[1])


def test_photos_of_one_group_count_once_in_the_interval_of_an_arm(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL)
    grouped = manifest.replace(
        dataclasses.replace(photo, group=f"{photo.label} burst {int(photo.id[-4:]) // 10}") for photo in manifest.kept
    )
    widths = []
    for each in (manifest, grouped):
        write_runs(workspace, each, (LENET,), seeds=1)
        (result,) = gather(workspace, each, read_runs(workspace)).main
        assert result.interval is not None
        widths.append(result.interval.high - result.interval.low)
    assert widths[1] > 2 * widths[0]


def test_which_photos_belong_together_is_what_the_manifest_says_now(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL)
    write_runs(workspace, manifest, (LENET, PROBE), seeds=1)
    (alone,) = gather(workspace, manifest, read_runs(workspace)).pairs
    bursts = [dataclasses.replace(one, group=f"{one.label} {int(one.id[-4:]) // 10}") for one in manifest.kept]
    grouped = manifest.replace(bursts)  # as `transfer check` would, after these runs were made
    found = gather(workspace, grouped, read_runs(workspace))
    assert found.pairs[0].difference.groups < alone.difference.groups == alone.difference.photos
    assert not found.pairs[0].exact


def test_photos_that_only_another_joins_are_one_group_on_the_page_as_in_folds(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL)
    one, two, three, *others = manifest.kept
    chain = [  # the first and the third have neither group nor content in common
        dataclasses.replace(one, group="burst"),
        dataclasses.replace(two, group="burst", sha256=three.sha256),
        three,
    ]
    assert {photo.split for photo in chain} == {"test"}
    joined = manifest.replace([*chain, *others])
    write_runs(workspace, joined, (LENET, PROBE), seeds=1)
    (pair,) = gather(workspace, joined, read_runs(workspace)).pairs
    assert (pair.difference.photos, pair.difference.groups) == (90, 88)


def test_one_fold_in_common_makes_a_page_that_asks_for_more(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL)
    folds(workspace, manifest, PROBE, repetitions=1)
    write_run(workspace, manifest, LENET, seed=0, folds=3)
    found = gather(workspace, manifest, read_runs(workspace))
    assert "more folds or repetitions would" in SECTIONS["verdict"].body(found)


def test_arms_that_judged_no_photo_in_common_are_no_pair(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL)
    write_run(workspace, manifest, PROBE)
    renamed = Manifest(tuple(dataclasses.replace(one, id=f"renamed {one.id}") for one in manifest.photos))
    write_run(workspace, renamed, LENET)
    found = gather(workspace, renamed, read_runs(workspace))
    assert len(found.main) == 2
    assert found.pairs == ()


def test_the_worst_mistakes_are_wrong_and_stand_in_the_order_of_their_loss(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL, draws=30)
    write_runs(workspace, manifest, (LENET,))
    mistakes = gather(workspace, manifest, read_runs(workspace)).mistakes
    assert len(mistakes) > 3
    assert all(one.given != one.predicted and one.photo and one.photo.label == one.given for one in mistakes)
    chances = [one.given_chance for one in mistakes]
    assert chances == sorted(chances)
    assert all(str(one.thumbnail).startswith("data:image/jpeg;base64,") for one in mistakes)


def test_a_photo_that_is_gone_has_no_thumbnail_and_stops_nothing(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL)
    write_runs(workspace, manifest, (LENET,))
    mistakes = gather(workspace, manifest, read_runs(workspace)).mistakes
    assert mistakes
    assert {one.thumbnail for one in mistakes} == {None}


# --- the verdict ---


def test_a_winner_is_named_only_where_every_corrected_test_rejects(workspace: Workspace) -> None:
    manifest = photos(workspace, labels=("ant", "bee", "cat"), counts=(4, 60, 100))
    write_runs(workspace, manifest, (TUNED, LENET), seeds=5)
    verdict = judge(gather(workspace, manifest, read_runs(workspace)))
    assert verdict is not None
    assert verdict.wins
    assert verdict.leader.title == TUNED.arm
    write_runs(workspace, manifest, (dataclasses.replace(TUNED, arm="twin:fine_tune_top"),), seeds=5)
    verdict = judge(gather(workspace, manifest, read_runs(workspace)))
    assert verdict is not None
    assert not verdict.wins
    assert len(verdict.level) == 1
    assert verdict.needed is not None
    assert verdict.needed > 300


def test_arms_without_a_seed_in_common_name_no_winner(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL)
    write_run(workspace, manifest, TUNED, seed=0)
    write_run(workspace, manifest, LENET, seed=1)
    verdict = judge(gather(workspace, manifest, read_runs(workspace)))
    assert verdict is not None
    assert not verdict.wins


def test_where_the_test_split_contradicts_validation_the_verdict_says_so(workspace: Workspace) -> None:
    manifest = photos(workspace, labels=("ant", "bee", "cat"), counts=(4, 60, 100))
    write_runs(workspace, manifest, (PROBE, LENET), seeds=5)
    runs = read_runs(workspace)
    # The lesser arm's validation answers are replaced by perfect ones: validation will choose it.
    for run in runs:
        if run.arm == LENET.arm:
            part = run.predictions("validation")
            perfect = dataclasses.replace(part, probabilities=numpy.eye(3, dtype="float32")[part.truth])
            run.write(workspace, [perfect, run.predictions("test")], run.history())
    verdict = judge(gather(workspace, manifest, read_runs(workspace)))
    assert verdict is not None
    assert verdict.leader.title == LENET.arm
    assert [pair.b.title for pair in verdict.better] == [PROBE.arm]
    assert not verdict.wins


# --- folds ---


def folds(
    workspace: Workspace, manifest: Manifest, *competitors: Competitor, of: int = 3, repetitions: int = 2
) -> None:
    for competitor in competitors:
        for seed in range(of * repetitions):
            write_run(workspace, manifest, competitor, seed=seed, folds=of)


def test_in_folds_every_photo_is_judged_once_a_repetition_and_the_accuracy_is_the_mean_over_the_folds(
    workspace: Workspace,
) -> None:
    manifest = photos(workspace, **SMALL)
    folds(workspace, manifest, PROBE, LENET)
    evidence = gather(workspace, manifest, read_runs(workspace))
    assert evidence.judged == manifest.kept
    for result in evidence.main:
        assert result.ground == Ground(None, 3)
        assert result.trainings == "2 repetitions of 3 folds"
        assert [set(part.photos) for part in result.answers] == [{photo.id for photo in manifest.kept}] * 2
        assert result.accuracy == pytest.approx(numpy.mean([part.correct.mean() for part in result.stated]))
        assert result.table.sum() == 2 * len(manifest.kept)
        labels = {photo.id: photo.label for photo in manifest.kept}
        for part in result.answers:
            assert [manifest.labels[truth] for truth in part.truth] == [labels[photo] for photo in part.photos]
        assert result.interval == scores.mean_over_splits(result.accuracies, scores.Design(3, 162, 162))


def test_arms_in_folds_are_compared_over_the_folds_that_both_have_by_nadeau_and_bengio(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL)
    folds(workspace, manifest, PROBE)
    folds(workspace, manifest, LENET, repetitions=1)
    evidence = gather(workspace, manifest, read_runs(workspace))
    (pair,) = evidence.pairs
    assert pair.difference.seeds == 3
    each = numpy.subtract(pair.a.accuracies[:3], pair.b.accuracies[:3])
    assert pair.difference.estimate == pytest.approx(each.mean())
    assert pair.p == pytest.approx(scores.nadeau_bengio(each, test_share=1 / 2).p)
    assert evidence.omnibus == ()


def test_a_pair_rests_on_the_folds_that_both_have_whichever_arm_comes_first(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL)
    folds(workspace, manifest, PROBE)
    for seed in (0, 1):
        write_run(workspace, manifest, LENET, seed=seed, folds=3)
    found = gather(workspace, manifest, read_runs(workspace))
    (pair,), (turned,) = found.pairs, pairs_of(found.results[::-1])
    assert (pair.difference.photos, pair.difference.groups) == (108, 108)
    mirrored = pair.difference.mirrored()
    for name in ("low", "high", "photos", "groups"):
        assert getattr(turned.difference, name) == pytest.approx(getattr(mirrored, name)), name
    lame = next(result for result in found.main if result.title == LENET.arm)
    assert lame.design == scores.Design(3, 108, 108, 54.0)
    assert lame.design.step == pytest.approx(1 / 54)


def test_of_an_incomplete_repetition_every_answer_counts(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL, draws=1)
    seeds = (0, 3, 4, 5)  # one fold of the first repetition, all of the second
    for seed in seeds:
        write_run(workspace, manifest, LENET, seed=seed, folds=3)
    found = gather(workspace, manifest, read_runs(workspace))
    (result,) = found.main
    assert found.judged == manifest.kept
    answered = [dict(zip(part.photos, part.probabilities, strict=True)) for part in result.stated]
    shown = {one.photo.id: one for one in found.mistakes if one.photo}
    assert {one.seeds for one in shown.values()} == {1, 2}
    for photo, mistake in shown.items():
        own = [answers[photo] for answers in answered if photo in answers]
        assert mistake.seeds == len(own)
        assert mistake.chance == pytest.approx(numpy.mean(own, axis=0).max(), abs=1e-6)
    assert numpy.bincount(result.truth).tolist() == [54, 54, 54]


def test_where_folds_are_missing_only_their_photos_count_as_judged(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL)
    for seed in (0, 1):
        write_run(workspace, manifest, LENET, seed=seed, folds=3)
    found = gather(workspace, manifest, read_runs(workspace))
    assert {photo.id for photo in found.judged} == {id for part in found.main[0].stated for id in part.photos}
    assert len(found.judged) == 108


def test_runs_of_folds_and_of_the_given_splits_stand_on_different_grounds(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL)
    write_runs(workspace, manifest, (PROBE, LENET))
    folds(workspace, manifest, PROBE, LENET)
    evidence = gather(workspace, manifest, read_runs(workspace))
    assert evidence.grounds == (Ground(None, 3), Ground(None, None))
    for ground in evidence.grounds:
        assert {one.title for one in evidence.on(ground)} == {PROBE.arm, LENET.arm}
    assert [pair.a.ground for pair in evidence.pairs] == list(evidence.grounds)
    assert all(pair.b.ground == pair.a.ground for pair in evidence.pairs)


def test_a_repetition_with_a_fold_missing_is_said_so(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL)
    for seed in (0, 1, 2, 4):
        write_run(workspace, manifest, PROBE, seed=seed, folds=3)
    (result,) = gather(workspace, manifest, read_runs(workspace)).main
    assert result.trainings == "4 trainings in 3 folds"
    assert [len(part.photos) for part in result.answers] == [162, 54]


def test_refitted_runs_are_another_setting(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL)
    write_runs(workspace, manifest, (PROBE,))
    write_runs(workspace, manifest, (PROBE,), refit=True)
    found = {one.title for one in gather(workspace, manifest, read_runs(workspace)).main}
    assert found == {f"{PROBE.arm} (refitted)", PROBE.arm}
    write_runs(workspace, manifest, (LENET,), refit=True)
    assert f"{LENET.arm} (refitted)" in {one.title for one in gather(workspace, manifest, read_runs(workspace)).main}


# --- before any pair ---


def test_three_arms_on_the_same_photos_are_asked_about_together_for_each_seed(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL)
    write_runs(workspace, manifest, (PROBE, HEAD, LENET), sizes=(None, 5))
    evidence = gather(workspace, manifest, read_runs(workspace))
    assert [(one.ground, one.arms, len(one.tests)) for one in evidence.omnibus] == [
        (Ground(None), 3, 3),
        (Ground(5), 3, 3),
    ]
    right = numpy.array([result.stated[1].correct for result in evidence.main]).T
    assert evidence.omnibus[0].tests[1] == scores.cochran_q(right)


def test_two_arms_are_not_asked_twice(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL)
    write_runs(workspace, manifest, (PROBE, LENET))
    assert gather(workspace, manifest, read_runs(workspace)).omnibus == ()
