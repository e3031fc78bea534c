"""An empty workspace, for every test of the reporting room."""

from __future__ import annotations

from pathlib import Path

import pytest

from transfer.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "WS")
