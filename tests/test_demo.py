"""The embedded demo: its glyphs, the weights that the package carries, and the whole job in small."""

from __future__ import annotations

import functools
import hashlib
import json
import unicodedata
from pathlib import Path

import numpy
import pytest
from PIL import Image, ImageFont
from sklearn.datasets import load_digits

from transfer import workflow
from transfer.demo import PER_CLASS, arms, digits, glyphs, pretraining, run_demo
from transfer.demo.pretraining import KEPT, Recipe
from transfer.errors import CallError
from transfer.manifest import Manifest
from transfer.models import weights
from transfer.workspace import Workspace

LETTERS = "".join(glyphs.ALPHABETS.values())
DROPPED = set("".join(glyphs.DIGIT_LOOKALIKES.values()))


@pytest.fixture(scope="module")
def record() -> dict:
    return json.loads(KEPT.with_name("resnet20_glyphs.json").read_text(encoding="utf-8"))


# --- which characters are drawn ---


def likeness_to_digits(character: str) -> float:
    """The greatest correlation of an upright character, in any font, with any digit in any font."""
    return float((upright_rows(character) @ upright_rows("0123456789").T).max())


@functools.cache
def upright_rows(characters: str) -> numpy.ndarray:
    """A row for each character and font, of mean 0 and length 1."""
    drawn = [glyphs.upright(each, face).ravel() for each in characters for face in glyphs.FACES]
    centred = numpy.array(drawn, float) - numpy.mean(drawn, axis=1, keepdims=True)
    return centred / numpy.linalg.norm(centred, axis=1, keepdims=True)


def test_no_class_holds_a_digit_or_a_character_that_is_left_out_for_looking_like_one() -> None:
    drawn = set("".join(glyphs.classes()))
    assert not drawn & DROPPED
    assert {unicodedata.category(character)[0] for character in drawn} == {"L"}


def test_no_drawn_character_looks_like_a_digit_in_any_font() -> None:
    like = {character: likeness_to_digits(character) for character in "".join(glyphs.classes())}
    assert {character: round(value, 2) for character, value in like.items() if value >= glyphs.LIKENESS} == {}


@pytest.mark.parametrize("character", "OolSBgЗбշნՑ")
def test_the_measure_of_likeness_finds_the_plain_cases(character: str) -> None:
    assert likeness_to_digits(character) >= glyphs.LIKENESS
    assert character in DROPPED


def test_a_character_belongs_to_one_class_and_every_alphabet_has_some() -> None:
    drawn = "".join(glyphs.classes())
    assert len(drawn) == len(set(drawn))
    assert set(drawn) | DROPPED == set(LETTERS), "a letter is drawn or left out for a reason"
    for alphabet in glyphs.ALPHABETS.values():
        assert len(set(alphabet) & set(drawn)) >= 15
    assert len(glyphs.classes()) > 100


@pytest.mark.parametrize("characters", ["AΑА", "HΗН", "MΜМ"])
def test_look_alikes_of_several_alphabets_are_one_class(characters: str) -> None:
    assert any(set(characters) <= set(one) for one in glyphs.classes())


def test_every_font_has_every_letter() -> None:
    for face in glyphs.FACES:
        font = ImageFont.truetype(glyphs.font_file(face), 20)
        missing = bytes(font.getmask("\uffff"))
        assert [letter for letter in LETTERS if bytes(font.getmask(letter)) == missing] == []


# --- how they are drawn ---


def test_drawings_depend_on_the_seed_alone() -> None:
    first, labels = glyphs.draw_glyphs(2, seed=3)
    again, _ = glyphs.draw_glyphs(2, seed=3)
    other, _ = glyphs.draw_glyphs(2, seed=4)
    assert numpy.array_equal(first, again)
    assert (first != other).any(axis=(1, 2)).mean() > 0.95
    assert labels.tolist() == [label for label in range(len(glyphs.classes())) for _ in range(2)]


def test_more_drawings_are_the_same_ones_and_others() -> None:
    few, _ = glyphs.draw_glyphs(1, seed=5)
    more, _ = glyphs.draw_glyphs(2, seed=5)
    assert numpy.array_equal(more[::2], few)


def test_drawings_are_white_on_black_in_the_seventeen_levels_of_the_digits() -> None:
    drawings, labels = glyphs.draw_glyphs(3, seed=0)
    assert drawings.shape == (3 * len(glyphs.classes()), 8, 8)
    assert drawings.dtype == numpy.uint8
    assert labels.shape == (len(drawings),)
    levels = glyphs.to_grey(numpy.arange(17))
    assert set(numpy.unique(drawings)) == set(levels)
    assert set(numpy.unique(glyphs.to_grey(load_digits().images))) == set(levels)
    assert drawings.reshape(len(drawings), -1).max(axis=1).min() > 0, "no drawing is empty"
    ink, digits_ink = drawings.mean() / 255, load_digits().images.mean() / 16
    assert 0.7 < ink / digits_ink < 1.3


# --- the kept weights ---


def test_the_kept_weights_are_those_of_the_record_and_small(record: dict) -> None:
    assert record["sha256"] == hashlib.sha256(KEPT.read_bytes()).hexdigest()
    assert KEPT.stat().st_size < 1_500_000


def test_the_record_tells_the_present_recipe_and_glyphs(record: dict) -> None:
    assert Recipe(**record["recipe"]) == Recipe()
    assert record["classes"] == list(glyphs.classes())
    assert record["fonts"] == [glyphs.font_file(face).name for face in glyphs.FACES]


def test_a_probe_of_the_kept_weights_beats_raw_pixels_on_handwritten_digits(record: dict) -> None:
    target = load_digits()
    grey = glyphs.to_grey(target.images)
    vectors = pretraining.features(pretraining.kept_network(), grey)
    assert vectors.shape == (1797, 64)
    learned = pretraining.probe_accuracies(vectors, target.target, per_class=(5, 10), subsets=4)
    raw = pretraining.probe_accuracies(grey.reshape(1797, -1) / 255, target.target, per_class=(5, 10), subsets=4)
    assert learned[5] > raw[5] + 0.02
    assert learned[10] > raw[10] + 0.02
    for k in (5, 10):
        assert learned[k] == pytest.approx(record["target_accuracy"][str(k)]["pretrained"], abs=0.03)


def test_pretraining_learns_glyphs_and_keeps_what_it_learned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(glyphs, "classes", lambda: ("A", "Шш", "Δ", "L", "X"))
    recipe = Recipe(drawings=64, held_out=20, epochs=6, batch=8, rate=0.02)
    told: list[str] = []
    made = pretraining.pretrain(recipe, on_progress=lambda done, total, what: told.append(what))
    assert told == ["drawing glyphs"] * 10 + ["pretraining"] * 6
    assert made.source_accuracy > 0.6, "five letters, guessed one time in five"
    path = tmp_path / pretraining.FILE
    made.network.save_weights(path)
    facts = pretraining.record(made, recipe, path, subsets=1)
    assert facts["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert facts["target_accuracy"]["20"]["raw_pixels"] > facts["target_accuracy"]["1"]["raw_pixels"]
    again = pretraining.kept_network()
    weights.load(again, path)
    grey = glyphs.to_grey(load_digits().images[:20])
    assert numpy.allclose(pretraining.features(again, grey), pretraining.features(made.network, grey), atol=1e-5)


# --- the digits and the whole job ---


@pytest.fixture(scope="module")
def digits_workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = Workspace(tmp_path_factory.mktemp("demo"))
    digits.write_digits(workspace)
    return workspace


def test_the_digits_become_photos_with_their_credits(digits_workspace: Workspace) -> None:
    photos = Manifest.read(digits_workspace).photos
    assert len(photos) == 1797
    assert {photo.licence for photo in photos} == {"CC BY 4.0"}
    assert {photo.owner for photo in photos} == {"E. Alpaydin and C. Kaynak"}
    assert {photo.source for photo in photos} == {"demo"}
    first = next(photo for photo in photos if photo.id == "digit-0000")
    content = digits_workspace.photo_path(first.file_name).read_bytes()
    assert hashlib.sha256(content).hexdigest() == first.sha256
    with Image.open(digits_workspace.photo_path(first.file_name)) as picture:
        assert (picture.format, picture.mode, picture.size) == ("PNG", "L", (8, 8))
        assert numpy.array_equal(numpy.asarray(picture), glyphs.to_grey(load_digits().images[0]))


def test_writing_the_digits_again_writes_no_picture_and_moves_no_split(digits_workspace: Workspace) -> None:
    split = workflow.split(digits_workspace, validation=0.1, test=0.5)
    before = digits_workspace.writes
    again = digits.write_digits(digits_workspace)
    assert again == split
    assert digits_workspace.writes == before + 1, "only the manifest"


@pytest.mark.parametrize("wrong", [{"jobs": -1}, {"jobs": 0}, {"seeds": 0}])
def test_a_demo_that_is_called_wrongly_writes_nothing(tmp_path: Path, wrong: dict[str, int]) -> None:
    with pytest.raises(CallError, match=f"--{next(iter(wrong))} must be at least 1"):
        run_demo(tmp_path / "ws", **wrong)
    assert not (tmp_path / "ws").exists()


def test_a_demo_mixes_no_digits_into_the_photos_of_others(tmp_path: Path, photo_folder: Path) -> None:
    workspace = Workspace(tmp_path / "ws")
    loaded = workflow.load(photo_folder, workspace)
    with pytest.raises(CallError, match=r"no digits of the demo.*Name a new folder with --into"):
        run_demo(workspace)
    assert Manifest.read(workspace) == loaded


def test_the_demo_ends_with_a_table_a_report_and_a_model_that_answers(digits_workspace: Workspace) -> None:
    competitors = ("resnet20@glyphs:linear_probe", "raw_pixels:linear_probe")
    assert set(competitors) <= set(arms())
    assert PER_CLASS == (1, 5, 10, 20)
    shown = run_demo(digits_workspace, competitors=competitors, seeds=1, per_class=(10,), jobs=1)
    assert [run.status for run in shown.comparison] == ["done", "done"]
    assert [row["arm"] for row in shown.table()] == list(competitors), "the better arm first"
    page = shown.report.read_text(encoding="utf-8").replace("<wbr>", "")
    assert [arm for arm in competitors if arm not in page] == []
    assert (shown.exported.path / "saved_model.pb").exists()
    assert [photo.label for photo, _ in shown.answers] == [str(label) for label in range(10)]
    assert sum(photo.label == answer.label for photo, answer in shown.answers) >= 7
