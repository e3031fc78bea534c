"""Which photos a run may learn from, and when two runs are the same run."""

from __future__ import annotations

import dataclasses
from collections import Counter
from pathlib import Path

import pytest
from conftest import photos
from hypothesis import given
from hypothesis import strategies as st

from transfer.arm import Arm
from transfer.errors import CallError, DataError
from transfer.models.backbone import BACKBONES
from transfer.strategy import Strategy
from transfer.training.parts import choose
from transfer.training.plan import STRATEGIES, resolve, resolve_strategy
from transfer.training.sizes import usual_size


@given(small=st.integers(1, 12), more=st.integers(0, 12), seed=st.integers(0, 3))
def test_a_smaller_training_subset_is_contained_in_a_larger_one(small: int, more: int, seed: int) -> None:
    manifest = photos([30] * 3)
    few, many = (choose(manifest, per_class=k, seed=seed) for k in (small, small + more))
    assert set(few.train + few.validation) <= set(many.train + many.validation)


@pytest.mark.parametrize(("k", "held_out"), [(1, 0), (4, 0), (5, 1), (10, 2), (18, 4)])
def test_few_images_a_class_means_few_a_fifth_held_out_from_five_on(k: int, held_out: int) -> None:
    parts = choose(photos([30] * 3), per_class=k, seed=0)
    assert set(Counter(photo.label for photo in parts.train).values()) == {k - held_out}
    assert Counter(photo.label for photo in parts.validation).total() == 3 * held_out
    assert all(photo.split == "train" for photo in parts.train + parts.validation)
    assert parts.test == photos([30] * 3).part("test")


def test_what_is_held_out_of_few_shares_no_burst_with_what_is_learnt() -> None:
    manifest = photos([40] * 3)
    bursts = manifest.replace(
        dataclasses.replace(photo, group=f"{photo.label} {int(photo.sha256) // 6}") for photo in manifest.photos
    )
    for seed in range(5):
        parts = choose(bursts, per_class=10, seed=seed)
        assert not {photo.group for photo in parts.train} & {photo.group for photo in parts.validation}
        assert len(parts.train) + len(parts.validation) == 30


def test_what_is_held_out_shares_no_group_with_what_is_learnt_also_through_others() -> None:
    manifest = photos([20] * 2)
    pairs = manifest.replace(  # two photos a group, two of equal content: all of a class hang together
        dataclasses.replace(photo, group=f"{photo.label} {n // 2}", sha256=f"{photo.label} {(n + 1) // 2}")
        for label in manifest.labels
        for n, photo in enumerate(photo for photo in manifest.part("train") if photo.label == label)
    )
    for seed in range(5):
        parts = choose(pairs, per_class=10, seed=seed)
        assert (len(parts.train), len(parts.validation)) == (20, 0)


def test_a_fold_is_a_run_of_its_own_and_sees_its_own_splits() -> None:
    manifest = photos([10] * 3)
    arm = Arm("raw_pixels")
    plans = [resolve(arm, manifest, seed=seed, folds=5) for seed in range(10)]
    assert len({plan.id for plan in plans} | {resolve(arm, manifest).id}) == 11
    for repetition in (plans[:5], plans[5:]):
        tests = [choose(plan.view(manifest), per_class=None, seed=plan.seed).test for plan in repetition]
        assert sorted(photo.id for part in tests for photo in part) == sorted(photo.id for photo in manifest.kept)
    few = choose(plans[3].view(manifest), per_class=2, seed=3)
    more = choose(plans[3].view(manifest), per_class=4, seed=3)
    assert set(few.train) <= set(more.train)
    assert not set(more.train) & set(more.test)


def test_splitting_anew_changes_no_fold_and_naming_a_burst_does() -> None:
    manifest = photos([10] * 3)
    same = resolve(Arm("raw_pixels"), manifest, folds=3)
    resplit = manifest.replace(dataclasses.replace(photo, split="train") for photo in manifest.photos)
    assert resolve(Arm("raw_pixels"), resplit, folds=3).id == same.id
    burst = manifest.replace([dataclasses.replace(photo, group="burst") for photo in manifest.photos[:2]])
    assert resolve(Arm("raw_pixels"), burst, folds=3).id != same.id
    assert same.view(resplit) == same.view(manifest)


def test_naming_a_burst_makes_another_run_where_a_size_is_drawn() -> None:
    manifest = photos([10] * 3)
    train = manifest.part("train")[:2]
    burst = manifest.replace(
        [dataclasses.replace(one, group="burst") if one in train else one for one in manifest.photos]
    )
    assert resolve(Arm("raw_pixels"), burst, per_class=5).id != resolve(Arm("raw_pixels"), manifest, per_class=5).id
    assert resolve(Arm("raw_pixels"), burst).id == resolve(Arm("raw_pixels"), manifest).id


def test_the_command_of_a_run_names_what_decides_it() -> None:
    arm, manifest = Arm("lenet5", "from_scratch"), photos([10] * 3)
    asked = "--seed 7 --size 32 --per-class 5 --epochs 2"
    assert resolve(arm, manifest, seed=7, per_class=5, epochs=2).command == f"transfer train WS {arm} {asked}"
    fold = resolve(arm, manifest, seed=7, folds=5, refit=True)
    assert fold.command == f"transfer compare WS {arm} --seeds 2 --size 32 --folds 5 --refit"


def test_a_run_without_folds_and_refitting_keeps_the_id_it_always_had() -> None:
    plan = resolve(Arm("raw_pixels"), photos([5] * 3))
    assert {"folds", "refit"} & plan.decisive().keys() == set()
    assert resolve(Arm("raw_pixels"), photos([5] * 3), refit=True).decisive() == plan.decisive() | {"refit": True}
    assert plan.view(photos([5] * 3)) == photos([5] * 3)


def test_seeds_draw_different_subsets_and_all_means_the_given_splits() -> None:
    manifest = photos([30] * 3)
    assert choose(manifest, per_class=5, seed=0).train != choose(manifest, per_class=5, seed=1).train
    assert choose(manifest, per_class=None, seed=0) == choose(manifest, per_class=None, seed=1)
    assert set(choose(manifest, per_class=None, seed=0).validation) == set(manifest.part("validation"))


def test_photos_keep_their_places_when_their_files_are_named_anew() -> None:
    manifest = photos([30] * 3)
    renamed = manifest.replace(
        dataclasses.replace(photo, file_name=f"{photo.sha256[::-1]}.png") for photo in manifest.photos
    )
    assert renamed.part("train") != manifest.part("train")
    for per_class in (None, 5):
        parts, again = (choose(one, per_class=per_class, seed=3) for one in (manifest, renamed))
        for part in ("train", "validation"):
            assert [p.sha256 for p in getattr(parts, part)] == [p.sha256 for p in getattr(again, part)]


def test_a_class_without_training_photos_is_named() -> None:
    manifest = photos([10] * 3)
    lame = manifest.replace(
        dataclasses.replace(photo, split="test") for photo in manifest.photos if photo.label == "class 1"
    )
    with pytest.raises(DataError, match="class 1"):
        choose(lame, per_class=None, seed=0)


def test_the_id_changes_with_what_decides_the_result_and_with_nothing_else(weights_file: Path) -> None:
    manifest = photos([10] * 3)
    arm = Arm("resnet20", "linear_probe", str(weights_file))
    same = resolve(arm, manifest).id

    moved = weights_file.parent / "moved.weights.h5"
    moved.write_bytes(weights_file.read_bytes())
    assert resolve(dataclasses.replace(arm, weights=str(moved)), manifest).id == same, "the file's name is no content"
    retitled = manifest.replace([dataclasses.replace(manifest.photos[0], title="new", owner="x", file_name="y.png")])
    assert resolve(arm, retitled).id == same, "a credit line decides nothing"

    relabelled = manifest.replace([dataclasses.replace(manifest.photos[0], label="class 2")])
    others = [
        resolve(arm, manifest, seed=1),
        resolve(arm, manifest, per_class=2),
        resolve(arm, manifest, size=24),
        resolve(dataclasses.replace(arm, strategy="frozen_head"), manifest),
        resolve(dataclasses.replace(arm, strategy="frozen_head"), manifest, epochs=1),
        resolve(dataclasses.replace(arm, weights="none"), manifest),
        resolve(arm, relabelled),
    ]
    assert len({same} | {plan.id for plan in others}) == 1 + len(others)


def test_photos_smaller_than_usual_are_not_blown_up_where_the_backbone_takes_them() -> None:
    manifest = photos([5] * 3)
    assert usual_size(BACKBONES["raw_pixels"], manifest) == 32
    tiny = manifest.replace(dataclasses.replace(photo, width=8, height=8) for photo in manifest.photos)
    assert usual_size(BACKBONES["raw_pixels"], tiny) == 8
    assert usual_size(BACKBONES["resnet20"], tiny) == 8
    assert usual_size(BACKBONES["lenet5"], tiny) == 32
    assert usual_size(BACKBONES["mobilenet_v2"], tiny) == 224


@pytest.mark.parametrize(
    "number",
    [{"seed": -1}, {"seed": True}, {"per_class": 0}, {"epochs": 0}, {"size": 0}, {"folds": 1}],
)
def test_numbers_out_of_range_are_refused_before_anything_begins(number: dict[str, int]) -> None:
    with pytest.raises(CallError, match="at least"):
        resolve(Arm("raw_pixels"), photos([5] * 3), **number)  # type: ignore[arg-type]


def test_a_trick_that_chooses_the_size_and_another_size_contradict_each_other() -> None:
    manifest, arm = photos([5] * 3), Arm.parse("mobilenet_v2@none:frozen_head+higher_resolution")
    assert resolve(arm, manifest, size=288).id == resolve(arm, manifest).id, "as the run's own command has it"
    with pytest.raises(CallError, match="chooses the size") as caught:
        resolve(arm, manifest, size=224)
    assert "--size 224" in str(caught.value)
    assert resolve(Arm.parse("mobilenet_v2@none:bit_hyperrule"), manifest, size=224).size == 224


def test_a_strategy_of_random_weights_takes_none() -> None:
    manifest = photos([5] * 3)
    with pytest.raises(
        CallError, match=r"begins from random weights.*Received: vgg16@imagenet:from_scratch.*Leave out"
    ):
        resolve(Arm.parse("vgg16@imagenet:from_scratch"), manifest)
    one, other = (resolve(Arm.parse(f"vgg16{named}:from_scratch"), manifest) for named in ("@none", ""))
    assert one.id == other.id


def test_a_trick_is_named_once() -> None:
    with pytest.raises(CallError, match=r"named twice.*Received: vgg16:.*Name higher_resolution once"):
        resolve_strategy(Arm.parse("vgg16:fine_tune_top+higher_resolution+augment+higher_resolution"))


def test_gpus_decide_nothing_where_nothing_descends() -> None:
    manifest, arm = photos([5] * 3), Arm("raw_pixels", "linear_probe")
    assert resolve(arm, manifest, gpus=2).id == resolve(arm, manifest).id


@pytest.mark.parametrize(
    ("arm", "hint"),
    [(Arm("vgg61", "frozen_head"), "vgg16"), (Arm("vgg16", "frozen_haed"), "frozen_head")],
)
def test_an_unknown_name_suggests_the_nearest(arm: Arm, hint: str) -> None:
    with pytest.raises(CallError, match=hint):
        resolve(arm, photos([5] * 3))


@pytest.mark.parametrize("folds", [None, 2])
def test_a_training_size_that_no_class_has_is_refused(folds: int | None) -> None:
    """Its run would stand in a table of so many photos, beside one that had as many in truth."""
    manifest = photos([5, 8])
    largest = 8 if folds else 6  # of eight photos a split leaves six to train on
    assert resolve(Arm("raw_pixels"), manifest, per_class=largest, folds=folds).per_class == largest
    with pytest.raises(
        CallError, match=rf"No class has so many.*--per-class {largest + 1}\. The largest has {largest}"
    ):
        resolve(Arm("raw_pixels"), manifest, per_class=largest + 1, folds=folds)


def test_a_seed_that_keras_does_not_take_is_refused() -> None:
    assert resolve(Arm("raw_pixels"), photos([5] * 3), seed=2**32 - 1).seed == 2**32 - 1
    with pytest.raises(CallError, match="--seed must be below"):
        resolve(Arm("raw_pixels"), photos([5] * 3), seed=2**32)


def test_a_value_that_heads_have_not_always_had_is_no_part_of_what_did_not_know_it() -> None:
    """Otherwise every run that was made before would be another one, and be trained again."""
    head = {"pool": None, "widths": (256,), "activation": "relu", "dropout": 0.4, "batch_norm": False}
    assert STRATEGIES["frozen_head"].to_dict()["head"] == head
    assert resolve_strategy(Arm("vgg16", "bit_hyperrule")).to_dict()["head"]["zero"] is True


@pytest.mark.parametrize("name", list(STRATEGIES))
def test_every_strategy_survives_being_written_down(name: str) -> None:
    strategy = resolve_strategy(Arm("vgg16", name))
    assert Strategy.from_dict(strategy.to_dict()) == strategy
    assert len(STRATEGIES.summary(name)) > 20
