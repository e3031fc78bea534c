"""Run -> SavedModel, proved by reading it back in a fresh process.

The artifact takes encoded bytes, or upright uint8 pictures of any size, and gives the label by name. It holds its
labels, its decoder, its resize and its preprocessing, and needs nothing but TensorFlow. It is not written until a fresh
process, in which neither this package nor Keras can be imported, has answered on real photos as the run did. Where it
is to be calibrated, that is as the run did at the temperature that its validation photos ask for. Where it may refuse,
it must also have said `unknown` of the photos that it should, and of no other.
"""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy
import tensorflow as tf

from transfer import pixels, scores
from transfer.credits import credits_csv, credits_page
from transfer.errors import DataError, ExportError
from transfer.exporting import card, proof, refusing
from transfer.exporting.refusing import UNKNOWN, Refusing
from transfer.exporting.served import Served
from transfer.exporting.target import placing, reaching
from transfer.manifest import Manifest
from transfer.models.rebuild import rebuild
from transfer.run import Predictions, Run
from transfer.workspace import Workspace

TOLERANCE = 1e-5
"""The largest difference of a probability between the artifact and the run that made it."""

CHECKED = 64
"""Photos that the artifact is asked about before it is trusted, at most."""


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
    """

    path: Path
    format: str
    max_difference: float
    checked: int
    temperature: float | None = None
    refusing: Refusing | None = None
    refused: int = 0
    rounded: Rounded | None = None


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
    """
    if unknown_below is not None:
        refusing.check(unknown_below, run.labels)
    if not run.usable:
        raise ExportError("This run has nothing to export.", received=f"{run.id}, {run.status}: {run.reason}")
    with reaching(into):
        _check_target(into)
    temperature = _temperature(run) if calibrate else None
    group_of = {photo.id: photo.group or photo.sha256 for photo in manifest.photos}
    validation, test = (
        _at(run.predictions(split).regrouped(group_of), temperature) for split in ("validation", "test")
    )
    refusal = None if unknown_below is None else refusing.decide(unknown_below, run.labels, validation, test)
    kept = _kept(run, validation, test)
    network = rebuild(run).whole()
    served = Served(network, run.labels, run.facts["size"], temperature, refusal)
    with placing(into) as temporary:
        signatures = {"serving_default": served.encoded, "images": served.images}
        tf.saved_model.save(served, str(temporary), signatures=signatures)
        asked = _asked(run, kept, manifest, workspace)
        expected = asked.probabilities
        if run.rounded:
            expected = _unrounded(network, asked, run.facts["size"], temperature)
        difference, answered, refused = _prove(temporary, asked, expected, run, refusal)
        rounded = _rounded(answered, asked.probabilities) if run.rounded else None
        checked = len(asked.probabilities)
        exported = Exported(into, "saved_model", difference, checked, temperature, refusal, refused, rounded)
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


@dataclass(frozen=True)
class _Asked:
    """The photos that the artifact is asked about: their bytes, and what the run answered to them."""

    contents: tuple[bytes, ...]
    probabilities: numpy.ndarray


def _asked(run: Run, kept: Predictions, manifest: Manifest, workspace: Workspace) -> _Asked:
    """Up to ``CHECKED`` of the kept predictions, spread over all of them."""
    photos = {photo.id: photo for photo in manifest.photos}
    known = [row for row, id in enumerate(kept.photos) if id in photos]
    if not known:
        raise ExportError(
            "There is no photo left to prove the artifact on.",
            received=f"run {run.id}",
            remedy="Load the photos that the run was made from again.",
        )
    rows = [known[round(at)] for at in numpy.linspace(0, len(known) - 1, min(CHECKED, len(known)))]
    chosen = [photos[kept.photos[row]] for row in rows]
    contents = tuple(pixels.read_photo(workspace.photo_path(photo.file_name), photo.sha256) for photo in chosen)
    return _Asked(contents, kept.probabilities[rows])


def _unrounded(network: keras.Model, asked: _Asked, size: int, temperature: float | None) -> numpy.ndarray:
    """What the run's network answers in float32 throughout."""
    pictures = numpy.stack([pixels.decode_resize(content, size).numpy() for content in asked.contents])
    answered = numpy.asarray(network.predict(pictures, verbose=0))
    return answered if temperature is None else scores.tempered(answered, temperature).astype("float32")


def _rounded(answered: numpy.ndarray, kept: numpy.ndarray) -> Rounded:
    differing = int((answered.argmax(axis=1) != kept.argmax(axis=1)).sum())
    return Rounded(float(numpy.abs(answered - kept).max()), differing)


def _prove(
    folder: Path, asked: _Asked, expected: numpy.ndarray, run: Run, refusal: Refusing | None
) -> tuple[float, numpy.ndarray, int]:
    """Ask the artifact in a fresh process; the largest difference, its answers, and how many photos were refused."""
    largest, refused, photos = 0.0, 0, len(asked.contents)
    probabilities = expected
    for signature, answer in _ask(folder, asked.contents, run.facts["size"]).items():
        probabilities = numpy.array(answer["probabilities"], "float32")
        difference = float(numpy.abs(probabilities - expected).max())
        if not difference <= TOLERANCE:
            raise _otherwise(signature, f"a probability off by {difference:.2g} (tolerance {TOLERANCE:g})", photos)
        # By the artifact's own probabilities: one a hair from the threshold may lie on the run's other side of it.
        said = _names(run.labels, probabilities) if refusal is None else refusal.said(run.labels, probabilities)
        wrong = [pair for pair in zip(answer["label"], said, strict=True) if pair[0] != pair[1]]
        if wrong:
            raise _otherwise(signature, f"{wrong[0][0]!r} instead of {wrong[0][1]!r}", photos)
        largest, refused = max(largest, difference), 0 if refusal is None else said.count(UNKNOWN)
    return largest, probabilities, refused


def _names(labels: Sequence[str], probabilities: numpy.ndarray) -> list[str]:
    return [labels[at] for at in probabilities.argmax(axis=1)]


def _otherwise(signature: str, received: str, photos: int) -> ExportError:
    return ExportError(
        f"The artifact's signature {signature!r} answers otherwise than the run did; nothing was written.",
        received=f"{received} on {photos} photos",
        remedy="Train the run again on this machine; if that does not help, please report it.",
    )


def _ask(folder: Path, contents: Sequence[bytes], size: int) -> dict[str, dict[str, list[Any]]]:
    """Labels and class probabilities by signature, from a process that knows only TensorFlow."""
    with tempfile.TemporaryDirectory(prefix="transfer-proof-") as name:
        scratch = Path(name)
        for number, content in enumerate(contents):
            (scratch / f"{number:04d}.encoded").write_bytes(content)
            # Reduced as in training: of all pixels of a large JPEG the answer is a little different.
            numpy.save(scratch / f"{number:04d}.npy", pixels.from_bytes(content, size))
        done = subprocess.run(
            [sys.executable, proof.__file__, str(folder), name], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise ExportError(
                "The artifact could not be read back in a fresh process; nothing was written.",
                received=(done.stderr.strip().splitlines() or ["no message"])[-1],
            )
        answers: dict[str, dict[str, list[Any]]] = json.loads((scratch / "answers.json").read_text(encoding="utf-8"))
        return answers


def _check_target(into: Path) -> None:
    if into.exists() and not (into / "saved_model.pb").exists() and (not into.is_dir() or any(into.iterdir())):
        raise DataError(
            "There is something else where the model should go.",
            received=into,
            remedy="Name an empty or new folder, or one with an older export, which is replaced.",
        )
