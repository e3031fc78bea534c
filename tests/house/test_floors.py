"""The floors hold, nothing heavy is loaded to help somebody, and no file grows unasked."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "transfer"
HEAVY = {
    "numpy", "pandas", "keras", "tensorflow", "matplotlib", "scipy", "sklearn", "statsmodels", "PIL", "jinja2",
    "httpx2", "rich",
}  # fmt: skip

EVERY_HELP = """
import contextlib, io, json, sys
import transfer
from transfer.cli import cli
helped = {}
for name in ("", *cli.list_commands(None)):
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        cli([name, "--help"] if name else ["--help"], prog_name="transfer", standalone_mode=False)
    helped[name] = said.getvalue()
dir(transfer)
json.dump({"helped": helped, "modules": sorted(sys.modules)}, sys.stdout)
"""

LONG: dict[str, str] = {}
"""Files past 400 lines, each with what was answered when it was asked why."""


def python(program: str, *arguments: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout


def test_the_import_contracts_hold() -> None:
    program = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"Contracts: [1-9]\d* kept, 0 broken", done.stdout)


def test_no_help_loads_a_heavy_library() -> None:
    answer = json.loads(python(EVERY_HELP))
    assert {"", "load", "compare", "list"} <= set(answer["helped"])
    assert all(text.startswith("Usage: transfer") for text in answer["helped"].values())
    assert not HEAVY & {module.split(".")[0] for module in answer["modules"]}


def test_the_public_face_loads_each_name_when_it_is_asked_for() -> None:
    program = """
import sys
import transfer
before = set(sys.modules)
assert not {"transfer.workflow", "transfer.run", "numpy"} & before, "loaded with the package"
assert transfer.Arm.parse("vgg16").backbone == "vgg16"
assert not {"transfer.workflow", "numpy"} & set(sys.modules), "loaded with the arm"
for name in transfer.__all__:
    assert getattr(transfer, name).__name__ == name, name
assert "tensorflow" not in sys.modules and "keras" not in sys.modules
print(*transfer.__all__)
"""
    assert set(python(program).split()) >= {"load", "compare", "export", "predict", "Manifest", "Run", "Strategy"}


def test_an_unknown_name_of_the_public_face_is_an_attribute_error() -> None:
    import transfer

    with pytest.raises(AttributeError, match="has no attribute 'lod'"):
        transfer.lod  # noqa: B018


def test_no_file_grows_unasked() -> None:
    lines = {
        path.relative_to(ROOT).as_posix(): len(path.read_text(encoding="utf-8").splitlines())
        for path in PACKAGE.rglob("*.py")
    }
    assert {name for name, n in lines.items() if n > 400} <= set(LONG)
    assert max(lines.values()) <= 450


def test_every_file_of_the_package_says_what_it_is() -> None:
    silent = [
        path.relative_to(ROOT).as_posix()
        for path in PACKAGE.rglob("*.py")
        if path.stat().st_size and not re.match(r'r?"""\S', path.read_text(encoding="utf-8"))
    ]
    assert silent == []
