"""The artifact answers as the run did, without this package and without Keras, or it is not written."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from unittest.mock import Mock

import numpy
import pytest
import tensorflow as tf
from PIL import Image

from tests.conftest import draw
from transfer import scores, workflow
from transfer.credits import credits_csv
from transfer.errors import DataError, ExportError
from transfer.exporting import card, saved_model
from transfer.exporting.saved_model import Exported
from transfer.manifest import Manifest
from transfer.run import Run
from transfer.workspace import Workspace

Made = tuple[Workspace, Run, Exported]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """LeNet-5, trained for an epoch and exported; every other photo is a JPEG so large that it is decoded reduced."""
    root = tmp_path_factory.mktemp("made")
    for label, name in enumerate(("bar", "coin", "disc")):
        (root / "photos" / name).mkdir(parents=True)
        for number in range(12):
            place = root / "photos" / name / f"{number:02}"
            if number % 2:
                draw(label, number, side=160).save(f"{place}.jpg", quality=95)
            else:
                draw(label, number).save(f"{place}.png")
    workspace = Workspace(root / "ws")
    workflow.load(root / "photos", workspace)
    run = workflow.train(workspace, "lenet5:from_scratch", epochs=1)
    return workspace, run, workflow.export(workspace, into=workspace.root / "model")


def test_the_proof_ran_on_real_photos_and_says_how_close_it_was(made: Made) -> None:
    workspace, run, exported = made
    asked = [photo for photo in Manifest.read(workspace).kept if photo.id in run.predictions("test").photos]
    assert exported.checked == len(asked)
    assert {photo.width for photo in asked} == {40, 160}
    assert 0 <= exported.max_difference <= 1e-5


def test_a_run_that_rounded_is_proved_without_rounding_and_the_difference_is_told(
    tmp_path: Path, photo_folder: Path
) -> None:
    workspace = Workspace(tmp_path / "ws")
    workflow.load(photo_folder, workspace)
    run = workflow.train(workspace, "resnet20@glyphs:linear_probe", half=True)
    exported = workflow.export(workspace, run.id, into=tmp_path / "model")
    assert exported.max_difference <= 1e-5
    assert exported.rounded is not None
    assert 0 < exported.rounded.difference < 0.01
    text = (exported.path / "README.md").read_text(encoding="utf-8")
    assert f"differ by up to {exported.rounded.difference:.2g}" in text
    assert "in float32 throughout" in text


SERVE = """
import json, sys
sys.modules["keras"] = sys.modules["transfer"] = None
import tensorflow as tf
model = tf.saved_model.load(sys.argv[1])
answers = {}
for name in sys.argv[2:]:
    answer = model.signatures["serving_default"](encoded=tf.constant([open(name, "rb").read()]))
    answers[name] = {key: value.numpy().tolist() for key, value in answer.items() if value.dtype != tf.string}
    answers[name]["label"] = answer["label"].numpy()[0].decode()
    answers[name]["labels"] = [label.decode() for label in answer["labels"].numpy()]
print(json.dumps(answers))
"""


def test_it_serves_any_format_without_keras_and_turns_photos_upright(made: Made, tmp_path: Path) -> None:
    workspace, run, exported = made
    picture = Image.open(workspace.photo_path(Manifest.read(workspace).part("test")[0].file_name)).convert("RGB")
    files = {name: tmp_path / f"{name}" for name in ("a.png", "b.bmp", "c.webp", "d.gif", "turned.png")}
    picture.save(files["a.png"])
    picture.save(files["b.bmp"])
    picture.save(files["c.webp"], lossless=True)
    picture.quantize(256).save(files["d.gif"])
    picture.rotate(90, expand=True).save(files["turned.png"])
    upright, lying = tmp_path / "upright.jpg", tmp_path / "lying.jpg"
    grey = picture.convert("L")  # no colour, so that the blocks of a turned JPEG decode to the same pixels
    grey.save(upright, quality=100)
    exif = Image.Exif()
    exif[0x0112] = 6  # stored turned; to be shown turned back by 90 degrees
    grey.transpose(Image.Transpose.ROTATE_90).save(lying, quality=100, exif=exif)
    names = [str(path) for path in (*files.values(), upright, lying)]
    done = subprocess.run(
        [sys.executable, "-c", SERVE, str(exported.path), *names], capture_output=True, text=True, check=True
    )
    answers = {Path(name).name: answer for name, answer in json.loads(done.stdout.splitlines()[-1]).items()}
    probabilities = {name: numpy.array(answer["probabilities"][0]) for name, answer in answers.items()}
    assert probabilities["b.bmp"] == pytest.approx(probabilities["a.png"], abs=1e-6)
    assert probabilities["c.webp"] == pytest.approx(probabilities["a.png"], abs=1e-6)
    assert probabilities["lying.jpg"] == pytest.approx(probabilities["upright.jpg"], abs=1e-3)
    assert abs(probabilities["turned.png"] - probabilities["a.png"]).max() > 1e-4
    for answer in answers.values():
        assert tuple(answer["labels"]) == run.labels
        assert answer["label"] == run.labels[int(numpy.argmax(answer["probabilities"][0]))]
        assert answer["probability"][0] == pytest.approx(max(answer["probabilities"][0]))


def test_run_and_export_give_the_same_answers(made: Made, tmp_path: Path) -> None:
    workspace, run, exported = made
    photos = [workspace.photo_path(photo.file_name) for photo in Manifest.read(workspace).part("test")]
    from_run = list(workflow.predict(run.path, photos, top=3))
    from_export = list(workflow.predict(exported.path, photos, top=3))
    kept = run.predictions("test").probabilities
    for one, other, row in zip(from_run, from_export, kept, strict=True):
        assert one.label == other.label
        assert dict(one.top) == pytest.approx(dict(other.top), abs=1e-5)
        assert dict(one.top) == pytest.approx(dict(zip(run.labels, row.tolist(), strict=True)), abs=1e-5)


def test_a_file_that_cannot_be_read_is_an_answer_and_stops_no_other(made: Made, tmp_path: Path) -> None:
    workspace, _, exported = made
    good = workspace.photo_path(Manifest.read(workspace).part("test")[0].file_name)
    text = tmp_path / "text.jpg"
    text.write_text("not a photo")
    cut = tmp_path / "cut.jpg"
    Image.open(good).convert("RGB").save(cut)
    cut.write_bytes(cut.read_bytes()[:-200])
    answers = list(workflow.predict(exported.path, [good, text, tmp_path / "absent.png", cut, good]))
    assert [answer.error is None for answer in answers] == [True, False, False, False, True]
    assert answers[1].to_dict().keys() == {"file", "error"}
    first, last = (dict(answers[at].top) for at in (0, 4))
    assert first == pytest.approx(last, abs=1e-6), "alike but for the place in the batch"


def test_an_artifact_that_answers_otherwise_is_not_written(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace, run, _ = made
    rebuild = saved_model.rebuild

    def spoilt(run: Run) -> object:
        classifier = rebuild(run)
        kernel, bias = classifier.scores.get_layer("logits").get_weights()
        classifier.scores.get_layer("logits").set_weights([kernel, bias + numpy.arange(len(bias))])
        return classifier

    monkeypatch.setattr(saved_model, "rebuild", spoilt)
    target = workspace.root / "spoilt"
    with pytest.raises(ExportError, match="answers otherwise"):
        workflow.export(workspace, run.id, into=target)
    assert not target.exists()
    assert not list(workspace.root.glob(".writing-*"))


def test_an_older_export_is_replaced_and_something_else_is_not(made: Made) -> None:
    workspace, run, exported = made
    again = workflow.export(workspace, run.id[:6], into=exported.path)
    assert again.path == exported.path
    (exported.path / "serve.py").write_text("mine")
    with pytest.raises(DataError, match=r"something else.*: serve\.py"):
        workflow.export(workspace, run.id, into=exported.path)
    (exported.path / "serve.py").unlink()
    holder = workspace.root / "precious"
    holder.mkdir()
    (holder / "thesis.txt").write_text("years")
    with pytest.raises(DataError, match="something else"):
        workflow.export(workspace, into=holder)
    assert (holder / "thesis.txt").read_text() == "years"


def test_a_place_that_cannot_be_written_is_a_sentence_that_names_it(made: Made, tmp_path: Path) -> None:
    workspace, run, _ = made
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ExportError, match=r"cannot be written: .*file/model.* another place"):
        workflow.export(workspace, run.id, into=tmp_path / "file" / "model")


def test_a_disk_that_is_full_is_not_taken_for_a_full_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise tf.errors.ResourceExhaustedError(None, None, "variables.data; No space left on device")

    monkeypatch.setattr(tf.saved_model, "save", full)
    with pytest.raises(ExportError, match=r"cannot be written: .*No space left on device\. .*another place"):
        saved_model._save(Mock(), tmp_path / "new", tmp_path / "model")


def test_the_folder_where_one_stands_may_be_filled(made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    workflow.export(made[0].root, made[1].id, into=".")
    assert (tmp_path / "saved_model.pb").exists()


def test_card_and_credits_say_what_it_is_and_whose_photos_taught_it(made: Made) -> None:
    _, run, exported = made
    card = (exported.path / "README.md").read_text(encoding="utf-8")
    correct = run.predictions("test").correct
    assert f"| test | {len(correct)} | {correct.mean():.3f} |" in card
    assert run.id in card
    credits = (exported.path / "CREDITS.csv").read_text(encoding="utf-8").splitlines()
    assert len(credits) == 1 + 36
    assert (exported.path / "labels.txt").read_text(encoding="utf-8").split() == list(run.labels)


def test_names_from_elsewhere_become_neither_markdown_nor_formulas(made: Made) -> None:
    workspace, run, _ = made
    manifest = Manifest.read(workspace)
    hostile = dataclasses.replace(
        manifest.photos[0], title="=HYPERLINK(1)", licence="<script>|x|", image_url="file:///home/someone/1.png"
    )
    manifest = manifest.replace([hostile])
    evil = dataclasses.replace(run, arm="[x](javascript:1)<img src=x> Grevy's")
    text = card.model_card(evil, manifest, Exported(made[2].path, "saved_model", 0.0, 1))
    assert "<script>" not in text
    assert "<img" not in text
    assert "Grevy's" in text
    assert "[x](" not in text
    assert "'=HYPERLINK(1)" in credits_csv(manifest)
    assert "file://" not in credits_csv(manifest)


def test_a_run_of_earlier_photos_is_exported_and_the_card_says_whose_credits_these_are(
    made: Made, tmp_path: Path
) -> None:
    workspace, run, exported = made
    manifest = Manifest.read(workspace)
    gone = dataclasses.replace(manifest.part("test")[0], file_name="gone.png", excluded="missing: gone since")
    now = saved_model.export(run, workspace, manifest.replace([gone]), into=tmp_path / "model")
    assert (exported.earlier, now.earlier) == (False, True)
    assert now.checked == exported.checked - 1
    said = "made with other photos than these credits list"
    assert said in (now.path / "README.md").read_text(encoding="utf-8")
    assert said not in (exported.path / "README.md").read_text(encoding="utf-8")
    assert len((now.path / "CREDITS.csv").read_text(encoding="utf-8").splitlines()) == 1 + 35


def test_a_failed_run_is_refused_by_a_sentence(made: Made, tmp_path: Path) -> None:
    workspace, run, _ = made
    failed = dataclasses.replace(run, status="failed", reason="no memory", path=tmp_path / "run")
    with pytest.raises(ExportError, match=r"nothing to export.*no memory"):
        saved_model.export(failed, workspace, Manifest.read(workspace), into=tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_what_is_neither_a_run_nor_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="neither a run nor"):
        list(workflow.predict(tmp_path, ["x.jpg"]))


# --- calibrated ---


def test_a_calibrated_artifact_answers_the_same_and_is_as_sure_as_validation_asks(made: Made, tmp_path: Path) -> None:
    workspace, run, plain = made
    exported = workflow.export(workspace, run.id, into=tmp_path / "calibrated", calibrate=True)
    part = run.predictions("validation")
    assert exported.temperature == scores.temperature(part.truth, part.probabilities)
    assert plain.temperature is None
    assert exported.max_difference <= 1e-5
    photos = [workspace.photo_path(photo.file_name) for photo in Manifest.read(workspace).part("test")]
    answers = [list(workflow.predict(folder, photos, top=3)) for folder in (plain.path, exported.path)]
    for one, other in zip(*answers, strict=True):
        assert one.label == other.label
        first, second = (numpy.array([chance for _, chance in each.top]) for each in (one, other))
        assert second == pytest.approx(scores.tempered(first[None], exported.temperature)[0], abs=1e-5)
    assert not numpy.allclose([one.probability for one in answers[0]], [one.probability for one in answers[1]])
    words = (exported.path / "README.md").read_text(encoding="utf-8")
    assert f"temperature of {exported.temperature:.3f}, fitted on {len(part.truth)} validation photos" in words
    assert "Calibrated" not in (plain.path / "README.md").read_text(encoding="utf-8")


def test_without_a_wrong_validation_answer_nothing_is_calibrated(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, run, _ = made
    part = run.predictions("validation")
    perfect = dataclasses.replace(part, probabilities=numpy.eye(len(run.labels), dtype="float32")[part.truth])
    monkeypatch.setattr(Run, "predictions", lambda self, split: perfect)
    with pytest.raises(DataError, match="every one answered rightly"):
        workflow.export(workspace, run.id, into=tmp_path / "model", calibrate=True)
    assert not (tmp_path / "model").exists()


def test_a_refitted_run_without_test_photos_has_nothing_to_prove_itself_by(tmp_path: Path, photo_folder: Path) -> None:
    workspace = Workspace(tmp_path / "ws")
    workflow.load(photo_folder, workspace)
    workflow.split(workspace, test=0.0)
    (run,) = workflow.compare(workspace, ["raw_pixels"], seeds=1, refit=True)
    with pytest.raises(ExportError, match="refitted run without test photos"):
        workflow.export(workspace, run.id, into=tmp_path / "model")
