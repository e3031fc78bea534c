"""Devices: in which precision a trial computes, and on how many of them at once.

On a CPU all training is in float32: bfloat16 and XLA were both measured to slow it down there. On a GPU ``--precision
bfloat16`` means Keras' ``mixed_bfloat16``, the frozen part and what is trained alike: weights and what comes out stay
float32, and no loss needs scaling. XLA is left to Keras, which takes it on a GPU unless every bit is to be the same.

Several GPUs in one machine train one arm together: each makes a share of every batch, and the gradients are added
(``MirroredStrategy``). Batch norm that is trained then sees its own share only.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator

import keras
import tensorflow as tf

from transfer.errors import CallError


def policy(engine: str, precision: str) -> str:
    """Keras' name for how a trial computes what Keras computes."""
    return "mixed_bfloat16" if (engine, precision) == ("keras", "bfloat16") else "float32"


@contextlib.contextmanager
def computing(engine: str, precision: str, *, gpus: int | None) -> Iterator[None]:
    """A context in which networks are built and trained so.

    Args:
        engine, precision: Of the plan. gpus: How many train together; None for one, or none where there is none.

    Raises:
        CallError: There are not so many.
    """
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy(engine, precision))
    try:
        with _together(gpus).scope() if gpus and gpus > 1 else contextlib.nullcontext():
            yield
    finally:
        keras.config.set_dtype_policy(before)


def together() -> int:
    """How many devices train together here."""
    return int(tf.distribute.get_strategy().num_replicas_in_sync)


def shared(photos: int, *, up: bool = False) -> int:
    """So many photos, or a few less (more, if ``up``), of which every device that trains here gets as many."""
    number = together()
    return max(number, (photos + (number - 1 if up else 0)) // number * number)


def ahead(batches: tf.data.Dataset) -> tf.data.Dataset:
    """The same batches, the next two of them already on the GPU while it computes; without one, as they come.

    Several that train together are each handed their share by the strategy, which would undo it. The length of what
    is copied is no longer known to TensorFlow.
    """
    if together() > 1 or not (devices := _devices()):
        return batches
    return batches.apply(tf.data.experimental.copy_to_device(devices[0])).prefetch(2)


def choose(number: int) -> None:
    """Let this process use one GPU of the machine's, in turn, and of its memory no more than it needs."""
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        own = gpus[number % len(gpus)]
        tf.config.set_visible_devices([own], "GPU")
        tf.config.experimental.set_memory_growth(own, True)


@functools.cache
def _together(gpus: int) -> tf.distribute.Strategy:
    """One for each number: what was traced in a strategy's scope is of use in that strategy only."""
    found = _devices()
    if len(found) < gpus:
        raise CallError("There are not so many GPUs.", received=f"{gpus}, of {len(found)}", remedy="Ask for fewer.")
    return tf.distribute.MirroredStrategy(found[:gpus])


def _devices() -> list[str]:
    return [device.name for device in tf.config.list_logical_devices("GPU")]
