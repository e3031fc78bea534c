"""Run -> the classifier that it trained.

A run keeps only the weights that changed; the rest comes from the published file that it started from, whose content
must still be the one recorded.
"""

from __future__ import annotations

from pathlib import Path

from transfer.arm import Arm
from transfer.errors import CallError, WeightsError
from transfer.models.backbone import BACKBONES
from transfer.models.classifier import Classifier
from transfer.models.seeding import undisturbed
from transfer.models.weights import Located, locate
from transfer.run import WEIGHTS, Run
from transfer.strategy import Strategy


def rebuild(run: Run) -> Classifier:
    """The run's whole classifier with its trained weights.

    Raises:
        WeightsError: The run failed, or its weights or those that it started from are gone or were changed.
    """
    if not run.usable:
        raise WeightsError("A failed run has no classifier.", received=run.id, remedy="Choose a run that is done.")
    arm, strategy = Arm.parse(run.arm), Strategy.from_dict(run.facts["strategy"])
    backbone = BACKBONES[arm.backbone]
    weights = _begun_from(run, arm, pretrained=strategy.pretrained)
    with undisturbed():  # its first weights are drawn before what was learned takes their place
        classifier = Classifier(
            backbone,
            strategy.head,
            classes=len(run.labels),
            size=run.facts["size"],
            seed=run.seed,
            weights=weights.path if weights else None,
            mirrored=strategy.mirrored,
        )
        _load(classifier, run)
    return classifier


def _begun_from(run: Run, arm: Arm, *, pretrained: bool) -> Located | None:
    """The weights that the run started from; a file that was named is found from any folder."""
    recorded = run.facts["weights"] or {}
    file = recorded.get("file")
    wanted = file if file and Path(file).is_file() else arm.weights
    try:
        weights = locate(arm.backbone, BACKBONES[arm.backbone], wanted, pretrained=pretrained)
    except CallError as error:  # what the arm named is neither published nor there
        raise WeightsError(
            "The weights that this run started from are gone.",
            received=file or wanted,
            remedy=f"Put the file with sha256 {recorded.get('sha256')} back, or train again.",
        ) from error
    found = weights and weights.sha256
    if found != recorded.get("sha256"):
        raise WeightsError(
            "The weights that this run started from were changed since.",
            received=f"{weights and weights.path} with sha256 {found}, not {recorded.get('sha256')}",
            remedy="Put the old file back, or train again.",
        )
    return weights


def _load(classifier: Classifier, run: Run) -> None:
    """Put what the run learned into its place."""
    learned = run.path / WEIGHTS
    try:
        classifier.top(run.facts["cut"]).load_weights(learned)
    except (OSError, ValueError, KeyError) as error:  # by h5py and Keras, of a file that is not there or not whole
        raise WeightsError(
            "What this run learned is missing or damaged.",
            received=learned,
            remedy="Put the file back, or take the run's folder away and train again.",
        ) from error
