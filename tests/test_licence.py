"""Licences as people write them: understood whole or not at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as draw

from transfer.licence import Licence

CONDITIONS = ("by", "by-sa", "by-nc", "by-nd", "by-nc-sa", "by-nc-nd")
SEPARATORS = draw.sampled_from([" ", "-", "  "])


@pytest.mark.parametrize(
    ("text", "licence"),
    [
        ("CC BY NC", Licence("by-nc")),
        ("CC BY SA", Licence("by-sa")),
        ("cc by nd", Licence("by-nd")),
        ("BY NC", Licence("by-nc")),
        ("CC BY-NC SA", Licence("by-nc-sa")),
        ("CC BY NC SA 4.0", Licence("by-nc-sa", "4.0")),
        ("CC BY-SA 3.0 de", Licence("by-sa", "3.0")),
        ("cc-by-2.5-in", Licence("by", "2.5")),
        ("CC BY 4.0 NC", None),
        ("CC BY-SA 4.0 nd", None),
        ("CC BY de", None),
    ],
)
def test_a_condition_after_a_blank_is_one_and_a_country_stands_after_the_version_alone(text, licence):
    assert Licence.parse(text) == licence


@pytest.mark.parametrize(
    "text",
    [
        "https://creativecommons.org/licenses/by%2Dnc/4.0",
        "https://creativecommons.org/licenses/by_nc/4.0",
        "https://creativecommons.org/licenses/by/4.0 NC",
        "https://creativecommons.org/licenses/by/4.0-nc",
        "https://creativecommons.org/licenses/by/4.0/nc",
        "https://creativecommons.org/licenses/by/4.0/nc/deed.en",
        "https://creativecommons.org/licenses/by/4.0 (noncommercial use only)",
        "https://creativecommons.org/licenses/by/4.0/?ref=here (noncommercial use only)",
        "https://creativecommons.org/publicdomain/zero/1.0/ for the text only",
        "https://creativecommons.org/publicdomain/mark/1.0/ does not apply",
        "CC0 for the text only, photo all rights reserved",
        "CC BY 4.0; NonCommercial",
        "Public Domain Mark does not apply",
        "PD-not at all",
    ],
)
def test_what_says_more_than_a_licence_is_none(text):
    assert Licence.parse(text) is None


@pytest.mark.parametrize(
    ("text", "licence"),
    [
        ("https://creativecommons.org/licenses/by-sa/3.0/", Licence("by-sa", "3.0")),
        ("http://www.creativecommons.org/licenses/by/2.0", Licence("by", "2.0")),
        ("https://creativecommons.org/licenses/by-nc/4.0/deed.en", Licence("by-nc", "4.0")),
        ("https://creativecommons.org/licenses/by-sa/3.0/us/deed.en_US", Licence("by-sa", "3.0")),
        ("https://creativecommons.org/licenses/by/2.5/scotland/legalcode", Licence("by", "2.5")),
        ("https://creativecommons.org/licenses/by-nd/4.0/?ref=chooser-v1", Licence("by-nd", "4.0")),
        ("https://creativecommons.org/licenses/by/", Licence("by")),
        ("https://creativecommons.org/publicdomain/zero/1.0/deed.zh-hans", Licence("cc0")),
        ("https://creativecommons.org/publicdomain/mark/1.0/", Licence("pdm")),
        ("CC0 1.0 Universal (CC0 1.0) Public Domain Dedication", Licence("cc0")),
        ("cc-zero", Licence("cc0")),
        ("Public Domain Mark 1.0 Universal", Licence("pdm")),
        ("PD-US-expired", Licence("pd")),
    ],
)
def test_the_usual_links_and_full_names_are_understood(text, licence):
    assert Licence.parse(text) == licence


@given(
    draw.sampled_from(CONDITIONS),
    draw.sampled_from([None, "2.0", "4.0"]),
    draw.lists(SEPARATORS, min_size=6, max_size=6),
    draw.sampled_from([str.lower, str.upper]),
)
def test_a_licence_is_the_same_whatever_stands_between_its_parts(code, version, separators, case):
    parts = ["cc", *code.split("-"), *([version] if version else [])]
    written = "".join(part + (" " if mark == "  " else mark) for part, mark in zip(parts, separators, strict=False))
    assert Licence.parse(case(written.rstrip(" -"))) == Licence(code, version)


@given(
    draw.lists(draw.sampled_from(["nc", "nd", "sa", "3.0", "de", "xx"]), max_size=4).map(lambda more: ["by", *more]),
    draw.lists(SEPARATORS, min_size=5, max_size=5),
)
def test_no_licence_is_read_as_a_weaker_one(parts, separators):
    licence = Licence.parse("".join(part + mark for part, mark in zip(parts, separators, strict=False)).rstrip(" -"))
    if licence is not None:
        assert set(licence.code.split("-")) == {"by", "nc", "nd", "sa"} & set(parts)
