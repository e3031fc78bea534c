"""Trial: manifest + plan -> run, in this process.

It owns the order of things: build, fit, answer validation, learn again from both where asked, answer the test split
(opened here, once, at the end), write. The run's folder keeps only what changed; ``models/rebuild.py`` makes the whole
network from it again.
"""

from __future__ import annotations

import datetime
import importlib.metadata
import time
from collections.abc import Sequence
from typing import Any

import keras
import numpy
import tensorflow as tf

from transfer.errors import TrainingError
from transfer.manifest import Manifest
from transfer.models.classifier import Classifier
from transfer.photo import Photo
from transfer.run import WEIGHTS, Predictions, Run, run_id
from transfer.training import answers, memory
from transfer.training.activations import Activations
from transfer.training.batches import MIRROR
from transfer.training.features import Progress, quiet
from transfer.training.fit import Fitted, Loop, probabilities
from transfer.training.plan import Plan, choose
from transfer.training.refit import refit
from transfer.workspace import Workspace

VERSIONS = ("transfer", "tensorflow", "keras", "numpy", "scikit-learn")


def existing(plan: Plan, workspace: Workspace) -> Run | None:
    """The finished run of this plan, if there is one."""
    path = workspace.runs / plan.id
    run = Run.read(path) if (path / "run.json").exists() else None
    return run if run is not None and run.done else None


def run_trial(
    plan: Plan,
    manifest: Manifest,
    workspace: Workspace,
    *,
    ahead: Sequence[Photo] = (),
    on_progress: Progress = quiet,
) -> Run:
    """Do what the plan says and keep it; a finished run of the same plan is returned as it is.

    Args:
        plan: What to do. manifest: The photos. workspace: Where it is kept.
        ahead: Photos whose activations other trials will ask for.
        on_progress: Told ``(done, total, what)``.

    Raises:
        TransferError: The trial failed; nothing half-done is left that could be taken for a run.
    """
    if (run := existing(plan, workspace)) is not None:
        return run
    workspace.begin()
    begun, started = time.perf_counter(), datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    memory.forget_peak()
    parts = choose(manifest, per_class=plan.per_class, seed=plan.seed)
    loop = _loop(plan, workspace)
    classifier = loop.classifier
    activations = Activations(plan, classifier, workspace, ahead=ahead, on_progress=on_progress)
    try:
        fitted = loop.fit(
            activations,
            train=parts.train,
            validation=parts.validation,
            labels=plan.labels,
            seed=plan.seed,
            on_progress=on_progress,
        )
        kept = [_predict(classifier, fitted, activations, parts.validation, plan.labels, "validation")]
        if plan.refit and parts.validation:
            both = (*parts.train, *parts.validation)
            fitted = refit(plan, classifier, fitted, activations, photos=both, on_progress=on_progress)
        kept.append(_predict(classifier, fitted, activations, parts.test, plan.labels, "test"))
    except (MemoryError, tf.errors.ResourceExhaustedError) as error:
        raise TrainingError(
            "There is not enough memory for this trial.",
            received=plan.arm,
            remedy="Use a smaller --size, a smaller backbone, or fewer --jobs.",
        ) from error
    facts = _facts(plan, classifier, fitted, activations) | {
        "started": started,
        "photos": {"train": len(parts.train), "validation": len(parts.validation), "test": len(parts.test)},
        "test_opened": 1 if parts.test else 0,
        "peak_memory_mb": memory.peak_mb(),
        "manifest": manifest.digest(),
    }
    run = _run(plan, workspace, status="done", facts=facts)
    with workspace.replacing(run.path / WEIGHTS) as temporary:
        classifier.top(fitted.cut).save_weights(temporary)
    total = time.perf_counter() - begun
    seconds = {"total": total, "features": activations.seconds, "training": total - activations.seconds}
    facts["seconds"] = {name: round(value, 3) for name, value in seconds.items()}
    run.write(workspace, kept, fitted.history)
    return Run.read(run.path)  # what is given back is what is kept


def failed(plan: Plan, workspace: Workspace, reason: str, *, log: str = "") -> Run:
    """Keep the failure of a trial, so that the report can show it; a later try replaces it."""
    run = _run(plan, workspace, status="failed", reason=reason, facts={"strategy": plan.strategy.to_dict()})
    workspace.begin()
    if log:
        workspace.write_text(run.path / "log.txt", log)
    run.write_facts(workspace)
    return run


def skipped(plan: Plan, workspace: Workspace) -> Run:
    """A run that was not begun; nothing of it is kept."""
    reason = "the time was spent before it was begun; the same command goes on with it"
    return _run(plan, workspace, status="skipped", reason=reason, facts={})


_LATEST: dict[str, Loop] = {}
"""The loop of this process' latest trial, by what decides its trace; one only, since a network takes room."""


def _loop(plan: Plan, workspace: Workspace) -> Loop:
    """A loop whose weights are as a new one's of this seed, whatever was done before in this process."""
    keras.utils.set_random_seed(plan.seed)
    if not tf.config.list_physical_devices("GPU"):
        tf.config.experimental.enable_op_determinism()
    if (loop := _LATEST.get(lineage(plan))) is not None:
        loop.classifier.restart(plan.seed)
        return loop
    _LATEST.clear()
    keras.utils.clear_session()
    loop = _LATEST[lineage(plan)] = Loop(_build(plan, workspace), plan.strategy)
    return loop


def lineage(plan: Plan) -> str:
    """What trials must have in common to share one traced network: all but seed, size and the photos themselves."""
    decisive = {name: value for name, value in plan.decisive().items() if name not in ("seed", "per_class", "data")}
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
    seen = [probabilities(classifier, source, activations.rows(source, photos, view)) for view in views if photos]
    return Predictions(
        split=split,
        photos=tuple(photo.id for photo in photos),
        truth=numpy.array([index[photo.label] for photo in photos], dtype=int),
        probabilities=numpy.mean(seen, axis=0) if photos else numpy.empty((0, len(labels)), "float32"),
        groups=tuple(photo.group or photo.sha256 for photo in photos),
    )


def _facts(plan: Plan, classifier: Classifier, fitted: Fitted, activations: Activations) -> dict[str, Any]:
    about = activations.store(classifier.last_cut).about()
    if not about:
        about = {
            "parameters": classifier.network.count_params(),
            "latency_ms": answers.latency(classifier.top(0)),
        }
    return plan.decisive() | {
        "weights": plan.weights and {"name": plan.weights.name, "sha256": plan.weights.sha256},
        "cut": fitted.cut,
        "batch_norm": plan.strategy.batch_norm,
        "parameters": {"trainable": fitted.trainable, "total": about["parameters"] + classifier.scores.count_params()},
        "latency_ms": about["latency_ms"] * (2 if classifier.mirrored else 1),
        "chosen": fitted.chosen,
        "best_epoch": fitted.best_epoch,
        "views": fitted.views,
        "batch": fitted.batch,
        "command": plan.command,
        "device": "GPU" if tf.config.list_physical_devices("GPU") else "CPU",
        "versions": {name: importlib.metadata.version(name) for name in VERSIONS},
        **activations.facts,
    }


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
