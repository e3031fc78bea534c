"""Keep TensorFlow's talk of missing CUDA drivers and of oneDNN off the terminal.

Its libraries write such lines straight to file descriptor 2 before any log level is read. While the command line runs,
the descriptor leads through a filter that drops those lines and passes every other on; Python's own stderr is left on
the terminal.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import threading
from collections.abc import Iterator

_TALK = re.compile(
    rb"cudart_stub|cuda_platform|oneDNN custom operations are on|All log messages before absl::InitializeLog"
)


@contextlib.contextmanager
def filtered() -> Iterator[None]:
    """Filter file descriptor 2 for the time of the block."""
    terminal = os.dup(2)
    reading, writing = os.pipe()
    sys.stderr.flush()
    python_stderr, sys.stderr = sys.stderr, os.fdopen(os.dup(2), "w", buffering=1, errors="backslashreplace")
    os.dup2(writing, 2)
    os.close(writing)
    thread = threading.Thread(target=_pass_on, args=(reading, terminal), daemon=True)
    thread.start()
    try:
        yield
    finally:
        sys.stderr.close()
        sys.stderr = python_stderr
        os.dup2(terminal, 2)  # closes our last writing end of the pipe, and with that the filter ends
        thread.join(timeout=1)
        os.close(terminal)


def _pass_on(reading: int, terminal: int) -> None:
    with os.fdopen(reading, "rb") as lines:
        for line in lines:
            if not _TALK.search(line):
                os.write(terminal, line)
