"""Plan: what a collection will ask, what the limits allow, and about how long it takes, said before it starts. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

from transfer.collecting.source import Terms
from transfer.collecting.wanted import Wanted
from transfer.licence import OPEN
from transfer.web import Pace

_SPARE = 1.3  # photos looked at for each that is kept, by experience of what is gone or unreadable
_ANSWER = 0.3  # seconds that a host takes, apart from its pace


@dataclass(frozen=True)
class Plan:
    """Sentences for a person, and the seconds that it takes if all goes well."""

    lines: tuple[str, ...]
    seconds: float

    def __str__(self) -> str:
        return "\n".join(self.lines)


def plan(wanted: Wanted) -> Plan:
    """What this will take, at worst of the first source, which is asked for everything."""
    photos = sum(count for count, _ in wanted.streams.values())
    keywords = sum(len(words) for _, words in wanted.streams.values())
    licences = "any open licence" if wanted.licences == OPEN else ", ".join(sorted(wanted.licences))
    unknown = " or none that is known" if wanted.unknown else ""
    counts = (_counted(len(wanted.streams), "class"), _counted(photos, "photo"), _counted(keywords, "keyword"))
    lines = [f"{counts[0]}, {counts[1]} of {licences}{unknown}, by {counts[2]}."]
    seconds = 0.0
    for rank, (name, source) in enumerate(wanted.searched().items()):
        terms = source.terms or Terms(api="", page=1, depth=1)
        line, needed = _of_source(name, terms, wanted, keywords)
        lines.append(("Then, for what is lacking: " if rank else "First: ") + line)
        seconds = seconds or needed
    lines += [f"{name} is not asked: it does not say when photos were uploaded." for name in wanted.undated]
    lines.append(f"About {_duration(seconds)} if all comes from the first; stop it at any time, it goes on from there.")
    return Plan(tuple(lines), seconds)


def _of_source(name: str, terms: Terms, wanted: Wanted, keywords: int) -> tuple[str, float]:
    photos = sum(count for count, _ in wanted.streams.values())
    reach = sum(min(count, terms.depth * len(words)) for count, words in wanted.streams.values())
    calls = max(keywords, math.ceil(_SPARE * reach / terms.page))
    api = terms.paces.get(terms.api, Pace())
    slowest = max((pace.every for host, pace in terms.paces.items() if host != terms.api), default=0.0)
    seconds = calls * (api.every + _ANSWER) + _SPARE * reach * max(slowest, _ANSWER / 2)
    line = f"{name}, about {_counted(calls, 'question')}, at most one every {api.every:g} s"
    if terms.per_day:
        line += f" and {terms.per_day} a day" + (" (this takes several days)" if calls > terms.per_day else "")
    if reach < photos:
        line += f"; it reaches {terms.depth:,} photos a keyword, so {reach:,} at most"
    return f"{line}.", seconds


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 'es' if what.endswith('s') else 's'}"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} seconds"
    return f"{round(seconds / 60)} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"
