"""Documents say what the program does: every command, every name, every floor and every file on disk."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest

import transfer
from transfer import workflow
from transfer.cli import cli
from transfer.workspace import Workspace

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
VERBS = [name for name in transfer.__all__ if inspect.isfunction(getattr(transfer, name))]


def text_of(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


# --- the command line ---


def test_the_page_of_commands_is_what_the_commands_say() -> None:
    # In a process of its own: click remembers the help option of a command from whoever asked for it first.
    program = f"import runpy; print(runpy.run_path({str(ROOT / 'scripts' / 'write_cli_docs.py')!r})['page'](), end='')"
    written = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert text_of("cli.md") == written, "run `make docs`"


def test_every_command_is_on_its_page_and_its_options_have_help() -> None:
    page = text_of("cli.md")
    for name in cli.list_commands(click.Context(cli)):
        command = cli.get_command(click.Context(cli), name)
        assert f"## transfer {name}\n" in page
        assert command.help
        options = [option for option in command.params if isinstance(option, click.Option)]
        assert [option.name for option in options if not option.help] == []


def test_every_command_has_a_verb_of_its_name() -> None:
    commands = {name.replace("-", "_") for name in cli.list_commands(click.Context(cli))}
    assert commands - {"demo", "list"} <= set(VERBS)


# --- Python ---


@pytest.mark.parametrize("name", transfer.__all__)
def test_every_public_name_is_documented(name: str) -> None:
    assert inspect.getdoc(getattr(transfer, name))
    assert f"### {name}\n" in text_of("python.md") if name in VERBS else f"| `{name}` |" in text_of("python.md")


@pytest.mark.parametrize("name", VERBS)
def test_a_verb_is_documented_with_its_signature(name: str) -> None:
    signature = inspect.signature(getattr(transfer, name))
    plain = [parameter.replace(annotation=inspect.Parameter.empty) for parameter in signature.parameters.values()]
    assert f"\ntransfer.{name}{inspect.Signature(plain)}\n" in text_of("python.md")


@pytest.mark.parametrize("name", VERBS)
def test_the_docstring_of_a_verb_is_whole(name: str) -> None:
    assert getattr(transfer, name) is getattr(workflow, name)
    summary = (inspect.getdoc(getattr(transfer, name)) or "").split("\n")[0]
    assert summary[:1].isupper()
    assert summary[-1:] in ".;"


# --- the house ---


def test_the_page_of_the_house_names_every_room() -> None:
    tree = text_of("architecture.md")
    rooms = {path.stem for path in (ROOT / "transfer").iterdir() if path.suffix == ".py" or path.is_dir()}
    unnamed = {room for room in rooms - {"__pycache__"} if not re.search(rf"\b{room}(\.py|/)", tree)}
    assert unnamed == set()


def test_the_floors_stand_on_the_page_as_they_are_held() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    held = [
        {room.strip().removeprefix("transfer.") for room in layer.split("|")}
        for layer in next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    ]
    rows = re.findall(r"^\| (\d+) \| (.+) \|$", text_of("architecture.md"), re.MULTILINE)
    assert [int(number) for number, _ in rows] == list(range(len(held), 0, -1))
    for floor, (_, row) in zip(held, rows, strict=True):
        assert floor <= set(re.findall(r"`(\w+)`", row))


def test_decisions_are_numbered_and_keep_their_form() -> None:
    pages = sorted((DOCS / "decisions").glob("*.md"))
    assert len(pages) >= 6
    for number, page in enumerate(pages, 1):
        text = page.read_text(encoding="utf-8")
        assert page.name.startswith(f"{number:03}-")
        assert text.startswith(f"# {number:03} ")
        assert re.findall(r"^\*\*(\w+)\.\*\*", text, re.MULTILINE) == ["Context", "Decision", "Consequences"]


def test_links_between_documents_lead_somewhere() -> None:
    for page in (ROOT / "README.md", ROOT / "CHANGELOG.md", *DOCS.rglob("*.md"), *(ROOT / "data").glob("*.md")):
        for target in re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


# --- on disk ---


def documented_layout() -> dict[str, re.Pattern[str]]:
    """The paths that the page of the house shows, and what each may be."""
    parts = {
        "AB": "[0-9a-f]{2}",
        "SHA256": "[0-9a-f]{64}",
        "EXT": r"\w+",
        "DIGEST": "[0-9a-f]{16}",
        "NUMBER": r"\d{6,15}",
    }
    parts |= {"ID": "[0-9a-f]{12}", "PHOTO": "[0-9a-f]{16}"}
    lines = re.findall(r"^    (WS/.+?)  ", text_of("architecture.md"), re.MULTILINE)
    names = [name.removeprefix("WS/") for line in lines for name in line.split(", ")]
    return {
        name: re.compile(re.sub(r"[A-Z][A-Z0-9]+", lambda word: parts.get(word[0], word[0]), re.escape(name)))
        for name in names
    }


def test_a_workspace_looks_as_the_page_of_the_house_says(photo_folder: Path, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "WS")
    transfer.load(photo_folder, workspace, copy=True)
    run = transfer.train(workspace, "raw_pixels:linear_probe", size=8)
    transfer.report(workspace)
    layout = documented_layout()
    written = {path.relative_to(workspace.root).as_posix() for path in workspace.root.rglob("*") if path.is_file()}
    assert {name for name in written if not any(form.fullmatch(name) for form in layout.values())} == set()
    met = {name for name, form in layout.items() if any(form.fullmatch(each) for each in written)}
    # Checkpoints only until a run is done, rates and TensorBoard's files where they were asked for, a grid where arms
    # were compared, overlays where there is a feature map, a network where OpenVINO is the engine; the others where
    # photos are collected or edited.
    elsewhere = {
        "features/DIGEST/network.EXT",
        "runs/ID/rates.csv",
        "runs/ID/tensorboard/PART/EVENTS",
        "runs/ID/checkpoint.npz",
        "runs/ID/refit-checkpoint.npz",
        "runs/ID/gradcam/PHOTO.png",
        "explained/ID/NAME.gradcam.png",
        "grid.toml",
        "journal.jsonl",
        "searches/DIGEST.json",
        "CREDITS.csv",
        "CREDITS.md",
        "edits.json",
    }
    assert set(layout) - met == elsewhere
    assert (workspace.runs / run.id / "run.json").exists()
