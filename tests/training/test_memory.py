"""What memory costs."""

import subprocess
import sys

import pytest

from transfer.training import memory

FAULTS = """
import resource, sys
from transfer.training import memory

keep = sys.argv[1] == "kept" and memory.keep_pages()
for _ in range(3):
    b"x" * 50_000_000
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    b"x" * 50_000_000
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(how: str) -> int:
    """Pages that twenty arrays, one after the other, asked the system for."""
    return int(subprocess.run([sys.executable, "-c", FAULTS, how], capture_output=True, check=True, text=True).stdout)


@pytest.mark.skipif(sys.platform != "linux" or not memory.keep_pages(), reason="needs glibc")
def test_kept_pages_are_not_asked_for_again() -> None:
    assert 20 * faults("kept") < faults("given back")
