"""A small load-split-train-report, crashed on purpose; run by ``test_crashes.py`` as a program of its own.

    python crashes.py PHOTOS SCRATCH

Everything heavy is imported once and nothing is run, so that each try is a fork that takes a fraction of a second and
still begins with a fresh TensorFlow. The answer is a JSON object on the last line.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path

import transfer.collecting.load
import transfer.collecting.split
import transfer.models.explain
import transfer.reporting.page
import transfer.training.trial  # noqa: F401
from transfer import workflow
from transfer.workspace import Workspace

ARM = "raw_pixels:linear_probe"
OnWrite = Callable[[int, Path], None]


def job(photos: Path, root: Path, on_write: OnWrite | None = None) -> Workspace:
    workspace = Workspace(root, on_write=on_write)
    workflow.load(photos, workspace)
    workflow.split(workspace, validation=0.25, test=0.25)
    workflow.train(workspace, ARM, size=8)
    workflow.report(workspace)
    return workspace


def outcome(root: Path) -> dict[str, str]:
    """What must be the same after any disturbance: the manifest and the predictions."""
    files = [root / "manifest.jsonl", *sorted(root.glob("runs/*/predictions.csv"))]
    return {str(file.relative_to(root)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def forked(work: Callable[[], object]) -> int:
    """Do the work in a fork; its wait status."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
        except BaseException as error:
            sys.stderr.write(f"{type(error).__name__}: {error}\n")
            os._exit(1)
        os._exit(0)
    return os.waitpid(pid, 0)[1]


def crash_after(number: int) -> OnWrite:
    def crash(written: int, path: Path) -> None:
        if written == number:
            os._exit(99)  # no handler, no finally, no flush: as when the power goes

    return crash


def undisturbed(photos: Path, scratch: Path) -> int:
    """How many writes the job makes."""

    def work() -> None:
        workspace = job(photos, scratch / "undisturbed")
        (scratch / "writes").write_text(str(workspace.writes))

    if forked(work) != 0:
        sys.exit("the undisturbed job failed")
    return int((scratch / "writes").read_text())


def killed(photos: Path, root: Path, after: int) -> bool:
    """SIGKILL from outside, as soon as the job is heard to have made so many writes; whether it met the job alive."""
    hear, tell = os.pipe()
    pid = os.fork()
    if pid == 0:
        job(photos, root, lambda number, path: os.write(tell, b".") and None)
        os._exit(0)
    os.close(tell)
    for _ in range(after):
        os.read(hear, 1)
    os.kill(pid, signal.SIGKILL)
    os.close(hear)
    return os.WIFSIGNALED(os.waitpid(pid, 0)[1])


def main(photos: Path, scratch: Path) -> None:
    warnings.simplefilter("ignore")
    writes = undisturbed(photos, scratch)
    answer: dict[str, object] = {"writes": writes, "undisturbed": outcome(scratch / "undisturbed")}
    crashes: dict[int, object] = {}
    for number in range(1, writes + 1):
        root = scratch / f"crash-{number}"
        first = forked(partial(job, photos, root, crash_after(number)))
        second = forked(partial(job, photos, root))
        crashes[number] = [os.waitstatus_to_exitcode(first), os.waitstatus_to_exitcode(second), outcome(root)]
    kills = []
    for after in (3, writes // 2, writes - 2):
        root = scratch / f"kill-{after}"
        met = killed(photos, root, after)
        second = forked(partial(job, photos, root))
        kills.append([met, os.waitstatus_to_exitcode(second), outcome(root)])
    sys.stdout.write(json.dumps(answer | {"crashes": crashes, "kills": kills}) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
