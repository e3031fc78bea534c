"""Where a step's input comes from, deduced and never declared.

For the deepest cut below which a step trains nothing, the activations are computed once and kept, if they fit the
budget; otherwise the step trains from the photos themselves, through the frozen part, and the run says so. Photos
decoded to one size are kept in the same way (cut 0).

The budget is of all kept activations of a workspace together: those that were not used for longest make room.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from typing import Any

from transfer.errors import CallError
from transfer.models.classifier import Classifier
from transfer.photo import Photo
from transfer.progress import Progress, quiet
from transfer.stored import PIXELS, make_room
from transfer.training.features import Store
from transfer.training.plan import Plan
from transfer.training.rows import Decoded, Rows
from transfer.workspace import Workspace

GB = 10**9

BUDGET_GB = 8.0
"""What the activations of a workspace may take on disk, unless TRANSFER_FEATURES_GB says otherwise."""

VARIABLE = "TRANSFER_FEATURES_GB"


def budget() -> int:
    """Bytes that all kept activations of a workspace may take together; with 0, none are kept.

    Raises:
        CallError: TRANSFER_FEATURES_GB is no such number.
    """
    said = os.environ.get(VARIABLE) or BUDGET_GB
    try:
        number = float(said)
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf:
        raise CallError(f"{VARIABLE} must be a number of gigabytes.", received=said, remedy=f"Try {VARIABLE}=20.")
    return round(number * GB)


class Activations:
    """The kept activations of one plan's backbone, at every cut.

    Args:
        plan: Of the trial. classifier: Its network. workspace: Where activations are kept.
        ahead: Photos that other trials will ask for. They are computed together with this trial's own, since building
            and tracing a network costs more than some hundred photos.
        on_progress: Told ``(done, total, what)``. on_kept: Told the digest of a store that has all of them, or
            will have none for want of room.

    Attributes:
        seconds: Spent on computing what was not kept yet.
        facts: What a run says of them: ``source``, where a step trained from pixels for want of room.
    """

    def __init__(
        self,
        plan: Plan,
        classifier: Classifier,
        workspace: Workspace,
        *,
        ahead: Sequence[Photo] = (),
        on_progress: Progress = quiet,
        on_kept: Callable[[str], None] | None = None,
    ) -> None:
        self._plan, self._classifier, self._workspace = plan, classifier, workspace
        self._ahead = tuple(ahead)
        self._on_progress, self._on_kept = on_progress, on_kept
        self._budget = budget()
        self._shapes: dict[int, tuple[int, ...]] = {}
        self._in_use: dict[int, set[str]] = {}
        self.seconds = 0.0
        self.facts: dict[str, str] = {}

    def store(self, cut: int, view: str = "") -> Store:
        return Store(self._workspace, setting(self._plan, self._classifier, cut, view))

    def source(self, cut: int, photos: int) -> int:
        """The cut whose activations feed a step: its own, or 0 (pictures) where so many would not fit the budget."""
        if cut == 0 or (wanted := photos * self._bytes(cut)) <= self._budget:
            return cut
        if "source" not in self.facts:
            why = (
                f"pixels, since activations of {photos:,} photos would take {_gb(wanted)}, "
                f"more than the {_gb(self._budget)} of {VARIABLE}"
            )
            self.facts["source"] = why
            self._on_progress(0, photos, f"training from {why}")
        self._tell_kept(cut)
        return 0

    def rows(self, cut: int, photos: Sequence[Photo], view: str = "") -> Rows | Decoded:
        """The activations of these photos, or of a view of them, at the cut, computed now where they are not kept."""
        if cut == 0 and len(photos) * self._bytes(0) > self._budget:
            self._tell_kept(cut)
            return Decoded(photos, self._workspace, self._plan.size, view)
        store = self.store(cut, view)
        in_use = self._in_use.setdefault(cut, set())
        in_use.add(store.digest)
        ahead = () if view else self._ahead
        if missing := store.missing((*photos, *ahead)):
            wanted = len(missing) * self._bytes(cut)
            if wanted > self._budget:  # what others will ask for is theirs to fit
                ahead, wanted = (), len(store.missing(photos)) * self._bytes(cut)
            make_room(self._workspace, wanted, budget=self._budget, spare=in_use)
        rows, seconds = store.take(
            photos, lambda: self._classifier.bottom(cut), also=ahead, on_progress=self._on_progress
        )
        self.seconds += seconds
        if not view and len(ahead) == len(self._ahead):
            self._tell_kept(cut)
        return rows

    def _tell_kept(self, cut: int) -> None:
        """Nobody need wait any longer for what this trial keeps at the cut."""
        if self._on_kept is not None:
            self._on_kept(self.store(cut).digest)

    def _bytes(self, cut: int) -> int:
        """Of one photo's activation on disk."""
        if cut == 0:
            return 3 * self._plan.size**2
        if cut not in self._shapes:
            # The network need not be built where something of it is kept.
            kept = self.store(cut).about().get("shape") or self._classifier.bottom(cut).output.shape[1:]
            self._shapes[cut] = tuple(kept)
        return math.prod(self._shapes[cut]) * (2 if self._plan.half else 4)


def _gb(size: int) -> str:
    for unit, bytes in (("GB", GB), ("MB", 10**6)):
        if size >= bytes:
            return f"{size / bytes:,.3g} {unit}"
    return f"{size / 1000:.3g} kB"


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
        **({"half": True} if plan.half else {}),
        **seen,
    }
