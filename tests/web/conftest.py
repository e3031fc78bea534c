"""The hosts on this machine that the collecting room's tests use as well."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from collecting.imitations.host import Clock, Host


@pytest.fixture
def host() -> Iterator[Host]:
    host = Host()
    yield host
    host.stop()


@pytest.fixture
def clock() -> Clock:
    return Clock()
