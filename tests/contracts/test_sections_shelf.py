"""What every file on the sections' shelf promises: a place of its own, markup or nothing, and no look at the disk."""

from __future__ import annotations

import ast
import importlib
import inspect
from pathlib import Path

import pytest
from markupsafe import Markup

import transfer.reporting
from transfer.manifest import Manifest
from transfer.photo import Photo
from transfer.reporting.evidence import Evidence
from transfer.reporting.section import SECTIONS, Section

TEMPLATES = Path(transfer.reporting.__file__).parent / "templates"
READERS = {"open", "Path", "read_text", "read_bytes", "read_runs", "predictions", "history", "urlopen"}


@pytest.fixture(params=list(SECTIONS))
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def bare() -> Evidence:
    """Two photos and not a single finished run."""
    photos = [Photo(id=label, file_name=label, label=label, source="folder") for label in ("<cat>", "dog")]
    manifest = Manifest(tuple(photos))
    return Evidence(
        "<title>", manifest, manifest.training_digest(), "test", results=(), pairs=(), omnibus=(), failed=()
    )


def test_a_section_has_a_title_and_a_body(name: str) -> None:
    section = SECTIONS[name]
    assert isinstance(section, Section)
    assert section.title[0].isupper()
    assert list(inspect.signature(section.body).parameters) == ["evidence"]


def test_no_two_sections_stand_in_one_place_or_bear_one_title() -> None:
    sections = [SECTIONS[name] for name in SECTIONS]
    assert len({section.place for section in sections}) == len(sections)
    assert len({section.title for section in sections}) == len(sections)


def test_the_verdict_comes_first_and_the_provenance_late() -> None:
    places = {name: SECTIONS[name].place for name in SECTIONS}
    assert min(places, key=lambda name: places[name]) == "verdict"
    assert places["provenance"] > places["arms"] > places["verdict"]


def test_its_markup_lies_in_a_template_of_its_name(name: str) -> None:
    assert (TEMPLATES / f"{name}.html").is_file()


def test_it_says_in_one_line_what_it_shows(name: str) -> None:
    summary = SECTIONS.summary(name)
    assert 20 < len(summary) < 120
    assert summary.endswith(".")


def test_without_any_run_it_says_something_sound_or_nothing(name: str, bare: Evidence) -> None:
    body = SECTIONS[name].body(bare)
    assert body is None or isinstance(body, Markup)
    assert "<cat>" not in str(body)
    assert "<title>" not in str(body)


def test_it_reads_no_file_and_no_run(name: str) -> None:
    module = importlib.import_module(f"{SECTIONS.package}.{name}")
    tree = ast.parse(Path(module.__file__ or "").read_text(encoding="utf-8"))
    called = {
        node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
    }
    assert not READERS & called
