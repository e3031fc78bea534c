"""The command `transfer export`."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Literal

import click

from transfer import workflow
from transfer.cli import show
from transfer.cli.options import as_json, workspace

if TYPE_CHECKING:
    from transfer.exporting.saved_model import Exported
    from transfer.scores import Refusal, Share


class Threshold(click.ParamType):
    """A number, or ``auto``; whether it is a probability is the verb's to say."""

    name = "threshold"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float | Literal["auto"]:
        """``"0.8"`` becomes ``0.8``."""
        if value == "auto":
            return "auto"
        try:
            return float(value)
        except ValueError:
            self.fail(f"{value!r} is neither a number from 0 to 1 nor auto", param, ctx)


@click.command("export")
@workspace
@click.argument("run", required=False)
@click.option("--best", is_flag=True, help="The best arm's best run; also what is taken without RUN.")
@click.option("--into", required=True, metavar="DIR", help="The folder to write.")
@click.option("--calibrate", is_flag=True, help="Make its probabilities mean what they say, by temperature scaling.")
@click.option(
    "--unknown-below",
    type=Threshold(),
    metavar="P|auto",
    help="Say `unknown` where the largest probability is below P; auto: chosen on validation.",
)
@as_json
def command(
    workspace: str,
    run: str | None,
    best: bool,
    into: str,
    calibrate: bool,
    unknown_below: float | Literal["auto"] | None,
    as_json: bool,
) -> None:
    """Write a run as a SavedModel that takes raw photos.

    The best is chosen on validation: the arm with the highest mean over its seeds on all photos, and of it the best
    seed. It is written only after a fresh process, without Keras, has answered on real photos as the run did.
    With --calibrate its probabilities are scaled by one temperature, fitted on the validation photos: no answer
    changes, only how sure it is.

    With --unknown-below its label is `unknown` where the largest probability, calibrated if that is asked for, is
    below P, and where the answer is the class `background`. auto takes the least P that leaves at most 5 % of the
    answers on validation wrong. Coverage (photos that get the name of a class, those of `background` not counted)
    and error (wrong ones among these answers) are told for validation and test.
    """
    if best and run:
        raise click.UsageError("Name a RUN or say --best, not both.")
    exported = workflow.export(workspace, run, into=into, calibrate=calibrate, unknown_below=unknown_below)
    record = {
        "path": str(exported.path),
        "format": exported.format,
        "max_difference": exported.max_difference,
        "checked": exported.checked,
        "temperature": exported.temperature,
    }
    if exported.rounded is not None:
        record["rounded"] = dataclasses.asdict(exported.rounded)
    if exported.refusing is not None:
        record["unknown"] = exported.refusing.to_dict()
    if exported.earlier:
        record["earlier"] = True
    if as_json:
        show.as_json(record)
    else:
        click.echo(exported.path)
        click.echo(
            f"It answered on {exported.checked} photos in a fresh process; the largest difference of a probability "
            f"was {exported.max_difference:.1e}."
            + (f" Calibrated at temperature {exported.temperature:.2f}." if exported.temperature else ""),
            err=True,
        )
        if exported.rounded is not None:
            click.echo(
                f"The run rounded (bfloat16 or half precision), the model does not: probabilities differ by up to "
                f"{exported.rounded.difference:.1e}; {exported.rounded.relabelled} of these photos get another label.",
                err=True,
            )
        for line in _refusing(exported):
            click.echo(line, err=True)
        if exported.earlier:
            click.echo(
                "The run was made with other photos, labels or splits than the workspace has now: the credits beside "
                "the model list the photos of now.",
                err=True,
            )


def _refusing(exported: Exported) -> list[str]:
    """When it says `unknown`, and a line for each part on what comes of it."""
    refusing = exported.refusing
    if refusing is None:
        return []
    said = f"It says `unknown` {refusing.where}."
    if refusing.aim is not None:
        said += f" Validation chose that, the least threshold with an error of at most {100 * refusing.aim:g} %."
    lines = [said]
    parts = (("Validation", refusing.validation), ("Test", refusing.test))
    return lines + [_part(name, measured) for name, measured in parts if measured is not None]


def _part(name: str, measured: Refusal) -> str:
    return f"{name}: coverage {_share(measured.coverage)}, error {_share(measured.error)}."


def _share(share: Share) -> str:
    interval = share.interval
    if interval is None:
        return "none (0 of 0)"
    value, low, high = (f"{100 * number:.1f}" for number in (share.value, interval.low, interval.high))
    return f"{value} % ({share.count} of {share.of}; 95 % interval {low} to {high} %)"
