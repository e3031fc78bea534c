"""Verbs that make the data set: collect, recheck, load, check, split, export_data."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from datetime import date
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transfer.errors import CallError
from transfer.manifest import Manifest
from transfer.progress import Progress
from transfer.workflow._places import Place, photos_of
from transfer.workflow.shelves import shelf
from transfer.workspace import Workspace

if TYPE_CHECKING:
    from transfer.collecting.check import Checked
    from transfer.collecting.collect import Collected
    from transfer.exporting.data import ExportedData
    from transfer.photo import Photo


def collect(
    keywords: Sequence[str] | str,
    into: Place,
    *,
    file: str | PathLike[str] | None = None,
    source: Sequence[str] | str = ("openverse",),
    per_class: int = 100,
    background: int = 0,
    licence: str = "open",
    since: date | None = None,
    until: date | None = None,
    side: int | None = None,
    smallest: int = 64,
    contact: str | None = None,
    retry: bool = False,
    on_plan: Callable[[str], None] | None = None,
    on_progress: Progress | None = None,
) -> Collected:
    """Search photos by keyword, fetch the first valid ones, and write who made each.

    Args:
        keywords: ``"red apple"`` or ``"Malus domestica=apple"``; several may feed one label.
        into: The workspace; the same call goes on where it stood, a larger ``per_class`` only adds.
        file: Keywords in TOML or CSV, beside those given.
        source: Names on the shelf; the later ones fill up what the earlier ones lack.
        per_class: Photos of each label. background: Photos of a class of unrelated ones.
        licence: Codes such as ``cc0,by,by-sa``, or ``open``, ``commercial``, ``derivatives``, ``any``.
        since, until: Days of upload.
        side: Longest side of what is kept, in pixels. smallest: Of the shorter side, as it came.
        contact: Who runs this, an e-mail address or a page; TRANSFER_CONTACT otherwise.
        retry: Ask again for photos that could not be had for a passing reason, or were refused.
        on_plan: Told what will be asked, what is allowed and how long it takes, before it starts.
        on_progress: Told ``(kept, wanted, what)``.

    Raises:
        CallError: A source needs a key or a contact. DataError: No photo could be kept.
    """
    from transfer.collecting.client import client
    from transfer.collecting.collect import collect_photos
    from transfer.collecting.plan import plan
    from transfer.collecting.wanted import Wanted, classes, licences

    codes, unknown = licences(licence)
    wanted = Wanted(
        classes([keywords] if isinstance(keywords, str) else keywords, Path(file) if file else None),
        per_class=per_class,
        background=background,
        sources=(source,) if isinstance(source, str) else tuple(source),
        licences=codes,
        unknown=unknown,
        since=since,
        until=until,
        side=side,
        smallest=smallest,
        retry=retry,
    )
    if on_plan is not None:
        on_plan(str(plan(wanted)))
    workspace = Workspace.of(into)
    with workspace.alone(), client(wanted.searched(), contact=contact) as web:
        return collect_photos(wanted, workspace, web, on_progress=on_progress)


def recheck(workspace: Place, *, contact: str | None = None, on_progress: Progress | None = None) -> Manifest:
    """Look whether collected photos were withdrawn since; those are set aside with the reason ``withdrawn``."""
    from transfer.collecting.client import client
    from transfer.collecting.recheck import recheck_photos

    workspace = Workspace.of(workspace)
    with workspace.alone(), client(dict(shelf("sources")), contact=contact) as web:
        return recheck_photos(workspace, web, on_progress=on_progress)


def load(
    path: str | PathLike[str], into: Place, *, copy: bool = False, on_progress: Progress | None = None
) -> Manifest:
    """Load class folders, train/validation/test folders, or a table of paths into a workspace.

    Args:
        path: ``root/CLASS/*``, ``root/{train,validation,test}/CLASS/*``, a table with ``path,label[,split]`` or URLs,
            or ``tfds:NAME``.
        into: The workspace; photos are added to what is there, and loading the same photos again changes nothing.
        copy: Copy the photos into the workspace instead of referring to them where they lie.
        on_progress: Told ``(done, total, what)``.

    Raises:
        DataError: The path holds no photos in classes; the sentence says what is expected.
    """
    from transfer.collecting.load import load_photos

    if not os.fspath(path):  # as of a variable that is not set
        raise CallError("No photos are named.", received="an empty text", remedy="Name a folder or a table.")
    workspace = Workspace.of(into)
    with workspace.alone():
        return load_photos(Path(path), workspace, copy=copy, on_progress=on_progress)


def check(
    workspace: Place, *, edits: str | PathLike[str] | None = None, on_progress: Progress | None = None
) -> Checked:
    """Look at every photo, set rubbish and duplicates aside with a reason, and say what is doubtful.

    Args:
        workspace: With photos; nothing in it is deleted.
        edits: A table in which a person decides: written where it is not there yet, else applied; what was taken out of
            it is taken back.
        on_progress: Told ``(done, total, what)``.

    Returns:
        What was found. Likely mislabels are looked for where a run has left features of every photo.
    """
    from transfer.collecting.check import check_photos

    workspace = Workspace.of(workspace)
    photos_of(workspace)
    with workspace.alone():
        return check_photos(
            workspace,
            edits=Path(edits) if edits else None,
            vectors=lambda photos: _kept_features(workspace, photos),
            on_progress=on_progress,
        )


def split(workspace: Place, *, validation: float = 0.15, test: float = 0.15, seed: int = 0) -> Manifest:
    """Decide train, validation and test for every photo that has none: stratified, grouped, sticky.

    Raises:
        DataError: Classes too small to split; the sentence names them.
    """
    from transfer.collecting.split import split as decide
    from transfer.credits import keep_in_step

    workspace = Workspace.of(workspace)
    with workspace.alone():
        manifest = decide(photos_of(workspace), validation=validation, test=test, seed=seed)
        manifest.write(workspace)
        keep_in_step(manifest, workspace)
    return manifest


def export_data(
    workspace: Place,
    *,
    into: str | PathLike[str],
    format: str = "folders",
    on_progress: Progress | None = None,
) -> ExportedData:
    """Write the kept photos as folders that other libraries read: folders, imagefolder, tfds or croissant."""
    from transfer.exporting.data import export_data as write

    workspace = Workspace.of(workspace)
    return write(photos_of(workspace), workspace, into=Path(into), format=format, on_progress=on_progress)


def _kept_features(workspace: Workspace, photos: Sequence[Photo]) -> Any:
    """One vector a photo, from the features that runs have left; None where no setting has all of them."""
    if not workspace.features.exists():
        return None
    from transfer.training.features import kept_vectors

    return kept_vectors(workspace, photos)
