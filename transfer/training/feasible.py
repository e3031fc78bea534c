"""Feasible: what an arm asks of this machine and of its own network, looked at before photos are split for good."""

from __future__ import annotations

from transfer.arm import Arm
from transfer.models.backbone import BACKBONES
from transfer.models.classifier import Classifier
from transfer.models.seeding import undisturbed
from transfer.training import devices
from transfer.training import engine as engines
from transfer.training.plan import computed_by, resolve_strategy


def check_feasible(arm: Arm, *, size: int | None, engine: str | None, precision: str | None, gpus: int | None) -> None:
    """Say what this arm could not be trained for here.

    Raises:
        CallError: An engine that is not here or has no such precision, more GPUs than there are, or a size that leaves
            the network no pixel.
    """
    backbone, strategy = BACKBONES[arm.backbone], resolve_strategy(arm)
    engine, precision = computed_by(backbone, strategy, engine, precision)
    engines.check(engine, precision)
    with undisturbed(), devices.computing(engine, precision, gpus=gpus if strategy.phases else None):
        if size is not None and size < backbone.size and backbone.learned:
            classifier = Classifier(backbone, strategy.head, classes=2, size=size)
            classifier.bottom(classifier.last_cut)
