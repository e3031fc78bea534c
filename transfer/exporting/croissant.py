"""Croissant: a data set's metadata for programs, as ``mlcroissant`` validates it.

Croissant 1.0, https://docs.mlcommons.org/croissant/docs/croissant-spec.html .
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from transfer.cells import guarded
from transfer.licence import Licence
from transfer.manifest import Manifest

COLUMNS = ("file_name", "label", "split", "title", "author", "licence", "page", "width", "height", "sha256")
_OTHERS_WORDS = ("title", "author", "licence")


def write_croissant(folder: Path, rows: Sequence[Mapping[str, Any]], manifest: Manifest, name: str) -> None:
    """Write ``croissant.json``, and ``photos.csv`` that it describes.

    Args:
        folder: With the photos. rows: One for each of them, with the values of ``COLUMNS``.
        manifest: Whose kept photos they are. name: Of the data set.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows({**row, **{name: guarded(row[name]) for name in _OTHERS_WORDS}} for row in rows)
    table = text.getvalue().encode()
    (folder / "photos.csv").write_bytes(table)
    document = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": "".join(sign if sign.isalnum() or sign in "-_" else "-" for sign in name) or "photos",
        "description": f"{len(rows)} photos of {len(manifest.labels)} classes: {', '.join(manifest.labels)}.",
        "license": sorted({_terms(photo.licence) for photo in manifest.kept}),
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
            {"@type": "cr:RecordSet", "@id": "photos", "name": "photos", "field": [_field(name) for name in COLUMNS]}
        ],
    }
    text_of_it = json.dumps(document, indent=1, ensure_ascii=False)
    (folder / "croissant.json").write_text(text_of_it + "\n", encoding="utf-8")


def _terms(text: str | None) -> str:
    """A licence's link, or its name; what is not known to be a licence as it stands, for it may forbid the most."""
    licence = Licence.parse(text)
    return (licence.url or licence.name) if licence else text or "not stated"


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
