"""Edits: a table of doubtful photos in which a person decides, applied and taken back.

The column ``action`` is for the person: ``keep``, ``exclude``, ``verified``, or ``relabel`` with ``new_label``. What
was decided is remembered in the workspace; a row that is emptied or deleted is taken back the next time. A table that
lacks the columns of a decision is refused, for it would take back everything.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transfer.cells import bare, guarded
from transfer.collecting.duplicates import REASONS
from transfer.collecting.source import checked_label
from transfer.collecting.sources.table import delimiter
from transfer.errors import CallError, DataError
from transfer.manifest import Manifest
from transfer.photo import Photo
from transfer.workspace import Workspace

COLUMNS = ("action", "new_label", "label", "reason", "file_name", "title", "id")
NEEDED = ("action", "id")
ACTIONS = ("keep", "exclude", "relabel", "verified")
BY_A_PERSON = "excluded_by_hand"


@dataclass(frozen=True)
class Decision:
    """What a person said of one photo, and its label before."""

    action: str
    new_label: str = ""
    was: str = ""


def remembered(workspace: Workspace) -> dict[str, Decision]:
    """What was decided before, by id."""
    try:
        record: Mapping[str, Any] = json.loads((workspace.root / "edits.json").read_text(encoding="utf-8"))
        return {id: Decision(**said) for id, said in record.items()}
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError, AttributeError) as error:
        raise DataError(
            "The remembered decisions are damaged.",
            received=workspace.root / "edits.json",
            remedy="Delete the file and apply your table again.",
        ) from error


def remember(decisions: Mapping[str, Decision], workspace: Workspace) -> None:
    """Write them."""
    record = {id: dataclasses.asdict(decision) for id, decision in sorted(decisions.items())}
    workspace.write_json(workspace.root / "edits.json", record)


def taken_back(manifest: Manifest, decisions: Mapping[str, Decision]) -> Manifest:
    """The manifest as if nobody had decided anything."""
    changed = []
    for photo in manifest.photos:
        decision = decisions.get(photo.id)
        if decision is None:
            continue
        if decision.action == "relabel" and photo.label == decision.new_label:
            photo = dataclasses.replace(photo, label=decision.was, verified=False)
        elif decision.action in ("keep", "verified"):
            photo = dataclasses.replace(photo, verified=False)
        elif photo.reason == BY_A_PERSON:
            photo = dataclasses.replace(photo, excluded=None)
        changed.append(photo)
    return manifest.replace(changed)


def applied(manifest: Manifest, decisions: Mapping[str, Decision]) -> Manifest:
    """The manifest with what a person decided. Nobody can decide that a damaged photo is whole."""
    return manifest.replace(_applied(photo, decisions[photo.id]) for photo in manifest.photos if photo.id in decisions)


def _applied(photo: Photo, decision: Decision) -> Photo:
    # Which of two labels or sides is right is for a person to say.
    excluded = None if photo.reason in REASONS else photo.excluded
    if decision.action == "exclude":
        return dataclasses.replace(photo, excluded=excluded or BY_A_PERSON)
    label = decision.new_label if decision.action == "relabel" else photo.label
    return dataclasses.replace(photo, label=label, excluded=excluded, verified=True)


def read_table(path: Path, manifest: Manifest) -> dict[str, Decision]:
    """The decisions of a table.

    Raises:
        CallError: It cannot be read. DataError: It lacks a column, or a row names no photo, no known action, or
            relabels to nothing.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            head = file.readline()
            file.seek(0)
            reader = csv.DictReader(file, delimiter=delimiter(head, COLUMNS))
            header, rows = reader.fieldnames or (), list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CallError(
            "The table of edits cannot be read.",
            received=f"{path}: {error}",
            remedy="Save it as CSV in UTF-8. What was decided before is untouched.",
        ) from error
    _refuse_other_columns(path, header)
    photos = {photo.id: photo for photo in manifest.photos}
    decisions: dict[str, Decision] = {}
    for number, row in enumerate(rows, 2):
        action = (row.get("action") or "").strip().lower()
        if not action:
            continue
        where = f"{path}, line {number}"
        id = (row.get("id") or "").strip()
        if id not in photos or action not in ACTIONS:
            what = "names no photo of this workspace" if id not in photos else "asks for an unknown action"
            raise DataError(f"A row of the table {what}.", received=where, remedy=f"Actions: {', '.join(ACTIONS)}.")
        label = checked_label(bare((row.get("new_label") or "").strip()), where=where) if action == "relabel" else ""
        decisions[id] = Decision(action, label, photos[id].label)
    return decisions


def _refuse_other_columns(path: Path, header: Sequence[str]) -> None:
    missing = [name for name in NEEDED if name not in header]
    if missing:
        raise DataError(
            f"The table of edits lacks the column {' and '.join(missing)}.",
            received=f"{path} with the columns {', '.join(header) or 'nothing'}",
            remedy=f'Begin it with a line such as "{",".join(COLUMNS)}". What was decided before is untouched.',
        )


def table(photos: Iterable[tuple[Photo, str]], decisions: Mapping[str, Decision]) -> str:
    """CSV of doubtful photos, each with its reason, and of all that was decided."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for photo, reason in photos:
        decision = decisions.get(photo.id, Decision(""))
        row = (decision.action, decision.new_label, photo.label, reason, photo.file_name, photo.title or "", photo.id)
        writer.writerow(map(guarded, row))
    return text.getvalue()
