"""Strategy: what to train and how, as plain values.

A strategy is a head and a sequence of steps. A step is either a **Solver**, which fits a linear head on frozen features
to the optimum, or a **Phase**, which trains by gradient descent with some of the backbone's stages thawed. Nothing here
runs; ``training/fit.py`` is the one loop that reads these values.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from transfer.errors import CallError

ALL = -1
"""As ``Phase.thaw``: every stage of the backbone."""


@dataclass(frozen=True)
class Head:
    """What stands between the backbone's feature map and the class scores.

    Attributes:
        pool: ``average``, ``max``, ``concat`` (both) or ``flatten``; None takes the backbone's own way.
        widths: Units of the hidden dense layers, none for a linear head.
        activation: Of the hidden layers.
        dropout: Share of inputs dropped before each dense layer, in training only.
        batch_norm: Normalise before each dense layer.
        zero: Begin with scores of zero for everything: the first step then moves the scores alone.
    """

    pool: Literal["average", "max", "concat", "flatten"] | None = None
    widths: tuple[int, ...] = ()
    activation: str = "relu"
    dropout: float = 0.0
    batch_norm: bool = False
    zero: bool = False


@dataclass(frozen=True)
class Solver:
    """A linear head fitted to the optimum on frozen features.

    Attributes:
        kind: ``logistic``: multinomial logistic regression by L-BFGS (Kornblith et al. 2019, appendix A.4); ``svm``: a
            linear support vector machine, each class against the rest; ``centroid``: the nearest class mean.
        penalties: L2 penalties to try, strongest first: the loss is mean cross-entropy + penalty/2 * |w|^2. The one
            with the best validation accuracy is kept; each fit starts from the one before.
        fixed: The penalty where there are too few photos to hold any out.
    """

    kind: Literal["logistic", "svm", "centroid"] = "logistic"
    penalties: tuple[float, ...] = tuple(10.0 ** (exponent / 2) for exponent in range(1, -11, -1))
    fixed: float = 1e-2


@dataclass(frozen=True)
class Phase:
    """Some epochs of gradient descent.

    Attributes:
        epochs: At most so many.
        rate: The learning rate at its highest.
        thaw: How many of the backbone's stages are trained, counted from the top; ``ALL`` trains every one.
        part: What of the thawed stages is trained: ``all``, only their ``batch_norm`` scales and shifts, or every
            ``bias`` (batch norm's shifts count as such). The head is always trained as a whole.
        batch_norm: ``frozen`` keeps statistics, scale and shift of thawed batch-norm layers; ``adapt`` trains them.
        optimizer: ``adam`` (with decoupled decay: AdamW) or ``sgd`` (Nesterov momentum 0.9).
        schedule: ``constant``; ``cosine`` down to zero over the phase; ``one_cycle`` up and down again (Smith 2018);
            ``steps``: a tenth of it after 30, 60 and 90 % of the way.
        rise: Of ``one_cycle``: the share of the phase that goes up.
        start: Of ``one_cycle``: what the rate is divided by where it begins.
        warmup: Share of the phase in which the rate rises from zero; ``one_cycle`` has its own.
        stage_decay: A stage's rate is this share of the rate of the stage above it; the head has the whole rate.
        group_rates: In place of ``stage_decay``: the stages in so many equal groups from the top, and the share that
            each has.
        clip: The gradient is scaled down to this norm where it is larger; None leaves it.
        weight_decay: Decoupled, as a share of the weight for each unit of learning rate.
        batch: Photos a step.
        least_steps: Where the photos are few, an epoch passes over them several times, so that the phase has so many.
        patience: Epochs without a better validation result before the phase ends; None never ends early.
        augment: ``plain`` or ``strong`` random views of the photos, or None.
        views: Of a phase with frozen stages below it: so many views of each photo are kept, in place of new ones in
            each epoch, if they fit on disk.
        mix: ``mixup`` blends two inputs and their labels, ``cutmix`` sets a part of one picture into another; None.
        mix_alpha: Of the Beta distribution that says how much of each.
        balance: ``weights`` lets a photo of a rare class count more, ``sampling`` shows it more often; None.
        label_smoothing: Share of the target spread over all classes.
        average: Decay a step of a running mean of the weights, which is what is judged and kept; None keeps the weights
            themselves.
        soup: The mean of so many of the best epochs' weights is kept, each only if validation gains; 0 keeps the best.
    """

    epochs: int
    rate: float
    thaw: int = 0
    part: Literal["all", "batch_norm", "bias"] = "all"
    batch_norm: Literal["frozen", "adapt"] = "frozen"
    optimizer: Literal["adam", "sgd"] = "adam"
    schedule: Literal["constant", "cosine", "one_cycle", "steps"] = "constant"
    warmup: float = 0.0
    stage_decay: float = 1.0
    clip: float | None = None
    weight_decay: float = 0.0
    batch: int = 32
    least_steps: int = 0
    patience: int | None = None
    augment: Literal["plain", "strong"] | None = None
    views: int = 8
    mix: Literal["mixup", "cutmix"] | None = None
    mix_alpha: float = 0.2
    balance: Literal["weights", "sampling"] | None = None
    label_smoothing: float = 0.0
    average: float | None = None
    soup: int = 0
    rise: float = 0.25
    start: float = 25.0
    group_rates: tuple[float, ...] = ()

    def passes(self, photos: int) -> int:
        """How often an epoch passes over so many photos.

        >>> phase = Phase(epochs=10, rate=1e-3, batch=32, least_steps=100)
        >>> phase.passes(160), phase.passes(320)
        (2, 1)
        """
        return max(1, math.ceil(self.least_steps * self.batch / (self.epochs * photos)))

    def share(self, depth: int, stages: int) -> float:
        """Of the rate, for what lies so many stages from the top of a backbone of so many; 0 is the head.

        >>> phase = Phase(epochs=1, rate=1e-3, group_rates=(0.1, 0.01))
        >>> [phase.share(depth, 5) for depth in range(6)]
        [1.0, 0.1, 0.1, 0.01, 0.01, 0.01]
        """
        if not (self.group_rates and depth):
            return self.stage_decay**depth
        return self.group_rates[(len(self.group_rates) * depth - 1) // stages]


ADDED_SINCE: dict[str, Any] = {"rise": 0.25, "start": 25.0, "group_rates": (), "zero": False}
"""Values of a phase or a head that it has not always had. What a run's ID is made from leaves them out where they say
nothing new, so that a run is known again by what did not know them."""


@dataclass(frozen=True)
class Strategy:
    """What to train and how.

    Attributes:
        pretrained: Whether it starts from published weights.
        head: The new head; None takes the backbone's published one (VGG16's three dense layers, say).
        steps: Solvers and phases, one after the other.
        scale: Of the backbone's usual size; the picture's side is rounded to whole times 32 pixels, 8 below 128.
        mirrored: Whether an answer is the mean of the answers on the photo and on its mirror image.
    """

    pretrained: bool
    head: Head | None
    steps: tuple[Solver | Phase, ...]
    scale: float = 1.0
    mirrored: bool = False

    @property
    def phases(self) -> tuple[Phase, ...]:
        return tuple(step for step in self.steps if isinstance(step, Phase))

    @property
    def freezes(self) -> bool:
        """Whether some step learns from a frozen part of the backbone."""
        return any(isinstance(step, Solver) or step.thaw != ALL for step in self.steps)

    @property
    def batch_norm(self) -> str:
        """The batch-norm policy, in one word for a table: ``frozen`` unless some phase lets thawed layers adapt."""
        return "adapt" if any(phase.thaw and phase.batch_norm == "adapt" for phase in self.phases) else "frozen"

    def with_head(self, **changes: Any) -> Strategy:
        """The same strategy with these values in its head.

        Raises:
            CallError: It has the backbone's published head, which is not to be changed.
        """
        if self.head is None:
            raise CallError("The published head of a network is not changed.", remedy="Use a strategy with a new head.")
        return dataclasses.replace(self, head=dataclasses.replace(self.head, **changes))

    def with_epochs(self, epochs: int) -> Strategy:
        """The same strategy with at most so many epochs in its longest phase, and in the others in proportion.

        An epoch passes over few photos as often as it did before. A solver makes none and stays as it is.
        """
        longest = max((phase.epochs for phase in self.phases), default=1)

        def change(phase: Phase) -> Phase:
            made = max(1, round(phase.epochs * epochs / longest))
            return dataclasses.replace(phase, epochs=made, least_steps=phase.least_steps * made // phase.epochs)

        return self.each_phase(change) if self.phases else self

    def map_phases(self, **changes: Any) -> Strategy:
        """The same strategy with these values in every phase; without values it only asks whether there is one.

        Raises:
            CallError: It has no phase.
        """
        return self.each_phase(lambda phase: dataclasses.replace(phase, **changes))

    def each_phase(self, change: Callable[[Phase], Phase]) -> Strategy:
        """The same strategy with another phase in the place of each.

        Raises:
            CallError: It has no phase: a solver makes no steps that could be changed.
        """
        if not self.phases:
            solvers = [f"the solver {step.kind}" for step in self.steps if isinstance(step, Solver)]
            raise CallError(
                "There is no gradient descent in this strategy that could be changed.",
                received=" and ".join(solvers) or "a strategy without steps",
                remedy="Leave it out, or use a strategy with phases, such as frozen_head or fine_tune_top.",
            )
        steps = tuple(change(step) if isinstance(step, Phase) else step for step in self.steps)
        return dataclasses.replace(self, steps=steps)

    def with_rate(self, rate: float) -> Strategy:
        """The same strategy with this as its highest learning rate, and every other in proportion.

        Raises:
            CallError: It has no phase, or the rate is not above zero.
        """
        if not 0 < rate < math.inf:
            raise CallError("A learning rate is a number above zero.", received=rate, remedy="Try --rate 1e-4.")
        factor = rate / max((phase.rate for phase in self.map_phases().phases), default=rate)
        return self.each_phase(lambda phase: dataclasses.replace(phase, rate=phase.rate * factor))

    def to_dict(self) -> dict[str, Any]:
        """Every value, but of those ``ADDED_SINCE`` only what is not usual; what a run's ID is made from."""
        steps = [{"step": type(step).__name__.lower(), **_stated(step)} for step in self.steps]
        head = None if self.head is None else _stated(self.head)
        return {
            "pretrained": self.pretrained,
            "head": head,
            "steps": steps,
            "scale": self.scale,
            "mirrored": self.mirrored,
        }

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> Strategy:
        head = None if record["head"] is None else Head(**record["head"] | {"widths": tuple(record["head"]["widths"])})
        steps = tuple(_step(step) for step in record["steps"])
        return cls(record["pretrained"], head, steps, record.get("scale", 1.0), record.get("mirrored", False))


def _stated(part: Head | Solver | Phase) -> dict[str, Any]:
    values = dataclasses.asdict(part)
    return {name: value for name, value in values.items() if name not in ADDED_SINCE or value != ADDED_SINCE[name]}


def _step(record: dict[str, Any]) -> Solver | Phase:
    values = {name: value for name, value in record.items() if name != "step"}
    if record["step"] == "phase":
        return Phase(**values | {"group_rates": tuple(values.get("group_rates", ()))})
    return Solver(**values | {"penalties": tuple(values["penalties"])})
