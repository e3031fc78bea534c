"""Plausible runs without any training: photos, predictions, histories and costs that look like the real thing.

A photo has a difficulty that every arm meets, an arm has a skill, a seed has its luck. Everything follows a seed.
"""

from __future__ import annotations

import dataclasses
import itertools
from dataclasses import dataclass
from typing import Any

import numpy
from PIL import Image

from transfer.folds import Fold, digest, folded
from transfer.manifest import Manifest
from transfer.photo import Photo
from transfer.run import Predictions, Run, run_id
from transfer.workspace import Workspace

CLASSES = ("dress", "hat", "longsleeve", "outwear", "pants", "shirt", "shoes", "shorts", "skirt", "t-shirt")


SMALL = {"labels": ("ant", "bee", "cat"), "counts": (4, 20, 30)}
"""Arguments of ``photos`` for few of them."""


@dataclass(frozen=True)
class Competitor:
    """An arm as it would do: its skill in logits, luck between seeds, cost of a run, epochs (0: a solver)."""

    arm: str
    skill: float
    luck: float = 0.03
    seconds: float = 4.0
    epochs: int = 12
    trainable: int = 12_810
    total: int = 2_270_794


PROBE = Competitor("mobilenet_v2:linear_probe", 3.6, luck=0.0, seconds=1.9, epochs=0)
HEAD = Competitor("mobilenet_v2:frozen_head", 3.55, seconds=6.4, epochs=24, trainable=340_490)
TUNED = Competitor("mobilenet_v2:fine_tune_top", 3.9, seconds=83.0, epochs=18, trainable=740_170)
LENET = Competitor("lenet5:from_scratch", 1.9, luck=0.1, seconds=41.0, epochs=30, trainable=61_706, total=61_706)
FOUR = (PROBE, HEAD, TUNED, LENET)


def photos(
    workspace: Workspace,
    *,
    labels: tuple[str, ...] = CLASSES,
    counts: tuple[int, int, int] = (20, 14, 37),
    draws: int = 0,
) -> Manifest:
    """Photos of each class in train, validation and test; the first ``draws`` of each class exist as files."""
    rows = []
    for index, label in enumerate(labels):
        splits = [split for split, n in zip(("train", "validation", "test"), counts, strict=True) for _ in range(n)]
        for number, split in enumerate(reversed(splits)):
            name = f"images/{index:02}/{number:04}.png"
            if number < draws:
                (workspace.root / name).parent.mkdir(parents=True, exist_ok=True)
                _picture(index, number).save(workspace.root / name)
            rows.append(
                Photo(
                    id=f"{index:02}-{number:04}",
                    file_name=name,
                    label=label,
                    source="folder",
                    title=f"{label} {number:04}.png",
                    owner="A. Photographer",
                    licence="CC BY 4.0",
                    page_url=f"https://example.org/photo/{index}-{number}",
                    sha256=f"{index:032x}{number:032x}",
                    width=120,
                    height=120,
                    split=split,
                )
            )
    aside = Photo(id="aside", file_name="images/aside.png", label=labels[0], source="folder")
    rows.append(dataclasses.replace(aside, excluded="unreadable: truncated file"))
    return Manifest(tuple(rows))


def _picture(label: int, number: int) -> Image.Image:
    """A disc in the colour of its class before a soft background."""
    rng = numpy.random.default_rng([label, number])
    y, x = numpy.mgrid[:120, :120]
    pixels = rng.uniform(150, 230, 3) + rng.uniform(-0.3, 0.3, 3) * y[..., None] + rng.normal(0, 4, (120, 120, 1))
    cy, cx = rng.uniform(45, 75, 2)
    disc = (y - cy) ** 2 + (x - cx) ** 2 < rng.uniform(24, 40) ** 2
    pixels[disc] = numpy.roll([190, 95, 60], label) + 8 * label + rng.normal(0, 6, (int(disc.sum()), 3))
    return Image.fromarray(numpy.clip(pixels, 0, 255).astype("uint8"))


def write_runs(
    workspace: Workspace,
    manifest: Manifest,
    competitors: tuple[Competitor, ...] = FOUR,
    *,
    seeds: int = 3,
    sizes: tuple[int | None, ...] = (None,),
    splits: tuple[str, ...] = ("validation", "test"),
    **facts: Any,
) -> list[Run]:
    """A finished run of every competitor, seed and size, written and read back as a report finds them."""
    grid = itertools.product(competitors, sizes, range(seeds))
    return [
        write_run(workspace, manifest, one, seed=seed, per_class=size, splits=splits, **facts)
        for one, size, seed in grid
    ]


def write_run(
    workspace: Workspace,
    manifest: Manifest,
    competitor: Competitor,
    *,
    seed: int = 0,
    per_class: int | None = None,
    splits: tuple[str, ...] = ("validation", "test"),
    folds: int | None = None,
    **facts: Any,
) -> Run:
    """A finished run; with ``folds`` of the fold that the seed stands for."""
    data = None
    if folds is not None:
        data, facts = digest(manifest), facts | {"folds": folds}
        manifest = folded(manifest, Fold.of_seed(seed, folds))
    run = _run(workspace, manifest, competitor.arm, seed, per_class, _facts(competitor, manifest, seed) | facts, data)
    few = 0.0 if per_class is None else 1.6 / per_class**0.5
    luck = numpy.random.default_rng([*competitor.arm.encode(), seed, per_class or 0]).normal(0, competitor.luck)
    answered = [_answers(manifest, split, competitor, seed, competitor.skill - few + luck) for split in splits]
    run.write(workspace, answered, _history(competitor, seed))
    return Run.read(run.path)


def write_failure(
    workspace: Workspace, manifest: Manifest, arm: str, reason: str, *, seed: int = 0, **facts: Any
) -> Run:
    run = _run(workspace, manifest, arm, seed, None, facts, digest(manifest) if "folds" in facts else None)
    run = dataclasses.replace(run, status="failed", reason=reason)
    run.write_facts(workspace)
    return Run.read(run.path)


def _run(
    workspace: Workspace,
    manifest: Manifest,
    arm: str,
    seed: int,
    per_class: int | None,
    facts: dict[str, Any],
    data: str | None = None,
) -> Run:
    data = data or manifest.training_digest()
    settings = {name: facts.get(name) for name in ("strategy", "size", "folds", "refit")}
    id = run_id({"arm": arm, "seed": seed, "per_class": per_class, "data": data, **settings})
    return Run(
        id=id,
        status="done",
        arm=arm,
        seed=seed,
        per_class=per_class,
        labels=manifest.labels,
        data=data,
        path=workspace.runs / id,
        facts=facts,
    )


def _answers(manifest: Manifest, split: str, competitor: Competitor, seed: int, skill: float) -> Predictions:
    part, labels = manifest.part(split), manifest.labels
    of_photos = numpy.random.default_rng([len(part), len(labels), 1])  # what every arm meets alike
    own = numpy.random.default_rng([*competitor.arm.encode(), 2])  # what this arm finds hard
    noise = numpy.random.default_rng([*competitor.arm.encode(), seed, len(part), 3])
    shape = (len(part), len(labels))
    truth = numpy.array([labels.index(photo.label) for photo in part], dtype=int)
    logits = of_photos.normal(0, 1.1, shape) + own.normal(0, 0.5, shape) + noise.normal(0, 0.3, shape)
    logits[numpy.arange(len(part)), truth] += skill
    alike = (truth + 3) % len(labels)  # every class has one that it is easily taken for
    logits[numpy.arange(len(part)), alike] += 1.0
    chances = numpy.exp(2 * logits)
    return Predictions(
        split=split,
        photos=tuple(photo.id for photo in part),
        truth=truth,
        probabilities=(chances / chances.sum(axis=1, keepdims=True)).astype("float32"),
        groups=tuple(photo.group or photo.sha256 for photo in part),
    )


def _history(competitor: Competitor, seed: int) -> list[dict[str, float]]:
    noise = numpy.random.default_rng([*competitor.arm.encode(), seed, 4])
    ceiling = 1 / (1 + numpy.exp(1.5 - competitor.skill))
    rows = []
    for epoch in range(1, competitor.epochs + 1):
        learnt = 1 - numpy.exp(-epoch / (competitor.epochs / 4))
        rows.append(
            {
                "step": 0,
                "epoch": epoch,
                "rate": 0.001,
                "loss": 2.3 - 2.1 * learnt,
                "accuracy": 0.1 + (min(ceiling + 0.1, 0.98) - 0.1) * learnt,
                "validation_loss": 2.3 - 2.3 * ceiling * learnt + 0.01 * epoch + noise.normal(0, 0.02),
                "validation_accuracy": 0.1 + (ceiling - 0.1) * learnt + noise.normal(0, 0.01),
                "seconds": competitor.seconds / competitor.epochs,
            }
        )
    return rows


def _facts(competitor: Competitor, manifest: Manifest, seed: int) -> dict[str, Any]:
    name, strategy = competitor.arm.rsplit(":", 1)
    weights = None if strategy.startswith("from_scratch") else {"name": "imagenet", "sha256": "5d" * 32}
    return {
        "strategy": {"pretrained": weights is not None, "head": None, "steps": [{"epochs": competitor.epochs}]},
        "backbone": name,
        "weights": weights,
        "size": 224 if weights else 64,
        "seconds": {
            "total": competitor.seconds + (38.2 if weights and seed == 0 else 0),
            "features": 38.2 if weights and seed == 0 else 0.0,
            "training": competitor.seconds,
        },
        "latency_ms": 11.4 if weights else 0.9,
        "peak_memory_mb": 913.0 if weights else 702.0,
        "parameters": {"trainable": competitor.trainable, "total": competitor.total},
        "batch_norm": "frozen",
        "engine": "tensorflow",
        "precision": "float32",
        "device": "CPU",
        "versions": {"transfer": "0.1.0", "tensorflow": "2.21.0", "keras": "3.15.0"},
        "photos": {split: len(manifest.part(split)) for split in ("train", "validation", "test")},
        "test_opened": 1,
        "started": f"2026-05-{seed + 1:02}T10:00:00+00:00",
        "command": "transfer compare clothing mobilenet_v2:linear_probe lenet5:from_scratch --seeds 3",
    }
