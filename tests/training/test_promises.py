"""Each strategy trains exactly the weights that it promises, and each trick leaves that promise alone."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import keras
import numpy
import pytest

from tests.training.tiny import TINY
from transfer import workflow
from transfer.arm import Arm
from transfer.manifest import Manifest
from transfer.models.backbone import Backbone, Stage
from transfer.models.classifier import Classifier
from transfer.strategy import Head, Strategy
from transfer.training.activations import Activations
from transfer.training.fit import Fitted, Loop
from transfer.training.parts import choose
from transfer.training.plan import STRATEGIES, TRICKS, Plan, resolve_strategy
from transfer.workspace import Workspace

STAGES = ("one", "two", "three", "four")


def network(size: int) -> keras.Model:
    """Four stages: a convolution with batch norm, then one with a bias, so that every kind of weight is there."""
    x = inputs = keras.Input((size, size, 3))
    for name in STAGES:
        x = keras.layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False, name=f"{name}_conv")(x)
        x = keras.layers.BatchNormalization(name=f"{name}_norm")(x)
        x = keras.layers.Activation("silu", name=f"{name}_act")(x)
        x = keras.layers.Conv2D(8, 1, name=f"{name}_mix")(x)
        x = keras.layers.Activation("silu", name=name)(x)
    return keras.Model(inputs, x)


SMALL = dataclasses.replace(
    TINY, title="Small", network=network, stages=tuple(Stage(name, name) for name in STAGES), head=Head()
)


class SmallPlan(Plan):
    """A plan for a network that is on no shelf."""

    @property
    def backbone(self) -> Backbone:
        return SMALL


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory, photo_folder: Path) -> tuple[Workspace, Manifest]:
    """One workspace for the whole file: what is kept is kept by content and setting."""
    workspace = Workspace(tmp_path_factory.mktemp("promises") / "ws")
    workflow.load(photo_folder, workspace)
    return workspace, workflow.split(workspace, validation=0.25, test=0.25)


def short(strategy: Strategy) -> Strategy:
    """The same with two epochs of a few steps in every phase."""
    return strategy.map_phases(epochs=2, least_steps=0, batch=4, patience=None) if strategy.phases else strategy


def learn(
    split: tuple[Workspace, Manifest], strategy: Strategy, *, per_class: int | None = 4
) -> tuple[Fitted, Classifier, set[str], set[str]]:
    """Train; what moved, as "stage/kind of weight", in the network and among its statistics.

    With four photos a class nothing is held out, so the last epoch stays, whether it was the best or not.
    """
    workspace, manifest = split
    plan = SmallPlan(
        Arm("small"), strategy, None, 16, 0, per_class, manifest.labels, manifest.training_digest(), engine="tensorflow"
    )
    keras.utils.clear_session()
    keras.utils.set_random_seed(0)
    classifier = Classifier(SMALL, strategy.head, classes=3, size=16)
    before = arrays(classifier)
    head = [numpy.array(weight) for weight in classifier.scores.weights]
    parts = choose(manifest, per_class=per_class, seed=0)
    fitted = Loop(classifier, strategy).fit(
        Activations(plan, classifier, workspace),
        train=parts.train,
        validation=parts.validation,
        labels=plan.labels,
        seed=0,
    )
    after = arrays(classifier)
    moved = {name for name, old in before.items() if not numpy.array_equal(old, after[name])}
    assert all(numpy.isfinite(array).all() for array in after.values())
    still = {
        weight.path
        for weight, old in zip(classifier.scores.weights, head, strict=True)
        if numpy.array_equal(numpy.array(weight), old)
    }
    return fitted, classifier, moved, still


def arrays(classifier: Classifier) -> dict[str, numpy.ndarray]:
    """Every array of the network, by stage, layer and kind."""
    return {
        f"{stage}/{layer.name.split('_')[-1]} {weight.name}": numpy.array(weight)
        for stage, layers in zip(STAGES, classifier.stage_layers, strict=True)
        for layer in layers
        for weight in layer.weights
    }


KERNELS = {"conv kernel", "mix kernel"}
BIASES = {"mix bias"}
NORMS = {"norm gamma", "norm beta"}
STATISTICS = {"norm moving_mean", "norm moving_variance"}
PLAIN = KERNELS | BIASES
EVERYTHING = PLAIN | NORMS | STATISTICS

PROMISES: dict[str, tuple[tuple[str, ...], set[str]]] = {
    "linear_probe": ((), set()),
    "nearest_centroid": ((), set()),
    "svm": ((), set()),
    "frozen_head": ((), set()),
    "frozen_augmented": ((), set()),
    "fine_tune_top": (("four",), PLAIN),
    "fine_tune_all": (STAGES, PLAIN),
    "discriminative": (STAGES, PLAIN),
    "gradual": (("two", "three", "four"), PLAIN),
    "batch_norm_only": (STAGES, NORMS | STATISTICS),
    "bias_only": (STAGES, BIASES | {"norm beta"} | STATISTICS),
    "one_cycle": (STAGES, PLAIN),
    "bit_hyperrule": (STAGES, EVERYTHING),
    "from_scratch": (STAGES, EVERYTHING),
}
"""Which stages move, and what in each of them; the head moves as a whole."""


@pytest.mark.parametrize("name", list(STRATEGIES))
def test_a_strategy_moves_what_it_promises_and_nothing_else(split: tuple[Workspace, Manifest], name: str) -> None:
    stages, kinds = PROMISES[name]
    strategy = short(resolve_strategy(Arm("small", name), lambda: (12, 16.0)))
    fitted, _, moved, still = learn(split, strategy)
    assert moved == {f"{stage}/{kind}" for stage in stages for kind in kinds}
    assert not still, "every weight of the head has learned"
    assert strategy.batch_norm == ("adapt" if kinds >= STATISTICS else "frozen"), "the word in the tables"
    assert fitted.views == (2 if name == "frozen_augmented" else 0)
    assert all(math.isfinite(row["loss"]) for row in fitted.history)


class Block(keras.layers.Layer):
    """A layer of layers, and with a weight of its own, as KerasHub's networks are made of."""

    def __init__(self, **names: str) -> None:
        super().__init__(**names)
        self.convolution = keras.layers.Conv2D(8, 3, padding="same")
        self.norm = keras.layers.BatchNormalization()

    def build(self, shape: tuple[int, ...]) -> None:
        self.convolution.build(shape)
        self.norm.build((*shape[:-1], 8))
        self.scale = self.add_weight(shape=(8,), name="scale")

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        return self.norm(self.convolution(inputs)) * self.scale

    def compute_output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return (*shape[:-1], 8)


@pytest.mark.parametrize(
    ("policy", "moving"),
    [
        ({"batch_norm": "frozen"}, {"kernel", "bias", "scale"}),
        ({"batch_norm": "adapt"}, {"kernel", "bias", "scale", "gamma", "beta", "moving_mean", "moving_variance"}),
        ({"batch_norm": "adapt", "part": "bias"}, {"bias", "beta", "moving_mean", "moving_variance"}),
        ({"batch_norm": "adapt", "part": "batch_norm"}, {"gamma", "beta", "moving_mean", "moving_variance"}),
    ],
    ids=["frozen", "adapting", "biases", "batch norm"],
)
def test_a_promise_holds_within_layers_of_layers(policy: dict[str, str], moving: set[str]) -> None:
    """The lower of two blocks is frozen, whatever the policy; of the upper what is promised moves."""

    def blocks(size: int) -> keras.Model:
        inputs = keras.Input((size, size, 3))
        return keras.Model(inputs, Block(name="upper")(Block(name="lower")(inputs)))

    made = dataclasses.replace(SMALL, network=blocks, stages=(Stage("lower", "lower"), Stage("upper", "upper")))
    classifier = Classifier(made, Head(), classes=3, size=8)
    classifier.thaw(2, batch_norm="adapt", part="bias")  # an earlier phase
    classifier.thaw(1, **policy)
    model = classifier.top(0)
    model.compile(keras.optimizers.SGD(0.1), "mse")
    weights = [(layer, weight) for layer in classifier.network.layers for weight in layer.weights]
    before = [numpy.array(weight) for _, weight in weights]
    pictures = numpy.random.default_rng(0).integers(0, 256, (8, 8, 8, 3)).astype("uint8")
    model.fit(pictures, numpy.eye(3)[numpy.arange(8) % 3], verbose=0)
    moved = {
        (layer.name, weight.name)
        for (layer, weight), old in zip(weights, before, strict=True)
        if not numpy.array_equal(numpy.array(weight), old)
    }
    # A bias before a batch norm that goes by its batch moves nothing but what rounding leaves of its gradient.
    assert moved - {("upper", "bias")} == {("upper", name) for name in moving} - {("upper", "bias")}


def test_discriminative_rates_move_lower_stages_less(split: tuple[Workspace, Manifest]) -> None:
    """Adam's first steps are as long as the rate, so what moved shows what each stage's rate was."""
    strategy = short(STRATEGIES["discriminative"]).map_phases(epochs=1, batch=64, schedule="constant")
    classifier = Classifier(SMALL, strategy.head, classes=3, size=16)
    before = arrays(classifier)
    learned = learn(split, strategy)[1]
    after = arrays(learned)
    moved = [abs(after[f"{stage}/conv kernel"] - before[f"{stage}/conv kernel"]).max() for stage in STAGES]
    assert moved == pytest.approx([2e-4 * 0.4**depth for depth in (4, 3, 2, 1)], rel=0.02)


def test_one_cycle_moves_three_groups_each_by_a_tenth_of_the_one_above(split: tuple[Workspace, Manifest]) -> None:
    """Adam's first step is as long as the rate: of the head, of the upper two stages and of the lower two."""
    strategy = STRATEGIES["one_cycle"]
    cycle = dataclasses.replace(strategy.phases[1], epochs=1, least_steps=0, weight_decay=0.0, schedule="constant")
    strategy = dataclasses.replace(strategy, steps=(cycle,))
    classifier = Classifier(SMALL, strategy.head, classes=3, size=16)
    before, head = arrays(classifier), numpy.array(classifier.scores.get_layer("logits").kernel)
    learned = learn(split, strategy)[1]
    after = arrays(learned)
    moved = [abs(after[f"{stage}/mix kernel"] - before[f"{stage}/mix kernel"]).max() for stage in STAGES]
    moved.append(abs(numpy.array(learned.scores.get_layer("logits").kernel) - head).max())
    assert moved == pytest.approx([1e-5, 1e-5, 1e-4, 1e-4, 1e-3], rel=0.02)


TOGETHER = {
    "fine_tune_top": "random_head augment mixup balanced_sampling cosine dropout concat_pool adamw label_smoothing",
    "fine_tune_all": "strong_augment cutmix class_weights ema soup warmup sgd_momentum weight_decay batch_norm_head",
}
"""Every trick of the loop, as many as go together; kept views and one stage, then pictures and the whole network."""


@pytest.mark.parametrize("name", list(TOGETHER))
def test_tricks_change_how_a_strategy_learns_and_not_what(split: tuple[Workspace, Manifest], name: str) -> None:
    strategy = short(STRATEGIES[name])
    for trick in TOGETHER[name].split():
        strategy = TRICKS[trick](strategy)
    fitted, _, moved, _ = learn(split, strategy)
    stages, kinds = PROMISES[name]
    assert moved == {f"{stage}/{kind}" for stage in stages for kind in kinds}
    assert [row["epoch"] for row in fitted.history] == [1, 2]
    assert all(math.isfinite(row["loss"]) for row in fitted.history)
    assert fitted.views == (2 if name == "fine_tune_top" else 0)


def test_no_trick_of_the_loop_is_left_out() -> None:
    elsewhere = {"higher_resolution", "test_time_views"}  # matters of the picture, not of learning
    assert {trick for together in TOGETHER.values() for trick in together.split()} | elsewhere == set(TRICKS)


@pytest.mark.parametrize("photos", [30, 100, 1000, 1500, 15_000, 19_999, 20_000, 100_000, 499_999, 500_000, 3_000_000])
def test_the_hyper_rule_makes_the_steps_that_it_names(photos: int) -> None:
    (phase,) = STRATEGIES["bit_hyperrule"](photos, 500).phases
    steps = 500 if photos < 20_000 else 10_000 if photos < 500_000 else 20_000
    passes = max(1, math.ceil(phase.least_steps * phase.batch / (phase.epochs * photos)))  # as descent counts them
    made = math.ceil(passes * photos / phase.batch) * phase.epochs
    if photos < 10_000:
        assert made == pytest.approx(steps, rel=0.15)
    else:  # whole epochs only
        assert steps - photos / 64 < made < max(1.34 * steps, steps + photos / 64)
    assert phase.epochs <= 20
    assert phase.mix == (None if photos < 20_000 else "mixup")


@pytest.mark.parametrize("zero", [True, False])
def test_scores_that_begin_at_zero_take_the_first_step_alone(split: tuple[Workspace, Manifest], zero: bool) -> None:
    """Nothing reaches the network through weights of zero (Kolesnikov et al. 2020 begin so); drawn ones move it all."""
    strategy = STRATEGIES["bit_hyperrule"](12, 500)
    assert strategy.head.zero
    one_step = strategy.map_phases(epochs=1, least_steps=0, schedule="constant", warmup=0.0)
    _, _, moved, still = learn(split, dataclasses.replace(one_step, head=Head(zero=zero)))
    learnt = moved - {f"{stage}/{kind}" for stage in STAGES for kind in STATISTICS}
    assert learnt == (set() if zero else {f"{stage}/{kind}" for stage in STAGES for kind in PLAIN | NORMS})
    assert not still, "the head moves in both"


def test_batch_norm_before_the_scores_begins_where_the_solver_ended(split: tuple[Workspace, Manifest]) -> None:
    """Otherwise normalising would undo the probe's optimum, and fine-tuning would begin from a spoilt head."""
    probe = learn(split, STRATEGIES["linear_probe"])[1]
    begun = dataclasses.replace(STRATEGIES["linear_probe"], head=Head(batch_norm=True))
    normed = learn(split, begun)[1]
    vectors = numpy.random.default_rng(0).normal(size=(20, 8)).astype("float32")
    plain, scores = probe.scores(vectors).numpy(), normed.scores(vectors, training=False).numpy()
    assert scores == pytest.approx(plain, abs=1e-3 * float(abs(plain).max()))
