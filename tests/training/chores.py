"""What machines of a cluster do in tests. They find it by the module's name, and need no TensorFlow for it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from transfer.progress import Progress


def patiently(look: Callable[[], Any]) -> Any:
    """What a look gives as soon as it gives anything."""
    deadline = time.monotonic() + 60
    while not (found := look()):
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.05)
    return found


def linger(folder: str, number: int, on_progress: Progress) -> int:
    """Say who does it, and end when somebody lets it."""
    Path(folder, f"{number}-{os.getpid()}").touch()
    on_progress(0, 1, str(os.getpid()))
    patiently(lambda: Path(folder, "go").exists())
    return os.getpid()


def when(number: int, on_progress: Progress) -> tuple[float, float]:
    """When it was begun and ended; it takes a while."""
    begun = time.monotonic()
    patiently(lambda: time.monotonic() > begun + 0.1)
    return begun, time.monotonic()


def stumble(on_progress: Progress) -> None:
    raise ZeroDivisionError("by zero")
