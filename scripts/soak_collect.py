"""Collect again and again from imitated services that fail in every way, in processes that are killed at random.

    PYTHONPATH=tests python scripts/soak_collect.py [--rounds 20] [--photos 300] [--seed 0]

Each round: one undisturbed collection, then the same one in a process that is killed with SIGKILL after a random time,
as often as it takes to come to its end. Both must end with the same manifest, the same credits and no stray file.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from collecting.imitations.faults import HEAVY, STEADY
from collecting.imitations.world import World

from transfer.collecting.collect import collect_photos
from transfer.collecting.wanted import Wanted
from transfer.workspace import Workspace

CHILD = """
import sys
from transfer.collecting.collect import collect_photos
from transfer.collecting.wanted import Wanted
from transfer.web import Pace, Policy, Web
from transfer.workspace import Workspace
wanted = Wanted({{"apple": ("apple",), "pear": ("pear",)}}, per_class={count}, sources=("openverse", "commons"))
short = {{"backoff": 0.001, "patience": 0.01, "silence": 2.0}}
with Web(Policy(allow_loopback=True, contact="me@example.org", routes={routes!r}, **short)) as web:
    collect_photos(wanted, Workspace({root!r}), web, workers=8)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--photos", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    lots = random.Random(asked.seed)
    kills = 0
    for number in range(asked.rounds):
        world = World()
        try:
            fill(world, asked.photos, lots)
            with tempfile.TemporaryDirectory() as folder:
                kills += one_round(world, Path(folder), asked.photos // 3, lots)
        finally:
            world.stop()
        print(f"round {number + 1}: the same, {kills} kills so far", flush=True)


def fill(world: World, photos: int, lots: random.Random) -> None:
    """Photos of two services, a third of them with a fault; those that take time or come and go are left out here."""
    steady = [fault for fault, _ in (*STEADY.values(), *STEADY.values(), *STEADY.values(), *HEAVY.values())]
    for keyword in ("apple", "pear"):
        world.openverse.add(keyword, photos // 2)
        world.commons.add(keyword, photos // 2)
        entries = [entry["url"] for entry in world.openverse.photos[keyword]]
        entries += [page["imageinfo"][0]["thumburl"].split("?")[0] for page in world.commons.files[keyword]]
        for url in entries:
            if lots.random() < 0.33:
                world.fail(url.rsplit("/", 1)[-1], lots.choice(steady))


def one_round(world: World, folder: Path, count: int, lots: random.Random) -> int:
    wanted = Wanted({"apple": ("apple",), "pear": ("pear",)}, per_class=count, sources=("openverse", "commons"))
    quiet = Workspace(folder / "quiet")
    policy = {"total": 1e9, "patience": 0.01, "backoff": 0.001}
    expected = collect_photos(wanted, quiet, world.web(**policy), workers=8).manifest
    script = CHILD.format(count=count, routes=dict(world.web().policy.routes), root=str(folder / "killed"))
    kills = 0
    while True:
        process = subprocess.Popen([sys.executable, "-c", script])
        try:
            status = process.wait(timeout=0.5 + lots.random() * (1 + kills))
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            kills += 1
            time.sleep(0.05)
            continue
        if status:
            raise SystemExit(f"the collection failed with status {status}")
        break
    killed = Workspace(folder / "killed")
    if killed.manifest.read_text() != expected.to_jsonl():
        raise SystemExit(f"another manifest: look at {folder}")
    for name in ("CREDITS.csv", "CREDITS.md"):
        if (killed.root / name).read_text() != (quiet.root / name).read_text():
            raise SystemExit(f"another {name}")
    named = {photo.file_name for photo in expected.photos if photo.file_name}
    lying = {
        path.relative_to(killed.root).as_posix() for path in (killed.root / "images").rglob("*.*") if path.is_file()
    }
    if named - lying or {name for name in lying - named if ".writing-" not in name}:
        raise SystemExit("files that no photo names, or photos without a file")
    return kills


if __name__ == "__main__":
    main()
