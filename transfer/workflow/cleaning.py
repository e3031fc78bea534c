"""The verb that says what takes space, and frees it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from transfer.workflow._places import Place
from transfer.workspace import Workspace

if TYPE_CHECKING:
    from transfer.space import Space


def clean(workspace: Place, free: Sequence[str] | str = (), *, dry_run: bool = False) -> Space:
    """Say what takes space in a workspace and what it would cost to have it again, and free what is named.

    Whatever is freed is made again when it is asked for; it may be freed while another process trains. Manifest,
    photos, finished and interrupted runs, reports, and files of others stay.

    Args:
        workspace: To look at. It must exist.
        free: ``unused``: activations of photos that are no longer kept, activations and networks in a setting that no
            run had and nobody used for a day, checkpoints of finished runs, and leftovers. Or whole kinds:
            ``features``, ``networks``, ``overlays``, ``failed``, ``checkpoints``, ``leftovers``, ``searches``. ``all``
            is all of these but ``searches``. Where nothing is named, nothing is freed.
        dry_run: Only say what would be freed.

    Returns:
        The things that take space, or took it, each with ``freed_bytes``; ``to_frame()`` gives a table.

    Raises:
        CallError: A word that is none of these.
        DataError: There is no workspace.
    """
    from transfer.space import clean as sweep

    words = [free] if isinstance(free, str) else free
    return sweep(Workspace.of(workspace), words, dry_run=dry_run, now=time.time())
