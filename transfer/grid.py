"""Grid: what a comparison runs, as a plain value and as a small TOML file that says the same.

arms = ["mobilenet_v2:linear_probe", "lenet5:from_scratch"]
seeds = 5
per_class = [5, 10, "all"]
tricks = ["augment"]
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from os import PathLike
from pathlib import Path
from typing import Any

from transfer.arm import Arm
from transfer.errors import CallError

ENGINES = ("openvino", "tensorflow", "keras")
"""What may compute the frozen part of a network."""

PRECISIONS = ("float32", "bfloat16")
"""In which it may compute."""

EXAMPLES = {
    "arms": 'arms = ["vgg16:frozen_head"]',
    "per_class": 'per_class = [5, "all"]',
    "tricks": 'tricks = ["augment"]',
}
"""What is a list in a grid, and how one is written."""

LEAST = {"seeds": 1, "epochs": 1, "size": 1, "folds": 2}
"""The smallest that its numbers may be."""


def listed(name: str, values: Iterable[Any]) -> tuple[Any, ...]:
    """The values of a list; a text is none, which would fall into its letters.

    Raises:
        CallError: It is one value where a list belongs.
    """
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise CallError(f"{name} is a list.", received=repr(values), remedy=f"Write {EXAMPLES[name]}.")
    return tuple(values)


@dataclass(frozen=True)
class Grid:
    """Arms x training sizes x seeds.

    Attributes:
        arms: The competitors.
        seeds: How many, from 0.
        per_class: Training photos a class; None for all there are.
        tricks: Each is added alone to each arm, so that its effect can be told in pairs.
        epochs, size: Instead of every arm's own.
        folds: Instead of the given splits every photo is judged once, in so many folds; ``seeds`` then says how often.
        refit: Whether every arm is trained again on train and validation once those have chosen its settings.
        engine, precision: Of the frozen parts, instead of the machine's fastest and float32.
        half: Whether their activations are kept in half precision.

    Raises:
        CallError: Nothing to compare, one value where a list belongs, or a number out of range.
    """

    arms: tuple[Arm, ...]
    seeds: int = 5
    per_class: tuple[int | None, ...] = (None,)
    tricks: tuple[str, ...] = ()
    epochs: int | None = None
    size: int | None = None
    folds: int | None = None
    refit: bool = False
    engine: str | None = None
    precision: str | None = None
    half: bool = False

    def __post_init__(self) -> None:
        if not listed("arms", self.arms):
            remedy = "Name at least one arm, such as vgg16:frozen_head."
            raise CallError("There is nothing to compare.", received="no arm", remedy=remedy)
        if not listed("per_class", self.per_class):
            raise CallError("per_class names no size.", received="[]", remedy=f"Write {EXAMPLES['per_class']}.")
        for trick in listed("tricks", self.tricks):
            if not isinstance(trick, str):
                raise CallError("A trick is named.", received=repr(trick), remedy=f"Write {EXAMPLES['tricks']}.")
        numbers = [(name, getattr(self, name), least) for name, least in LEAST.items()]
        for name, value, least in numbers + [("per-class", k, 1) for k in self.per_class]:
            if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < least):
                remedy = f"Give a whole number from {least} on, or leave it out."
                raise CallError(f"--{name} must be at least {least}.", received=repr(value), remedy=remedy)
        for name in ("refit", "half"):
            if not isinstance(getattr(self, name), bool):
                remedy = f"Write {name} = true, or leave it out."
                raise CallError(f"{name} is true or false.", received=repr(getattr(self, name)), remedy=remedy)
        for name, known in (("engine", ENGINES), ("precision", PRECISIONS)):
            if getattr(self, name) not in (None, *known):
                raise CallError(f"There is no such {name}.", received=getattr(self, name), remedy=f"Known: {known}.")

    def cells(self) -> Iterator[tuple[Arm, int | None, int]]:
        """Every arm, size and seed, in that order; an arm is followed by itself with each trick.

        In folds a repetition is as many seeds as there are folds; ``transfer.folds`` says which is which. What is named
        twice is there once.
        """
        seeds = range(self.seeds * (self.folds or 1))
        arms = [one for arm in self.arms for one in (arm, *(arm.with_trick(trick) for trick in self.tricks))]
        yield from dict.fromkeys((arm, k, seed) for arm in arms for k in self.per_class for seed in seeds)

    # --- as a file ---

    def to_toml(self) -> str:
        """The text form; only what was asked for."""
        record: dict[str, Any] = {"arms": [str(arm) for arm in self.arms], "seeds": self.seeds}
        record["per_class"] = ["all" if k is None else k for k in self.per_class]
        record |= {"tricks": list(self.tricks)} if self.tricks else {}
        plain = ("epochs", "size", "folds", "engine", "precision")
        record |= {name: value for name in plain if (value := getattr(self, name)) is not None}
        record |= {name: True for name in ("refit", "half") if getattr(self, name)}
        # Strings, numbers, true and lists of them are written alike in JSON and TOML.
        return "".join(f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in record.items())

    @classmethod
    def read(cls, path: str | PathLike[str]) -> Grid:
        """The grid in a TOML file.

        Raises:
            CallError: The file is no grid; the sentence says what stands in the way.
        """
        try:
            record = tomllib.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            remedy = "Name a TOML file such as the grid.toml that every comparison leaves in its workspace."
            raise CallError("The grid file cannot be read.", received=f"{path}: {error}", remedy=remedy) from error
        known = [field.name for field in fields(cls)]
        if strange := sorted(set(record) - set(known)):
            raise CallError("The grid file names something unknown.", received=strange[0], remedy=f"Known: {known}.")
        try:
            return cls(
                arms=tuple(Arm.parse(arm) for arm in listed("arms", record.get("arms", ()))),
                seeds=record.get("seeds", cls.seeds),
                per_class=tuple(
                    None if k == "all" else k for k in listed("per_class", record.get("per_class", ["all"]))
                ),
                tricks=listed("tricks", record.get("tricks", ())),
                epochs=record.get("epochs"),
                size=record.get("size"),
                folds=record.get("folds"),
                refit=record.get("refit", False),
                engine=record.get("engine"),
                precision=record.get("precision"),
                half=record.get("half", False),
            )
        except (TypeError, AttributeError) as error:
            remedy = "Write an arm or a trick as a text, and a number as a number."
            raise CallError(
                "A value of the grid file is of the wrong kind.", received=f"{path}: {error}", remedy=remedy
            ) from error
