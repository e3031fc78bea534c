"""Engine: the frozen part of a network, for answers only, as fast as the machine can.

    openvino      on a CPU where it is installed: pictures in batches of up to 16, one under way for each core
    tensorflow    on a CPU where it is not: the graph with its weights made constants, so that batch norm is folded away
    keras         on a GPU

A batch is as large as pays, and smaller where a network's maps are so large that it would take more than its share of
the memory. What does not fit all the same is halved. An engine's first answers are checked against Keras'. OpenVINO's
network is kept as a file, so that a second start needs neither Keras' network nor the conversion. Pictures are copied
into the request's own memory: OpenVINO 2026 was seen to write into arrays that were shared with it.
"""

from __future__ import annotations

import importlib.util
import json
import math
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Protocol

import keras
import numpy
import tensorflow as tf

from transfer.errors import CallError, TrainingError
from transfer.grid import ENGINES
from transfer.training import room

AGREEMENT = 1e-4
"""Largest difference to Keras in float32, as a share of the largest value. Sums in another order were seen to
make 7e-6 in averages and 3.2e-5 in the maxima that are kept beside them (MobileNetV2, real photos); a wrong network is
a tenth off."""

AGREES = "agrees"
"""Said beside a converted network once it has answered as Keras does; until then every start asks it."""

BATCH = 16
"""Pictures that OpenVINO is given at once, at most: more gained nothing."""

GRAPH_BATCH = 32
"""Pictures that a TensorFlow function is given at once, at most."""


class Engine(Protocol):
    """A network that answers.

    Attributes:
        shape: Of one answer. dtype: Its numbers. batch: Pictures that it wants at once.
        facts: Parameters of the network, and milliseconds for one picture alone in TensorFlow, as it is served.
    """

    shape: tuple[int, ...]
    dtype: str
    batch: int
    facts: dict[str, float]

    def answers(self, batches: Iterable[numpy.ndarray]) -> Iterator[numpy.ndarray]:
        """The answers to uint8 pictures ``(any number, size, size, 3)``, in their order, some at a time."""
        ...


def usual() -> str:
    """The fastest engine that this machine has, or the one that TRANSFER_ENGINE names."""
    if named := os.environ.get("TRANSFER_ENGINE"):
        return named
    if tf.config.list_physical_devices("GPU"):
        return "keras"
    return "openvino" if importlib.util.find_spec("openvino") else "tensorflow"


def build(
    name: str, precision: str, network: Callable[[], keras.Model], *, size: int, kept: Path, keep: Callable[..., Any]
) -> Engine:
    """The network in this engine.

    Args:
        name: Of the engine.
        precision: ``float32``; or ``bfloat16`` in OpenVINO where the CPU has it, and in Keras, where the network is
            built in that policy.
        network: Builds it in Keras.
        size: Side of its pictures. kept: Where a converted network lies, or is to lie, without ``.xml``.
        keep: ``workspace.replacing``: a temporary file that takes its place when it is whole.

    Raises:
        CallError: The engine is unknown or not installed, or has no such precision here.
    """
    check(name, precision)
    if name == "openvino":
        return OpenVino(precision, network, size=size, kept=kept, keep=keep)
    return Graph(network(), constant=name == "tensorflow")


def check(name: str, precision: str) -> None:
    """Say why this engine cannot be built here, without building it; see ``build``.

    Raises:
        CallError: The engine is unknown or not installed, or has no such precision here.
    """
    if name not in ENGINES:
        raise CallError("There is no such engine.", received=name, remedy=f"Known: {', '.join(ENGINES)}.")
    if name == "tensorflow" and precision != "float32":
        raise CallError(
            "This engine knows float32 only.", received=f"{name} in {precision}", remedy="Use --engine openvino."
        )
    if name == "openvino" and not importlib.util.find_spec("openvino"):
        remedy = "Run `pip install 'transfer[cpu]'`, or use --engine tensorflow."
        raise CallError("OpenVINO is not installed.", received=f"--engine {name}", remedy=remedy)
    if name == "openvino" and precision == "bfloat16":
        import openvino

        can = openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        if "BF16" not in can:  # asked for it, OpenVINO would compute in float32
            raise CallError(
                "This processor does not compute in bfloat16.",
                received=f"one that knows {', '.join(sorted(can))}",
                remedy="Leave out --precision bfloat16.",
            )


class Graph:
    """The network as one TensorFlow function, its weights constants where they will not change.

    Batches that find no memory are halved, and later ones are no larger.
    """

    def __init__(self, model: keras.Model, *, constant: bool = False) -> None:
        self.shape, self.dtype = tuple(model.output.shape[1:]), _kept_as(str(model.output.dtype))
        function = _function(model)
        self.facts = _facts(model, function)
        self.batch = room.fitting(GRAPH_BATCH, room.largest_map(function), room=room.threads() * room.EACH)
        self._answer = _constant(function) if constant and model.count_params() else function

    def answers(self, batches: Iterable[numpy.ndarray]) -> Iterator[numpy.ndarray]:
        for pictures in batches:
            done = 0
            while done < len(pictures):
                some = pictures[done : done + self.batch]
                try:
                    answer = self._answer(tf.constant(some)).numpy()
                except tf.errors.ResourceExhaustedError:
                    if len(some) == 1:
                        raise
                    self.batch = len(some) // 2
                    continue
                done += len(some)
                yield answer.astype(self.dtype, copy=False)


class OpenVino:
    """The network in OpenVINO."""

    def __init__(
        self, precision: str, network: Callable[[], keras.Model], *, size: int, kept: Path, keep: Callable[..., Any]
    ) -> None:
        import openvino

        core = openvino.Core()
        # A converted network has something to prove until it has proved it, and only in Keras' own precision.
        self._reference: Any = None
        self._told, self._keep = kept.with_suffix(".json"), keep
        file = kept.with_suffix(".xml")
        if not file.exists() or (precision == "float32" and not self._read().get(AGREES)):
            model = network()
            function = _function(model)
            self._reference = function if precision == "float32" else None
            if not file.exists():
                _convert(function, _facts(model, function), kept, keep)
        self.facts = {name: value for name, value in self._read().items() if name != AGREES}
        read = core.read_model(file)
        read.reshape([1, size, size, 3])
        self.batch = room.fitting(BATCH, _largest_map_in(read), room=room.EACH)
        read.reshape([self.batch, size, size, 3])
        threads = room.threads()
        hint = {"float32": "f32", "bfloat16": "bf16"}[precision]
        # As many batches under way as this worker has cores, since each takes memory; but all cores of the machine,
        # since the other workers wait for these answers more often than they compute.
        settings = {"INFERENCE_PRECISION_HINT": hint, "NUM_STREAMS": threads, "INFERENCE_NUM_THREADS": _cores()}
        compiled = core.compile_model(read, "CPU", settings)
        self.shape, self.dtype = tuple(read.output(0).shape)[1:], "float32"
        self._requests = [compiled.create_infer_request() for _ in range(threads + 1)]

    def answers(self, batches: Iterable[numpy.ndarray]) -> Iterator[numpy.ndarray]:
        free, under_way = list(self._requests), deque[tuple[Any, int]]()
        for pictures in batches:
            if not free:
                request, photos = under_way.popleft()
                yield _taken(request, photos)
                free.append(request)
            request = free.pop()
            self._check(request, pictures)
            _give(request, pictures)
            request.start_async()
            under_way.append((request, len(pictures)))
        for request, photos in under_way:
            yield _taken(request, photos)

    def _check(self, request: Any, pictures: numpy.ndarray) -> None:
        """The first answers against Keras'."""
        if self._reference is None:
            return
        reference, self._reference = self._reference, None
        _give(request, pictures)
        request.infer()
        ours, theirs = request.get_output_tensor().data[: len(pictures)], reference(tf.constant(pictures)).numpy()
        off, largest = float(numpy.abs(ours - theirs).max()), float(numpy.abs(theirs).max())
        if not off <= AGREEMENT * largest:
            raise TrainingError(
                "OpenVINO does not answer as Keras does.",
                received=f"a difference of {off:.2g} where the largest value is {largest:.2g}",
                remedy="Use --engine tensorflow.",
            )
        with self._keep(self._told) as told:
            told.write_text(json.dumps(self.facts | {AGREES: True}), encoding="utf-8")

    def _read(self) -> dict[str, Any]:
        """What was told of the network when it was converted, and whether it has answered as Keras does since."""
        told: dict[str, Any] = json.loads(self._told.read_text(encoding="utf-8"))
        return told


def _cores() -> int:
    """All of the machine, or as many as a cluster gives a task: Ray says so by OMP_NUM_THREADS."""
    return int(os.environ.get("OMP_NUM_THREADS", "").partition(",")[0] or os.cpu_count() or 1)


def _largest_map_in(network: Any) -> int:
    """Bytes of the largest map in a network of OpenVINO's that is shaped for one picture."""
    layers = (layer for layer in network.get_ops() if layer.get_type_name() != "Constant")
    outputs = (output for layer in layers for output in layer.outputs() if output.get_partial_shape().is_static)
    return max((math.prod(output.get_shape()) * output.get_element_type().size for output in outputs), default=0)


def median_ms(act: Callable[[], object]) -> float:
    """Median milliseconds of doing something, after doing it once."""
    act()
    seconds = []
    for _ in range(9):
        begun = time.perf_counter()
        act()
        seconds.append(time.perf_counter() - begun)
    return round(1000 * sorted(seconds)[4], 3)


def _function(model: keras.Model) -> Any:
    signature = tf.TensorSpec((None, *model.input.shape[1:]), model.input.dtype)
    answer = tf.function(lambda pictures: model(pictures, training=False), autograph=False)
    return answer.get_concrete_function(signature)


def _kept_as(dtype: str) -> str:
    """Numpy's name for what is written: it has none for bfloat16."""
    return "float32" if dtype == "bfloat16" else dtype


def _constant(function: Any) -> Callable[[Any], Any]:
    """The same function with its weights as constants."""
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    frozen = convert_variables_to_constants_v2(function)
    return lambda pictures: frozen(pictures)[0]


def _facts(model: keras.Model, function: Any) -> dict[str, float]:
    one = tf.zeros((1, *model.input.shape[1:]), model.input.dtype)
    return {"parameters": model.count_params(), "latency_ms": median_ms(lambda: function(one).numpy())}


def _convert(function: Any, facts: dict[str, float], kept: Path, keep: Callable[..., Any]) -> None:
    """To files of OpenVINO's, weights in float32; the description is written last, so with it all are whole."""
    import openvino

    with keep(kept.with_suffix(".json")) as told:
        told.write_text(json.dumps(facts), encoding="utf-8")

    converted = openvino.convert_model(function)
    with keep(kept.with_suffix(".bin")) as weights:
        description = weights.with_suffix(".xml")
        openvino.save_model(converted, description, compress_to_fp16=False)
        text = description.read_bytes()
        description.unlink()
    with keep(kept.with_suffix(".xml")) as whole:
        whole.write_bytes(text)


def _give(request: Any, pictures: numpy.ndarray) -> None:
    memory = request.get_input_tensor().data
    memory[: len(pictures)] = pictures
    memory[len(pictures) :] = 0


def _taken(request: Any, photos: int) -> numpy.ndarray:
    request.wait()
    return request.get_output_tensor().data[:photos].copy()
