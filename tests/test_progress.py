"""The progress line: how far, how fast, how long still."""

from __future__ import annotations

import pytest

from transfer.cli import progress, show


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


def test_epochs_of_a_training_and_notices_are_never_left_out(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    tell = progress._lines()
    tell(1, 9, "computing frozen features")
    tell(2, 9, "computing frozen features")
    for epoch in (1, 2, 3):
        tell(epoch, 8, f"training, loss {1 / epoch:.3f}")
    tell(0, 8, "not enough memory; going on with 16 photos a step")
    tell(0, 8, "training from pixels, since activations of 9 photos would take 9 GB")
    assert [line.split("  ")[2] for line in capsys.readouterr().err.splitlines()] == [
        "computing frozen features",
        *("training, loss 1.000", "training, loss 0.500", "training, loss 0.333"),
        "not enough memory; going on with 16 photos a step",
        "training from pixels, since activations of 9 photos would take 9 GB",
    ]


def test_of_the_trials_of_a_comparison_notices_alone_are_never_left_out(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    tell = progress._lines()
    for epoch in (1, 2, 3):
        tell(0, 4, f"lenet5:from_scratch, seed 0: training, loss {1 / epoch:.3f} {epoch}/8")
    tell(0, 4, "lenet5:from_scratch, seed 0: not enough memory; going on with 16 photos a step 0/8")
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2
    assert "loss 1.000" in said[0]
    assert "not enough memory" in said[1]


@pytest.mark.parametrize(("batch", "said"), [(8, True), (16, True), (32, False), (30, False), (None, False)])
def test_a_training_that_memory_held_back_says_so_at_its_end(
    batch: int | None, said: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a line that went by while it trained nothing is left on a terminal."""
    steps = [{"step": "solver"}, {"step": "phase", "batch": 32}, {"step": "phase", "batch": 64}]
    show.smaller_steps({"strategy": {"steps": steps}, "batch": batch})
    told = capsys.readouterr().err
    assert told == (f"not enough memory for 32 photos a step: it went on with {batch}\n" if said else "")
