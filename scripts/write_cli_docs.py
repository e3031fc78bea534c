"""Write docs/cli.md from the commands themselves.

    python scripts/write_cli_docs.py

The page is what ``--help`` says, command by command, so nothing is said twice. A test compares it with the commands.
"""

from __future__ import annotations

from pathlib import Path

import click

from transfer.cli import cli

PAGE = Path(__file__).parents[1] / "docs" / "cli.md"
WIDTH = 96
INTRODUCTION = """\
# The command line

*Written by `make docs` from `--help`; edit the commands, not this page.*

Results go to stdout, talk to stderr. `--json` prints what a script may rely on: fields are added, never renamed.

| exit status | means |
|---|---|
| 0 | done |
| 1 | the work failed, with a sentence |
| 2 | the call is wrong; nothing was begun |
| 130 | interrupted; what was finished is kept |
"""


def page() -> str:
    """The whole page as Markdown."""
    top = _context(cli, "transfer", None)
    parts = [INTRODUCTION, _section("transfer", cli, top)]
    for name in cli.list_commands(top):
        command = cli.get_command(top, name)
        if command is not None:
            parts.append(_section(f"transfer {name}", command, _context(command, name, top)))
    return "\n".join(parts)


def _context(command: click.Command, name: str, parent: click.Context | None) -> click.Context:
    settings = command.context_settings | {"terminal_width": WIDTH, "max_content_width": WIDTH}
    return click.Context(command, info_name=name, parent=parent, **settings)


def _section(title: str, command: click.Command, context: click.Context) -> str:
    return f"## {title}\n\n```text\n{command.get_help(context)}\n```\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE)
