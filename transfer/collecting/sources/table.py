"""A table (CSV, TSV, JSON Lines, Parquet) of paths or URLs, labels and credits.

The first line names the columns: one of path, file, file_name, image, filename, url; label or class; and, where they
are given, split, licence, author and page, each under a few usual names. Other columns are left alone. Paths are
relative to the table's own folder, or absolute. Whether a file exists is found out when it is read; a row whose file is
missing is set aside then.
"""

from __future__ import annotations

import csv
import json
import math
import os
from collections.abc import Collection, Sequence
from pathlib import Path

from transfer.collecting.source import Listing, Source, checked_label
from transfer.collecting.sources._parts import as_given, part
from transfer.errors import DataError
from transfer.licence import Licence
from transfer.photo import SPLITS, Photo, is_text

COLUMNS = {
    "path": ("path", "file", "file_name", "image", "filename", "url", "image_url"),
    "label": ("label", "class"),
    "split": ("split", "part", "subset"),
    "licence": ("licence", "license"),
    "owner": ("author", "owner", "creator", "credit", "artist"),
    "page": ("page", "page_url", "landing_page"),
}
FORMATS = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")
KNOWN = frozenset(name for names in COLUMNS.values() for name in names)
DELIMITERS = ",;\t|"
EXAMPLE = 'Begin the table with a line such as "path,label,split".'


def read(path: Path) -> Listing:
    """The candidates of a table, in its order; a row that repeats another one counts once.

    Raises:
        DataError: The table cannot be read, lacks a column, has no row, an empty path, a label that cannot be one,
            an unknown split, or two rows that say different things of one file.
    """
    root = path.parent.resolve()
    rows = _rows(path)
    where = {kind: _column(rows[0][1], names) for kind, names in COLUMNS.items()}
    if where["path"] is None or where["label"] is None:
        raise DataError(
            "The table lacks a column of paths or of labels.",
            received=f"{path} with the columns {', '.join(rows[0][1])}",
            remedy=EXAMPLE,
        )
    _refuse_unknown_splits(path, rows[1:], where["split"])
    photos: dict[str, Photo] = {}
    ignored = 0
    for line, cells in rows[1:]:
        photo = _photo(root, f"{path}, line {line}", {kind: _cell(cells, where[kind]) for kind in COLUMNS})
        known = photos.setdefault(photo.file_name or photo.image_url or "", photo)
        if known != photo:
            raise DataError(
                "Two rows of the table say different things of one file.",
                received=f"{path}, line {line}: {photo.title} is {_said(known)} and {_said(photo)}",
                remedy="Leave one row for each file.",
            )
        ignored += known is not photo
    if not photos:
        raise DataError(
            "The table has no row.", received=path, remedy="Write one row for each photo below the columns."
        )
    return Listing(root, as_given(photos.values()), ignored=ignored)


source = Source(summary="A table (CSV, TSV, JSON Lines, Parquet) of paths or URLs, labels and credits.", read=read)


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    """Line number and cells of every row that is not blank, the header first."""
    if path.suffix.lower() in (".jsonl", ".ndjson"):
        return _from_records(path, _json_lines(path))
    if path.suffix.lower() == ".parquet":
        return _from_records(path, _parquet(path))
    try:
        # utf-8-sig: spreadsheets put a byte order mark before the first column's name.
        with path.open(encoding="utf-8-sig", newline="") as file:
            head = file.readline()
            file.seek(0)
            reader = csv.reader(file, delimiter="\t" if path.suffix.lower() == ".tsv" else delimiter(head, KNOWN))
            rows = [(reader.line_num, cells) for cells in reader if any(cell.strip() for cell in cells)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            "The table cannot be read.", received=f"{path}: {error}", remedy="Save it as CSV in UTF-8."
        ) from error
    if not rows:
        raise DataError("The table is empty.", received=path, remedy=EXAMPLE)
    return rows


def _from_records(path: Path, records: Sequence[dict[str, object]]) -> list[tuple[int, list[str]]]:
    header = list(dict.fromkeys(str(name) for record in records for name in record))
    if not header:
        raise DataError(
            "The table is empty.", received=path, remedy='Write lines such as {"path": "a.jpg", "label": "a"}.'
        )
    used = {name for name in header if name.strip().lower() in KNOWN}
    rows = [[_text(record.get(name)) if name in used else "" for name in header] for record in records]
    return [(0, header), *enumerate(rows, 1)]


def _text(value: object) -> str:
    return "" if value is None or (isinstance(value, float) and math.isnan(value)) else str(value)


def _json_lines(path: Path) -> list[dict[str, object]]:
    records = []
    try:
        # Not splitlines: a title may hold U+2028.
        for number, line in enumerate(path.read_text(encoding="utf-8-sig").split("\n"), 1):
            if line.strip():
                record = json.loads(line)
                records.append(_record(record, number))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(
            "The table cannot be read.", received=f"{path}: {error}", remedy="Write one JSON object a line, in UTF-8."
        ) from error
    return records


def _record(value: object, line: int) -> dict[str, object]:
    if not isinstance(value, dict):
        raise ValueError(f"line {line} is no object")  # noqa: TRY004  (told like the others of a file)
    return value


def _parquet(path: Path) -> list[dict[str, object]]:
    import pandas

    try:
        frame = pandas.read_parquet(path)
    except ImportError as error:
        raise DataError("Parquet is read by pyarrow.", received=path, remedy="pip install pyarrow") from error
    except (OSError, ValueError) as error:
        raise DataError("The table cannot be read.", received=f"{path}: {error}", remedy="Write it again.") from error
    # NaN, NaT and NA are how pandas says nothing.
    rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in rows]


def delimiter(head: str, known: Collection[str]) -> str:
    """The sign that makes the most known columns of the first line; guessing from the rows goes wrong on titles."""

    def columns(sign: str) -> int:
        return sum(cell.strip().lower() in known for cell in next(csv.reader([head], delimiter=sign), []))

    return max(DELIMITERS, key=columns)


def _column(header: Sequence[str], names: tuple[str, ...]) -> int | None:
    columns = [cell.strip().lower() for cell in header]
    return next((columns.index(name) for name in names if name in columns), None)


def _cell(cells: Sequence[str], column: int | None) -> str:
    return "" if column is None or column >= len(cells) else cells[column].strip()


def _refuse_unknown_splits(path: Path, rows: Sequence[tuple[int, list[str]]], column: int | None) -> None:
    named = {_cell(cells, column) for _, cells in rows} - {""}
    unknown = sorted(name for name in named if part(name) is None)
    if unknown:
        raise DataError(
            f"The table names splits that are none: {', '.join(ascii(name) for name in unknown[:5])}.",
            received=path,
            remedy=f"Write {', '.join(SPLITS)}, or nothing where it is undecided.",
        )


def _said(photo: Photo) -> str:
    return f"{photo.label} in {photo.split}" if photo.split else photo.label


def _photo(root: Path, where: str, cells: dict[str, str]) -> Photo:
    path = cells["path"]
    if any("\0" in cell or not is_text(cell) for cell in cells.values()):
        raise DataError(
            "A row of the table holds a NUL or half a surrogate, which no text has.",
            received=where,
            remedy="Mend the row or delete it.",
        )
    if not path:
        raise DataError("A row of the table has no path.", received=where, remedy="Fill it in or delete the row.")
    remote = path.lower().startswith(("http://", "https://"))
    file = Path(os.path.normpath(root / path))
    inside = not Path(path).is_absolute() or root in file.parents
    return Photo(
        id="",
        file_name="" if remote else str(file),
        label=checked_label(cells["label"], where=where),
        source="table",
        # What a local photo is called is part of what it is; an author's title stands beside the address.
        title=path if remote else (Path(os.path.relpath(file, root)) if inside else file).as_posix(),
        split=part(cells["split"]),
        image_url=path if remote else None,
        page_url=cells["page"] or None,
        owner=" ".join(cells["owner"].split()) or None,
        licence=_licence(cells["licence"]),
    )


def _licence(text: str) -> str | None:
    """By its usual name where it is known, else as it was written."""
    known = Licence.parse(text)
    return known.name if known else " ".join(text.split()) or None
