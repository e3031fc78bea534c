"""Run -> SavedModel, proved by reading it back in a fresh process.

The artifact takes encoded bytes, or upright uint8 pictures of any size, and gives the label by name. It holds its
labels, its decoder, its resize and its preprocessing, and needs nothing but TensorFlow. It is not written until a fresh
process, in which neither this package nor Keras can be imported, has answered on real photos as the run did. Where it
is to be calibrated, that is as the run did at the temperature that its validation photos ask for.
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

import keras
import numpy
import tensorflow as tf

from transfer import pixels, scores
from transfer.credits import credits_csv, credits_page
from transfer.errors import DataError, ExportError
from transfer.exporting import card, proof
from transfer.manifest import Manifest
from transfer.models.rebuild import rebuild
from transfer.photo import Photo
from transfer.run import Predictions, Run
from transfer.workspace import Workspace, atomically

TOLERANCE = 1e-5
"""The largest difference of a probability between the artifact and the run that made it."""

CHECKED = 64
"""Photos that the artifact is asked about before it is trusted, at most."""


@dataclass(frozen=True)
class Exported:
    """An artifact and its proof.

    Attributes:
        path: The folder. format: ``saved_model``.
        max_difference: Of any class probability from the run's kept predictions. checked: On how many photos.
        temperature: That its probabilities were calibrated with; None where they are the run's own.
    """

    path: Path
    format: str
    max_difference: float
    checked: int
    temperature: float | None = None


class Served(tf.Module):
    """What is written: two functions from photos to names and probabilities."""

    def __init__(
        self, classifier: keras.Model, labels: Sequence[str], size: int, temperature: float | None = None
    ) -> None:
        super().__init__()
        self._size, self._temperature = size, temperature
        self.labels = tf.Variable(list(labels), trainable=False, name="labels")
        self._classifier = classifier
        # Keras' own objects would ask for Keras when they are read back; plain variables do not.
        self.weights = [variable.value for variable in classifier.variables]
        del self._classifier
        self._answer_pictures = tf.function(lambda pictures: classifier(pictures, training=False))

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, name="encoded")])
    def encoded(self, encoded: tf.Tensor) -> dict[str, tf.Tensor]:
        """JPEG, PNG, GIF, BMP or WebP files as bytes."""
        picture = tf.TensorSpec((self._size, self._size, 3), tf.uint8)
        return self._answer(
            tf.map_fn(lambda one: pixels.decode_resize(one, self._size), encoded, fn_output_signature=picture)
        )

    @tf.function(input_signature=[tf.TensorSpec((None, None, None, 3), tf.uint8, name="images")])
    def images(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """Upright RGB pictures of one size, whatever it is."""
        return self._answer(pixels.resize(images, self._size))

    def _answer(self, pictures: tf.Tensor) -> dict[str, tf.Tensor]:
        probabilities = self._answer_pictures(tf.ensure_shape(pictures, (None, self._size, self._size, 3)))
        if self._temperature is not None:  # as scores.tempered does it
            logits = tf.math.log(tf.clip_by_value(probabilities, scores.LEAST, 1.0))
            probabilities = tf.nn.softmax(logits / self._temperature)
        return {
            "label": tf.gather(self.labels, tf.argmax(probabilities, axis=1)),
            "probability": tf.reduce_max(probabilities, axis=1),
            "probabilities": probabilities,
            "labels": tf.identity(self.labels),
        }


def export(run: Run, workspace: Workspace, manifest: Manifest, *, into: Path, calibrate: bool = False) -> Exported:
    """Write the run's classifier as a SavedModel with its card and credits, once it has proved itself.

    Args:
        run: Whose. workspace, manifest: Where its photos are. into: The folder.
        calibrate: Divide its scores by the temperature that suits the validation photos (Guo et al. 2017): no answer
            changes, only how sure it is.

    Raises:
        ExportError: The artifact answers otherwise than the run did, or ``into`` holds something else.
        DataError: It is to be calibrated, and validation says nothing of how sure it should be.
    """
    _check_target(into)
    temperature = _temperature(run) if calibrate else None
    kept = _kept(run, temperature)
    served = Served(rebuild(run).whole(), run.labels, run.facts["size"], temperature)
    with atomically(into) as temporary:
        signatures = {"serving_default": served.encoded, "images": served.images}
        tf.saved_model.save(served, str(temporary), signatures=signatures)
        difference, checked = _prove(temporary, kept, manifest, workspace, run)
        exported = Exported(into, "saved_model", difference, checked, temperature)
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


def _kept(run: Run, temperature: float | None) -> Predictions:
    """What the artifact must answer."""
    kept = run.predictions("test")
    if not len(kept.truth):
        if run.facts.get("refit"):
            raise ExportError(
                "A refitted run without test photos has kept no answers of its final weights to prove itself by.",
                received=f"run {run.id}",
                remedy="Split with a test share, or compare without --refit.",
            )
        kept = run.predictions("validation")
    if temperature is None:
        return kept
    return dataclasses.replace(kept, probabilities=scores.tempered(kept.probabilities, temperature).astype("float32"))


def _prove(folder: Path, kept: Predictions, manifest: Manifest, workspace: Workspace, run: Run) -> tuple[float, int]:
    """Ask the artifact in a fresh process about real photos; the largest difference and how many were asked."""
    photos = {photo.id: photo for photo in manifest.photos}
    known = [row for row, id in enumerate(kept.photos) if id in photos]
    if not known:
        raise ExportError(
            "There is no photo left to prove the artifact on.",
            received=f"run {run.id}",
            remedy="Load the photos that the run was made from again.",
        )
    rows = [known[round(at)] for at in numpy.linspace(0, len(known) - 1, min(CHECKED, len(known)))]
    answers = _ask(folder, [photos[kept.photos[row]] for row in rows], workspace)
    for signature, probabilities in answers.items():
        difference = float(numpy.abs(probabilities - kept.probabilities[rows]).max())
        if not difference <= TOLERANCE:
            raise ExportError(
                f"The artifact's signature {signature!r} answers otherwise than the run did; nothing was written.",
                received=f"a probability off by {difference:.2g} (tolerance {TOLERANCE:g}) on {len(rows)} photos",
                remedy="Train the run again on this machine; if that does not help, please report it.",
            )
    return max(float(numpy.abs(p - kept.probabilities[rows]).max()) for p in answers.values()), len(rows)


def _ask(folder: Path, photos: Sequence[Photo], workspace: Workspace) -> dict[str, numpy.ndarray]:
    """Class probabilities by signature, from a process that knows only TensorFlow."""
    with tempfile.TemporaryDirectory(prefix="transfer-proof-") as name:
        scratch = Path(name)
        for number, photo in enumerate(photos):
            content = pixels.read_photo(workspace.photo_path(photo.file_name), photo.sha256)
            (scratch / f"{number:04d}.encoded").write_bytes(content)
            numpy.save(scratch / f"{number:04d}.npy", pixels.from_bytes(content))
        done = subprocess.run(
            [sys.executable, proof.__file__, str(folder), name], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise ExportError(
                "The artifact could not be read back in a fresh process; nothing was written.",
                received=(done.stderr.strip().splitlines() or ["no message"])[-1],
            )
        return {
            key: numpy.array(rows, "float32")
            for key, rows in json.loads((scratch / "answers.json").read_text()).items()
        }


def _check_target(into: Path) -> None:
    if into.exists() and not (into / "saved_model.pb").exists() and (not into.is_dir() or any(into.iterdir())):
        raise DataError(
            "There is something else where the model should go.",
            received=into,
            remedy="Name an empty or new folder, or one with an older export, which is replaced.",
        )
