"""Credits: who made each photo, under which licence, and what was done to it. Pure, but for writing the two files.

For every export and for the workspace itself: a table for programs and a page for people. Addresses on the maker's own
disk are nobody's business and never stand here.
"""

from __future__ import annotations

import csv
import html
import io
from collections import Counter
from urllib.parse import quote

from transfer.cells import guarded
from transfer.licence import Licence
from transfer.manifest import Manifest
from transfer.photo import Photo
from transfer.workspace import Workspace

COLUMNS = (
    "file",
    "label",
    "title",
    "author",
    "author_page",
    "licence",
    "licence_link",
    "page",
    "changes",
    "flags",
    "sha256",
)


def credits_csv(manifest: Manifest) -> str:
    """A row for each kept photo."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for photo in manifest.kept:
        licence = Licence.parse(photo.licence)
        row = (
            photo.file_name if not photo.file_name.startswith("/") else "",
            photo.label,
            shown_title(photo),
            photo.owner,
            public(photo.owner_url),
            licence.name if licence else photo.licence,
            licence.url if licence else None,
            public(photo.page_url),
            photo.changes,
            "; ".join(licence.flags) if licence else "",
            photo.sha256,
        )
        writer.writerow([guarded(value or "") for value in row])
    return text.getvalue()


def credits_page(manifest: Manifest) -> str:
    """Markdown: licences with their counts and what they forbid, then a line for each kept photo with a source."""
    known = [photo for photo in manifest.kept if photo.licence or photo.owner or public(photo.page_url)]
    lines = ["# Credits", "", f"{len(manifest.kept):,} photos.", ""]
    for name, count in _counts(manifest):
        licence = Licence.parse(name)
        flags = f" **{', '.join(licence.flags)}**" if licence and licence.flags else ""
        lines.append(f"- {_linked(name, licence.url if licence else None)}: {count:,}{flags}")
    label = None
    for photo in known:
        if photo.label != label:
            label = photo.label
            lines += ["", f"## {inline(label)}", ""]
        lines.append(f"- {_line(photo)}")
    return "\n".join(lines) + "\n"


def terms(manifest: Manifest) -> str:
    """In one line: how many kept photos stand under each licence, and what it forbids."""
    told = []
    for name, count in _counts(manifest):
        licence = Licence.parse(name)
        told.append(f"{count:,} {name}" + (f" ({', '.join(licence.flags)})" if licence and licence.flags else ""))
    return ", ".join(told)


def keep_in_step(manifest: Manifest, workspace: Workspace) -> None:
    """Write the credits of a workspace that has some already, or whose photos were made by somebody who is known."""
    credited = any(photo.licence or photo.owner or public(photo.page_url) for photo in manifest.photos)
    if credited or (workspace.root / "CREDITS.csv").exists():
        write_credits(manifest, workspace)


def write_credits(manifest: Manifest, workspace: Workspace) -> None:
    """Keep CREDITS.csv and CREDITS.md of a workspace in step with its manifest."""
    for name, text in (("CREDITS.csv", credits_csv(manifest)), ("CREDITS.md", credits_page(manifest))):
        path = workspace.root / name
        if not path.exists() or path.read_bytes() != text.encode("utf-8"):
            workspace.write_text(path, text)


def _counts(manifest: Manifest) -> list[tuple[str, int]]:
    return sorted(Counter(photo.licence or "not stated" for photo in manifest.kept).items())


def public(address: str | None) -> str | None:
    """An address that others can visit; None for one on the maker's own disk."""
    return address if address and address.startswith(("http://", "https://")) else None


def inline(text: str) -> str:
    """Other people's words: no line of theirs may become Markdown or HTML of ours."""
    escaped = "".join(f"\\{sign}" if sign in r"\`*_{}[]()#|!~" else sign for sign in text)
    return html.escape(" ".join(escaped.split()), quote=False)


def _line(photo: Photo) -> str:
    licence = Licence.parse(photo.licence)
    author = _linked(photo.owner or "unknown author", public(photo.owner_url))
    terms = _linked(
        licence.name if licence else photo.licence or "licence not stated", licence.url if licence else None
    )
    title = _linked(shown_title(photo) or "untitled", public(photo.page_url))
    return f"{title} by {author}, {terms}" + (f"; {inline(photo.changes)}" if photo.changes else "")


def shown_title(photo: Photo) -> str | None:
    """The author's title; of a photo of one's own, its path within its folder."""
    return photo.title if photo.title and not photo.title.startswith("/") else None


def _linked(text: str, address: str | None) -> str:
    if address is None:
        return inline(text)
    # A line break would end the link, and what follows it be Markdown of its own.
    unsafe = (sign in "<>\\" or not sign.isprintable() for sign in address)
    safe = "".join(quote(sign, errors="replace") if bad else sign for sign, bad in zip(address, unsafe, strict=True))
    return f"[{inline(text)}](<{safe}>)"
