"""Title: the name that an arm has on the page, with what tells it from the same arm in other settings."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from transfer.comparison import DECISIVE, ground
from transfer.run import Run


def titles_of(groups: Sequence[Sequence[Run]]) -> list[str]:
    """The arm of each group of runs; with what differs where an arm was trained in several settings.

    Also at a size where there is but one of them: an arm has one name wherever it is compared. Folds and given splits
    have tables of their own, so they are no part of a name.
    """
    flat = [_settings(group[0]) for group in groups]
    titles: list[tuple[str, str]] = []
    for group, own in zip(groups, flat, strict=True):
        rivals = [other for rival, other in zip(groups, flat, strict=True) if _alike(rival[0], group[0])]
        # Refitting is a choice for all arms: where the page has both, every name says which it is.
        differing = [name for name in own if any(other.get(name) != own[name] for other in (rivals if name else flat))]
        telling = ", ".join(words for name in differing[:3] if (words := f"{name} {own[name]}".strip()))
        titles.append((group[0].arm, f" ({telling})" if telling else ""))
    arms = Counter(_short(arm) for arm in {arm for arm, _ in titles})
    return [(_short(arm) if arms[_short(arm)] == 1 else arm) + telling for arm, telling in titles]


def _short(arm: str) -> str:
    """Of a weights file its name alone, where two arms do not become one by it."""
    return re.sub(r"@[^:+]*[/\\]([^:+/\\]+)", r"@\1", arm).replace(".weights.h5", "")


def _settings(run: Run) -> dict[str, str]:
    """What may tell two settings of one arm apart, as words."""
    facts = {name: run.facts.get(name) for name in DECISIVE if name not in ("refit", "half")}
    flat = _flat(facts | {"strategy": run.facts.get("rule", facts["strategy"])})
    flat["kept"] = "in half precision" if run.facts.get("half") else "whole"
    return {"": "refitted" if run.facts.get("refit") else ""} | flat


def _alike(run: Run, other: Run) -> bool:
    return run.arm == other.arm and ground(run).folds == ground(other).folds


def _flat(value: Any, name: str = "") -> dict[str, str]:
    """``{"steps": [{"epochs": 5}]}`` -> ``{"steps 1 epochs": "5"}``; the outermost names of a strategy are left out."""
    if isinstance(value, Mapping):
        pairs = list(value.items())
    elif isinstance(value, list | tuple):
        pairs = [(f"{name.rstrip('s')} {number}".strip(), part) for number, part in enumerate(value, 1)]
        return {key: text for inner, part in pairs for key, text in _flat(part, inner).items()}
    else:
        return {name: str(value)}
    inside = "" if name == "strategy" else name
    return {key: text for inner, part in pairs for key, text in _flat(part, f"{inside} {inner}".strip()).items()}
