"""Shelf: a folder whose files are its entries.

A family (backbones, strategies, tricks, sources, sections) is a folder and a member is a file; the file's name is the
member's name. The shelf owns listing and looking up. It refuses to import anything before a member is asked for: names
and summaries are read from the files as text. A file whose name begins with ``_`` is shared by members and is no entry.
"""

from __future__ import annotations

import ast
import difflib
import importlib
import importlib.util
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from transfer.errors import CallError


class Shelf(Mapping[str, Any]):
    """The members of one family, by file name.

    Args:
        package: The folder as a package, such as ``transfer.models.backbones``.
        kind: What a member is called; also the name of the value that each file defines.

    >>> backbones = Shelf("transfer.models.backbones", "backbone")
    >>> "vgg16" in backbones, "vgg61" in backbones
    (True, False)
    """

    def __init__(self, package: str, kind: str) -> None:
        self.package, self.kind = package, kind

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(path.stem for path in self._folder().glob("*.py") if not path.stem.startswith("_")))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, name: object) -> bool:
        return name in set(self)

    def __getitem__(self, name: str) -> Any:
        """The member of that name, imported now.

        Raises:
            CallError: No file of that name lies on the shelf; the sentence names the nearest ones.
        """
        self._check(name)
        return getattr(importlib.import_module(f"{self.package}.{name}"), self.kind)

    def summary(self, name: str) -> str:
        """The first line of what the member's file says of it."""
        return self.about(name).split("\n", 1)[0]

    def about(self, name: str) -> str:
        """The member's docstring, read without importing it.

        Raises:
            CallError: As of ``[name]``.
        """
        return ast.get_docstring(ast.parse(self.file(name).read_text(encoding="utf-8"))) or ""

    def file(self, name: str) -> Path:
        """Where the member lies.

        Raises:
            CallError: As of ``[name]``.
        """
        self._check(name)
        return self._folder() / f"{name}.py"

    def _check(self, name: str) -> None:
        if name not in self:
            close = difflib.get_close_matches(name, list(self), n=3, cutoff=0.5)
            known = f"Did you mean {' or '.join(close)}?" if close else f"Known: {', '.join(self) or 'none yet'}."
            raise CallError(f"There is no {self.kind} of this name.", received=name, remedy=known)

    def _folder(self) -> Path:
        spec = importlib.util.find_spec(self.package)
        if spec is None or not spec.submodule_search_locations:
            raise ModuleNotFoundError(f"{self.package} is not a package")
        return Path(next(iter(spec.submodule_search_locations)))
