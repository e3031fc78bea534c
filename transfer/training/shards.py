"""Shards: frozen features of many photos, computed by several machines at once.

Knows which of a comparison's tasks wait for the same activations, and makes tasks of their parts. Several processes may
fill a store: what they write is named by its photos.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from transfer.models.classifier import Classifier
from transfer.photo import Photo
from transfer.progress import Progress, quiet
from transfer.strategy import Phase
from transfer.training.activations import Activations, setting
from transfer.training.features import PART, Store
from transfer.training.plan import Plan
from transfer.training.workers import Task
from transfer.workspace import Workspace

SHARD = 4 * PART
"""Photos of a shard: long enough to be worth a network's building, short enough that machines end together."""


@dataclass(frozen=True)
class Shard(Task):
    """A part of what the tasks with the same key wait for. Shards of one key may run at the same time."""


def shards_of(tasks: Sequence[Task]) -> list[Shard]:
    """What is worth computing before these tasks, in parts.

    Only activations of published or named weights: building a network again for each part costs more than decoding.
    """
    shards: list[Shard] = []
    met: set[str] = set()
    for task in tasks:
        plan, ahead = task.arguments.get("plan"), task.arguments.get("ahead", ())
        if not isinstance(plan, Plan) or plan.weights is None:
            continue
        classifier = _classifier(plan)
        thawed = [step.thaw if isinstance(step, Phase) else 0 for step in plan.strategy.steps]
        for cut in {classifier.cut_for(thaw) for thaw in thawed} - {0}:
            store = Store(task.arguments["workspace"], setting(plan, classifier, cut))
            missing = store.missing(ahead)
            if len(missing) > SHARD and store.digest not in met:
                met.add(store.digest)
                shards += _shards(plan, cut, missing, store)
    return shards


def fill(
    plan: Plan,
    cut: int,
    photos: Sequence[Photo],
    total: int,
    workspace: Workspace,
    *,
    on_progress: Progress = quiet,
) -> None:
    """Compute the activations of these photos at the cut and keep them.

    Args:
        plan: Any of those that ask for them. cut: Of its network. photos: Of this part.
        total: How many photos there are in all parts; where their activations would not fit, nothing is done.
        workspace: Where they are kept. on_progress: Told ``(done, total, what)``.
    """
    workspace.begin()
    activations = Activations(plan, _classifier(plan), workspace, on_progress=on_progress)
    if activations.source(cut, total) == cut:
        activations.rows(cut, photos)


def _classifier(plan: Plan) -> Classifier:
    path = plan.weights.path if plan.weights else None
    classes = len(plan.labels)
    return Classifier(plan.backbone, plan.strategy.head, classes=classes, size=plan.size, seed=plan.seed, weights=path)


def _shards(plan: Plan, cut: int, photos: Sequence[Photo], store: Store) -> list[Shard]:
    starts = range(0, len(photos), SHARD)
    return [
        Shard(
            name=f"{plan.arm.backbone}, features {number} of {len(starts)}",
            function="transfer.training.shards:fill",
            arguments={
                "plan": plan,
                "cut": cut,
                "photos": tuple(photos[start : start + SHARD]),
                "total": len(photos),
                "workspace": store.workspace,
            },
            keys=frozenset({store.digest}),
        )
        for number, start in enumerate(starts, 1)
    ]
