"""Compares what is written with what is kept in tests/gold; its README tells how to look and accept."""

from __future__ import annotations

from pathlib import Path

GOLD = Path(__file__).parents[1] / "gold"
ACTUAL = GOLD.with_name("actual")


def as_kept(name: str, text: str) -> bool:
    """Whether the golden file of this name holds this text; where not, the text is left in tests/actual."""
    if (GOLD / name).exists() and (GOLD / name).read_text(encoding="utf-8") == text:
        return True
    ACTUAL.mkdir(exist_ok=True)
    (ACTUAL / name).write_text(text, encoding="utf-8")
    return False
