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

import csv
import dataclasses
import hashlib
import io
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from transfer.cells import guarded
from transfer.credits import credits_csv, credits_page, public, shown_title, terms
from transfer.errors import CallError, DataError, ExportError
from transfer.exporting.target import placing, reaching
from transfer.licence import Licence
from transfer.manifest import Manifest
from transfer.photo import SPLITS, Photo
from transfer.progress import Progress
from transfer.workspace import Workspace

FORMATS = ("folders", "imagefolder", "tfds", "croissant")
_PLAIN = ("folders", "tfds")  # whose readers go by names
_BEGINNINGS = {b"\xff\xd8\xff": ".jpg", b"\x89PNG\r\n\x1a\n": ".png"}  # what all of them read
ALL = "all"  # the part of photos that are not divided
_OTHERS_WORDS = ("title", "author", "licence")
_COLUMNS = ("file_name", "label", "split", "title", "author", "licence", "page", "width", "height", "sha256")


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
        CallError: The format is unknown, or the folder is taken. DataError: Some photos have a split and others none.
        ExportError: A photo is gone, or is not what it was; or the folder cannot be written.
    """
    if format not in FORMATS:
        raise CallError("There is no such layout.", received=format, remedy=f"Known: {', '.join(FORMATS)}.")
    with reaching(into):
        if into.exists() and (not into.is_dir() or any(into.iterdir())):
            raise CallError("The folder holds something already.", received=into, remedy="Name a new folder.")
    parts = _parts(manifest)
    with placing(into) as folder:
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
            _write_croissant(folder, rows, manifest, into.resolve().name)
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
    suffix = Path(photo.file_name).suffix.lower() or ".jpg"
    if plain:
        photo, content, suffix = _plain(photo, content)
    # One photo may be kept twice, under two ids: both have their place.
    name = f"{photo.sha256[:16]}-{photo.id}{suffix}"
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
    from PIL import Image, ImageOps

    pillow_heif.register_heif_opener()
    made = io.BytesIO()
    try:
        with Image.open(io.BytesIO(content)) as image:
            upright = ImageOps.exif_transpose(image).convert("RGBA" if image.has_transparency_data else "RGB")
            upright.save(made, "PNG")
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


def _write_croissant(folder: Path, rows: list[dict[str, Any]], manifest: Manifest, name: str) -> None:
    """Croissant 1.0, https://docs.mlcommons.org/croissant/docs/croissant-spec.html ."""
    text = io.StringIO()
    writer = csv.DictWriter(text, _COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(row | {name: guarded(row[name]) for name in _OTHERS_WORDS} for row in rows)
    table = text.getvalue().encode()
    (folder / "photos.csv").write_bytes(table)
    licences = {licence.url or licence.name for photo in manifest.kept if (licence := Licence.parse(photo.licence))}
    document = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": "".join(sign if sign.isalnum() or sign in "-_" else "-" for sign in name) or "photos",
        "description": f"{len(rows)} photos of {len(manifest.labels)} classes: {', '.join(manifest.labels)}.",
        "license": sorted(licences) or ["not stated"],
        "version": "1.0.0",
        "datePublished": datetime.now(UTC).date().isoformat(),
        "citeAs": "Every photo with its author stands in CREDITS.csv.",
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": "photos.csv",
                "name": "photos.csv",
                "contentUrl": "photos.csv",
                "encodingFormat": "text/csv",
                "sha256": hashlib.sha256(table).hexdigest(),
            }
        ],
        "recordSet": [
            {"@type": "cr:RecordSet", "@id": "photos", "name": "photos", "field": [_field(name) for name in _COLUMNS]}
        ],
    }
    text_of_it = json.dumps(document, indent=1, ensure_ascii=False)
    (folder / "croissant.json").write_text(text_of_it + "\n", encoding="utf-8")


def _field(name: str) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": f"photos/{name}",
        "name": name,
        "dataType": "sc:Integer" if name in ("width", "height") else "sc:Text",
        "source": {"fileObject": {"@id": "photos.csv"}, "extract": {"column": name}},
    }


_CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataBiases": "cr:dataBiases",
    "dataCollection": "cr:dataCollection",
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "personalSensitiveInformation": "cr:personalSensitiveInformation",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
"""As the specification gives it."""
