"""Explaining a run: overlays of files, and of the mistakes that the report shows; what is kept is not made again."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import io
import random
import re
import shutil
from pathlib import Path

import numpy
import pytest
import tensorflow as tf
from PIL import Image

from transfer import workflow
from transfer.errors import CallError, TransferError, WeightsError
from transfer.manifest import Manifest
from transfer.models import explain as explaining
from transfer.models.explain import explain_photos
from transfer.run import OVERLAY_CLASS, WEIGHTS, Run
from transfer.workspace import Workspace

ARM = "lenet5:from_scratch"


@pytest.fixture(scope="module")
def trained(photo_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, Run]:
    """A run that has learned for one epoch, so that it makes mistakes; nobody may change its folder."""
    workspace = Workspace(tmp_path_factory.mktemp("explain") / "ws")
    workflow.load(photo_folder, workspace)
    workflow.split(workspace, validation=0.25, test=0.25)
    return workspace, workflow.train(workspace, ARM, epochs=1)


@pytest.fixture
def own(trained: tuple[Workspace, Run], tmp_path: Path) -> tuple[Workspace, Run]:
    """The same in a place of its own."""
    shutil.copytree(trained[0].root, tmp_path / "ws")
    workspace = Workspace(tmp_path / "ws")
    return workspace, Run.read(workspace.runs / trained[1].id)


def files_of(workspace: Workspace, count: int) -> list[Path]:
    return [workspace.photo_path(photo.file_name) for photo in Manifest.read(workspace).part("test")[:count]]


def test_each_file_gets_an_overlay_of_its_own_shape(trained: tuple[Workspace, Run], tmp_path: Path) -> None:
    workspace, run = trained
    files = files_of(workspace, 2)
    answers = list(workflow.explain(workspace, run.id[:6], files, into=tmp_path / "out"))
    predictions = list(workflow.predict(run.path, files))
    for file, answer, prediction in zip(files, answers, predictions, strict=True):
        assert (answer.label, answer.predicted) == (prediction.label, prediction.label)
        assert answer.probability == pytest.approx(prediction.probability, abs=1e-4)
        digits = hashlib.sha256(file.read_bytes()).hexdigest()[:8]
        assert answer.overlay == tmp_path / "out" / f"{file.stem}-{digits}.gradcam.png"
        with Image.open(file) as photo, Image.open(answer.overlay) as drawn:
            assert drawn.size == photo.size
            assert drawn.info[OVERLAY_CLASS] == answer.label


def test_who_answers_from_two_views_is_explained_by_what_both_say(own: tuple[Workspace, Run], tmp_path: Path) -> None:
    workspace = own[0]
    run = workflow.train(workspace, f"{ARM}+test_time_views", epochs=1)
    files = files_of(workspace, 3)
    answers = workflow.explain(workspace, run.id, files, into=tmp_path / "out")
    for answer, prediction in zip(answers, workflow.predict(run.path, files), strict=True):
        assert answer.predicted == prediction.label
        assert answer.probability == pytest.approx(prediction.probability, abs=1e-5)


def test_a_large_photo_is_drawn_smaller_and_keeps_its_shape(trained: tuple[Workspace, Run], tmp_path: Path) -> None:
    photo = tmp_path / "large.png"
    Image.fromarray(numpy.random.default_rng(0).integers(0, 255, (400, 1200, 3), dtype="uint8")).save(photo)
    (answer,) = workflow.explain(trained[0], None, photo, into=tmp_path)
    with Image.open(answer.overlay) as drawn:
        assert drawn.size == (480, 160)
    with Image.open(photo) as untouched:  # though the overlay lies beside it
        assert untouched.size == (1200, 400)


def test_another_class_may_be_explained_and_an_unknown_one_is_refused(
    trained: tuple[Workspace, Run], tmp_path: Path
) -> None:
    workspace, run = trained
    (file,) = files_of(workspace, 1)
    answers = [
        next(iter(workflow.explain(workspace, None, [file], label=label, into=tmp_path))) for label in run.labels
    ]
    assert sum(answer.probability or 0 for answer in answers) == pytest.approx(1, abs=1e-4)
    assert [answer.label for answer in answers] == list(run.labels)
    with pytest.raises(CallError, match=f"no such class.*Received: unicorn.*Known: {run.labels[0]}"):
        workflow.explain(workspace, None, [file], label="unicorn", into=tmp_path)  # also where nobody asks for answers


def test_a_file_that_cannot_be_read_stops_no_other(trained: tuple[Workspace, Run], tmp_path: Path) -> None:
    (good,) = files_of(trained[0], 1)
    (tmp_path / "bad.jpg").write_bytes(b"no photo")
    answers = list(
        workflow.explain(trained[0], None, [tmp_path / "bad.jpg", tmp_path / "none.jpg", good], into=tmp_path)
    )
    assert [answer.error is None for answer in answers] == [False, False, True]
    assert "decoded" in (answers[0].error or "")


def test_photos_of_one_name_and_classes_get_overlays_of_their_own_in_every_call(
    trained: tuple[Workspace, Run], tmp_path: Path
) -> None:
    workspace, run = trained
    files = [tmp_path / folder / "x.png" for folder in "ab"]
    for file, content in zip(files, files_of(workspace, 2), strict=True):
        file.parent.mkdir()
        shutil.copy(content, file)
    out = tmp_path / "out"
    drawn = [
        answer.overlay
        for file in files
        for label in (None, *run.labels)
        for answer in workflow.explain(workspace, None, file, label=label, into=out)
    ]
    assert len(set(drawn)) == 2 * (1 + len(run.labels))
    assert sorted(path.name for path in out.iterdir()) == sorted(path.name for path in drawn if path)
    (again,) = workflow.explain(workspace, None, files[0], label=run.labels[0], into=out)
    assert again.overlay == drawn[1]
    assert again.overlay.name.endswith(f"-{run.labels[0]}.gradcam.png")


def test_a_long_name_is_cut_and_an_overlay_that_cannot_be_written_stops_no_other(
    trained: tuple[Workspace, Run], tmp_path: Path
) -> None:
    (good,) = files_of(trained[0], 1)
    long = tmp_path / f"{chr(228) * 124}.png"  # 252 bytes
    shutil.copy(good, long)
    digits = hashlib.sha256(good.read_bytes()).hexdigest()[:8]
    (tmp_path / "out" / f"{good.stem}-{digits}.gradcam.png" / "taken").mkdir(parents=True)
    answers = list(workflow.explain(trained[0], None, [good, long], into=tmp_path / "out"))
    assert "cannot be written" in (answers[0].error or "")
    overlay = answers[1].overlay
    assert overlay is not None and overlay.is_file()
    assert re.fullmatch(chr(228) + rf"{{110,}}-{digits}\.gradcam\.png", overlay.name)


def test_what_asks_a_run_leaves_the_draws_of_its_caller_alone(trained: tuple[Workspace, Run], tmp_path: Path) -> None:
    workspace, run = trained
    numpy.random.seed(7)
    random.seed(7)
    expected = numpy.random.random(), random.random()
    numpy.random.seed(7)
    random.seed(7)
    list(workflow.explain(workspace, run.id, files_of(workspace, 1), into=tmp_path))
    list(workflow.predict(run.path, files_of(workspace, 1)))
    assert (numpy.random.random(), random.random()) == expected


def test_too_little_memory_is_a_sentence_for_whoever_asks_and_for_the_report(
    own: tuple[Workspace, Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, run = own

    def full(*_: object) -> None:
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")

    monkeypatch.setattr(explaining, "heat_maps", full)
    with pytest.raises(TransferError, match=r"not enough memory for this network.*smaller --size"):
        list(workflow.explain(workspace, run.id, files_of(workspace, 1), into=tmp_path))
    photo = Manifest.read(workspace).part("test")[0]
    assert explain_photos(run, [(photo, run.labels[0])], workspace) == (
        "There is not enough memory for this network to answer."
    )


def test_the_report_shows_where_the_model_looked_in_its_mistakes(own: tuple[Workspace, Run]) -> None:
    workspace, run = own
    page = workflow.report(workspace).read_text(encoding="utf-8")
    part = run.predictions("test")
    wrong = {photo for photo, right in zip(part.photos, part.correct, strict=True) if not right}
    assert wrong, "one epoch was too much"
    assert {path.stem for path in (run.path / "gradcam").glob("*.png")} == wrong
    assert page.count("Where the model looked in that photo") == len(wrong)
    shown = re.findall(r'src="data:image/jpeg;base64,([^"]+)" alt="Where the model looked', page)
    with Image.open(io.BytesIO(base64.b64decode(shown[0]))) as drawn:
        assert drawn.size[0] > 8


def test_what_is_kept_is_not_made_again_and_the_page_stays_the_same(own: tuple[Workspace, Run]) -> None:
    workspace, run = own
    first = workflow.report(workspace).read_bytes()
    written = {path: path.stat().st_mtime_ns for path in (run.path / "gradcam").iterdir()}
    (run.path / WEIGHTS).unlink()  # nothing asks for them
    assert workflow.report(workspace).read_bytes() == first
    assert {path: path.stat().st_mtime_ns for path in (run.path / "gradcam").iterdir()} == written


def test_where_the_weights_are_gone_the_page_says_why_there_is_no_overlay(own: tuple[Workspace, Run]) -> None:
    workspace, run = own
    (run.path / WEIGHTS).unlink()
    page = workflow.report(workspace).read_text(encoding="utf-8")
    assert "cannot be shown: What this run learned is missing or damaged." in page
    assert "Where the model looked in that photo" not in page
    assert str(workspace.root) not in page
    with pytest.raises(WeightsError, match=r"missing or damaged.*take the run's folder away"):
        workflow.explain(workspace, None, files_of(workspace, 1))


def test_without_gradcam_nothing_is_drawn_and_nothing_is_missed(own: tuple[Workspace, Run]) -> None:
    workspace, run = own
    page = workflow.report(workspace, gradcam=False).read_text(encoding="utf-8")
    assert not (run.path / "gradcam").exists()
    assert "Grad-CAM" not in page


def test_an_overlay_of_another_class_or_a_half_one_is_made_anew(own: tuple[Workspace, Run]) -> None:
    workspace, run = own
    photo = Manifest.read(workspace).part("test")[0]
    place = run.overlay(photo.id)
    assert place is not None
    assert explain_photos(run, [(photo, run.labels[0])], workspace) is None
    first = place.read_bytes()
    assert explain_photos(run, [(photo, run.labels[1])], workspace) is None
    second = place.read_bytes()
    assert first != second
    place.write_bytes(second[:200])
    assert explain_photos(run, [(photo, run.labels[1])], workspace) is None
    assert place.read_bytes() == second


def test_a_photo_that_is_gone_is_said_and_the_others_are_drawn(own: tuple[Workspace, Run]) -> None:
    workspace, run = own
    gone, here = Manifest.read(workspace).part("test")[:2]
    gone = dataclasses.replace(gone, file_name="images/none.png")
    reason = explain_photos(run, [(gone, run.labels[0]), (here, run.labels[0])], workspace)
    assert reason is not None and reason.startswith("A photo cannot be read")
    assert [path.stem for path in (run.path / "gradcam").iterdir()] == [here.id]


def test_an_id_from_elsewhere_leads_nowhere(own: tuple[Workspace, Run]) -> None:
    workspace, run = own
    photo = dataclasses.replace(Manifest.read(workspace).part("test")[0], id="../../../escaped")
    assert explain_photos(run, [(photo, run.labels[0])], workspace) is None
    assert not list(workspace.root.parent.rglob("escaped*"))


def test_raw_pixels_say_that_there_is_no_map(photo_folder: Path, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "ws")
    workflow.load(photo_folder, workspace)
    run = workflow.train(workspace, "raw_pixels:linear_probe", size=8)
    with pytest.raises(CallError, match=r"Raw pixels makes no feature map"):
        list(workflow.explain(workspace, run.id, files_of(workspace, 1)))
    assert workflow.report(workspace).exists()
