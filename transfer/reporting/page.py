"""Page: evidence + sections -> HTML, one file that needs no network, and what lies beside it.

It owns the frame of the page, its order, and its one small script, which sorts tables and which the page's own policy
names by its hash, so that nothing else can run. What a section says is the section's business.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
from collections.abc import Sequence
from pathlib import Path

from markupsafe import Markup

import transfer
from transfer.manifest import Manifest
from transfer.reporting import tidy
from transfer.reporting.changes import compare
from transfer.reporting.evidence import Evidence, gather
from transfer.reporting.markdown import to_markdown
from transfer.reporting.markup import render
from transfer.reporting.mistake import Look, look_at
from transfer.reporting.section import SECTIONS
from transfer.run import Run
from transfer.workspace import Workspace


def write_report(
    workspace: Workspace,
    manifest: Manifest,
    runs: Sequence[Run],
    *,
    title: str | None = None,
    against: Path | None = None,
    grid: str | None = None,
    look: Look | None = None,
) -> Path:
    """Write ``WS/report/index.html``, ``report.md`` and ``results.csv``; the same input gives the same bytes.

    Args:
        workspace: Where the photos lie and the page is written.
        manifest: The photos as they are now.
        runs: All runs of the workspace; those of other data are only counted.
        title: Of the page; None takes the workspace's name.
        against: An earlier report (its folder, its page or its ``results.csv``): what changed since becomes a section.
            It may be the one that is replaced; only its ``results.csv`` is read, and before anything is written.
        grid: The text of the file that repeats the comparison; it is written into the report as it is.
        look: Keeps overlays of where a run looked; None shows those that are kept.

    Returns:
        The path of the page.

    Raises:
        TransferError: There is no run of the present data.
        DataError: There is no report at ``against``.
    """
    before = None if against is None else tidy.read_csv(Path(against))
    evidence = dataclasses.replace(gather(workspace, manifest, runs, title=title), grid=grid)
    if look is not None and evidence.best is not None:
        seen, unseen = look_at(evidence.best, evidence.mistakes, look)
        evidence = dataclasses.replace(evidence, mistakes=seen, unseen=unseen)
    table = tidy.to_csv(evidence)
    if before is not None:
        evidence = dataclasses.replace(evidence, changes=compare(before, tidy.rows(table)))
    page, text = to_html(evidence), to_markdown(evidence)
    path = workspace.report / "index.html"
    workspace.write_text(workspace.report / tidy.NAME, table)
    workspace.write_text(workspace.report / "report.md", text)
    workspace.write_text(path, page)
    return path


def to_html(evidence: Evidence) -> str:
    """The whole page, the sections in their places; one that has nothing to say is left out."""
    members = sorted(((SECTIONS[name].place, name, SECTIONS[name]) for name in SECTIONS), key=lambda one: one[:2])
    bodies = [(name, section.title, section.body(evidence)) for _, name, section in members]
    parts = [{"name": name, "title": title, "body": body} for name, title, body in bodies if body is not None]
    return (
        render(
            "page.html",
            evidence=evidence,
            parts=parts,
            version=transfer.__version__,
            script=Markup(SCRIPT),  # noqa: S704  our own, from the package
            script_hash=base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode(),
        )
        + "\n"
    )


SCRIPT = (Path(__file__).parent / "templates" / "page.js").read_text(encoding="utf-8")
