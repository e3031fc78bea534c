"""Logbook: what a training tells while it runs.

One line an epoch, for who watches and for ``log.txt``; TensorBoard's files where they are asked for; and the checkpoint
after each epoch. A training needs none of it: without a logbook's arguments nothing is told and nothing kept.
"""

from __future__ import annotations

import contextlib
import datetime
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf

from transfer.progress import Progress, quiet
from transfer.training.checkpoint import Checkpoint, Checkpoints
from transfer.workspace import Workspace


class Logbook:
    """What is told of one training.

    Args:
        on_progress: Told ``(done, total, what)``. checkpoints: Where its standing is kept; None keeps none.
        tensorboard: Folder for TensorBoard's files; None writes none.

    Attributes:
        lines: What was told, each with its time.
    """

    def __init__(
        self,
        on_progress: Progress = quiet,
        *,
        checkpoints: Checkpoints | None = None,
        tensorboard: Path | None = None,
    ) -> None:
        self.progress = on_progress
        self.lines: list[str] = []
        self._begun, self._spent = time.perf_counter(), 0.0
        self._checkpoints = checkpoints
        self._writers: dict[str, Any] = {}
        self._tensorboard = tensorboard

    def say(self, text: str) -> None:
        """A line for ``log.txt``."""
        self.lines.append(f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d %H:%M:%S}  {text}")

    def epoch(self, row: Mapping[str, float], *, of: int, at: int, make: Callable[[], Checkpoint]) -> None:
        """An epoch is done.

        Args:
            row: Of the history. of: How many its phase may have. at: Its number over all phases.
            make: Where the training now stands.
        """
        text = describe(row)
        self.say(f"step {row['step'] + 1:.0f}, epoch {row['epoch']:.0f} of {of}: {text}, rate {row['rate']:.3g}")
        self.progress(int(row["epoch"]), of, f"training, {text}")
        if self._tensorboard is not None:
            self._scalars(row, at)
        if self._checkpoints is not None:
            self._checkpoints.offer(make)

    def checkpoint(self, fits: Callable[[Checkpoint], bool] = lambda found: True) -> Checkpoint | None:
        """Where an earlier try of the same training stood; its lines come first from now on.

        Args:
            fits: Whether the training can go on from one; it begins anew otherwise.
        """
        found = self._checkpoints.read() if self._checkpoints is not None else None
        if found is not None and not fits(found):
            found = None
        if found is not None:
            self.lines[:] = [*found.log, self.lines[-1]]
            self._spent = found.seconds
            self.say(f"going on after epoch {len(found.standing.history)} of step {found.step + 1}")
        return found

    def going_on(self, checkpoints: Checkpoints) -> Logbook:
        """The logbook of what comes after this training, in the same lines and with its own checkpoint."""
        after = Logbook(self.progress, checkpoints=checkpoints)
        after.lines, after._begun, after._spent = self.lines, self._begun, self._spent
        return after

    def seconds(self) -> float:
        """Since the training began, with what an earlier try had spent when its checkpoint was written."""
        return self._spent + time.perf_counter() - self._begun

    def write(self, workspace: Workspace, path: Path) -> None:
        """Keep what was told so far."""
        workspace.write_text(path, "".join(f"{line}\n" for line in self.lines))

    def begin_anew(self) -> None:
        """What was kept of the training so far is of no use to a later try."""
        if self._checkpoints is not None:
            self._checkpoints.clear()

    def close(self) -> None:
        for writer in self._writers.values():
            with contextlib.suppress(tf.errors.OpError):  # a full disk ends the curves, not the run
                writer.close()

    def _scalars(self, row: Mapping[str, float], at: int) -> None:
        parts = {
            "train": {"epoch_loss": row["loss"], "epoch_accuracy": row["accuracy"], "epoch_learning_rate": row["rate"]},
            "validation": {
                f"epoch_{name}": row[f"validation_{name}"]
                for name in ("loss", "accuracy")
                if f"validation_{name}" in row
            },
        }
        for part, scalars in parts.items():
            if scalars and part not in self._writers:
                self._writers[part] = tf.summary.create_file_writer(str(self._tensorboard / part))  # type: ignore[operator]
            for name, value in scalars.items():
                with self._writers[part].as_default():  # tf.summary.scalar would ask for TensorBoard itself
                    tf.summary.write(name, tf.constant(value, "float32"), step=at, metadata=_scalar())
            if scalars:
                self._writers[part].flush()


def _scalar() -> Any:
    """What tells TensorBoard to draw a curve."""
    metadata = tf.compat.v1.SummaryMetadata()
    metadata.plugin_data.plugin_name = "scalars"
    return metadata


def describe(row: Mapping[str, float]) -> str:
    """An epoch in words: losses, and accuracy in percent."""
    text = f"loss {row['loss']:.3f}"
    if "validation_loss" in row:
        text += f", validation loss {row['validation_loss']:.3f}, {100 * row['validation_accuracy']:.1f} % right"
    return text
