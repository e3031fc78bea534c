"""Refitting: once validation has chosen, learn again from train and validation together.

It owns what "with the chosen settings" means: a solver takes the penalty that was best, a phase makes as many epochs as
were best and looks at nothing, a phase that made nothing better is left out. What was chosen, and what was answered on
validation, stay those of the first training: after the second no photo is left to choose or to calibrate by.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from transfer.models.classifier import Classifier
from transfer.photo import Photo
from transfer.strategy import Phase, Solver, Strategy
from transfer.training.activations import Activations
from transfer.training.fit import Fitted, Loop
from transfer.training.logbook import Logbook
from transfer.training.plan import Plan


def refit(
    plan: Plan,
    classifier: Classifier,
    first: Fitted,
    activations: Activations,
    *,
    photos: Sequence[Photo],
    before: int,
    logbook: Logbook | None = None,
) -> Fitted:
    """Train the classifier anew, from the weights that the first training began with.

    Args:
        plan: Of the trial. classifier: As the first training left it; trained in place.
        first: What that training chose. activations: Of the trial.
        photos: Those of train and validation. before: How many of them the first training learnt from.
        logbook: Told of each epoch.

    Returns:
        What the second training left behind, with the history and the choices of the first.
    """
    classifier.restart(plan.seed)
    epochs = {step: best for step, best in first.best_epochs}  # noqa: C416
    penalty = first.chosen.get("penalty")
    strategy = settled(plan.strategy, penalty=penalty, epochs=epochs, before=before, now=len(photos))
    again = Loop(classifier, strategy).fit(
        activations, train=photos, validation=(), labels=plan.labels, seed=plan.seed, logbook=logbook
    )
    if "sharpness" in first.chosen and not isinstance(strategy.steps[-1], Phase):
        _sharpen(classifier, first.chosen["sharpness"])
    return dataclasses.replace(
        again,
        trainable=max(again.trainable, first.trainable),
        gradient_steps=first.gradient_steps + again.gradient_steps,
        history=first.history,
        best_epoch=first.best_epoch,
        chosen=first.chosen,
        rates=first.rates,
    )


def _sharpen(classifier: Classifier, factor: float) -> None:
    """Make the answers as sure as validation had them be: there is nothing left to choose that by."""
    logits = classifier.scores.get_layer("logits")
    logits.set_weights([factor * weights for weights in logits.get_weights()])


def settled(strategy: Strategy, *, penalty: float | None, epochs: Mapping[int, int], before: int, now: int) -> Strategy:
    """The strategy without anything left to choose.

    Args:
        strategy: As it was trained. penalty: That its solver chose.
        epochs: How many each phase makes, by the number of the step; none leaves the phase out.
        before, now: Photos that it learnt from, and learns from this time.
    """
    steps: list[Solver | Phase] = []
    for number, step in enumerate(strategy.steps):
        if isinstance(step, Solver):
            steps.append(step if penalty is None else dataclasses.replace(step, penalties=(penalty,), fixed=penalty))
        elif made := epochs.get(number, 0):
            # As many passes in an epoch as before, where few photos are passed over several times.
            passes = step.passes(before)
            least = passes * made * now // step.batch if passes > 1 else 0
            steps.append(dataclasses.replace(step, epochs=made, least_steps=least, patience=None))
    return dataclasses.replace(strategy, steps=tuple(steps))
