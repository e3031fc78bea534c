"""A Ray cluster makes the runs that this machine makes, whatever dies and whatever a machine does not see.

One cluster for all tests: a head without a place for tasks, and two machines with one core each, all of it here.
"""

from __future__ import annotations

import dataclasses
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy
import pytest

from training.chores import patiently
from transfer import workflow
from transfer.errors import CallError, TrainingError
from transfer.manifest import Manifest
from transfer.run import Run
from transfer.training import cluster as cluster_module
from transfer.training import connection, shards
from transfer.training.camp import Camp, Home, Lacking
from transfer.training.cluster import Cluster
from transfer.training.connection import demand
from transfer.training.workers import Outcome, Task
from transfer.workspace import Workspace


def task(function: str, *, keys: frozenset[str] = frozenset(), **arguments: object) -> Task:
    return Task(f"{function} {arguments}", f"training.chores:{function}", arguments, keys=keys)


# --- the cluster ---


@pytest.fixture(scope="module")
def ray() -> Iterator[Any]:
    """Ray, with a token of these tests' own, and telling nobody that it is used."""
    ray = pytest.importorskip("ray", reason="the extra `ray` is not installed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
        patch.setenv("RAY_AUTH_TOKEN", secrets.token_hex(32))
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        yield ray


@pytest.fixture(scope="module")
def machines(ray: Any) -> Iterator[Any]:
    from ray.cluster_utils import Cluster as Machines

    machines = Machines(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    for _ in range(2):
        machines.add_node(num_cpus=1)
    yield machines
    machines.shutdown()


@pytest.fixture
def run_tasks(machines: Any, tmp_path: Path) -> Callable[..., list[Outcome]]:
    def run(*tasks: Task, on_progress: Callable[..., None] = lambda *_: None, **more: Any) -> list[Outcome]:
        with Cluster(machines.address, Workspace(tmp_path / "home"), []) as cluster:
            return list(cluster.run(tasks, on_progress, **more))

    return run


def test_the_task_of_a_killed_process_is_tried_again(run_tasks: Callable[..., list[Outcome]], tmp_path: Path) -> None:
    victims: list[int] = []

    def hear(task: Task, done: int, total: int, what: str) -> None:
        if not victims and task.arguments["number"] == 0:
            victims.append(int(what))
            os.kill(victims[0], signal.SIGKILL)
        if len(list(tmp_path.glob("0-*"))) == 2:
            (tmp_path / "go").touch()

    outcomes = run_tasks(*(task("linger", folder=str(tmp_path), number=n) for n in range(3)), on_progress=hear)
    assert [outcome.error for outcome in outcomes] == [None] * 3
    assert victims, "progress came home while it ran"
    assert victims[0] not in [outcome.result for outcome in outcomes]


def test_what_two_tasks_need_is_not_computed_by_both_at_once_and_a_failure_is_its_own(
    run_tasks: Callable[..., list[Outcome]],
) -> None:
    shared = [task("when", number=number, keys=frozenset({"features"})) for number in range(3)]
    outcomes = run_tasks(*shared, task("stumble"))
    failed = next(outcome for outcome in outcomes if outcome.error)
    assert "ZeroDivisionError" in str(failed.error)
    assert "in stumble" in failed.log
    (_, ended), *others = (outcome.result for outcome in outcomes if not outcome.error)
    assert len(others) == 2
    assert all(begun > ended for begun, _ in others)


def test_once_it_is_enough_nothing_more_is_begun(run_tasks: Callable[..., list[Outcome]]) -> None:
    asked = iter([False] * 3)
    outcomes = run_tasks(*(task("when", number=number) for number in range(9)), enough=lambda: next(asked, True))
    assert 1 <= len(outcomes) <= 2


def test_a_cluster_with_a_gpu_gives_each_trial_one_and_has_room_for_as_many() -> None:
    small, large, gpu = {"CPU": 1.0}, {"CPU": 8.0}, {"CPU": 8.0, "GPU": 2.0}
    assert demand([small, large]).room([small, large]) == 9
    assert demand([large, large]).room([large, large]) == 8
    assert demand([small, gpu]).room([small, gpu]) == 2
    assert demand([{"CPU": 0.0}]).room([{"CPU": 0.0}, {}]) == 0


def test_a_comparison_whose_cluster_has_no_machine_left_ends(
    machines: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_module, "PATIENCE", 0.0)
    monkeypatch.setattr(Cluster, "_machines", lambda self: [{"CPU": 0.0}])
    with (
        Cluster(machines.address, Workspace(tmp_path), []) as cluster,
        pytest.raises(TrainingError, match="no machine"),
    ):
        list(cluster.run([task("stumble")], lambda *_: None))


# --- comparisons ---


def same(ours: list[Run], theirs: list[Run]) -> None:
    assert [run.id for run in ours] == [run.id for run in theirs]
    assert all(run.done for run in ours), [run.reason for run in ours]
    for one, other in zip(ours, theirs, strict=True):
        for split in ("validation", "test"):
            mine, its = one.predictions(split), other.predictions(split)
            assert mine.photos == its.photos
            numpy.testing.assert_allclose(mine.probabilities, its.probabilities, atol=1e-6)


def copy_of(workspace: Workspace, place: Path) -> Workspace:
    copy = Workspace(place)
    Manifest.read(workspace).write(copy)
    return copy


def test_a_comparison_on_two_machines_of_which_one_dies_is_the_one_made_here(
    machines: Any, workspace: Workspace, tmp_path: Path
) -> None:
    arms = ["raw_pixels", "lenet5:from_scratch"]
    home = copy_of(workspace, tmp_path / "home")
    alive = list(machines.worker_nodes)

    def hear(done: int, total: int, what: str) -> None:
        if done and len(machines.worker_nodes) == 2:
            machines.remove_node(alive[0], allow_graceful=False)

    afar = workflow.compare(home, arms, seeds=2, epochs=2, ray=machines.address, on_progress=hear)
    assert len(machines.worker_nodes) == 1
    machines.add_node(num_cpus=1)
    same(list(afar), [workflow.train(workspace, arm, seed=seed, epochs=2) for arm in arms for seed in (0, 1)])
    assert all(run.path == home.runs / run.id for run in afar)
    assert not list(home.root.glob(".cluster-*"))


def test_machines_that_do_not_see_the_workspace_are_given_photos_and_give_features_and_runs_back(
    machines: Any, photo_folder: Path, weights_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    homes: list[Home] = []
    settle = Cluster._settle_home

    def misled(self: Cluster) -> Home:
        nowhere = tmp_path / "nowhere"
        homes.append(dataclasses.replace(settle(self), root=nowhere, features=nowhere / "features"))
        return homes[0]

    monkeypatch.setattr(Cluster, "_settle_home", misled)
    monkeypatch.setattr(shards, "SHARD", 13)
    here = Workspace(tmp_path / "here")
    workflow.load(photo_folder, here, copy=True)
    workflow.split(here)
    home = Workspace(tmp_path / "home")
    workflow.load(photo_folder, home, copy=True)
    workflow.split(home)
    arms = [f"resnet20@{weights_file}:linear_probe", f"resnet20@{weights_file}:nearest_centroid"]
    heard: list[str] = []
    afar = workflow.compare(
        home, arms, seeds=1, size=32, ray=machines.address, on_progress=lambda *said: heard.append(said[2])
    )
    same(list(afar), [workflow.train(here, arm, size=32) for arm in arms])
    assert not (tmp_path / "nowhere").exists()
    assert not homes[0].camp.exists()
    parts = [path.read_text().split() for path in home.features.rglob("*.keys")]
    assert len(parts) == 3, "the features came home in three parts"
    assert {key for part in parts for key in part} == {photo.sha256 for photo in Manifest.read(home).kept}


def test_a_machine_takes_only_the_content_that_was_meant_and_asks_for_the_rest(tmp_path: Path) -> None:
    home = Home(tmp_path / "home", tmp_path / "home" / "features", ".marker", f"test-{tmp_path.name}")
    theirs = tmp_path / "mine.weights.h5"
    theirs.write_bytes(b"other weights of the same name")
    meant = "3f8ebf8ba7a6e8f33b7e1ab2c9ed5ae7d1e0b4f5e3a62ef18c0f2b0a4f7f0f11"
    with pytest.raises(Lacking, match=r"mine\.weights\.h5"):
        Camp(home, [], dict).path_of(theirs, meant)
    camp = Camp(home, [((str(theirs), str(tmp_path / "gone")), {str(theirs): b"meant"})], dict)
    try:
        assert camp.path_of(theirs, meant).read_bytes() == b"meant"
        assert camp.path_of(theirs) == theirs
        assert camp.path_of(tmp_path / "gone") == tmp_path / "gone", "what home lacks too is missed by its own name"
        assert home.camp.stat().st_mode & 0o077 == 0
    finally:
        shutil.rmtree(home.camp)


def test_what_several_threads_want_is_fetched_once(tmp_path: Path) -> None:
    home = Home(tmp_path / "home", tmp_path / "home" / "features", ".marker", f"test-{tmp_path.name}")
    wanted = [tmp_path / f"{number}.jpg" for number in range(8)]
    fetched: list[int] = []

    def fetch(held: object) -> dict[str, bytes]:
        fetched.append(1)
        time.sleep(0.05)
        return {str(path): path.name.encode() for path in wanted}

    camp = Camp(home, [(tuple(map(str, wanted)), "one piece")], fetch)
    try:
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda path: camp.path_of(path).read_bytes(), wanted))
        assert found == [path.name.encode() for path in wanted]
        assert len(fetched) == 1
    finally:
        shutil.rmtree(home.camp)


def test_another_folder_at_the_same_path_is_not_home(tmp_path: Path) -> None:
    home = Home(tmp_path, tmp_path / "features", ".marker", "secret")
    assert not home.is_seen()
    (tmp_path / ".marker").write_text("another secret")
    assert not home.is_seen()
    (tmp_path / ".marker").write_text("secret")
    assert home.is_seen()


# --- addresses ---


@pytest.mark.parametrize("address", ["", "nonsense", "ray://", "host:", ":6379", "host:port", "host:99999"])
def test_what_is_no_address_is_refused_before_anything_begins(
    workspace: Workspace, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection.importlib.util, "find_spec", lambda name: name)
    with pytest.raises(CallError, match=r"ray://HOST:PORT"):
        workflow.compare(workspace, ["raw_pixels"], ray=address)
    assert not workspace.runs.exists()


def test_without_ray_the_error_says_how_to_have_it(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(CallError, match=r"pip install 'transfer\[ray\]'"):
        workflow.compare(workspace, ["raw_pixels"], ray="local")


def test_jobs_are_of_one_machine(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection.importlib.util, "find_spec", lambda name: name)
    with pytest.raises(CallError, match="--jobs"):
        workflow.compare(workspace, ["raw_pixels"], ray="local", jobs=2)


@pytest.mark.parametrize("scheme", ["", "ray://"])
def test_a_host_that_refuses_or_keeps_silent_is_given_up(
    ray: Any, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "REACH", 3.0)
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        address = f"{scheme}127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(TrainingError, match="refused"):
            connection.connect(ray, address)
        server.listen()
        with pytest.raises(TrainingError, match="no answer within 3 s"):
            connection.connect(ray, address)
    assert not ray.is_initialized()


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_cluster_of_our_own_ends_with_the_comparison(ray: Any, workspace: Workspace) -> None:
    mark = f"TRANSFER_TEST={workspace.root.parent.name}-{os.getpid()}"
    command = [sys.executable, "-m", "transfer", "compare", str(workspace.root), "raw_pixels", "--seeds", "1"]
    environment = os.environ | dict([mark.split("=")])
    subprocess.run([*command, "--ray", "local", "--quiet"], env=environment, check=True, capture_output=True)
    assert [run.done for run in workflow.runs(workspace)] == [True]
    patiently(lambda: not marked(mark))


def marked(mark: str) -> list[str]:
    """The processes with this in their environment."""
    found = []
    for environ in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark.encode() in environ.read_bytes():
                found.append(environ.parent.name)
        except OSError:
            continue  # it has just ended, or is another user's
    return found
