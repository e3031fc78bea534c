"""Any step can be stopped at any instant and begun again; the end is that of an undisturbed job."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks a process that has imported TensorFlow")


@pytest.fixture(scope="module")
def answer(photo_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict:
    script = Path(__file__).with_name("crashes.py")
    done = subprocess.run(
        [sys.executable, str(script), str(photo_folder), str(tmp_path_factory.mktemp("crashes"))],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
        timeout=900,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_a_crash_after_each_write_ends_on_the_second_try_as_if_nothing_had_happened(answer: dict) -> None:
    assert answer["writes"] > 10
    assert len(answer["undisturbed"]) == 2
    for number, (first, second, outcome) in answer["crashes"].items():
        assert first == 99, f"the job did not crash after write {number}"
        assert second == 0, f"the second try after a crash at write {number} failed"
        assert outcome == answer["undisturbed"], f"after a crash at write {number}"


def test_a_kill_from_outside_loses_nothing_either(answer: dict) -> None:
    for met, second, outcome in answer["kills"]:
        assert met, "the kill came too late to test anything"
        assert second == 0
        assert outcome == answer["undisturbed"]
