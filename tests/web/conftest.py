"""The hosts on this machine that the collecting room's tests use as well."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "collecting"))

from imitations.host import Clock, Host


@pytest.fixture
def host() -> Iterator[Host]:
    host = Host()
    yield host
    host.stop()


@pytest.fixture
def clock() -> Clock:
    return Clock()
