"""An epoch of the last stage and the head: from kept activations, and as plain Keras with the same layers frozen.

Plain Keras has the same network, seed, photo order and Adam; its pictures lie decoded in memory, which favours it, and
it runs in a process of its own. What is possible is a step of the whole network against a step of the top stage alone,
both on arrays in memory. Steps are measured after every epoch, on a copy, and an epoch is divided by the step that
followed it: a machine that is slower for a minute is so for both. Head and weights are random and nothing is dropped,
so the losses can be compared epoch by epoch; ours are shown with the machine's usual engine for the frozen part, and
with Keras'.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy

from _bench_training.measuring import apart, exhaust, median, photos_in, spent, spread, table, tell, title, weights_of
from transfer.photo import Photo

BATCH, RATE, STEPS = 32, 1e-4, 4


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path)
    parser.add_argument("--photos", type=int, default=320)
    parser.add_argument("--backbones", nargs="+", default=["vgg16", "resnet50"])
    parser.add_argument("--epochs", type=int, default=0, help="[default: one more than rounds; the first is traced]")


def run(asked: argparse.Namespace) -> None:
    print(title("Fine-tuning the last stage"))
    epochs = asked.epochs or asked.rounds + 1
    photos = photos_in(asked.folder, asked.photos)
    times, curves = [], []
    for name in asked.backbones:
        tell(f"{name}: plain Keras")
        plain = apart(train_plainly, name, photos, epochs)
        for engine in dict.fromkeys((None, "keras")):
            tell(f"{name}: kept activations, {engine or 'usual'} engine")
            with tempfile.TemporaryDirectory() as folder:
                ours = apart(train_top, name, photos, epochs, asked.rounds, engine, Path(folder))
            curves.append([f"{name}, {ours['engine']}", *_curve(plain["losses"], ours["losses"])])
            if engine is None:
                times.append([name, *_times(plain, ours)])
    head = ["", "epoch, plain (s)", "epoch, ours (s)", "faster", "step, whole (s)", "step, top (s)", "possible"]
    print(f"{asked.photos} photos of 224 pixels, {BATCH} a step.\n")
    print(table([*head, "of the possible", "reading rows (s)", "the pass before (epochs)"], times))
    print("What an epoch has more than its steps is *reading rows* and the call of `fit`.\n")
    numbers = [f"epoch {number + 1}" for number in range(epochs)]
    print(table(["loss, plain / ours", *numbers, "largest difference, relative"], curves))


def _times(plain: dict[str, Any], ours: dict[str, Any]) -> list[str]:
    faster = median(plain["epochs"]) / median(ours["epochs"])
    possible = median(plain["steps"]) / median(ours["steps"])
    plain_steps, our_steps = (
        median(epoch / step for epoch, step in zip(each["epochs"], each["steps"], strict=True))
        for each in (plain, ours)
    )
    return [
        *(spread(each["epochs"], ".2f") for each in (plain, ours)),
        f"{faster:.2f}",
        *(spread(each["steps"], ".3f") for each in (plain, ours)),
        f"{possible:.2f}",
        f"**{plain_steps / our_steps:.2f}**",
        f"{median(ours['reading']):.2f}",
        f"{ours['pass'] / median(plain['epochs']):.2f}",
    ]


def _curve(plain: list[float], ours: list[float]) -> list[str]:
    off = max(abs(a - b) / a for a, b in zip(plain, ours, strict=True))
    return [*(f"{a:.5f} / {b:.5f}" for a, b in zip(plain, ours, strict=True)), f"{off:.1e}"]


# --- each in a process of its own ---


def _classifier(name: str, photos: Sequence[Photo]) -> Any:
    from transfer.models.backbone import BACKBONES
    from transfer.models.classifier import Classifier
    from transfer.strategy import Head

    labels = len({one.label for one in photos})
    return Classifier(BACKBONES[name], Head(pool="average"), classes=labels, size=224, weights=weights_of(name))


def _truth(photos: Sequence[Photo]) -> numpy.ndarray:
    labels = sorted({one.label for one in photos})
    return numpy.array([labels.index(one.label) for one in photos])


def train_plainly(name: str, photos: Sequence[Photo], epochs: int) -> dict[str, Any]:
    """Losses and seconds of each epoch; seconds of a step after it."""
    import keras
    import tensorflow as tf

    from transfer.training import batches
    from transfer.workspace import Workspace

    classifier = _classifier(name, photos)
    model = classifier.top(0)
    classifier.thaw(1, batch_norm="frozen")
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(RATE), loss, metrics=["accuracy"])
    read = batches.pictures(photos, Workspace("nowhere"), size=224, batch=64)
    pictures, truth = numpy.concatenate(list(read)), _truth(photos)
    targets = numpy.eye(classifier.classes, dtype="float32")[truth]
    losses, seconds, steps = [], [], []
    step = _step(model, pictures, targets)
    for epoch in range(1, epochs + 1):
        order = numpy.random.default_rng([0, 0, epoch]).permutation(len(photos))  # as ``lessons`` draws it
        shown = tf.data.Dataset.from_tensor_slices((pictures[order], targets[order])).batch(BATCH).prefetch(2)
        begun = time.perf_counter()
        losses.append(model.fit(shown, shuffle=False, verbose=0).history["loss"][0])
        seconds.append(time.perf_counter() - begun)
        steps.append(step())
    return {"losses": losses, "epochs": seconds[1:], "steps": steps[1:]}


def train_top(
    name: str, photos: Sequence[Photo], epochs: int, rounds: int, engine: str | None, place: Path
) -> dict[str, Any]:
    """The same through ``Loop``, as a trial does it; and the seconds of reading an epoch's rows, and of their pass."""
    import tensorflow as tf

    from transfer.arm import Arm
    from transfer.strategy import Head, Phase, Strategy
    from transfer.training import engine as engines
    from transfer.training import lessons, memory
    from transfer.training.activations import Activations
    from transfer.training.fit import Loop
    from transfer.training.logbook import Logbook
    from transfer.training.plan import Plan
    from transfer.workspace import Workspace

    memory.keep_pages()
    tf.config.experimental.enable_op_determinism()
    classifier, truth = _classifier(name, photos), _truth(photos)
    phase = Phase(epochs=epochs, rate=RATE, thaw=1, batch=BATCH)
    strategy = Strategy(pretrained=False, head=Head(pool="average"), steps=(phase,))
    labels = tuple(sorted({one.label for one in photos}))
    plan = Plan(Arm(name), strategy, None, 224, 0, None, labels, "bench", engine=engine or engines.usual())
    activations = Activations(plan, classifier, Workspace(place))
    cut = classifier.cut_for(1)
    if activations.source(cut, len(photos)) != cut:
        raise SystemExit(f"activations of {len(photos)} photos do not fit: {activations.facts['source']}")
    rows = activations.rows(cut, photos)
    classifier.thaw(1, batch_norm="frozen")
    few = numpy.concatenate(list(rows.chunks(BATCH)))[: STEPS * BATCH]
    step = _step(classifier.top(cut), few, numpy.eye(len(labels), dtype="float32")[truth])
    steps: list[float] = []
    after = Logbook(lambda *_: steps.append(step()))
    loop = Loop(classifier, strategy)
    fitted = loop.fit(activations, train=photos, validation=(), labels=labels, seed=0, logbook=after)
    reading = []
    for epoch in range(1, rounds + 1):
        shown = lessons.epoch(phase, rows, truth, classes=len(labels), passes=1, draw=[0, 0, epoch], fresh=False)
        reading.append(spent(partial(exhaust, shown)).seconds)
    return {
        "engine": plan.engine,
        "losses": [row["loss"] for row in fitted.history],
        "epochs": [row["seconds"] for row in fitted.history][1:],
        "steps": steps[1:],
        "reading": reading,
        "pass": activations.seconds,
    }


def _step(model: Any, inputs: numpy.ndarray, targets: numpy.ndarray) -> Callable[[], float]:
    """Measures a training step on arrays in memory, in seconds. It trains a copy, traced before."""
    import keras
    import tensorflow as tf

    copy = keras.models.clone_model(model)
    copy.compile(
        keras.optimizers.Adam(RATE), keras.losses.CategoricalCrossentropy(from_logits=True), metrics=["accuracy"]
    )
    at = [slice(start, start + BATCH) for start in range(0, min(STEPS * BATCH, len(inputs) // BATCH * BATCH), BATCH)]
    given = [(tf.constant(inputs[one]), tf.constant(targets[one])) for one in at]
    if not given:
        raise SystemExit(f"at least {BATCH} photos are needed")
    copy.train_on_batch(*given[0])
    return lambda: spent(lambda: [copy.train_on_batch(*one) for one in given]).seconds / len(given)
