"""Tricks change what they say and nothing else; views are a function of their seed."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path

import numpy
import pytest
import tensorflow as tf

from transfer import pixels, workflow
from transfer.arm import Arm
from transfer.errors import CallError
from transfer.manifest import Manifest
from transfer.models.augment import plain_view as view
from transfer.models.rebuild import rebuild
from transfer.run import Run
from transfer.strategy import Strategy
from transfer.training.answers import softmax
from transfer.training.plan import STRATEGIES, TRICKS, resolve, resolve_strategy
from transfer.workspace import Workspace

CHANGES = {
    "augment": {"augment": "plain"},
    "strong_augment": {"augment": "strong"},
    "mixup": {"mix": "mixup", "mix_alpha": 0.2},
    "cutmix": {"mix": "cutmix", "mix_alpha": 1.0},
    "class_weights": {"balance": "weights"},
    "balanced_sampling": {"balance": "sampling"},
    "weight_decay": {"weight_decay": 0.05},
    "adamw": {"optimizer": "adam", "weight_decay": 0.01},
    "sgd_momentum": {"optimizer": "sgd", "rate": 1e-3},
    "label_smoothing": {"label_smoothing": 0.1},
    "cosine": {"schedule": "cosine"},
    "warmup": {"warmup": 0.1},
    "ema": {"average": 0.98},
    "soup": {"soup": 5},
}
OF_THE_HEAD = {"dropout": {"dropout": 0.5}, "batch_norm_head": {"batch_norm": True}, "concat_pool": {"pool": "concat"}}
OF_THE_PICTURE = {"higher_resolution": {"scale": 1.25}, "test_time_views": {"mirrored": True}}


@pytest.mark.parametrize(("name", "values"), CHANGES.items())
def test_a_trick_changes_its_own_values_of_every_phase(name: str, values: dict[str, object]) -> None:
    before = STRATEGIES["fine_tune_top"]
    after: Strategy = TRICKS[name](before)
    assert after.steps[0] == before.steps[0], "a solver stays as it is"
    assert after.steps[1] == dataclasses.replace(before.steps[1], **values)
    assert after.head == before.head


@pytest.mark.parametrize(("name", "values"), OF_THE_HEAD.items())
def test_what_is_a_matter_of_the_head_changes_nothing_else(name: str, values: dict[str, object]) -> None:
    before = STRATEGIES["frozen_head"]
    assert TRICKS[name](before) == dataclasses.replace(before, head=dataclasses.replace(before.head, **values))
    with pytest.raises(CallError, match="published head"):
        TRICKS[name](STRATEGIES["from_scratch"])


@pytest.mark.parametrize(("name", "values"), OF_THE_PICTURE.items())
def test_what_is_a_matter_of_the_picture_changes_nothing_else(name: str, values: dict[str, object]) -> None:
    before = STRATEGIES["linear_probe"]
    assert TRICKS[name](before) == dataclasses.replace(before, **values)


def test_a_random_head_leaves_the_probe_out_and_nothing_else() -> None:
    for name in ("fine_tune_top", "fine_tune_all", "gradual"):
        before = STRATEGIES[name]
        assert TRICKS["random_head"](before) == dataclasses.replace(before, steps=before.steps[1:])
    for name in ("frozen_head", "from_scratch", "one_cycle"):
        with pytest.raises(CallError, match="begins from a random head already"):
            TRICKS["random_head"](STRATEGIES[name])
    with pytest.raises(CallError, match="no gradient descent"):
        TRICKS["random_head"](STRATEGIES["linear_probe"])


def test_every_trick_is_a_matter_of_something() -> None:
    assert {*CHANGES, *OF_THE_HEAD, *OF_THE_PICTURE, "random_head"} == set(TRICKS)


@pytest.mark.parametrize("name", [*CHANGES, "dropout", "batch_norm_head"])
def test_a_trick_that_could_change_nothing_is_refused(name: str) -> None:
    with pytest.raises(CallError, match=r"no gradient descent .*\. Received: the solver logistic\. Leave it out"):
        TRICKS[name](STRATEGIES["linear_probe"])


def test_a_view_is_a_function_of_its_seed() -> None:
    picture = tf.constant(numpy.random.default_rng(0).integers(0, 256, (24, 24, 3)).astype("uint8"))
    views = [view(picture, tf.constant([1, n])).numpy() for n in range(6)]
    assert all(one.shape == (24, 24, 3) and one.dtype == "uint8" for one in views)
    assert (view(picture, tf.constant([1, 3])).numpy() == views[3]).all()
    assert len({one.tobytes() for one in views}) == 6


def test_views_keep_the_light_of_a_plain_picture_within_what_is_stated() -> None:
    grey = tf.fill((16, 16, 3), tf.constant(128, tf.uint8))
    levels = [int(view(grey, tf.constant([0, n])).numpy().mean()) for n in range(40)]
    assert 128 - 27 <= min(levels) < 122 < 134 < max(levels) <= 128 + 27


def test_training_with_views_is_repeated_bit_by_bit(tmp_path: object, workspace: Workspace) -> None:
    one = workflow.train(workspace, "lenet5:from_scratch+augment", epochs=2)
    for file in one.path.iterdir():
        file.unlink()
    other = workflow.train(workspace, "lenet5:from_scratch+augment", epochs=2)
    plain = workflow.train(workspace, "lenet5:from_scratch", epochs=2)
    losses = [[row["loss"] for row in run.history()] for run in (one, other, plain)]
    assert losses[0] == losses[1] != losses[2]


# --- the picture itself ---


def pictures(run: Run, manifest: Manifest, workspace: Workspace) -> numpy.ndarray:
    """The run's test photos, from their files."""
    photos = {photo.id: photo for photo in manifest.photos}
    files = [workspace.photo_path(photos[id].file_name) for id in run.predictions("test").photos]
    return numpy.stack([pixels.decode_resize(file.read_bytes(), run.facts["size"]).numpy() for file in files])


@pytest.mark.parametrize("arm", ["lenet5:from_scratch", "resnet20@{}:frozen_head"])
def test_with_the_mirror_an_answer_is_the_mean_of_two_in_training_rebuilt_and_served(
    arm: str, workspace: Workspace, manifest: Manifest, weights_file: Path
) -> None:
    run = workflow.train(workspace, f"{arm.format(weights_file)}+test_time_views", epochs=2)
    kept = run.predictions("test").probabilities
    seen = pictures(run, manifest, workspace)
    classifier = rebuild(run)
    assert classifier.whole()(seen, training=False).numpy() == pytest.approx(kept, abs=1e-5)
    top = classifier.top(0)
    both = [softmax(top(side, training=False).numpy()) for side in (seen, numpy.ascontiguousarray(seen[:, :, ::-1]))]
    assert abs(both[0] - both[1]).max() > 1e-4, "otherwise this shows nothing"
    assert (both[0] + both[1]) / 2 == pytest.approx(kept, abs=1e-5)
    if arm.startswith("lenet5"):
        exported = workflow.export(workspace, run.id, into=workspace.root / "model")
        assert exported.max_difference <= 1e-5
        assert exported.checked == len(kept)


def test_a_higher_resolution_is_a_quarter_more_in_whole_steps_of_32(manifest: Manifest) -> None:
    plain, higher = (Arm("vgg16", "frozen_head", "none", tricks) for tricks in ((), ("higher_resolution",)))
    assert resolve(plain, manifest).size == 224
    assert resolve(higher, manifest).size == 32 * round(1.25 * 224 / 32) == 288
    assert resolve(Arm("lenet5", "from_scratch", "none", ("higher_resolution",)), manifest).size == 40


def test_a_higher_resolution_is_higher_than_that_of_a_rule_too(manifest: Manifest) -> None:
    small = tuple(dataclasses.replace(photo, width=64, height=64) for photo in manifest.photos)
    manifest = dataclasses.replace(manifest, photos=small)
    sizes = [
        resolve(Arm("vgg16", "bit_hyperrule", "none", tricks), manifest).size for tricks in ((), ("higher_resolution",))
    ]
    assert sizes == [128, 160]
    assert resolve(Arm("resnet20", "bit_hyperrule", "none"), manifest).size >= 32, "a small network is not starved"


def test_a_trick_that_would_change_nothing_is_no_row_of_its_own(workspace: Workspace) -> None:
    arms = ["raw_pixels", "lenet5:from_scratch"]
    with pytest.raises(CallError, match="the size, which is given"):
        workflow.compare(workspace, arms, seeds=1, size=32, tricks=["higher_resolution"], budget=1e-9)
    by_momentum = STRATEGIES["bit_hyperrule"](100, 500)
    assert TRICKS["sgd_momentum"](by_momentum) == by_momentum


@pytest.mark.parametrize(
    ("arm", "trick"),
    [
        ("raw_pixels:frozen_head", "cosine"),
        ("raw_pixels:frozen_augmented", "augment"),
        ("raw_pixels:one_cycle", "warmup"),
        ("raw_pixels:one_cycle", "concat_pool"),
    ],
)
def test_a_trick_that_an_arm_has_already_is_refused_and_takes_no_arm_s_name(
    arm: str, trick: str, workspace: Workspace
) -> None:
    with pytest.raises(CallError, match=f"(?s){trick} changes nothing of .*Received: .*{trick}"):
        workflow.compare(workspace, [arm], seeds=1, size=8, tricks=[trick], budget=1e-9)
    runs = list(workflow.compare(workspace, [arm, f"{arm}+{trick}"], seeds=1, size=8, epochs=1))
    assert [run.arm for run in runs] == [arm] * 2, "one run, under the name that comes first"


def test_a_trick_that_some_arms_have_already_is_tried_on_the_others(workspace: Workspace) -> None:
    arms = ["raw_pixels:one_cycle", "raw_pixels:frozen_head"]
    runs = workflow.compare(workspace, arms, seeds=1, size=8, tricks=["cosine"], budget=1e-9)
    assert [run.arm.partition(":")[2] for run in runs] == ["one_cycle", "one_cycle+cosine", "frozen_head"]


@pytest.mark.parametrize(
    "tricks",
    [
        ("mixup", "cutmix"),
        ("augment", "strong_augment"),
        ("class_weights", "balanced_sampling"),
        ("sgd_momentum", "adamw"),
        ("weight_decay", "adamw"),
    ],
)
def test_tricks_that_contradict_each_other_are_refused_in_either_order(tricks: tuple[str, str]) -> None:
    for order in (tricks, tricks[::-1]):
        with pytest.raises(CallError, match=rf"(?s)contradict.*Received: vgg16:fine_tune_top\+.*{order[0]}"):
            resolve_strategy(Arm("vgg16", "fine_tune_top", None, order))


@pytest.mark.parametrize("name", sorted(STRATEGIES))
def test_all_other_pairs_of_tricks_go_together(name: str) -> None:
    contradict = [{"mixup", "cutmix"}, {"augment", "strong_augment"}, {"class_weights", "balanced_sampling"}]
    contradict += [{"sgd_momentum", "adamw"}, {"weight_decay", "adamw"}]
    # Where the rate rises by itself, warmup passes over it; where it falls along a cosine instead, it does not.
    ordered = [{"warmup", "cosine"}] if name == "one_cycle" else []
    fitting = [trick for trick in TRICKS if fits(name, trick)]
    for pair in itertools.combinations(fitting, 2):
        if set(pair) not in contradict:
            there, back = (resolve_strategy(Arm("vgg16", name, None, order)) for order in (pair, pair[::-1]))
            assert (there == back) == (set(pair) not in ordered), pair


def fits(strategy: str, trick: str) -> bool:
    try:
        resolve_strategy(Arm("vgg16", strategy, None, (trick,)))
    except CallError:
        return False
    return True


def test_a_trick_that_had_nothing_to_say_contradicts_none_behind_it() -> None:
    passed_over = resolve_strategy(Arm("vgg16", "one_cycle", None, ("warmup", "cosine")))
    assert passed_over == resolve_strategy(Arm("vgg16", "one_cycle", None, ("cosine",)))
    warm = resolve_strategy(Arm("vgg16", "one_cycle", None, ("cosine", "warmup")))
    assert {(phase.schedule, phase.warmup) for phase in warm.phases} == {("cosine", 0.1)}


@pytest.mark.parametrize("name", sorted(STRATEGIES))
def test_adam_after_momentum_has_the_rate_that_it_had_before(name: str) -> None:
    strategy = STRATEGIES[name] if isinstance(STRATEGIES[name], Strategy) else STRATEGIES[name](100, 500)
    if not strategy.phases:
        pytest.skip("a solver makes no steps")
    there = TRICKS["sgd_momentum"](strategy)
    assert {phase.optimizer for phase in there.phases} == {"sgd"}
    back = TRICKS["adamw"](there)
    assert {phase.optimizer for phase in back.phases} == {"adam"}
    rates = [phase.rate if phase.optimizer == "adam" else phase.rate / 10 for phase in strategy.phases]
    assert [phase.rate for phase in back.phases] == pytest.approx(rates)


def test_what_a_rule_gives_for_the_photos_decides_the_run(manifest: Manifest) -> None:
    plan = resolve(Arm("lenet5", "bit_hyperrule", "none"), manifest)
    rule = STRATEGIES["bit_hyperrule"]
    side = numpy.median([photo.width * photo.height for photo in manifest.kept]) ** 0.5
    assert plan.strategy == rule(len(manifest.part("train")), side)
    assert resolve(Arm("lenet5", "bit_hyperrule", "none"), manifest, per_class=2).strategy == rule(6, side)
    told = [(100, 500), (20_000, 500), (500_000, 500), (100, 95)]
    assert len({dataclasses.replace(plan, strategy=rule(*one)).id for one in told}) == 4


def test_a_rule_gives_every_seed_one_size(manifest: Manifest) -> None:
    """Some photos lie below its border and some above: a subset may have its middle on either side."""
    sides = [64 if at % 2 else 640 for at in range(len(manifest.photos))]
    photos = tuple(dataclasses.replace(p, width=s, height=s) for p, s in zip(manifest.photos, sides, strict=True))
    mixed = dataclasses.replace(manifest, photos=photos)
    arm = Arm("vgg16", "bit_hyperrule", "none")
    assert len({resolve(arm, mixed, per_class=2, seed=seed).size for seed in range(8)}) == 1


@pytest.mark.parametrize(("width", "height", "size"), [(95, 96, 128), (96, 96, 480), (200, 40, 128), (640, 480, 480)])
def test_the_hyper_rule_shows_small_photos_smaller_and_large_ones_larger(
    manifest: Manifest, width: int, height: int, size: int
) -> None:
    photos = tuple(dataclasses.replace(photo, width=width, height=height) for photo in manifest.photos)
    plan = resolve(Arm("vgg16", "bit_hyperrule", "none"), dataclasses.replace(manifest, photos=photos))
    assert plan.size == size
