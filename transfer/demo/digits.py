"""Digits: the demo's target task, 1,797 handwritten digits as photos of a workspace.

They are the test part of the UCI set "Optical Recognition of Handwritten Digits", which scikit-learn carries. It owns
their way into files and their credits. A digit that lies in the workspace already is not written again.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io

from PIL import Image
from sklearn.datasets import load_digits

from transfer.demo.glyphs import SIDE, to_grey
from transfer.manifest import Manifest
from transfer.photo import Photo
from transfer.progress import Progress
from transfer.workspace import Workspace

PAGE = "https://archive.ics.uci.edu/dataset/80/optical+recognition+of+handwritten+digits"
OWNER = "E. Alpaydin and C. Kaynak"
LICENCE = "CC BY 4.0"
SOURCE = "demo"
"""Which source its photos name."""


def write_digits(workspace: Workspace, *, on_progress: Progress | None = None) -> Manifest:
    """Write the digits as grey 8 x 8 PNG files, by content, and their manifest; splits that were decided stay.

    Args:
        workspace: Where to. Photos in it that are no digits of the demo stay as they are.
        on_progress: Told ``(done, total, what)``.
    """
    before = Manifest.read(workspace)
    splits = {photo.id: photo.split for photo in before.photos}
    digits = load_digits()
    photos = []
    for number, (grey, label) in enumerate(zip(to_grey(digits.images), digits.target, strict=True)):
        file = io.BytesIO()
        Image.fromarray(grey).save(file, format="PNG")
        photo = _photo(number, str(label), file.getvalue(), workspace)
        photos.append(dataclasses.replace(photo, split=splits.get(photo.id)))
        if on_progress is not None and (number % 100 == 99 or number + 1 == len(digits.target)):
            on_progress(number + 1, len(digits.target), "writing digits")
    workspace.sync()
    manifest = before.replace(photos)
    manifest.write(workspace)
    return manifest


def _photo(number: int, label: str, content: bytes, workspace: Workspace) -> Photo:
    sha256 = hashlib.sha256(content).hexdigest()
    path = workspace.image(sha256, "png")
    if not path.exists() or path.read_bytes() != content:
        workspace.place_bytes(path, content)
    return Photo(
        id=f"digit-{number:04}",
        file_name=path.relative_to(workspace.root).as_posix(),
        label=label,
        source=SOURCE,
        page_url=PAGE,
        title=f"Optical Recognition of Handwritten Digits, test part, number {number}",
        owner=OWNER,
        licence=LICENCE,
        sha256=sha256,
        width=SIDE,
        height=SIDE,
    )
