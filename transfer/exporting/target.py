"""Target: the folder that an export is written to, whole or not at all; what the disk refuses is a sentence."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from transfer.errors import ExportError
from transfer.workspace import atomically


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
