"""The verb and the command, with the services on this machine."""

from __future__ import annotations

import dataclasses
import json
import re

import pytest
from click.testing import CliRunner

import transfer
from collecting.imitations.flickr import KEY, SECRET
from collecting.imitations.world import World
from transfer.cli import cli
from transfer.collecting import client, recheck
from transfer.collecting.recheck import recheck_photos
from transfer.errors import DataError
from transfer.manifest import Manifest
from transfer.web import FetchError
from transfer.workspace import Workspace


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path):
    world = World()
    for keyword in ("apple", "pear"):
        world.flickr.add(keyword, 8)
        world.openverse.add(keyword, 8)
    monkeypatch.setenv("TRANSFER_KEYS", str(tmp_path / "none"))
    monkeypatch.delenv("OPENVERSE_CLIENT_ID", raising=False)
    monkeypatch.setenv("FLICKR_API_KEY", KEY)
    monkeypatch.setenv("FLICKR_API_SECRET", SECRET)

    def here(policy):
        return world.web(contact=policy.contact, paces=policy.paces)

    monkeypatch.setattr(client, "Web", here)
    yield world
    world.stop()


def test_the_verb_collects_and_python_has_the_same_words(world, tmp_path):
    plans: list[str] = []
    result = transfer.collect(["apple", "Pyrus=pear"], tmp_path / "ws", per_class=4, on_plan=plans.append)
    assert result.kept == {"apple": 4, "pear": 0}
    assert "openverse, about" in plans[0]
    assert {asking.headers["User-Agent"].split("/")[0] for asking in world.host.asked} == {"transfer"}


def test_the_command_prints_json_that_a_script_may_rely_on(world, tmp_path):
    words = ["collect", "apple", "pear", "--source", "flickr", "--source", "openverse", "--per-class", "10"]
    done = CliRunner().invoke(cli, [*words, "--into", str(tmp_path / "ws"), "--json", "--contact", "me@example.org"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told == {label: {"found": 10, "kept": 10, "set_aside": {}} for label in ("apple", "pear")}
    assert "Then, for what is lacking: openverse" in done.stderr
    assert KEY not in done.output
    assert SECRET not in done.output
    assert all("(me@example.org)" in asking.headers["User-Agent"] for asking in world.host.asked)


def test_the_command_says_how_fast_it_is_under_which_terms_the_photos_stand_and_where_they_lie(world, tmp_path):
    for entry in world.flickr.photos["apple"][:2]:
        entry["license"] = "3"
    words = ["collect", "apple", "pear", "--source", "flickr", "--per-class", "4", "--into", str(tmp_path / "ws")]
    said = CliRunner().invoke(cli, words).stderr
    assert re.search(r"^8/8  \d+ s  photos kept of \d+ looked at  \d+\.\d a second$", said, re.M)
    assert "licences: 6 CC BY 2.0, 2 CC BY-NC-ND 2.0 (no commerce, no changed copies)" in said
    assert said.endswith(f"kept in {tmp_path / 'ws'}, with CREDITS.csv and CREDITS.md\n")


def test_the_credits_stay_in_step_with_the_manifest_whoever_changes_it(world, tmp_path, monkeypatch):
    workspace = Workspace(tmp_path / "ws")

    def credited() -> int:
        return len((workspace.root / "CREDITS.csv").read_text().splitlines()) - 1

    rows = [(label, number) for label in ("apple", "pear") for number in range(6)]
    lines = [f"https://museum.example/{label}{number}.jpg,{label},CC0,Jane" for label, number in rows]
    (tmp_path / "photos.csv").write_text("\n".join(["url,label,licence,author", *lines]) + "\n")
    manifest = transfer.load(tmp_path / "photos.csv", workspace)
    assert credited() == len(manifest.kept) == 12
    blurred = transfer.check(workspace).manifest
    assert credited() == len(blurred.kept)
    one, two, three, *_ = blurred.kept
    joined = [dataclasses.replace(photo, group="one", split=split) for photo, split in ((one, "train"), (two, "test"))]
    blurred.replace([*joined, dataclasses.replace(three, group="one")]).write(workspace)
    decided = transfer.split(workspace, validation=0)
    assert credited() == len(decided.kept) < len(blurred.kept)


def test_a_table_of_urls_is_fetched_at_the_paces_that_the_services_ask_for(world, tmp_path, monkeypatch):
    policies = []

    def here(policy):
        policies.append(policy)
        return world.web(contact=policy.contact, paces=policy.paces)

    monkeypatch.setattr(client, "Web", here)
    lines = [f"https://live.staticflickr.com/{label}.jpg,{label}" for label in ("apple", "pear")]
    (tmp_path / "photos.csv").write_text("\n".join(["url,label", *lines]) + "\n")
    transfer.load(tmp_path / "photos.csv", tmp_path / "ws")
    assert {"staticflickr.com", "upload.wikimedia.org"} <= set(policies[0].paces)


def test_there_must_be_collected_photos_to_look_for_again(world, tmp_path):
    with pytest.raises(DataError, match="no collected photo"):
        transfer.recheck(tmp_path / "nowhere")


def test_photos_that_were_withdrawn_are_set_aside_and_come_back(world, tmp_path):
    workspace = Workspace(tmp_path / "ws")
    manifest = transfer.collect(["apple", "pear"], workspace, per_class=4, source=["flickr"]).manifest
    gone, replaced, silent = (photo for photo in manifest.kept if photo.label == "apple" and photo.title != "apple 3")
    world.pictures[gone.page_url.rsplit("/", 1)[-1]] = lambda asking: asking.answer(404)
    unavailable = "https://s.yimg.com/pw/images/en-us/photo_unavailable.png"
    world.pictures[replaced.image_url.rsplit("/", 1)[-1]] = lambda asking: asking.answer(302, Location=unavailable)
    world.pictures[silent.page_url.rsplit("/", 1)[-1]] = lambda asking: asking.answer(500)
    transfer.recheck(workspace)
    after = Manifest.read(workspace)
    assert after.set_aside() == {"apple": {"withdrawn": 2}}
    assert gone.title not in [line.split(",")[2] for line in (workspace.root / "CREDITS.csv").read_text().splitlines()]
    world.pictures.clear()
    assert recheck_photos(workspace, world.web()) == manifest
    assert dataclasses.replace(gone) in Manifest.read(workspace).photos


def test_only_what_a_get_finds_gone_is_withdrawn(world, tmp_path):
    workspace = Workspace(tmp_path / "ws")
    manifest = transfer.collect(["apple", "pear"], workspace, per_class=2, source=["flickr"]).manifest

    def knows_no_head(asking) -> None:
        asking.answer(404 if asking.method == "HEAD" else 200, b"here it is")

    for photo in manifest.kept:
        world.pictures[photo.page_url.rsplit("/", 1)[-1]] = knows_no_head
    assert transfer.recheck(workspace) == manifest


@pytest.mark.parametrize("every", [2, 200])
def test_a_recheck_that_is_stopped_keeps_what_it_found_and_waits_for_nobody(world, tmp_path, monkeypatch, every):
    monkeypatch.setattr(recheck, "_WRITTEN_EVERY", every)
    workspace = Workspace(tmp_path / "ws")
    manifest = transfer.collect(["apple", "pear"], workspace, per_class=8, source=["flickr"]).manifest
    for photo in manifest.kept:
        world.pictures[photo.page_url.rsplit("/", 1)[-1]] = lambda asking: asking.answer(404)
    web, written = world.web(), []

    def impatient(done: int, total: int, what: str) -> None:
        written.append(Manifest.read(workspace).set_aside())
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        recheck_photos(workspace, web, on_progress=impatient)
    assert bool(written[-1]) == (every == 2)
    after = Manifest.read(workspace)
    assert sum(counts["withdrawn"] for counts in after.set_aside().values()) == 5
    assert len((workspace.root / "CREDITS.csv").read_text().splitlines()) - 1 == len(after.kept) == 11
    with pytest.raises(FetchError, match="stopped"):
        web._nap(1)


def test_what_says_nothing_to_a_recheck_is_refused_beside_it(world, tmp_path):
    words = ["collect", "apple", "--into", str(tmp_path / "ws"), "--recheck", "--side", "500", "--retry"]
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 2
    assert "leave out 'KEYWORD...', '--side', '--retry'" in done.stderr
    transfer.collect(["apple", "pear"], tmp_path / "ws", per_class=2, source=["flickr"])
    words = ["collect", "--into", str(tmp_path / "ws"), "--recheck", "--json", "--quiet", "--contact", "me@example.org"]
    assert CliRunner().invoke(cli, words).exit_code == 0
