"""A shelf is a folder: listing reads names, and only asking for a member imports it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from transfer.errors import CallError
from transfer.shelf import Shelf


@pytest.fixture
def fruits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    """A shelf of two fruits, one of which must not be imported, and a file that they share."""
    folder = tmp_path / "orchard" / "fruits"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").touch()
    (folder / "__init__.py").touch()
    (folder / "_skin.py").write_text('"""Shared."""\ncolour = "green"\n')
    (folder / "apple.py").write_text(
        '"""Round and keeps for months.\n\nGood in cake."""\nfrom orchard.fruits._skin import colour\nfruit = colour\n'
    )
    (folder / "quince.py").write_text('"""Hard."""\n\nraise RuntimeError("imported")\n')
    (folder / "notes.txt").write_text("no entry")
    monkeypatch.syspath_prepend(tmp_path)
    yield Shelf("orchard.fruits", "fruit")
    for name in [name for name in sys.modules if name.split(".")[0] == "orchard"]:
        del sys.modules[name]


def test_the_entries_are_the_files_in_order_and_nothing_else(fruits: Shelf) -> None:
    assert list(fruits) == ["apple", "quince"]
    assert len(fruits) == 2


@pytest.mark.parametrize("name", ["_skin", "__init__", "notes", "pear", ""])
def test_what_is_no_entry_is_not_on_the_shelf(fruits: Shelf, name: str) -> None:
    assert name not in fruits
    with pytest.raises(CallError):
        fruits[name]


def test_listing_looking_and_summing_up_import_no_member(fruits: Shelf) -> None:
    assert "quince" in fruits
    assert [fruits.summary(name) for name in fruits] == ["Round and keeps for months.", "Hard."]
    assert not {"orchard.fruits.apple", "orchard.fruits.quince"} & set(sys.modules)


def test_a_member_is_the_value_of_the_kinds_name_in_its_file(fruits: Shelf) -> None:
    assert fruits["apple"] == "green"
    assert "orchard.fruits.quince" not in sys.modules


def test_a_new_file_is_a_new_entry_at_once(fruits: Shelf, tmp_path: Path) -> None:
    (tmp_path / "orchard" / "fruits" / "pear.py").write_text('"""Soft."""\nfruit = "yellow"\n')
    assert list(fruits) == ["apple", "pear", "quince"]
    assert fruits["pear"] == "yellow"


def test_a_file_without_a_docstring_has_an_empty_summary(fruits: Shelf, tmp_path: Path) -> None:
    (tmp_path / "orchard" / "fruits" / "plum.py").write_text("fruit = 1\n")
    assert fruits.summary("plum") == ""


def test_an_unknown_name_suggests_the_nearest(fruits: Shelf) -> None:
    with pytest.raises(CallError, match=r"no fruit of this name. Received: aple. Did you mean apple\?"):
        fruits["aple"]


def test_a_name_near_to_nothing_gets_the_whole_list(fruits: Shelf) -> None:
    with pytest.raises(CallError, match=r"Known: apple, quince\."):
        fruits["xyz"]


def test_an_empty_shelf_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bare_orchard").mkdir()
    (tmp_path / "bare_orchard" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(CallError, match="Known: none yet"):
        Shelf("bare_orchard", "fruit")["apple"]
