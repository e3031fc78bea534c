"""Run -> model card: what the artifact is, how good it is, when it refuses, and which licences its photos have."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from transfer import folds, scores
from transfer.arm import Arm
from transfer.credits import inline
from transfer.exporting.refusing import Refusing
from transfer.exporting.target import MARK
from transfer.manifest import Manifest
from transfer.models.backbone import BACKBONES
from transfer.run import Run

if TYPE_CHECKING:
    from transfer.exporting.saved_model import Exported


def model_card(run: Run, manifest: Manifest, exported: Exported) -> str:
    """Markdown: use, figures with intervals, how it was proved, the licences of the data."""
    facts = run.facts
    licences = Counter(photo.licence or "not stated" for photo in manifest.kept)
    return f"""# {inline(_title(run))}

A classifier of {len(run.labels)} classes: {inline(", ".join(run.labels))}.

## Use

    import tensorflow as tf

    model = tf.saved_model.load("this/folder")
    answer = model.signatures["serving_default"](encoded=tf.constant([open("photo.jpg", "rb").read()]))
    answer["label"], answer["probability"], answer["probabilities"], answer["labels"]

`serving_default` takes files as bytes: JPEG, PNG, GIF, BMP or WebP, turned upright by their EXIF. It refuses HEIC, a
WebP that moves, and a BMP with a palette, with bit masks or of an old kind: save these as PNG first. One file that
cannot be decoded refuses all that are sent with it. `images` takes upright uint8 RGB pictures `(n, height, width, 3)`
of any size. Neither needs Keras. A JPEG of four times the input's size or more is reduced while it is decoded; given
all its pixels, `images` answers a little differently.

## How good it is

{_figures(run, manifest)}
{_calibration(run, exported.temperature)}{_refusing(exported.refusing)}
The network: {facts["parameters"]["total"]:,} parameters, {facts["parameters"]["trainable"]:,} of them trained; input
{facts["size"]} x {facts["size"]} pixels; trained on {_trained_on(run)}, seed {run.seed}.

## Proof

{MARK} {exported.checked} real photos through both signatures. The
largest difference of any probability from those {
        "kept in training" if exported.rounded is None else "of the run's network in float32 throughout"
    }{"" if exported.temperature is None else ", at that temperature,"} was {exported.max_difference:.1e}.{
        _rounding(exported)
    }{"" if exported.refusing is None else f" Of {exported.refused} of these photos it said `unknown`, as it should."}

## Data

Run `{run.id}`, data `{run.data[:12]}`.{_earlier(exported)} Licences of the photos: {
        inline(", ".join(f"{licence} ({count:,})" for licence, count in sorted(licences.items())))
    }. Every photo with its author, where known, stands in `CREDITS.csv` and `CREDITS.md`.
{_weights(run)}"""


def _title(run: Run) -> str:
    """The arm; of weights from a file the file's name only, for where it lay is nobody's business."""
    name = (run.facts.get("weights") or {}).get("name")
    return run.arm if name is None else run.arm.replace(f"@{name}", f"@{Path(name).name}", 1)


def _weights(run: Run) -> str:
    """Under which licence the weights were published that it started from; an empty line before it."""
    name = (run.facts.get("weights") or {}).get("name")
    if name is None:
        return ""
    published = {weights.name: weights.licence for weights in BACKBONES[Arm.parse(run.arm).backbone].weights}
    return f"\nWeights: {inline(name)}, {inline(published[name])}.\n" if name in published else ""


def _earlier(exported: Exported) -> str:
    """What the credits cannot say of a run of earlier data."""
    if not exported.earlier:
        return ""
    return """ The run was made with other photos than these credits list, or with
other labels or splits: the credits are of the photos that the workspace had when the model was exported."""


def _trained_on(run: Run) -> str:
    photos = run.facts["photos"]
    if not run.facts.get("refit"):
        return f"{photos['train']:,} photos"
    both = photos["train"] + photos["validation"]
    once = f"once {photos['validation']:,} of them had chosen its settings"
    return f"{both:,} photos, {once} (the validation figures are from before that)"


def _calibration(run: Run, temperature: float | None) -> str:
    """What calibrating did on the test photos, or that it was not done; an empty line behind it."""
    if temperature is None:
        return ""
    photos = len(run.predictions("validation").truth)
    said = f"""
Calibrated: its scores are divided by a temperature of {temperature:.3f}, fitted on {photos:,} validation photos. That
changes no answer, only how sure it is."""
    part = run.predictions("test")
    if len(part.truth):
        after = scores.tempered(part.probabilities, temperature)
        errors = [scores.CALIBRATION_ERROR(part.truth, p) for p in (part.probabilities, after)]
        losses = [scores.LOG_LOSS(part.truth, p) for p in (part.probabilities, after)]
        said += f""" On the test photos the expected calibration error goes from {errors[0]:.3f} to
{errors[1]:.3f}, the log loss from {losses[0]:.3f} to {losses[1]:.3f}."""
    return f"{said}\n"


def _refusing(refusing: Refusing | None) -> str:
    """When it says `unknown` and what comes of that, or nothing; an empty line behind it."""
    if refusing is None:
        return ""
    chosen = "Whoever exported the model named that threshold."
    if refusing.aim is not None:
        chosen = f"""That threshold is the least that leaves at most
{100 * refusing.aim:g} % of the answers on validation wrong, so there it looks a little too good; test had no say."""
    lines = ["| split | photos | coverage | 95 % interval | error | 95 % interval |", "|---|---|---|---|---|---|"]
    for split, measured in (("validation", refusing.validation), ("test", refusing.test)):
        if measured is not None:
            shares = f"{_share(measured.coverage)} | {_share(measured.error)}"
            lines.append(f"| {split} | {measured.photos:,} | {shares} |")
    table = "\n".join(lines)
    return f"""
It may refuse: `label` is `unknown` {refusing.where}.
`probability` stays the largest probability, and all class probabilities are there. {chosen}

{table}

*Coverage* is the share of photos, without those of `background`, that get the name of a class; *error* is the share of
those answers that are wrong. Both intervals are Wilson's; photos of one group count once.{_other_things(refusing)}
"""


def _other_things(refusing: Refusing) -> str:
    if refusing.background is not None:
        return ""
    return """ They hold for photos like these: without a class `background`
it has seen nothing else, and may be just as sure of it."""


def _share(share: scores.Share) -> str:
    interval = share.interval
    return "none | " if interval is None else f"{share.value:.3f} | {interval.low:.3f} to {interval.high:.3f}"


def _rounding(exported: Exported) -> str:
    """How far the run's own answers lie from those of the artifact, where the run rounded."""
    rounded = exported.rounded
    if rounded is None:
        return ""
    return f""" The run itself rounded (bfloat16, or features in half precision), and its figures above are
with that: its probabilities differ by up to {rounded.difference:.2g}, and {rounded.relabelled} of these photos had
another label."""


def _figures(run: Run, manifest: Manifest) -> str:
    """A table of accuracies, and what each is worth."""
    lines = ["| split | photos | accuracy | 95 % interval (Wilson) |", "|---|---|---|---|"]
    group_of = folds.group_of(manifest.kept)
    for split in ("validation", "test"):
        part = run.predictions(split).regrouped(group_of)
        if len(part.correct):
            groups = len(set(part.groups))
            interval = scores.wilson(float(part.correct.mean()) * groups, groups)
            span = f"{interval.low:.3f} to {interval.high:.3f}"
            lines.append(f"| {split} | {len(part.correct):,} | {part.correct.mean():.3f} | {span} |")
    return "\n".join([*lines, "", _worth(run)])


def _worth(run: Run) -> str:
    said = "In the intervals photos of one group, such as near duplicates, count once."
    if len(run.predictions("validation").truth):
        said += """ Validation chose
wherever there was a choice of epochs, settings or arms, so its accuracy flatters."""
    if not run.done:
        said += f"""

The run was interrupted before its training had ended, so it was never asked about test photos
({inline(run.reason or "no reason was kept")})."""
    return said
