"""The one loop that reads a strategy.

    for each step    a solver fits the linear head to its optimum; a phase makes epochs of gradient descent

What is frozen is the classifier's business, where activations come from is ``activations``', how a phase descends is
``descent``'s. It never looks at a test photo.
"""

from __future__ import annotations

import dataclasses
import gc
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import keras
import numpy
import tensorflow as tf

from transfer.errors import TrainingError
from transfer.models import head as heads
from transfer.models.classifier import Classifier
from transfer.photo import Photo
from transfer.strategy import Phase, Solver, Strategy
from transfer.training import answers, devices, solvers
from transfer.training.activations import Activations
from transfer.training.checkpoint import Checkpoint, Standing
from transfer.training.descent import Descent, Labelled
from transfer.training.inputs import Photos, inputs
from transfer.training.logbook import Logbook
from transfer.training.rows import Decoded, Rows


@dataclass
class Fitted:
    """What a strategy left behind, besides the classifier's weights.

    Attributes:
        cut: Below it, nothing was ever trained. trainable: Weights that were trained, at most.
        gradient_steps: How many were made. views: Kept of each photo to learn from, at most.
        batch: Photos a step, the fewest that some phase made do with; None where no phase was.
        history: A row an epoch. chosen: What a solver chose.
        best_epoch: Of the last phase. best_epochs: Pairs of a step's number and its best epoch, 0 where it began best.
        rates: A row for each step of a range test, where there was one.
        interrupted: Where it was, when the keyboard ended it.
    """

    cut: int
    trainable: int = 0
    gradient_steps: int = 0
    views: int = 0
    batch: int | None = None
    history: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int | None = None
    best_epochs: list[list[int]] = field(default_factory=list)
    chosen: dict[str, float] = field(default_factory=dict)
    rates: list[dict[str, float]] = field(default_factory=list)
    interrupted: str | None = None


@dataclass(frozen=True)
class _Turn:
    """A phase and its photos: what it learns from, and what its epochs are judged by, at a source."""

    number: int
    phase: Phase
    cut: int
    source: int
    taught: Labelled
    judges: Labelled


class Loop:
    """A strategy on a classifier; it may be gone through again after ``classifier.restart``.

    Args:
        classifier: Trained in place. strategy: What to do.
    """

    def __init__(self, classifier: Classifier, strategy: Strategy) -> None:
        self.classifier, self.strategy = classifier, strategy
        self._descents: dict[tuple[int, int, int], Descent] = {}
        self._batches: dict[int, int] = {}  # of the phases that did not fit in memory at their own

    def fit(
        self,
        activations: Activations,
        *,
        train: Sequence[Photo],
        validation: Sequence[Photo],
        labels: Sequence[str],
        seed: int,
        logbook: Logbook | None = None,
        find_rate: bool = False,
    ) -> Fitted:
        """Train the classifier.

        An interrupt from the keyboard ends it early and leaves what was best so far, once there is something.

        Args:
            activations: Where inputs come from. train, validation: Photos to learn from, and to choose by.
            labels: The classes. seed: Of the photo order.
            logbook: Told of each epoch, and asked where an earlier try stood. find_rate: Whether a range test comes
                before each phase; the training is the same with it.

        Raises:
            TrainingError: The loss is no longer a number; the sentence names epoch and rate.
            ResourceExhaustedError: By TensorFlow: not even one photo a step fits in memory.
        """
        logbook = logbook or Logbook()
        classifier = self.classifier
        photos = Photos(train, validation, activations, labels)
        resumed = logbook.checkpoint(lambda found: self._fits(found, photos, with_rates=find_rate))
        fitted = Fitted(**resumed.before) if resumed else Fitted(cut=classifier.last_cut)
        for number, step in enumerate(self.strategy.steps):
            if resumed and number < resumed.step:
                continue
            going_on = resumed if resumed and number == resumed.step else None
            try:
                if isinstance(step, Solver):
                    self._solve(number, step, fitted, photos, logbook)
                else:
                    self._go_through(number, step, fitted, photos, going_on, logbook, seed=seed, find_rate=find_rate)
            except KeyboardInterrupt:
                # Nothing has been learnt yet that could be used, or it lies in the checkpoint still.
                if not fitted.trainable or going_on is not None:
                    raise
                fitted.interrupted = f"before step {number + 1} of the strategy had learnt anything"
            if fitted.interrupted:
                break
        return fitted

    def _fits(self, found: Checkpoint, photos: Photos, *, with_rates: bool) -> bool:
        """Whether a training that is asked for now would stand there, had it not been stopped.

        It would not if other activations are kept now, nor without the curve of a range test that is asked for now.
        """
        phase = self.strategy.steps[found.step]
        without = found.step not in [row["step"] for row in found.before["rates"]]
        if isinstance(phase, Solver) or (with_rates and without):
            return False
        cut = min(found.before["cut"], self.classifier.cut_for(phase.thaw))
        source, views = inputs(phase, cut, photos)
        return (found.source, found.views) == (source, len(views))

    def _solve(self, number: int, solver: Solver, fitted: Fitted, photos: Photos, logbook: Logbook) -> None:
        """Put the head at its optimum on what is frozen."""
        source = photos.activations.source(fitted.cut, photos.count)
        vectors = self.classifier.vectors(source)
        train, validation = photos.taught(source), photos.judges(source)
        taught, held_out = answers.apply(vectors, train.rows), answers.apply(vectors, validation.rows)
        solution = solvers.solve(solver, taught, train.truth, held_out, validation.truth)
        heads.place(self.classifier.scores, solution.kernel, solution.bias, seen=taught)
        fitted.chosen = solution.chosen
        fitted.trainable = max(fitted.trainable, self.classifier.scores.count_params())
        chosen = fitted.chosen or "nothing to choose"
        logbook.say(f"step {number + 1}: {solver.kind} on {len(train.truth)} photos: {chosen}")

    def _go_through(
        self,
        number: int,
        phase: Phase,
        fitted: Fitted,
        photos: Photos,
        resumed: Checkpoint | None,
        logbook: Logbook,
        *,
        seed: int,
        find_rate: bool,
    ) -> None:
        """Make the epochs of a phase, and note what they left behind."""
        fitted.cut = min(fitted.cut, self.classifier.cut_for(phase.thaw))
        source, views = inputs(phase, fitted.cut, photos)
        # Kept views are all that a phase needs, unless statistics of batch norm are to be counted on the photos.
        norms = self.classifier.head.batch_norm or (phase.thaw and phase.batch_norm == "adapt")
        taught = photos.taught(source, views, plain=not views or bool(norms))
        turn = _Turn(number, phase, fitted.cut, source, taught, photos.judges(source))
        descent, history = self._descend(turn, fitted, resumed, logbook, seed=seed, find_rate=find_rate)
        if descent.interrupted and not (fitted.trainable or history):
            raise KeyboardInterrupt
        fitted.history += history
        fitted.batch = min(fitted.batch or descent.batch, descent.batch)
        fitted.best_epoch = descent.best_epoch
        if descent.best_epoch is not None:
            fitted.best_epochs.append([number, descent.best_epoch])
        fitted.gradient_steps += descent.steps
        fitted.trainable = max(fitted.trainable, descent.trainable)
        fitted.views = max(fitted.views, len(views))
        if descent.interrupted:
            fitted.interrupted = f"after {len(history)} of {phase.epochs} epochs, step {number + 1} of the strategy"

    def _descend(
        self,
        turn: _Turn,
        fitted: Fitted,
        resumed: Checkpoint | None,
        logbook: Logbook,
        *,
        seed: int,
        find_rate: bool,
    ) -> tuple[Descent, list[dict[str, float]]]:
        """Go through the phase; where it does not fit in memory, begin it again with half the photos a step."""
        number, phase = turn.number, turn.phase
        # What draws for dropout is put back as well: ``variables`` has its state, ``weights`` has not.
        variables = self.classifier.top(turn.cut).variables
        if resumed is not None:
            self._batches[number] = resumed.batch
            self.classifier.put_back(variables, resumed.variables)
        begun = [numpy.array(variable) for variable in variables]
        batch = self._batches.get(number, devices.shared(phase.batch))

        def on_epoch(row: dict[str, float], standing: Callable[[], Standing]) -> None:
            def now() -> Checkpoint:
                values = [numpy.array(variable) for variable in variables]
                before = dataclasses.asdict(fitted)
                made = (number, batch, turn.source, len(turn.taught.views))
                return Checkpoint(*made, before, values, standing(), tuple(logbook.lines), logbook.seconds())

            logbook.epoch(row, of=phase.epochs, at=len(fitted.history) + int(row["epoch"]), make=now)

        while True:
            descent = self._descent(number, dataclasses.replace(phase, batch=batch), turn.cut, turn.source)
            try:
                if find_rate and resumed is None:
                    logbook.progress(0, phase.epochs, "testing a range of learning rates")
                    fitted.rates += [{"step": number, **row} for row in descent.range_test(turn.taught, seed=seed)]
                standing = None if resumed is None else resumed.standing
                return descent, descent.run(turn.taught, turn.judges, seed=seed, standing=standing, on_epoch=on_epoch)
            except tf.errors.ResourceExhaustedError as error:
                if resumed is not None:
                    raise TrainingError(
                        "There is no longer enough memory to go on with this training.",
                        received=f"{batch} photos a step",
                        remedy="Let other work end, or begin it anew after `transfer clean WS --checkpoints`.",
                    ) from error
                if batch == devices.together():
                    raise
            # Out here the error holds nothing any more, and what was too large can go.
            logbook.begin_anew()
            del self._descents[number, turn.source, batch], descent
            gc.collect()
            fitted.rates = [row for row in fitted.rates if row["step"] != number]
            batch = self._batches[number] = devices.shared(batch // 2)
            for variable, value in zip(variables, begun, strict=True):
                variable.assign(value)
            logbook.say(f"step {number + 1}: not enough memory, going on with {batch} photos a step")
            logbook.progress(0, phase.epochs, f"not enough memory; going on with {batch} photos a step")

    def _descent(self, number: int, phase: Phase, cut: int, source: int) -> Descent:
        """The phase on the network with its stages thawed; compiled at its first use."""
        classifier = self.classifier
        if source < classifier.last_cut:  # the network is part of what is trained, or stands before it
            classifier.thaw(phase.thaw, batch_norm=phase.batch_norm, part=phase.part)
        key = (number, source, phase.batch)
        if key not in self._descents:
            answering = classifier.top(cut) if source == cut else classifier.composed(cut)
            model = keras.Model(answering.input, answering.output, name=f"step_{number}")
            differ = (phase.stage_decay != 1 or phase.group_rates) and source < classifier.last_cut
            depths = [classifier.depth(weight) for weight in model.trainable_weights] if differ else []
            shares = [phase.share(depth, classifier.last_cut) for depth in depths]
            self._descents[key] = Descent(model, answering, phase, number, shares=shares)
        return self._descents[key]


def probabilities(classifier: Classifier, cut: int, rows: Rows | Decoded) -> numpy.ndarray:
    """Class probabilities from activations at the cut, float32 ``(n, classes)``."""
    return answers.softmax(answers.apply(classifier.top(cut), rows))
