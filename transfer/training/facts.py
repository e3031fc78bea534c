"""Facts: what a finished training says of itself in ``run.json``."""

from __future__ import annotations

import importlib.metadata
from typing import Any

import tensorflow as tf

from transfer.models.classifier import Classifier
from transfer.models.weights import Located
from transfer.training import answers
from transfer.training.activations import Activations
from transfer.training.fit import Fitted
from transfer.training.plan import Plan

VERSIONS = ("transfer", "tensorflow", "keras", "numpy", "scikit-learn")


def stated(plan: Plan, classifier: Classifier, fitted: Fitted, activations: Activations) -> dict[str, Any]:
    """All that a run keeps besides its answers, but for times and the photos that it met."""
    about = activations.store(classifier.last_cut).about()
    if not about:
        about = {
            "parameters": classifier.network.count_params(),
            "latency_ms": answers.latency(classifier.top(0)),
        }
    return plan.decisive() | {
        "weights": plan.weights and _named(plan.weights),
        "asked": {"epochs": plan.epochs, "rate": plan.rate},
        **({"rule": plan.rule.to_dict()} if plan.rule else {}),
        "cut": fitted.cut,
        "batch_norm": plan.strategy.batch_norm,
        "parameters": {"trainable": fitted.trainable, "total": about["parameters"] + classifier.scores.count_params()},
        "latency_ms": about["latency_ms"] * (2 if classifier.mirrored else 1),
        "chosen": fitted.chosen,
        "best_epoch": fitted.best_epoch,
        "views": fitted.views,
        "batch": fitted.batch,
        "command": plan.command,
        "gpus": (plan.gpus or 1) if tf.config.list_physical_devices("GPU") else 0,
        "device": "GPU" if tf.config.list_physical_devices("GPU") else "CPU",
        "versions": versions(),
        **activations.facts,
    }


def _named(weights: Located) -> dict[str, str]:
    """What weights are called and hold; where a file was named, also where it lies, for other folders to find it."""
    file = {} if weights.licence else {"file": str(weights.path.resolve())}
    return {"name": weights.name, "sha256": weights.sha256, **file}


def versions() -> dict[str, str]:
    """Of the libraries that decide what a training comes to."""
    return {name: importlib.metadata.version(name) for name in VERSIONS}
