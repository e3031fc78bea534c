"""Answers for photos outside a workspace, from a run or from an exported SavedModel.

Both go through the same bytes, so both give the same answers. A photo that cannot be read is an answer with an error;
it never stops the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy
import tensorflow as tf

from transfer import pixels
from transfer.errors import DataError
from transfer.models.asking import at_once, enough_memory
from transfer.models.rebuild import rebuild
from transfer.run import Run

Answer = Callable[[list[bytes]], tuple[list[str], numpy.ndarray]]
"""Photos as bytes -> what is said of each, and class probabilities ``(n, C)``."""


@dataclass(frozen=True)
class _Opened:
    """A model that can be asked: its classes, the side of its input in pixels, and how it answers."""

    labels: tuple[str, ...]
    size: int
    answer: Answer


@dataclass(frozen=True)
class Prediction:
    """The answer for one file.

    Attributes:
        file: As it was named. probability: Of the most probable class.
        label: That class, or `unknown` where an exported model refuses to name one.
        top: The most probable classes with their probabilities, best first.
        error: Why there is no answer.
    """

    file: str
    label: str | None = None
    probability: float | None = None
    top: tuple[tuple[str, float], ...] = ()
    error: str | None = None

    @property
    def refused(self) -> bool:
        """Whether the model answered without naming a class."""
        return self.error is None and self.label != self.top[0][0]

    def to_dict(self) -> dict[str, Any]:
        """The fields that ``--json`` promises."""
        if self.error is not None:
            return {"file": self.file, "error": self.error}
        top = [list(pair) for pair in self.top]
        return {"file": self.file, "label": self.label, "probability": self.probability, "top": top}


def predict(model: Path, files: Sequence[Path], *, top: int = 5) -> Iterator[Prediction]:
    """One prediction for each file, in their order; each batch is answered when its first prediction is asked for.

    Args:
        model: The folder of a run or of an exported SavedModel; it is opened at once.
        files: Photos. top: How many classes to name.

    Raises:
        DataError: ``model`` is neither, or a SavedModel that answers otherwise. TransferError: Memory is too small.
    """
    with enough_memory():
        opened = _open(model)
    return _predictions(opened, files, top)


def _predictions(opened: _Opened, files: Sequence[Path], top: int) -> Iterator[Prediction]:
    batch = at_once(opened.size)
    for start in range(0, len(files), batch):
        chunk = [(file, *_read(file)) for file in files[start : start + batch]]
        good = [content for _, content, error in chunk if error is None and content is not None]
        with enough_memory():
            said = iter(zip(*opened.answer(good), strict=True)) if good else iter(())
        for file, _, error in chunk:
            if error is not None:
                yield Prediction(str(file), error=error)
            else:
                yield _name(str(file), *next(said), opened.labels, top)


def _open(model: Path) -> _Opened:
    if (model / "run.json").exists():
        return _open_run(Run.read(model))
    if (model / "saved_model.pb").exists():
        return _open_export(model)
    raise DataError(
        "This is neither a run nor an exported model.",
        received=model,
        remedy="Name a folder WS/runs/ID, or one that `transfer export` wrote.",
    )


def _open_run(run: Run) -> _Opened:
    whole, size = rebuild(run).whole(), run.facts["size"]
    signature = tf.TensorSpec((None, size, size, 3), tf.uint8)
    function = tf.function(lambda pictures: whole(pictures, training=False)).get_concrete_function(signature)

    def answer(contents: list[bytes]) -> tuple[list[str], numpy.ndarray]:
        pictures = tf.stack([pixels.decode_resize(tf.constant(content), size) for content in contents])
        probabilities = function(pictures).numpy()
        return [run.labels[at] for at in probabilities.argmax(axis=1)], probabilities

    return _Opened(run.labels, size, answer)


def _open_export(folder: Path) -> _Opened:
    served = _served(folder)
    function = served.signatures["serving_default"]

    def answer(contents: list[bytes]) -> tuple[list[str], numpy.ndarray]:
        answers = function(encoded=tf.constant(contents))
        return [label.decode() for label in answers["label"].numpy()], answers["probabilities"].numpy()

    answer.served = served  # type: ignore[attr-defined]  # the function alone would not keep its variables alive
    return _Opened(tuple(label.decode() for label in served.labels.numpy()), _size(served), answer)


def _served(folder: Path) -> Any:
    """An exported model as TensorFlow reads it.

    Raises:
        DataError: It cannot be read, or takes or gives something else: another program wrote it.
    """
    reason = "it takes or gives something else"
    try:
        served = tf.saved_model.load(str(folder))
        if _is_ours(served):
            return served
    except (OSError, ValueError, RuntimeError, tf.errors.OpError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    raise DataError(
        "This SavedModel is damaged, or `transfer export` did not write it.",
        received=f"{folder}: {reason}",
        remedy="Name a folder WS/runs/ID, or one that `transfer export` wrote.",
    )


def _is_ours(served: Any) -> bool:
    try:
        function = served.signatures["serving_default"]
        takes, gives = function.structured_input_signature[1], function.structured_outputs
        named: bool = takes.keys() == {"encoded"} and gives.keys() >= {"label", "probabilities"}
        return named and served.labels.dtype == "string" and _size(served) > 0
    except (KeyError, AttributeError, IndexError, TypeError):
        return False


def _size(served: Any) -> int:
    """Side of the input of the network inside, in pixels: both signatures take photos of any size."""
    (pictures,), _ = served._answer_pictures.concrete_functions[0].structured_input_signature
    return int(pictures.shape[1])


def _read(file: Path) -> tuple[bytes | None, str | None]:
    """A file's bytes once they are known to decode, or why there are none."""
    try:
        content = pixels.read_photo(file, None)
        pixels.from_bytes(content)
    except DataError as error:
        return None, str(error)
    return content, None


def _name(file: str, label: str, row: numpy.ndarray, labels: Sequence[str], top: int) -> Prediction:
    order = numpy.argsort(-row, kind="stable")[: max(1, top)]
    best = tuple((labels[at], float(row[at])) for at in order)
    return Prediction(file, label, best[0][1], top=best)
