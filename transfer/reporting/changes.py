"""Changes: what a report says that an earlier one did not.

It compares the two tables of ``tidy`` and nothing else: the earlier report may be of another workspace, of other photos
or of a version of long ago. No difference is tested here: other photos, other seeds, nothing is paired.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from transfer.comparison import Ground

Row = Mapping[str, str]


@dataclass(frozen=True)
class Change:
    """An arm at one training size that was added, is gone, or answers otherwise than before.

    Attributes:
        title: Of the arm. per_class, folds: As in the table.
        before, now: Mean accuracy over the seeds on the stated split; None where it was not there.
        seeds_before, seeds_now: How many.
    """

    title: str
    per_class: str
    folds: str
    before: float | None
    now: float | None
    seeds_before: int
    seeds_now: int

    @property
    def both(self) -> bool:
        """Whether both reports have it."""
        return self.before is not None and self.now is not None


@dataclass(frozen=True)
class Changes:
    """What changed.

    Attributes:
        same_data: Whether both rest on the same photos, labels, and splits or groups; None where that cannot be told,
            since one was judged in folds only and the other on the given splits only.
        added, gone: How many runs. changes: The arms that differ; unchanged: How many do not.
        leader_before, leader_now: The arm that validation chose at the largest size; None where it could not.
    """

    same_data: bool | None
    added: int
    gone: int
    changes: tuple[Change, ...]
    unchanged: int
    leader_before: str | None
    leader_now: str | None

    @property
    def none(self) -> bool:
        return bool(self.same_data) and not (self.added or self.gone or self.changes)


def compare(before: Sequence[Row], now: Sequence[Row]) -> Changes:
    """What changed from one table to the other."""
    before = _as_named_now(before, now)
    old, new = _arms(before), _arms(now)
    keys = list(dict.fromkeys((*new, *old)))
    changes = [
        Change(*key, _mean(old.get(key)), _mean(new.get(key)), len(old.get(key, ())), len(new.get(key, ())))
        for key in keys
    ]
    differing = tuple(one for one, key in zip(changes, keys, strict=True) if old.get(key) != new.get(key))
    runs_before, runs_now = ({row["run"] for row in rows} for rows in (before, now))
    return Changes(
        same_data=_same_data(_data(before), _data(now)),
        added=len(runs_now - runs_before),
        gone=len(runs_before - runs_now),
        changes=differing,
        unchanged=len(keys) - len(differing),
        leader_before=_leader(before),
        leader_now=_leader(now),
    )


def _as_named_now(before: Sequence[Row], now: Sequence[Row]) -> list[Row]:
    """The earlier rows with the names that their arms have now: a name depends on its rivals, so the runs tell."""
    title_of = {row["run"]: row["title"] for row in now}
    found: dict[tuple[str, str], set[str]] = {}
    for row in before:
        own = found.setdefault((row["title"], row["folds"]), set())
        if row["run"] in title_of:
            own.add(title_of[row["run"]])
    names = {arm: titles.pop() for arm, titles in found.items() if len(titles) == 1}
    taken = {(title, folds) for (_, folds), title in names.items()}

    def name(title: str, folds: str) -> str:
        # An arm that is gone may have had the name that another has now.
        gone = f"{title} (before)" if (title, folds) in taken else title
        return names.get((title, folds), gone)

    return [{**row, "title": name(row["title"], row["folds"])} for row in before]


def _data(rows: Iterable[Row]) -> dict[bool, set[str]]:
    """Digests of the photos, of runs in folds and of others: the two digest other things of the same photos."""
    found: dict[bool, set[str]] = {}
    for row in rows:
        found.setdefault(bool(row["folds"]), set()).add(row["data"])
    return found


def _same_data(old: Mapping[bool, set[str]], new: Mapping[bool, set[str]]) -> bool | None:
    common = old.keys() & new.keys()
    return all(old[folds] == new[folds] for folds in common) if common else None


def _arms(rows: Iterable[Row]) -> dict[tuple[str, str, str], dict[str, float]]:
    """Accuracy on the stated split by run, for each arm and size; the test split where the run has one."""
    found: dict[tuple[str, str, str], dict[str, float]] = {}
    for split in ("validation", "test"):  # test comes last and stays
        for row in rows:
            if row["metric"] == "accuracy" and row["split"] == split:
                key = (row["title"], row["per_class"], row["folds"])
                found.setdefault(key, {})[row["run"]] = float(row["value"])
    return found


def _leader(rows: Sequence[Row]) -> str | None:
    """By the rule of the page: the first ground, best mean on validation, then fewer trained weights, then the name."""
    chosen = [row for row in rows if row["metric"] == "accuracy" and row["split"] == "validation"]
    if not chosen:
        return None
    first = min(_ground(row).rank for row in chosen)
    trained = {row["run"]: float(row["value"]) for row in rows if row["metric"] == "trainable_parameters"}
    arms: dict[str, list[Row]] = {}
    for row in chosen:
        if _ground(row).rank == first:
            arms.setdefault(row["title"], []).append(row)

    def order(title: str) -> tuple[float, float, str]:
        mean = fmean(float(row["value"]) for row in arms[title])
        return -mean, fmean(trained.get(row["run"], 0.0) for row in arms[title]), title

    return min(arms, key=order)


def _ground(row: Row) -> Ground:
    return Ground(
        None if row["per_class"] == "all" else int(row["per_class"]), int(row["folds"]) if row["folds"] else None
    )


def _mean(values: Mapping[str, float] | None) -> float | None:
    return fmean(values.values()) if values else None
