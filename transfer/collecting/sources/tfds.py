"""Data sets that TensorFlow Datasets has prepared on this machine: tfds:NAME, or tfds:FOLDER.

FOLDER is that of a prepared data set, or PART/CLASS/* as ``tfds.ImageFolder`` reads it. Labels and given splits are
kept, and the encoded photos as they are. Nothing is downloaded: a data set that is not prepared is an error at once.
https://www.tensorflow.org/datasets
"""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from transfer.collecting.formats import EXTENSIONS, HEAD, sniff
from transfer.collecting.source import Listing, Source, checked_label
from transfer.collecting.sources._parts import as_given, part
from transfer.collecting.sources._tree import candidates, level
from transfer.errors import CallError, DataError
from transfer.photo import Photo

PREFIX = "tfds:"
_INFO = "dataset_info.json"  # lies in the folder of every prepared version


def read(path: Path) -> Listing:
    """The photos of a prepared data set, laid out as files until the listing is closed.

    Raises:
        CallError: There is no data set of this name. DataError: It is not prepared here, or holds no labelled photos.
    """
    name = str(path).removeprefix(PREFIX)
    folder = Path(name).expanduser()
    if folder.is_dir():
        prepared = _prepared(folder)
        if prepared is None:
            return _image_folder(folder)
        name = str(prepared)
    builder = _builder(name)
    image, label = _features(builder, name)
    with contextlib.ExitStack() as held:
        root = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="transfer-tfds-")))
        photos = [
            photo for split in sorted(builder.info.splits) for photo in _unpacked(builder, split, image, label, root)
        ]
        if not photos:
            raise DataError("The data set holds no photo.", received=name)
        close = held.pop_all().close
    return Listing(root, as_given(photos), fleeting=True, close=close)


source = Source(
    summary="Data sets that TensorFlow Datasets has prepared on this machine: tfds:NAME, or tfds:FOLDER.", read=read
)


def _prepared(folder: Path) -> Path | None:
    """The newest version of the data set in this folder: itself, or FOLDER/VERSION, FOLDER/CONFIG/VERSION; or None.

    Raises:
        CallError: There are several data sets.
    """
    found = [file.parent for depth in ("", "*/", "*/*/", "*/*/*/") for file in folder.glob(f"{depth}{_INFO}")]
    sets = sorted({version.parent for version in found})
    if len(sets) > 1:
        raise CallError(
            "The folder holds several prepared data sets.",
            received=f"{folder} with {', '.join(str(each.relative_to(folder)) for each in sets[:10])}",
            remedy=f"Name one of them, such as {PREFIX}{sets[0]}.",
        )
    return max(found, key=lambda version: [int(part) for part in re.findall(r"\d+", version.name)], default=None)


def _image_folder(folder: Path) -> Listing:
    """``PART/CLASS/*``, the layout of ``tfds.ImageFolder``: files of every photo format, read where they lie."""
    root = folder.resolve()
    photos: list[Photo] = []
    parts, loose = level(root)
    ignored = len(loose)
    for given in parts:
        classes, loose = level(given)
        ignored += len(loose)
        for place in classes:
            found, others = candidates(place, root, part(given.name))
            photos += found
            ignored += others
    if not photos:
        raise DataError(
            "The folder is neither a prepared data set nor one of tfds.ImageFolder.",
            received=folder,
            remedy=f"Name the folder that holds {_INFO}, or one of PART/CLASS/photos; `transfer load` takes class "
            "folders as they are.",
        )
    return Listing(root, as_given(photos), ignored=ignored, complete=True)


def _builder(name: str) -> Any:
    import tensorflow_datasets as tfds

    try:
        if Path(name).is_dir():
            builder = tfds.builder_from_directory(name)
        else:
            builder = tfds.builder(name, data_dir=os.environ.get("TFDS_DATA_DIR"), try_gcs=False)
    except tfds.core.registered.DatasetNotFoundError:
        raise CallError(
            "TensorFlow Datasets knows no data set of this name.",
            received=name,
            remedy="Look at https://www.tensorflow.org/datasets/catalog, or name the folder of a prepared version.",
        ) from None
    except (OSError, ValueError, AttributeError, ImportError) as error:
        said = str(error).strip().split("\n")[0][:200]
        raise DataError(
            "The data set cannot be opened.",
            received=f"{name}: {said}",
            remedy="Name a data set, or the folder of a prepared one.",
        ) from error
    if not (Path(builder.data_path) / _INFO).is_file():
        raise DataError(
            "The data set is not prepared on this machine, and nothing is downloaded unasked.",
            received=f"{name}, looked for in {builder.data_path}",
            remedy=f"Where there is a network, run: python -c \"import tensorflow_datasets as t; t.load('{name}')\", "
            "or set TFDS_DATA_DIR to where it lies.",
        )
    return builder


def _features(builder: Any, name: str) -> tuple[str, str]:
    """The names of the photo and of its label; those called so first."""
    import tensorflow_datasets as tfds

    features: Mapping[str, Any] = builder.info.features if hasattr(builder.info.features, "items") else {}
    images = sorted(
        (key for key, kind in features.items() if isinstance(kind, tfds.features.Image)), key=_plainly("image")
    )
    labels = sorted(
        (key for key, kind in features.items() if isinstance(kind, tfds.features.ClassLabel)), key=_plainly("label")
    )
    if not images or not labels:
        raise DataError(
            "The data set holds no photos with a class each.", received=f"{name} with {', '.join(features)}"
        )
    return images[0], labels[0]


def _plainly(wanted: str) -> Any:
    return lambda name: (name != wanted, name)


def _unpacked(builder: Any, split: str, image: str, label: str, root: Path) -> list[Photo]:
    import tensorflow_datasets as tfds

    names = builder.info.features[label].names
    dataset = builder.as_dataset(split=split, decoders={image: tfds.decode.SkipDecoding()}, shuffle_files=False)
    photos = []
    for number, example in enumerate(tfds.as_numpy(dataset)):
        content, at = bytes(example[image]), int(example[label])
        if at < 0:  # a test split without labels
            continue
        extension = EXTENSIONS.get(sniff(content[:HEAD]) or "", "bin")
        word = checked_label(names[at], where=f"{split} {number}")
        file = root / split / word / f"{number:06d}.{extension}"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        title = file.relative_to(root).as_posix()
        photos.append(Photo(id="", file_name=str(file), label=word, source="tfds", title=title, split=part(split)))
    return photos
