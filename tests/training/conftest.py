"""A small split workspace and weights for a small backbone, shared by the tests of the training room."""

from __future__ import annotations

from pathlib import Path

import keras
import pytest

from transfer import workflow
from transfer.manifest import Manifest
from transfer.models.backbone import BACKBONES
from transfer.workspace import Workspace


@pytest.fixture(scope="session")
def weights_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights of ResNet-20, as a file that an arm may name."""
    keras.utils.set_random_seed(7)
    path = tmp_path_factory.mktemp("weights") / "resnet20.weights.h5"
    BACKBONES["resnet20"].network(16).save_weights(path)
    return path


@pytest.fixture
def workspace(tmp_path: Path, photo_folder: Path) -> Workspace:
    """Three classes of twelve photos, split."""
    workspace = Workspace(tmp_path / "ws")
    workflow.load(photo_folder, workspace)
    workflow.split(workspace, validation=0.25, test=0.25)
    return workspace


@pytest.fixture
def manifest(workspace: Workspace) -> Manifest:
    return Manifest.read(workspace)
