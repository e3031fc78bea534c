"""Page: evidence + sections -> HTML, one file that needs no network and no script.

It owns the frame of the page and its order. What a section says is the section's business.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import transfer
from transfer.manifest import Manifest
from transfer.reporting.evidence import Evidence, gather
from transfer.reporting.markup import render
from transfer.reporting.section import SECTIONS
from transfer.run import Run
from transfer.workspace import Workspace


def write_report(workspace: Workspace, manifest: Manifest, runs: Sequence[Run], *, title: str | None = None) -> Path:
    """Write ``WS/report/index.html``; the same runs and photos give the same bytes.

    Args:
        workspace: Where the photos lie and the page is written.
        manifest: The photos as they are now.
        runs: All runs of the workspace; those of other data are only counted.
        title: Of the page; None takes the workspace's name.

    Returns:
        The path of the page.

    Raises:
        TransferError: There is no run of the present data.
    """
    evidence = gather(workspace, manifest, runs, title=title)
    path = workspace.report / "index.html"
    workspace.write_text(path, to_html(evidence))
    return path


def to_html(evidence: Evidence) -> str:
    """The whole page, the sections in their places; one that has nothing to say is left out."""
    members = sorted(((SECTIONS[name].place, name, SECTIONS[name]) for name in SECTIONS), key=lambda one: one[:2])
    bodies = [(name, section.title, section.body(evidence)) for _, name, section in members]
    parts = [{"name": name, "title": title, "body": body} for name, title, body in bodies if body is not None]
    return render("page.html", evidence=evidence, parts=parts, version=transfer.__version__) + "\n"
