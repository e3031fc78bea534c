"""Data: a workspace's kept photos in the folders that other libraries read, each with its credits.

    folders      PART/LABEL/*.{jpg,png}  keras.utils.image_dataset_from_directory, torchvision's ImageFolder
    imagefolder  PART/metadata.jsonl     Hugging Face `load_dataset("imagefolder", data_dir=...)`
    tfds         PART/LABEL/*.{jpg,png}  `tfds.ImageFolder(...)`
    croissant    croissant.json          PART/LABEL/*, with metadata that `mlcroissant` validates

The readers of ``folders`` and ``tfds`` pass over in silence what is not named as one of their formats, so there every
photo is a JPEG or a PNG by its content, and named so.

It owns layouts. It refuses to publish where a photo lay on its owner's disk, and to leave half a folder behind.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transfer.credits import credits_csv, credits_page, public, shown_title, terms
from transfer.errors import CallError, DataError, ExportError
from transfer.exporting import target
from transfer.exporting.croissant import write_croissant
from transfer.manifest import Manifest
from transfer.photo import LONGEST_NAME, SPLITS, Photo, name_fault
from transfer.progress import Progress
from transfer.workspace import Workspace

FORMATS = ("folders", "imagefolder", "tfds", "croissant")
_PLAIN = ("folders", "tfds")  # whose readers go by names
_BEGINNINGS = {b"\xff\xd8\xff": ".jpg", b"\x89PNG\r\n\x1a\n": ".png"}  # what all of them read
ALL = "all"  # the part of photos that are not divided


@dataclass(frozen=True)
class ExportedData:
    """What was written: where, in which layout, how many photos of each part, and under which terms they stand."""

    path: Path
    format: str
    photos: dict[str, int]
    terms: str


def export_data(
    manifest: Manifest,
    workspace: Workspace,
    *,
    into: Path,
    format: str,
    on_progress: Progress | None = None,
) -> ExportedData:
    """Write the kept photos as folders.

    Args:
        manifest: Of the workspace. into: A folder that is not there yet, or is empty.
        format: One of ``FORMATS``. on_progress: Told ``(done, total, what)``.

    Raises:
        CallError: The format is unknown, or the folder is taken.
        DataError: Some photos have a split and others none; or no path can be made of a label or an id.
        ExportError: A photo is gone, or is not what it was; or the folder cannot be written.
    """
    if format not in FORMATS:
        raise CallError("There is no such layout.", received=format, remedy=f"Known: {', '.join(FORMATS)}.")
    target.check(into)
    with target.reaching(into):
        if into.exists() and (not into.is_dir() or any(into.iterdir())):
            raise CallError("The folder holds something already.", received=into, remedy="Name a new folder.")
    parts = _parts(manifest)
    _check_names(manifest)
    with target.placing(into) as folder:
        folder.mkdir()
        written = []
        for done, photo in enumerate(manifest.kept, 1):
            written.append(_written(photo, workspace, folder, parts, plain=format in _PLAIN))
            if on_progress is not None:
                on_progress(done, len(manifest.kept), "photos written")
        rows = [_row(photo) for photo in written]
        credited = Manifest(tuple(written))
        (folder / "CREDITS.csv").write_text(credits_csv(credited), encoding="utf-8")
        (folder / "CREDITS.md").write_text(credits_page(credited), encoding="utf-8")
        if format == "imagefolder":
            _write_metadata(folder, rows, parts)
        if format == "croissant":
            write_croissant(folder, rows, manifest, into.resolve().name)
    counts = {part: sum(row["split"] == part for row in rows) for part in (*SPLITS, ALL)}
    return ExportedData(into, format, {part: count for part, count in counts.items() if count}, terms(manifest))


def _parts(manifest: Manifest) -> bool:
    """Whether the photos are divided into parts."""
    decided = {photo.split is not None for photo in manifest.kept}
    if not decided:
        raise DataError("There is no photo to export.", remedy="Load or collect some first.")
    if len(decided) == 2:
        raise DataError(
            "Some photos belong to train, validation or test, and others to none.",
            remedy="Run `transfer split` first.",
        )
    return decided == {True}


def _check_names(manifest: Manifest) -> None:
    """Refuse labels and ids of which no path may be made: a manifest may come from anybody."""
    for label in manifest.labels:
        if (fault := name_fault(label) or _too_long(label)) is not None:
            raise DataError(
                f"A label {fault}, so no folder can be named so.",
                received=f"{label!a}",
                remedy="Give its photos another label: load them again, or `transfer check` with --edits.",
            )
    for photo in manifest.kept:
        if (fault := name_fault(photo.id) or _too_long(_name(photo, _suffix(photo)))) is not None:
            raise DataError(
                f"The id of a photo {fault}, so no file can be named so.",
                received=f"{photo.id!a}, {photo.file_name!a}",
                remedy="Load its photos again, into a new workspace.",
            )


def _too_long(name: str) -> str | None:
    return f"is longer than {LONGEST_NAME} bytes" if len(os.fsencode(name)) > LONGEST_NAME else None


def _name(photo: Photo, suffix: str) -> str:
    """One photo may be kept twice, under two ids: both have their place."""
    return f"{photo.sha256[:16]}-{photo.id}{suffix}"


def _suffix(photo: Photo) -> str:
    return Path(photo.file_name).suffix.lower() or ".jpg"


def _written(photo: Photo, workspace: Workspace, folder: Path, parts: bool, *, plain: bool) -> Photo:
    """Copy one photo; as it stands in the folder, with its place there and what was changed."""
    try:
        content = workspace.photo_path(photo.file_name).read_bytes()
    except OSError as error:
        raise ExportError(
            "A photo cannot be read.", received=photo.file_name, remedy="Run `transfer check`, then export again."
        ) from error
    if hashlib.sha256(content).hexdigest() != photo.sha256:
        raise ExportError(
            "A photo has changed since it was loaded.", received=photo.file_name, remedy="Load it again, then export."
        )
    suffix = _suffix(photo)
    if plain:
        photo, content, suffix = _plain(photo, content)
    name = _name(photo, suffix)
    place = Path(photo.split or "") / photo.label / name if parts else Path(photo.label) / name
    (folder / place).parent.mkdir(parents=True, exist_ok=True)
    (folder / place).write_bytes(content)
    return dataclasses.replace(photo, file_name=place.as_posix())


def _plain(photo: Photo, content: bytes) -> tuple[Photo, bytes, str]:
    """The photo as a JPEG or a PNG: the facts, the bytes, and the ending that says which."""
    for beginning, suffix in _BEGINNINGS.items():
        if content.startswith(beginning):
            return photo, content, suffix
    content = _as_png(photo, content)
    changes = "; ".join(filter(None, (photo.changes, "saved as PNG")))
    return dataclasses.replace(photo, changes=changes, sha256=hashlib.sha256(content).hexdigest()), content, ".png"


def _as_png(photo: Photo, content: bytes) -> bytes:
    import pillow_heif
    from PIL import Image

    from transfer.pixels.pillow import upright

    pillow_heif.register_heif_opener()
    made = io.BytesIO()
    try:
        with Image.open(io.BytesIO(content)) as image:
            standing = upright(image).convert("RGBA" if image.has_transparency_data else "RGB")
            standing.save(made, "PNG")
    except (OSError, SyntaxError, ValueError) as error:
        raise ExportError(
            f"A photo cannot be saved as PNG: {error}.", received=photo.file_name, remedy="Run `transfer check`."
        ) from error
    return made.getvalue()


def _row(photo: Photo) -> dict[str, Any]:
    return {
        "file_name": photo.file_name,
        "label": photo.label,
        "split": photo.split or ALL,
        "title": shown_title(photo) or "",
        "author": photo.owner or "",
        "licence": photo.licence or "",
        "page": public(photo.page_url) or "",
        "width": photo.width,
        "height": photo.height,
        "sha256": photo.sha256,
    }


def _write_metadata(folder: Path, rows: list[dict[str, Any]], parts: bool) -> None:
    """One ``metadata.jsonl`` beside the photos of each part, with paths relative to it."""
    for split in SPLITS if parts else (ALL,):
        mine = [row for row in rows if row["split"] == split]
        place = folder / split if parts else folder
        lines = [
            {**row, "file_name": Path(row["file_name"]).relative_to(split).as_posix()} if parts else row for row in mine
        ]
        if mine:
            text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
            (place / "metadata.jsonl").write_text(text, encoding="utf-8")
