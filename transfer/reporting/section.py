"""Section: the contract of the shelf ``sections/``.

A section is one part of the page. It owns its title, its place and its words. It refuses to read files: all that it may
look at is in the evidence, which was filled before.

A file on the shelf names a value ``section``; its markup lies in ``templates/`` under the same name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from markupsafe import Markup

from transfer.reporting.evidence import Evidence
from transfer.shelf import Shelf

SECTIONS = Shelf("transfer.reporting.sections", "section")


@dataclass(frozen=True)
class Section:
    """One part of the page.

    Attributes:
        title: Its heading.
        place: Where it stands: lower comes first.
        body: Evidence -> markup below the heading, or None where there is nothing to say.
    """

    title: str
    place: int
    body: Callable[[Evidence], Markup | None]
