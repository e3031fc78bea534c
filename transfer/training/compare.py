"""Arms x seeds x training sizes on the same splits; what exists is skipped, what fails is a row.

It owns the grid and its order. Every arm meets the same photos: the splits are the manifest's, and a training subset
depends on its seed and size alone.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

from transfer.arm import Arm
from transfer.errors import CallError, WeightsError
from transfer.grid import Grid
from transfer.manifest import Manifest
from transfer.models.classifier import Classifier
from transfer.photo import Photo
from transfer.progress import Progress, quiet
from transfer.run import Run, run_id
from transfer.strategy import Phase, Strategy
from transfer.training import connection, trial
from transfer.training.activations import setting
from transfer.training.cluster import Cluster
from transfer.training.features import Store
from transfer.training.parts import choose
from transfer.training.plan import Plan, check_arm, data_of, resolve, resolve_strategy
from transfer.training.workers import Task, Workers
from transfer.workspace import Workspace


def compare(
    manifest: Manifest,
    workspace: Workspace,
    *,
    grid: Grid,
    jobs: int = 1,
    ray: str | None = None,
    budget: float | None = None,
    on_progress: Progress | None = None,
) -> list[Run]:
    """One run for each cell of the grid, in its order: done, failed, or skipped for want of time.

    Args:
        manifest: Split already. workspace: Where runs are kept.
        grid: What to run. jobs: Trials at once. ray: Address of a cluster that runs them instead.
        budget: Seconds after which no trial is begun; None for no end.
        on_progress: Told ``(done, total, what)``.
    """
    deadline = None if budget is None else time.monotonic() + budget
    cells = _cells(grid, manifest, workspace, on_progress or quiet)
    # Two arms may be one run under two names (resnet50 and resnet50@imagenet): by ID it is run once.
    plans: dict[str, Plan] = {}
    for cell in cells:
        if isinstance(cell, Plan):
            plans.setdefault(cell.id, cell)
    runs: dict[str, Run] = {}
    if plans:
        place: AbstractContextManager[Workers | Cluster] = (
            Cluster(ray, workspace, [photo.file_name for photo in manifest.kept])
            if ray is not None
            else Workers(min(jobs, len(plans)), ["transfer.training.trial"])
        )
        with place as workers:
            runs = _run_all(workers, plans, manifest, workspace, deadline, on_progress or quiet)
    return [runs.get(cell.id) or trial.skipped(cell, workspace) if isinstance(cell, Plan) else cell for cell in cells]


def check(grid: Grid, manifest: Manifest, *, jobs: int, ray: str | None, budget: float | None) -> None:
    """Say what is wrong with a comparison, before anything is begun; the photos need no splits yet.

    Raises:
        CallError: An option out of range, a name that no shelf knows, a trick that says nothing to any arm.
    """
    if jobs < 1:
        raise CallError("--jobs must be at least 1.", received=jobs, remedy="Give 1 for one trial after the other.")
    if ray is not None:
        connection.check(ray)
        if jobs > 1:
            remedy = "Leave out --jobs: a cluster runs as many trials as it has room for."
            raise CallError("--jobs is of this machine, --ray of a cluster.", received=f"--jobs {jobs}", remedy=remedy)
    if budget is not None and not budget > 0:  # nor is what is no number
        remedy = "Give a time such as 10m, or leave it out."
        raise CallError("--budget must be more than no time.", received=budget, remedy=remedy)
    for arm in grid.arms:
        check_arm(arm, manifest, epochs=grid.epochs, size=grid.size)
    _pointless(grid)


def _cells(grid: Grid, manifest: Manifest, workspace: Workspace, on_progress: Progress) -> list[Run | Plan]:
    """What is there already, what stands in the way, and what is to be done, in the order of the grid."""
    pointless = _pointless(grid)
    overrides: dict[str, Any] = {
        name: getattr(grid, name) for name in ("epochs", "size", "folds", "refit", "engine", "precision", "half")
    }
    cells: list[Run | Plan] = []
    for arm, k, seed in grid.cells():
        if arm in pointless:
            continue
        try:
            plan = resolve(arm, manifest, seed=seed, per_class=k, on_progress=on_progress, **overrides)
        except WeightsError as error:  # this arm's misfortune, not the others'
            cells.append(_unresolved(arm, k, seed, grid.folds, manifest, workspace, str(error)))
        else:
            cells.append(trial.existing(plan, workspace) or plan)
    return cells


def _pointless(grid: Grid) -> set[Arm]:
    """Arms with a trick of the grid that says nothing to them, as dropout to a solver, or that they have already.

    Raises:
        CallError: A trick says nothing to any arm, or no shelf knows it.
    """
    pointless: set[Arm] = set()
    for trick in grid.tricks:
        made = {arm: arm.with_trick(trick) for arm in grid.arms}
        refused: dict[Arm, CallError] = {}
        for arm, more in made.items():
            try:
                _refuse_if_pointless(grid, arm, resolve_strategy(arm), resolve_strategy(more), trick)
            except CallError as error:
                resolve_strategy(arm)  # what is wrong without the trick is not the trick's fault
                refused[more] = error
        if len(refused) == len(made):
            raise next(iter(refused.values()))
        pointless |= refused.keys() - set(grid.arms)
    return pointless


def _refuse_if_pointless(grid: Grid, arm: Arm, plain: Strategy, strategy: Strategy, trick: str) -> None:
    if strategy == plain:
        remedy = f"Leave {trick} out, or compare another strategy."
        raise CallError(f"{trick} changes nothing of {arm.strategy}.", received=f"{arm}+{trick}", remedy=remedy)
    if grid.size is not None and strategy.scale != plain.scale:
        remedy = f"Leave out --size, or {trick}."
        raise CallError(f"{trick} chooses the size, which is given.", received=f"--size {grid.size}", remedy=remedy)


def _run_all(
    workers: Workers | Cluster,
    plans: dict[str, Plan],
    manifest: Manifest,
    workspace: Workspace,
    deadline: float | None,
    on_progress: Progress,
) -> dict[str, Run]:
    """The runs of these plans, by ID, without those that the time did not suffice for."""
    runs: dict[str, Run] = {}

    def hear(task: Task, step: int, steps: int, what: str) -> None:
        on_progress(len(runs), len(plans), f"{task.name}: {what} {step}/{steps}")

    def late() -> bool:
        return deadline is not None and time.monotonic() >= deadline

    tasks = _tasks(list(plans.values()), manifest, workspace)
    for outcome in workers.run(tasks, hear, enough=late):
        plan = plans[outcome.task.arguments["plan"].id]
        runs[plan.id] = outcome.result or trial.failed(plan, workspace, str(outcome.error), log=outcome.log)
        on_progress(len(runs), len(plans), outcome.task.name)
    return runs


def _tasks(plans: Sequence[Plan], manifest: Manifest, workspace: Workspace) -> list[Task]:
    """A task a plan. The first that may fill a store computes what the others will ask of it as well."""
    stores = {plan.id: _store_digests(plan, workspace) for plan in plans}
    wanted: dict[str, dict[str, Photo]] = {}
    for plan in plans:
        parts = choose(plan.view(manifest), per_class=plan.per_class, seed=plan.seed)
        for store in stores[plan.id]:
            wanted.setdefault(store, {}).update({p.id: p for p in (*parts.train, *parts.validation, *parts.test)})
    tasks = []
    for plan in plans:
        ahead: dict[str, Photo] = {}
        for store in stores[plan.id]:
            ahead |= wanted.pop(store, {})
        tasks.append(_task(plan, manifest, workspace, stores[plan.id], tuple(ahead.values())))
    return tasks


def _task(
    plan: Plan, manifest: Manifest, workspace: Workspace, stores: frozenset[str], ahead: tuple[Photo, ...]
) -> Task:
    size = "all" if plan.per_class is None else plan.per_class
    return Task(
        name=f"{plan.arm}, {size} a class, seed {plan.seed}" + (f" of {plan.folds} folds" if plan.folds else ""),
        function="transfer.training.trial:run_trial",
        arguments={
            "plan": plan,
            "manifest": plan.view(manifest),
            "workspace": Workspace(workspace.root),
            "ahead": ahead,
        },
        lineage=trial.lineage(plan) if any(phase.thaw for phase in plan.strategy.phases) else "",
        keys=stores,
    )


def _store_digests(plan: Plan, workspace: Workspace) -> frozenset[str]:
    """The stores that the trial may have to fill."""
    classifier = Classifier(plan.backbone, plan.strategy.head, classes=len(plan.labels), size=plan.size)
    thawed = [step.thaw if isinstance(step, Phase) else 0 for step in plan.strategy.steps]
    cuts = {classifier.cut_for(thaw) for thaw in thawed}
    return frozenset(Store(workspace, setting(plan, classifier, cut)).digest for cut in cuts)


def _unresolved(
    arm: Arm, per_class: int | None, seed: int, folds: int | None, manifest: Manifest, workspace: Workspace, why: str
) -> Run:
    """The kept failure of an arm whose weights could not be had."""
    data = data_of(manifest, folds)
    facts = {"folds": folds} if folds else {}
    id = run_id({"arm": str(arm), "seed": seed, "per_class": per_class, "data": data, "unresolved": True, **facts})
    path = workspace.runs / id
    run = Run(id, "failed", str(arm), seed, per_class, manifest.labels, data, path, facts=facts, reason=why)
    workspace.begin()
    run.write_facts(workspace)
    return run
