"""The command line: parse, call one verb, show.

Results go to stdout, talk to stderr. Exit status: 0 done; 1 the work failed, with a sentence; 2 the call is wrong;
130 interrupted, everything kept. A file here is one command (``commands/``), or a way to show things.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import click

from transfer import __version__
from transfer.cli import driver_talk
from transfer.errors import DataError, TransferError

INTERRUPTED = 130


class Commands(click.Group):
    """The files of ``commands/``, each defining ``command``; loaded one at a time, in the order of a day's work."""

    ORDER = (
        *("demo", "collect", "load", "check", "split", "train", "compare"),
        *("report", "runs", "export", "export-data", "predict", "explain", "clean", "list"),
    )

    def list_commands(self, ctx: click.Context) -> list[str]:
        files = (Path(__file__).parent / "commands").glob("*.py")
        names = [path.stem.replace("_", "-") for path in files if path.stem != "__init__"]
        return sorted(names, key=lambda name: (self.ORDER.index(name) if name in self.ORDER else 99, name))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        import importlib

        module = importlib.import_module(f"transfer.cli.commands.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Each with its whole first sentence, on several lines if need be; click would cut it off."""
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, command.get_short_help_str(limit=1000)) for name, command in commands if command]
            )

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # whoever read our output has heard enough; click would call it a failure
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            raise click.exceptions.Exit(0) from None
        except EOFError as error:  # click would take it for Ctrl-C
            raise DataError(
                "A file ends before its content does.",
                received=str(error) or "an end of file",
                remedy="If it was computed, `transfer clean WS --features` frees it; then give the same command again.",
            ) from error

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            import difflib

            close = difflib.get_close_matches(args[0], self.list_commands(ctx), n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            raise click.UsageError(f"{error.message}{hint}", ctx) from error


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="transfer")
def cli() -> None:
    """From a keyword or a folder of images to a classifier that can be trusted and served.

    \b
    transfer collect "golden retriever" "tabby cat" --into WS
    transfer load photos/ --into WS            class folders, given parts, or a CSV
    transfer compare WS mobilenet_v2:linear_probe mobilenet_v2:fine_tune_top
    transfer report WS
    transfer export WS --into model            a SavedModel that proved itself
    transfer predict model photo.jpg

    `transfer demo` shows all of it in a few minutes, offline.
    """


def main() -> None:
    """Run a command; errors end as sentences, never as tracebacks."""
    # TensorFlow tells of every CUDA library that it does not find; who wants to hear that sets the variable.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        with driver_talk.filtered():
            status = cli(standalone_mode=False)
    except (click.exceptions.Abort, KeyboardInterrupt):
        status = _end("Interrupted. What was finished is kept; the same command goes on from there.", INTERRUPTED)
    except click.ClickException as error:
        error.show()
        status = error.exit_code
    except TransferError as error:
        status = _end(f"Error: {error}", error.exit_status)
    except OSError as error:
        told = TransferError(
            f"The system reports an error: {error.strerror or error}.",
            received=error.filename,
            remedy="Mend that and give the same command again; what was finished is kept.",
        )
        status = _end(f"Error: {told}", told.exit_status)
    sys.exit(status if isinstance(status, int) else 0)


def json_line(record: Any) -> str:
    """A record as JSON on one line. What of a file's name is no UTF-8 is escaped, as JSON and Python read it back."""
    return json.dumps(record, ensure_ascii=False).encode("utf-8", "backslashreplace").decode("utf-8")


def _end(sentence: str, status: int) -> int:
    from transfer.cli import show

    click.echo(show.printable(sentence), err=True)
    return status
