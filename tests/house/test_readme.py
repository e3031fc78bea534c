"""What the README shows is true: its commands parse, its Python runs, its new file fits the shelf."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import click
import keras
import pytest

from transfer.cli import cli
from transfer.models.backbone import BACKBONES, Backbone
from transfer.models.classifier import Classifier

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(kind: str, page: str = README) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


COMMANDS = [line[2:] for block in blocks("console") for line in block.splitlines() if line.startswith("$ ")]
TOUR, NEW_BACKBONE = blocks("python")
(SERVING,) = blocks("python", (ROOT / "docs" / "serving.md").read_text(encoding="utf-8"))


def parse(line: str) -> click.Context:
    """What click makes of a command, without running it."""
    program, name, *arguments = shlex.split(line)
    assert program == "transfer"
    command = cli.get_command(click.Context(cli), name)
    assert command is not None, name
    return command.make_context(name, arguments)


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_of_the_readme_exists_with_its_options(line: str) -> None:
    read = parse(line)
    assert read.info_name == line.split()[1]
    assert not read.args, "words that the command did not take"


@pytest.mark.parametrize("line", ["transfer report WS --ope", "transfer export WS"])
def test_a_command_that_does_not_exist_would_be_found(line: str) -> None:
    with pytest.raises(click.UsageError):
        parse(line)


def test_the_tour_goes_from_load_to_predict() -> None:
    assert [line.split()[1] for line in COMMANDS] == ["load", "compare", "report", "export", "predict"]


def test_the_arms_of_the_readme_are_on_their_shelves() -> None:
    from transfer.arm import Arm
    from transfer.training.plan import STRATEGIES, TRICKS

    for word in re.findall(r"\b\w+(?:@\w+)?:\w+(?:\+\w+)*", "\n".join([*COMMANDS, TOUR])):
        arm = Arm.parse(word)
        assert arm.backbone in BACKBONES
        assert arm.strategy in STRATEGIES
        assert set(arm.tricks) <= set(TRICKS)


def test_the_two_commands_come_first_and_make_knows_them() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"^    make (\w+)", README, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)
    assert README.index("make demo") < README.index("make test") < README.index("transfer load")


def test_the_ten_lines_of_python_run_as_a_plain_script_and_what_they_export_is_served(
    photo_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = BACKBONES["mobilenet_v2"].weights[0]
    cached = tmp_path / "keras" / "models" / Path(weights.file).name
    cached.parent.mkdir(parents=True)
    random = keras.applications.MobileNetV2(input_shape=(224, 224, 3), include_top=False, weights=None)
    random.save_weights(tmp_path / "random.weights.h5")
    shutil.move(tmp_path / "random.weights.h5", cached)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    shutil.copytree(photo_folder, tmp_path / "photos")
    shutil.copy(photo_folder / "disc" / "00.png", tmp_path / "photo.jpg")
    (tmp_path / "tour.py").write_text(TOUR + SERVING, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "tour.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert sum("mobilenet_v2:linear_probe" in line for line in lines) == 2
    assert sum("mobilenet_v2:frozen_head" in line for line in lines) == 2
    assert "WS/report/index.html" in lines
    *_, coin, disc, served = (line.split() for line in lines)
    assert [coin[0], disc[0]] == ["photos/coin/00.png", "photos/disc/00.png"]
    assert served[0] == disc[1]
    assert float(served[1]) == pytest.approx(float(disc[2]), abs=1e-5)
    assert len([line for line in TOUR.splitlines() if line]) <= 10


def test_the_new_file_of_the_readme_is_a_whole_backbone() -> None:
    names: dict[str, object] = {}
    exec(compile(NEW_BACKBONE, "small_net.py", "exec"), names)
    backbone = names["backbone"]
    assert isinstance(backbone, Backbone)
    classifier = Classifier(backbone, None, classes=3, size=backbone.size)
    assert [classifier.bottom(cut).output.shape[-1] for cut in (1, 2)] == [32, 64]
    assert classifier.whole().output.shape == (None, 3)
