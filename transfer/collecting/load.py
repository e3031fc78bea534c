"""Load: photos that lie on this machine -> the manifest of a workspace.

Owned here: reading the files in a few threads, copying them where that is wanted, and the one write at the end. The
originals are read and never touched. Which layouts there are is said in ``sources``, what a second load of a place
means in ``merge``, what a duplicate means in ``duplicates``.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import stat
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from transfer.collecting.checks import measure
from transfer.collecting.duplicates import settle_duplicates
from transfer.collecting.formats import EXTENSIONS, HEAD, sniff
from transfer.collecting.journal import has_content
from transfer.collecting.merge import merge, origin
from transfer.collecting.remote import fetch_all, forget
from transfer.collecting.source import SOURCES, Listing
from transfer.collecting.sources.table import FORMATS
from transfer.credits import keep_in_step
from transfer.errors import CallError, DataError
from transfer.manifest import Manifest
from transfer.photo import Photo
from transfer.progress import Progress
from transfer.web import Web
from transfer.workspace import Workspace

# Reading releases the interpreter, so a few more threads than cores hide the disk; many would only hold more pictures.
_THREADS = min(8, (os.cpu_count() or 1) + 2)
TFDS = "tfds:"


def load_photos(
    path: str | os.PathLike[str],
    workspace: Workspace,
    *,
    copy: bool = False,
    web: Web | None = None,
    on_progress: Progress | None = None,
) -> Manifest:
    """Read the photos of a folder or a table and merge them into the workspace's manifest, which is written at the end.

    Loading the same place again changes nothing, also where it moved: a photo is its path within the place and its
    content. Files that changed are replaced by what they hold now, renamed ones keep their ID, their split and what a
    person said of them, vanished ones are set aside as ``missing``. Unreadable ones stay in the manifest with their
    reason.

    Args:
        path: A folder (class folders, also within train, validation and test folders), a table (CSV, TSV, JSON Lines,
            Parquet) of paths or URLs, or ``tfds:NAME`` or ``tfds:FOLDER``.
        workspace: Where the manifest, and the copies, are written.
        copy: Copy the photos into the workspace, by content; otherwise the manifest refers to the originals by absolute
            path. A photo that was copied once stays copied; a copy that is gone or damaged is made again.
        web: Through which the URLs of a table are fetched; a polite client of its own if None.
        on_progress: Called as ``(done, total, what)`` from the calling thread.

    Returns:
        The merged manifest, as written.

    Raises:
        CallError: There is no such path, or it is neither a folder nor a table, or it is the workspace itself.
        DataError: A folder or table cannot be used (see the sources), or fewer than two classes hold a readable photo.
    """
    known = Manifest.read(workspace)
    listing = _list(Path(path), workspace)
    try:
        copy = copy or listing.fleeting
        local = [photo for photo in listing.photos if photo.file_name]
        remote = [photo for photo in listing.photos if not photo.file_name]
        found = list(_read_all(local, on_progress or _silent))
        if remote:
            found += fetch_all(remote, known, workspace, web, on_progress=on_progress or _silent)
        merged = settle_duplicates(merge(known, listing, found, copy=copy))
        _refuse_too_few_classes(merged, listing)
        wanted = [*(_referred(merged) if copy else ()), *_lost_copies(merged, found[: len(local)], workspace)]
        if wanted:
            merged = settle_duplicates(merged.replace(_copied(wanted, workspace, on_progress or _silent)))
    finally:
        listing.close()
    if listing.fleeting:  # nothing lies any more where it was read from
        merged = merged.replace(
            dataclasses.replace(photo, image_url=None) for photo in merged.photos if photo.source == "tfds"
        )
    if merged != known or not workspace.manifest.exists():
        merged.write(workspace)
    keep_in_step(merged, workspace)
    if remote:
        forget(remote, workspace)
    total = len(listing.photos)
    aside = f", {listing.ignored} other files passed over" if listing.ignored else ""
    (on_progress or _silent)(total, total, f"photos loaded{aside}")
    return merged


# --- reading ---


def _list(path: Path, workspace: Workspace) -> Listing:
    if str(path).startswith(TFDS):
        return SOURCES["tfds"].read(path)
    if not path.exists():
        raise CallError("There is no such file or folder.", received=path, remedy="Name a folder of photos or a CSV.")
    if path.is_dir():
        if path.resolve() == workspace.root.resolve():
            raise CallError(
                "The folder of photos is the workspace itself.",
                received=path,
                remedy="Name another folder for the workspace; the photos stay where they are.",
            )
        return SOURCES["folder"].read(path)
    if path.suffix.lower() not in FORMATS:
        raise CallError(
            "This is neither a folder nor a table of photos.",
            received=path,
            remedy=f"Name a folder of photos, or a table that ends in {' or '.join(FORMATS)}.",
        )
    return SOURCES["table"].read(path)


def _read_all(photos: Iterable[Photo], on_progress: Progress) -> Iterator[Photo]:
    photos = tuple(photos)
    with ThreadPoolExecutor(_THREADS) as pool:
        try:
            for done, photo in enumerate(pool.map(_read, photos), 1):
                on_progress(done, len(photos), "photos read")
                yield photo
        except BaseException:  # Ctrl-C above all: leave at once instead of reading the other ten thousand
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _read(photo: Photo) -> Photo:
    """The candidate with its content's hash and sizes, or with the reason why there are none."""
    try:
        f"{photo.file_name}{photo.title}".encode()
    except UnicodeEncodeError:  # the manifest is text; such a name could not be found again
        shown = [os.fsencode(text or "").decode("utf-8", "backslashreplace") for text in (photo.file_name, photo.title)]
        reason = "unreadable: the file name is not UTF-8"
        return dataclasses.replace(photo, file_name=shown[0], title=shown[1], excluded=reason)
    try:
        if not stat.S_ISREG(Path(photo.file_name).stat().st_mode):  # opening a pipe would wait for ever
            return dataclasses.replace(photo, excluded="unreadable: not a file")
        with Path(photo.file_name).open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            measured = measure(file)
    except FileNotFoundError:
        return dataclasses.replace(photo, excluded="missing")
    except OSError as error:
        return dataclasses.replace(photo, excluded=f"unreadable: {(error.strerror or str(error)).lower()}")
    return dataclasses.replace(
        photo, sha256=sha256, width=measured.width, height=measured.height, excluded=measured.reason
    )


# --- writing ---


def _referred(manifest: Manifest) -> Iterator[Photo]:
    """Every readable photo that is to be copied and is only referred to."""
    for photo in manifest.photos:
        if photo.image_url and Path(photo.file_name).is_absolute() and photo.reason not in ("missing", "unreadable"):
            yield photo


def _lost_copies(manifest: Manifest, found: Iterable[Photo], workspace: Workspace) -> Iterator[Photo]:
    """Every photo whose original was found just now and whose copy does not hold the same."""
    there = {photo.file_name: photo.sha256 for photo in found if photo.excluded is None}
    for photo in manifest.photos:
        copied = not Path(photo.file_name).is_absolute() and there.get(origin(photo)) == photo.sha256
        if copied and not has_content(workspace.photo_path(photo.file_name), photo.sha256):
            yield photo


def _copied(photos: Sequence[Photo], workspace: Workspace, on_progress: Progress) -> Iterator[Photo]:
    """Photos copied from where they come; they then name their copies."""
    for done, photo in enumerate(photos, 1):
        yield _copy(photo, workspace)
        on_progress(done, len(photos), "photos copied")


def _copy(photo: Photo, workspace: Workspace) -> Photo:
    try:
        content = Path(origin(photo)).read_bytes()
    except OSError as error:
        return dataclasses.replace(photo, excluded=f"unreadable: {(error.strerror or str(error)).lower()}")
    if hashlib.sha256(content).hexdigest() != photo.sha256:
        return dataclasses.replace(photo, excluded="unreadable: the file changed while it was copied")
    place = workspace.image(photo.sha256, EXTENSIONS[sniff(content[:HEAD]) or ""])
    if not has_content(place, photo.sha256):
        workspace.write_bytes(place, content)
    return dataclasses.replace(photo, file_name=place.relative_to(workspace.root).as_posix())


def _refuse_too_few_classes(manifest: Manifest, listing: Listing) -> None:
    if len(manifest.labels) > 1:
        return
    aside = manifest.set_aside()
    labels = sorted({photo.label for photo in manifest.photos})
    if len(labels) == 1:
        raise DataError(
            "A classifier needs two classes, and there is one only.",
            received=f"{labels[0]} in {listing.root}",
            remedy=f"Add a folder or rows of another class; if {labels[0]} itself holds the class folders, load that.",
        )
    kept = Counter(photo.label for photo in manifest.kept)
    told = (f"{label}: {kept[label]} kept, set aside {_told(aside.get(label, {}))}" for label in labels[:20])
    raise DataError(
        "Fewer than two classes hold a photo that can be used.",
        received="; ".join(told),
        remedy="Mend or replace the files, then load again. Nothing was written.",
    )


def _told(reasons: dict[str, int]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in reasons.items()) or "none"


def _silent(done: int, total: int, what: str) -> None:
    """Nobody watches."""
