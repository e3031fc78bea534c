"""Plan: an arm, a seed and a training size with everything resolved, ready to be run anywhere.

It owns the answer to "is this the same run?": the ID is a digest of every value that decides the result (the resolved
strategy, the weights' content, size, engine, precision, seed, training size, the training view of the data) and of
nothing else.
"""

from __future__ import annotations

import dataclasses
import math
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

from transfer.arm import Arm
from transfer.errors import CallError
from transfer.folds import Fold, digest, folded
from transfer.manifest import Manifest
from transfer.models import weights as published
from transfer.models.backbone import BACKBONES, Backbone, Weights
from transfer.models.weights import Located, locate
from transfer.progress import Progress, quiet
from transfer.run import run_id
from transfer.shelf import Shelf
from transfer.strategy import Strategy
from transfer.training.engine import usual
from transfer.training.parts import check_there_are, choose
from transfer.training.sizes import own_size

STRATEGIES = Shelf("transfer.training.strategies", "strategy")
TRICKS = Shelf("transfer.training.tricks", "trick")

Seen = tuple[int, float]
"""What a strategy that is a rule sees of the photos to train on: how many, and of how many pixels a side."""

NO_PHOTOS: Seen = (0, math.inf)


@dataclass(frozen=True)
class Plan:
    """One run, resolved.

    Attributes:
        arm: What was asked for. strategy: With tricks and overrides applied.
        weights: The file it starts from, or None for random weights. size: Side of the input in pixels.
        seed: Of initial weights, photo order and training subset. per_class: Training photos a class, None for all.
        labels: The classes. data: Digest of the training view of the data.
        engine, precision: Of the frozen part. half: Whether its activations are kept in half precision.
        folds: Where the photos are divided into folds instead of the given splits, into how many; the seed then says
            which of them is judged. refit: Whether it is trained again on train and validation once those have chosen.
        gpus: How many train this arm together; None for one.
        groups: Where a size is drawn from the train split, digest of which of its photos belong together; None where
            none do.
        rule: Of a strategy that depends on the number of photos, what it says of none: one for every size and fold.
        epochs, rate: Where they were asked for instead of the strategy's own, which then has them already.
    """

    arm: Arm
    strategy: Strategy
    weights: Located | None
    size: int
    seed: int
    per_class: int | None
    labels: tuple[str, ...]
    data: str
    engine: str = "tensorflow"
    precision: str = "float32"
    half: bool = False
    folds: int | None = None
    refit: bool = False
    epochs: int | None = None
    rate: float | None = None
    gpus: int | None = None
    groups: str | None = None
    rule: Strategy | None = None

    @property
    def backbone(self) -> Backbone:
        return BACKBONES[self.arm.backbone]

    def decisive(self) -> dict[str, Any]:
        """Everything that decides the result."""
        return {
            "backbone": self.arm.backbone,
            "weights": self.weights and self.weights.sha256,
            "strategy": self.strategy.to_dict(),
            "size": self.size,
            "seed": self.seed,
            "per_class": self.per_class,
            "data": self.data,
            "engine": self.engine,
            "precision": self.precision,
            # Only where asked for, so that runs made before there was such a choice keep their ID.
            **({"half": True} if self.half else {}),
            **({"folds": self.folds} if self.folds else {}),
            **({"refit": True} if self.refit else {}),
            **({"gpus": self.gpus} if (self.gpus or 1) > 1 else {}),
            **({"groups": self.groups} if self.groups else {}),
        }

    def view(self, manifest: Manifest) -> Manifest:
        """The manifest with the splits that this run sees: those of its fold, or the given ones."""
        return folded(manifest, Fold.of_seed(self.seed, self.folds)) if self.folds else manifest

    @property
    def id(self) -> str:
        return run_id(self.decisive())

    @property
    def command(self) -> str:
        """What makes this run again, from a workspace with the same data; of a fold, all that come before it too."""
        words = ["transfer train WS", shlex.quote(str(self.arm)), f"--seed {self.seed}", f"--size {self.size}"]
        if self.folds or self.refit:
            words[0] = "transfer compare WS"
            words[2] = f"--seeds {self.seed // (self.folds or 1) + 1}"
            words += [f"--folds {self.folds}"] if self.folds else []
            words += ["--refit"] if self.refit else []
        words += [f"--per-class {self.per_class}"] if self.per_class is not None else []
        words += [f"--epochs {self.epochs}"] if self.epochs is not None else []
        words += [f"--rate {self.rate!r}"] if self.rate is not None else []
        words += [f"--gpus {self.gpus}"] if (self.gpus or 1) > 1 else []
        words += [f"--precision {self.precision}"] if self.precision != "float32" else []
        words += ["--half"] if self.half else []
        chosen = self.strategy.freezes and self.backbone.learned and self.engine != usual()
        words += [f"--engine {self.engine}"] if chosen else []
        return " ".join(words)


def resolve(
    arm: Arm,
    manifest: Manifest,
    *,
    seed: int = 0,
    per_class: int | None = None,
    epochs: int | None = None,
    size: int | None = None,
    folds: int | None = None,
    refit: bool = False,
    engine: str | None = None,
    precision: str | None = None,
    half: bool = False,
    rate: float | None = None,
    gpus: int | None = None,
    on_progress: Progress = quiet,
) -> Plan:
    """Look everything up that the arm names, and find the weights, or fetch them and tell how far that is.

    Raises:
        CallError: A name that no shelf knows, or a number out of range.
        WeightsError: Published weights that are neither cached nor reachable.
    """
    check_numbers(seed=seed, per_class=per_class, folds=folds, gpus=gpus)
    check_arm(arm, manifest, epochs=epochs, size=size, rate=rate)
    check_there_are(per_class, manifest.kept if folds else manifest.part("train"))
    backbone = BACKBONES[arm.backbone]
    view = folded(manifest, Fold.of_seed(seed, folds)) if folds else manifest
    strategy = _asked(arm, epochs, rate, lambda: (len(choose(view, per_class=per_class, seed=seed).train), _side(view)))
    weights = locate(
        arm.backbone, backbone, arm.weights, pretrained=strategy.pretrained, arm=str(arm), on_progress=on_progress
    )
    engine, precision = computed_by(backbone, strategy, engine, precision)
    return Plan(
        arm,
        strategy,
        weights,
        size or own_size(backbone, weights.size if weights else None, strategy, manifest),
        seed,
        per_class,
        manifest.labels,
        data_of(manifest, folds),
        engine=engine,
        precision=precision,
        half=half and strategy.freezes and backbone.learned,
        folds=folds,
        refit=refit,
        epochs=epochs,
        rate=rate,
        gpus=gpus if strategy.phases else None,
        groups=None if per_class is None or folds else manifest.groups_digest(),
        rule=None if isinstance(STRATEGIES[arm.strategy], Strategy) else _asked(arm, epochs, rate),
    )


def check_arm(
    arm: Arm,
    manifest: Manifest,
    *,
    epochs: int | None = None,
    size: int | None = None,
    rate: float | None = None,
    find_rate: bool = False,
) -> None:
    """Say what is wrong with asking for an arm, before anything is begun or fetched; photos need no splits yet.

    Raises:
        CallError: A name that no shelf knows, weights that do not exist or are not wanted, a trick or a rate that says
            nothing to the strategy, a size beside a trick that chooses it, or a number out of range.
    """
    check_numbers(epochs=epochs, size=size)
    backbone, strategy = BACKBONES[arm.backbone], _asked(arm, epochs, rate, lambda: (0, _side(manifest)))
    if find_rate:
        strategy.map_phases()  # says so where there is no rate
    if not strategy.pretrained and arm.weights not in (None, published.NONE):
        remedy = f"Leave out @{arm.weights}, or use a strategy that begins from weights, such as fine_tune_all."
        raise CallError("This strategy begins from random weights.", received=arm, remedy=remedy)
    weights = published.choose(arm.backbone, backbone, arm.weights, pretrained=strategy.pretrained, arm=str(arm))
    own = own_size(backbone, weights.size if isinstance(weights, Weights) else None, strategy, manifest)
    if size not in (None, own) and any(_chooses_size(trick, arm) for trick in arm.tricks):
        remedy = "Leave out --size, or the trick."
        raise CallError(
            "A trick of this arm chooses the size, which is given.", received=f"{arm} --size {size}", remedy=remedy
        )


def check_numbers(**numbers: int | None) -> None:
    """Say which of these numbers is none, or too small."""
    for name, value in numbers.items():
        least = {"seed": 0, "folds": 2}.get(name, 1)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < least):
            option = f"--{name.replace('_', '-')}"
            remedy = f"Give a whole number from {least} on, or leave {option} out."
            raise CallError(f"{option} must be at least {least}.", received=value, remedy=remedy)
        if name == "seed" and value is not None and value >= 2**32:
            raise CallError("--seed must be below 2 to the 32nd.", received=value, remedy="Give a smaller one.")


def _side(manifest: Manifest) -> float:
    """The side of a square that is as large as the middle one of all photos: the same for every seed and size."""
    return math.sqrt(median(photo.width * photo.height for photo in manifest.kept)) if manifest.kept else math.inf


def _asked(arm: Arm, epochs: int | None, rate: float | None, seen: Callable[[], Seen] = lambda: NO_PHOTOS) -> Strategy:
    strategy = resolve_strategy(arm, seen)
    strategy = strategy if epochs is None else strategy.with_epochs(epochs)
    return strategy if rate is None else strategy.with_rate(rate)


def data_of(manifest: Manifest, folds: int | None) -> str:
    """Digest of the view of the data that decides a run."""
    return digest(manifest) if folds else manifest.training_digest()


def resolve_strategy(arm: Arm, seen: Callable[[], Seen] = lambda: NO_PHOTOS) -> Strategy:
    """The arm's strategy with its tricks applied from left to right.

    Args:
        arm: Names them. seen: How many photos there are to train on, and of how many pixels a side; asked only by a
            strategy that is a rule.

    Raises:
        CallError: A name that no shelf knows, a trick that says nothing to the strategy or is named twice, or two that
            contradict.
    """
    entry: Strategy | Callable[[int, float], Strategy] = STRATEGIES[arm.strategy]
    strategy = entry if isinstance(entry, Strategy) else entry(*seen())
    applied: list[str] = []  # a trick that changed nothing, as warmup of one_cycle, cannot be undone
    for at, trick in enumerate(arm.tricks):
        if trick in arm.tricks[:at]:
            raise CallError("A trick is named twice.", received=arm, remedy=f"Name {trick} once.")
        before, strategy = strategy, TRICKS[trick](strategy)
        applied += [trick] if strategy != before else []
    if undone := [trick for trick in applied if _is_undone(trick, strategy)]:
        remedy = f"Leave out {undone[0]}, or the trick behind it that has the last word."
        raise CallError("Two tricks of this arm contradict each other.", received=arm, remedy=remedy)
    return strategy


def _chooses_size(trick: str, arm: Arm) -> bool:
    bare = resolve_strategy(Arm(arm.backbone, arm.strategy))
    return TRICKS[trick](bare).scale != bare.scale


def _is_undone(trick: str, strategy: Strategy) -> bool:
    """Whether a strategy that has had the trick would change by it once more, other than in its size."""
    try:
        again: Strategy = TRICKS[trick](strategy)
    except CallError:  # there is nothing left that it could take away
        return False
    return dataclasses.replace(again, scale=strategy.scale) != strategy


def computed_by(backbone: Backbone, strategy: Strategy, engine: str | None, precision: str | None) -> tuple[str, str]:
    """The engine and the precision of a run for which these were asked.

    What is frozen has an engine; in Keras' (on a GPU) the precision is also that of what is trained.
    """
    engine, precision = engine or usual(), precision or "float32"
    mixed = (engine, precision) == ("keras", "bfloat16")
    return (engine, precision) if backbone.learned and (strategy.freezes or mixed) else ("tensorflow", "float32")
