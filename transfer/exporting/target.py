"""Target: the folder that an export is written to, whole or not at all; what the disk refuses is a sentence.

It says which places cannot be written before anything is computed. It refuses to take away what no export has written.
"""

from __future__ import annotations

import contextlib
import re
import tempfile
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from transfer.errors import DataError, ExportError
from transfer.workspace import atomically

MARK = "After writing, a fresh process without Keras answered on"
"""What stands in every card, and in no README of others: an older export is known by it."""
_MODEL = (
    *("saved_model.pb", "fingerprint.pb", "variables", "variables/variables.*", "assets"),
    *("labels.txt", "README.md", "CREDITS.csv", "CREDITS.md"),
)
"""What an exported model consists of."""
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
_NAMED = 5
"""So many files of others are named at most."""


def check(into: Path) -> None:
    """Refuse, before anything is computed, a place where no folder can be put.

    Raises:
        ExportError: It is an address, a mount point, or in a folder that cannot be written.
    """
    with reaching(into):
        if len(into.parts) > 1 and _ADDRESS.fullmatch(into.parts[0]) and not Path(into.parts[0]).exists():
            raise ExportError(
                "An export is written to a folder of this machine, not to an address.",
                received=into,
                remedy="Name a folder, and copy it to that address afterwards.",
            )
        if into.resolve().is_mount():
            raise ExportError(
                "The folder is a mount point, which nothing can take the place of.",
                received=into,
                remedy="Name a folder inside it.",
            )
        above = next(folder for folder in into.resolve().parents if folder.exists())
        tempfile.TemporaryDirectory(prefix=".writing-", dir=above).cleanup()


def check_model(into: Path) -> None:
    """Refuse, as ``check`` does, a place for a model; and one that holds anything but an older export.

    Raises:
        DataError: It holds something else, which is named. ExportError: See ``check``.
    """
    check(into)
    with reaching(into):
        names = sorted(path.relative_to(into).as_posix() for path in _held(into))
        strange = [name for name in names if not any(fnmatchcase(name, ours) for ours in _MODEL)]
        if not into.exists() or (into.is_dir() and (not names or (not strange and _is_marked(into)))):
            return
    named = ", ".join([*strange[:_NAMED], *(["..."] if strange[_NAMED:] else ())])
    raise DataError(
        "There is something else where the model should go.",
        received=f"{into}: {named}" if named else into,
        remedy="Name an empty or new folder, or one with an older export and nothing else, which is replaced.",
    )


def _held(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return [*folder.iterdir(), *folder.glob("variables/*"), *folder.glob("assets/*")]


def _is_marked(folder: Path) -> bool:
    """Whether a model has the labels and the card that an export writes."""
    card = folder / "README.md"
    return (folder / "labels.txt").is_file() and card.is_file() and MARK in card.read_text("utf-8", "replace")


@contextlib.contextmanager
def placing(into: Path) -> Iterator[Path]:
    """A temporary folder that takes the place of ``into`` when the block ends without error.

    Raises:
        ExportError: The place cannot be written.
    """
    with reaching(into), atomically(into.resolve()) as temporary:  # a dot has no name to be renamed to
        yield temporary


@contextlib.contextmanager
def reaching(into: Path) -> Iterator[None]:
    """Where a place may not be looked at or written, an error that says which."""
    try:
        yield
    except OSError as error:
        raise ExportError(
            f"The folder cannot be written: {error.strerror or error}.",
            received=into,
            remedy="Name a folder in another place, or give yourself the permission and the space to write there.",
        ) from error
