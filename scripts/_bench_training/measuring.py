"""What the items share: time and CPU time, medians, tables, photos to measure with, processes of one's own."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import multiprocessing
import os
import shutil
import statistics
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from PIL import Image

from transfer.photo import Photo

Answer = TypeVar("Answer")

CORES = len(os.sched_getaffinity(0))


@dataclass(frozen=True)
class Spent:
    """Seconds of the clock, and of all cores together."""

    seconds: float
    cpu: float

    @property
    def idle(self) -> float:
        """Share of the cores' time that nobody used."""
        return 1 - self.cpu / (self.seconds * CORES)

    def __truediv__(self, count: float) -> Spent:
        return Spent(self.seconds / count, self.cpu / count)


def spent(act: Callable[[], object]) -> Spent:
    """What doing something takes; this process' threads count, other processes' do not."""
    return timed(act)[1]


def timed(act: Callable[[], Answer]) -> tuple[Answer, Spent]:
    """The answer, and what it took."""
    cpu, begun = time.process_time(), time.perf_counter()
    answer = act()
    return answer, Spent(time.perf_counter() - begun, time.process_time() - cpu)


def exhaust(things: Iterable[object]) -> None:
    deque(things, maxlen=0)


def limit(*seconds: float) -> float:
    """Photos a second where several things are done to each, on the same cores: 1 / (1/a + 1/b) of their rates.

    Args:
        seconds: For one photo, of each thing alone.

    >>> limit(1 / 300, 1 / 600)
    200.0
    """
    return round(1 / sum(seconds), 9)


def median(values: Iterable[float]) -> float:
    return statistics.median(values)


def spread(values: Sequence[float], form: str = ".0f") -> str:
    """The median; behind it the least and the greatest, where there are several values.

    >>> spread([3.0, 1.0, 2.0])
    '2 (1 to 3)'
    """
    middle = format(median(values), form)
    return middle if len(values) == 1 else f"{middle} ({min(values):{form}} to {max(values):{form}})"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown; the first column to the left, figures to the right."""
    lines = [head, [":---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def tell(text: str) -> None:
    """Talk, which is no result."""
    print(text, file=sys.stderr, flush=True)


def title(name: str) -> str:
    """The heading of an item: what it was run on, and how busy that was."""
    packages = [name for name in ("tensorflow", "keras", "openvino") if importlib.util.find_spec(name)]
    versions = ", ".join(f"{package} {importlib.metadata.version(package)}" for package in packages)
    load = os.getloadavg()[0]
    busy = f" **The machine was busy: load {load:.1f} at the start.**" if load > 0.3 else ""
    return f"### {name}\n\n`{' '.join(['python', *sys.argv])}`\n\n{CORES} cores, {versions}.{busy}\n"


# --- photos ---


def photos_in(folder: Path, count: int | None = None) -> list[Photo]:
    """Different JPEG photos of a folder of class folders, the classes in turn; all, or the first so many.

    Raises:
        SystemExit: There are not so many.
    """
    classes = [sorted(one.glob("*.jp*g")) for one in sorted(folder.iterdir()) if one.is_dir()]
    turns = [(place, path) for paths in classes for place, path in enumerate(paths)]
    found: dict[str, Photo] = {}
    for _, path in sorted(turns):
        if count is None or len(found) < count:
            sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
            found.setdefault(sha256, photo(path, sha256))
    if not found or len(found) < (count or 0):
        raise SystemExit(f"{folder} holds {len(found)} different JPEG photos in class folders, not {count or 'any'}")
    return list(found.values())


def photo(path: Path, sha256: str) -> Photo:
    return Photo(sha256, str(path.absolute()), path.parent.name, "folder", sha256=sha256)


def enlarged(photos: Sequence[Photo], side: int, into: Path) -> list[Photo]:
    """The photos with a longer side of so many pixels, in class folders: JPEG of quality 90, or copied if it is so."""

    def save(number: int) -> Photo:
        one = photos[number]
        path = into / one.label / f"{number:05d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        with Image.open(one.file_name) as picture:
            if max(picture.size) == side:
                shutil.copy(one.file_name, path)
            else:
                scale = side / max(picture.size)
                sides = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
                picture.convert("RGB").resize(sides, Image.Resampling.LANCZOS).save(path, quality=90)
        return photo(path, hashlib.sha256(path.read_bytes()).hexdigest())

    with ThreadPoolExecutor(CORES) as threads:
        return list(threads.map(save, range(len(photos))))


def kilobytes(photos: Sequence[Photo]) -> float:
    """Of a photo's file, on average."""
    return sum(Path(one.file_name).stat().st_size for one in photos) / len(photos) / 1000


def linked(photos: Iterable[Photo], into: Path) -> Path:
    """The photos in class folders, as Keras reads them, each named by its content."""
    for one in photos:
        path = into / one.label / f"{one.sha256}{Path(one.file_name).suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(Path(one.file_name).absolute())
    return into


# --- networks and processes ---


def weights_of(backbone: str) -> Path | None:
    """The published weights where Keras' cache has them already; nothing is fetched."""
    from transfer.models.backbone import BACKBONES
    from transfer.models.weights import cache, locate

    published = BACKBONES[backbone].weights
    if not published or not (cache() / published[0].file.rsplit("/", 1)[-1]).exists():
        return None
    located = locate(backbone, BACKBONES[backbone], None, pretrained=True)
    return None if located is None else located.path


def possible(engine: str, precisions: Sequence[str]) -> list[str]:
    """The precisions that the engine really computes in on this machine; of the others it is said that they are not.

    OpenVINO takes the wish for bfloat16 on any CPU, and computes in float32 where the CPU has no such instructions: a
    row of that name would be float32's.
    """
    if engine != "openvino" or "bfloat16" not in precisions:
        return list(precisions)
    import openvino

    core = openvino.Core()
    if "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        return list(precisions)
    name = core.get_property("CPU", "FULL_DEVICE_NAME").strip()
    print(f"**bfloat16 was not measured: this CPU ({name}) has none, and OpenVINO computes float32 in its place.**\n")
    return [one for one in precisions if one != "bfloat16"]


def apart(function: Callable[..., Any], *arguments: Any) -> Any:
    """What a function of a module answers in a process of its own, whose memory and settings are nobody else's."""
    spawned = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawned) as one:
        return one.submit(function, *arguments).result()
