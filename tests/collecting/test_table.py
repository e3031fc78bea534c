from __future__ import annotations

import json
from pathlib import Path

import pytest

from transfer.collecting.sources.table import read
from transfer.errors import DataError


def table(folder: Path, text: str, name: str = "photos.csv") -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def rows(path: Path) -> list[tuple[str | None, str, str | None]]:
    return [(photo.title, photo.label, photo.split) for photo in read(path).photos]


@pytest.mark.parametrize("path", ["path", "file", "file_name", "image", "Filename"])
@pytest.mark.parametrize("label", ["label", "class"])
def test_columns_are_known_by_any_usual_name(tmp_path, path, label):
    listing = read(table(tmp_path, f"id,{label},{path}\n7,cat,a/1.jpg\n8,dog,b/2.jpg\n"))
    assert [(photo.title, photo.label) for photo in listing.photos] == [("a/1.jpg", "cat"), ("b/2.jpg", "dog")]
    assert listing.photos[0].file_name == str(tmp_path / "a" / "1.jpg")
    assert not listing.complete


@pytest.mark.parametrize(
    ("name", "sign"), [("t.csv", ","), ("t.csv", ";"), ("t.csv", "\t"), ("t.csv", "|"), ("t.tsv", "\t")]
)
def test_the_delimiter_is_told_from_the_header(tmp_path, name, sign):
    path = table(tmp_path, f'path{sign}label\n"a,b;c.jpg"{sign}cat\n', name)
    assert rows(path) == [("a,b;c.jpg", "cat", None)]


def test_a_byte_order_mark_blank_lines_and_spaces_do_no_harm(tmp_path):
    assert rows(table(tmp_path, "\ufeffpath, label\r\n\r\n 1.jpg , cat \r\n,\r\n")) == [("1.jpg", "cat", None)]


@pytest.mark.parametrize("column", ["split", "part", "subset"])
def test_three_given_splits_are_kept_and_blank_ones_undecided(tmp_path, column):
    text = f"path,label,{column}\n1.jpg,cat,Train\n2.jpg,cat,val\n3.jpg,cat,test\n4.jpg,cat,\n5.jpg,cat\n"
    assert [split for _, _, split in rows(table(tmp_path, text))] == ["train", "validation", "test", None, None]


def test_of_two_given_splits_the_second_is_the_test_split(tmp_path):
    assert [split for _, _, split in rows(table(tmp_path, "path,label,split\n1,cat,train\n2,cat,valid\n"))] == [
        None,
        "test",
    ]


def test_a_test_split_beside_blank_ones_is_kept(tmp_path):
    path = table(tmp_path, "path,label,split\n1,cat,test\n2,cat,\n3,dog,test\n4,dog,\n")
    assert [split for _, _, split in rows(path)] == ["test", None, "test", None]


@pytest.mark.parametrize("text", ["1,cat,test\n2,dog,test\n", "1,cat,train\n2,dog,\n", "1,cat,val\n2,dog,\n"])
def test_any_other_part_alone_says_nothing(tmp_path, text):
    assert {split for _, _, split in rows(table(tmp_path, f"path,label,split\n{text}"))} == {None}


def test_columns_of_a_parquet_that_are_not_asked_for_may_hold_anything_and_no_value_is_an_empty_cell(tmp_path):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow", reason="Parquet is read by pyarrow")
    frame = pandas.DataFrame(
        {
            "path": ["1.jpg", "2.jpg"],
            "label": pandas.array([7, 8], dtype="Int64"),
            "author": pandas.array([42, None], dtype="Int64"),
            "split": ["train", None],
            "page": pandas.to_datetime(["2024-01-01", None]),
            "boxes": [[1, 2], [3, 4]],
            "score": [0.5, float("nan")],
        }
    )
    frame.to_parquet(tmp_path / "photos.parquet")
    photos = read(tmp_path / "photos.parquet").photos
    assert [(photo.title, photo.label, photo.owner) for photo in photos] == [("1.jpg", "7", "42"), ("2.jpg", "8", None)]
    assert photos[1].page_url is None


def test_a_list_in_a_column_that_is_asked_for_is_no_traceback(tmp_path):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow", reason="Parquet is read by pyarrow")
    frame = pandas.DataFrame({"path": ["1.jpg"], "label": ["cat"], "split": [["train", "test"]]})
    frame.to_parquet(tmp_path / "photos.parquet")
    with pytest.raises(DataError, match="names splits that are none"):
        read(tmp_path / "photos.parquet")


def test_unknown_splits_are_an_error_that_names_them(tmp_path):
    with pytest.raises(DataError, match="'holdout', 'tset'"):
        read(table(tmp_path, "path,label,split\n1.jpg,cat,tset\n2.jpg,cat,holdout\n3.jpg,cat,test\n"))


def test_absolute_paths_and_paths_that_climb_are_taken_as_written(tmp_path):
    (tmp_path / "tables").mkdir()
    path = table(tmp_path / "tables", f"path,label\n../a.jpg,cat\n/elsewhere/b.jpg,cat\n{tmp_path}/tables/c.jpg,cat\n")
    assert [photo.file_name for photo in read(path).photos] == [
        str(tmp_path / "a.jpg"),
        "/elsewhere/b.jpg",
        str(tmp_path / "tables" / "c.jpg"),
    ]
    assert [title for title, _, _ in rows(path)] == ["../a.jpg", "/elsewhere/b.jpg", "c.jpg"]


def test_a_row_said_twice_counts_once(tmp_path):
    listing = read(table(tmp_path, "path,label\n1.jpg,cat\n./1.jpg,cat\n"))
    assert (len(listing.photos), listing.ignored) == (1, 1)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "empty"),
        ("path,label\n", "no row"),
        ("path,colour\n1.jpg,cat\n", "path, colour"),
        ("1.jpg,cat\n2.jpg,dog\n", "lacks a column"),
        ("path,label\n,cat\n", "line 2"),
        ("path,label\n1.jpg,cat\n2.jpg,\n", "line 3"),
        ("path,label\n1.jpg,a/b\n", "slash"),
        ("path,label\n1.jpg,..\n", "dots"),
        ("path,label\n1.jpg,.net\n", "A label begins with a dot, as hidden folders.*line 2.*Rename the class"),
        ("path,label\n1.jpg,cat\n1.jpg,dog\n", "line 3: 1.jpg is cat and dog"),
        ("path,label,split\n1.jpg,cat,train\n1.jpg,cat,test\n", "line 3: 1.jpg is cat in train and cat in test"),
    ],
)
def test_a_table_that_cannot_be_used_says_where_and_why(tmp_path, text, told):
    with pytest.raises(DataError, match=told):
        read(table(tmp_path, text))


@pytest.mark.parametrize("column", ["url", "label", "author", "licence", "page"])
@pytest.mark.parametrize("sign", ["\\u0000", "\\ud800"])
def test_a_row_that_holds_what_is_no_text_is_named(tmp_path, column, sign):
    rows = [{"url": "https://museum.example/1.jpg", "label": "cat", "author": "Ann", "licence": "cc0", "page": "p"}] * 2
    lines = [json.dumps(row) for row in rows]
    lines[1] = json.dumps(rows[1] | {column: rows[1][column] + "SIGN"}).replace("SIGN", sign)
    with pytest.raises(DataError, match=r"holds a NUL or half a surrogate.* line 2\. Mend the row"):
        read(table(tmp_path, "\n".join(lines), "photos.jsonl"))


def test_a_table_of_records_without_bottom_is_a_sentence(tmp_path):
    with pytest.raises(DataError, match=r"cannot be read.*photos\.jsonl.*one JSON object a line"):
        read(table(tmp_path, "[" * 100_000, "photos.jsonl"))


def test_a_table_in_another_encoding_says_which_is_wanted(tmp_path):
    (tmp_path / "t.csv").write_bytes("path,label\n1.jpg,caf\u00e9\n".encode("latin-1"))
    with pytest.raises(DataError, match="UTF-8"):
        read(tmp_path / "t.csv")
