"""Progress: how far work is, told to whoever asked for it.

What every ``on_progress`` takes: how much is done, of how much, and of what in words. A total of 0 is not known.
"""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[int, int, str], None]


def quiet(done: int, total: int, what: str) -> None:
    """For who does not want to hear of it."""
