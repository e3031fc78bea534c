"""How much memory this process holds, held at its highest since it was last asked to forget, and what it keeps."""

from __future__ import annotations

import contextlib
import ctypes
import functools
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


def many_files() -> None:
    """Let this process have as many files open as the system allows it: each part of kept activations is one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):  # macOS names a limit that it does not grant
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX, _ARENA_MAX = -1, -2, -4, -8
"""Names of settings in glibc's malloc.h."""


@functools.cache
def keep_pages() -> bool:
    """Let what one step gives back be there for the next; whether this system can.

    As it comes, glibc returns each large array to the system at once, and a training step of MobileNetV2 takes 600 MB
    in fresh pages again and again: 13 photos a second on two cores, and 18 without that. Up to 2 GiB may stay with the
    process now.
    """
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "gnu_get_libc_version"):
        return False
    settings = ((_ARENA_MAX, 1), (_MMAP_MAX, 0), (_TRIM_THRESHOLD, 2**31 - 1), (_TOP_PAD, 1 << 28))
    return all(libc.mallopt(name, value) == 1 for name, value in settings)
