"""Markdown: evidence -> ``report.md``, the page's words and main tables for a terminal, a pull request or a wiki.

The sentences are those of the page, taken from its sections, so that they exist once. Other people's words are escaped
for Markdown as the credits are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from markupsafe import Markup

from transfer.credits import inline as escaped
from transfer.reporting import markup
from transfer.reporting.evidence import Evidence
from transfer.reporting.pair import Pair
from transfer.reporting.result import Result
from transfer.reporting.sections import changes, confusion, differences, provenance, tricks, verdict


def to_markdown(evidence: Evidence) -> str:
    """The whole text."""
    blocks = [f"# {inline(evidence.title)}", *_said(verdict.body(evidence))]
    said = changes.body(evidence)
    blocks += ["## Changes", *_said(said)] if said else []
    for ground in evidence.grounds:
        blocks += [f"## Arms trained on {markup.of_ground(ground)}", _arms(evidence.on(ground), evidence)]
    said = differences.body(evidence)
    if said:
        blocks += ["## Differences", *_said(said)[:-1], _differences(evidence)]
    found = tricks.effects(evidence)
    if found:
        blocks += ["## Tricks", "Each trick alone: the arm with it minus the same arm without.", _tricks(found)]
    said = confusion.body(evidence)
    if said:
        blocks += ["## Confusion", "\n".join(f"- {line}" for line in _parts(said, "li")) or _said(said)[1]]
    if evidence.results:
        blocks += ["## Costs", _costs(evidence)]
    said = provenance.body(evidence)
    blocks += ["## Provenance", "\n".join(_facts(said))]
    if evidence.grid:
        blocks += ["## Grid", _indented(evidence.grid)]
    return "\n\n".join(blocks) + "\n"


def inline(text: str) -> str:
    """Other people's words, still pleasant to read as plain text.

    Within words Markdown makes nothing of an underscore, and nothing of a parenthesis once brackets are escaped.
    """
    plain = re.sub(r"(?<=\w)\\_(?=\w)", "_", re.sub(r"\\([()])", r"\1", escaped(text)))
    return plain.replace("&lt; ", "< ")  # before a space it opens no tag


def _parts(section: Markup, tag: str) -> list[str]:
    """The texts of these elements outside tables, escaped; nothing that was escaped in them can end one early."""
    outside = re.sub(r"<table.*?</table>", "", str(section), flags=re.DOTALL)
    return [inline(Markup(one).striptags()) for one in re.findall(rf"<{tag}\b[^>]*>(.*?)</{tag}>", outside, re.DOTALL)]  # noqa: S704  from markup


def _said(section: Markup) -> list[str]:
    return _parts(section, "p")


def _indented(text: str) -> str:
    """As code that no line of it can end."""
    return "\n".join(f"    {line}".rstrip() for line in text.strip("\n").splitlines())


def _facts(section: Markup) -> Iterator[str]:
    apart = Markup(re.sub(r"(?<!<dd>)(<span|<br>)", r"; \1", str(section)))  # noqa: S704  from markup
    for name, value in zip(_parts(apart, "dt"), _parts(apart, "dd"), strict=True):
        yield f"- {name}: {value}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table whose first column is text and whose cells are escaped already."""
    marks = [":---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, marks, *rows)).replace("\xa0", " ")


def _arms(own: Sequence[Result], evidence: Evidence) -> str:
    first = own[0]
    against = {
        id(turned.a): turned
        for pair in evidence.pairs
        if first in (pair.a, pair.b)
        for turned in (pair.seen_from(pair.b if pair.a is first else pair.a),)
    }
    rows = []
    for one in own:
        pair = against.get(id(one))
        rows.append(
            [
                inline(one.title),
                markup.percent(one.accuracy),
                _interval(one),
                one.trainings,
                markup.number(None if one.spread is None else 100 * one.spread, 1),
                markup.percent(one.validation_accuracy),
                f"{markup.points(pair.difference.estimate)} {pair.shared}".rstrip() if pair else markup.DASH,
                markup.p_value(pair.corrected) if pair else markup.DASH,
            ]
        )
    stated = "Accuracy in folds" if first.folds else f"Accuracy on {evidence.stated}"
    head = ("Arm", stated, "95% interval", "Trainings", "sd, points", "Validation")
    return _table((*head, "Against first", "p, corrected"), rows)


def _interval(one: Result) -> str:
    return f"{markup.percent(one.interval.low)} to {markup.percent(one.interval.high)}" if one.interval else markup.DASH


def _range(pair: Pair) -> str:
    if pair.alike:
        return "the same answers"
    return f"{markup.points(pair.difference.low)} to {markup.points(pair.difference.high)}"


def _differences(evidence: Evidence) -> str:
    rows = [
        [
            inline(pair.a.title),
            inline(pair.b.title),
            markup.of_ground(pair.a.ground),
            markup.points(pair.difference.estimate),
            _range(pair),
            markup.p_value(pair.corrected),
        ]
        for pair in evidence.pairs
    ]
    return _table(("First", "Second", "Trained on", "Difference", "95% interval", "p, corrected"), rows)


def _tricks(effects: Sequence[tricks.Effect]) -> str:
    rows = [
        [
            effect.trick,
            inline(effect.pair.b.title),
            markup.of_ground(effect.pair.a.ground),
            markup.points(effect.pair.difference.estimate),
            _range(effect.pair),
            markup.p_value(effect.corrected),
        ]
        for effect in effects
    ]
    return _table(("Trick", "On", "Trained on", "Effect", "95% interval", "p, corrected"), rows)


def _costs(evidence: Evidence) -> str:
    rows = [
        [
            inline(one.title),
            markup.duration(one.seconds),
            markup.duration(evidence.features(one)),
            markup.number(one.mean("latency_ms"), 1),
            markup.count(one.greatest("peak_memory_mb")),
            markup.count(one.mean("parameters", "trainable")),
            inline(one.each("batch_norm") or markup.DASH),
            inline(one.precision or markup.DASH),
        ]
        for one in evidence.main
    ]
    head = (
        "Arm",
        "A run",
        "Features, once",
        "One photo, ms",
        "Peak memory, MB",
        "Trained weights",
        "Batch norm",
        "Precision",
    )
    return _table(head, rows)
