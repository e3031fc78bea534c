"""A trial: what it keeps is what the rebuilt network answers, and doing it again gives the same."""

from __future__ import annotations

import random
from pathlib import Path

import numpy
import pytest
from tensorflow.python.framework import config

from transfer import pixels, workflow
from transfer.arm import Arm
from transfer.errors import DataError, WeightsError
from transfer.manifest import Manifest
from transfer.models.rebuild import rebuild
from transfer.run import Run
from transfer.training.plan import resolve
from transfer.training.trial import existing, run_trial
from transfer.workspace import Workspace

ARMS = ["raw_pixels:linear_probe", "lenet5:from_scratch", "resnet20@{}:frozen_head", "resnet20@{}:fine_tune_top"]


def answers(run: Run, manifest: Manifest, workspace: Workspace) -> numpy.ndarray:
    """The rebuilt network on the test photos, from their files."""
    photos = {photo.id: photo for photo in manifest.photos}
    pictures = [
        pixels.decode_resize(workspace.photo_path(photos[id].file_name).read_bytes(), run.facts["size"]).numpy()
        for id in run.predictions("test").photos
    ]
    return rebuild(run).whole()(numpy.stack(pictures), training=False).numpy()


@pytest.mark.parametrize("arm", ARMS)
def test_the_rebuilt_network_answers_as_the_run_did(
    arm: str, workspace: Workspace, manifest: Manifest, weights_file: Path
) -> None:
    run = workflow.train(workspace, arm.format(weights_file), epochs=2)
    kept = run.predictions("test").probabilities
    assert kept.sum(axis=1) == pytest.approx(numpy.ones(len(kept)), abs=1e-5)
    assert answers(run, manifest, workspace) == pytest.approx(kept, abs=1e-5)
    assert Run.read(run.path) == run


def test_the_same_plan_ends_with_the_same_bits_whatever_the_process_did_before(
    tmp_path: Path, photo_folder: Path, weights_file: Path
) -> None:
    def train(name: str, *, before: str | None) -> Run:
        workspace = Workspace(tmp_path / name)
        workflow.load(photo_folder, workspace)
        if before:
            workflow.train(workspace, before, epochs=1)
        return workflow.train(workspace, f"resnet20@{weights_file}:fine_tune_top", epochs=2)

    one, other = train("one", before=None), train("other", before="lenet5:from_scratch")
    assert one.id == other.id
    assert (one.predictions("test").probabilities == other.predictions("test").probabilities).all()
    assert [row["loss"] for row in one.history()] == [row["loss"] for row in other.history()]


def test_whoever_trains_in_a_process_of_their_own_draws_on_as_before(workspace: Workspace) -> None:
    random.seed(5)
    numpy.random.seed(5)
    expected = random.random(), numpy.random.rand()
    random.seed(5)
    numpy.random.seed(5)
    before = config.is_op_determinism_enabled()
    workflow.train(workspace, "raw_pixels", size=8)
    assert (random.random(), numpy.random.rand()) == expected
    assert config.is_op_determinism_enabled() == before


def test_a_photo_that_is_gone_is_named_also_where_it_is_read_in_the_middle_of_training(
    tmp_path: Path, photo_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace(tmp_path / "ws")
    workflow.load(photo_folder, workspace, copy=True)
    gone = workflow.split(workspace).part("train")[3]
    workspace.photo_path(gone.file_name).unlink()
    monkeypatch.setenv("TRANSFER_FEATURES_GB", "0")
    with pytest.raises(DataError, match=gone.sha256[:12]):
        workflow.train(workspace, "lenet5:from_scratch", epochs=1)


@pytest.mark.parametrize("arm", ["lenet5:from_scratch", "resnet20@{}:fine_tune_top", "resnet20@{}:frozen_head"])
def test_a_network_that_has_learned_from_another_seed_begins_as_if_it_had_not(
    arm: str, tmp_path: Path, photo_folder: Path, weights_file: Path
) -> None:
    workspace = Workspace(tmp_path / "ws")
    workflow.load(photo_folder, workspace)

    def train(seed: int, per_class: int | None) -> Run:
        return workflow.train(workspace, arm.format(weights_file), seed=seed, per_class=per_class, epochs=2)

    alone = train(1, None)
    for file in alone.path.iterdir():
        file.unlink()
    train(0, 6)
    after_another = train(1, None)
    assert after_another.id == alone.id
    assert [row["loss"] for row in after_another.history()] == [row["loss"] for row in alone.history()]
    assert (after_another.predictions("test").probabilities == alone.predictions("test").probabilities).all()


def test_a_finished_run_is_not_made_again(workspace: Workspace, manifest: Manifest) -> None:
    plan = resolve(Arm("raw_pixels"), manifest)
    assert existing(plan, workspace) is None
    run = run_trial(plan, manifest, workspace)
    again = Workspace(workspace.root)
    assert run_trial(plan, manifest, again) == run
    assert again.writes == 0


def test_a_run_says_what_decided_it_and_what_it_cost(workspace: Workspace, weights_file: Path) -> None:
    facts = workflow.train(workspace, f"resnet20@{weights_file}:frozen_head", epochs=2).facts
    head = 64 * 256 + 256 + 256 * 3 + 3
    assert facts["parameters"]["trainable"] == head
    assert facts["parameters"]["total"] == head + 269_722 - 650 + 1376  # less its ten classes, more moving statistics
    assert facts["seconds"]["total"] == pytest.approx(
        facts["seconds"]["features"] + facts["seconds"]["training"], abs=0.01
    )
    assert facts["latency_ms"] > 0
    assert facts["peak_memory_mb"] > 100
    assert facts["test_opened"] == 1
    assert facts["batch_norm"] == "frozen"
    assert facts["versions"]["keras"].startswith("3.")


def test_weights_of_another_content_are_not_taken_for_the_ones_a_run_started_from(
    workspace: Workspace, weights_file: Path, tmp_path: Path
) -> None:
    own = tmp_path / "own.weights.h5"
    own.write_bytes(weights_file.read_bytes())
    run = workflow.train(workspace, f"resnet20@{own}:linear_probe")
    changed = bytearray(own.read_bytes())
    changed[-1] ^= 1
    own.write_bytes(bytes(changed))
    with pytest.raises(WeightsError, match="changed since"):
        rebuild(run)


def test_a_run_finds_the_file_that_it_started_from_wherever_it_is_asked(
    workspace: Workspace, weights_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, elsewhere = tmp_path / "here", tmp_path / "elsewhere"
    here.mkdir(), elsewhere.mkdir()
    (here / "near.weights.h5").write_bytes(weights_file.read_bytes())
    (elsewhere / "near.weights.h5").write_bytes(b"another of that name")
    monkeypatch.chdir(here)
    run = workflow.train(workspace, "resnet20@near.weights.h5:nearest_centroid")
    before = rebuild(run).scores.get_weights()
    monkeypatch.chdir(elsewhere)
    assert all(map(numpy.array_equal, rebuild(run).scores.get_weights(), before))
    (elsewhere / "near.weights.h5").unlink()
    (here / "near.weights.h5").unlink()
    with pytest.raises(WeightsError, match=r"are gone(?s:.*)here/near\.weights\.h5(?s:.*)sha256 [0-9a-f]{64} back"):
        rebuild(run)


def test_a_folder_without_its_facts_is_no_run(workspace: Workspace) -> None:
    run = workflow.train(workspace, "raw_pixels")
    (run.path / "run.json").unlink()
    with pytest.raises(DataError, match="no whole run"):
        Run.read(run.path)
    assert len(workflow.runs(workspace)) == 0
