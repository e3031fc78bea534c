"""The grid: same photos for every arm, nothing twice, and one trial's death is nobody else's."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from transfer import workflow
from transfer.arm import Arm
from transfer.errors import CallError, TrainingError
from transfer.grid import Grid
from transfer.manifest import Manifest
from transfer.progress import Progress
from transfer.run import Run
from transfer.training import compare as comparing
from transfer.training import workers
from transfer.training.workers import Outcome, Task, Workers
from transfer.workspace import Workspace

# --- what the workers do in these tests; they find it by the module's name ---


def double(number: int, on_progress: Progress, on_kept: object = None) -> tuple[int, int]:
    on_progress(1, 1, "doubling")
    return 2 * number, os.getpid()


def die(on_progress: Progress) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def compute(folder: str, on_progress: Progress, on_kept: Callable[[str], None]) -> bool:
    """Compute what others wait for, say so, and go on until one of them has come."""
    early = Path(folder, "came").exists()
    on_kept("features")
    patiently(lambda: Path(folder, "came").exists())
    return early


def come(folder: str, on_progress: Progress, on_kept: object) -> None:
    Path(folder, "came").touch()


def wait(told: str, on_progress: Progress) -> None:
    Path(f"{told}.new").write_text(str(os.getpid()))
    Path(f"{told}.new").rename(told)
    signal.pause()


def complain(on_progress: Progress) -> None:
    raise TrainingError("No good.", received="this", remedy="Do that.")


def stumble(on_progress: Progress) -> None:
    raise ZeroDivisionError("by zero")


def task(function: str, *, lineage: str = "", keys: frozenset[str] = frozenset(), **arguments: object) -> Task:
    return Task(f"{function} {arguments}", f"test_compare:{function}", arguments, lineage, keys)


@pytest.fixture
def run_tasks(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Outcome]]:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))

    def run(*tasks: Task, jobs: int = 2) -> list[Outcome]:
        with Workers(jobs, []) as workers:
            return list(workers.run(tasks, lambda *_: None))

    return run


def test_a_worker_lives_on_for_tasks_of_its_lineage_and_for_no_other(
    run_tasks: Callable[..., list[Outcome]],
) -> None:
    outcomes = run_tasks(*(task("double", number=n, lineage="ab"[n // 3]) for n in range(6)), jobs=1)
    assert [outcome.result[0] for outcome in outcomes] == [0, 2, 4, 6, 8, 10]
    processes = [outcome.result[1] for outcome in outcomes]
    assert processes == [processes[0]] * 3 + [processes[3]] * 3
    assert processes[0] != processes[3]


def test_a_worker_that_holds_too_much_memory_is_followed_by_another(
    run_tasks: Callable[..., list[Outcome]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "MEMORY", 0.0)
    outcomes = run_tasks(*(task("double", number=n) for n in range(3)), jobs=1)
    assert len({outcome.result[1] for outcome in outcomes}) == 3


def test_a_dead_worker_fails_its_own_task_and_no_other(run_tasks: Callable[..., list[Outcome]]) -> None:
    tasks = [task("double", number=1), task("die"), task("double", number=2), task("double", number=3, lineage="other")]
    outcomes = run_tasks(*tasks, jobs=1)
    assert [outcome.result and outcome.result[0] for outcome in outcomes] == [2, None, 4, 6]
    assert "died" in str(outcomes[1].error)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_task_finds_another_worker_where_the_idle_one_of_its_lineage_has_died(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    with Workers(1, []) as crew:
        (first,) = crew.run([task("double", number=1)], lambda *_: None)
        os.kill(first.result[1], signal.SIGKILL)
        patiently(lambda: not Path(f"/proc/{first.result[1]}").exists())
        (second,) = crew.run([task("double", number=2)], lambda *_: None)
    assert second.result[0] == 4
    assert second.result[1] != first.result[1]


def test_a_nursery_that_cannot_import_is_said_at_once(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(TrainingError, match=r"No worker process.*ended with status 1"), Workers(1, ["no_such_module"]):
        pass
    assert "no_such_module" in capfd.readouterr().err


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_killed_comparison_leaves_no_worker_behind(tmp_path: Path) -> None:
    script = f"""
from transfer.training.workers import Task, Workers
with Workers(1, []) as workers:
    list(workers.run([Task("wait", "test_compare:wait", {{"told": {str(tmp_path / "pid")!r}}})], lambda *_: None))
"""
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
    parent = subprocess.Popen([sys.executable, "-c", script], env=environment)
    worker = int(patiently(lambda: (tmp_path / "pid").read_text() if (tmp_path / "pid").exists() else None))
    parent.kill()
    parent.wait()
    assert patiently(lambda: not Path(f"/proc/{worker}").exists())


def patiently(look: Callable[[], Any]) -> Any:
    """What a look gives as soon as it gives anything."""
    deadline = time.monotonic() + 60
    while not (found := look()):
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.05)
    return found


def test_errors_come_home_in_three_beats_and_strangers_with_their_traceback(
    run_tasks: Callable[..., list[Outcome]],
) -> None:
    known, stranger = run_tasks(task("complain"), task("stumble"), jobs=1)
    assert str(known.error) == "No good. Received: this. Do that."
    assert "ZeroDivisionError" in str(stranger.error)
    assert "in stumble" in stranger.log


def test_what_two_tasks_need_is_not_computed_by_both_at_once(run_tasks: Callable[..., list[Outcome]]) -> None:
    tasks = [task("double", number=n, keys=frozenset({"features"})) for n in range(3)]
    first = run_tasks(*tasks)[0]
    assert first.task is tasks[0]


def test_whoever_waits_for_features_begins_when_they_are_there_and_not_when_the_trial_has_ended(
    run_tasks: Callable[..., list[Outcome]], tmp_path: Path
) -> None:
    keys = frozenset({"features"})
    tasks = [task("compute", keys=keys, folder=str(tmp_path)), task("come", keys=keys, folder=str(tmp_path))]
    outcomes = {outcome.task.name: outcome for outcome in run_tasks(*tasks)}
    assert [outcomes[each.name].error for each in tasks] == [None, None]
    assert outcomes[tasks[0].name].result is False


# --- the grid ---

ARMS = ["raw_pixels", "lenet5:from_scratch"]


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory, photo_folder: Path) -> tuple[Workspace, list[Run]]:
    workspace = Workspace(tmp_path_factory.mktemp("compared"))
    workflow.load(photo_folder, workspace)
    return workspace, list(workflow.compare(workspace, ARMS, seeds=2, per_class=(3, None), epochs=1, jobs=2))


def test_a_comparison_has_a_row_for_each_arm_size_and_seed_and_adds_only_what_is_missing(
    compared: tuple[Workspace, list[Run]],
) -> None:
    workspace, runs = compared
    assert [(run.arm.split(":")[0], run.per_class, run.seed) for run in runs] == [
        (arm, k, seed) for arm in ("raw_pixels", "lenet5") for k in (3, None) for seed in (0, 1)
    ]
    assert all(run.done for run in runs), [run.reason for run in runs]
    photos = {run.predictions("test").photos for run in runs}
    assert len(photos) == 1, "every arm is judged on the same photos"

    written = {path: path.stat().st_mtime_ns for path in workspace.runs.rglob("*") if path.is_file()}
    again = list(workflow.compare(workspace, [*ARMS, "raw_pixels:frozen_head"], seeds=2, epochs=1))
    assert [run.id for run in again[:2]] == [run.id for run in runs[2:4]]
    assert len(again) == 6
    assert written == {path: path.stat().st_mtime_ns for path in written}, "what exists is not touched"


def test_a_worker_and_this_process_make_the_same_run(compared: tuple[Workspace, list[Run]], tmp_path: Path) -> None:
    workspace, runs = compared
    there = next(run for run in runs if run.arm == "lenet5:from_scratch" and run.per_class is None and run.seed == 1)
    elsewhere = Workspace(tmp_path / "elsewhere")
    Manifest.read(workspace).write(elsewhere)
    here = workflow.train(elsewhere, "lenet5:from_scratch", seed=1, epochs=1)
    assert here.id == there.id
    assert here.predictions("test").probabilities == pytest.approx(there.predictions("test").probabilities, abs=1e-6)


def test_weights_that_cannot_be_had_fail_their_arm_and_no_other(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("TRANSFER_WEIGHTS_URL", "http://127.0.0.1:9")
    comparison = workflow.compare(workspace, ["mobilenet_v2", "raw_pixels"], seeds=1)
    failed, done = comparison.rows()
    assert (failed["status"], done["status"]) == ("failed", "done")
    assert "mobilenet_v2" in failed["reason"]
    assert [row["status"] for row in workflow.runs(workspace).rows()].count("failed") == 1
    assert comparison.best().arm == "raw_pixels:linear_probe"
    frame = comparison.to_frame()
    assert frame.loc[1, "test_accuracy"] == done["test"]["accuracy"]


def test_when_the_time_is_spent_no_trial_is_begun_and_the_rest_is_there(
    compared: tuple[Workspace, list[Run]],
) -> None:
    workspace, _ = compared
    wanted = ["raw_pixels", "raw_pixels:fine_tune_top"]
    comparison = workflow.compare(workspace, wanted, seeds=2, epochs=1, budget=1e-9)
    assert [row["status"] for row in comparison.rows()] == ["done", "done", "skipped", "skipped"]
    assert "time was spent" in comparison.rows()[2]["reason"]
    assert all(run.status != "skipped" for run in workflow.runs(workspace)), "what was not begun leaves no trace"


def test_a_grid_takes_no_second_word_on_what_it_runs(compared: tuple[Workspace, list[Run]]) -> None:
    workspace, _ = compared
    grid = Grid((Arm.parse("raw_pixels"),), seeds=2, epochs=1)
    assert len(workflow.compare(workspace, grid)) == 2
    with pytest.raises(CallError, match="itself says"):
        workflow.compare(workspace, grid, seeds=3)
    with pytest.raises(CallError, match="itself says"):
        workflow.compare(workspace, grid, half=True)


def test_a_trick_that_says_nothing_to_an_arm_is_left_out_there(
    compared: tuple[Workspace, list[Run]],
) -> None:
    workspace, _ = compared
    both = ["raw_pixels", "lenet5:from_scratch"]
    comparison = workflow.compare(workspace, both, seeds=1, epochs=1, tricks=["weight_decay"], budget=1e-9)
    assert [run.arm for run in comparison] == [
        "raw_pixels:linear_probe",
        "lenet5:from_scratch",
        "lenet5:from_scratch+weight_decay",
    ]
    with pytest.raises(CallError, match="no gradient descent"):
        workflow.compare(workspace, ["raw_pixels"], tricks=["weight_decay"])
    with pytest.raises(CallError, match="weight_decay"):
        workflow.compare(workspace, both, tricks=["weight_decya"])


def test_folds_are_trained_apart_and_judge_every_photo(compared: tuple[Workspace, list[Run]]) -> None:
    workspace, _ = compared
    comparison = workflow.compare(workspace, ["raw_pixels"], seeds=2, folds=3)
    kept = sorted(photo.id for photo in Manifest.read(workspace).kept)
    for repetition in (0, 1):
        runs = [run for run in comparison if run.seed // 3 == repetition]
        assert sorted(photo for run in runs for photo in run.predictions("test").photos) == kept
    assert all(len(run.predictions("validation").photos) for run in comparison)
    assert comparison.rows()[4]["fold"] == {"of": 3, "repetition": 1, "number": 1}
    again = workflow.compare(workspace, Grid.read(workspace.grid))
    assert [run.id for run in again] == [run.id for run in comparison]
    assert workflow.compare(workspace, ["raw_pixels"], seeds=1, folds=3).runs == comparison.runs[:3]


def test_folds_need_no_splits(tmp_path: Path, photo_folder: Path) -> None:
    workspace = Workspace(tmp_path / "unsplit")
    workflow.load(photo_folder, workspace)
    comparison = workflow.compare(workspace, ["raw_pixels"], seeds=1, folds=2)
    assert all(run.done for run in comparison)
    assert {photo.split for photo in Manifest.read(workspace).kept} == {None}
    assert workflow.report(workspace).exists()


def test_what_was_compared_is_kept_as_a_file_that_compares_it_again(
    compared: tuple[Workspace, list[Run]],
) -> None:
    workspace, runs = compared
    workflow.compare(workspace, ARMS, seeds=2, per_class=(3, None), epochs=1)
    again = workflow.compare(workspace, Grid.read(workspace.grid))
    assert [run.id for run in again] == [run.id for run in runs]


def test_arms_without_weights_of_their_own_share_what_is_kept(compared: tuple[Workspace, list[Run]]) -> None:
    workspace, _ = compared
    stores = [json.loads(path.read_text())["stage"] for path in workspace.features.glob("*/about.json")]
    assert sorted(stores) == ["pixels", "pixels"], "raw pixels at 32, LeNet-5's at 32: one cut each, whatever the seed"


def test_one_arm_needs_no_list(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Grid] = []
    monkeypatch.setattr(comparing, "compare", lambda *_, grid, **__: asked.append(grid) or [])
    for arm in ("raw_pixels", Arm("raw_pixels"), ["raw_pixels"]):
        workflow.compare(workspace, arm)
    assert asked == [Grid((Arm("raw_pixels"),))] * 3


def test_a_trick_that_follows_one_with_nothing_to_say_is_no_contradiction(manifest: Manifest) -> None:
    def check(trick: str) -> None:
        grid = Grid((Arm.parse("raw_pixels:one_cycle+warmup"),), tricks=(trick,))
        comparing.check(grid, manifest, jobs=1, ray=None, budget=None)

    check("cosine")
    with pytest.raises(CallError, match="named twice"):
        check("warmup")


@pytest.mark.parametrize(
    "call",
    [
        {"seeds": 0},
        {"jobs": 0},
        {"budget": 0.0},
        {"budget": math.nan},
        {"arms": []},
        {"arms": ["vgg16:"]},
        {"tricks": "augment"},
        {"per_class": "5"},
        {"per_class": 5},
        {"per_class": []},
    ],
)
def test_a_wrong_call_is_refused_before_anything_begins(workspace: Workspace, call: dict[str, object]) -> None:
    arms = call.pop("arms", ["raw_pixels"])
    with pytest.raises(CallError):
        workflow.compare(workspace, arms, **call)  # type: ignore[arg-type]
    assert not workspace.runs.exists()
