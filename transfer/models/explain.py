"""Explain: a run and photos -> what each is taken for, and a picture of where that was seen.

It owns which class is explained and the files that are kept: ``WS/runs/ID/gradcam/PHOTO_ID.png`` for photos of the
workspace, with the class inside the file. It refuses to stop at a photo that cannot be read or drawn.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from transfer import pixels
from transfer.arm import Arm
from transfer.errors import CallError, DataError, TransferError, WorkspaceError
from transfer.models.asking import enough_memory
from transfer.models.backbone import BACKBONES
from transfer.models.gradcam import check, heat_maps, overlay
from transfer.models.rebuild import rebuild
from transfer.photo import LONGEST_NAME, Photo
from transfer.run import OVERLAY_CLASS, Run
from transfer.workspace import Workspace

SIDE = 480
"""The longer side of an overlay in pixels; a larger photo is made smaller."""
_DIGITS = 8
"""Of a photo's sha256 in the name of its overlay: photos of one name lie in many folders."""


@dataclass(frozen=True)
class Explanation:
    """The answer for one file.

    Attributes:
        file: As it was named. label: The class that is explained. probability: Of that class.
        predicted: What the photo is taken for.
        overlay: The file with the overlay. error: Why there is none.
    """

    file: str
    label: str | None = None
    probability: float | None = None
    predicted: str | None = None
    overlay: Path | None = None
    error: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """The fields that ``--json`` promises."""
        if self.error is not None:
            return {"file": self.file, "error": self.error}
        names = ("file", "label", "probability", "predicted")
        return {name: getattr(self, name) for name in names} | {"overlay": str(self.overlay)}


def explain(
    run: Run, files: Sequence[Path], *, into: Path, workspace: Workspace, label: str | None = None
) -> Iterator[Explanation]:
    """One explanation for each file, in their order; each is drawn when it is asked for.

    Args:
        run: With its weights, which are read at once. files: Photos. into: The folder for the overlays.
        workspace: Through which they are written.
        label: The class to explain; None takes what each photo is taken for.

    Raises:
        CallError: The run has no such class, or its backbone makes no feature map. WeightsError: See ``rebuild``.
        TransferError: Memory is too small.
    """
    if label is not None and label not in run.labels:
        raise CallError("The run has no such class.", received=label, remedy=f"Known: {', '.join(run.labels)}.")
    look = _looker(run)

    def explained(file: Path) -> Explanation:
        try:
            content = pixels.read_photo(file, None)
            shown, probabilities, png = look(content, label)
            place = into / _name(file, content, label)
            workspace.write_bytes(place, png)
        except (DataError, WorkspaceError) as error:
            return Explanation(str(file), error=str(error))
        at, predicted = run.labels.index(shown), run.labels[int(probabilities.argmax())]
        return Explanation(str(file), shown, float(probabilities[at]), predicted, place)

    return map(explained, files)


def explain_photos(run: Run, photos: Sequence[tuple[Photo, str]], workspace: Workspace) -> str | None:
    """Keep an overlay for each photo of the workspace and the class it was taken for; what is kept is not made again.

    Returns:
        Why some of them have none, as a sentence without places on this disk; None where all have one.
    """
    places = ((photo, label, run.overlay(photo.id)) for photo, label in photos)
    wanted = [(photo, label, place) for photo, label, place in places if place and _shows(place) != label]
    if not wanted:
        return None
    reasons = []
    try:
        look = _looker(run)
        for photo, label, place in wanted:
            try:
                content = pixels.read_photo(workspace.photo_path(photo.file_name), photo.sha256)
                workspace.write_bytes(place, look(content, label)[2])
            except DataError as error:
                reasons.append(error.what)
    except TransferError as error:
        reasons.append(error.what)
    return reasons[0] if reasons else None


def _looker(run: Run) -> Callable[[bytes, str | None], tuple[str, numpy.ndarray, bytes]]:
    """A photo's bytes and a class -> the class that is explained, all probabilities, and the overlay as PNG."""
    check(BACKBONES[Arm.parse(run.arm).backbone])
    with enough_memory():
        classifier, size = rebuild(run), run.facts["size"]
        whole = classifier.whole()

    @enough_memory()
    def look(content: bytes, label: str | None) -> tuple[str, numpy.ndarray, bytes]:
        photo = pixels.from_bytes(content)
        seen = pixels.decode_resize(content, size).numpy()[None]
        probabilities = whole(seen, training=False).numpy()  # as the run answers, from two views where it takes two
        explained = label or run.labels[int(probabilities[0].argmax())]
        heat, _ = heat_maps(classifier, seen, [run.labels.index(explained)])
        small = Image.fromarray(photo)
        small.thumbnail((SIDE, SIDE))
        return explained, probabilities[0], _png(overlay(numpy.asarray(small), heat[0]), explained)

    return look


def _png(drawn: numpy.ndarray, label: str) -> bytes:
    info, encoded = PngInfo(), io.BytesIO()
    info.add_itxt(OVERLAY_CLASS, label)
    Image.fromarray(drawn).save(encoded, "PNG", pnginfo=info)
    return encoded.getvalue()


def _shows(place: Path) -> str | None:
    """The class that a kept overlay explains; None where there is no whole one."""
    try:
        with Image.open(place, formats=["PNG"]) as kept:
            kept.load()
            return str(kept.info.get(OVERLAY_CLASS))
    except (OSError, SyntaxError, ValueError):
        return None


def _name(file: Path, content: bytes, label: str | None) -> str:
    """A file name for an overlay, never that of a photo: one for each name, content and class that was asked for."""
    ending = f"-{hashlib.sha256(content).hexdigest()[:_DIGITS]}{'' if label is None else f'-{label}'}.gradcam.png"
    stem = file.stem
    while stem and len(os.fsencode(stem + ending)) > LONGEST_NAME:
        stem = stem[:-1]
    return stem + ending
