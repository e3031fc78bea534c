"""The report in a real browser: it renders, light and dark, on a desk and on a phone, and hostile words stay words."""

from __future__ import annotations

import html
import io
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy
import pytest
from PIL import Image
from reporting.plausible import LENET, photos, write_failure, write_runs

from transfer.reporting.page import write_report
from transfer.run import read_runs
from transfer.workspace import Workspace

CHROMIUM = shutil.which("chromium")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on the PATH: install it, such as by apt install chromium"),
]


def browse(page: Path, *arguments: str) -> bytes:
    """Open a file in a fresh, quiet browser; what it writes to stdout."""
    quiet = "headless no-sandbox disable-gpu disable-quic no-first-run disable-background-networking hide-scrollbars"
    options = [f"--{one}" for one in (*quiet.split(), "disable-component-update", "disable-sync")]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [str(CHROMIUM), *options, f"--user-data-dir={profile}", *arguments, page.as_uri()]
        return subprocess.run(command, capture_output=True, check=True, timeout=120).stdout


def picture(page: Path, width: int, height: int, *arguments: str) -> numpy.ndarray:
    """What is seen of it, uint8 ``(height, width, 3)``."""
    shot = page.with_name("shot.png")
    browse(page, f"--screenshot={shot}", f"--window-size={width},{height}", *arguments)
    with Image.open(io.BytesIO(shot.read_bytes())) as seen:
        return numpy.asarray(seen.convert("RGB"))


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    workspace = Workspace(tmp_path_factory.mktemp("report"))
    manifest = photos(workspace, draws=71)
    write_runs(workspace, manifest, sizes=(None, 5))
    write_failure(workspace, manifest, "vgg16:fine_tune_all", "There is not enough memory for this trial.")
    yield write_report(workspace, manifest, read_runs(workspace), title="Clothing")


def test_the_page_renders_with_words_charts_and_photos(report: Path) -> None:
    seen = picture(report, 1200, 5500).astype(int)
    assert (seen[:20] == 255).all()  # paper
    assert (seen.sum(axis=2) < 150).mean() > 0.005  # ink
    accent = abs(seen - [0x1D, 0x5C, 0xB8]).sum(axis=2) < 12
    assert accent.sum() > 2000  # links, dots and curves
    assert len(numpy.unique(seen[::5, ::5].reshape(-1, 3), axis=0)) > 1000  # photos


def test_the_page_follows_a_dark_screen(report: Path) -> None:
    seen = picture(report, 1200, 1500, "--blink-settings=preferredColorScheme=0").astype(int)
    assert (seen[:20].sum(axis=2) < 120).all()
    assert (seen.sum(axis=2) > 600).mean() > 0.005


def test_nothing_is_wider_than_a_phone(report: Path) -> None:
    frame = report.with_name("phone.html")
    frame.write_text(
        f'<body><iframe style="width:390px;height:800px;border:0" srcdoc="{html.escape(report.read_text("utf-8"))}">'
        "</iframe><script>onload = () => { const page = document.querySelector('iframe').contentDocument;"
        "document.body.dataset.width = page.documentElement.scrollWidth;"
        "document.body.dataset.sections = page.querySelectorAll('section').length }</script>",
        encoding="utf-8",
    )
    written = browse(frame, "--dump-dom").decode()
    assert re.search(r'data-width="390"', written)
    assert re.search(r'data-sections="8"', written)


def test_hostile_words_run_no_script_and_ask_for_nothing(tmp_path: Path) -> None:
    attack = (
        "<img src=http://hostile.example/a onerror=\"document.title='taken'\"><script>document.title='taken'</script>"
    )
    labels = (attack, f"</title></style>{attack}", f"' autofocus onfocus=document.title='taken' {attack}")
    workspace = Workspace(tmp_path / "WS")
    manifest = photos(workspace, labels=labels, counts=(4, 6, 9))
    write_runs(workspace, manifest, (LENET,), command=attack, device=attack, started=attack)
    write_failure(workspace, manifest, "vgg16:frozen_head", attack)
    page = write_report(workspace, manifest, read_runs(workspace), title=attack)
    log = tmp_path / "net.json"
    written = browse(page, "--dump-dom", f"--log-net-log={log}").decode()
    title = re.search(r"<title>(.*?)</title>", written, re.DOTALL)
    assert title
    assert html.unescape(title[1]).startswith("<img src=http://hostile.example")
    asked = log.read_text(encoding="utf-8")
    assert "index.html" in asked  # the log does hold what was asked for
    assert "hostile.example" not in asked
