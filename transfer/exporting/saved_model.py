"""Run -> SavedModel, proved by reading it back in a fresh process.

The artifact takes encoded bytes, or upright uint8 pictures of any size, and gives the label by name. It holds its
labels, its decoder, its resize and its preprocessing, and needs nothing but TensorFlow. It is not written until a fresh
process, in which neither this package nor Keras can be imported, has answered on real photos as the run did. Where it
is to be calibrated, that is as the run did at the temperature that its validation photos ask for. Where it may refuse,
it must also have said `unknown` of the photos that it should, and of no other.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy
import tensorflow as tf

from transfer import folds, pixels, scores
from transfer.comparison import present
from transfer.credits import credits_csv, credits_page
from transfer.errors import DataError, ExportError
from transfer.exporting import card, refusing
from transfer.exporting.proving import Asked, choose, prove
from transfer.exporting.refusing import Refusing
from transfer.exporting.served import Served
from transfer.exporting.target import check_model, placing
from transfer.manifest import Manifest
from transfer.models.asking import at_once, enough_memory
from transfer.models.rebuild import rebuild
from transfer.run import Predictions, Run
from transfer.workspace import Workspace


@dataclass(frozen=True)
class Exported:
    """An artifact and its proof.

    Attributes:
        path: The folder. format: ``saved_model``.
        max_difference: Of any class probability from the run's kept predictions; where those were rounded, from what
            the run's network answers without rounding. checked: On how many photos.
        temperature: That its probabilities were calibrated with; None where they are the run's own.
        refusing: When it says `unknown`; None where it always names a class.
        refused: For how many of the photos that were checked it said so, as it should.
        rounded: What the run's own rounding did; None where it did not round.
        earlier: Whether the run was made with other photos, labels or splits than the manifest that its credits are of.
    """

    path: Path
    format: str
    max_difference: float
    checked: int
    temperature: float | None = None
    refusing: Refusing | None = None
    refused: int = 0
    rounded: Rounded | None = None
    earlier: bool = False


@dataclass(frozen=True)
class Rounded:
    """What a run's rounding did, seen on the photos that were checked: it computed in bfloat16, or kept half precision.

    Attributes:
        difference: The largest of any class probability, between the artifact and the run. relabelled: Photos to which
            the two give different labels.
    """

    difference: float
    relabelled: int


def export(
    run: Run,
    workspace: Workspace,
    manifest: Manifest,
    *,
    into: Path,
    calibrate: bool = False,
    unknown_below: float | str | None = None,
) -> Exported:
    """Write the run's classifier as a SavedModel with its card and credits, once it has proved itself.

    Args:
        run: Whose. workspace, manifest: Where its photos are. into: The folder.
        calibrate: Divide its scores by the temperature that suits the validation photos (Guo et al. 2017): no answer
            changes, only how sure it is.
        unknown_below: Say `unknown` where the largest probability, calibrated if that was asked for, is below this one;
            ``auto`` takes the least that leaves few enough validation answers wrong.

    Raises:
        CallError: ``unknown_below`` is neither a probability nor ``auto``.
        ExportError: The artifact answers otherwise than the run did, or ``into`` cannot be written.
        DataError: ``into`` holds something else; or it is to be calibrated, and validation says nothing of how sure it
            should be; or it is to refuse, and validation can choose no threshold, or a class is named `unknown`.
        TransferError: Memory is too small.
    """
    if unknown_below is not None:
        refusing.check(unknown_below, run.labels)
    if not run.usable:
        raise ExportError("This run has nothing to export.", received=f"{run.id}, {run.status}: {run.reason}")
    check_model(into)
    temperature = _temperature(run) if calibrate else None
    group_of = folds.group_of(manifest.kept)
    validation, test = (
        _at(run.predictions(split).regrouped(group_of), temperature) for split in ("validation", "test")
    )
    refusal = None if unknown_below is None else refusing.decide(unknown_below, run.labels, validation, test)
    kept = _kept(run, validation, test)
    with enough_memory():
        network = rebuild(run).whole()
    with placing(into) as temporary, enough_memory():
        _save(Served(network, run.labels, run.facts["size"], temperature, refusal), temporary, into)
        asked = choose(run, kept, manifest, workspace)
        expected = asked.probabilities
        if run.rounded:
            expected = _unrounded(network, asked, run.facts["size"], temperature)
        difference, answered, refused = prove(temporary, asked, expected, run, refusal)
        exported = Exported(
            into,
            "saved_model",
            difference,
            len(asked.probabilities),
            temperature,
            refusal,
            refused,
            rounded=_rounded(answered, asked.probabilities) if run.rounded else None,
            earlier=not present([run], manifest),
        )
        (temporary / "labels.txt").write_text("".join(f"{label}\n" for label in run.labels), encoding="utf-8")
        (temporary / "README.md").write_text(card.model_card(run, manifest, exported), encoding="utf-8")
        (temporary / "CREDITS.csv").write_text(credits_csv(manifest), encoding="utf-8")
        (temporary / "CREDITS.md").write_text(credits_page(manifest), encoding="utf-8")
    return exported


def _temperature(run: Run) -> float:
    part = run.predictions("validation")
    if part.correct.all():  # also where there is none
        raise DataError(
            "Validation says nothing of how sure the model should be.",
            received=f"{len(part.truth)} validation photos, every one answered rightly",
            remedy="Export without --calibrate, or train with more validation photos.",
        )
    return scores.temperature(part.truth, part.probabilities)


def _at(part: Predictions, temperature: float | None) -> Predictions:
    """As the artifact gives them."""
    if temperature is None:
        return part
    return dataclasses.replace(part, probabilities=scores.tempered(part.probabilities, temperature).astype("float32"))


def _kept(run: Run, validation: Predictions, test: Predictions) -> Predictions:
    """What the artifact must answer."""
    if len(test.truth):
        return test
    if run.facts.get("refit"):
        raise ExportError(
            f"A refitted run {'without test photos' if run.done else 'that was interrupted'} has kept no answers of "
            "its final weights to prove itself by.",
            received=f"run {run.id}",
            remedy="Split with a test share, or compare without --refit."
            if run.done
            else "Run the same command again: it goes on from where it stood.",
        )
    return validation


def _save(served: Served, folder: Path, into: Path) -> None:
    try:
        signatures = {"serving_default": served.encoded, "images": served.images}
        tf.saved_model.save(served, str(folder), signatures=signatures)
    except tf.errors.OpError as error:  # a full disk among them, which TensorFlow calls as it calls full memory
        raise ExportError(
            f"The model cannot be written: {str(error.message).splitlines()[0]}.",
            received=into,
            remedy="Name a folder in another place, or give yourself the permission and the space to write there.",
        ) from error


def _unrounded(network: keras.Model, asked: Asked, size: int, temperature: float | None) -> numpy.ndarray:
    """What the run's network answers in float32 throughout."""
    pictures = numpy.stack([pixels.decode_resize(content, size).numpy() for content in asked.contents])
    answered = numpy.asarray(network.predict(pictures, batch_size=at_once(size), verbose=0))
    return answered if temperature is None else scores.tempered(answered, temperature).astype("float32")


def _rounded(answered: numpy.ndarray, kept: numpy.ndarray) -> Rounded:
    differing = int((answered.argmax(axis=1) != kept.argmax(axis=1)).sum())
    return Rounded(float(numpy.abs(answered - kept).max()), differing)
