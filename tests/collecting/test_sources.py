"""Three sources against loopback imitations that refuse what the real services refuse."""

from __future__ import annotations

import itertools
import json
import logging
import os
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as draw

from collecting.imitations import flickr as flickr_site
from collecting.imitations import openverse as openverse_site
from collecting.imitations.commons import file as commons_file
from collecting.imitations.commons import say
from collecting.imitations.world import World
from transfer.collecting.answers import Answers
from transfer.collecting.client import client
from transfer.collecting.keys import key
from transfer.collecting.source import SOURCES, Query
from transfer.collecting.sources import commons, flickr, openverse
from transfer.collecting.sources._service import LONGEST, plain
from transfer.errors import CallError, DataError, TransferError
from transfer.licence import Licence
from transfer.photo import Photo
from transfer.web import FetchError

SAMPLES = Path(os.environ.get("TRANSFER_SHARED_REFERENCE", Path(__file__).parents[3] / "shared" / "reference"))


@pytest.fixture
def world():
    world = World()
    yield world
    world.stop()


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLICKR_API_KEY", flickr_site.KEY)
    monkeypatch.setenv("FLICKR_API_SECRET", flickr_site.SECRET)


@pytest.fixture(autouse=True)
def no_keys_of_this_person(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("FLICKR_API_KEY", "FLICKR_API_SECRET", "OPENVERSE_CLIENT_ID", "OPENVERSE_CLIENT_SECRET"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TRANSFER_KEYS", str(tmp_path / "keys.toml"))
    openverse._tokens.clear()


def look_for(world: World, source: str, text: str = "apple", *, limit: int = 100, answers=None, **query):
    search = SOURCES[source].search
    return search(Query(text, **query), limit, world.web(paces=SOURCES[source].terms.paces), answers or Answers())


# --- Flickr ---


def test_flickr_gives_photos_by_relevance_with_author_licence_and_the_wanted_size(world, keys):
    world.flickr.add("apple", 250)
    photos = list(look_for(world, "flickr", limit=100))
    assert [photo.title for photo in photos] == [f"apple {number}" for number in range(250)]
    first = photos[0]
    assert first.page_url == f"https://www.flickr.com/photos/10000@N00/{first.id}"
    assert first.image_url == f"https://live.staticflickr.com/65535/{first.id}_abc_m.jpg"
    assert (first.owner, first.licence, first.uploaded) == ("Maker 0", "CC BY 2.0", "2017-07-14T02:40:00Z")
    assert len(world.flickr.calls) == 3
    assert world.flickr.calls[0]["license"] == "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16"


@pytest.mark.parametrize("total", [str, lambda count: "", lambda count: None])
def test_totals_as_text_or_as_nothing_lose_no_photo(world, keys, total):
    world.flickr.total_as = total
    world.flickr.add("apple", 230)
    assert len(list(look_for(world, "flickr"))) == 230


def test_pages_that_shrink_while_they_are_read_give_what_is_left(world, keys):
    world.flickr.add("apple", 350)
    photos = look_for(world, "flickr")
    some = list(itertools.islice(photos, 100))
    world.flickr.photos["apple"] = world.flickr.photos["apple"][:180]
    rest = list(photos)
    assert [photo.title for photo in some + rest] == [f"apple {number}" for number in range(180)]


def test_flickr_is_asked_lazily_and_no_oftener_than_once_a_second(world, keys):
    world.flickr.add("apple", 1000)
    list(itertools.islice(look_for(world, "flickr"), 150))
    assert len(world.flickr.calls) == 2
    assert world.clock.slept == [1.0]


def test_flickr_repeats_across_pages_are_dropped_and_a_page_of_repeats_ends_the_search(world, keys):
    world.flickr.add("apple", 100)
    world.flickr.photos["apple"] += world.flickr.photos["apple"][:300]
    world.flickr.add("apple", 100, start=100)
    photos = list(look_for(world, "flickr"))
    assert len(photos) == 100  # the second page brought nothing new


def test_past_4000_photos_windows_of_upload_date_bring_every_photo_once(world, keys):
    world.flickr.add("apple", 9500)
    photos = list(look_for(world, "flickr", limit=500))
    assert sorted(int(photo.id) for photo in photos) == sorted(
        int(entry["id"]) for entry in world.flickr.photos["apple"]
    )
    assert all(int(call["page"]) <= 8 for call in world.flickr.calls)


def test_where_flickr_has_none_of_the_licences_it_is_not_asked_for_all_that_it_has(world, keys):
    world.flickr.add("apple", 5, licence="4")
    assert list(look_for(world, "flickr", licences=frozenset({"pd"}))) == []
    assert world.flickr.calls == []


def test_flickr_dates_and_licences_are_asked_of_the_service(world, keys):
    world.flickr.add("apple", 5, licence="4")
    world.flickr.add("apple", 5, start=5, licence="2")
    found = list(
        look_for(world, "flickr", licences=frozenset({"by"}), since=date(2017, 7, 14), until=date(2017, 7, 14))
    )
    assert [photo.title for photo in found] == [f"apple {number}" for number in range(5)]
    assert world.flickr.calls[0]["license"] == "4,11"


def test_the_last_day_that_there_is_may_be_asked_for(world, keys):
    world.flickr.add("apple", 2)
    assert len(list(look_for(world, "flickr", until=date.max))) == 2
    assert int(world.flickr.calls[0]["max_upload_date"]) == 253_402_300_799


@pytest.mark.parametrize(
    "fault",
    [
        lambda asking: flickr_site.fail(asking, 105, "Service currently unavailable"),
        lambda asking: flickr_site.fail(asking, 201, "Sorry, the Flickr API service is not currently available."),
        lambda asking: asking.answer(200, b"<html>busy</html>", Content_Type="text/html"),
        lambda asking: asking.answer(200, b""),
        lambda asking: asking.answer(502, b"<html>bad gateway</html>"),
        lambda asking: asking.answer(429, b"<html><body><h1>429 Too Many Requests</h1>"),
        lambda asking: asking.answer(429, b"<html>", Retry_After="20"),
        lambda asking: asking.hang_up(),
    ],
)
def test_passing_faults_of_flickr_are_asked_again_with_a_new_signature(world, keys, fault):
    world.flickr.add("apple", 3)
    world.flickr.faults += [fault, fault]
    assert len(list(look_for(world, "flickr"))) == 3
    assert sum(world.clock.slept) > 1


def test_a_key_that_flickr_refuses_is_said_without_the_key(world, monkeypatch, caplog, capfd):
    monkeypatch.setenv("FLICKR_API_KEY", "mine-and-secret")
    monkeypatch.setenv("FLICKR_API_SECRET", "more-secret")
    with caplog.at_level(logging.DEBUG), pytest.raises(DataError, match="does not accept the key") as caught:
        list(look_for(world, "flickr"))
    talk = f"{caught.value!r} {caught.value.__cause__} {caplog.text} {''.join(capfd.readouterr())}"
    assert "secret" not in talk


def test_without_a_key_flickr_says_what_to_do(world):
    with pytest.raises(CallError, match=r"Set FLICKR_API_KEY .* or use --source openverse"):
        SOURCES["flickr"].prepare(world.web())


def test_flickr_that_fails_for_ever_is_given_up(world, keys):
    world.flickr.faults += [lambda asking: asking.answer(502, b"<html>")] * 50
    with pytest.raises(FetchError):
        list(look_for(world, "flickr"))
    assert len(world.flickr.faults) >= 40


def test_licence_ids_are_all_known_and_an_unknown_one_is_no_licence():
    assert set(flickr.LICENCES) == {str(id) for id in range(17)}
    assert flickr.LICENCES["16"].name == "CC BY-NC-ND 4.0"
    photos, _ = flickr.parse_page({"photos": {"photo": [flickr_site.entry("apple", 1, licence="99")]}}, 500)
    assert photos[0].licence is None


def test_sizes_that_are_absent_or_of_mixed_types_are_read(world):
    entry = flickr_site.entry("apple", 1) | {"width_z": 640, "height_z": "900", "url_l": None, "width_l": ""}
    photos, total = flickr.parse_page({"photos": {"total": "12", "photo": [entry, {"id": "7"}, "x"]}}, 600)
    assert [photo.image_url.rsplit("_", 1)[1] for photo in photos] == ["z.jpg"]
    assert total == 12


HOSTILE = "../../etc \x1b[2J\u202ename\ud800 \n<b>"


def test_hostile_titles_become_one_plain_line():
    entry = flickr_site.entry("apple", 1) | {"title": HOSTILE, "ownername": HOSTILE}
    photos, _ = flickr.parse_page({"photos": {"photo": [entry]}}, 500)
    assert photos[0].title == "../../etc [2Jname <b>"
    photos[0].owner.encode()


def test_a_text_of_nothing_but_opened_tags_takes_no_longer_than_another():
    assert plain("<" * 1_000_000, markup=True) == "<" * LONGEST  # an hour, if each were looked for to the end
    assert plain("5 < 6 and <b\nclass='x'>bold</b>", markup=True) == "5 < 6 and bold"


NAMES = [
    "photos",
    "photo",
    "id",
    "owner",
    "url_m",
    "width_m",
    "results",
    "url",
    "license",
    "imageinfo",
    "pageid",
    "index",
]
JSON = draw.recursive(
    draw.none() | draw.booleans() | draw.integers() | draw.text(),
    lambda inner: draw.lists(inner) | draw.dictionaries(draw.sampled_from(NAMES) | draw.text(max_size=3), inner),
    max_leaves=8,
)


@given(JSON)
def test_no_json_breaks_a_parser(found):
    document = found if isinstance(found, dict) else {"photos": found, "results": found}
    photos, total = flickr.parse_page(document, 500)
    held: dict = {}
    commons.merge(held, {"query": {"pages": [document]}})
    found = [*photos, *openverse.parse_page(document), *commons.parse_page(held.values())]
    assert all(isinstance(photo, Photo) and photo.image_url.startswith("http") for photo in found)
    assert isinstance(total, int)


# --- Openverse ---


def test_openverse_reaches_240_photos_in_pages_of_20_and_asks_for_no_more(world):
    world.openverse.add("apple", 300)
    photos = list(look_for(world, "openverse"))
    assert [photo.title for photo in photos] == [f"apple {number}" for number in range(240)]
    assert photos[0].licence == "CC BY-SA 4.0"
    assert len(world.openverse.pages) == 12
    assert world.clock.slept == [3.0] * 11


def test_openverse_with_credentials_takes_larger_pages_and_renews_a_token_that_expired(world, monkeypatch):
    monkeypatch.setenv("OPENVERSE_CLIENT_ID", openverse_site.CLIENT)
    monkeypatch.setenv("OPENVERSE_CLIENT_SECRET", openverse_site.SECRET)
    world.openverse.add("apple", 120)
    photos = look_for(world, "openverse")
    some = list(itertools.islice(photos, 48))
    world.openverse.tokens.clear()
    assert len(some + list(photos)) == 120
    assert world.openverse.given == 2
    assert {page["page_size"] for page in world.openverse.pages} == {"48"}


def test_openverse_with_credentials_reaches_as_many_photos_as_without(world, monkeypatch):
    monkeypatch.setenv("OPENVERSE_CLIENT_ID", openverse_site.CLIENT)
    monkeypatch.setenv("OPENVERSE_CLIENT_SECRET", openverse_site.SECRET)
    world.openverse.add("apple", 300)
    assert len(list(look_for(world, "openverse"))) == 240
    assert len(world.openverse.pages) == 5


def test_credentials_that_openverse_refuses_are_said_without_them(world, monkeypatch):
    monkeypatch.setenv("OPENVERSE_CLIENT_ID", "mine")
    monkeypatch.setenv("OPENVERSE_CLIENT_SECRET", "very-secret")
    with pytest.raises(DataError, match="client credentials") as caught:
        list(look_for(world, "openverse"))
    assert "very-secret" not in repr(caught.value)


def test_openverse_rests_before_its_minute_is_used_up_and_after_a_429(world):
    world.openverse.add("apple", 60)
    world.openverse.burst = 1

    def next_minute(asking):
        world.openverse.burst = 1000
        world.openverse.say(asking, 429, {"detail": "Request was throttled."}, Retry_After="38")

    photos = look_for(world, "openverse")
    next(photos)
    world.openverse.faults.append(next_minute)
    assert len(list(photos)) == 59
    assert world.clock.slept[0] == 60
    assert 38 in world.clock.slept


def test_when_the_day_is_used_up_openverse_is_left_alone_and_the_next_day_goes_on(world, workspace):
    world.openverse.add("apple", 100)
    world.openverse.today = 2
    answers = Answers(workspace)
    photos = look_for(world, "openverse", answers=answers)
    assert len(list(itertools.islice(photos, 40))) == 40
    with pytest.raises(FetchError, match="goes on from here tomorrow"):
        next(photos)
    assert len(world.openverse.pages) == 2  # the third was not asked for in vain
    with pytest.raises(FetchError, match="goes on from here tomorrow") as caught:
        list(look_for(world, "openverse", answers=answers))  # another process, which knows nothing of it
    assert (caught.value.reason, caught.value.wait) == ("busy", 40000)
    world.openverse.today = 200
    assert len(list(look_for(world, "openverse", answers=answers))) == 100
    assert len(world.openverse.pages) == 2 + 1 + 3


def test_nulls_short_pages_and_an_unknown_licence_are_read_as_they_are():
    result = openverse_site.result("apple", 1) | {"title": None, "creator": None, "license_version": None}
    photos = openverse.parse_page(
        {"results": [result, result | {"license": "sampling+"}, result | {"url": "file:///x"}]}
    )
    assert [photo.licence for photo in photos] == ["CC BY-SA", None]
    assert (photos[0].title, photos[0].owner) == (None, None)


def test_a_question_that_openverse_refuses_is_said(world):
    world.openverse.faults.append(lambda asking: world.openverse.say(asking, 400, {"detail": {"q": ["no"]}}))
    with pytest.raises(DataError, match="does not take this question"):
        list(look_for(world, "openverse"))


# --- Commons ---


def test_commons_gives_photos_by_rank_though_its_pages_come_shuffled(world):
    world.commons.add("red apple", 120)
    photos = list(look_for(world, "commons", "red apple"))
    assert [photo.title for photo in photos] == [f"red apple {number}" for number in range(120)]
    first = photos[0]
    assert first.image_url.endswith("/red_apple_0.jpg/500px-red_apple_0.jpg")
    assert (first.owner, first.licence) == ("Jane & Joe", "CC BY-SA 4.0")
    assert len(world.commons.asked) == 3
    assert world.host.most_at_once == 1


def test_infos_that_come_in_a_further_answer_are_merged(world):
    world.commons.apart = True
    world.commons.add("apple", 70)
    assert [photo.title for photo in look_for(world, "commons")] == [f"apple {number}" for number in range(70)]


def test_a_contact_that_no_header_takes_is_refused_before_anything_is_asked():
    with pytest.raises(CallError, match="plain ASCII"):
        client({}, contact="Łukasz <l@x.org>")


def test_commons_without_a_contact_is_not_asked_and_would_refuse(world):
    with pytest.raises(CallError, match="TRANSFER_CONTACT"):
        SOURCES["commons"].prepare(world.web(contact=None))
    search = SOURCES["commons"].search(Query("apple"), 10, world.web(contact=None), Answers())
    with pytest.raises(DataError, match="refuses this client"):
        next(search)


def test_lag_is_waited_for_as_long_as_commons_asks(world):
    lag = {"error": {"code": "maxlag", "info": "Waiting for 10.0.0.1: 6.2 seconds lagged."}}
    world.commons.faults += [lambda asking: say(asking, lag, Retry_After="5")] * 2
    world.commons.add("apple", 3)
    assert len(list(look_for(world, "commons"))) == 3
    assert [seconds for seconds in world.clock.slept if seconds == 5] == [5, 5]


def test_nothing_found_is_no_error(world):
    assert list(look_for(world, "commons", "nothing")) == []
    assert list(look_for(world, "openverse", "nothing")) == []


def test_files_that_are_no_photos_or_not_free_are_left_out_and_missing_terms_are_no_licence():
    fair, odd, bare, sketch = (commons_file("apple", number) for number in range(4))
    odd["imageinfo"][0]["extmetadata"]["NonFree"] = {"value": "true"}
    bare["imageinfo"][0]["extmetadata"] = []
    sketch["imageinfo"][0]["mime"] = "image/svg+xml"
    photos = commons.parse_page([fair, odd, bare, sketch, {"pageid": 9, "filehidden": True}])
    assert [photo.licence for photo in photos] == ["CC BY-SA 4.0", None]


# --- what they share ---


@pytest.mark.parametrize("source", ["flickr", "openverse", "commons"])
def test_a_search_that_is_run_again_asks_for_nothing_twice(world, keys, workspace, source):
    for site in (world.flickr, world.openverse, world.commons):
        site.add("apple", 230)
    some = list(itertools.islice(look_for(world, source, answers=Answers(workspace)), 30))
    asked = len(world.host.asked)
    again = look_for(world, source, answers=Answers(workspace))
    assert list(itertools.islice(again, 15)) == some[:15]
    assert len(world.host.asked) == asked
    assert len(list(again)) == 215
    for file in workspace.searches.iterdir():
        assert flickr_site.KEY not in file.read_text()


def test_a_file_of_keys_is_read_only_where_others_cannot(tmp_path):
    file = tmp_path / "keys.toml"
    file.write_text('flickr_api_key = "abc"\n')
    file.chmod(0o644)
    with pytest.raises(CallError, match="chmod 600") as caught:
        key("FLICKR_API_KEY")
    assert "abc" not in str(caught.value)
    file.chmod(0o600)
    assert key("FLICKR_API_KEY") == "abc"
    file.write_text("abc")
    with pytest.raises(TransferError) as caught:
        key("FLICKR_API_KEY")
    assert "abc" not in str(caught.value)


def sample(name: str) -> dict:
    path = SAMPLES / "api-samples" / name
    if not path.is_file():
        pytest.skip("the recorded answers are not here: set TRANSFER_SHARED_REFERENCE to their folder")
    return json.loads(path.read_text())


@pytest.mark.shared
def test_the_sample_answers_are_read():
    photos, total = flickr.parse_page(sample("flickr_search_page1.json"), 500)
    assert (len(photos), total, photos[0].licence) == (3, 5, "CC BY 2.0")
    assert photos[0].image_url == "https://live.staticflickr.com/65535/50000000001_abc0000001.jpg"
    assert flickr.parse_page(sample("flickr_search_page2.json"), 500)[1] == 5
    names = {entry["id"]: entry for entry in sample("flickr_licenses.json")["licenses"]["license"]}
    for id, licence in flickr.LICENCES.items():
        assert licence.url is None or licence.url == names[id]["url"]
    assert len(openverse.parse_page(sample("openverse_page1.json"))) > 1
    held: dict = {}
    commons.merge(held, sample("commons_page1.json"))
    assert [photo.licence for photo in commons.parse_page(held.values())][:1] == ["CC BY-SA 4.0"]
    assert all(photo.page_url for photo in commons.parse_page(held.values()))


def test_licences_are_read_from_names_codes_and_links():
    assert Licence.parse("cc-by-nc-nd-4.0").name == "CC BY-NC-ND 4.0"
    assert Licence.parse("https://creativecommons.org/publicdomain/zero/1.0/") == Licence("cc0")
    assert Licence.parse("CC BY-SA 3.0 de") == Licence("by-sa", "3.0")
    assert Licence.parse("Public domain") == Licence("pd")
    assert [Licence.parse(text) for text in ("", None, "GFDL", "by-xx 2.0", "bynd")] == [None] * 5
    assert Licence("by-nc-nd", "2.0").flags == ("no commerce", "no changed copies")
    for licence in flickr.LICENCES.values():
        assert Licence.parse(licence.name) == licence
        assert licence.url is None or Licence.parse(licence.url) in (licence, None)
