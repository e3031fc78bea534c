"""Where trials run: processes that live long or die after one trial.

    parent ──── nursery ──┬── worker      TensorFlow takes seconds to import, so the nursery imports it once, runs
                          └── worker      nothing, and forks a ready worker in milliseconds whenever one is asked for

Trials on kept features share long-lived workers. A worker that has thawed a network serves that network's other seeds
and sizes, for which nothing is traced again, and then gives its memory back. A worker that dies fails its own trial and
no other. The nursery is started as a program of its own and not through multiprocessing, which would run an unguarded
user script a second time.

The parent owns the tasks and speaks with each worker over a socket of its own: it sends a task, hears of progress, and
gets the result or the failure. This module knows nothing of what a task is.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from transfer.errors import TrainingError, TransferError
from transfer.training import memory

MEMORY = 0.5
"""Share of the machine's memory that all workers together may hold between two trials; who holds more ends."""

START = 600.0
"""Seconds that the nursery may take to import everything: a cold disk on a busy machine takes minutes."""

LOOK = 0.5
"""Seconds after which it is looked at whether the nursery still lives, while one waits for a process to report."""


@dataclass(frozen=True)
class Task:
    """Something to be done in a worker.

    Attributes:
        name: For progress and failures.
        function: ``module:function``, called with ``arguments`` and ``on_progress``; the nursery imports the module.
            Where there are keys it is also given ``on_kept``, to say of one of them that it is computed.
        arguments: By name; they travel by pickle.
        lineage: Tasks of one lineage may follow each other in a process, which then knows the network already; no other
            task is given to it. The empty one is for tasks that leave nothing large behind.
        keys: Things that it may have to compute first. Two tasks with a common key never run at the same time until
            one of them has said that it is kept, or has ended, so nothing is computed twice.
    """

    name: str
    function: str
    arguments: Mapping[str, Any]
    lineage: str = ""
    keys: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Outcome:
    """What became of a task: its result, or why there is none."""

    task: Task
    result: Any = None
    error: TransferError | None = None
    log: str = ""


@dataclass
class _Worker:
    pid: int
    connection: Connection
    lineage: str
    place: int
    task: Task | None = None


@dataclass
class Workers:
    """A nursery and its workers; use it as a context.

    Args:
        jobs: How many trials may run at once.
        preload: Modules that the nursery imports.
    """

    jobs: int
    preload: Sequence[str]
    _workers: list[_Worker] = field(default_factory=list, init=False)
    _ready: set[str] = field(default_factory=set, init=False)

    def __enter__(self) -> Workers:
        with contextlib.ExitStack() as undo:
            folder = undo.enter_context(tempfile.TemporaryDirectory(prefix="transfer-"))
            address = str(Path(folder) / "parent")
            self._socket = undo.enter_context(socket.socket(socket.AF_UNIX))
            self._socket.bind(address)  # in a folder that nobody else may enter
            self._socket.listen()
            self._socket.settimeout(LOOK)
            threads = max(1, (os.cpu_count() or 1) // self.jobs)
            self._nursery_process = subprocess.Popen(
                [sys.executable, "-m", "transfer.training.workers", address, str(threads), *self.preload],
                stdin=subprocess.DEVNULL,
                env={"TF_CPP_MIN_LOG_LEVEL": "2"} | os.environ,
            )
            undo.callback(self._nursery_process.wait)
            undo.callback(self._nursery_process.kill)
            self._nursery = undo.enter_context(self._accept())
            undo.callback(self._end_workers)
            self._undo = undo.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._undo.close()

    def _end_workers(self) -> None:
        for worker in self._workers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker.pid, signal.SIGKILL)
            worker.connection.close()

    def run(
        self,
        tasks: Sequence[Task],
        on_progress: Callable[[Task, int, int, str], None],
        *,
        enough: Callable[[], bool] = lambda: False,
    ) -> Iterator[Outcome]:
        """Do the tasks, as many at once as there are jobs, and give each outcome as it comes.

        Once ``enough`` says so no further task is begun; what is under way is finished.
        """
        waiting = list(tasks)
        while (waiting and not enough()) or self._busy():
            while not enough() and len(self._busy()) < self.jobs and (task := self._next(waiting)) is not None:
                waiting.remove(task)
                self._give(task)
            for connection in wait([worker.connection for worker in self._busy()]):
                worker = next(worker for worker in self._workers if worker.connection is connection)
                outcome = self._hear(worker, on_progress)
                if outcome is not None:
                    self._ready |= outcome.task.keys
                    yield outcome

    def _busy(self) -> list[_Worker]:
        return [worker for worker in self._workers if worker.task is not None]

    def _next(self, waiting: Sequence[Task]) -> Task | None:
        """The first task none of whose keys is being computed right now."""
        computing = {key for worker in self._busy() if worker.task for key in worker.task.keys} - self._ready
        return next((task for task in waiting if not task.keys & computing), None)

    def _give(self, task: Task) -> None:
        while True:
            worker = self._worker_for(task)
            try:
                worker.connection.send(task)
            except OSError:  # it has died since its last task, for want of memory perhaps
                self._workers.remove(worker)
                continue
            worker.task = task
            return

    def _worker_for(self, task: Task) -> _Worker:
        idle = [worker for worker in self._workers if worker.task is None]
        for worker in idle:
            if worker.lineage == task.lineage:
                return worker
        for worker in idle:  # its memory is wanted by the new one
            self._stop(worker)
        place = next(place for place in range(self.jobs) if all(worker.place != place for worker in self._workers))
        try:
            self._nursery.send(place)
            connection = self._accept()
            worker = _Worker(connection.recv(), connection, task.lineage, place)
        except (OSError, EOFError) as error:
            raise _no_worker("its process died") from error
        self._workers.append(worker)
        return worker

    def _hear(self, worker: _Worker, on_progress: Callable[[Task, int, int, str], None]) -> Outcome | None:
        task = worker.task
        if task is None:
            raise RuntimeError("an idle worker spoke")
        try:
            kind, *content = worker.connection.recv()
        except (EOFError, OSError):
            self._workers.remove(worker)
            error = TrainingError(
                "The worker process died in the middle of the trial.",
                received=task.name,
                remedy="Out of memory is the usual cause: use fewer --jobs or a smaller --size, then ask again.",
            )
            return Outcome(task, error=error)
        if kind == "progress":
            on_progress(task, *content)
            return None
        if kind == "kept":
            self._ready.update(content)
            return None
        worker.task = None
        *content, held = content
        if held * self.jobs > MEMORY * memory.machine():  # what TensorFlow keeps of each trial adds up
            self._stop(worker)
        return Outcome(task, *content)

    def _stop(self, worker: _Worker) -> None:
        self._workers.remove(worker)
        worker.connection.close()  # it ends by itself when nobody listens

    def _accept(self) -> Connection:
        """The next process that reports."""
        deadline = time.monotonic() + START
        while self._nursery_process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(TimeoutError):
                return Connection(self._socket.accept()[0].detach())
        ended = self._nursery_process.returncode
        raise _no_worker(f"none within {START:.0f} s" if ended is None else f"it ended with status {ended}")


def _no_worker(received: str) -> TrainingError:
    remedy = "Look at the messages above; `--jobs 1` asks less of the machine."
    return TrainingError("No worker process could be started.", received=received, remedy=remedy)


def _call(address: str) -> Connection:
    """Report to the parent."""
    link = socket.socket(socket.AF_UNIX)
    link.connect(address)
    return Connection(link.detach())


def _nursery(address: str, threads: int, preload: Sequence[str]) -> None:
    """Import everything, run nothing, and fork a worker for each message, which is its place among the jobs."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    for module in preload:
        importlib.import_module(module)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the workers; the parent sees their sockets close
    parent = _call(address)
    with contextlib.suppress(EOFError, OSError):
        while True:
            place = parent.recv()
            if os.fork() == 0:
                parent.close()
                _work(_call(address), threads, place)
                os._exit(0)


def _end_with(nursery: int) -> None:
    """End this process when the nursery has ended: it does when the parent was killed, who then ends nobody."""
    while os.getppid() == nursery:
        time.sleep(1)
    os._exit(1)


def _work(parent: Connection, threads: int, place: int) -> None:
    """Do one task after the other until the parent closes the socket."""
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    if "tensorflow" in sys.modules:  # it was among the preloaded; the cores are shared out between the jobs
        sys.modules["tensorflow"].config.threading.set_intra_op_parallelism_threads(threads)
        importlib.import_module("transfer.training.devices").choose(place)
    parent.send(os.getpid())
    with contextlib.suppress(EOFError, OSError):
        while True:
            task = parent.recv()
            parent.send(("done", *_do(task, parent), memory.held()))


def _do(task: Task, parent: Connection) -> tuple[Any, TransferError | None, str]:
    def on_progress(done: int, total: int, what: str) -> None:
        parent.send(("progress", done, total, what))

    def on_kept(key: str) -> None:
        parent.send(("kept", key))

    module, function = task.function.split(":")
    told = {"on_progress": on_progress} | ({"on_kept": on_kept} if task.keys else {})
    try:
        return getattr(importlib.import_module(module), function)(**task.arguments, **told), None, ""
    except TransferError as error:
        return None, error, traceback.format_exc()
    except Exception as error:  # whatever it was, it is this trial's and no other's; the log keeps where it came from
        wrapped = TrainingError("The trial failed.", received=f"{type(error).__name__}: {error}"[:500])
        return None, wrapped, traceback.format_exc()


if __name__ == "__main__":
    _nursery(sys.argv[1], int(sys.argv[2]), sys.argv[3:])
