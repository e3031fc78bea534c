"""Download: candidates -> the first so many valid ones of each label by rank, whatever the order of their arrival.

A candidate is asked for only if fewer than the wanted number before it are valid or may still become so. So the photos
that are kept are always the first valid ones, nothing is fetched in vain, and a slow host changes nothing but the time.
Threads fetch; this thread alone writes. One failure never stops the rest.
"""

from __future__ import annotations

import dataclasses
import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from transfer.photo import Photo

Fetched = tuple[Photo, bytes | None, str | None]
Fetch = Callable[[Photo], Fetched]
Keep = Callable[[Photo, bytes | None, str | None], Photo]

WORKERS = 16


@dataclass
class Stream:
    """One label's candidates and what became of them.

    Attributes:
        label: Of them. count: How many are wanted.
        source: More candidates, by rank.
        photos: Asked for or known so far, by rank; None while it is under way.
        rejected: Ids that are not valid for a reason found elsewhere, such as the same content under another label.
    """

    label: str
    count: int
    source: Iterator[Photo]
    photos: list[Photo | None] = field(default_factory=list)
    rejected: set[str] = field(default_factory=set)
    exhausted: bool = False
    _settled: int = 0
    _valid: int = 0
    _first: dict[str, Photo] = field(default_factory=dict)

    @property
    def wants_more(self) -> bool:
        """Whether all that is known and under way would still be too few."""
        hopeful = sum(photo is None or self._may_count(photo) for photo in self.photos[self._settled :])
        return not self.exhausted and self._valid + hopeful < self.count

    @property
    def under_way(self) -> int:
        return sum(photo is None for photo in self.photos[self._settled :])

    @property
    def valid(self) -> int:
        """Valid photos up to the first that is still under way."""
        return self._valid

    def settle(self) -> None:
        """Judge, in the order of rank, what no longer depends on anything under way."""
        while self._settled < len(self.photos):
            photo = self.photos[self._settled]
            if photo is None:
                return
            if self._may_count(photo):
                first = self._first.setdefault(photo.sha256, photo)
                if first is photo:
                    self._valid += 1
                else:
                    told = f"duplicate: the same content as {first.title or first.id}"
                    self.photos[self._settled] = dataclasses.replace(photo, excluded=told)
            self._settled += 1

    def reject(self, ids: set[str]) -> bool:
        """Take these for invalid from now on; whether that changes anything."""
        fresh = ids - self.rejected
        self.rejected |= fresh
        if fresh:
            self._settled, self._valid = 0, 0
            self._first.clear()
            self.settle()
        return bool(fresh)

    def _may_count(self, photo: Photo) -> bool:
        return photo.excluded is None and photo.label == self.label and photo.id not in self.rejected


def fill(
    streams: list[Stream],
    known: Mapping[str, Photo],
    fetch: Fetch,
    keep: Keep,
    *,
    workers: int = WORKERS,
    on_change: Callable[[], None] | None = None,
) -> None:
    """Ask until every stream has its number or no candidate is left.

    Args:
        streams: Filled in place; those that were filled before go on.
        known: By id: what became of a photo in an earlier run. It is not asked for again.
        fetch: Run in threads. keep: Run here for each that arrives; gives the photo as it is to be remembered.
        workers: Threads. on_change: Called after each photo.
    """
    wanted: queue.Queue[tuple[Stream, int, Photo] | None] = queue.Queue()
    arrived: queue.Queue[tuple[Stream, int, Fetched | BaseException]] = queue.Queue()

    over = threading.Event()

    def work() -> None:
        while (task := wanted.get()) is not None and not over.is_set():
            stream, rank, photo = task
            try:
                arrived.put((stream, rank, fetch(photo)))
            except BaseException as error:  # raised again by the thread that waits
                arrived.put((stream, rank, error))

    # Daemons: Ctrl-C must not wait for a host that rests for ten minutes.
    threads = [threading.Thread(target=work, name=f"fetch-{number}", daemon=True) for number in range(workers)]
    for thread in threads:
        thread.start()
    under_way = 0
    try:
        while True:
            for stream, rank, photo in _next(streams, known, 4 * workers - under_way):
                wanted.put((stream, rank, photo))
                under_way += 1
            if not under_way:
                return
            stream, rank, result = arrived.get()
            under_way -= 1
            if isinstance(result, BaseException):
                raise result
            stream.photos[rank] = keep(*result)
            stream.settle()
            if on_change is not None:
                on_change()
    finally:
        over.set()
        for _ in threads:
            wanted.put(None)


def _next(streams: list[Stream], known: Mapping[str, Photo], room: int) -> Iterator[tuple[Stream, int, Photo]]:
    """Candidates to ask for now, the streams in turns; those that are known settle at once."""
    waiting = [stream for stream in streams if stream.wants_more]
    while waiting and room > 0:
        for stream in list(waiting):
            photo = next(stream.source, None) if stream.wants_more else None
            if photo is None:
                stream.exhausted |= stream.wants_more
                waiting.remove(stream)
            elif photo.id in known:
                stream.photos.append(known[photo.id])
                stream.settle()
            else:
                stream.photos.append(None)
                room -= 1
                yield stream, len(stream.photos) - 1, photo
