"""What moves and what does not, and that the short way (kept activations) is the long way (pixels)."""

from __future__ import annotations

import dataclasses
import json

import keras
import numpy
import pytest
import tensorflow as tf

from tests.training import tiny
from tests.training.tiny import TINY, TinyPlan
from transfer.arm import Arm
from transfer.manifest import Manifest
from transfer.models.classifier import Classifier
from transfer.progress import Progress, quiet
from transfer.strategy import ALL, Head, Phase, Solver, Strategy
from transfer.training import batches
from transfer.training.activations import Activations
from transfer.training.descent import Descent
from transfer.training.fit import Fitted, Loop, probabilities
from transfer.training.inputs import Photos
from transfer.training.logbook import Logbook
from transfer.training.parts import choose
from transfer.training.plan import Plan
from transfer.training.rows import Rows
from transfer.workspace import Workspace

Trained = tuple[Classifier, Fitted, dict[str, numpy.ndarray], dict[str, numpy.ndarray]]


def weights_by_layer(classifier: Classifier) -> dict[str, numpy.ndarray]:
    """Every array of the network, by stage and layer."""
    return {
        f"{stage.name}/{layer.name}/{variable.name}": numpy.array(variable)
        for stage, layers in zip(classifier.backbone.stages, classifier.stage_layers, strict=True)
        for layer in layers
        for variable in layer.weights
    }


def train(plan: Plan, manifest: Manifest, workspace: Workspace) -> Trained:
    keras.utils.clear_session()
    keras.utils.set_random_seed(plan.seed)
    weights = plan.weights.path if plan.weights else None
    classifier = Classifier(plan.backbone, plan.strategy.head, classes=3, size=plan.size, seed=0, weights=weights)
    before = weights_by_layer(classifier)
    parts = choose(manifest, per_class=plan.per_class, seed=plan.seed)
    fitted = Loop(classifier, plan.strategy).fit(
        Activations(plan, classifier, workspace),
        train=parts.train,
        validation=parts.validation,
        labels=plan.labels,
        seed=plan.seed,
    )
    return classifier, fitted, before, weights_by_layer(classifier)


def train_without_choosing(plan: Plan, manifest: Manifest, workspace: Workspace) -> Trained:
    """With four photos a class nothing is held out, so the last epoch stays, whether it was the best or not."""
    return train(dataclasses.replace(plan, per_class=4), manifest, workspace)


def moved(before: dict[str, numpy.ndarray], after: dict[str, numpy.ndarray]) -> set[str]:
    return {name for name in before if not numpy.array_equal(before[name], after[name])}


@pytest.fixture
def plan(manifest: Manifest) -> Plan:
    strategy = Strategy(True, Head(), (Solver(),))
    return TinyPlan(Arm("tiny"), strategy, None, 16, 0, None, manifest.labels, manifest.training_digest())


def phase(**changes: object) -> Phase:
    return Phase(**{"epochs": 2, "rate": 1e-2, "patience": None} | changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("step", "stages"),
    [
        (Solver(penalties=(1.0,)), set()),
        (phase(), set()),
        (phase(augment="plain"), set()),
        (phase(thaw=1), {"three"}),
        (phase(thaw=2), {"two", "three"}),
        (phase(thaw=ALL), {"one", "two", "three"}),
    ],
    ids=["solver", "frozen", "frozen, with views", "one stage", "two stages", "all"],
)
def test_exactly_the_thawed_stages_move(
    plan: Plan, manifest: Manifest, workspace: Workspace, step: Solver | Phase, stages: set[str]
) -> None:
    _, _, before, after = train_without_choosing(
        dataclasses.replace(plan, strategy=Strategy(True, Head(), (step,))), manifest, workspace
    )
    assert {name.split("/")[0] for name in moved(before, after)} == stages


def test_frozen_batch_norm_keeps_statistics_scale_and_shift(
    plan: Plan, manifest: Manifest, workspace: Workspace
) -> None:
    strategy = Strategy(True, Head(), (phase(thaw=1, batch_norm="frozen"),))
    _, _, before, after = train_without_choosing(dataclasses.replace(plan, strategy=strategy), manifest, workspace)
    assert moved(before, after)
    assert all("_norm/" not in name for name in moved(before, after))


def test_adapting_batch_norm_moves_in_the_thawed_stages_only(
    plan: Plan, manifest: Manifest, workspace: Workspace
) -> None:
    strategy = Strategy(True, Head(), (phase(thaw=1, batch_norm="adapt"),))
    _, _, before, after = train_without_choosing(dataclasses.replace(plan, strategy=strategy), manifest, workspace)
    norms = {name for name in moved(before, after) if "_norm/" in name}
    assert {name.split("/")[-1] for name in norms} == {"gamma", "beta", "moving_mean", "moving_variance"}
    assert {name.split("/")[0] for name in norms} == {"three"}


@pytest.mark.parametrize("batch_norm", ["frozen", "adapt"])
def test_training_from_kept_activations_is_training_from_pixels(
    plan: Plan, manifest: Manifest, workspace: Workspace, monkeypatch: pytest.MonkeyPatch, batch_norm: str
) -> None:
    """Up to rounding, which Adam makes larger where a gradient is next to none: a tenth of what the weights moved."""
    strategy = Strategy(True, Head(dropout=0.2), (Solver(), phase(rate=1e-3, thaw=1, batch_norm=batch_norm)))
    plan = dataclasses.replace(plan, strategy=strategy)
    _, short, before, after_short = train_without_choosing(plan, manifest, workspace)
    monkeypatch.setenv("TRANSFER_FEATURES_GB", "0")
    _, long, _, after_long = train_without_choosing(plan, manifest, workspace)
    assert [row["loss"] for row in short.history] == pytest.approx([row["loss"] for row in long.history], rel=1e-3)
    assert moved(before, after_short) == moved(before, after_long) != set()
    for name in after_short:
        far = float(abs(after_short[name] - before[name]).max())
        assert after_short[name] == pytest.approx(after_long[name], abs=far / 10), name


def test_a_phase_ends_at_its_best_epoch_by_validation(plan: Plan, manifest: Manifest, workspace: Workspace) -> None:
    strategy = Strategy(True, Head(), (phase(epochs=6, rate=1.0),))  # so large a rate jumps about
    plan = dataclasses.replace(plan, strategy=strategy)
    classifier, fitted, _, _ = train(plan, manifest, workspace)
    parts = choose(manifest, per_class=None, seed=0)
    truth = numpy.array([plan.labels.index(photo.label) for photo in parts.validation])
    rows = Activations(plan, classifier, workspace).rows(fitted.cut, parts.validation)
    accuracy = (probabilities(classifier, fitted.cut, rows).argmax(1) == truth).mean()
    assert accuracy >= max(row["validation_accuracy"] for row in fitted.history) - 1e-9


def test_patience_ends_a_phase_that_no_longer_improves(plan: Plan, manifest: Manifest, workspace: Workspace) -> None:
    strategy = Strategy(True, Head(), (phase(epochs=50, rate=1e-12, patience=3),))
    _, fitted, _, _ = train(dataclasses.replace(plan, strategy=strategy), manifest, workspace)
    assert len(fitted.history) < 12


def test_few_photos_are_passed_over_several_times_until_the_least_steps_are_made(
    plan: Plan, manifest: Manifest, workspace: Workspace
) -> None:
    strategy = Strategy(True, Head(), (phase(epochs=3, least_steps=40, batch=8),))
    _, fitted, _, _ = train(dataclasses.replace(plan, strategy=strategy), manifest, workspace)
    assert len(fitted.history) == 3
    assert 40 <= fitted.gradient_steps < 40 + 3 * len(manifest.part("train"))


def test_head_weights_do_not_depend_on_whether_the_network_was_built() -> None:
    built = Classifier(TINY, Head(widths=(8,)), classes=3, size=16, seed=5)
    _ = built.network
    bare = Classifier(TINY, Head(widths=(8,)), classes=3, size=16, seed=5, kept=16)
    for one, other in zip(built.scores.get_weights(), bare.scores.get_weights(), strict=True):
        assert (one == other).all()


@pytest.mark.parametrize("pool", ["average", "max", "concat", "flatten"])
def test_every_cut_gives_the_whole_networks_answer(pool: str) -> None:
    head = Head(pool=pool, widths=(8,))  # type: ignore[arg-type]
    classifier = Classifier(TINY, head, classes=3, size=16)
    pictures = numpy.random.default_rng(0).integers(0, 256, (2, 16, 16, 3)).astype("uint8")
    whole = classifier.whole()(pictures, training=False).numpy()
    for cut in range(classifier.last_cut + 1):
        activations = classifier.bottom(cut)(pictures, training=False)
        answers = keras.ops.softmax(classifier.top(cut)(activations, training=False))
        assert answers.numpy() == pytest.approx(whole, abs=1e-6)
        composed = keras.ops.softmax(classifier.composed(cut)(pictures, training=False))
        assert composed.numpy() == pytest.approx(whole, abs=1e-6)


def test_nothing_is_dropped_below_the_cut_while_the_top_is_trained() -> None:
    def network(size: int) -> keras.Model:
        made = tiny.network(size)
        dropped = keras.layers.Dropout(0.5, name="two")(made.get_layer("two_norm").output)
        x = made.get_layer("three_norm")(made.get_layer("three_conv")(dropped))
        return keras.Model(made.input, made.get_layer("three")(x))

    classifier = Classifier(dataclasses.replace(TINY, network=network), Head(), classes=3, size=16)
    classifier.thaw(1, batch_norm="frozen")
    pictures = numpy.random.default_rng(0).integers(0, 256, (2, 16, 16, 3)).astype("uint8")
    composed = classifier.composed(2)
    still = composed(pictures, training=False).numpy()
    assert (composed(pictures, training=True).numpy() == still).all()
    assert abs(classifier.top(0)(pictures, training=True).numpy() - still).max() > 1e-4, "otherwise this shows nothing"


def test_out_of_memory_halves_the_batch_and_begins_the_phase_again(
    plan: Plan, manifest: Manifest, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    fits, tried, told, begun_anew = 4, [], [], []
    run = Descent.run
    monkeypatch.setattr(Logbook, "begin_anew", lambda logbook: begun_anew.append(tried[-1]))

    def cramped(self: Descent, *args: object, **keywords: object) -> list[dict[str, float]]:
        tried.append(self.batch)
        history = run(self, *args, **keywords)  # type: ignore[arg-type]
        if self.batch > fits:  # only now, so that there is something to be put back
            raise tf.errors.ResourceExhaustedError(None, None, "no room")
        return history

    monkeypatch.setattr(Descent, "run", cramped)
    plan = dataclasses.replace(plan, strategy=Strategy(True, Head(dropout=0.2), (phase(batch=16),)), per_class=4)
    loop = Loop(Classifier(TINY, plan.strategy.head, classes=3, size=16), plan.strategy)

    def fit() -> tuple[Fitted, list[numpy.ndarray]]:
        loop.classifier.restart(0)
        fitted = fit_loop(loop, plan, manifest, workspace, on_progress=lambda *news: told.append(news))
        return fitted, loop.classifier.scores.get_weights()

    fitted, weights = fit()
    assert (tried, fitted.batch) == ([16, 8, 4], 4)
    assert [what for done, _, what in told if not done and "memory" in what] == [
        "not enough memory; going on with 8 photos a step",
        "not enough memory; going on with 4 photos a step",
    ]
    _, again = fit()
    assert tried == [16, 8, 4, 4], "what did not fit is not tried again"
    assert begun_anew == [16, 8], "a later try does not go on with a batch that did not fit"
    calm = Loop(loop.classifier, Strategy(True, plan.strategy.head, (phase(batch=4),)))
    loop.classifier.restart(0)
    fit_loop(calm, plan, manifest, workspace)
    for one, other, undisturbed in zip(weights, again, loop.classifier.scores.get_weights(), strict=True):
        assert (one == other).all()
        assert (one == undisturbed).all(), "as if it had been the batch from the start"

    fits = 0
    with pytest.raises(tf.errors.ResourceExhaustedError):
        fit()
    assert tried[5:] == [4, 2, 1]


def fit_loop(loop: Loop, plan: Plan, manifest: Manifest, workspace: Workspace, on_progress: Progress = quiet) -> Fitted:
    parts = choose(manifest, per_class=plan.per_class, seed=plan.seed)
    return loop.fit(
        Activations(plan, loop.classifier, workspace),
        train=parts.train,
        validation=parts.validation,
        labels=plan.labels,
        seed=plan.seed,
        logbook=Logbook(on_progress),
    )


def test_a_frozen_phase_learns_from_kept_views_and_touches_no_pixel_a_second_time(
    plan: Plan, manifest: Manifest, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = dataclasses.replace(plan, strategy=Strategy(True, Head(), (phase(epochs=5, augment="plain", views=3),)))
    _, fitted, _, _ = train(plan, manifest, workspace)
    kept_views = [json.loads(path.read_text()).get("view") for path in workspace.features.glob("*/about.json")]
    assert sorted(view for view in kept_views if view) == ["plain 0", "plain 1", "plain 2"]
    assert fitted.views == 3
    _, plain, _, _ = train(
        dataclasses.replace(plan, strategy=plan.strategy.map_phases(augment=None)), manifest, workspace
    )
    assert [row["loss"] for row in plain.history] != [row["loss"] for row in fitted.history]

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a pixel was touched")

    monkeypatch.setattr(batches, "pictures", refuse)
    _, again, _, _ = train(plan, manifest, workspace)
    losses = [[row["loss"] for row in one.history] for one in (fitted, again)]
    assert losses[0] == losses[1]


def test_kept_views_share_the_memory_of_a_training(plan: Plan, manifest: Manifest, workspace: Workspace) -> None:
    loop = Loop(Classifier(plan.backbone, Head(), classes=3, size=plan.size), plan.strategy)
    photos = Photos(manifest.part("train"), (), Activations(plan, loop.classifier, workspace), plan.labels)
    views = photos.taught(loop.classifier.last_cut, ("plain 0", "plain 1", "plain 2")).views
    assert [rows.together for rows in views if isinstance(rows, Rows)] == [4, 4, 4]
    each = len(views[0]) * int(numpy.prod(views[0].shape)) * 4
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("transfer.training.rows.IN_MEMORY", 4 * each - 1)
        assert not views[0]._is_small
        patch.setattr("transfer.training.rows.IN_MEMORY", 4 * each)
        assert views[0]._is_small


def test_a_phase_keeps_no_more_views_than_its_epochs_show(plan: Plan, manifest: Manifest, workspace: Workspace) -> None:
    strategy = Strategy(True, Head(), (phase(epochs=1, augment="strong", views=8),))
    assert train(dataclasses.replace(plan, strategy=strategy), manifest, workspace)[1].views == 1
