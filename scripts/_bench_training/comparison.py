"""3 heads x 5 seeds x 20 epochs on a frozen network: ``transfer.compare``, and the guide of Keras.

Its way (https://keras.io/guides/transfer_learning/): the frozen network is part of the model and called with
``training=False``, pictures come from ``image_dataset_from_directory``, Adam at 1e-3, batches of 32, validation after
each epoch. All its epochs cost the same, so some are measured, or a part of one (``--rival-batches``), and scaled: the
first epoch of each training traces, the others do not. Heads are the same on both sides.

For its accuracy the guide's heads are trained to the end on features that its own network computed once from its own
pictures: without augmentation that is the same function. It keeps the last epoch; ours keeps the best on validation.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy
import tensorflow as tf

import transfer
from _bench_training.measuring import CORES, Spent, linked, median, spent, spread, table, tell, timed, title, weights_of
from transfer.manifest import Manifest
from transfer.models import head as heads
from transfer.models.backbone import BACKBONES
from transfer.models.weights import load
from transfer.photo import SPLITS, Photo
from transfer.run import Run
from transfer.scores import ACCURACY, Difference, paired_difference
from transfer.strategy import Head
from transfer.training.plan import resolve_strategy
from transfer.workspace import Workspace


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path)
    parser.add_argument("--backbone", default="mobilenet_v2")
    parser.add_argument("--heads", nargs="+", default=["frozen_head", "frozen_head+dropout", "frozen_head+concat_pool"])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--jobs", type=int, default=CORES)
    parser.add_argument("--rival-batches", type=int, help="Of an epoch, training and validation each.  [default: all]")


@dataclass(frozen=True)
class Ours:
    """One comparison: its seconds from a workspace that is loaded and split, and its runs."""

    seconds: float
    runs: tuple[Run, ...]

    @property
    def epochs(self) -> int:
        return sum(len(run.history()) for run in self.runs)

    def total(self, name: str) -> float:
        return sum(run.facts["seconds"][name] for run in self.runs)


@dataclass(frozen=True)
class Rival:
    """Seconds of an epoch with its validation, and what the first one has more; how much of an epoch was measured."""

    epochs: list[float]
    tracing: float
    part: str

    def total(self, trainings: int, epochs: int) -> float:
        return trainings * (self.tracing + epochs * median(self.epochs))


def run(asked: argparse.Namespace) -> None:
    weights = weights_of(asked.backbone)
    if weights is None:
        raise SystemExit(f"the published weights of {asked.backbone} are not in Keras' cache")
    arms = [f"{asked.backbone}:{head}" for head in asked.heads]
    print(title(f"{len(arms)} heads x {asked.seeds} seeds x {asked.epochs} epochs"))
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder, "ws"))
        manifest, loading = timed(lambda: _loaded(asked.folder, workspace))
        found = []
        for number in range(asked.rounds):
            tell(f"transfer, round {number + 1}")
            for made in (workspace.features, workspace.runs):
                shutil.rmtree(made, ignore_errors=True)
            found.append(_compare(workspace, arms, asked))
        guide = Guide(asked, manifest, Path(folder, "linked"), weights)
        rival = guide.measure([resolve_strategy(transfer.Arm.parse(arm)).head or Head() for arm in arms])
        _show_times(found, rival, loading, asked)
        _show_accuracy(found[-1], guide, arms, manifest, asked)


def _loaded(folder: Path, workspace: Workspace) -> Manifest:
    transfer.load(folder, into=workspace)
    return transfer.split(workspace)


def _compare(workspace: Workspace, arms: Sequence[str], asked: argparse.Namespace) -> Ours:
    made, took = timed(
        lambda: transfer.compare(workspace, arms, seeds=asked.seeds, epochs=asked.epochs, jobs=asked.jobs)
    )
    if failed := [run for run in made if not run.done]:
        raise SystemExit(f"{failed[0].arm}: {failed[0].reason}")
    return Ours(took.seconds, made.runs)


class Guide:
    """The guide's way with the photos of a manifest."""

    def __init__(self, asked: argparse.Namespace, manifest: Manifest, folder: Path, weights: Path) -> None:
        self.asked, self.classes = asked, len(manifest.labels)
        self.backbone = BACKBONES[asked.backbone]
        self.network = self.backbone.network(self.backbone.size)
        load(self.network, weights)
        self.network.trainable = False
        self.folders = {split: linked(manifest.part(split), folder / split) for split in SPLITS}

    def pictures(self, split: str) -> tf.data.Dataset:
        size = (self.backbone.size, self.backbone.size)
        return keras.utils.image_dataset_from_directory(
            self.folders[split], image_size=size, shuffle=split == "train", seed=0, verbose=False
        )

    def measure(self, heads_: Sequence[Head]) -> Rival:
        """An epoch with the first head: each round, and once with its tracing."""
        train, validation = self.pictures("train"), self.pictures("validation")
        part, shares = "whole epochs", (1.0, 1.0)
        if few := self.asked.rival_batches:
            shares = tuple(max(1.0, len(each) / few) for each in (train, validation))
            part = f"{few} of {len(train)} batches of an epoch, and of {len(validation)} of its validation"
            train, validation = train.take(few), validation.take(few)
        inputs, pooled = self._pooled(heads_[0])
        model = keras.Model(inputs, heads.scores(heads_[0], features=pooled.shape[-1], classes=self.classes)(pooled))
        _compile(model)
        train, validation = (each.prefetch(tf.data.AUTOTUNE) for each in (train, validation))
        seconds = []
        for number in range(self.asked.rounds + 1):
            tell(f"the guide, epoch {number + 1}")
            taught = spent(lambda: model.fit(train, shuffle=False, verbose=0)).seconds
            judged = spent(lambda: model.evaluate(validation, verbose=0)).seconds
            seconds.append((taught, judged))
        first, later = seconds[0], seconds[1:]
        epochs = [taught * shares[0] + judged * shares[1] for taught, judged in later]
        tracing = sum(first) - median(sum(each) for each in later)
        return Rival(epochs, max(tracing, 0.0), part)

    def probabilities(self, head: Head, photos: Sequence[Photo]) -> numpy.ndarray:
        """Of each seed's last epoch for these photos of the test split, ``(seeds, n, classes)``."""
        model = keras.Model(*self._pooled(head))
        known = {split: self._features(model, split) for split in SPLITS}
        place = {Path(path).stem: row for row, path in enumerate(known["test"][2])}
        order = [place[one.sha256] for one in photos]
        answers = []
        for seed in range(self.asked.seeds):
            keras.utils.set_random_seed(seed)
            scores = heads.scores(head, features=model.output.shape[-1], classes=self.classes)
            _compile(scores)
            scores.fit(*known["train"][:2], epochs=self.asked.epochs, batch_size=32, verbose=0)
            answers.append(keras.ops.softmax(scores.predict(known["test"][0], verbose=0)))
        return numpy.stack(answers)[:, order]

    def _features(self, model: keras.Model, split: str) -> tuple[numpy.ndarray, numpy.ndarray, list[str]]:
        seen = keras.utils.image_dataset_from_directory(
            self.folders[split], image_size=model.input.shape[1:3], shuffle=False, verbose=False
        )
        truth = numpy.concatenate([labels for _, labels in seen])
        return model.predict(seen.map(lambda pictures, labels: pictures), verbose=0), truth, seen.file_paths

    def _pooled(self, head: Head) -> tuple[Any, Any]:
        """Pictures, and what the head sees of them."""
        pictures = keras.Input((self.backbone.size, self.backbone.size, 3))
        x = self.network(self.backbone.preprocess(pictures), training=False)
        return pictures, heads.pool(x, head.pool or "average")


def _compile(model: keras.Model) -> None:
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(1e-3), loss, metrics=["accuracy"])


def _show_times(found: Sequence[Ours], rival: Rival, loading: Spent, asked: argparse.Namespace) -> None:
    trainings = len(asked.heads) * asked.seeds
    theirs, wanted = rival.total(trainings, asked.epochs), trainings * asked.epochs
    columns: list[list[float]] = []
    for one in found:
        features, training = one.total("features"), one.total("training")
        # What early stopping saved, put back at the price of an epoch.
        stopped = one.seconds + (wanted - one.epochs) * training / one.epochs / asked.jobs
        rest = one.seconds - features - training / asked.jobs
        columns.append([one.seconds, features, training, rest, stopped, theirs / one.seconds, theirs / stopped])
    rows = [[f"round {number}", *(f"{value:.1f}" for value in one)] for number, one in enumerate(columns, 1)]
    rows.append(["**median**", *(f"**{median(one):.1f}**" for one in zip(*columns, strict=True))])
    head = ["transfer, s", "features", "trainings", "rest", f"s, had all {wanted} epochs been made"]
    print(table(["", *head, "times Keras", "had all been made"], rows))
    print(f"{' / '.join(f'{one.epochs:,}' for one in found)} epochs were made, of {wanted}, before early stopping.\n")
    print(
        f"Keras: an epoch takes {spread(rival.epochs, '.1f')} s with its validation (measured: {rival.part}), tracing "
        f"{rival.tracing:.1f} s a training; scaled to {trainings} trainings of {asked.epochs} epochs: {theirs:.0f} s. "
        f"Loading and splitting the workspace took {loading.seconds:.1f} s before, once. *features* is the one "
        f"pass over the photos with the network's start, *trainings* the sum over all, {asked.jobs} at once, *rest* "
        "(total - features - trainings / jobs) the start of the processes and what they wait for each other.\n"
    )


def _show_accuracy(
    ours: Ours, guide: Guide, arms: Sequence[str], manifest: Manifest, asked: argparse.Namespace
) -> None:
    by_id = {one.id: one for one in manifest.kept}
    rows = []
    for arm in arms:
        tell(f"the guide's accuracy: {arm}")
        parts = [run.predictions("test") for run in ours.runs if run.arm == arm]
        photos = [by_id[id] for id in parts[0].photos]
        theirs = guide.probabilities(resolve_strategy(transfer.Arm.parse(arm)).head or Head(), photos)
        mine = numpy.stack([part.probabilities for part in parts])
        truth, groups = parts[0].truth, parts[0].groups
        found = paired_difference(ACCURACY, truth, a=mine, b=theirs, groups=groups)
        means = [100 * numpy.mean([ACCURACY(truth, one) for one in side]) for side in (mine, theirs)]
        rows.append([arm, *(f"{mean:.1f}" for mean in means), points(found)])
    print(f"Accuracy on {len(manifest.part('test'))} test photos, mean of {asked.seeds} seeds, %:\n")
    print(table(["", "transfer", "Keras", "difference, points (95 %)"], rows))


def points(found: Difference) -> str:
    """A difference of shares in points, with its interval."""
    estimate, low, high = (round(100 * share, 2) + 0.0 for share in (found.estimate, found.low, found.high))
    return f"{estimate:+.2f} ({low:+.2f} to {high:+.2f})"
