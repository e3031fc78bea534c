"""Manifest: the table of photos, and one of the two values that cross from room to room.

An ordered, immutable table; on disk one JSON object a line, sorted, replaced atomically. It knows labels, splits and
digests. It holds no pixels and knows no Keras.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from transfer.errors import DataError
from transfer.photo import FIELDS, SPLITS, Photo, is_text, name_fault
from transfer.workspace import Workspace

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True)
class Manifest:
    """The photos of a workspace, sorted by label, file name and id; ids are unique."""

    photos: tuple[Photo, ...] = ()

    def __post_init__(self) -> None:
        ordered = tuple(sorted(self.photos, key=lambda photo: (photo.label, photo.file_name, photo.id)))
        object.__setattr__(self, "photos", ordered)
        doubles = [id for id, count in Counter(photo.id for photo in ordered).items() if count > 1]
        if doubles:
            raise DataError(
                "Two photos of a manifest have one id.",
                received=", ".join(doubles[:5]),
                remedy="Leave one line for each id in manifest.jsonl.",
            )

    def __len__(self) -> int:
        return len(self.photos)

    # --- views ---

    @cached_property
    def kept(self) -> tuple[Photo, ...]:
        """The photos that are not set aside."""
        return tuple(photo for photo in self.photos if photo.excluded is None)

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The classes of the kept photos, in the order of every score and every served answer."""
        return tuple(sorted({photo.label for photo in self.kept}))

    def part(self, split: str) -> tuple[Photo, ...]:
        """The kept photos of one split."""
        return tuple(photo for photo in self.kept if photo.split == split)

    def set_aside(self) -> dict[str, dict[str, int]]:
        """How many photos of each label are set aside, for each reason: ``{label: {reason: count}}``."""
        counts: dict[str, Counter[str]] = {}
        for photo in self.photos:
            if photo.reason is not None:
                counts.setdefault(photo.label, Counter())[photo.reason] += 1
        return {label: dict(sorted(counter.items())) for label, counter in counts.items()}

    def counts(self) -> dict[str, dict[str, int]]:
        """How many kept photos each label has in each split: ``{label: {split: count}}``; undecided is ``""``."""
        table: dict[str, Counter[str]] = {label: Counter() for label in self.labels}
        for photo in self.kept:
            table[photo.label][photo.split or ""] += 1
        return {label: dict(counter) for label, counter in table.items()}

    def replace(self, changed: Iterable[Photo]) -> Manifest:
        """A manifest in which these photos stand in place of those with the same id, or are added."""
        return Manifest(tuple((({photo.id: photo for photo in self.photos}) | {p.id: p for p in changed}).values()))

    # --- digests ---

    def digest(self) -> str:
        """Of every field of every photo."""
        return hashlib.sha256(self.to_jsonl().encode()).hexdigest()

    def training_digest(self) -> str:
        """Of what decides a training's result and nothing else: content, label and split of the kept photos.

        Renaming a file, moving the workspace or mending a credit line changes nothing here.
        """
        rows = sorted((photo.sha256, photo.label, photo.split or "") for photo in self.kept)
        return hashlib.sha256(json.dumps(rows).encode()).hexdigest()

    def groups_digest(self) -> str | None:
        """Of what belongs together in train, which decides what a smaller size draws; None where nothing does."""
        rows = sorted((photo.sha256, photo.group) for photo in self.part("train") if photo.group)
        return hashlib.sha256(json.dumps(rows).encode()).hexdigest() if rows else None

    # --- on disk ---

    def to_jsonl(self) -> str:
        return "".join(json.dumps(photo.to_dict(), ensure_ascii=False) + "\n" for photo in self.photos)

    def write(self, workspace: Workspace) -> None:
        workspace.begin()
        workspace.write_text(workspace.manifest, self.to_jsonl())

    @classmethod
    def read(cls, workspace: Workspace) -> Manifest:
        """The manifest of a workspace; an empty one where there is none yet.

        Raises:
            DataError: A line is no photo; the sentence names the line.
        """
        try:
            text = workspace.manifest.read_text(encoding="utf-8")
        except FileNotFoundError:
            return cls()
        except (UnicodeDecodeError, OSError) as error:
            raise DataError(
                "The manifest cannot be read.",
                received=f"{workspace.manifest}: {error}",
                remedy="Give yourself the permission to read it, or put a copy of it in UTF-8 there.",
            ) from error
        # Not splitlines: a title may hold U+2028, which JSON leaves as it is and splitlines would cut at.
        lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line]
        return cls(tuple(_photo(line, f"{workspace.manifest}, line {number}") for number, line in lines))

    def to_frame(self) -> pandas.DataFrame:
        """One row a photo, one column a field; changes to it change nothing here."""
        import pandas

        return pandas.DataFrame([[getattr(photo, name) for name in FIELDS] for photo in self.photos], columns=FIELDS)


_SHA256 = re.compile("[0-9a-f]{64}")
_KINDS: dict[str, Any] = dict.fromkeys(FIELDS, str | None)
_KINDS |= dict.fromkeys(("id", "file_name", "label", "source", "sha256"), str)
_KINDS |= {"width": int, "height": int, "verified": bool}


def _photo(line: str, where: str) -> Photo:
    try:
        record: Mapping[str, Any] = json.loads(line)
        photo = Photo(**{name: value for name, value in record.items() if name in FIELDS})
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise _damaged(line, where) from error
    if not all(isinstance(getattr(photo, name), kinds) for name, kinds in _KINDS.items()):
        raise _damaged(line, where)
    if fault := _fault(photo):
        raise _damaged(line, where, f": {fault}")
    return photo


def _fault(photo: Photo) -> str | None:
    """What of a photo whose values are of the right kinds cannot be, to end a sentence with."""
    if not all(is_text(value) for name in FIELDS if isinstance(value := getattr(photo, name), str)):
        return "it holds half a surrogate, which is no text"
    if "\0" in photo.id + photo.file_name:
        return "its id or file name holds a NUL"
    if fault := name_fault(photo.label):
        return f"its label {photo.label!a} {fault}"
    if photo.split not in (None, *SPLITS):
        return f"its split {photo.split!a} is none of {', '.join(SPLITS)}"
    if photo.excluded is None and not _SHA256.fullmatch(photo.sha256):
        return f"its sha256 {photo.sha256[:80]!a} is not 64 hexadecimal digits"
    return None


def _damaged(line: str, where: str, why: str = "") -> DataError:
    return DataError(
        f"A line of the manifest is no photo{why}.",
        received=f"{where}: {line[:80]!r}",
        remedy="Mend or delete the line; every other line is untouched.",
    )
