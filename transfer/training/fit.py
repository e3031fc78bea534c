"""The one loop that reads a strategy.

    for each step    a solver fits the linear head to its optimum; a phase makes epochs of gradient descent

What is frozen is the classifier's business, where activations come from is ``activations``', how a phase descends is
``descent``'s. It never looks at a test photo.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import keras
import numpy

from transfer.models.classifier import Classifier
from transfer.photo import Photo
from transfer.strategy import Phase, Solver, Strategy
from transfer.training import answers, logistic
from transfer.training.activations import Activations
from transfer.training.descent import Descent, Labelled
from transfer.training.features import Decoded, Progress, Rows, quiet


@dataclass
class Fitted:
    """What a strategy left behind, besides the classifier's weights.

    Attributes:
        cut: Below it, nothing was ever trained. trainable: Weights that were trained, at most.
        gradient_steps: How many were made. history: A row an epoch. chosen: What a solver chose.
    """

    cut: int
    trainable: int = 0
    gradient_steps: int = 0
    history: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int | None = None
    chosen: dict[str, float] = field(default_factory=dict)


class Loop:
    """A strategy on a classifier; it may be gone through again after ``classifier.restart``.

    Args:
        classifier: Trained in place. strategy: What to do.
    """

    def __init__(self, classifier: Classifier, strategy: Strategy) -> None:
        self.classifier, self.strategy = classifier, strategy
        self._descents: dict[tuple[int, int], Descent] = {}

    def fit(
        self,
        activations: Activations,
        *,
        train: Sequence[Photo],
        validation: Sequence[Photo],
        labels: Sequence[str],
        seed: int,
        on_progress: Progress = quiet,
    ) -> Fitted:
        """Train the classifier.

        Raises:
            TrainingError: The loss is no longer a number; the sentence names epoch and rate.
        """
        classifier = self.classifier
        fitted = Fitted(cut=classifier.last_cut)
        for number, step in enumerate(self.strategy.steps):
            if isinstance(step, Phase):
                fitted.cut = min(fitted.cut, classifier.cut_for(step.thaw))
            source = activations.source(fitted.cut, len(train) + len(validation))
            if isinstance(step, Phase) and step.augment:
                source = 0  # a view is of pixels
            sets = [_gather(part, activations, source, labels) for part in (train, validation)]
            if isinstance(step, Solver):
                fitted.chosen = _solve(classifier, step, source, *sets)
                fitted.trainable = max(fitted.trainable, classifier.scores.count_params())
            else:
                if source < classifier.last_cut:  # the network is part of what is trained, or stands before it
                    classifier.thaw(step.thaw, batch_norm=step.batch_norm)
                descent = self._descent(number, step, fitted.cut, source)
                fitted.history += descent.run(*sets, seed=seed, on_progress=on_progress)
                fitted.best_epoch = descent.best_epoch
                fitted.gradient_steps += descent.steps
                fitted.trainable = max(fitted.trainable, descent.trainable)
        return fitted

    def _descent(self, number: int, phase: Phase, cut: int, source: int) -> Descent:
        if (number, source) not in self._descents:
            answering = self.classifier.top(cut) if source == cut else self.classifier.composed(cut)
            model = keras.Model(answering.input, answering.output, name=f"step_{number}")
            self._descents[number, source] = Descent(model, answering, phase, number)
        return self._descents[number, source]


def probabilities(classifier: Classifier, cut: int, rows: Rows | Decoded) -> numpy.ndarray:
    """Class probabilities from activations at the cut, float32 ``(n, classes)``."""
    return answers.softmax(answers.apply(classifier.top(cut), rows))


def _gather(photos: Sequence[Photo], activations: Activations, cut: int, labels: Sequence[str]) -> Labelled:
    index = {label: i for i, label in enumerate(labels)}
    return Labelled(activations.rows(cut, photos), numpy.array([index[photo.label] for photo in photos], dtype=int))


def _solve(classifier: Classifier, solver: Solver, cut: int, train: Labelled, validation: Labelled) -> dict[str, float]:
    vectors = classifier.vectors(cut)
    solution = logistic.solve(
        solver,
        answers.apply(vectors, train.rows),
        train.truth,
        answers.apply(vectors, validation.rows) if len(validation.truth) else None,
        validation.truth,
    )
    classifier.scores.get_layer("logits").set_weights([solution.kernel, solution.bias])
    return {"penalty": solution.penalty}
