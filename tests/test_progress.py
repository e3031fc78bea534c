"""The progress line: how far, how fast, how long still."""

from __future__ import annotations

import pytest

from transfer.cli import progress


class Clock:
    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


def test_rate_and_time_left_do_not_count_what_was_there_at_once(clock: Clock) -> None:
    pace = progress._Pace()
    assert pace(40, 100, "photos") == ("", "")
    clock.now += 5
    assert pace(50, 100, "photos") == ("2.0 a second", "about 25 s left")
    assert pace(100, 100, "photos") == ("12.0 a second", "")


def test_another_piece_of_work_has_a_pace_of_its_own(clock: Clock) -> None:
    pace = progress._Pace()
    pace(0, 10, "decoding photos")
    clock.now += 1
    assert pace(5, 10, "decoding photos")[0] == "5.0 a second"
    assert pace(0, 300, "computing frozen features") == ("", "")
    clock.now += 60
    assert pace(3, 300, "computing frozen features") == ("3.0 a minute", "about 99 min left")


def test_lines_say_all_of_it_and_come_now_and_then(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    tell = progress._lines()
    tell(0, 20, "reading 0 of them")
    clock.now += 2
    tell(5, 20, "reading 5 of them")
    clock.now += 8
    tell(10, 20, "reading 10 of them")
    assert capsys.readouterr().err.splitlines() == [
        "0/20  0 s  reading 0 of them",
        "10/20  10 s  reading 10 of them  1.0 a second  about 10 s left",
    ]
