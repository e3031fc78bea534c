"""What takes space is told, what is unused is freed and nothing else, and a kill in the middle leaves no half."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy
import pytest

from transfer.errors import CallError, DataError
from transfer.manifest import Manifest
from transfer.photo import Photo
from transfer.run import Run
from transfer.space import Space, clean
from transfer.space.survey import DAY, HOUR
from transfer.stored import Stored, digest, make_room, of_network
from transfer.workspace import Workspace

NOW = time.time()
PHOTOS = tuple(f"{number:064x}" for number in range(8))
TOP = {
    "backbone": "vgg16",
    "weights": "ab" * 32,
    "stage": "block5, pooled",
    "size": 64,
    "engine": "openvino",
    "precision": "float32",
}
PIXELS = {"stage": "pixels", "size": 32}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Eight photos and nothing else."""
    workspace = Workspace(tmp_path / "ws")
    photos = [Photo(id=key[-4:], file_name=f"{key}.png", label="disc", source="folder", sha256=key) for key in PHOTOS]
    Manifest(tuple(photos)).write(workspace)
    return workspace


def keep(
    workspace: Workspace, setting: dict[str, Any], *, photos: tuple[str, ...] = PHOTOS, part: int = 4, age: float = 0.0
) -> Stored:
    """Activations of these photos, some a part, last used so many seconds ago."""
    stored = Stored(workspace, workspace.features / digest(setting))
    stored.describe(setting | {"shape": [3], "dtype": "float32", "latency_ms": 250.0})
    for start in range(0, len(photos), part):
        keys = photos[start : start + part]
        stored.write(int(keys[0], 16), keys, numpy.ones((len(keys), 3), "float32"))
    os.utime(stored.folder / "about.json", (NOW - age, NOW - age))
    return stored


def make_run(workspace: Workspace, id: str, *, status: str = "done", **facts: Any) -> Path:
    path = workspace.runs / id
    facts = {"backbone": "vgg16", "weights": {"name": "imagenet", "sha256": "ab" * 32}, "size": 64} | facts
    Run(id, status, "vgg16:linear_probe", 0, None, ("disc",), "", path, facts=facts).write_facts(workspace)
    workspace.write_text(path / "log.txt", "told")
    return path


def old(path: Path, age: float = 2 * HOUR) -> Path:
    os.utime(path, (NOW - age, NOW - age))
    return path


def files(workspace: Workspace) -> dict[str, bytes]:
    paths = (path for path in workspace.root.rglob("*") if path.is_file())
    return {path.relative_to(workspace.root).as_posix(): path.read_bytes() for path in paths}


def sizes(space: Space) -> dict[str, int]:
    return {thing.what: thing.bytes for thing in space}


# --- looking ---


def test_every_byte_is_told_once_and_looking_changes_nothing(workspace: Workspace) -> None:
    keep(workspace, TOP)
    keep(workspace, PIXELS)
    make_run(workspace, "a" * 12)
    make_run(workspace, "b" * 12, status="failed")
    workspace.write_bytes(workspace.image("ab" * 32, "png"), b"a photo")
    workspace.write_text(workspace.searches / "x.json", "{}")
    workspace.write_text(workspace.root / "notes.txt", "mine")
    before = files(workspace)
    space = clean(workspace, now=NOW)
    assert files(workspace) == before
    assert space.bytes == sum(map(len, before.values()))
    assert space.freed_bytes == 0
    told = [entry.path for thing in space for entry in thing.entries]
    assert len(told) == len(set(told)) == len(before)


def test_activations_are_told_by_setting_with_what_it_costs_to_have_them_again(workspace: Workspace) -> None:
    keep(workspace, TOP, age=3 * HOUR)
    for view in range(3):
        keep(workspace, TOP | {"view": f"plain {view}"}, photos=PHOTOS[:4])
    keep(workspace, PIXELS)
    things = {thing.what: thing for thing in clean(workspace, now=NOW) if thing.kind == "features"}
    plain = "vgg16@abababab, block5, pooled, 64 px, openvino float32"
    assert things.keys() == {plain, f"{plain}, plain views, 3 of them", "decoded photos, 32 px"}
    assert things[plain].count == 8
    assert things[plain].seconds == 2.0  # 8 photos, a quarter of a second each
    assert things[plain].used == NOW - 3 * HOUR
    assert things[f"{plain}, plain views, 3 of them"].count == 12


def test_rows_and_table_say_the_same(workspace: Workspace) -> None:
    keep(workspace, TOP)
    space = clean(workspace, now=NOW)
    assert json.loads(json.dumps(space.rows())) == space.rows()
    assert list(space.to_frame()["bytes"]) == [thing.bytes for thing in space]


def test_a_folder_that_is_no_workspace_and_a_strange_word_are_sentences(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no workspace"):
        clean(Workspace(tmp_path / "none"), now=NOW)
    keep(workspace, TOP)
    before = files(workspace)
    with pytest.raises(CallError, match="photos"):
        clean(workspace, ["photos"], now=NOW)
    assert files(workspace) == before


# --- freeing ---


def test_a_dry_run_says_what_would_go_and_keeps_it(workspace: Workspace) -> None:
    keep(workspace, TOP)
    before = files(workspace)
    told = clean(workspace, ["features"], dry_run=True, now=NOW).freed_bytes
    assert files(workspace) == before
    assert clean(workspace, ["features"], now=NOW).freed_bytes == told > 0
    assert set(files(workspace)) == {"manifest.jsonl", "workspace.json"}


def test_all_leaves_photos_runs_report_answers_and_what_it_does_not_know(workspace: Workspace) -> None:
    make_run(workspace, "a" * 12)
    make_run(workspace, "b" * 12, status="interrupted")
    workspace.write_bytes(workspace.image("ab" * 32, "png"), b"a photo")
    for name in ("report/index.html", "searches/x.json", "notes.txt", "mine/deep/notes.txt", "grid.toml"):
        workspace.write_text(workspace.root / name, name)
    precious = files(workspace)
    keep(workspace, TOP)
    keep(workspace, PIXELS)
    make_run(workspace, "c" * 12, status="failed")
    for name in (
        f"runs/{'a' * 12}/checkpoint.npz",
        f"runs/{'d' * 12}/checkpoint.npz",
        f"runs/{'a' * 12}/gradcam/1.png",
        f"explained/{'a' * 12}/1.gradcam.png",
        f"features/{digest(TOP)}/network.xml",
    ):
        workspace.write_text(workspace.root / name, name)
    clean(workspace, ["all"], now=NOW)
    assert files(workspace) == precious


def test_unused_are_the_activations_of_photos_that_are_gone(workspace: Workspace) -> None:
    make_run(workspace, "a" * 12)
    stored = keep(workspace, TOP, photos=(*PHOTOS[:4], *(f"{n:064x}" for n in range(100, 104))), age=2 * DAY)
    half = keep(workspace, TOP | {"size": 32}, photos=(PHOTOS[0], "f" * 64), age=0)
    clean(workspace, ["unused"], now=NOW)
    assert list(stored.parts().values()) == [PHOTOS[:4]]
    assert list(half.parts().values()) == [(PHOTOS[0], "f" * 64)]


@pytest.mark.parametrize(
    ("age", "facts", "stays"),
    [
        (2 * DAY, {}, True),
        (2 * DAY, {"size": 128}, False),
        (2 * DAY, {"engine": "keras"}, False),
        (2 * DAY, {"weights": {"name": "mine", "sha256": "cd" * 32}}, False),
        (2 * DAY, {"backbone": "resnet50"}, False),
        (DAY / 2, {"size": 128}, True),
    ],
)
def test_unused_is_a_setting_that_no_run_had_and_nobody_used_for_a_day(
    workspace: Workspace, age: float, facts: dict[str, Any], stays: bool
) -> None:
    stored = keep(workspace, TOP, age=age)
    make_run(workspace, "a" * 12, **facts)
    clean(workspace, ["unused"], now=NOW)
    assert bool(stored.parts()) == stays
    assert stored.folder.exists() == stays


def test_each_row_of_a_part_has_its_own_key_also_where_one_is_empty(workspace: Workspace) -> None:
    keys = (PHOTOS[0], "", PHOTOS[1])
    assert list(keep(workspace, TOP, photos=keys).parts().values()) == [keys]


def test_without_a_manifest_no_photo_is_taken_for_gone(workspace: Workspace) -> None:
    stored = keep(workspace, TOP)
    workspace.manifest.unlink()
    clean(workspace, ["unused"], now=NOW)
    assert len(stored.parts()) == 2


def test_a_checkpoint_is_unused_when_its_run_is_done(workspace: Workspace) -> None:
    for name, status in (("a" * 12, "done"), ("b" * 12, "failed"), ("c" * 12, "interrupted")):
        make_run(workspace, name, status=status)
    for name in "abcd":
        workspace.write_bytes(workspace.runs / (name * 12) / "checkpoint.npz", b"standing")
    workspace.write_bytes(workspace.runs / ("a" * 12) / "refit-checkpoint.npz", b"standing")
    clean(workspace, ["unused"], now=NOW)
    left = {path.parent.name[0] for path in workspace.runs.glob("*/*checkpoint.npz")}
    assert left == {"b", "c", "d"}
    clean(workspace, ["checkpoints"], now=NOW)
    assert not list(workspace.runs.glob("*/*checkpoint.npz"))
    assert {path.name[0] for path in workspace.runs.iterdir()} == {"a", "b", "c"}


def test_leftovers_are_what_was_not_finished_an_hour_ago(workspace: Workspace) -> None:
    stored = keep(workspace, TOP)
    part = sorted(stored.folder.glob("*.npy"))[0]
    stale, fresh = (stored.folder / f".writing-{age}" for age in ("stale", "fresh"))
    for holder in (stale, fresh, workspace.root / ".writing-top"):
        holder.mkdir()
        (holder / "9.npy").write_bytes(b"hal")
    old(stale / "9.npy")
    old(workspace.root / ".writing-top" / "9.npy")
    image = workspace.image("ab" * 32, "png")
    image.parent.mkdir(parents=True)
    old_image = image.with_name(f".writing-{image.name}")
    old_image.write_bytes(b"hal")
    old(old_image)
    gone = workspace.runs / ("d" * 12) / "history.csv"
    workspace.write_text(gone, "step,epoch\n")
    old(gone)
    part.with_suffix(".keys").unlink()
    old(part)
    empty = workspace.features / ("0" * 16)
    empty.mkdir()
    old(empty)
    told = {thing.what: thing for thing in clean(workspace, ["unused"], now=NOW)}
    assert told["leftovers of killed processes"].count == 5
    assert told["being written"].count == 1
    assert (fresh / "9.npy").exists()
    for path in (stale, workspace.root / ".writing-top", old_image, gone.parent, part, empty):
        assert not path.exists(), path
    assert len(stored.parts()) == 1


def test_what_others_keep_in_folders_of_ours_stays(workspace: Workspace) -> None:
    """A workspace may be a project's own folder, and other programs write to ``runs`` too."""
    places = [
        "runs/detect/exp1/weights/best.pt",
        "runs/detect/gradcam/a.png",
        "runs/detect/checkpoint.npz",
        "runs/a.txt",
    ]
    places += ["features/mine.csv", "features/mine/a.npy", "explained/a.txt", "searches/q.txt", "images/holiday/a.jpg"]
    for place in places:
        file = workspace.root / place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("of another program")
        old(file)
    (workspace.runs / "theirs").mkdir()
    old(workspace.runs / "theirs")
    told = {thing.what: thing for thing in clean(workspace, ["all", "searches"], now=NOW)}
    assert told["files of others"].count == len(places)
    assert all((workspace.root / place).exists() for place in places)
    assert (workspace.runs / "theirs").is_dir()


def test_networks_go_with_their_setting_and_are_told_where_only_views_were_kept(workspace: Workspace) -> None:
    keep(workspace, TOP | {"view": "plain 0"}, age=2 * DAY)
    folder = workspace.features / digest(of_network(TOP))
    for name in ("network.json", "network.bin", "network.xml"):
        workspace.write_text(folder / name, name)
        old(folder / name, 2 * DAY)
    network = next(thing for thing in clean(workspace, now=NOW) if thing.kind == "networks")
    assert network.what == "network of vgg16@abababab, block5, pooled, 64 px, openvino float32"
    assert [entry.path.suffix for entry in network.entries] == [".xml", ".bin", ".json"]  # whole only with .xml
    clean(workspace, ["unused"], now=NOW)
    assert not folder.exists()


def test_a_failed_run_is_no_run_before_the_rest_of_it_goes(workspace: Workspace) -> None:
    path = make_run(workspace, "c" * 12, status="failed")
    failed = next(thing for thing in clean(workspace, now=NOW) if thing.kind == "failed")
    assert [entry.path for entry in failed.entries] == [path / "run.json", path / "log.txt"]
    assert (failed.count, failed.unit) == (1, "runs")


# --- killed in the middle ---

KILLED = """
import os, signal, sys
from transfer.space import clean
from transfer.workspace import Workspace

def kill(number, path):
    if number == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)

clean(Workspace(sys.argv[1], on_write=kill), ["all"], now=float(sys.argv[3]))
"""


def whole(stored: Stored) -> bool:
    """Whether every part that counts has its rows, and is described."""
    parts = stored.parts()
    rows = {number: numpy.load(stored.path(number)) for number in parts}
    return all(len(rows[number]) == len(keys) for number, keys in parts.items()) and (
        not parts or "shape" in stored.about()
    )


@pytest.mark.parametrize("after", [1, 2, 3, 4, 5])
def test_a_kill_while_freeing_leaves_nothing_half_that_counts(workspace: Workspace, after: int) -> None:
    stored = keep(workspace, TOP)
    ended = subprocess.run([sys.executable, "-c", KILLED, str(workspace.root), str(after), str(NOW)], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert whole(stored)
    assert len(stored.parts()) == max(0, 2 - after)
    later = NOW + 1e9  # whatever the kill left is old by then
    clean(workspace, ["all"], now=later)
    assert set(files(workspace)) == {"manifest.jsonl", "workspace.json"}
    assert not list(workspace.features.iterdir())


def test_keys_written_while_their_activations_are_freed_do_not_count(workspace: Workspace) -> None:
    def free(number: int, path: Path) -> None:
        if path.suffix == ".npy":
            clean(Workspace(workspace.root), ["all"], now=NOW + 1e9)

    keep(workspace, TOP)
    stored = Stored(Workspace(workspace.root, on_write=free), workspace.features / digest(TOP))
    stored.write(9, ("9" * 64,), numpy.ones((1, 3), "float32"))
    assert [path.name for path in stored.folder.iterdir()] == ["000009.keys"]
    assert stored.parts() == {}
    stored.describe(TOP)
    assert stored.parts() == {}


# --- a budget ---


@pytest.fixture
def three(workspace: Workspace) -> tuple[Stored, ...]:
    """Three settings of 448 bytes, used three, two and no hours ago."""
    return tuple(keep(workspace, TOP | {"size": size}, age=age * HOUR) for size, age in ((1, 3), (2, 2), (3, 0)))


def size(stored: Stored) -> int:
    return sum(path.stat().st_size for path in stored.files())


def test_room_is_made_by_what_was_not_used_for_longest(workspace: Workspace, three: tuple[Stored, ...]) -> None:
    taken = sum(map(size, three))
    assert make_room(workspace, 100, budget=taken + 100) == 0
    assert make_room(workspace, 100, budget=taken) > 0
    assert [len(stored.parts()) for stored in three] == [0, 2, 2]
    make_room(workspace, 0, budget=0, spare=[three[2].folder.name])
    assert [len(stored.parts()) for stored in three] == [0, 0, 2]


def test_using_activations_keeps_them_longer(workspace: Workspace, three: tuple[Stored, ...]) -> None:
    three[0].touch()
    make_room(workspace, 1, budget=sum(map(size, three)))
    assert [bool(stored.parts()) for stored in three] == [True, False, True]
