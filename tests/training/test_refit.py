"""Refitting: the same choices, more photos, and validation answers from before."""

from __future__ import annotations

from pathlib import Path

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as draw

from tests.training.tiny import TINY, TinyPlan
from transfer import workflow
from transfer.arm import Arm
from transfer.manifest import Manifest
from transfer.models.classifier import Classifier
from transfer.models.rebuild import rebuild
from transfer.strategy import Head, Phase, Solver, Strategy
from transfer.training import refit as refitting
from transfer.training.activations import Activations
from transfer.training.descent import Descent
from transfer.training.fit import Fitted, Loop
from transfer.training.parts import choose
from transfer.training.plan import resolve
from transfer.training.refit import refit, settled
from transfer.training.trial import run_trial
from transfer.workspace import Workspace

STEPS = (Solver(penalties=(1.0, 0.1), fixed=0.5), Phase(12, 1e-3, patience=3, least_steps=120), Phase(6, 1e-4, thaw=1))


def test_nothing_is_left_to_choose() -> None:
    chosen = settled(Strategy(True, None, STEPS), penalty=0.1, epochs={1: 4, 2: 6}, before=100, now=150)
    solver, first, second = chosen.steps
    assert solver == Solver(penalties=(0.1,), fixed=0.1)
    assert first == Phase(4, 1e-3, patience=None, least_steps=4 * 4 * 150 // 32), "four passes an epoch, as before"
    assert second == Phase(6, 1e-4, thaw=1)


def test_a_phase_that_made_nothing_better_is_left_out() -> None:
    of = {"before": 10, "now": 12}
    left = settled(Strategy(True, None, STEPS), penalty=1.0, epochs={1: 0, 2: 2}, **of).steps[1:]
    assert left == (Phase(2, 1e-4, thaw=1),)
    assert settled(Strategy(True, None, STEPS[1:]), penalty=None, epochs={}, **of).steps == ()


@settings(deadline=None)
@given(draw.integers(1, 400), draw.integers(0, 100), draw.integers(1, 30), draw.integers(0, 500), draw.data())
def test_an_epoch_passes_over_the_photos_as_often_as_when_its_number_was_chosen(
    before: int, more: int, epochs: int, least: int, data: draw.DataObject
) -> None:
    """More photos make more steps, not fewer passes; of less than a batch one step may be missing."""
    made, now = data.draw(draw.integers(1, epochs)), before + more
    phase = Phase(epochs, 1e-3, least_steps=least)
    (again,) = settled(Strategy(True, None, (phase,)), penalty=None, epochs={0: made}, before=before, now=now).phases
    assert again.passes(now) <= phase.passes(before)
    assert again.passes(now) > phase.passes(before) - max(1, phase.batch / (made * now))


def test_phases_that_were_no_better_than_the_solver_are_not_made_again(
    manifest: Manifest, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    phases = (Phase(2, 1e-3, thaw=1, batch=8), Phase(2, 1e-3, thaw=2, batch=8), Phase(2, 1e-3, thaw=3, batch=8))
    strategy = Strategy(False, Head(), (Solver(), *phases))
    accuracies = iter([0.9, 0.7, 0.8, 0.9, 0.95, 0.7, 0.95, 0.8, 0.8])  # where each begins, and its two epochs
    monkeypatch.setattr(Descent, "_judge", lambda self, part: (0.5, next(accuracies)))
    loop = Loop(Classifier(TINY, Head(), classes=3, size=16), strategy)
    plan = TinyPlan(Arm("tiny"), strategy, None, 16, 0, None, manifest.labels, manifest.training_digest())
    parts = choose(manifest, per_class=None, seed=0)
    activations = Activations(plan, loop.classifier, workspace)
    fitted = loop.fit(activations, train=parts.train, validation=parts.validation, labels=plan.labels, seed=0)
    assert fitted.best_epochs == [[1, 0], [2, 1], [3, 0]]
    made: list[Strategy] = []
    monkeypatch.setattr(Loop, "fit", lambda self, *_, **__: made.append(self.strategy) or fitted)
    refit(plan, loop.classifier, fitted, activations, photos=(*parts.train, *parts.validation), before=len(parts.train))
    assert [step.thaw for step in made[0].phases] == [2]
    assert made[0].phases[0].epochs == 1


@pytest.mark.parametrize("arm", ["raw_pixels:linear_probe", "lenet5:from_scratch", "resnet20@{}:fine_tune_top"])
def test_a_refitted_run_learnt_from_validation_too_and_kept_what_it_answered_before(
    arm: str, workspace: Workspace, manifest: Manifest, weights_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named_arm = Arm.parse(arm.format(weights_file))
    seen: list[tuple[int, int]] = []
    fit = refitting.Loop.fit

    def watched(self: refitting.Loop, *arguments: object, **named: object) -> Fitted:
        seen.append((len(named["train"]), len(named["validation"])))  # type: ignore[arg-type]
        return fit(self, *arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(refitting.Loop, "fit", watched)
    plans = [resolve(named_arm, manifest, epochs=2, refit=again) for again in (False, True)]
    plain, refitted = runs = [run_trial(plan, manifest, workspace) for plan in plans]
    train, validation = len(manifest.part("train")), len(manifest.part("validation"))
    assert seen == [(train, validation), (train, validation), (train + validation, 0)]
    assert plain.id != refitted.id
    assert "refit" not in plain.facts
    assert refitted.facts["refit"] is True
    for same in ("chosen", "best_epoch"):
        assert plain.facts[same] == refitted.facts[same]
    one, other = (run.predictions("validation").probabilities for run in runs)
    assert (one == other).all(), "validation was answered before it was learnt from"
    one, other = (run.predictions("test").probabilities for run in runs)
    assert not numpy.allclose(one, other, atol=1e-4)
    assert [row["loss"] for row in plain.history()] == [row["loss"] for row in refitted.history()]


def test_a_grid_refits_all_its_arms_and_says_so(workspace: Workspace) -> None:
    comparison = workflow.compare(workspace, ["raw_pixels"], seeds=1, per_class=(1, None), refit=True)
    few, full = comparison
    assert few.done
    assert full.done
    assert "refit = true" in workspace.grid.read_text()
    assert full.facts["command"].endswith("--refit")
    assert few.facts["photos"]["validation"] == 0, "nothing was held out, so nothing is learnt again"


def test_what_a_refitted_run_keeps_is_what_its_network_answers(workspace: Workspace, tmp_path: Path) -> None:
    (run,) = workflow.compare(workspace, ["lenet5:from_scratch"], seeds=1, epochs=1, refit=True)
    assert workflow.export(workspace, run.id, into=tmp_path / "model").max_difference < 1e-5
    photos = run.facts["photos"]
    card = (tmp_path / "model" / "README.md").read_text(encoding="utf-8")
    assert f"trained on {photos['train'] + photos['validation']} photos, once {photos['validation']} of them" in card


@pytest.mark.parametrize("strategy", ["svm", "nearest_centroid"])
def test_a_refitted_solver_is_as_sure_as_validation_had_it_be(
    strategy: str, workspace: Workspace, manifest: Manifest
) -> None:
    arm = Arm.parse(f"raw_pixels:{strategy}")
    plain, again = (
        run_trial(resolve(arm, manifest, size=8, refit=refit), manifest, workspace) for refit in (False, True)
    )
    factor = plain.facts["chosen"]["sharpness"]
    assert again.facts["chosen"]["sharpness"] == factor
    unsharp = resolve(arm, manifest, size=8)
    penalty = plain.facts["chosen"].get("penalty")
    steps = settled(unsharp.strategy, penalty=penalty, epochs={}, before=1, now=1).steps
    parts = choose(manifest, per_class=None, seed=0)
    both = (*parts.train, *parts.validation)
    loop = Loop(Classifier(unsharp.backbone, unsharp.strategy.head, classes=3, size=8), Strategy(True, Head(), steps))
    loop.fit(Activations(unsharp, loop.classifier, workspace), train=both, validation=(), labels=unsharp.labels, seed=0)
    bare = loop.classifier.scores.get_layer("logits").get_weights()
    kept = rebuild(again).scores.get_layer("logits").get_weights()
    for one, other in zip(bare, kept, strict=True):
        assert other == pytest.approx(factor * one, rel=1e-5)
