"""Errors are sentences in three beats that survive the way out of a worker process."""

from __future__ import annotations

import inspect
import pickle
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as draw

from transfer import errors
from transfer.errors import CallError, TransferError

KINDS = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, TransferError)]
beats = draw.none() | draw.text()


def test_an_error_says_what_is_wrong_what_was_received_and_what_to_do() -> None:
    error = TransferError("There is no such arm.", received="vgg61", remedy="Did you mean vgg16?")
    assert str(error) == "There is no such arm. Received: vgg61. Did you mean vgg16?"
    assert (error.what, error.received, error.remedy) == ("There is no such arm.", "vgg61", "Did you mean vgg16?")


def test_beats_that_are_not_given_are_left_out() -> None:
    assert str(TransferError("It failed.")) == "It failed."
    assert str(TransferError("It failed.", remedy="Try again.")) == "It failed. Try again."


@pytest.mark.parametrize("nothing", [0, False, []])
def test_a_received_value_that_is_empty_is_still_shown(nothing: object) -> None:
    assert f"Received: {nothing}." in str(TransferError("It failed.", received=nothing))


@pytest.mark.parametrize("text", ["", " \n"])
def test_an_empty_text_was_nothing(text: str) -> None:
    assert str(TransferError("It failed.", received=text)) == "It failed. Received: nothing."


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None, max_examples=30)
@given(what=draw.text(), received=beats, remedy=beats)
def test_an_error_is_the_same_after_a_journey_by_pickle(
    kind: type[TransferError], what: str, received: str | None, remedy: str | None
) -> None:
    error = kind(what, received=received, remedy=remedy)
    arrived = pickle.loads(pickle.dumps(error))
    assert type(arrived) is kind
    assert (arrived.what, arrived.received, arrived.remedy) == (what, received, remedy)
    assert str(arrived) == str(error)


def test_a_received_value_that_cannot_travel_travels_as_its_text() -> None:
    lock = threading.Lock()
    assert str(lock) == pickle.loads(pickle.dumps(TransferError("It failed.", received=lock))).received


def test_only_a_wrong_call_ends_with_status_two() -> None:
    assert {kind.exit_status for kind in KINDS if kind is not CallError} == {1}
    assert CallError.exit_status == 2


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_stands_in_the_tree_of_the_docstring(kind: type[TransferError]) -> None:
    assert f" {kind.__name__} " in (errors.__doc__ or "").replace("\n", " ")
    assert kind.__doc__
