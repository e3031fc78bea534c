"""An arm and its text form say the same, whatever its weights are called."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as draw

from transfer.arm import Arm
from transfer.errors import CallError

names = draw.from_regex(r"[a-z0-9_]+", fullmatch=True)
# A file may be called anything that stands on one line.
files = draw.text(draw.characters(codec="utf-8", exclude_characters="\n"), min_size=1)
arms = draw.builds(Arm, names, names, draw.none() | files, draw.lists(names, max_size=3).map(tuple))


@settings(deadline=None, max_examples=200)
@given(arms)
@example(Arm("vgg16", "frozen_head", "weights/mine.weights.h5", ("augment",)))
@example(Arm("vgg16", "frozen_head", "a+b@c:d", ("augment",)))
@example(Arm("keras_hub:resnet_50_imagenet", "frozen_head", "a:b", ("augment",)))
@example(Arm("vgg16", "frozen_head", "C:frozen_head+x:y", ()))
def test_reading_what_was_written_gives_the_same_arm(arm: Arm) -> None:
    assert Arm.parse(str(arm)) == arm


@settings(deadline=None, max_examples=200)
@given(arms)
def test_an_arm_is_taken_for_its_text(arm: Arm) -> None:
    assert Arm.parse(arm) is arm


def test_what_is_left_out_is_the_usual() -> None:
    assert Arm.parse("vgg16") == Arm("vgg16", "linear_probe", None, ())
    assert str(Arm.parse(" vgg16 ")) == "vgg16:linear_probe"


@pytest.mark.parametrize(
    ("text", "weights", "strategy", "tricks"),
    [
        ("resnet50@none:from_scratch", "none", "from_scratch", ()),
        ("resnet50@none+augment", "none", "linear_probe", ("augment",)),
        ("resnet50+augment+mixup", None, "linear_probe", ("augment", "mixup")),
        ("resnet50@a/b-1.weights.h5", "a/b-1.weights.h5", "linear_probe", ()),
        ("resnet50@with space.h5:frozen_head", "with space.h5", "frozen_head", ()),
        ("resnet50@/data/2:1/a+b.h5:frozen_head+dropout", "/data/2:1/a+b.h5", "frozen_head", ("dropout",)),
        ("resnet50@user@host:frozen_head", "user@host", "frozen_head", ()),
    ],
)
def test_the_parts_are_found(text: str, weights: str | None, strategy: str, tricks: tuple[str, ...]) -> None:
    assert Arm.parse(text) == Arm("resnet50", strategy, weights, tricks)


def test_a_preset_of_keras_hub_is_part_of_the_backbone() -> None:
    arm = Arm.parse("keras_hub:resnet_50_imagenet:frozen_head+augment")
    assert arm == Arm("keras_hub:resnet_50_imagenet", "frozen_head", None, ("augment",))
    assert Arm.parse(str(arm)) == arm
    assert Arm.parse("keras_hub:vgg_16@mine.h5") == Arm("keras_hub:vgg_16", "linear_probe", "mine.h5", ())


@pytest.mark.parametrize(
    "text",
    ["", " ", ":frozen_head", "@none", "+augment", "vgg 16", "vgg16:", "vgg16@", "vgg16+", "vgg16:a:b", "vgg16:a@b",
     "vgg16@two\nlines:frozen_head", "vgg16++augment", "vgg-16", "größe", "vgg16;frozen_head",
     "keras_hub:", "keras_hub:a:b:c", "keras_hub::frozen_head", "kerashub:a:b"],
)  # fmt: skip
def test_another_form_is_refused_with_the_right_one(text: str) -> None:
    with pytest.raises(CallError, match=r"BACKBONE\[@WEIGHTS\]\[:STRATEGY\]\[\+TRICK\.\.\.\]") as caught:
        Arm.parse(text)
    assert repr(text) in str(caught.value)
    assert caught.value.exit_status == 2
