"""Trial: manifest + plan -> run, in this process.

It owns the order of things: build, fit, answer validation, learn again from both where asked, answer the test split
(opened here, once, at the end), write. The run's folder keeps only what changed; ``models/rebuild.py`` makes the whole
network from it again.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy
import tensorflow as tf

from transfer import folds
from transfer.errors import TrainingError
from transfer.manifest import Manifest
from transfer.models.classifier import Classifier
from transfer.models.seeding import seed_draws
from transfer.photo import Photo
from transfer.progress import Progress, quiet
from transfer.run import CHECKPOINT, LOG, WEIGHTS, Predictions, Run, run_id
from transfer.training import devices, memory
from transfer.training.activations import Activations
from transfer.training.batches import MIRROR
from transfer.training.checkpoint import Checkpoints
from transfer.training.facts import stated, versions
from transfer.training.fit import Fitted, Loop, probabilities
from transfer.training.logbook import Logbook
from transfer.training.parts import choose
from transfer.training.plan import Plan
from transfer.training.refit import refit
from transfer.workspace import Workspace


def existing(plan: Plan, workspace: Workspace) -> Run | None:
    """The finished run of this plan, if there is one."""
    path = workspace.runs / plan.id
    run = Run.read(path) if (path / "run.json").exists() else None
    return run if run is not None and run.done else None


@dataclass(frozen=True)
class Conduct:
    """How a trial is carried out: nothing here changes what it comes to.

    Attributes:
        find_rate: A range test of the learning rate comes before each phase, and its curve is kept.
        tensorboard: TensorBoard's files are written beside the run. deterministic: A GPU, too, is to give the same bits
            each time, at its price; a CPU always does.
    """

    find_rate: bool = False
    tensorboard: bool = False
    deterministic: bool = False


def run_trial(
    plan: Plan,
    manifest: Manifest,
    workspace: Workspace,
    *,
    ahead: Sequence[Photo] = (),
    conduct: Conduct = Conduct(),
    on_progress: Progress = quiet,
    on_kept: Callable[[str], None] | None = None,
) -> Run:
    """Do what the plan says and keep it; a finished run of the same plan is returned as it is.

    What an earlier try left is taken up where it stood. An interrupt from the keyboard leaves a run that can be asked
    and exported (``interrupted``) and has not met the test split; the next try finishes it.

    Args:
        plan: What to do. manifest: The photos. workspace: Where it is kept.
        ahead: Photos whose activations other trials will ask for.
        conduct: How to do it. on_progress: Told ``(done, total, what)``.
        on_kept: Told the digest of a store as soon as it has what was asked for ahead.

    Raises:
        TransferError: The trial failed; nothing half-done is left that could be taken for a run.
        KeyboardInterrupt: Before anything was learnt, or where the run is there already and only its curve was wanted.
    """
    if conduct.find_rate:
        plan.strategy.map_phases()  # says so where there is no rate
    if (run := existing(plan, workspace)) is not None and (run.rates() or not conduct.find_rate):
        return run
    memory.keep_pages()
    memory.many_files()
    # Before a context is entered: clearing Keras' session forgets contexts, too.
    _forget(plan, deterministic=conduct.deterministic)
    try:
        with devices.computing(plan.engine, plan.precision, gpus=plan.gpus):
            return _carry_out(plan, manifest, workspace, ahead, conduct, on_progress, on_kept)
    except (MemoryError, tf.errors.ResourceExhaustedError) as error:
        raise TrainingError(
            "There is not enough memory for this trial.",
            received=plan.arm,
            remedy="Use a smaller --size, a smaller backbone, or fewer --jobs.",
        ) from error


def _carry_out(
    plan: Plan,
    manifest: Manifest,
    workspace: Workspace,
    ahead: Sequence[Photo],
    conduct: Conduct,
    on_progress: Progress,
    on_kept: Callable[[str], None] | None,
) -> Run:
    """Train, answer, write."""
    workspace.begin()
    started = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    memory.forget_peak()
    path = workspace.runs / plan.id
    first, second = (Checkpoints(workspace, path / name, versions()) for name in (CHECKPOINT, "refit-" + CHECKPOINT))
    tensorboard = path / "tensorboard" if conduct.tensorboard else None
    logbook = Logbook(on_progress, checkpoints=first, tensorboard=tensorboard)
    logbook.say(f"{plan.arm}, seed {plan.seed}, run {plan.id}")
    parts = choose(manifest, per_class=plan.per_class, seed=plan.seed)
    loop = _loop(plan, workspace)
    classifier = loop.classifier
    activations = Activations(plan, classifier, workspace, ahead=ahead, on_progress=on_progress, on_kept=on_kept)
    try:
        fitted = loop.fit(
            activations,
            train=parts.train,
            validation=parts.validation,
            labels=plan.labels,
            seed=plan.seed,
            logbook=logbook,
            find_rate=conduct.find_rate,
        )
        try:
            kept = [_predict(classifier, fitted, activations, parts.validation, plan.labels, "validation")]
        except KeyboardInterrupt:  # no run can be asked without these answers: only a second interrupt goes without
            fitted.interrupted = fitted.interrupted or "while it answered the validation photos"
            kept = [_predict(classifier, fitted, activations, parts.validation, plan.labels, "validation")]
        if plan.refit and parts.validation and not fitted.interrupted:
            both = (*parts.train, *parts.validation)
            logbook.say(f"again, on all {len(both)} photos")
            again = logbook.going_on(second)
            fitted = refit(plan, classifier, fitted, activations, photos=both, before=len(parts.train), logbook=again)
        if not fitted.interrupted:
            try:
                kept.append(_predict(classifier, fitted, activations, parts.test, plan.labels, "test"))
            except KeyboardInterrupt:
                fitted.interrupted = "while it answered the test photos"
    except Exception:
        logbook.write(workspace, path / LOG)  # what was told before it failed
        raise
    finally:
        logbook.close()
    before = existing(plan, workspace)
    if before is not None and fitted.interrupted:
        raise KeyboardInterrupt  # the finished run stays
    opened = int(before.facts.get("test_opened", 0)) if before else 0
    total = logbook.seconds()
    seconds = {"total": total, "features": activations.seconds, "training": total - activations.seconds}
    facts = stated(plan, classifier, fitted, activations) | {
        "started": started,
        "photos": {"train": len(parts.train), "validation": len(parts.validation), "test": len(parts.test)},
        "test_opened": opened + (1 if parts.test and not fitted.interrupted else 0),
        "peak_memory_mb": memory.peak_mb(),
        "manifest": manifest.digest(),
        "seconds": {name: round(value, 3) for name, value in seconds.items()},
    }
    reason = fitted.interrupted and f"stopped {fitted.interrupted}; the same command goes on from there"
    run = _run(plan, workspace, status="interrupted" if reason else "done", facts=facts, reason=reason)
    with workspace.replacing(run.path / WEIGHTS) as temporary:
        classifier.top(fitted.cut).save_weights(temporary)
    logbook.say(reason or f"done in {total:.0f} s; best epoch: {fitted.best_epoch}")
    logbook.write(workspace, run.path / LOG)
    run.write(workspace, kept, fitted.history, fitted.rates)
    if not fitted.interrupted:
        first.clear()
        second.clear()
    return Run.read(run.path)  # what is given back is what is kept


def failed(plan: Plan, workspace: Workspace, reason: str, *, log: str = "") -> Run:
    """Keep the failure of a trial, so that the report can show it; a later try replaces it.

    An interrupted run that can be asked stays what it was, and only the run that is given back has failed.
    """
    facts = {"strategy": plan.strategy.to_dict(), "size": plan.size} | _design(plan)
    run = _run(plan, workspace, status="failed", reason=reason, facts=facts)
    if (run.path / "run.json").exists() and Run.read(run.path).usable:
        return run
    workspace.begin()
    if log:
        told = (run.path / LOG).read_text(encoding="utf-8") if (run.path / LOG).exists() else ""
        workspace.write_text(run.path / LOG, told + log)
    run.write_facts(workspace)
    return run


def skipped(plan: Plan, workspace: Workspace) -> Run:
    """A run that was not begun; nothing of it is kept."""
    reason = "the time was spent before it was begun; the same command goes on with it"
    return _run(plan, workspace, status="skipped", reason=reason, facts=_design(plan))


_LATEST: dict[str, Loop] = {}
"""The loop of this process' latest trial, by what decides its trace; one only, since a network takes room."""


def _forget(plan: Plan, *, deterministic: bool) -> None:
    """Let go of the network of another kind of trial, and of whatever was drawn before."""
    seed_draws(plan.seed)
    gpu = bool(tf.config.list_physical_devices("GPU"))
    if deterministic or not gpu:
        tf.config.experimental.enable_op_determinism()
    if lineage(plan) not in _LATEST or (deterministic and gpu):  # its trace may be of before that was asked for
        _LATEST.clear()
        keras.utils.clear_session()


def _loop(plan: Plan, workspace: Workspace) -> Loop:
    """A loop whose weights are as a new one's of this seed, whatever was done before in this process."""
    if (loop := _LATEST.get(lineage(plan))) is not None:
        loop.classifier.restart(plan.seed)
        return loop
    loop = _LATEST[lineage(plan)] = Loop(_build(plan, workspace), plan.strategy)
    return loop


def lineage(plan: Plan) -> str:
    """What trials must have in common to share one traced network: all but seed, size and the photos themselves."""
    photos = ("seed", "per_class", "data", "groups")
    decisive = {name: value for name, value in plan.decisive().items() if name not in photos}
    return run_id(decisive | {"labels": plan.labels})


def _build(plan: Plan, workspace: Workspace) -> Classifier:
    arguments: dict[str, Any] = {
        "classes": len(plan.labels),
        "size": plan.size,
        "seed": plan.seed,
        "weights": plan.weights.path if plan.weights else None,
        "mirrored": plan.strategy.mirrored,
    }
    classifier = Classifier(plan.backbone, plan.strategy.head, **arguments)
    if classifier.last_cut and classifier.pool != "flatten":
        about = Activations(plan, classifier, workspace).store(classifier.last_cut).about()
        if about:
            # With this the network need not be built at all where every vector is kept.
            classifier = Classifier(plan.backbone, plan.strategy.head, **arguments, kept=about["shape"][0])
    return classifier


def _predict(
    classifier: Classifier,
    fitted: Fitted,
    activations: Activations,
    photos: Sequence[Photo],
    labels: Sequence[str],
    split: str,
) -> Predictions:
    index = {label: i for i, label in enumerate(labels)}
    source = activations.source(fitted.cut, len(photos))
    views = ("", MIRROR) if classifier.mirrored else ("",)
    group_of = folds.group_of(photos)
    seen = [probabilities(classifier, source, activations.rows(source, photos, view)) for view in views if photos]
    return Predictions(
        split=split,
        photos=tuple(photo.id for photo in photos),
        truth=numpy.array([index[photo.label] for photo in photos], dtype=int),
        probabilities=numpy.mean(seen, axis=0) if photos else numpy.empty((0, len(labels)), "float32"),
        groups=tuple(group_of[photo.id] for photo in photos),
    )


def _design(plan: Plan) -> dict[str, Any]:
    return {"folds": plan.folds} if plan.folds else {}


def _run(plan: Plan, workspace: Workspace, *, status: str, facts: dict[str, Any], reason: str | None = None) -> Run:
    return Run(
        id=plan.id,
        status=status,
        reason=reason,
        arm=str(plan.arm),
        seed=plan.seed,
        per_class=plan.per_class,
        labels=plan.labels,
        data=plan.data,
        facts=facts,
        path=workspace.runs / plan.id,
    )
