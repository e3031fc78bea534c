"""Lazily: a package whose names are imported when they are first asked for, so that a light one costs no TensorFlow."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any


def names(homes: Mapping[str, Sequence[str]]) -> list[str]:
    """All of them, for the package's ``__all__``."""
    return sorted(name for own in homes.values() for name in own)


def lookup(package: str, homes: Mapping[str, Sequence[str]]) -> Callable[[str], Any]:
    """The package's ``__getattr__``.

    Args:
        package: Its full name. homes: Module of the package -> the names that it lends to it.
    """
    home = {name: module for module, own in homes.items() for name in own}

    def find(name: str) -> Any:
        if name not in home:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"{package}.{home[name]}"), name)

    return find
