"""What is kept fits a stated budget, and who must do without it says so."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy
import pytest

from tests.training.tiny import TINY, TinyPlan
from transfer.arm import Arm
from transfer.errors import CallError
from transfer.manifest import Manifest
from transfer.models.classifier import Classifier
from transfer.photo import Photo
from transfer.progress import Progress, quiet
from transfer.space import clean
from transfer.strategy import Head, Phase, Strategy
from transfer.training.activations import BUDGET_GB, GB, Activations, budget
from transfer.training.plan import Plan, resolve
from transfer.training.rows import Decoded
from transfer.training.trial import run_trial
from transfer.workspace import Workspace

CUT = 2
"""Below the tiny network's last stage: at 16 pixels a map of 4 x 4 x 8 float32 numbers, 512 bytes a photo."""

EACH = 4 * 4 * 8 * 4


@pytest.fixture
def plan(manifest: Manifest) -> Plan:
    strategy = Strategy(True, Head(), (Phase(epochs=1, batch=8, rate=1e-3, thaw=1),))
    return TinyPlan(Arm("tiny"), strategy, None, 16, 0, None, manifest.labels, manifest.training_digest())


def activations(
    plan: Plan,
    workspace: Workspace,
    *,
    ahead: tuple[Photo, ...] = (),
    half: bool = False,
    on_progress: Progress = quiet,
    on_kept: Callable[[str], None] | None = None,
) -> Activations:
    classifier = Classifier(TINY, Head(), classes=3, size=16)
    plan = dataclasses.replace(plan, half=half)
    return Activations(plan, classifier, workspace, ahead=ahead, on_progress=on_progress, on_kept=on_kept)


def allow(monkeypatch: pytest.MonkeyPatch, size: float) -> None:
    """So many bytes for all that is kept."""
    monkeypatch.setenv("TRANSFER_FEATURES_GB", repr(size / GB))


def taken(workspace: Workspace) -> int:
    """Bytes of activations, without the 128 that begin each file."""
    return sum(path.stat().st_size - 128 for path in workspace.features.glob("*/*.npy"))


@pytest.mark.parametrize(("said", "size"), [(None, BUDGET_GB * GB), ("", BUDGET_GB * GB), ("0", 0), ("2.5", 2.5 * GB)])
def test_the_budget_is_what_the_variable_says(monkeypatch: pytest.MonkeyPatch, said: str | None, size: float) -> None:
    monkeypatch.delenv("TRANSFER_FEATURES_GB", raising=False)
    if said is not None:
        monkeypatch.setenv("TRANSFER_FEATURES_GB", said)
    assert budget() == size


@pytest.mark.parametrize("said", ["lots", "-1", "nan", "inf"])
def test_a_budget_that_is_no_number_is_a_wrong_call(monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    monkeypatch.setenv("TRANSFER_FEATURES_GB", said)
    with pytest.raises(CallError, match="number of gigabytes"):
        budget()


def test_what_fits_is_kept_and_what_does_not_is_told_once(
    plan: Plan, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow(monkeypatch, 100 * EACH)
    told: list[str] = []
    found = activations(plan, workspace, on_progress=lambda done, total, what: told.append(what))
    assert found.source(CUT, 100) == CUT
    assert found.facts == {}
    assert found.source(CUT, 101) == 0
    assert found.source(CUT, 102) == 0
    why = "pixels, since activations of 101 photos would take 51.7 kB, more than the 51.2 kB of TRANSFER_FEATURES_GB"
    assert found.facts == {"source": why}
    assert told == [f"training from {why}"]


def test_a_run_that_found_no_room_says_so_and_keeps_nothing_else(
    plan: Plan, workspace: Workspace, manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow(monkeypatch, 0)
    told: list[str] = []
    poor = run_trial(plan, manifest, workspace, on_progress=lambda done, total, what: told.append(what))
    assert poor.facts["source"].startswith("pixels, since activations of 27 photos would take")
    assert any(what.startswith("training from pixels, since") for what in told)
    assert not workspace.features.exists()


def test_what_was_not_used_for_longest_makes_room_within_the_budget(
    plan: Plan, workspace: Workspace, manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = manifest.kept
    allow(monkeypatch, 1.5 * len(photos) * EACH)
    found = activations(plan, workspace)
    earlier = found.rows(CUT, photos)
    before = earlier[:]
    found.rows(1, photos[:1])  # a map of 8 x 8 x 4, twice as large
    assert taken(workspace) == len(photos) * EACH + 2 * EACH
    found.rows(1, photos[:20])
    assert taken(workspace) <= budget()
    assert found.store(CUT).missing(photos)
    assert found.store(1).missing(photos[:20]) == []
    assert (earlier[:] == before).all()  # whoever had it has it still
    assert (found.rows(CUT, photos)[:] == before).all()


def test_what_others_wait_for_is_said_to_be_there_when_all_of_it_is(
    plan: Plan, workspace: Workspace, manifest: Manifest
) -> None:
    lacking: list[int] = []

    def note(digest: str) -> None:
        assert digest == found.store(CUT).digest
        lacking.append(len(found.store(CUT).missing(manifest.kept)))

    found = activations(plan, workspace, ahead=manifest.kept, on_kept=note)
    found.rows(CUT, manifest.kept[:5])
    assert lacking == [0]


def test_photos_that_others_will_ask_for_are_left_to_them_where_there_is_no_room(
    plan: Plan, workspace: Workspace, manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = manifest.kept
    allow(monkeypatch, 10 * EACH)
    told: list[str] = []
    found = activations(plan, workspace, ahead=photos, on_kept=told.append)
    found.rows(CUT, photos[:5])
    assert taken(workspace) == 5 * EACH
    assert told == []  # whoever waits for them goes on waiting
    assert len(found.store(CUT).missing(photos)) == len(photos) - 5


def test_pictures_beyond_the_budget_are_decoded_at_each_use(
    plan: Plan, workspace: Workspace, manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = manifest.kept
    kept = activations(plan, workspace).rows(0, photos)
    allow(monkeypatch, len(photos) * 16 * 16 * 3 - 1)
    anew = activations(plan, workspace).rows(0, photos)
    assert isinstance(anew, Decoded)
    assert (next(anew.chunks(64)) == next(kept.chunks(64))).all()


# --- half precision ---


def test_half_precision_is_asked_for_decides_a_run_and_stands_in_its_command(
    weights_file: Path, manifest: Manifest
) -> None:
    arm = Arm("resnet20", "fine_tune_top", str(weights_file))
    plain, half = (resolve(arm, manifest, size=16, half=half) for half in (False, True))
    assert "half" not in plain.decisive()  # so that runs keep the ID they had before there was a choice
    assert half.decisive() == plain.decisive() | {"half": True}
    assert half.command == f"{plain.command} --half"


@pytest.mark.parametrize("name", ["lenet5:from_scratch", "raw_pixels"])
def test_half_precision_says_nothing_where_nothing_frozen_is_kept(manifest: Manifest, name: str) -> None:
    plain, half = (resolve(Arm.parse(name), manifest, size=32, half=half) for half in (False, True))
    assert half == plain


def test_a_map_kept_in_half_precision_takes_half_the_disk_and_trains_alike(
    plan: Plan, workspace: Workspace, manifest: Manifest
) -> None:
    sizes, runs = [], []
    for half in (False, True):
        clean(workspace, ["features"], now=0.0)
        runs.append(run_trial(dataclasses.replace(plan, half=half), manifest, workspace))
        kept = [numpy.load(path) for path in workspace.features.glob("*/*.npy")]
        assert {rows.shape[1:] for rows in kept} == {(4, 4, 8)}
        sizes.append(sum(rows.nbytes for rows in kept))
    assert sizes == [len(manifest.kept) * EACH, len(manifest.kept) * EACH / 2]
    whole, short = runs
    assert short.id != whole.id
    assert (whole.facts.get("half"), short.facts["half"]) == (None, True)
    assert "source" not in whole.facts, "who found room has nothing to say"
    for name in ("loss", "validation_loss"):
        losses = [[row[name] for row in run.history()] for run in runs]
        assert losses[1] == pytest.approx(losses[0], rel=5e-3), name
        assert losses[1] != losses[0], name
    one, other = (run.predictions("test").probabilities for run in runs)
    assert other == pytest.approx(one, abs=5e-3)


def test_more_photos_fit_the_budget_in_half_precision(
    plan: Plan, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow(monkeypatch, 100 * EACH)
    found = activations(plan, workspace, half=True)
    assert found.source(CUT, 200) == CUT
    assert found.source(CUT, 201) == 0
