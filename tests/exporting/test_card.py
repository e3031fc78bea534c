"""The card says what its figures are worth; runs here are written, not trained."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy
import pytest
from reporting.plausible import LENET, SMALL, photos, write_run

from transfer import scores
from transfer.errors import ExportError
from transfer.exporting import saved_model
from transfer.exporting.card import model_card
from transfer.exporting.saved_model import Exported
from transfer.manifest import Manifest
from transfer.run import Run
from transfer.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "WS")


def card(run: Run, manifest: Manifest) -> str:
    return model_card(run, manifest, Exported(run.path, "saved_model", 0.0, 1))


def test_photos_that_belong_together_by_now_count_once_in_the_intervals(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL)
    run = write_run(workspace, manifest, LENET)
    bursts = [dataclasses.replace(one, group=f"{one.label} {int(one.id[-4:]) // 10}") for one in manifest.kept]
    correct = run.predictions("test").correct
    for now, groups in ((manifest, 90), (manifest.replace(bursts), 9)):
        interval = scores.wilson(correct.mean() * groups, groups)
        cells = f"{correct.mean():.3f} | {interval.low:.3f} to {interval.high:.3f}"
        assert f"| test | 90 | {cells} |" in card(run, now)


def test_a_figure_of_photos_that_had_a_say_is_called_flattering(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL)
    assert "so its accuracy flatters" in card(write_run(workspace, manifest, LENET), manifest)
    unchosen = write_run(workspace, manifest, LENET, seed=1, splits=("test",))
    assert "flatters" not in card(unchosen, manifest)


def test_of_an_interrupted_run_the_card_says_so(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL)
    run = write_run(workspace, manifest, LENET, splits=("validation",))
    assert "interrupted" not in card(run, manifest)
    stopped = dataclasses.replace(run, status="interrupted", reason="stopped in epoch 2 of 9")
    assert "interrupted before its training had ended" in card(stopped, manifest)
    assert "(stopped in epoch 2 of 9)" in card(stopped, manifest).replace("\\", "")


@pytest.mark.parametrize(("status", "remedy"), [("done", "test share"), ("interrupted", "same command again")])
def test_a_refitted_run_without_answers_on_test_is_told_what_helps(
    workspace: Workspace, status: str, remedy: str
) -> None:
    manifest = photos(workspace, **SMALL)
    run = dataclasses.replace(write_run(workspace, manifest, LENET, refit=True), status=status)
    part = run.predictions("validation")
    none = dataclasses.replace(part, photos=(), groups=(), truth=part.truth[:0], probabilities=numpy.empty((0, 3)))
    with pytest.raises(ExportError, match=remedy):
        saved_model._kept(run, part, none)


def test_of_weights_from_a_file_the_card_shows_no_place_on_this_disk(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL)
    run = write_run(workspace, manifest, LENET)
    place = "/home/me/secret project/mine.weights.h5"
    own = dataclasses.replace(
        run, arm=f"lenet5@{place}:fine_tune_top", facts={**run.facts, "weights": {"name": place, "sha256": "0" * 64}}
    )
    text = card(own, manifest)
    assert text.startswith("# lenet5@mine.weights.h5:fine\\_tune\\_top\n")
    assert "secret" not in text
    assert "Weights:" not in text


def test_of_published_weights_the_card_names_the_licence(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL)
    run = write_run(workspace, manifest, LENET)
    weights = {"name": "imagenet", "sha256": "0" * 64}
    taught = dataclasses.replace(run, arm="vgg16:linear_probe", facts={**run.facts, "weights": weights})
    assert "\nWeights: imagenet, CC-BY-4.0.\n" in card(taught, manifest)


def test_the_card_says_which_files_are_refused(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL)
    text = " ".join(card(write_run(workspace, manifest, LENET), manifest).split())
    assert "refuses HEIC, a WebP that moves, and a BMP with a palette" in text
    assert "One file that cannot be decoded refuses all that are sent with it." in text
    assert "given all its pixels, `images` answers a little differently" in text
