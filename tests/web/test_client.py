"""The polite client against a host on this machine that plays every fault; no test waits."""

from __future__ import annotations

import gzip
import threading

import pytest
from collecting.imitations.host import Asking, Clock, Host

from transfer.web import Answer, FetchError, Pace, Policy, Web, address
from transfer.web.client import MOST_BUSY, MOST_FAILED
from transfer.web.pace import CALM, LONGEST, Turns

FAST = {"allow_loopback": True, "silence": 0.3, "total": 30.0}


@pytest.fixture
def web(clock: Clock):
    with Web(Policy(**FAST), clock=clock, sleep=clock.sleep, random=lambda: 0.0) as web:
        yield web


def fault(web: Web, url: str, **how: object) -> FetchError:
    with pytest.raises(FetchError) as caught:
        web.get(url, **how)
    return caught.value


def sequence(*answers):
    """Each request gets the next answer, the last one for ever."""
    rest = list(answers)

    def answer(asking: Asking) -> None:
        (rest.pop(0) if len(rest) > 1 else rest[0])(asking)

    return answer


def good(asking: Asking) -> None:
    asking.answer(200, b"all of it", Content_Type="image/jpeg")


def status(code: int, content: bytes = b"", **headers: str):
    return lambda asking: asking.answer(code, content, **headers)


# --- answers ---


def test_an_answer_carries_status_headers_content_and_where_it_came_from(web: Web, host: Host):
    host.answers["/a"] = good
    answer = web.get(f"{host.url}/a")
    assert isinstance(answer, Answer)
    assert (answer.status, answer.content, answer.url) == (200, b"all of it", f"{host.url}/a")
    assert answer.headers["content-type"] == "image/jpeg"


def test_a_connection_is_used_again_and_a_closed_one_replaced_without_a_fault(web: Web, host: Host):
    ports = []

    def once_more(asking: Asking) -> None:
        ports.append(asking.handler.client_address[1])
        good(asking)
        asking.handler.close_connection = len(ports) == 2

    host.answers["/a"] = once_more
    for _ in range(4):
        assert web.get(f"{host.url}/a", attempts=1).content == b"all of it"
    assert len(set(ports)) == 2


def test_the_user_agent_names_who_runs_it(host: Host):
    host.answers["/a"] = good
    with Web(Policy(contact="me@example.org", **FAST)) as web:
        web.get(f"{host.url}/a")
    assert host.asked[0].headers["User-Agent"].endswith("(me@example.org)")
    assert host.asked[0].headers["User-Agent"].startswith("transfer/")


def test_an_address_is_asked_at_its_route_and_keeps_its_name(host: Host):
    host.answers["/pictures/a"] = good
    policy = Policy(routes={"https://photos.example": f"{host.url}/pictures"}, **FAST)
    with Web(policy) as web:
        assert web.get("https://photos.example/a").url == "https://photos.example/a"
    assert host.asked[0].headers["Host"] == "photos.example"


def test_final_statuses_are_answers_and_are_asked_for_once(web: Web, host: Host):
    for code in (400, 401, 403, 404, 410, 451):
        host.answers[f"/{code}"] = status(code)
        assert web.get(f"{host.url}/{code}").status == code
    assert len(host.asked) == 6


# --- coming again ---


@pytest.mark.parametrize("code", [408, 500, 502, 504, 507, 509, 520, 527, 530])
def test_passing_faults_are_asked_again_with_growing_pauses(web: Web, host: Host, clock: Clock, code: int):
    host.answers["/a"] = sequence(status(code), status(code), status(code, b"<html>"), good)
    assert web.get(f"{host.url}/a").content == b"all of it"
    assert clock.slept == [1.0, 2.0, 4.0]


def test_chance_shortens_a_pause_by_up_to_half(host: Host, clock: Clock):
    host.answers["/a"] = sequence(status(500), good)
    with Web(Policy(**FAST), clock=clock, sleep=clock.sleep, random=lambda: 1.0) as web:
        web.get(f"{host.url}/a")
    assert clock.slept == [0.5]


def test_a_host_that_fails_for_ever_is_given_up(web: Web, host: Host):
    host.answers["/a"] = status(502, b"<html>bad gateway</html>")
    assert fault(web, f"{host.url}/a").reason == "server_error"
    assert len(host.asked) == 5


@pytest.mark.parametrize("code", [429, 503])
def test_retry_after_in_seconds_rests_the_whole_host(web: Web, host: Host, clock: Clock, code: int):
    host.answers["/a"] = sequence(status(code, Retry_After="38"), good)
    host.answers["/b"] = good
    assert fault(web, f"{host.url}/a", attempts=1).wait == 38
    web.get(f"{host.url}/b")
    assert clock.slept == [38.0]


def test_retry_after_as_a_date_is_counted_from_the_hosts_own_date(web: Web, host: Host, clock: Clock):
    def tired(asking: Asking) -> None:
        asking.handler.send_response_only(429)
        asking.handler.send_header("Date", "Sat, 21 Nov 2026 10:00:00 GMT")
        asking.handler.send_header("Retry-After", "Sat, 21 Nov 2026 10:00:20 GMT")
        asking.handler.send_header("Content-Length", "0")
        asking.handler.end_headers()

    host.answers["/a"] = sequence(tired, good)
    assert web.get(f"{host.url}/a").status == 200
    assert clock.slept == [20.0]


def test_a_429_that_says_nothing_rests_the_host_longer_every_time(web: Web, host: Host, clock: Clock):
    host.answers["/a"] = sequence(status(429), status(429, Retry_After="soon"), good)
    web.get(f"{host.url}/a")
    assert clock.slept == [4.0, 8.0]


def test_a_host_that_asks_for_an_hour_is_given_up_for_now(web: Web, host: Host, clock: Clock):
    host.answers["/a"] = status(429, Retry_After="3600")
    error = fault(web, f"{host.url}/a")
    assert (error.reason, error.wait, error.passing) == ("busy", 3600, True)
    assert len(host.asked) == 1
    assert clock.slept == []


def test_a_host_that_asks_for_an_hour_is_asked_nothing_more_within_it(web: Web, host: Host, clock: Clock):
    host.answers |= {"/a": status(429, Retry_After="3600"), "/b": good}
    fault(web, f"{host.url}/a")
    clock.pass_by(60)
    error = fault(web, f"{host.url}/b")
    assert (error.reason, error.wait) == ("busy", 3540)
    assert host.paths == ["/a"]
    clock.pass_by(3000)  # what is left is short enough to be waited for
    assert web.get(f"{host.url}/b").status == 200
    assert clock.slept == [540.0]


def ask_until_it_rests(web: Web, url: str) -> list[str]:
    """The reasons of one photo after the other, until the host is left alone."""
    reasons = []
    while not web.rests(url):
        reasons.append(fault(web, url).reason)
        assert len(reasons) < 100
    return reasons


@pytest.mark.parametrize("headers", [{}, {"Retry_After": "60"}])
def test_a_host_that_is_busy_round_after_round_is_left_alone(web: Web, host: Host, clock: Clock, headers: dict):
    host.answers["/a"] = status(429, **headers)
    assert set(ask_until_it_rests(web, f"{host.url}/a")) == {"busy"}
    assert len(host.asked) == MOST_BUSY
    slept = list(clock.slept)
    assert fault(web, f"{host.url}/b").wait == 2 * web.policy.patience
    assert (len(host.asked), clock.slept) == (MOST_BUSY, slept)


def test_a_good_answer_between_them_makes_a_busy_host_no_lost_one(web: Web, host: Host):
    host.answers["/a"] = sequence(*[status(429, Retry_After="5"), status(502), good] * (MOST_FAILED + 1))
    for _ in range(MOST_FAILED + 1):
        assert web.get(f"{host.url}/a").status == 200


def drop(asking: Asking) -> None:
    asking.begin(200, Content_Length="9")
    asking.hang_up()


@pytest.mark.parametrize("broken", [status(502), status(500, Retry_After="5"), drop])
def test_a_host_that_fails_for_very_many_requests_in_a_row_is_left_alone(web: Web, host: Host, broken):
    host.answers["/a"] = broken
    ask_until_it_rests(web, f"{host.url}/a")
    assert len(host.asked) == MOST_FAILED


def test_a_host_that_nobody_can_reach_is_left_alone(web: Web):
    gone = Host()
    gone.stop()
    reasons = ask_until_it_rests(web, f"{gone.url}/a")
    assert reasons[0] == "unreachable"
    assert len(reasons) == MOST_FAILED // web.policy.attempts


def test_a_short_rest_does_not_end_a_longer_one(clock: Clock):
    turns = Turns(Pace(), clock, clock.sleep)
    turns.rest(50)
    turns.rest(20)
    with turns.turn():
        assert clock.slept == [50.0]
    turns.rest(10)
    with turns.turn():
        assert clock.slept == [50.0, 10.0]


# --- broken exchanges ---


@pytest.mark.parametrize("tenth", range(10))
def test_a_connection_dropped_at_any_tenth_of_a_body_is_asked_again(web: Web, host: Host, tenth: int):
    content = bytes(range(256)) * 40

    def drop(asking: Asking) -> None:
        asking.begin(200, Content_Length=str(len(content)))
        asking.write(content[: len(content) * tenth // 10])
        asking.hang_up()

    host.answers["/a"] = sequence(drop, drop, status(200, content))
    assert web.get(f"{host.url}/a").content == content
    host.answers["/a"] = drop
    assert fault(web, f"{host.url}/a").reason == "broken_off"


def test_a_chunked_body_that_breaks_off_is_no_content(web: Web, host: Host):
    def drop(asking: Asking) -> None:
        asking.begin(200, Transfer_Encoding="chunked")
        asking.write(b"400\r\nabc")
        asking.hang_up()

    host.answers["/a"] = drop
    assert fault(web, f"{host.url}/a").reason == "broken_off"


def test_an_answer_that_is_no_http_is_a_broken_exchange(web: Web, host: Host):
    def talk(asking: Asking) -> None:
        asking.write(b"hello, who are you?\r\n\r\n")
        asking.hang_up()

    host.answers["/a"] = talk
    assert fault(web, f"{host.url}/a").reason == "broken_off"


def test_a_port_that_nobody_listens_to_is_unreachable(web: Web):
    gone = Host()
    gone.stop()
    assert fault(web, f"{gone.url}/a").reason == "unreachable"


def test_a_first_byte_that_comes_too_late_is_too_slow(web: Web, host: Host, clock: Clock):
    def late(asking: Asking) -> None:
        clock.pass_by(31)
        good(asking)

    host.answers["/a"] = late
    assert fault(web, f"{host.url}/a").reason == "too_slow"


def test_a_trickle_is_cut_off_when_the_whole_takes_too_long(web: Web, host: Host, clock: Clock):
    sent = []

    def trickle(asking: Asking) -> None:
        asking.begin(200, Content_Length="1000000")
        for _ in range(1_000_000):  # so many that the host is still writing when the client leaves
            clock.pass_by(5)
            sent.append(1)
            asking.write(b"x")

    host.answers["/a"] = trickle
    assert fault(web, f"{host.url}/a", attempts=1).reason == "too_slow"
    assert len(sent) < 1_000_000


def test_headers_that_trickle_are_cut_off_as_well(web: Web, host: Host, clock: Clock):
    def trickle(asking: Asking) -> None:
        asking.write(b"HTTP/1.1 200 OK\r\n")
        for number in range(90):
            clock.pass_by(5)
            asking.write(b"X-%d: y\r\n" % number)
        asking.write(b"Content-Length: 0\r\n\r\n")

    host.answers["/a"] = trickle
    assert fault(web, f"{host.url}/a", attempts=1).reason == "too_slow"


def test_repetitions_and_redirects_share_the_time_of_one_photo(web: Web, host: Host, clock: Clock):
    def slow(asking: Asking) -> None:
        clock.pass_by(12)
        asking.answer(500)

    host.answers["/a"] = slow
    assert fault(web, f"{host.url}/a").reason == "too_slow"
    assert len(host.asked) == 3  # 12 + 12 + 12 seconds are more than 30


def test_a_silent_host_is_given_up(web: Web, host: Host):
    over = threading.Event()
    host.answers["/a"] = lambda asking: over.wait(10)
    assert fault(web, f"{host.url}/a", attempts=1).reason == "too_slow"
    over.set()


# --- sizes ---


def test_a_declared_size_over_the_bound_is_refused_before_it_is_read(web: Web, host: Host):
    written = []

    def large(asking: Asking) -> None:
        asking.begin(200, Content_Length="100000000")
        written.append(1)

    host.answers["/a"] = large
    assert fault(web, f"{host.url}/a", most=1000).reason == "too_big"
    assert len(host.asked) == 1


def test_an_endless_body_is_cut_off_at_the_bound(web: Web, host: Host):
    def endless(asking: Asking) -> None:
        asking.begin(200)
        while True:
            asking.write(b"x" * 65536)

    host.answers["/a"] = endless
    assert fault(web, f"{host.url}/a", most=200_000).reason == "too_big"


@pytest.mark.parametrize("flood", [b"-1\r\n", b"0\r\n"])
def test_what_comes_beside_the_content_is_cut_off_as_well(web: Web, host: Host, flood: bytes):
    """A chunk of -1 bytes, of which the parser would read all, and a trailer without end."""
    sent = []

    def endless(asking: Asking) -> None:
        asking.begin(200, Transfer_Encoding="chunked")
        asking.write(flood)
        line = b"x" * 1000 + b"\r\n"
        while len(sent) < 100_000:
            asking.write(line)
            sent.append(1)

    host.answers["/a"] = endless
    assert fault(web, f"{host.url}/a", most=1 << 20).reason == "too_big"
    assert len(sent) < 100_000


def test_a_gzip_bomb_is_cut_off_and_an_honest_gzip_unpacked(web: Web, host: Host):
    host.answers["/bomb"] = status(200, gzip.compress(bytes(10_000_000)), Content_Encoding="gzip")
    host.answers["/fair"] = status(200, gzip.compress(b"all of it"), Content_Encoding="gzip")
    assert fault(web, f"{host.url}/bomb", most=100_000).reason == "too_big"
    assert web.get(f"{host.url}/fair").content == b"all of it"


# --- redirects and addresses ---


def moved(to: str, code: int = 302):
    return lambda asking: asking.answer(code, Location=to)


def test_redirects_are_followed_hop_by_hop(web: Web, host: Host):
    host.answers |= {"/a": moved("/b", 301), "/b": moved(f"{host.url}/c", 307), "/c": good}
    assert web.get(f"{host.url}/a").url == f"{host.url}/c"


@pytest.mark.parametrize("to", ["/caf\u00c3\u00a9", "/caf%C3%A9"], ids=["raw UTF-8", "encoded"])
def test_a_redirect_written_in_raw_utf_8_leads_where_the_host_means(web: Web, host: Host, to: str):
    host.answers |= {"/a": moved(to), "/caf%C3%A9": good}
    assert web.get(f"{host.url}/a").status == 200
    assert host.asked[-1].raw_path == "/caf%C3%A9"


def test_a_redirect_in_another_encoding_is_taken_as_it_stands():
    assert address.joined("https://a.example/x", "/caf\u00e9") == "https://a.example/caf\u00e9"


@pytest.mark.parametrize("url", ["https://a.example/\ud800", "https://a.example/?\ud800", "https://\ud800.example/"])
def test_half_a_surrogate_makes_a_bad_address(web: Web, url: str):
    assert fault(web, url).reason == "bad_address"


def test_a_redirect_loop_ends(web: Web, host: Host):
    host.answers["/a"] = moved("/a")
    assert fault(web, f"{host.url}/a").reason == "redirects"
    assert len(host.asked) == 6


@pytest.mark.parametrize(
    ("to", "reason"),
    [
        ("http://10.1.2.3/a", "private_address"),
        ("http://192.168.0.1/a", "private_address"),
        ("http://169.254.169.254/latest/meta-data", "private_address"),
        ("http://[::ffff:10.0.0.1]/", "private_address"),
        ("http://0.0.0.0/", "private_address"),
        ("http://2130706434.example/", "private_address"),
        ("file:///etc/passwd", "bad_address"),
        ("ftp://example.org/a", "bad_address"),
        ("http://user:word@example.org/a", "bad_address"),
        ("//[", "bad_address"),
    ],
)
def test_a_redirect_into_a_private_place_is_refused(host: Host, clock: Clock, to: str, reason: str):
    host.answers["/a"] = moved(to)
    resolve = {"127.0.0.1": ["127.0.0.1"], "2130706434.example": ["93.184.216.34", "10.0.0.2"]}
    with Web(
        Policy(**FAST), clock=clock, sleep=clock.sleep, resolve=lambda name, port: resolve.get(name, [name])
    ) as web:
        assert fault(web, f"{host.url}/a").reason == reason
    assert len(host.asked) == 1


def test_a_secure_address_may_not_lead_to_an_insecure_one(host: Host):
    host.answers["/a"] = moved("http://photos.example/b")
    with Web(Policy(routes={"https://photos.example": host.url}, **FAST)) as web:
        assert fault(web, "https://photos.example/a").reason == "redirects"


def test_loopback_is_refused_unless_it_is_allowed(host: Host):
    with Web(Policy(), resolve=lambda name, port: ["127.0.0.1"]) as web:
        assert fault(web, "http://photos.example/a").reason == "private_address"
        assert fault(web, f"{host.url}/a").reason == "bad_address"  # an unusual port
    assert host.asked == []


def test_a_key_does_not_follow_to_another_host(host: Host):
    other = Host(good)
    host.answers["/a"] = moved(f"{other.url.replace('127.0.0.1', 'localhost')}/b")
    with Web(Policy(**FAST), resolve=lambda name, port: ["127.0.0.1"]) as web:
        web.get(f"{host.url}/a", headers={"Authorization": "Bearer secret", "X-Other": "1"})
    other.stop()
    assert "Authorization" not in other.asked[0].headers
    assert other.asked[0].headers["X-Other"] == "1"


def test_an_address_can_be_refused_by_who_asks_also_after_a_redirect(web: Web, host: Host):
    host.answers["/a"] = moved("/photo_unavailable.png")
    error = fault(web, f"{host.url}/a", refuse=lambda url: "unavailable" if "photo_unavailable" in url else None)
    assert error.reason == "unavailable"
    assert host.paths == ["/a"]


def test_line_breaks_in_an_address_reach_no_request(web: Web, host: Host):
    assert fault(web, f"{host.url}/a\r\nX-Evil: 1").reason == "bad_address"
    host.answers["/%C3%A9%20"] = good
    assert web.get(f"{host.url}/é%20").status == 200


# --- wishes ---


@pytest.mark.parametrize("said", ["noai", "noindex, NoImageAI", "transfer: noai"])
def test_a_picture_that_opts_out_is_not_taken(web: Web, host: Host, said: str):
    host.answers["/a"] = status(200, b"picture", X_Robots_Tag=said)
    assert fault(web, f"{host.url}/a", photo=True).reason == "opted_out"
    assert web.get(f"{host.url}/a").status == 200  # an answer that is no picture is not asked


def test_directives_for_other_robots_do_not_count(web: Web, host: Host):
    host.answers["/a"] = status(200, b"picture", X_Robots_Tag="otherbot: noai")
    assert web.get(f"{host.url}/a", photo=True).content == b"picture"


# --- pace ---


def test_a_host_is_asked_no_oftener_than_its_pace(host: Host, clock: Clock):
    host.answers["/a"] = good
    with Web(Policy(paces={"127.0.0.1": Pace(every=3.0)}, **FAST), clock=clock, sleep=clock.sleep) as web:
        for _ in range(3):
            web.get(f"{host.url}/a")
    assert clock.slept == [3.0, 3.0]


def test_a_host_that_is_busy_again_and_again_is_asked_more_slowly_from_then_on(host: Host, clock: Clock):
    host.answers |= {"/a": sequence(status(429, Retry_After="5"), good, status(429, Retry_After="5"), good)}
    with Web(Policy(paces={"*": Pace(every=1.0)}, **FAST), clock=clock, sleep=clock.sleep) as web:
        web.get(f"{host.url}/a")  # the rest that was asked for, and then twice the pace
        web.get(f"{host.url}/a")  # and then four times
        web.get(f"{host.url}/a")
    assert clock.slept == [5.0, 2.0, 5.0, 4.0]


def test_a_busy_host_of_no_pace_is_given_one_and_never_a_pause_without_end(clock: Clock):
    turns = Turns(Pace(), clock, clock.sleep)
    paces = []
    for number in range(1, 12):
        with turns.turn() as number:
            turns.tired(number)
        paces.append(turns.every)
    assert paces[:4] == [0.5, 1.0, 2.0, 4.0]
    assert paces[-1] == LONGEST


def test_many_good_answers_bring_the_pace_back_little_by_little_and_no_further(clock: Clock):
    turns = Turns(Pace(every=1.0), clock, clock.sleep)
    for _ in range(2):
        with turns.turn() as number:
            turns.tired(number)
    paces = []
    for _ in range(6 * CALM):
        with turns.turn():
            turns.fine()
        paces.append(turns.every)
    assert paces[CALM - 2 : CALM] == [4.0, 3.0]
    assert paces[2 * CALM - 1] == 2.25
    assert paces[-1] == 1.0
    with turns.turn() as number:
        turns.tired(number)
    assert turns.every == 2.0


def test_answers_of_turns_that_were_under_way_together_slow_a_host_once(clock: Clock):
    turns = Turns(Pace(connections=3), clock, clock.sleep)
    with turns.turn() as first, turns.turn() as second, turns.turn() as third:
        for number in (second, first, third):
            turns.tired(number)
    assert (turns.every, turns.trouble) == (0.5, 1)
    with turns.turn() as later:
        turns.tired(later)
    assert (turns.every, turns.trouble) == (1.0, 2)


def test_a_slow_host_slows_no_other_one(host: Host, clock: Clock):
    host.answers |= {"/a": sequence(status(429, Retry_After="5"), good), "/b": good}
    routes = {"http://one.example": host.url, "http://two.example": host.url}
    with Web(Policy(routes=routes, **FAST), clock=clock, sleep=clock.sleep) as web:
        web.get("http://one.example/a")
        slept = list(clock.slept)
        for _ in range(3):
            web.get("http://two.example/b")
    assert clock.slept == slept == [5.0]


def test_a_host_has_no_more_connections_than_its_pace_allows(host: Host):
    both = threading.Barrier(2, timeout=5)

    def together(asking: Asking) -> None:
        both.wait()  # two at once must come, and a third would break the barrier's count
        good(asking)

    host.answers["/a"] = together
    with Web(Policy(paces={"*": Pace(connections=2)}, **FAST)) as web:
        threads = [threading.Thread(target=web.get, args=(f"{host.url}/a",)) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert host.most_at_once == 2


def test_bytes_have_a_pace_and_a_slow_answer_earns_the_host_a_rest(host: Host, clock: Clock):
    def slow(asking: Asking) -> None:
        clock.pass_by(2)
        good(asking)

    host.answers |= {"/a": good, "/slow": slow}
    pace = Pace(bytes_per_second=3.0, rest=5.0)
    with Web(Policy(paces={"*": pace}, **FAST), clock=clock, sleep=clock.sleep) as web:
        web.get(f"{host.url}/a")
        web.get(f"{host.url}/slow")  # waits 9 bytes / 3 a second
        web.get(f"{host.url}/a")
    assert clock.slept == [3.0, 5.0]


@pytest.mark.parametrize("jump", [-1e6, 1e6])
def test_a_clock_that_jumps_makes_nobody_wait_longer_than_the_pace(host: Host, clock: Clock, jump: float):
    host.answers["/a"] = good
    with Web(Policy(paces={"*": Pace(every=3.0)}, **FAST), clock=clock, sleep=clock.sleep) as web:
        web.get(f"{host.url}/a")
        clock.pass_by(jump)
        web.get(f"{host.url}/a")
    assert sum(clock.slept) <= 3.0


def test_closing_wakes_who_waits(host: Host):
    host.answers["/a"] = status(429, Retry_After="500")
    web = Web(Policy(**FAST))
    errors: list[FetchError] = []

    def ask() -> None:
        try:
            web.get(f"{host.url}/a")
        except FetchError as error:
            errors.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    while not host.asked:
        pass
    web.close()
    thread.join(5)
    assert errors[0].reason == "busy"


def test_no_error_holds_a_header_or_a_body(web: Web, host: Host):
    host.answers["/a"] = status(500, b"your key is hunter2")
    error = fault(web, f"{host.url}/a", headers={"Authorization": "hunter2"}, form={"secret": "hunter2"})
    assert "hunter2" not in f"{error} {error!r} {error.__cause__}"
