"""Arms x seeds x training sizes on the same splits; what exists is skipped, what fails is a row.

It owns the grid and its order. Every arm meets the same photos: the splits are the manifest's, and a training subset
depends on its seed and size alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from transfer.arm import Arm
from transfer.errors import CallError, WeightsError
from transfer.manifest import Manifest
from transfer.models.classifier import Classifier
from transfer.run import Run, run_id
from transfer.strategy import Phase
from transfer.training import trial
from transfer.training.activations import setting
from transfer.training.features import Progress, Store, quiet
from transfer.training.plan import Plan, resolve
from transfer.training.workers import Task, Workers
from transfer.workspace import Workspace


def compare(
    manifest: Manifest,
    workspace: Workspace,
    *,
    arms: Sequence[Arm],
    seeds: int = 3,
    per_class: Sequence[int | None] = (None,),
    epochs: int | None = None,
    size: int | None = None,
    jobs: int = 1,
    on_progress: Progress | None = None,
) -> list[Run]:
    """One run for each arm, training size and seed, in that order, finished or failed.

    Args:
        manifest: Split already. workspace: Where runs are kept.
        arms: The competitors. seeds: How many, from 0. per_class: Training photos a class; None for all.
        epochs, size: Override every arm's own. jobs: Trials at once.
        on_progress: Told ``(done, total, what)``.
    """
    _check(arms, seeds=seeds, jobs=jobs)
    grid = [(arm, k, seed) for arm in arms for k in per_class for seed in range(seeds)]
    cells: list[Run | Plan] = []
    for arm, k, seed in grid:
        try:
            plan = resolve(arm, manifest, seed=seed, per_class=k, epochs=epochs, size=size)
        except WeightsError as error:  # this arm's misfortune, not the others'
            cells.append(_unresolved(arm, k, seed, manifest, workspace, str(error)))
        else:
            cells.append(trial.existing(plan, workspace) or plan)
    # Two arms may be one run under two names (resnet50 and resnet50@imagenet): by ID it is run once.
    plans = {cell.id: cell for cell in cells if isinstance(cell, Plan)}
    runs = _run_all(plans, manifest, workspace, jobs, len(grid) - len(plans), len(grid), on_progress)
    return [runs[cell.id] if isinstance(cell, Plan) else cell for cell in cells]


def _run_all(
    plans: dict[str, Plan],
    manifest: Manifest,
    workspace: Workspace,
    jobs: int,
    done: int,
    total: int,
    on_progress: Progress | None,
) -> dict[str, Run]:
    """The runs of these plans, by ID."""
    runs: dict[str, Run] = {}
    if not plans:
        return runs
    tell = on_progress or quiet
    with Workers(min(jobs, len(plans)), ["transfer.training.trial"]) as workers:

        def hear(task: Task, step: int, steps: int, what: str) -> None:
            tell(done + len(runs), total, f"{task.name}: {what} {step}/{steps}")

        for outcome in workers.run([_task(plan, manifest, workspace) for plan in plans.values()], hear):
            plan = plans[outcome.task.arguments["plan"].id]
            runs[plan.id] = outcome.result or trial.failed(plan, workspace, str(outcome.error), log=outcome.log)
            tell(done + len(runs), total, outcome.task.name)
    return runs


def _task(plan: Plan, manifest: Manifest, workspace: Workspace) -> Task:
    size = "all" if plan.per_class is None else plan.per_class
    return Task(
        name=f"{plan.arm}, {size} a class, seed {plan.seed}",
        function="transfer.training.trial:run_trial",
        arguments={"plan": plan, "manifest": manifest, "workspace": Workspace(workspace.root)},
        fresh=any(isinstance(step, Phase) and step.thaw for step in plan.strategy.steps),
        keys=frozenset(_store_digests(plan, workspace)),
    )


def _store_digests(plan: Plan, workspace: Workspace) -> set[str]:
    """The stores that the trial may have to fill."""
    classifier = Classifier(plan.backbone, plan.strategy.head, classes=len(plan.labels), size=plan.size)
    thawed = [step.thaw if isinstance(step, Phase) else 0 for step in plan.strategy.steps]
    cuts = {classifier.cut_for(thaw) for thaw in thawed}
    return {Store(workspace, setting(plan, classifier, cut)).digest for cut in cuts}


def _unresolved(arm: Arm, per_class: int | None, seed: int, manifest: Manifest, workspace: Workspace, why: str) -> Run:
    """The kept failure of an arm whose weights could not be had."""
    data = manifest.training_digest()
    decisive: dict[str, Any] = {"arm": str(arm), "seed": seed, "per_class": per_class, "data": data, "unresolved": True}
    id = run_id(decisive)
    run = Run(id, "failed", str(arm), seed, per_class, manifest.labels, data, workspace.runs / id, reason=why)
    workspace.begin()
    run.write_facts(workspace)
    return run


def _check(arms: Sequence[Arm], *, seeds: int, jobs: int) -> None:
    if not arms:
        raise CallError("There is nothing to compare.", remedy="Name at least one arm, such as vgg16:frozen_head.")
    for name, value in (("seeds", seeds), ("jobs", jobs)):
        if value < 1:
            raise CallError(f"--{name} must be at least 1.", received=value)
