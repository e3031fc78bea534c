"""Tables for a terminal: aligned columns, numbers to the right, a dash for what is not known; and times in words."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import click

from transfer.manifest import Manifest
from transfer.photo import SPLITS


def table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print rows under their header."""
    cells = [[_cell(value) for value in row] for row in rows]
    widths = [max(len(row[at]) for row in [list(header), *cells]) for at in range(len(header))]
    right = [bool(rows) and all(isinstance(row[at], int | float | None) for row in rows) for at in range(len(header))]
    for row in [list(header), *cells]:
        padded = (
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(row, widths, right, strict=True)
        )
        click.echo("  ".join(padded).rstrip())


def runs(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print the rows of a comparison."""
    header = ("run", "arm", "images a class", "seed", "validation", "test", "seconds", "trained weights")
    lines = [
        (
            row["id"],
            row["arm"],
            "all" if row["per_class"] is None else str(row["per_class"]),
            row["seed"] if row["fold"] is None else _fold(row["seed"], row["fold"]),
            row["validation"]["accuracy"],
            row["test"]["accuracy"],
            row["seconds"],
            row["trainable_parameters"],
        )
        for row in rows
    ]
    table(header, lines)
    for row in rows:
        if row["status"] in ("failed", "interrupted"):
            click.echo(f"{row['status']}: {row['arm']}, seed {row['seed']}: {row['reason']}", err=True)
    if skipped := [row["reason"] for row in rows if row["status"] == "skipped"]:
        click.echo(f"skipped: {len(skipped)} of {len(rows)} runs: {skipped[0]}", err=True)


def range_tests(rows: Sequence[Mapping[str, float]], steps: Sequence[Mapping[str, Any]]) -> None:
    """Say what range tests of the learning rate suggest, beside the rate of each phase."""
    from transfer.scores import in_powers, range_test

    for number in dict.fromkeys(int(row["step"]) for row in rows):
        own = [row for row in rows if row["step"] == number]
        found = range_test([row["rate"] for row in own], [row["loss"] for row in own])
        said = f"try {in_powers(found.suggested)}" if found.suggested else "no rate made the loss fall"
        has = f"the arm has {in_powers(steps[number]['rate'])}"
        click.echo(
            f"step {number + 1}: the loss is least at a rate of {in_powers(found.least)}; {said}; {has}", err=True
        )


def smaller_steps(facts: Mapping[str, Any]) -> None:
    """Say where memory did not hold as many photos a step as the arm has."""
    wanted = [step["batch"] for step in facts["strategy"]["steps"] if "batch" in step]
    if wanted and (facts.get("batch") or math.inf) <= min(wanted) / 2:
        click.echo(f"not enough memory for {min(wanted)} photos a step: it went on with {facts['batch']}", err=True)


def _fold(seed: int, fold: Mapping[str, int]) -> str:
    return f"{seed} (fold {fold['number'] + 1} of {fold['of']})"


def photos(manifest: Manifest) -> None:
    """Print how many photos each class has, and what was set aside and why."""
    counts, aside = manifest.counts(), manifest.set_aside()
    undecided = any("" in row for row in counts.values())
    splits = (*SPLITS, "") if undecided else SPLITS
    header = ("class", *(split or "undecided" for split in splits), "set aside")
    rows = [
        (label, *(counts.get(label, {}).get(split, 0) for split in splits), sum(aside.get(label, {}).values()))
        for label in sorted(set(counts) | set(aside))
    ]
    table(header, rows)
    for label, reasons in sorted(aside.items()):
        said = ", ".join(f"{count} {reason}" for reason, count in reasons.items())
        click.echo(printable(f"set aside in {label}: {said}"), err=True)


def duration(seconds: float) -> str:
    """A time in words, as roughly as one plans by it."""
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def as_json(value: Any) -> None:
    """Print one JSON value."""
    click.echo(json.dumps(value, indent=1, ensure_ascii=False))


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"
    if isinstance(value, int):
        return f"{value:,}"
    return printable(str(value))


def printable(text: str) -> str:
    """Names come from files and the web, and a control character among them could move the cursor or colour it."""
    return "".join(character if character.isprintable() else "?" for character in text)
