"""What every file on the sources' shelf promises, swept over the shelf; nothing is asked of the web."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from transfer.collecting.source import SOURCES, Listing, Source
from transfer.errors import DataError
from transfer.photo import SPLITS


@pytest.fixture(params=list(SOURCES))
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def source(name: str) -> Source:
    return SOURCES[name]


def places(folder: Path) -> dict[str, Path]:
    """For each local source, a place that holds the same three photos of two classes."""
    for title in ("coin/1.png", "coin/2.png", "disc/1.png"):
        (folder / title).parent.mkdir(parents=True, exist_ok=True)
        (folder / title).write_bytes(b"\x89PNG\r\n\x1a\n")
    (folder / "photos.csv").write_text("path,label\ncoin/1.png,coin\ncoin/2.png,coin\ndisc/1.png,disc\n")
    return {"folder": folder, "table": folder / "photos.csv"}


def test_folders_and_tables_are_on_the_shelf() -> None:
    assert {"folder", "table"} <= set(SOURCES)


def test_a_source_says_in_one_line_where_photos_come_from(name: str, source: Source) -> None:
    for line in (source.summary, SOURCES.summary(name)):
        assert 10 < len(line) < 120
        assert line.endswith(".")


def test_a_source_searches_the_web_or_reads_a_place_and_not_both(source: Source) -> None:
    assert (source.search is None) != (source.read is None)
    with pytest.raises(TypeError):
        Source(summary="Nothing.")


def test_a_key_is_named_as_a_variable_of_the_environment(source: Source) -> None:
    assert source.key is None or re.fullmatch(r"[A-Z][A-Z0-9_]+", source.key)
    assert source.read is None or source.key is None, "a place on this machine needs no key"


def test_a_search_is_told_what_is_wanted_how_many_and_by_which_client(source: Source) -> None:
    if source.search is None:
        pytest.skip("it reads a place")
    assert list(inspect.signature(source.search).parameters)[:3] == ["query", "limit", "web"]


def test_a_local_source_lists_candidates_and_opens_none(name: str, source: Source, tmp_path: Path) -> None:
    if source.read is None:
        pytest.skip("it searches the web")
    place = places(tmp_path).get(name)
    if place is None:
        pytest.skip("add a place for it to `places`")
    listing = source.read(place)
    assert isinstance(listing, Listing)
    assert listing.root == tmp_path.resolve()
    assert [(photo.title, photo.label) for photo in listing.photos] == [
        ("coin/1.png", "coin"),
        ("coin/2.png", "coin"),
        ("disc/1.png", "disc"),
    ]
    for photo in listing.photos:
        assert photo.source == name
        assert Path(photo.file_name) == tmp_path.resolve() / str(photo.title)
        assert photo.split in (None, *SPLITS)
        assert (photo.id, photo.sha256, photo.width, photo.height, photo.excluded) == ("", "", 0, 0, None)


def test_a_local_source_refuses_an_empty_place_with_a_sentence(name: str, source: Source, tmp_path: Path) -> None:
    if source.read is None:
        pytest.skip("it searches the web")
    empty = tmp_path
    if name == "table":
        empty = tmp_path / "photos.csv"
        empty.write_text("path,label\n")
    with pytest.raises(DataError) as caught:
        source.read(empty)
    assert caught.value.remedy
