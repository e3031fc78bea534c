"""Arguments and options that several commands share."""

from __future__ import annotations

from typing import Any

import click

from transfer.grid import ENGINES, PRECISIONS

workspace = click.argument("workspace", metavar="WS")
into = click.option("--into", required=True, metavar="WS", help="The workspace, new or old.")
quiet = click.option("--quiet", "-q", is_flag=True, help="No progress on stderr.")
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for a script.")
epochs = click.option("--epochs", type=int, help="At most so many in the longest phase, others in proportion.")
size = click.option("--size", type=int, help="Side of the input in pixels, instead of the backbone's own.")
engine = click.option(
    "--engine",
    type=click.Choice(ENGINES),
    help="What computes the frozen part; TRANSFER_ENGINE sets it for every command.  [default: the machine's fastest]",
)
precision = click.option(
    "--precision",
    type=click.Choice(PRECISIONS),
    help="bfloat16: of the frozen part, in OpenVINO; on a GPU of everything.  [default: float32]",
)
half = click.option("--half", is_flag=True, help="Keep activations in half precision: half the disk, other figures.")
jobs = click.option("--jobs", "-j", default=1, show_default=True, help="Trials at once.")


class PerClass(click.ParamType):
    """Numbers of photos a class with commas between them; ``all`` is None."""

    name = "numbers"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> list[int | None]:
        """``"5,10,all"`` becomes ``[5, 10, None]``."""
        if isinstance(value, list):
            return value
        try:
            return [None if word.strip() == "all" else int(word) for word in str(value).split(",")]
        except ValueError:
            self.fail(f"{value!r} is not a list like 5,10,all", param, ctx)


class Duration(click.ParamType):
    """A time such as 90s, 10m or 2h, in seconds."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """``"10m"`` becomes ``600.0``."""
        if isinstance(value, float):
            return value
        number, unit = str(value)[:-1], str(value)[-1:]
        try:
            return float(number) * {"s": 1, "m": 60, "h": 3600}[unit]
        except (ValueError, KeyError):
            self.fail(f"{value!r} is not a time like 90s, 10m or 2h", param, ctx)
