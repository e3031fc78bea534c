"""What an earlier report did not say."""

from __future__ import annotations

from markupsafe import Markup

from transfer.reporting.evidence import Evidence
from transfer.reporting.markup import render
from transfer.reporting.section import Section


def body(evidence: Evidence) -> Markup | None:
    return None if evidence.changes is None else render("changes.html", changes=evidence.changes)


section = Section("Changes", 15, body)
