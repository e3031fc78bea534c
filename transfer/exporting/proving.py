"""Proving: an artifact is asked about real photos in a fresh process, and must answer as the run did.

It owns the photos that are asked about, the tolerance and the comparison; ``proof`` is the program that asks. Whatever
the two signatures answer is compared: names, probabilities and labels.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy

from transfer import pixels
from transfer.errors import ExportError
from transfer.exporting import proof
from transfer.exporting.refusing import UNKNOWN, Refusing
from transfer.manifest import Manifest
from transfer.models.asking import at_once
from transfer.run import Predictions, Run
from transfer.workspace import Workspace

TOLERANCE = 1e-5
"""The largest difference of a probability between the artifact and the run that made it."""

CHECKED = 64
"""Photos that the artifact is asked about before it is trusted, at most."""

_LOST = ("missing", "unreadable")
"""Reasons of photos whose files are gone, or no longer what they were."""


@dataclass(frozen=True)
class Asked:
    """The photos that the artifact is asked about: their bytes, and what the run answered to them."""

    contents: tuple[bytes, ...]
    probabilities: numpy.ndarray


def choose(run: Run, kept: Predictions, manifest: Manifest, workspace: Workspace) -> Asked:
    """Up to ``CHECKED`` of the kept predictions, spread over all of them whose photos are still there.

    Raises:
        ExportError: There is none. DataError: A photo is gone or has changed since the photos were last looked at.
    """
    photos = {photo.id: photo for photo in manifest.photos if photo.reason not in _LOST}
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
    return Asked(contents, kept.probabilities[rows])


def prove(
    folder: Path, asked: Asked, expected: numpy.ndarray, run: Run, refusal: Refusing | None
) -> tuple[float, numpy.ndarray, int]:
    """Ask the artifact in a fresh process; the largest difference, its answers, and how many photos were refused.

    Args:
        folder: The artifact. asked: About which photos. expected: Class probabilities ``(n, C)`` that it must give.
        run: Whose labels it has. refusal: When it must say `unknown`; None where it never may.

    Raises:
        ExportError: It answers otherwise, or cannot be asked.
    """
    largest, refused, photos = 0.0, 0, len(asked.contents)
    probabilities = expected
    for signature, answer in _ask(folder, asked.contents, run.facts["size"]).items():
        probabilities = numpy.array(answer["probabilities"], "float32")
        difference = float(numpy.abs(probabilities - expected).max())
        # By the artifact's own probabilities: one a hair from the threshold may lie on the run's other side of it.
        said = _names(run.labels, probabilities) if refusal is None else refusal.said(run.labels, probabilities)
        if fault := _fault(answer, difference, probabilities, said, run.labels):
            raise ExportError(
                f"The artifact's signature {signature!r} answers otherwise than the run did; nothing was written.",
                received=f"{fault} on {photos} photos",
                remedy="Train the run again on this machine; if that does not help, please report it.",
            )
        largest, refused = max(largest, difference), 0 if refusal is None else said.count(UNKNOWN)
    return largest, probabilities, refused


def _names(labels: Sequence[str], probabilities: numpy.ndarray) -> list[str]:
    return [labels[at] for at in probabilities.argmax(axis=1)]


def _fault(
    answer: dict[str, list[Any]],
    difference: float,
    probabilities: numpy.ndarray,
    said: Sequence[str],
    labels: Sequence[str],
) -> str | None:
    """What a signature answers otherwise than it should."""
    if not difference <= TOLERANCE:
        return f"a probability off by {difference:.2g} (tolerance {TOLERANCE:g})"
    if answer["labels"] != list(labels):
        return f"the labels {', '.join(answer['labels'])} instead of {', '.join(labels)}"
    largest = probabilities.max(axis=1)
    for named, expected, given, greatest in zip(answer["label"], said, answer["probability"], largest, strict=True):
        if named != expected:
            return f"{named!r} instead of {expected!r}"
        if given != greatest:
            return f"the probability {given:.6g} where the largest is {greatest:.6g}"
    return None


def _ask(folder: Path, contents: Sequence[bytes], size: int) -> dict[str, dict[str, list[Any]]]:
    """All that each signature answers, from a process that knows only TensorFlow."""
    try:
        with tempfile.TemporaryDirectory(prefix="transfer-proof-") as name:
            scratch = Path(name)
            for number, content in enumerate(contents):
                (scratch / f"{number:04d}.encoded").write_bytes(content)
                # Reduced as in training: of all pixels of a large JPEG the answer is a little different.
                numpy.save(scratch / f"{number:04d}.npy", pixels.from_bytes(content, size))
            command = [sys.executable, proof.__file__, str(folder), name, str(at_once(size))]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise _unanswered(done)
            answers: dict[str, dict[str, list[Any]]] = json.loads((scratch / "answers.json").read_bytes())
            return answers
    except OSError as error:
        raise ExportError(
            f"The fresh process that was to prove the artifact cannot be started: {error.strerror or error}.",
            received=error.filename or tempfile.gettempdir(),
            remedy="Free some space and memory, or let TMPDIR name a folder for temporary files where there is space.",
        ) from error


def _unanswered(done: subprocess.CompletedProcess[str]) -> ExportError:
    if done.returncode < 0:
        return ExportError(
            "The fresh process that was to prove the artifact was killed, perhaps for want of memory; nothing was "
            "written.",
            received=f"signal {-done.returncode}",
            remedy="End other programs that hold memory, or export on a machine that has more.",
        )
    return ExportError(
        "The artifact could not be read back in a fresh process; nothing was written.",
        received=(done.stderr.strip().splitlines() or ["no message"])[-1],
    )
