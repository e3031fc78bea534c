"""A Ray cluster in place of this machine's worker processes: the tasks are the same, and so is what comes of them.

Owns which task may begin when, and what comes home. Ray finds a machine for each task, and another where its process or
its machine has died. What a machine does with a task is in ``errand.py``. A cluster is taken as it is: machines that
join are used, none is asked for.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.metadata
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from transfer.errors import TrainingError
from transfer.run import Run
from transfer.stored import Stored
from transfer.training import errand
from transfer.training.camp import Home, carried
from transfer.training.connection import REACH, Demand, check, connect, demand
from transfer.training.errand import Errand, Reply
from transfer.training.shards import Shard, shards_of
from transfer.training.workers import Outcome, Task
from transfer.workspace import Workspace

PATIENCE = 120.0
"""Seconds that a comparison waits for a machine when the cluster has none left, or for a file on shared storage."""

TRIES = 3
"""So often a task is tried again after its process or machine has died."""

TASKS = 20
"""After so many tasks a process ends, since what TensorFlow keeps of each adds up; on a GPU after each."""

PIECE = 32 << 20
"""Bytes of photos that are carried together."""

POLL = 0.5
"""Seconds between two looks at what is under way."""


@dataclass
class Cluster:
    """A Ray cluster and this comparison's place in it; use it as a context.

    Args:
        address: ``local`` (a cluster on this machine, for this comparison), ``auto`` (the one that runs on this
            machine), ``HOST:PORT`` or ``ray://HOST:PORT``. A connection that this process has already is used as it is.
        workspace: Where results go. photos: Names of the files that tasks may ask for.
    """

    address: str
    workspace: Workspace
    photos: Sequence[str]
    _tasks: dict[Any, tuple[int, Task]] = field(default_factory=dict, init=False)
    _ready: set[str] = field(default_factory=set, init=False)
    _offered: list[tuple[tuple[str, ...], Any]] = field(default_factory=list, init=False)
    _known: set[str] = field(default_factory=set, init=False)
    _carries: bool = field(default=False, init=False)
    _camps: set[str] = field(default_factory=set, init=False)

    def __enter__(self) -> Cluster:
        check(self.address)
        self._ray = importlib.import_module("ray")
        with contextlib.ExitStack() as undo:
            if not self._ray.is_initialized():
                connect(self._ray, self.address)
                undo.callback(self._ray.shutdown)
            self._home = self._settle_home()
            undo.callback(self.workspace.remove, self.workspace.root / self._home.marker)
            self._progress = self._ray.remote(num_cpus=0, max_restarts=-1)(errand.Progress).remote()
            self._said = self._progress.hear.remote()
            undo.callback(self._tidy)
            self._demand = demand(self._machines())
            asked = {"num_cpus": self._demand.cores, "num_gpus": self._demand.gpus, "max_retries": TRIES}
            self._do = self._ray.remote(**asked, max_calls=1 if self._demand.gpus else TASKS)(errand.do)
            self._undo = undo.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._undo.close()

    def run(
        self,
        tasks: Sequence[Task],
        on_progress: Callable[[Task, int, int, str], None],
        *,
        enough: Callable[[], bool] = lambda: False,
    ) -> Iterator[Outcome]:
        """Do the tasks, as many at once as the cluster has room for, and give each outcome as it comes.

        Activations that many of them wait for are computed first, in parts, on all machines. Once ``enough`` says so no
        further task is begun; what is under way is finished.

        Raises:
            TrainingError: The cluster has had no machine for a long time.
        """
        waiting: list[Task] = [*shards_of(tasks), *tasks]
        numbers = iter(range(sys.maxsize))
        last = time.monotonic()
        while (waiting and not enough()) or self._tasks:
            room = self._demand.room(self._machines())
            last = time.monotonic() if room else last
            if time.monotonic() - last > PATIENCE:
                raise _no_room(self._demand)
            while not enough() and len(self._tasks) < room and (task := self._next(waiting)) is not None:
                waiting.remove(task)
                self._send(next(numbers), task)
            for held in self._ended():
                number, task = self._tasks.pop(held)
                reply = self._reply(held, task)
                if reply.lacking is not None:
                    self._offer(Path(reply.lacking))
                    self._send(number, task)
                    continue
                outcome = self._outcome(task, reply)
                self._settle(outcome, waiting)
                if not isinstance(task, Shard):  # what a shard could not do, the task that wants it says
                    yield outcome
            self._listen(on_progress)

    # --- which task may begin ---

    def _next(self, waiting: Sequence[Task]) -> Task | None:
        """The first task none of whose keys is being computed, or has parts that are still to be."""
        parts = self._parts(waiting)
        computing = {key for _, task in self._tasks.values() for key in task.keys} - self._ready
        free = (task for task in waiting if isinstance(task, Shard) or not task.keys & (computing | parts))
        return next(free, None)

    def _settle(self, outcome: Outcome, waiting: Sequence[Task]) -> None:
        """Take note of what is there for others; what a part lacks they compute."""
        if not isinstance(outcome.task, Shard):
            self._ready |= outcome.task.keys
        elif outcome.error is None:
            self._ready |= outcome.task.keys - self._parts(waiting)

    def _parts(self, waiting: Sequence[Task]) -> set[str]:
        """The keys of which parts are still to be computed."""
        tasks = (*waiting, *(task for _, task in self._tasks.values()))
        return {key for task in tasks if isinstance(task, Shard) for key in task.keys}

    def _machines(self) -> list[dict[str, float]]:
        return [node["Resources"] for node in self._ray.nodes() if node["Alive"]]

    # --- there and back ---

    def _settle_home(self) -> Home:
        secret = uuid.uuid4().hex
        home = Home(self.workspace.root.resolve(), self.workspace.features.resolve(), f".cluster-{secret}", secret)
        self.workspace.write_text(self.workspace.root / home.marker, secret)
        return home

    def _send(self, number: int, task: Task) -> None:
        keys = tuple(sorted(task.keys))
        if self._carries:
            for key in keys:
                kept = carried(Stored(self.workspace, self.workspace.features / key))
                self._put({self._home.features / key / path.name: path for path in kept}, apart=True)
        letter = Errand(
            number=number,
            name=task.name,
            function=task.function,
            arguments=self._ray.put(dict(task.arguments)),
            keys=keys,
            home=self._home,
            carried=self._carries,
            threads=self._demand.cores,
            version=importlib.metadata.version("transfer"),
        )
        self._tasks[self._do.remote(letter, self._offered, self._progress)] = number, task

    def _offer(self, path: Path) -> None:
        """Let Ray carry what a machine lacks: kept activations, all photos, or one file."""
        if path == self._home.features:
            self._carries = True
            return
        photos = {self._home.root / name: self.workspace.photo_path(name) for name in self.photos}
        self._put(photos if path in photos else {path: path})

    def _put(self, files: Mapping[Path, Path], *, apart: bool = False) -> None:
        """Give files to Ray, by the names that errands have for them; in pieces, or each apart.

        One that is not there counts as offered, and is missed by whoever reads it.
        """
        names: list[str] = []
        contents: dict[str, bytes] = {}
        new = {str(name): path for name, path in files.items() if str(name) not in self._known}
        for left, (name, path) in zip(range(len(new))[::-1], new.items(), strict=True):
            names.append(name)
            with contextlib.suppress(OSError):
                contents[name] = path.read_bytes()
            if apart or not left or sum(map(len, contents.values())) >= PIECE:
                self._offered.append((tuple(names), self._ray.put(contents)))
                self._known.update(names)
                names, contents = [], {}

    def _reply(self, held: Any, task: Task) -> Reply:
        try:
            reply: Reply = self._ray.get(held)
        except self._ray.exceptions.RayTaskError as error:
            why = str(error.cause or error).strip().splitlines()[-1]
            remedy = "Install transfer, and the same Python and Ray, on every machine of the cluster."
            failure = TrainingError("A machine of the cluster could not take the task.", received=why, remedy=remedy)
            return Reply(error=failure, log=str(error))
        except self._ray.exceptions.RayError as error:
            failure = TrainingError(
                f"The worker process or its machine died in the middle of the trial, {TRIES + 1} times.",
                received=task.name,
                remedy="Out of memory is the usual cause: use a smaller --size, or larger machines, then ask again.",
            )
            return Reply(error=failure, log=str(error))
        if reply.node is not None:
            self._camps.add(reply.node)
        return reply

    def _outcome(self, task: Task, reply: Reply) -> Outcome:
        for name, content in reply.files.items():
            path = self.workspace.root / name
            if not path.is_relative_to(self.workspace.features) or not path.exists():
                self.workspace.write_bytes(path, content)
        result = reply.result
        if isinstance(result, Run):
            result = dataclasses.replace(result, path=self.workspace.runs / result.id)
            if not _appears(result.path / "run.json"):
                error = TrainingError("A run was finished, but did not appear in the workspace.", received=result.path)
                return Outcome(task, error=error)
        return Outcome(task, result, reply.error, reply.log)

    # --- while it runs ---

    def _ended(self) -> list[Any]:
        if not self._tasks:
            time.sleep(POLL)  # there is no room just now
            return []
        ended, _ = self._ray.wait(list(self._tasks), num_returns=1, timeout=POLL)
        return list(ended)

    def _listen(self, on_progress: Callable[[Task, int, int, str], None]) -> None:
        if not self._ray.wait([self._said], timeout=0)[0]:
            return
        tasks = dict(self._tasks.values())
        with contextlib.suppress(self._ray.exceptions.RayError):  # died with its machine; Ray begins it anew elsewhere
            for number, said in self._ray.get(self._said).items():
                if number in tasks:
                    on_progress(tasks[number], *said)
        self._said = self._progress.hear.remote()

    def _tidy(self) -> None:
        """End what is under way, and leave nothing on other machines."""
        strategies = importlib.import_module("ray.util.scheduling_strategies")
        with contextlib.suppress(self._ray.exceptions.RayError):  # a cluster that has gone needs no tidying
            for held in self._tasks:
                self._ray.cancel(held, force=True)
            clear = self._ray.remote(num_cpus=0, max_retries=0)(errand.clear)
            there = [strategies.NodeAffinitySchedulingStrategy(node, soft=False) for node in self._camps]
            cleared = [clear.options(scheduling_strategy=node).remote(self._home) for node in there]
            if cleared:
                self._ray.wait(cleared, num_returns=len(cleared), timeout=REACH)
            self._ray.kill(self._progress)


def _no_room(demand: Demand) -> TrainingError:
    return TrainingError(
        f"The cluster has had no machine for a trial in {PATIENCE:.0f} s.",
        received=f"each needs {demand.cores} CPUs" + (f" and {demand.gpus} GPU" if demand.gpus else ""),
        remedy="Let machines join, then ask again: what is finished is kept.",
    )


def _appears(path: Path) -> bool:
    """Whether a file is there; on shared storage it may take a while to be seen."""
    deadline = time.monotonic() + PATIENCE
    while not path.exists():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL)
    return True
