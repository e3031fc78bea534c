"""Connection: from the address of a Ray cluster to a process that is connected to it, and what a trial asks of it.

A cluster that does not answer is given up in a bounded time. Ray itself is handed in by whoever has imported it.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from transfer.errors import CallError, TrainingError

LOCAL, AUTO, CLIENT = "local", "auto", "ray://"

REACH = 30.0
"""Seconds that a cluster may take to answer."""

CORES = 2
"""Of a trial, where every machine has so many."""


@dataclass(frozen=True)
class Demand:
    """What a task asks of a machine."""

    cores: int
    gpus: int

    def room(self, machines: Sequence[dict[str, float]]) -> int:
        """How many such tasks these machines can do at once."""
        return sum(
            int(min(has.get("CPU", 0) // self.cores, has.get("GPU", 0) // self.gpus if self.gpus else float("inf")))
            for has in machines
        )


def demand(machines: Sequence[dict[str, float]]) -> Demand:
    """A GPU where the cluster has any, and cores that every machine with a place for trials has."""
    gpus = int(any(has.get("GPU", 0) >= 1 for has in machines))
    able = [int(has["CPU"]) for has in machines if has.get("CPU", 0) >= 1 and has.get("GPU", 0) >= gpus]
    return Demand(min([CORES, *able]), gpus)


def check(address: str) -> None:
    """See that Ray is installed and the address is one.

    Raises:
        CallError: It is not.
    """
    if importlib.util.find_spec("ray") is None:
        raise CallError("Ray is not installed.", received=address, remedy="Run `pip install 'transfer[ray]'`.")
    host, _, port = address.removeprefix(CLIENT).rpartition(":")
    if address not in (LOCAL, AUTO) and not (host and port.isdecimal() and int(port) < 1 << 16):
        raise CallError(
            "This is no address of a Ray cluster.",
            received=address,
            remedy="Use local, auto, HOST:PORT or ray://HOST:PORT.",
        )


def connect(ray: Any, address: str) -> None:
    """Connect this process to the cluster, or begin one.

    Raises:
        TrainingError: It does not answer.
    """
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address == LOCAL:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nobody outside is told
        ray.init(address=LOCAL, include_dashboard=False, **quiet)
        return
    if address != AUTO:
        host, _, port = address.removeprefix(CLIENT).rpartition(":")
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=REACH).close()
        except OSError as error:
            raise _unreachable(address, error.strerror or str(error)) from error
    # Ray itself may wait for minutes, or end the process that asks: another process asks first.
    program = "import ray, sys; ray.init(address=sys.argv[1], log_to_driver=False)"
    try:
        subprocess.run(
            [sys.executable, "-c", program, address], capture_output=True, text=True, timeout=REACH, check=True
        )
    except subprocess.TimeoutExpired as error:
        raise _unreachable(address, f"no answer within {REACH:.0f} s") from error
    except subprocess.CalledProcessError as error:
        raise _unreachable(address, (error.stderr.strip() or "no reason given").splitlines()[-1]) from error
    ray.init(address=address, **quiet)


def _unreachable(address: str, why: str) -> TrainingError:
    remedy = "`ray start --head` on a machine begins one and says its address; `--ray local` needs none."
    if address.startswith(CLIENT):
        remedy += " A cluster that asks for a token wants RAY_AUTH_MODE=token here."
    return TrainingError(f"The Ray cluster cannot be reached: {why}.", received=address, remedy=remedy)
