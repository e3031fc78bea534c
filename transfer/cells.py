"""Cells: other people's words in a table that a person may open in a spreadsheet.

It owns one thing: a cell that begins like a formula would be run there, so it is written with an apostrophe before it,
and read back without.
"""

from __future__ import annotations

STARTS = ("=", "+", "-", "@", "\t", "\r")


def guarded(text: str) -> str:
    """As it is written.

    >>> guarded("=HYPERLINK(1)"), guarded("tabby")
    ("'=HYPERLINK(1)", 'tabby')
    """
    return f"'{text}" if text.startswith(STARTS) else text


def bare(text: str) -> str:
    """As it was before.

    >>> bare("'=HYPERLINK(1)"), bare("'tis"), bare("-x")
    ('=HYPERLINK(1)', "'tis", '-x')
    """
    return text[1:] if text.startswith("'") and text[1:].startswith(STARTS) else text
