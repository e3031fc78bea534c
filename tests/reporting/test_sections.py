"""What each section finds in the evidence, where it keeps quiet, and that its words agree with its drawing."""

from __future__ import annotations

import dataclasses
import html
import re
from statistics import fmean

import pytest
from PIL import Image

from reporting.plausible import FOUR, HEAD, LENET, PROBE, SMALL, TUNED, Competitor, photos, write_run, write_runs
from transfer import scores
from transfer.reporting.evidence import Evidence, gather
from transfer.reporting.section import SECTIONS
from transfer.reporting.sections.differences import scale
from transfer.reporting.sections.tricks import effects
from transfer.reporting.sections.verdict import judge
from transfer.run import read_runs
from transfer.workspace import Workspace

AUGMENTED = dataclasses.replace(HEAD, arm=f"{HEAD.arm}+augment", skill=4.4, seconds=30.0)
DROPPED = dataclasses.replace(HEAD, arm=f"{HEAD.arm}+dropout", skill=3.5)


def evidence(workspace: Workspace, competitors: tuple[Competitor, ...] = FOUR, **more: object) -> Evidence:
    manifest = photos(workspace, **SMALL)
    write_runs(workspace, manifest, competitors, **more)  # type: ignore[arg-type]
    return gather(workspace, manifest, read_runs(workspace))


def said(name: str, found: Evidence) -> str:
    body = SECTIONS[name].body(found)
    assert body is not None
    bare = re.sub(r"<svg.*?</svg>", " ", str(body), flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<(?!wbr)[^>]+>", " ", bare).replace("<wbr>", "")).split())


def told(name: str, found: Evidence) -> list[str]:
    """What the drawings of a section say to those who hear them."""
    return re.findall(r"<desc[^>]*>(.*?)</desc>", str(SECTIONS[name].body(found)))


# --- learning rates ---


def test_a_range_test_is_drawn_with_the_rate_that_the_arm_has_and_the_one_it_suggests(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL)
    run = write_run(workspace, manifest, TUNED)
    steps = [{"step": "solver"}, {"step": "phase", "rate": 1e-4}]
    changed = dataclasses.replace(run, facts=run.facts | {"strategy": run.facts["strategy"] | {"steps": steps}})
    changed.write_facts(workspace)
    assert SECTIONS["rates"].body(gather(workspace, manifest, read_runs(workspace))) is None, "nobody asked for a test"
    rows = [f"1,{10.0**power},{loss}" for power, loss in ((-5, 1.0), (-4, 0.9), (-3, 0.2), (-2, 9.0))]
    (run.path / "rates.csv").write_text("\n".join(["step,rate,loss", *rows]), encoding="utf-8")
    found = gather(workspace, manifest, read_runs(workspace))
    assert "step 2, seed 0: has 1e-4, suggested 1e-4" in said("rates", found)
    (description,) = told("rates", found)
    assert description == "The loss is least at a rate of 1e-3, a tenth of which is 1e-4. The arm has 1e-4."


def test_the_curve_of_a_smaller_size_is_not_lost_once_an_arm_has_learnt_from_all_photos(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL)
    run = write_run(workspace, manifest, HEAD, per_class=10)
    steps = [{"step": "phase", "rate": 1e-3}]
    dataclasses.replace(run, facts=run.facts | {"strategy": run.facts["strategy"] | {"steps": steps}}).write_facts(
        workspace
    )
    write_run(workspace, manifest, HEAD)
    (run.path / "rates.csv").write_text("step,rate,loss\n0,1e-4,1.0\n0,1e-3,0.5\n0,1e-2,2.0\n", encoding="utf-8")
    found = gather(workspace, manifest, read_runs(workspace))
    assert "on arms trained on 10 photos a class" in said("rates", found)


# --- differences ---


def test_every_pair_stands_among_the_differences_with_its_interval_and_p(workspace: Workspace) -> None:
    found = evidence(workspace, sizes=(None, 5))
    text = str(SECTIONS["differences"].body(found))
    assert text.count('<tr><th scope="row"') == len(found.pairs) == 12
    words = said("differences", found)
    assert f"{PROBE.arm} {LENET.arm}" in words or f"{LENET.arm} {PROBE.arm}" in words
    places = [float(value) for value in re.findall(r'class="mean" style="left:([\d.]+)%', text)]
    zeros = [float(value) for value in re.findall(r'class="zero" style="left:([\d.]+)%', text)]
    for pair, place, zero in zip(found.pairs, places, zeros, strict=True):
        assert (place > zero) == (pair.difference.estimate > 0)


def test_of_many_arms_the_pairs_of_the_first_are_shown_and_the_others_on_demand(workspace: Workspace) -> None:
    many = tuple(dataclasses.replace(HEAD, arm=f"net{n}:frozen_head") for n in range(7))
    words = said("differences", evidence(workspace, many, seeds=2))
    assert "The other 15 pairs" in words


def test_arms_that_answer_alike_are_said_to(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL)
    twin = dataclasses.replace(HEAD, arm=f"{HEAD.arm}+soup")
    for seed in range(2):
        one, other = (write_run(workspace, manifest, arm, seed=seed) for arm in (HEAD, twin))
        (other.path / "predictions.csv").write_bytes((one.path / "predictions.csv").read_bytes())
    write_runs(workspace, manifest, (LENET,), seeds=2)
    found = gather(workspace, manifest, read_runs(workspace))
    assert [pair.alike for pair in found.pairs] == [True, False, False]
    for name in ("differences", "arms", "tricks"):
        words = said(name, found)
        assert words.count("0.0 the same answers") == 1, name
        assert "0.0 to 0.0" not in words, name


def test_the_ticks_of_a_drawn_scale_are_round_and_few_and_hold_zero(workspace: Workspace) -> None:
    (pair,) = evidence(workspace, (PROBE, LENET), seeds=2).pairs
    for low, high in ((-0.004, 0.003), (-0.02, 0.13), (-0.079, 0.613), (-1.0, 1.0), (0.2, 0.9), (0.0, 0.0)):
        drawn = scale([dataclasses.replace(pair, difference=dataclasses.replace(pair.difference, low=low, high=high))])
        assert 3 <= len(drawn["ticks"]) <= 7
        assert 0 in drawn["ticks"]
        assert drawn["low"] - 1e-9 <= drawn["ticks"][0] < drawn["ticks"][-1] <= drawn["high"] + 1e-9
        assert all(f"{100 * tick:.6f}".endswith("000000") for tick in drawn["ticks"])


def test_one_arm_has_no_differences(workspace: Workspace) -> None:
    assert SECTIONS["differences"].body(evidence(workspace, (PROBE,))) is None


def test_no_interval_reaches_beyond_what_two_accuracies_can_differ_by(workspace: Workspace) -> None:
    wild = dataclasses.replace(LENET, luck=4.0)
    found = evidence(workspace, (PROBE, wild), seeds=2)
    assert found.pairs[0].difference.low >= -1
    assert found.pairs[0].difference.high <= 1


# --- learning curve ---


def test_the_learning_curve_tells_every_arm_at_every_size_from_few_photos_to_all(workspace: Workspace) -> None:
    found = evidence(workspace, (PROBE, LENET), sizes=(None, 1, 5))
    (words,) = told("learning_curve", found)
    for result in found.main:
        own = [one for one in found.results if one.title == result.title]
        own.sort(key=lambda one: one.per_class or 99)
        figures = re.search(rf"{found.numbers[result.title]}: ([^.]+(?:\.\d[^.]*)*)\. ?", words)
        assert figures is not None
        assert re.findall(r"([\d.]+)% with (\w+)", figures[0]) == [
            (f"{100 * (one.accuracy or 0):.1f}", str(one.per_class or "all")) for one in own
        ]
    words = said("learning_curve", found)
    assert "A size counts the photos that are held out of it to choose by" in words
    assert "All is 24 a class on average." in words, "4 to train on and 20 to choose by"


def test_where_a_size_holds_nothing_out_all_counts_the_photos_to_train_on(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL)
    write_runs(workspace, manifest, (PROBE,))
    write_runs(workspace, manifest, (PROBE,), sizes=(1, 2), photos={"train": 3, "validation": 0, "test": 90})
    for seed in range(3):
        write_run(workspace, manifest, PROBE, seed=seed, folds=3)
    words = said("learning_curve", gather(workspace, manifest, read_runs(workspace)))
    assert "At the same seed smaller sets are contained in the larger ones." in words
    assert "All is 4 a class on average." in words, "of the folds, which are not drawn, it would be more"


def test_one_size_has_no_learning_curve(workspace: Workspace) -> None:
    assert SECTIONS["learning_curve"].body(evidence(workspace, (PROBE, LENET))) is None


def test_an_arm_of_one_size_among_arms_of_several_is_left_out_of_the_curve(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL)
    write_runs(workspace, manifest, (PROBE, LENET), sizes=(None, 5))
    write_run(workspace, manifest, HEAD)
    found = gather(workspace, manifest, read_runs(workspace))
    assert HEAD.arm not in said("learning_curve", found)


# --- accuracy and cost ---


def test_the_arms_that_no_other_beats_are_named_for_each_cost(workspace: Workspace) -> None:
    found = evidence(workspace, (PROBE, TUNED, LENET))
    words = said("pareto", found)
    by_title = {one.title: one for one in found.main}
    for name in ("seconds", "parameters", "latency_ms"):
        fact = {"seconds": ("seconds", "total"), "parameters": ("parameters", "trainable")}.get(name, (name,))
        unbeaten = [
            one.title
            for one in found.main
            if not any(
                (other.mean(*fact) or 0) <= (one.mean(*fact) or 0)
                and (other.accuracy or 0) >= (one.accuracy or 0)
                and (other.mean(*fact), other.accuracy) != (one.mean(*fact), one.accuracy)
                for other in by_title.values()
            )
        ]
        part = re.split(r"Unbeaten: ", words)[1 + ("seconds", "parameters", "latency_ms").index(name)]
        listed = re.findall(r"(\S+) \(", part.split(").")[0] + ")")
        assert sorted(listed) == sorted(unbeaten)


def test_a_cost_that_fewer_than_two_arms_state_or_that_is_the_same_for_all_is_not_drawn(workspace: Workspace) -> None:
    found = evidence(workspace, (HEAD, dataclasses.replace(HEAD, arm="twin:frozen_head")))
    assert SECTIONS["pareto"].body(found) is None
    bare = evidence(Workspace(workspace.root / "bare"), (PROBE, LENET), seconds={}, parameters={}, latency_ms=None)
    assert SECTIONS["pareto"].body(bare) is None


# --- features that arms share ---


def test_features_are_told_of_the_network_whichever_run_computed_them(workspace: Workspace) -> None:
    found = evidence(workspace, (TUNED, PROBE, LENET), sizes=(None, 5))
    once = {one.title: found.features(one) for one in found.main}
    shared = 4 * 38.2  # two arms at two sizes, each in its first run
    assert once == {TUNED.arm: pytest.approx(shared), PROBE.arm: pytest.approx(shared), LENET.arm: 0.0}
    assert re.search(rf"{PROBE.arm} 1.9 s 2 min 33 s 11.4", said("costs", found))
    assert re.search(rf"{TUNED.arm} 1 min 23 s 2 min 33 s 11.4", said("costs", found))
    assert "Unbeaten: mobilenet_v2:linear_probe (1.9 s)" in said("pareto", found)
    assert "all arms and seeds that share them: mobilenet_v2 2 min 33 s." in said("pareto", found)


# --- the verdict at other training sizes ---


def test_the_verdict_says_how_the_nearest_two_stand_with_fewer_photos(workspace: Workspace) -> None:
    tuned = dataclasses.replace(TUNED, skill=5.0, luck=0.2)
    found = evidence(workspace, (tuned, PROBE), sizes=(None, 5, 20, 1), seeds=4)
    verdict = judge(found)
    assert verdict is not None
    assert [pair.a.per_class for pair in verdict.elsewhere] == [20, 5, 1]
    assert {pair.a.title for pair in verdict.elsewhere} == {verdict.leader.title}
    told = {"ahead": "is better than", "level": "cannot be told from", "behind": "is worse than"}
    words = said("verdict", found)
    assert len(verdict.sizes) > 1
    assert verdict.nearest is not None
    names = verdict.leader.title, verdict.nearest.b.title
    assert f"Trained on fewer photos, {names[0]} {told[next(iter(verdict.sizes))]} {names[1]} at" in words
    for pair in verdict.elsewhere:
        how = "level" if not pair.settled else "ahead" if pair.difference.estimate > 0 else "behind"
        assert re.search(rf"{told[how]} [^.]*\b{pair.a.per_class}\b[^.]*", words)
        assert str(pair.a.per_class) in verdict.sizes[how]
    assert "All else is said of arms trained on all training photos." in words


def outdone(workspace: Workspace) -> Evidence:
    """Three arms of which the first is level with both others, and one of these better than the other."""
    found = evidence(workspace, (TUNED, HEAD, PROBE), seeds=2)
    pairs = (
        dataclasses.replace(pair, corrected=0.5 if found.best in (pair.a, pair.b) else 0.001) for pair in found.pairs
    )
    return dataclasses.replace(found, pairs=tuple(pairs))


def test_the_cheapest_of_what_cannot_be_told_apart_is_none_that_another_of_them_is_better_than(
    workspace: Workspace,
) -> None:
    found = outdone(workspace)
    verdict = judge(found)
    assert verdict is not None
    (lesser,) = verdict.outdone
    rest = [one for one in found.main if one is not lesser]
    assert verdict.cheapest is min(rest, key=lambda one: one.seconds or 0.0)
    assert f"without {lesser.title} , which another of them is better than, " in said("verdict", found)


def test_the_price_of_the_cheapest_names_the_features_of_its_network(workspace: Workspace) -> None:
    twin = dataclasses.replace(PROBE, arm="mobilenet_v2:frozen_head", seconds=9.0)
    words = said("verdict", evidence(workspace, (PROBE, twin), seeds=2))
    price = "1.9 s a run, and the features of its network 1 min 16 s, once for all runs."
    assert f"Of it and the arms that it cannot be told from, {PROBE.arm} is the cheapest: {price}" in words


def test_where_nothing_chooses_arms_stand_as_in_the_first_table(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL)
    write_runs(workspace, manifest, (PROBE, HEAD, LENET))
    write_runs(workspace, manifest, (PROBE, HEAD, LENET), sizes=(1,), splits=("test",))
    found = gather(workspace, manifest, read_runs(workspace))
    assert found.main[0].title != min(one.title for one in found.main)
    assert [one.title for one in found.on(found.grounds[1])] == [one.title for one in found.main]
    assert "and where none could be held out in that of the first table" in said("arms", found)


# --- tricks ---


def test_a_trick_is_measured_against_the_same_arm_without_it(workspace: Workspace) -> None:
    found = effects(evidence(workspace, (HEAD, AUGMENTED, DROPPED, LENET), seeds=4))
    assert [(one.trick, one.pair.a.title, one.pair.b.title) for one in found] == [
        ("augment", AUGMENTED.arm, HEAD.arm),
        ("dropout", DROPPED.arm, HEAD.arm),
    ]
    for one in found:
        mean = fmean(one.pair.a.accuracies) - fmean(one.pair.b.accuracies)
        assert one.pair.difference.estimate == pytest.approx(mean)
    assert [one.corrected for one in found] == scores.holm([one.pair.p for one in found])
    assert all(one.corrected <= one.pair.corrected for one in found)  # two questions, not six


def test_two_tricks_at_once_are_no_effect_of_one(workspace: Workspace) -> None:
    both = dataclasses.replace(HEAD, arm=f"{HEAD.arm}+augment+dropout")
    assert effects(evidence(workspace, (HEAD, both))) == ()
    assert SECTIONS["tricks"].body(evidence(Workspace(workspace.root / "more"), (HEAD, both))) is None


def test_a_trick_on_top_of_another_is_measured_against_that_other(workspace: Workspace) -> None:
    both = dataclasses.replace(HEAD, arm=f"{HEAD.arm}+augment+dropout")
    found = effects(evidence(workspace, (AUGMENTED, both)))
    assert [(one.trick, one.pair.b.title) for one in found] == [("dropout", AUGMENTED.arm)]


def test_an_arm_of_another_input_size_is_no_arm_without_the_trick(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL)
    write_run(workspace, manifest, HEAD, size=96)
    write_run(workspace, manifest, AUGMENTED)
    assert effects(gather(workspace, manifest, read_runs(workspace))) == ()


def test_a_trick_that_is_about_the_size_is_measured_at_its_own(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL)
    higher = dataclasses.replace(HEAD, arm=f"{HEAD.arm}+higher_resolution")
    write_run(workspace, manifest, HEAD, strategy={"scale": 1.0}, size=224)
    write_run(workspace, manifest, higher, strategy={"scale": 1.25}, size=288)
    (found,) = effects(gather(workspace, manifest, read_runs(workspace)))
    assert found.trick == "higher_resolution"


def test_an_arm_that_was_asked_for_other_epochs_is_no_arm_without_the_trick(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL)
    write_run(workspace, manifest, HEAD, asked={"epochs": 3, "rate": None})
    write_run(workspace, manifest, AUGMENTED, asked={"epochs": 10, "rate": None})
    assert effects(gather(workspace, manifest, read_runs(workspace))) == ()


@pytest.mark.parametrize(
    "other", [{"engine": "openvino"}, {"weights": {"name": "imagenet", "sha256": "6e" * 32}}], ids=["engine", "weights"]
)
def test_an_arm_of_another_engine_or_other_weights_is_no_arm_without_the_trick(
    workspace: Workspace, other: dict[str, object]
) -> None:
    manifest = photos(workspace, **SMALL)
    write_run(workspace, manifest, HEAD, **other)
    write_run(workspace, manifest, AUGMENTED)
    assert effects(gather(workspace, manifest, read_runs(workspace))) == ()


def test_a_trick_that_thaws_all_may_change_the_engine(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL)
    thawed = {"steps": [{"step": "phase", "thaw": -1}]}
    write_run(workspace, manifest, HEAD, engine="openvino")
    write_run(workspace, manifest, AUGMENTED, engine="tensorflow", strategy=thawed)
    assert len(effects(gather(workspace, manifest, read_runs(workspace)))) == 1


def test_a_trick_is_measured_over_the_seeds_that_both_have(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL)
    write_runs(workspace, manifest, (HEAD,), seeds=3, precision="float32")
    write_runs(workspace, manifest, (AUGMENTED,), seeds=2, precision="float32")
    (found,) = effects(gather(workspace, manifest, read_runs(workspace)))
    assert found.pair.difference.seeds == 2


def test_where_nothing_was_chosen_the_page_does_not_say_that_validation_chose(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL)
    write_runs(workspace, manifest, (PROBE, LENET), splits=("test",))
    found = gather(workspace, manifest, read_runs(workspace))
    words = said("verdict", found) + said("arms", found)
    assert "alidation chose" not in words
    assert "Nothing could be held out to choose by, so arms stand by name." in words


def test_a_run_whose_arm_cannot_be_read_stops_no_section(workspace: Workspace) -> None:
    strange = dataclasses.replace(LENET, arm="<b>:from_scratch")
    found = evidence(workspace, (HEAD, AUGMENTED, strange))
    assert len(effects(found)) == 1
    assert all(SECTIONS[name].body(found) is not None for name in ("tricks", "differences", "arms"))


# --- calibration ---


def test_calibration_states_the_error_before_and_after_a_temperature_from_validation(workspace: Workspace) -> None:
    found = evidence(workspace, (LENET,))
    (result,) = found.main
    temperatures = [scores.temperature(part.truth, part.probabilities) for part in result.validation]
    after = fmean(
        scores.CALIBRATION_ERROR(part.truth, scores.tempered(part.probabilities, one))
        for part, one in zip(result.stated, temperatures, strict=True)
    )
    words = said("calibration", found)
    assert f"{result.score(scores.CALIBRATION_ERROR):.3f} {after:.3f}" in words
    assert f" {fmean(temperatures):.2f} " in words
    photos_told = sum(int(n) for n in re.findall(r"(\d+) answers? at", told("calibration", found)[0]))
    assert photos_told == 3 * 90


def test_without_a_mistake_on_validation_no_temperature_is_stated(workspace: Workspace) -> None:
    found = evidence(workspace, (Competitor("oracle:linear_probe", 90.0),))
    assert re.search(r"oracle:linear_probe .*– .*– –", said("calibration", found))


def test_without_a_test_split_no_temperature_is_fitted_on_what_is_stated(workspace: Workspace) -> None:
    manifest = photos(workspace, labels=("ant", "bee"), counts=(4, 20, 0))
    write_runs(workspace, manifest, (LENET,))
    found = gather(workspace, manifest, read_runs(workspace))
    assert re.search(rf"{LENET.arm} .* – .* – –", said("calibration", found))


# --- photos ---


def test_examples_show_each_class_with_its_credit_and_keep_the_test_split_for_last(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL, draws=58)
    write_runs(workspace, manifest, (PROBE,), seeds=1)
    found = gather(workspace, manifest, read_runs(workspace))
    assert [one.photo.label for one in found.examples] == ["ant"] * 4 + ["bee"] * 4 + ["cat"] * 4
    assert "test" not in {one.photo.split for one in found.examples}
    assert said("dataset", found).count("A. Photographer, CC BY 4.0") == 12


def test_where_the_originals_lie_is_not_told(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL, draws=58)
    moved = manifest.replace(
        dataclasses.replace(photo, file_name=str(workspace.root / photo.file_name), title=None)
        for photo in manifest.kept
    )
    write_runs(workspace, moved, (LENET,), seeds=1)
    found = gather(workspace, moved, read_runs(workspace))
    assert found.examples
    assert found.mistakes
    for name in ("dataset", "mistakes"):
        assert str(workspace.root) not in str(SECTIONS[name].body(found))


def test_where_the_model_looked_stands_beside_its_mistake_where_the_run_has_it(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL, draws=58)
    write_runs(workspace, manifest, (LENET,))
    plain = gather(workspace, manifest, read_runs(workspace))
    assert plain.best is not None
    assert {one.overlay for one in plain.mistakes} == {None}
    wrong = plain.mistakes[1].photo
    assert wrong is not None
    overlay = plain.best.runs[1].path / "gradcam" / f"{wrong.id}.png"
    overlay.parent.mkdir()
    Image.new("RGB", (30, 30), "red").save(overlay)
    found = gather(workspace, manifest, read_runs(workspace))
    assert [one.overlay is not None for one in found.mistakes[:3]] == [False, True, False]
    assert str(SECTIONS["mistakes"].body(found)).count("Grad-CAM") == 1


def test_a_photo_id_that_leads_elsewhere_has_no_overlay(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL)
    strange = type(manifest)(tuple(dataclasses.replace(photo, id=f"../{photo.id}") for photo in manifest.photos))
    write_runs(workspace, strange, (LENET,))
    for run in read_runs(workspace):
        for photo in strange.kept:
            (run.path / "gradcam").mkdir(exist_ok=True)
            Image.new("RGB", (3, 3)).save(run.path / f"{photo.id[3:]}.png")
    found = gather(workspace, strange, read_runs(workspace))
    assert found.mistakes
    assert {one.overlay for one in found.mistakes} == {None}


# --- names ---


def test_of_a_weights_file_only_the_name_is_shown_unless_two_would_become_one(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL)
    arms = (
        "a@/one/place/mine.weights.h5:frozen_head",
        "b@/one/mine.weights.h5:probe",
        "b@/other/mine.weights.h5:probe",
    )
    for arm in arms:
        write_run(workspace, manifest, dataclasses.replace(HEAD, arm=arm))
    titles = {one.title for one in gather(workspace, manifest, read_runs(workspace)).main}
    assert titles == {"a@mine:frozen_head", *arms[1:]}


# --- arms ---


def test_every_row_states_the_settings_that_its_name_does_not(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL)
    steps = [{"augment": "plain", "views": 8, "thaw": 0}]
    write_run(workspace, manifest, HEAD, strategy={"steps": steps}, batch_norm="adapt", engine="openvino")
    fresh = [{"augment": "plain", "views": 8, "thaw": -1}]
    write_run(workspace, manifest, LENET, strategy={"steps": fresh}, precision="bfloat16")
    words = said("arms", gather(workspace, manifest, read_runs(workspace)))
    assert f"{HEAD.arm} batch norm adapt, openvino, float32, 8 views of a photo" in words
    assert f"{LENET.arm} batch norm frozen, tensorflow, bfloat16" in words
    assert words.count("views of a photo") == 1


# --- folds ---


def in_folds(workspace: Workspace, *, given: bool = False) -> Evidence:
    manifest = photos(workspace, **SMALL)
    for competitor in (PROBE, HEAD, LENET, AUGMENTED):
        for seed in range(6):
            write_run(workspace, manifest, competitor, seed=seed, folds=3)
    if given:
        write_runs(workspace, manifest, (PROBE, HEAD, LENET), sizes=(None, 5))
    return gather(workspace, manifest, read_runs(workspace))


def test_the_page_of_folds_speaks_of_folds_and_never_of_a_test_split(workspace: Workspace) -> None:
    found = in_folds(workspace)
    words = " ".join(said(name, found) for name in SECTIONS if SECTIONS[name].body(found) is not None)
    assert "162 photos rightly, each by a model trained without it" in words
    assert "corrected resampled t" in words
    assert "9 folds" not in words
    assert "6 (2 × 3)" in words
    for absent in ("test photo", "test split", "joint paired bootstrap", "Cochran", "None"):
        assert absent not in words, absent
    assert "A person has verified 0 of the 162 labels" in words
    assert "6 runs opened" not in words
    assert "24 runs opened their own folds, once each" in words


def test_a_page_of_incomplete_folds_does_not_say_that_every_photo_was_judged(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL)
    for seed in (0, 1):
        write_run(workspace, manifest, PROBE, seed=seed, folds=3)
    for seed in (0, 1, 3):
        write_run(workspace, manifest, LENET, seed=seed, folds=3)
    found = gather(workspace, manifest, read_runs(workspace))
    words = said("arms", found)
    assert "every photo is judged" not in words
    assert "some folds are missing, so some photos were judged less often or not at all." in words
    assert "Of all judged photos at once" in words
    assert "×" not in words, "3 trainings are no whole repetitions"
    judged = len(found.judged)
    assert 108 < judged < 162
    assert f"0 of the {judged} labels that are judged." in said("dataset", found)


def test_where_nothing_was_held_out_in_folds_the_page_does_not_say_that_validation_ordered(
    workspace: Workspace,
) -> None:
    manifest = photos(workspace, **SMALL)
    for seed in range(3):
        for arm in (PROBE, LENET):
            write_run(workspace, manifest, arm, seed=seed, folds=3, splits=("test",))
    words = said("arms", gather(workspace, manifest, read_runs(workspace)))
    assert "that validation gave them" not in words
    assert "Nothing could be held out to choose by, so arms stand by name." in words


def test_other_numbers_of_folds_stand_below_under_their_own_name(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL)
    for of in (3, 2):
        for seed in range(of):
            write_run(workspace, manifest, PROBE, seed=seed, folds=of)
    found = gather(workspace, manifest, read_runs(workspace))
    words = said("verdict", found)
    assert "in 3 folds; those judged in 2 folds stand below." in words
    assert "given splits" not in words
    assert (
        "of 3 folds seed s stands for fold s mod 3 of one repetition, "
        "of 2 folds seed s stands for fold s mod 2 of one repetition;"
    ) in said("provenance", found)


def test_where_the_given_splits_choose_the_folds_stand_below(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL)
    write_run(workspace, manifest, PROBE)
    for seed in range(3):
        write_run(workspace, manifest, PROBE, seed=seed, folds=3, splits=("test",))
    found = gather(workspace, manifest, read_runs(workspace))
    assert found.grounds[0].folds is None
    assert "; those judged in 3 folds stand below." in said("verdict", found)


def test_tricks_are_told_apart_in_folds_too(workspace: Workspace) -> None:
    (effect,) = effects(in_folds(workspace))
    assert effect.trick == "augment"
    assert effect.pair.difference.seeds == 6


def test_what_was_judged_on_the_given_splits_stands_below_in_tables_of_its_own(workspace: Workspace) -> None:
    found = in_folds(workspace, given=True)
    text = str(SECTIONS["arms"].body(found))
    captions = re.findall(r"<caption><span>(\d arms trained on .*?)\.</span>", text)
    assert captions == [
        "4 arms trained on all training photos, in 3 folds",
        "3 arms trained on all training photos",
        "3 arms trained on 5 photos a class",
    ]
    assert "Said of arms trained on all training photos, in 3 folds; those judged on the given splits" in said(
        "verdict", found
    )
    assert "the two are not compared" in said("arms", found)
    assert "Test split opened" in said("provenance", found)
    assert "Accuracy on the test photos against" in said("learning_curve", found), "in folds there is but one size"


# --- before any pair ---


def test_the_omnibus_question_is_answered_in_words_for_each_size(workspace: Workspace) -> None:
    found = evidence(workspace, (TUNED, LENET, PROBE), sizes=(None, 5))
    words = said("differences", found)
    assert words.count("are all 3 arms right equally often?") == 2
    assert "of arms trained on 5 photos a class: are all" in words
    assert "No: some differ, whatever the seed" in words
    twins = tuple(dataclasses.replace(HEAD, arm=f"net{n}:frozen_head", luck=0.0) for n in range(3))
    other = Workspace(workspace.root.parent / "twins")
    assert "No: some" not in said("differences", evidence(other, twins, seeds=1))


def test_with_folds_no_omnibus_is_asked(workspace: Workspace) -> None:
    assert "Cochran" not in said("differences", in_folds(workspace))
