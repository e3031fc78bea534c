"""Where a step's input comes from, deduced and never declared.

For the deepest cut below which a step trains nothing, the activations are computed once and kept, if they fit the
budget; otherwise the step trains from the photos themselves, through the frozen part. Photos decoded to one size are
kept in the same way (cut 0).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy

from transfer.models.classifier import Classifier
from transfer.photo import Photo
from transfer.training.features import PIXELS, Decoded, Progress, Rows, Store, quiet
from transfer.training.plan import Plan
from transfer.workspace import Workspace

BUDGET = 8 << 30
"""Bytes on disk that the activations of one setting may take."""


class Activations:
    """The kept activations of one plan's backbone, at every cut.

    Args:
        plan: Of the trial. classifier: Its network. workspace: Where activations are kept.
        ahead: Photos that other trials will ask for. They are computed together with this trial's own, since building
            and tracing a network costs more than some hundred photos.

    Attributes:
        seconds: Spent on computing what was not kept yet.
    """

    def __init__(
        self,
        plan: Plan,
        classifier: Classifier,
        workspace: Workspace,
        *,
        ahead: Sequence[Photo] = (),
        on_progress: Progress = quiet,
    ) -> None:
        self._plan, self._classifier, self._workspace = plan, classifier, workspace
        self._ahead = tuple(ahead)
        self._on_progress = on_progress
        self.seconds = 0.0

    def store(self, cut: int, view: str = "") -> Store:
        return Store(self._workspace, setting(self._plan, self._classifier, cut, view))

    def source(self, cut: int, photos: int) -> int:
        """The cut whose activations feed a step: its own, or 0 (pictures) where so many would not fit the budget."""
        if cut == 0 or self._is_pooled(cut):
            return cut
        shape = self._classifier.bottom(cut).output.shape[1:]
        return cut if photos * int(numpy.prod(shape)) * 4 <= BUDGET else 0

    def rows(self, cut: int, photos: Sequence[Photo], view: str = "") -> Rows | Decoded:
        """The activations of these photos, or of a view of them, at the cut, computed now where they are not kept."""
        if cut == 0 and len(photos) * 3 * self._plan.size**2 > BUDGET:
            return Decoded(photos, self._workspace, self._plan.size, view)
        store = self.store(cut, view)
        wanted = photos if view else (*photos, *self._ahead)
        self.seconds += store.fill(wanted, lambda: self._classifier.bottom(cut), on_progress=self._on_progress)
        return store.rows(photos)

    def _is_pooled(self, cut: int) -> bool:
        return 0 < cut == self._classifier.last_cut and self._classifier.pool != "flatten"


def setting(plan: Plan, classifier: Classifier, cut: int, view: str = "") -> dict[str, Any]:
    """Everything that decides an activation at this cut, besides the photo."""
    seen = {"view": view} if view else {}
    if cut == 0:
        return {"stage": PIXELS, "size": plan.size, **seen}
    stage = classifier.backbone.stages[cut - 1].name
    pooled = cut == classifier.last_cut and classifier.pool != "flatten"
    return {
        "backbone": plan.arm.backbone,
        "weights": plan.weights.sha256 if plan.weights else f"random {plan.seed}" if plan.backbone.learned else None,
        "stage": f"{stage}, pooled" if pooled else stage,
        "size": plan.size,
        "engine": plan.engine,
        "precision": plan.precision,
        **seen,
    }
