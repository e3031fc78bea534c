"""A served classifier that may refuse says `unknown` where its threshold and its background class ask for it."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

import numpy
import pytest
from conftest import draw

from transfer import scores, workflow
from transfer.cli import main
from transfer.collecting import wanted
from transfer.errors import CallError, DataError, ExportError
from transfer.exporting import refusing, saved_model
from transfer.exporting.refusing import BACKGROUND, UNKNOWN
from transfer.exporting.saved_model import Exported
from transfer.manifest import Manifest
from transfer.run import Predictions, Run
from transfer.workspace import Workspace

Made = tuple[Workspace, Run, Exported]
CLASSES = ("bar", BACKGROUND, "coin")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Three classes, one of them the background, one photo of each with a wrong label; exported with `auto`."""
    root = tmp_path_factory.mktemp("refusing")
    for name in CLASSES:
        (root / "photos" / name).mkdir(parents=True)
    for label in range(len(CLASSES)):
        for number in range(24):
            name = CLASSES[(label + (number % 24 == 3)) % len(CLASSES)]
            draw(label, number).resize((16, 16)).save(root / "photos" / name / f"{label}-{number:02}.png")
    workspace = Workspace(root / "ws")
    workflow.load(root / "photos", workspace)
    workflow.split(workspace, validation=0.25, test=0.25)
    run = workflow.train(workspace, "raw_pixels:linear_probe", size=8)
    return workspace, run, workflow.export(workspace, into=root / "model", unknown_below="auto")


def photos_of_test(workspace: Workspace) -> list[Path]:
    return [workspace.photo_path(photo.file_name) for photo in Manifest.read(workspace).part("test")]


def expected(run: Run, probabilities: numpy.ndarray, threshold: float) -> list[str]:
    """By the rule itself, a photo at a time."""
    said = []
    for row in probabilities:
        best = run.labels[int(row.argmax())]
        said.append(best if row.max() >= numpy.float32(threshold) and best != BACKGROUND else UNKNOWN)
    return said


def counted(measured: scores.Refusal | None) -> tuple[int, ...]:
    assert measured is not None
    shares = (measured.coverage, measured.error)
    return measured.photos, *(number for share in shares for number in (share.count, share.of))


def test_validation_chose_the_threshold_and_both_parts_are_told(made: Made) -> None:
    _, run, exported = made
    validation, test = run.predictions("validation"), run.predictions("test")
    background = run.labels.index(BACKGROUND)
    chosen = exported.refusing
    assert chosen is not None
    assert chosen.aim == scores.MOST_ERROR
    assert chosen.background == background
    assert 0 < chosen.unknown_below < 1  # with those wrong labels; else the tests below would show nothing
    for part, measured in ((validation, chosen.validation), (test, chosen.test)):
        asked = scores.refusal(part.truth, part.probabilities, chosen.unknown_below, background=background)
        assert counted(measured) == counted(asked)
    assert chosen.validation is not None
    assert chosen.validation.error.value <= scores.MOST_ERROR


def test_the_served_label_is_unknown_where_it_should_be_and_nothing_else_changes(made: Made) -> None:
    workspace, run, exported = made
    kept = run.predictions("test").probabilities
    assert exported.refusing is not None
    said = expected(run, kept, exported.refusing.unknown_below)
    assert set(said) > {UNKNOWN}  # some refused, some answered
    sure = kept.max(axis=1) >= numpy.float32(exported.refusing.unknown_below)
    assert (sure & (kept.argmax(axis=1) == run.labels.index(BACKGROUND))).any()  # some only for the background
    assert exported.checked == len(kept)
    assert exported.refused == said.count(UNKNOWN)
    photos = photos_of_test(workspace)
    answers = list(workflow.predict(exported.path, photos, top=3))
    assert [answer.label for answer in answers] == said
    assert [answer.refused for answer in answers] == [label == UNKNOWN for label in said]
    assert [answer.probability for answer in answers] == pytest.approx(kept.max(axis=1).tolist(), abs=1e-5)
    for answer, unrefused in zip(answers, workflow.predict(run.path, photos, top=3), strict=True):
        assert dict(answer.top) == pytest.approx(dict(unrefused.top), abs=1e-5)
        assert answer.top[0][0] == unrefused.label
        assert not unrefused.refused


def test_a_named_threshold_is_one_of_calibrated_probabilities(made: Made, tmp_path: Path) -> None:
    workspace, run, _ = made
    validation, test = run.predictions("validation"), run.predictions("test")
    temperature = scores.temperature(validation.truth, validation.probabilities)
    calibrated = scores.tempered(test.probabilities, temperature).astype("float32")
    # A threshold that some photo passes on one side of calibrating and not on the other.
    sure = numpy.stack([calibrated.max(axis=1), test.probabilities.max(axis=1)])
    sure = sure[:, test.predicted != run.labels.index(BACKGROUND)]
    threshold = float(sure[:, numpy.abs(sure[0] - sure[1]).argmax()].mean())
    said = expected(run, calibrated, threshold)
    assert said != expected(run, test.probabilities, threshold)
    exported = workflow.export(workspace, run.id, into=tmp_path / "model", calibrate=True, unknown_below=threshold)
    assert exported.temperature == temperature
    assert exported.refusing is not None
    assert exported.refusing.aim is None
    assert [answer.label for answer in workflow.predict(exported.path, photos_of_test(workspace))] == said
    asked = scores.refusal(test.truth, calibrated, threshold, background=run.labels.index(BACKGROUND))
    assert counted(exported.refusing.test) == counted(asked)
    card = (exported.path / "README.md").read_text(encoding="utf-8")
    assert "Whoever exported the model named that threshold." in card


def test_an_artifact_that_forgets_to_refuse_is_not_written(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, run, _ = made
    served = saved_model.Served
    monkeypatch.setattr(saved_model, "Served", lambda *given: served(*given[:-1]))
    with pytest.raises(ExportError, match="instead of 'unknown'"):
        workflow.export(workspace, run.id, into=tmp_path / "model", unknown_below=1.0)
    assert not (tmp_path / "model").exists()


def test_the_card_says_when_it_refuses_and_what_that_costs(made: Made) -> None:
    _, _, exported = made
    card = (exported.path / "README.md").read_text(encoding="utf-8")
    assert exported.refusing is not None
    assert f"is below {exported.refusing.unknown_below:.6g} or the most probable class is `background`" in card
    assert "the least that leaves at most\n5 % of the answers on validation wrong" in card
    for name, part in (("validation", exported.refusing.validation), ("test", exported.refusing.test)):
        assert part is not None
        interval = part.coverage.interval
        assert interval is not None
        cells = f"{part.coverage.value:.3f} | {interval.low:.3f} to {interval.high:.3f}"
        assert f"| {name} | {part.photos} | {cells} | {part.error.value:.3f} |" in card
    assert f"Of {exported.refused} of these photos it said `unknown`" in card


# --- the choice, without an artifact ---


def predictions(split: str, truth: list[int], sure: list[float]) -> Predictions:
    """Of two classes, every one answered with the first."""
    names = tuple(map(str, truth))
    probabilities = numpy.array([[p, 1 - p] for p in sure], "float32").reshape(len(sure), 2)
    return Predictions(split, names, numpy.array(truth, int), probabilities, names)


NONE = predictions("test", [], [])


@pytest.mark.parametrize("threshold", [-0.01, 1.01, float("nan"), float("inf"), "often"])
def test_what_is_no_probability_is_a_wrong_call(threshold: float | str) -> None:
    with pytest.raises(CallError, match=r"a probability or `auto`\. Received"):
        refusing.check(threshold, ("a", "b"))


@pytest.mark.parametrize("threshold", [0, 0.0, 0.5, 1, "auto"])
def test_probabilities_and_auto_pass(threshold: float | str) -> None:
    refusing.check(threshold, ("a", "b"))


@pytest.mark.parametrize("label", ["unknown", "Unknown"])
def test_a_class_of_that_name_is_refused_since_the_word_would_mean_two_things(label: str) -> None:
    with pytest.raises(DataError, match=f"Received: {label}"):
        refusing.check(0.5, ("heron", label))


def test_without_validation_photos_nothing_can_be_chosen_but_a_threshold_can_be_named() -> None:
    with pytest.raises(DataError, match="no validation photo"):
        refusing.decide("auto", ("a", "b"), NONE, NONE)
    named = refusing.decide(0.8, ("a", "b"), NONE, predictions("test", [0, 1], [0.9, 0.7]))
    assert named.validation is None
    assert named.test is not None
    assert (named.test.coverage.value, named.test.error.value) == (0.5, 0.0)


def test_where_the_surest_answers_are_wrong_no_threshold_is_made_up() -> None:
    with pytest.raises(DataError, match=r"at most 5 % .* at best 1 wrong of 3 answers, on 3 validation photos"):
        refusing.decide("auto", ("a", "b"), predictions("validation", [1, 0, 0], [0.9, 0.8, 0.7]), NONE)


def test_test_photos_have_no_say_in_the_threshold() -> None:
    validation = predictions("validation", [0, 0, 1, 0], [0.9, 0.8, 0.7, 0.6])
    wrong, right = (predictions("test", [label] * 3, [0.95, 0.85, 0.75]) for label in (1, 0))
    chosen = {refusing.decide("auto", ("a", "b"), validation, test).unknown_below for test in (wrong, right, NONE)}
    assert chosen == {float(numpy.float32(0.75))}


def test_what_refuses_nothing_says_so_and_shares_of_nothing_are_null() -> None:
    validation = predictions("validation", [0, 0], [0.9, 0.8])
    free = refusing.decide("auto", ("a", "b"), validation, NONE)
    assert free.where == "nowhere: the threshold is 0"
    watchful = refusing.decide("auto", (BACKGROUND, "a"), predictions("validation", [1], [0.4]), NONE)
    assert watchful.where == "only where the most probable class is `background`: the threshold is 0"
    assert free.to_dict()["test"] is None
    shut = refusing.decide(1.0, ("a", "b"), validation, NONE)
    assert shut.where == "where the largest probability is below 1"
    facts = json.loads(json.dumps(shut.to_dict(), allow_nan=False))
    assert facts["below"] == 1
    assert facts["validation"]["coverage"] == 0
    assert facts["validation"]["error"] is None
    assert facts["validation"]["error_interval"] is None


def test_photos_of_one_group_count_once_in_the_intervals_of_both_shares() -> None:
    part = dataclasses.replace(predictions("test", [0, 1, 0, 0], [0.9, 0.9, 0.9, 0.6]), groups=("a", "a", "a", "b"))
    found = refusing.decide(0.8, ("a", "b"), NONE, part).test
    assert counted(found) == (4, 3, 4, 1, 3)
    assert found is not None
    assert found.coverage.interval == scores.wilson(2 * 3 / 4, 2)
    assert found.error.interval == scores.wilson(1 / 3, 1)


def test_the_background_is_the_one_that_collecting_makes() -> None:
    assert wanted.BACKGROUND == BACKGROUND


# --- the commands ---


def run_command(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    monkeypatch.setattr(sys, "argv", ["transfer", *map(str, words)])
    with pytest.raises(SystemExit) as end:
        main()
    return int(end.value.code or 0)


@pytest.mark.parametrize("threshold", ["1.5", "-0.5", "nan", "often"])
def test_a_wrong_threshold_ends_with_status_2_and_a_sentence(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], threshold: str
) -> None:
    words = ("export", made[0].root, "--into", tmp_path / "model", f"--unknown-below={threshold}")
    assert run_command(monkeypatch, *words) == 2
    said = capfd.readouterr().err
    assert threshold in said
    assert "Traceback" not in said
    assert not (tmp_path / "model").exists()


def test_the_command_tells_the_facts(
    made: Made, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    workspace, _, exported = made
    asked = []

    def already(*words: object, **options: object) -> Exported:
        asked.append(options["unknown_below"])
        return exported

    monkeypatch.setattr(workflow, "export", already)
    words = ("export", workspace.root, "--into", exported.path, "--unknown-below", "auto")
    assert run_command(monkeypatch, *words, "--json") == 0
    assert exported.refusing is not None
    assert json.loads(capfd.readouterr().out)["unknown"] == exported.refusing.to_dict()
    assert run_command(monkeypatch, *words) == 0
    said = capfd.readouterr().err
    assert f"It says `unknown` {exported.refusing.where}. Validation chose that" in said
    assert "the least threshold with an error of at most 5 %." in said
    for part in (exported.refusing.validation, exported.refusing.test):
        assert part is not None
        assert f"({part.coverage.count} of {part.coverage.of}; 95 % interval" in said
        assert f"({part.error.count} of {part.error.of}; 95 % interval" in said
    assert run_command(monkeypatch, *words[:-1], "0.75") == 0
    assert asked == ["auto", "auto", 0.75]


def test_predict_shows_unknown_before_the_classes(
    made: Made, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    workspace, run, exported = made
    photos = photos_of_test(workspace)
    assert exported.refusing is not None
    said = expected(run, run.predictions("test").probabilities, exported.refusing.unknown_below)
    assert run_command(monkeypatch, "predict", exported.path, *photos, "--top", 1) == 0
    lines = capfd.readouterr().out.splitlines()
    for photo, label, line in zip(photos, said, lines, strict=True):
        assert line.startswith(f"{photo}: {label} ")
        assert line.endswith(")") == (label == UNKNOWN)
    assert run_command(monkeypatch, "predict", exported.path, *photos, "--json") == 0
    assert [json.loads(line)["label"] for line in capfd.readouterr().out.splitlines()] == said
