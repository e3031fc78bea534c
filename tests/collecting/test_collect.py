"""Collecting against loopback services: order, resumption, crashes, faults."""

from __future__ import annotations

import dataclasses
import json
import os
import random
import signal
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from collecting.imitations import faults
from collecting.imitations.flickr import KEY, SECRET, fail
from collecting.imitations.host import Asking
from collecting.imitations.openverse import CLIENT
from collecting.imitations.openverse import SECRET as WORD
from collecting.imitations.world import World, picture
from transfer.collecting.check import check_photos
from transfer.collecting.collect import Collected, collect_photos
from transfer.collecting.fetch import REASONS
from transfer.collecting.plan import plan
from transfer.collecting.split import split
from transfer.collecting.wanted import Wanted, classes, licences
from transfer.errors import CallError, DataError, WorkspaceError
from transfer.manifest import Manifest
from transfer.workspace import Workspace


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FLICKR_API_KEY", KEY)
    monkeypatch.setenv("FLICKR_API_SECRET", SECRET)
    monkeypatch.delenv("OPENVERSE_CLIENT_ID", raising=False)
    monkeypatch.setenv("TRANSFER_KEYS", str(tmp_path / "none"))


@pytest.fixture
def world():
    world = World()
    for site in (world.flickr, world.openverse, world.commons):
        site.add("apple", 30)
        site.add("pear", 30)
    yield world
    world.stop()


def collect(world: World, workspace: Workspace | Path, *, workers: int = 4, policy=None, **settings) -> Collected:
    settings = {"classes": {"apple": ("apple",), "pear": ("pear",)}, "per_class": 5, "sources": ("flickr",)} | settings
    return collect_photos(Wanted(**settings), Workspace.of(workspace), world.web(**policy or {}), workers=workers)


@pytest.mark.parametrize("days", [{"until": date(2025, 1, 1)}, {"since": date(2020, 1, 1)}])
def test_photos_of_unknown_date_are_left_out_whichever_end_was_named(world, workspace, days):
    for file in world.commons.files["apple"][:2]:
        del file["imageinfo"][0]["timestamp"]
    result = collect(world, workspace, sources=("commons",), **days)
    assert titles(result.manifest) == [f"apple {number}" for number in range(2, 7)]
    assert result.left_out == {"unknown_date": 2}


def test_a_source_that_knows_no_dates_is_not_asked_where_days_are_wanted(world, workspace):
    result = collect(world, workspace, sources=("openverse", "commons"), since=date(2020, 1, 1))
    assert result.kept == {"apple": 5, "pear": 5}
    assert "so it was not asked" in result.faults["openverse"]
    assert world.openverse.pages == []
    with pytest.raises(CallError, match=r"No source says when.*openverse.*leave out --since"):
        collect(world, workspace, sources=("openverse",), since=date(2020, 1, 1))


def titles(manifest: Manifest, label: str = "apple") -> list[str]:
    return sorted((photo.title or "" for photo in manifest.kept if photo.label == label), key=lambda t: (len(t), t))


def first(count: int, label: str = "apple") -> list[str]:
    return [f"{label} {number}" for number in range(count)]


def name(world: World, number: int, keyword: str = "apple") -> str:
    """The file name of a photo of the imitated Flickr."""
    return world.flickr.photos[keyword][number]["url_m"].rsplit("/", 1)[-1]


def status(code: int, content: bytes = b"", **headers: str):
    return lambda asking: asking.answer(code, content, **headers)


# --- what is kept ---


def test_a_collection_ends_with_the_first_photos_of_each_label_their_bytes_and_their_makers(world, workspace):
    result = collect(world, workspace)
    assert titles(result.manifest) == first(5)
    assert titles(result.manifest, "pear") == first(5, "pear")
    assert result.to_dict() == {label: {"found": 5, "kept": 5, "set_aside": {}} for label in ("apple", "pear")}
    for photo in result.manifest.photos:
        assert workspace.photo_path(photo.file_name).read_bytes() == picture(photo.image_url.rsplit("/", 1)[-1])
        assert (photo.licence, photo.width, photo.height) == ("CC BY 2.0", 96, 72)
    assert Manifest.read(workspace) == result.manifest
    assert not workspace.journal.exists()
    assert len(world.asked("live.staticflickr")) == 10


def test_the_order_of_arrival_changes_nothing(world, workspace, tmp_path):
    broken = {name(world, number): status(404) for number in (1, 3, 4, 7)}
    world.pictures |= broken
    undisturbed = collect(world, workspace, workers=1).manifest
    lots = random.Random(1)

    def late(asking: Asking) -> None:  # as long as chance will have it
        for _ in range(lots.randrange(3000)):
            pass
        asking.answer(200, picture(asking.path.rsplit("/", 1)[-1]))

    for number in (0, 2, 5, 6, 8):
        world.pictures[name(world, number)] = late
    for attempt in range(3):
        assert collect(world, tmp_path / str(attempt), workers=9).manifest == undisturbed
    assert titles(undisturbed) == ["apple 0", "apple 2", "apple 5", "apple 6", "apple 8"]


def test_nothing_is_fetched_beyond_what_is_kept_or_set_aside(world, workspace):
    world.pictures |= {name(world, number): status(404) for number in (0, 4)}
    result = collect(world, workspace, workers=8)
    assert len(world.asked("live.staticflickr")) == len(result.manifest.photos) == 12
    assert result.set_aside["apple"] == {"gone": 2}


def test_sources_fill_up_each_other_and_one_photo_of_two_services_counts_once(world, workspace):
    world.flickr.photos["apple"] = world.flickr.photos["apple"][:2]
    twin = world.flickr.photos["apple"][0]
    page = f"https://www.flickr.com/photos/{twin['owner']}/{twin['id']}/"
    world.openverse.photos["apple"][0]["foreign_landing_url"] = page
    result = collect(world, workspace, sources=("flickr", "openverse"))
    sources = [(photo.source, photo.title) for photo in result.manifest.kept if photo.label == "apple"]
    assert sorted(sources) == [
        ("flickr", "apple 0"),
        ("flickr", "apple 1"),
        ("openverse", "apple 1"),
        ("openverse", "apple 2"),
        ("openverse", "apple 3"),
    ]


def test_a_source_that_fails_is_noted_and_the_next_one_fills_up(world, workspace):
    world.flickr.faults += [status(502)] * 100
    result = collect(world, workspace, sources=("flickr", "openverse"))
    assert result.kept == {"apple": 5, "pear": 5}
    assert "Flickr does not answer" in result.faults["flickr"]


def test_a_source_that_is_down_is_not_asked_by_the_next_keyword_again(world, workspace):
    world.flickr.faults += [status(502)] * 100
    collect(world, workspace, classes={word: (word,) for word in ("apple", "pear")}, sources=("flickr", "openverse"))
    assert len(world.flickr.faults) == 95  # the attempts of one search, of two
    assert len(world.openverse.pages) == 2


def test_where_nothing_can_be_had_the_fault_is_said(world, workspace):
    world.flickr.faults += [status(502)] * 100
    with pytest.raises(DataError, match=r"No photo could be kept.*Flickr does not answer.*Mend what the sources say"):
        collect(world, workspace)


def test_where_no_photo_can_be_used_their_reasons_are_counted(world, workspace):
    with pytest.raises(DataError, match=r"60 photos were looked at; 60 too_small"):
        collect(world, workspace, smallest=80)


def test_after_an_outage_the_sentence_says_how_to_ask_again(world, workspace):
    world.flickr.photos = {label: entries[:2] for label, entries in world.flickr.photos.items()}
    world.pictures |= {name(world, number, label): status(500) for label in ("apple", "pear") for number in range(2)}
    with pytest.raises(DataError, match=r"4 server_error\. Run the same command with --retry\.$"):
        collect(world, workspace, policy={"attempts": 1})
    world.pictures.clear()
    assert collect(world, workspace, retry=True).kept == {"apple": 2, "pear": 2}


def test_several_keywords_feed_one_label_in_turns(world, workspace):
    result = collect(world, workspace, classes={"fruit": ("apple", "pear")}, per_class=4)
    assert titles(result.manifest, "fruit") == ["pear 0", "pear 1", "apple 0", "apple 1"]


def test_a_background_class_is_made_of_unrelated_photos(world, workspace):
    for word in ("street", "kitchen", "sky"):
        world.flickr.add(word, 3)
    result = collect(world, workspace, background=6)
    kept = [photo.title for photo in result.manifest.kept if photo.label == "background"]
    assert len(kept) == 6
    assert {title.split()[0] for title in kept} == {"street", "kitchen", "sky"}


def test_the_same_content_twice_counts_once_and_under_two_labels_for_neither(world, workspace):
    same, other = status(200, picture("same")), status(200, picture("other"))
    world.pictures |= {name(world, 1): same, name(world, 3): same}
    world.pictures |= {name(world, 2): other, name(world, 0, "pear"): other}
    result = collect(world, workspace)
    assert result.kept == {"apple": 5, "pear": 5}
    assert result.set_aside == {"apple": {"conflicting_labels": 1, "duplicate": 1}, "pear": {"conflicting_labels": 1}}


def test_photos_without_a_known_or_wanted_licence_are_left_out_unless_asked_for(world, workspace, tmp_path):
    for entry in world.openverse.photos["apple"][:3]:
        entry["license_version"] = "?"  # such as nobody knows
    for entry in world.openverse.photos["apple"][3:5]:
        entry["license"] = "by-nc"
    result = collect(world, workspace, sources=("openverse",), licences=licences("commercial")[0], per_class=3)
    assert titles(result.manifest) == ["apple 5", "apple 6", "apple 7"]
    assert result.left_out["unknown_licence"] == 3
    asked = collect(world, tmp_path / "any", sources=("openverse",), unknown=True, per_class=3)
    assert titles(asked.manifest) == first(3)


def test_photos_are_made_smaller_where_that_is_asked_and_say_so(world, workspace):
    result = collect(world, workspace, side=48, smallest=16)
    assert {(photo.width, photo.height) for photo in result.manifest.kept} == {(48, 36)}
    assert {photo.changes for photo in result.manifest.kept} == {"made smaller, to at most 48 pixels"}
    text = (workspace.root / "CREDITS.md").read_text()
    assert "[apple 0](<https://www.flickr.com/photos/" in text
    assert "[CC BY 2.0](<https://creativecommons.org/licenses/by/2.0/>); made smaller" in text


def test_whether_a_photo_is_large_enough_is_judged_before_it_is_made_smaller(world, workspace):
    world.pictures[name(world, 1)] = status(200, picture("small", size=(90, 63)))
    result = collect(world, workspace, side=32)
    assert {(photo.width, photo.height) for photo in result.manifest.kept} == {(32, 24)}
    assert result.set_aside["apple"] == {"too_small": 1}
    small = next(photo for photo in result.manifest.photos if photo.excluded)
    assert (small.excluded, small.sha256, small.changes) == ("too_small: 90 x 63 pixels", "", None)
    assert len(world.asked("live.staticflickr")) == 11


# --- going on ---


def test_running_it_again_asks_for_nothing(world, workspace):
    before = collect(world, workspace).manifest
    asked = len(world.host.asked)
    assert collect(world, workspace).manifest == before
    assert len(world.host.asked) == asked


def test_a_larger_number_only_adds_and_asks_for_nothing_twice(world, workspace, tmp_path):
    world.pictures |= {name(world, number): status(404) for number in (2, 6)}
    before = collect(world, workspace).manifest
    after = collect(world, workspace, per_class=9).manifest
    assert {(photo.id, photo.excluded) for photo in before.photos} < {
        (photo.id, photo.excluded) for photo in after.photos
    }
    assert len(world.asked("live.staticflickr")) == len(set(world.asked("live.staticflickr")))
    assert collect(world, tmp_path / "at once", per_class=9).manifest == after


def test_passing_failures_are_asked_again_only_when_that_is_wanted(world, workspace):
    world.flickr.photos["apple"] = world.flickr.photos["apple"][:3]
    world.pictures[name(world, 1)] = status(503)
    assert collect(world, workspace).set_aside["apple"] == {"busy": 1}
    del world.pictures[name(world, 1)]
    assert collect(world, workspace).kept["apple"] == 2
    assert collect(world, workspace, retry=True).kept["apple"] == 3


@pytest.mark.parametrize(("code", "reason"), [(403, "forbidden"), (418, "refused")])
def test_photos_that_a_host_refused_are_asked_again_where_that_is_wanted(world, workspace, code, reason):
    world.flickr.photos["apple"] = world.flickr.photos["apple"][:3]
    world.pictures[name(world, 1)] = status(code)
    assert collect(world, workspace).set_aside["apple"] == {reason: 1}
    del world.pictures[name(world, 1)]
    assert collect(world, workspace).kept["apple"] == 2
    assert collect(world, workspace, retry=True).kept["apple"] == 3


def test_a_stopped_retry_asks_again_for_nothing_that_arrived(world, workspace):
    names = [name(world, number) for number in range(5)]
    world.flickr.photos["apple"] = world.flickr.photos["apple"][:5]
    world.pictures |= dict.fromkeys(names, status(404)) | dict.fromkeys(names[1:], status(500))
    collect(world, workspace, policy={"attempts": 1})
    world.pictures = {names[0]: status(404)}
    before = {picture: len(world.asked(picture)) for picture in names}
    stopped = Workspace(workspace.root, on_write=stopping_after(5))
    with pytest.raises(Crash):
        collect(world, stopped, workers=1, retry=True)
    lines = [json.loads(line) for line in workspace.journal.read_text().splitlines()]
    arrived = [line["image_url"].rsplit("/", 1)[-1] for line in lines]
    assert 0 < len(arrived) < 4
    asked = {picture: len(world.asked(picture)) for picture in arrived}
    assert collect(world, workspace, retry=True).kept["apple"] == 4
    assert {picture: len(world.asked(picture)) for picture in arrived} == asked
    assert all(len(world.asked(picture)) > before[picture] for picture in names[1:])


def stop_a_retry(world, workspace):
    """One of two apples failed once, and the retry that had just fetched it was killed."""
    world.flickr.photos["apple"] = world.flickr.photos["apple"][:2]
    world.pictures[name(world, 0)] = status(500)
    collect(world, workspace)
    del world.pictures[name(world, 0)]
    with pytest.raises(Crash):
        collect(world, Workspace(workspace.root, on_write=stopping_after(2)), retry=True)


def test_what_a_stopped_retry_brought_counts_also_where_no_retry_follows(world, workspace):
    stop_a_retry(world, workspace)
    asked = len(world.host.asked)
    assert collect(world, workspace).kept["apple"] == 2
    assert len(world.host.asked) == asked


def test_photos_whose_files_are_gone_are_fetched_anew_and_keep_what_a_person_said(world, workspace):
    manifest = collect(world, workspace).manifest
    one, two, three = (photo for photo in manifest.kept if photo.title in ("apple 1", "apple 2", "pear 3"))
    said = [
        dataclasses.replace(one, split="test", verified=True),
        dataclasses.replace(two, excluded="missing"),  # as `transfer check` found it
    ]
    before = manifest.replace(said)
    before.write(workspace)
    for photo in (one, two, three):
        workspace.photo_path(photo.file_name).unlink()
    world.pictures[three.image_url.rsplit("/", 1)[-1]] = status(404)
    result = collect(world, workspace)
    assert result.kept == {"apple": 5, "pear": 5}
    assert result.set_aside["pear"] == {"missing": 1}
    after = {photo.id: photo for photo in result.manifest.photos}
    assert after[one.id] == said[0]
    assert after[two.id] == two
    assert after[three.id] == dataclasses.replace(three, excluded="missing: gone since it was loaded")
    assert all(workspace.photo_path(photo.file_name).is_file() for photo in result.manifest.kept)
    assert len(world.asked("live.staticflickr")) == 10 + 3 + 1


def test_a_lost_file_that_could_not_be_fetched_again_counts_once_it_is_back(world, workspace):
    before = collect(world, workspace, classes={"apple": ("apple",)}, per_class=3).manifest
    lost = before.kept[0]
    place = workspace.photo_path(lost.file_name)
    away = place.rename(place.with_suffix(".away"))
    world.pictures[lost.image_url.rsplit("/", 1)[-1]] = status(500)
    assert collect(world, workspace, classes={"apple": ("apple",)}, per_class=3).set_aside == {"apple": {"missing": 1}}
    away.rename(place)
    checked = check_photos(workspace).manifest
    assert [photo for photo in checked.kept if photo.id == lost.id] == [lost]


def test_a_crash_while_lost_files_are_fetched_anew_ends_with_the_same_manifest(world, tmp_path):
    undisturbed = collect(world, tmp_path / "quiet", per_class=2).manifest
    for number in range(1, 8):
        workspace = Workspace(tmp_path / f"{number}")
        manifest = collect(world, workspace, per_class=2).manifest
        lost = [dataclasses.replace(photo, excluded="missing") for photo in manifest.kept if photo.label == "apple"]
        manifest.replace(lost).write(workspace)
        for photo in manifest.kept:
            workspace.photo_path(photo.file_name).unlink()
        with pytest.raises(Crash):
            collect(world, Workspace(workspace.root, on_write=stopping_after(number)), per_class=2)
        assert collect(world, workspace, per_class=2).manifest == undisturbed
        assert all(workspace.photo_path(photo.file_name).is_file() for photo in undisturbed.kept)


def test_another_collection_takes_nothing_away_from_one_that_was_stopped(world, workspace):
    apples, pears = {"classes": {"apple": ("apple",)}, "per_class": 8}, {"classes": {"pear": ("pear",)}, "per_class": 2}
    with pytest.raises(Crash):
        collect(world, Workspace(workspace.root, on_write=stopping_after(14)), **apples)
    lines = workspace.journal.read_text()
    arrived = [json.loads(line)["image_url"].rsplit("/", 1)[-1] for line in lines.splitlines()]
    asked = world.asked(*arrived)
    assert len(arrived) > 3
    assert titles(collect(world, workspace, **pears).manifest, "pear") == first(2, "pear")
    assert workspace.journal.read_text() == lines
    assert titles(collect(world, workspace, **apples).manifest) == first(8)
    assert world.asked(*arrived) == asked
    assert not workspace.journal.exists()


def test_what_a_stopped_retry_brought_survives_another_collection(world, workspace):
    stop_a_retry(world, workspace)
    assert collect(world, workspace, classes={"pear": ("pear",)}).kept == {"pear": 5}
    asked = len(world.host.asked)
    assert collect(world, workspace).kept["apple"] == 2
    assert len(world.host.asked) == asked


def test_a_photo_between_two_bursts_that_were_divided_is_replaced_and_puts_none_of_them_out(world, workspace):
    hours = [0, 1, 2, 36, 37, 18, 200, 300]  # of the uploads, by rank
    for photo, hour in zip(world.flickr.photos["apple"], hours, strict=False):
        photo |= {"owner": "1@N00", "ownername": "Ann", "dateupload": str(1_500_000_000 + 3600 * hour)}
    world.flickr.photos["apple"][len(hours) :] = []
    before = collect(world, workspace).manifest
    sides = {f"apple {number}": "train" if number < 3 else "test" for number in range(5)}
    divided = before.replace(
        dataclasses.replace(photo, split=sides.get(photo.title, "train")) for photo in before.photos
    )
    divided.write(workspace)
    result = collect(world, workspace, per_class=7)
    assert result.kept["apple"] == 7
    assert result.set_aside["apple"] == {"group_conflict": 1}
    assert "apple 5" not in titles(result.manifest)
    kept = {photo.id for photo in split(result.manifest, validation=0).kept}
    assert kept == {photo.id for photo in result.manifest.kept} > {photo.id for photo in divided.kept}
    assert collect(world, workspace, per_class=7).manifest == result.manifest


def test_what_a_person_excluded_is_replaced_by_the_next_photo_and_never_comes_back(world, workspace):
    manifest = collect(world, workspace).manifest
    rubbish = next(photo for photo in manifest.kept if photo.title == "apple 2")
    manifest.replace([dataclasses.replace(rubbish, excluded="rubbish")]).write(workspace)
    again = collect(world, workspace).manifest
    assert titles(again) == ["apple 0", "apple 1", "apple 3", "apple 4", "apple 5"]


class Crash(BaseException):
    """A process that ends here."""


def stopping_after(number: int):
    def on_write(count: int, path: Path) -> None:
        if count == number:
            raise Crash

    return on_write


def test_a_crash_after_each_numbered_write_ends_with_the_same_manifest(world, tmp_path):
    world.pictures |= {name(world, 1): status(404), name(world, 2): status(200, b"<html>")}
    quiet = Workspace(tmp_path / "quiet")
    undisturbed = collect(world, quiet, per_class=3).manifest
    for number in range(1, quiet.writes + 1):
        root = tmp_path / f"{number}"
        with pytest.raises(Crash):
            collect(world, Workspace(root, on_write=stopping_after(number)), per_class=3)
        assert collect(world, Workspace(root), per_class=3).manifest == undisturbed
        assert not (root / "journal.jsonl").exists()
        assert (root / "CREDITS.csv").read_text() == (quiet.root / "CREDITS.csv").read_text()
        assert not list(root.rglob(".writing-*"))
    assert quiet.writes > 20


def test_half_a_line_and_half_a_file_of_a_power_cut_are_not_trusted(world, tmp_path):
    undisturbed = collect(world, tmp_path / "quiet").manifest
    workspace = Workspace(tmp_path / "ws", on_write=stopping_after(14))
    with pytest.raises(Crash):
        collect(world, workspace)
    lines = workspace.journal.read_text()
    photo = json.loads(lines.split("\n")[0])
    workspace.photo_path(photo["file_name"]).write_bytes(b"")
    stray = workspace.root / "images" / "ab" / ".writing-half.jpg"
    stray.parent.mkdir(exist_ok=True)
    stray.write_bytes(b"half")
    workspace.journal.write_text(lines[:-30])
    assert collect(world, tmp_path / "ws").manifest == undisturbed
    assert workspace.photo_path(photo["file_name"]).stat().st_size > 0
    assert not stray.exists()


def full_disk(number: int):
    """A way of writing for which there is no room once, at the n-th file."""
    written: list[Path] = []

    def write(path: Path, content: bytes, write=Path.write_bytes) -> int:
        written.append(path)
        if len(written) == number:
            write(path, content[:10])
            raise OSError(28, "No space left on device")
        return write(path, content)

    return write


def test_a_full_disk_is_said_and_what_was_kept_stays(world, workspace, monkeypatch, tmp_path):
    undisturbed = collect(world, tmp_path / "quiet").manifest
    with monkeypatch.context() as full:
        full.setattr(Path, "write_bytes", full_disk(7))
        with pytest.raises(WorkspaceError, match="No space left"):
            collect(world, workspace)
    kept = [json.loads(line)["image_url"].rsplit("/", 1)[-1] for line in workspace.journal.read_text().splitlines()]
    assert collect(world, workspace).manifest == undisturbed
    assert kept
    for photo in kept:
        assert len(world.asked(photo)) == 2  # once for each workspace


def test_ctrl_c_keeps_everything_and_the_same_call_goes_on(world, tmp_path):
    undisturbed = collect(world, tmp_path / "quiet").manifest
    workspace = Workspace(tmp_path / "ws")
    told = []

    def impatient(*progress) -> None:
        told.append(progress)
        if len(told) == 6:
            raise KeyboardInterrupt

    wanted = Wanted({"apple": ("apple",), "pear": ("pear",)}, per_class=5, sources=("flickr",))
    with pytest.raises(KeyboardInterrupt):
        collect_photos(wanted, workspace, world.web(), workers=4, on_progress=impatient)
    kept = [json.loads(line)["image_url"].rsplit("/", 1)[-1] for line in workspace.journal.read_text().splitlines()]
    assert len(kept) == 6
    assert told[-1][1:] == (10, "photos kept of 6 looked at")
    assert collect(world, workspace).manifest == undisturbed
    for photo in kept:
        assert len(world.asked(photo)) == 2  # once for each workspace


def test_a_slow_photo_does_not_change_which_photos_are_kept(world, workspace, tmp_path):
    def slow(asking: Asking) -> None:
        world.clock.pass_by(61)
        asking.answer(200, picture("late"))

    world.pictures[name(world, 1)] = slow
    result = collect(world, workspace, workers=1)
    assert result.set_aside["apple"] == {"too_slow": 1}
    assert titles(result.manifest) == ["apple 0", "apple 2", "apple 3", "apple 4", "apple 5"]


KILLED = """
import sys
sys.path[:0] = [{tests!r}]
from transfer.collecting.collect import collect_photos
from transfer.collecting.split import split
from transfer.collecting.wanted import Wanted
from transfer.web import Policy, Web
from transfer.workspace import Workspace
routes = {routes!r}
wanted = Wanted({{"apple": ("apple",), "pear": ("pear",)}}, per_class=5, sources=("openverse",))
web = Web(Policy(allow_loopback=True, routes=routes))
collect_photos(wanted, Workspace({root!r}), web, workers=2)
"""


@pytest.mark.parametrize("after", [1, 4, 8])
def test_a_killed_process_is_continued_to_the_same_manifest(world, tmp_path, after):
    """Three real SIGKILLs: the host of the pictures kills the client that asks."""
    undisturbed = collect(world, tmp_path / "quiet", sources=("openverse",)).manifest
    web = world.web()
    script = KILLED.format(tests=str(Path(__file__).parent), routes=dict(web.policy.routes), root=str(tmp_path / "ws"))
    asked = []
    started: list[subprocess.Popen] = []

    def kill(asking: Asking) -> None:
        asked.append(asking.path)
        if len(asked) == after:
            os.kill(started[0].pid, signal.SIGKILL)
            started[0].wait()
        picture_name = asking.path.rsplit("/", 1)[-1]
        asking.answer(200, picture(picture_name))

    for keyword in ("apple", "pear"):
        for number in range(30):
            world.pictures[world.openverse.photos[keyword][number]["url"].rsplit("/", 1)[-1]] = kill
    with world.host.lock:  # nobody is answered before the process is known
        started.append(subprocess.Popen([sys.executable, "-c", script]))
    assert started[0].wait(60) == -signal.SIGKILL
    assert collect(world, tmp_path / "ws", sources=("openverse",)).manifest == undisturbed


# --- faults ---


@pytest.fixture
def timed():
    """A world in which each request has its own time, so that one slow photo is slow by itself."""
    world = World(own_times=True)
    yield world
    world.stop()


@pytest.mark.parametrize("kind", faults.EVERY)
def test_each_fault_sets_its_photo_aside_with_one_reason_and_stops_no_other(timed, workspace, kind):
    fault, reason = faults.EVERY[kind]
    for label in ("apple", "pear"):
        timed.flickr.add(label, 30)
    timed.fail(name(timed, 1), fault)
    entry = timed.flickr.photos["apple"][1]  # a host that wants hours of rest gives none of its photos
    entry["url_m"] = entry["url_m"].replace("live.staticflickr.com", "tired.example")
    result = collect(timed, workspace, per_class=3)
    assert result.set_aside["apple"] == ({reason: 1} if reason else {})
    assert titles(result.manifest) == (["apple 0", "apple 2", "apple 3"] if reason else first(3))
    assert set(result.set_aside["apple"]) <= set(REASONS)


def test_a_source_whose_pictures_host_wants_hours_of_rest_is_left_and_the_next_one_fills_up(world, workspace):
    world.flickr.add("apple", 970, start=30)
    world.host.otherwise, otherwise = (lambda asking: resting(asking)), world.host.otherwise

    def resting(asking: Asking) -> None:
        if asking.path.startswith("/live.staticflickr.com"):
            return asking.answer(429, Retry_After="7000")
        return otherwise(asking)

    result = collect(world, workspace, sources=("flickr", "openverse"))
    assert result.kept == {"apple": 5, "pear": 5}
    assert {photo.source for photo in result.manifest.kept} == {"openverse"}
    assert "wants a long rest" in result.faults["flickr"]
    assert len(world.asked("/live.staticflickr")) <= 2  # as many as were under way together
    assert len(world.flickr.calls) == 2
    world.host.otherwise = otherwise
    again = collect(world, workspace, sources=("flickr", "openverse"), retry=True)
    assert {photo.source for photo in again.manifest.kept if photo.title == "apple 0"} == {"flickr", "openverse"}


@pytest.mark.parametrize("broken", [status(429), status(429, Retry_After="60"), status(502)])
def test_a_source_whose_pictures_host_never_answers_well_is_left_and_the_next_one_fills_up(world, workspace, broken):
    world.flickr.add("apple", 970, start=30)
    answer = world.host.otherwise

    def otherwise(asking: Asking) -> None:
        (broken if asking.path.startswith("/live.staticflickr.com") else answer)(asking)

    world.host.otherwise = otherwise
    # One at a time: the clock is one for all, and what one sleeps through would make the others too slow.
    result = collect(world, workspace, sources=("flickr", "openverse"), workers=1)
    assert result.kept == {"apple": 5, "pear": 5}
    assert {photo.source for photo in result.manifest.kept} == {"openverse"}
    assert "or does not answer. Run the same command with --retry" in result.faults["flickr"]
    assert len(world.asked("/live.staticflickr")) < 80
    assert len(world.flickr.calls) == 2


@pytest.mark.parametrize("kind", faults.passing())
def test_a_fault_that_passes_costs_no_photo(timed, workspace, kind):
    for label in ("apple", "pear"):
        timed.flickr.add(label, 30)
    timed.fail(name(timed, 1), faults.passing()[kind][0])
    result = collect(timed, workspace, per_class=3)
    assert result.set_aside["apple"] == {}
    assert titles(result.manifest) == first(3)
    assert len(timed.asked(name(timed, 1))) == 2


def two_thousand(world: World) -> dict[str, str | None]:
    """Two labels of a thousand photos each, of two services that fail in their own ways; picture -> its due reason."""
    kinds = {"": (faults.good, None), **faults.STEADY, **faults.BUSY, **faults.SLOW, **faults.passing()}
    for_hours, left_alone = kinds.pop("429 for hours")  # no other photo of such a host can be had
    # Those of a kind not one after the other: a host that is busy twelve times in a row is given up.
    spread = [each for start in range(5) for each in list(kinds.values())[start::5]]
    heavy = list(faults.HEAVY.values())
    due: dict[str, str | None] = {}
    for label in ("apple", "pear"):
        world.flickr.add(label, 810)
        world.openverse.add(label, 200)
        listed = world.flickr.photos[label]
        for photo in world.openverse.photos[label][::10]:
            photo["url"] = photo["url"].replace("museum.example", "tired.example")
        pictures = [photo["url_m"] for photo in listed[:800]]
        pictures += [photo["url"] for photo in world.openverse.photos[label]]
        for number, url in enumerate(pictures):
            fault, reason = spread[(number + len(label)) % len(spread)]
            if number in (7, 300, 900):
                fault, reason = heavy[number % 2]
            if "tired.example" in url:
                fault, reason = for_hours, left_alone
            world.fail(url.rsplit("/", 1)[-1], fault)
            due[url.rsplit("/", 1)[-1]] = reason
        for number, photo in enumerate([*listed, *world.openverse.photos[label]]):
            photo["title"] = photo["ownername"] = photo["creator"] = f"../../{label} \x1b[2J \u202e{number}\n<b>\ud800"
        listed[500:500] = listed[480:500]  # the second page begins with the end of the first
    search = world.flickr.search

    def shrinking(fields):  # ten photos are taken away while the pages are read
        answer = search(fields)
        del world.flickr.photos[fields["text"]][820:]
        return answer

    world.flickr.search = shrinking
    world.flickr.total_as = str
    html = b"<html>bad gateway</html>"
    world.flickr.faults += [lambda asking: asking.answer(502, html), lambda asking: fail(asking, 105, "Unavailable")]
    world.openverse.faults += [lambda asking: asking.hang_up(), lambda asking: asking.answer(429, Retry_After="38")]
    world.openverse.lives = 3
    return due


def test_two_thousand_photos_with_every_fault_mixed_in_are_each_accounted_for_once(timed, workspace, monkeypatch):
    monkeypatch.setenv("OPENVERSE_CLIENT_ID", CLIENT)
    monkeypatch.setenv("OPENVERSE_CLIENT_SECRET", WORD)
    due = two_thousand(timed)
    how = {"per_class": 1000, "workers": 8, "sources": ("flickr", "openverse"), "policy": {"attempts": 3}}
    with monkeypatch.context() as full:
        full.setattr(Path, "write_bytes", full_disk(150))
        with pytest.raises(WorkspaceError, match="No space left"):
            collect(timed, workspace, **how)
    result = collect(timed, workspace, **how)
    manifest = result.manifest
    assert result.faults == {}
    assert 0 < len(timed.asked("tired.example")) < 40  # not one for each: the host said that it wants its rest
    assert timed.openverse.given > 1  # tokens ran out on the way
    found = {photo.image_url.rsplit("/", 1)[-1]: photo.reason for photo in manifest.photos}
    assert found == due
    assert len(manifest.photos) == sum(result.found.values()) == 2000
    assert sum(result.kept.values()) + sum(sum(each.values()) for each in result.set_aside.values()) == 2000
    files = {path.relative_to(workspace.root).as_posix() for path in (workspace.root / "images").rglob("*.*")}
    assert files == {photo.file_name for photo in manifest.photos if photo.file_name}
    for photo in manifest.kept:
        file = workspace.photo_path(photo.file_name)
        address = photo.image_url.rsplit("/", 1)[-1]
        assert file.read_bytes() == picture(address, format={".jpg": "JPEG", ".png": "PNG"}[file.suffix])
    everything = "".join(path.read_text() for path in workspace.root.rglob("*") if path.suffix in TEXTS)
    for secret in (KEY, SECRET, CLIENT, WORD, "token-of-secrecy"):
        assert secret not in everything
    assert "\x1b" not in everything


TEXTS = (".json", ".jsonl", ".csv", ".md")


# --- what is asked for ---


def test_keywords_carry_labels_and_files_say_the_same(tmp_path):
    assert classes(["golden retriever", "Felis catus=cat", "kitten = cat"]) == {
        "golden retriever": ("golden retriever",),
        "cat": ("Felis catus", "kitten"),
    }
    (tmp_path / "a.toml").write_text('[classes]\ncat = ["Felis catus", "kitten"]\ndog = "dog"\n')
    (tmp_path / "a.csv").write_text("keyword,label\nFelis catus,cat\nkitten,cat\ndog,\n")
    same = {"cat": ("Felis catus", "kitten"), "dog": ("dog",)}
    assert classes([], tmp_path / "a.toml") == classes([], tmp_path / "a.csv") == same


@pytest.mark.parametrize("bad", ["", "=cat", "dog=", "a=../b", "x=background", ".net", "net=.net", "caf\udce9=cafe"])
def test_a_keyword_that_is_none_is_refused(bad):
    with pytest.raises(CallError):
        classes([bad])


def test_a_keyword_that_cannot_name_a_folder_is_told_how_to():
    with pytest.raises(CallError, match=r'holds a slash.*such as "AC/DC=one"'):
        classes(["AC/DC"])
    assert classes(["AC/DC=acdc"]) == {"acdc": ("AC/DC",)}


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("a.csv", "keyword,label\n,cat\n", "A keyword is empty.*'' for the class 'cat'"),
        ("a.csv", "label,keyword\ncat\n", "A keyword is empty"),
        ("a.csv", "keyword,class\ntabby,cat\n", r"unknown columns \(class\)"),
        ("a.toml", 'cat = ["tabby", " "]', "A keyword is empty"),
        ("a.toml", '"" = ["tabby"]', "A keyword is empty"),
        ("a.toml", 'fox = []\ncat = "cat"', "fox has no keyword"),
        ("a.toml", 'per_class = 5\n[classes]\ncat = "cat"', r"unknown keys beside \[classes\] \(per_class\)"),
        ("a.toml", '[classes.cat]\nkeywords = ["tabby"]', "cat is not a list of words"),
    ],
)
def test_a_file_that_would_lose_a_class_or_ask_for_everything_is_refused(tmp_path, name, text, told):
    (tmp_path / name).write_text(text)
    with pytest.raises(CallError, match=told):
        classes([], tmp_path / name)


def test_a_keyword_in_another_encoding_is_named_with_its_class():
    with pytest.raises(CallError, match=r"no text\. Received: 'caf\\udce9' for the class 'cafe'\. Write it in UTF-8"):
        classes(["caf\udce9=cafe"])


def test_blanks_within_keywords_and_labels_are_single_wherever_they_were_written(tmp_path):
    (tmp_path / "a.toml").write_text('"red  apple" = ["red   apple", " Malus\\tdomestica"]')
    same = {"red apple": ("red apple", "Malus domestica")}
    assert classes([], tmp_path / "a.toml") == same
    assert classes([" red  apple ", "Malus  domestica = red  apple"]) == same


def test_one_keyword_under_two_labels_is_refused():
    with pytest.raises(CallError, match=r"stands for two classes.*Jaguar: animal and car.*\"Jaguar animal=animal\""):
        classes(["jaguar=animal", "Jaguar=car"])
    assert classes(["jaguar=animal", "jaguar=animal"]) == {"animal": ("jaguar",)}


def test_the_plan_says_what_will_be_asked_what_is_allowed_and_how_long_it_takes():
    said = plan(Wanted({"cat": ("cat",)}, per_class=500, sources=("openverse", "flickr")))
    assert "openverse, about 16 questions, at most one every 3 s and 200 a day; it reaches 240 photos" in str(said)
    assert "Then, for what is lacking: flickr" in str(said)
    assert 60 < said.seconds < 600
    since = plan(Wanted({"cat": ("cat",)}, sources=("openverse", "flickr"), since=date(2024, 1, 1)))
    assert "First: flickr" in str(since)
    assert "openverse is not asked: it does not say when photos were uploaded" in str(since)
