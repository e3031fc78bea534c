"""What the benchmarks of training say is what they measured: limits, medians, copies, and no precision by name only."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import pytest

from transfer import pixels

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from _bench_training import measuring, memory  # noqa: E402


class Processor:
    """As OpenVINO speaks of one."""

    def __init__(self, capabilities: list[str]) -> None:
        self.known = {"OPTIMIZATION_CAPABILITIES": capabilities, "FULL_DEVICE_NAME": "Old One "}

    def get_property(self, device: str, name: str) -> object:
        return self.known[name]


def test_two_things_done_to_each_photo_share_the_cores() -> None:
    assert measuring.limit(1 / 300, 1 / 600) == pytest.approx(200)
    assert measuring.limit(1 / 300) == pytest.approx(300)


def test_a_median_is_shown_with_what_it_is_the_median_of() -> None:
    assert measuring.spread([3.0, 1.0, 2.0]) == "2 (1 to 3)"
    assert measuring.spread([1.25], ".1f") == "1.2"


def test_a_precision_that_the_processor_lacks_is_not_measured_under_its_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    openvino = pytest.importorskip("openvino")
    both = ["float32", "bfloat16"]
    monkeypatch.setattr(openvino, "Core", lambda: Processor(["FP32", "INT8"]))
    assert measuring.possible("openvino", both) == ["float32"]
    assert "bfloat16 was not measured: this CPU (Old One)" in capsys.readouterr().out
    monkeypatch.setattr(openvino, "Core", lambda: Processor(["FP32", "BF16"]))
    assert measuring.possible("openvino", both) == both
    assert capsys.readouterr().out == ""


def test_copies_of_a_photo_are_other_contents_and_the_same_picture(tmp_path: Path) -> None:
    from PIL import Image

    (tmp_path / "a").mkdir()
    Image.linear_gradient("L").convert("RGB").save(tmp_path / "a" / "0.jpg")
    first = measuring.photos_in(tmp_path)
    copies = memory.repeated(first, 3, tmp_path / "many")
    contents = [Path(one.file_name).read_bytes() for one in copies]
    assert len({one.sha256 for one in copies}) == 3
    assert [hashlib.sha256(content).hexdigest() for content in contents] == [one.sha256 for one in copies]
    shown = pixels.from_bytes(Path(first[0].file_name).read_bytes())
    assert all((pixels.from_bytes(content) == shown).all() for content in contents)
