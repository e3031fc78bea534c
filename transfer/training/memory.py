"""How much memory this process holds, and held at its highest since it was last asked to forget."""

from __future__ import annotations

import contextlib
import os
import resource
import sys
from pathlib import Path


def forget_peak() -> None:
    """Begin anew, so that a long-lived worker can say what one trial took; only Linux can."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_mb() -> int:
    """Peak resident memory in MB (10^6 bytes)."""
    try:
        status = Path("/proc/self/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) * 1024 // 1_000_000
    except (OSError, IndexError):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak // 1_000_000 if sys.platform == "darwin" else peak * 1024 // 1_000_000


def held() -> int:
    """Bytes of this process that are in memory now; where the system does not say, the highest so far."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    except (OSError, IndexError):
        return peak_mb() * 1_000_000


def machine() -> int:
    """Bytes of memory that the machine has."""
    return os.sysconf("SC_PHYS_PAGES") * resource.getpagesize()
