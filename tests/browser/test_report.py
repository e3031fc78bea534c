"""The report in a real browser: it renders, light and dark, on a desk and on a phone, and hostile words stay words."""

from __future__ import annotations

import dataclasses
import html
import io
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy
import pytest
from PIL import Image
from reporting.plausible import FOUR, HEAD, LENET, photos, write_failure, write_runs

from transfer.manifest import Manifest
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
    write_runs(workspace, manifest, (*FOUR, dataclasses.replace(HEAD, arm=f"{HEAD.arm}+augment")), sizes=(None, 5))
    write_failure(workspace, manifest, "vgg16:fine_tune_all", "There is not enough memory for this trial.")
    yield write_report(workspace, manifest, read_runs(workspace), title="Clothing", against=_earlier(tmp_path_factory))


def _earlier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    workspace = Workspace(tmp_path_factory.mktemp("earlier"))
    manifest = photos(workspace)
    write_runs(workspace, manifest, (LENET,), seeds=1)
    return write_report(workspace, manifest, read_runs(workspace))


def test_the_page_renders_with_words_charts_and_photos(report: Path) -> None:
    seen = picture(report, 1200, 9000).astype(int)
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
        "const differences = [...page.querySelectorAll('.pairs td:nth-child(3)')];"
        "document.body.dataset.seen = Math.max(...differences.map(cell => cell.getBoundingClientRect().right)) <= 390;"
        "document.body.dataset.width = page.documentElement.scrollWidth;"
        "document.body.dataset.sections = page.querySelectorAll('section').length }</script>",
        encoding="utf-8",
    )
    written = browse(frame, "--dump-dom").decode()
    assert re.search(r'data-width="390"', written)
    assert re.search(r'data-seen="true"', written), "two arms and their difference, without scrolling"
    assert re.search(r'data-sections="14"', written)


def test_a_click_on_a_heading_sorts_the_arms_and_another_turns_them(report: Path) -> None:
    frame = report.with_name("sorted.html")
    frame.write_text(
        f'<body><iframe srcdoc="{html.escape(report.read_text("utf-8"))}"></iframe><script>onload = () => {{'
        "const page = document.querySelector('iframe').contentDocument, table = page.querySelector('.sortable');"
        "const column = () => [...table.tBodies[0].rows].map(row => row.cells[1].dataset.value).join(' ');"
        "const button = table.querySelectorAll('th')[1].querySelector('button'), seen = [column()];"
        "for (let n = 0; n < 2; n++) { button.click();"
        "seen.push(column(), table.querySelectorAll('th')[1].getAttribute('aria-sort')) }"
        "document.body.dataset.seen = seen.join('|') }</script>",
        encoding="utf-8",
    )
    seen = re.search(r'data-seen="([^"]+)"', browse(frame, "--dump-dom").decode())
    assert seen
    before, down, said_down, up, said_up = seen[1].split("|")
    values = [float(value) for value in before.split()]
    assert [float(value) for value in down.split()] == sorted(values, reverse=True)
    assert [float(value) for value in up.split()] == sorted(values)
    assert (said_down, said_up) == ("descending", "ascending")


def test_nothing_is_folded_away_on_paper(report: Path) -> None:
    """A page in a frame as narrow as paper, its print rules applied to the screen."""
    text = report.read_text("utf-8")
    assert text.count("@media print {") == 1
    frame = report.with_name("paper.html")
    frame.write_text(
        f'<body><iframe style="width:690px;height:900px;border:0" srcdoc="'
        f'{html.escape(text.replace("@media print {", "@media all {"))}"></iframe>'
        "<script>onload = () => { const page = document.querySelector('iframe').contentDocument;"
        "const rows = [...page.querySelectorAll('tbody tr')];"
        "document.body.dataset.folded = rows.filter(row => !row.checkVisibility() || !row.offsetHeight).length;"
        "document.body.dataset.width = page.documentElement.scrollWidth }</script>",
        encoding="utf-8",
    )
    written = browse(frame, "--dump-dom").decode()
    assert re.search(r'data-folded="0"', written)
    assert re.search(r'data-width="690"', written)


def test_axe_finds_nothing_serious(report: Path) -> None:
    place = os.environ.get("TRANSFER_AXE", "")
    if not Path(place).is_file():
        pytest.skip("no axe-core: npm install --prefix DIR axe-core, TRANSFER_AXE=DIR/node_modules/axe-core/axe.min.js")
    audited = report.with_name("audited.html")
    # The page's own policy would stop the auditor as it stops anybody else.
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", report.read_text("utf-8"))
    audit = (
        "document.querySelectorAll('details').forEach(one => one.open = true);"
        "axe.run(document).then(found => { document.body.dataset.axe = JSON.stringify("
        "[found.passes.length, ...found.violations.map(one => `${one.impact} ${one.id} ${one.nodes[0].html}`)]) })"
    )
    script = Path(place).read_text(encoding="utf-8")
    audited.write_text(text.replace("</body>", f"<script>{script}</script><script>{audit}</script></body>"), "utf-8")
    for scheme in ("1", "0"):
        written = browse(
            audited, "--dump-dom", "--virtual-time-budget=60000", f"--blink-settings=preferredColorScheme={scheme}"
        ).decode()
        found = re.search(r'data-axe="([^"]+)"', written)
        assert found
        passed, *violations = json.loads(html.unescape(found[1]))
        assert passed > 20
        assert violations == []


ATTACKS = (
    "<img src=http://hostile.example/a onerror=\"document.title='taken'\"><script>document.title='taken'</script>",
    "</title></style></script><svg onload=document.title='taken'><image href=http://hostile.example/b />",
    "' autofocus onfocus=document.title='taken' \"><iframe src=http://hostile.example/c>",
    "javascript:document.title='taken'",
    "url(http://hostile.example/d) ${document.title='taken'} {{ 7 * 7 }} --><base href=http://hostile.example/>",
)


def hostile_workspace(root: Path) -> tuple[Workspace, Manifest]:
    """Photos and runs in which every word that is not ours is an attack."""
    workspace = Workspace(root)
    manifest = photos(workspace, labels=ATTACKS[:3], counts=(4, 6, 9))
    changed = []
    for n, photo in enumerate(manifest.photos):
        name = f"images/{n} {ATTACKS[n % 5].replace('/', '')}.jpg"
        exif = Image.Exif()
        for tag in (0x010E, 0x013B, 0x8298):  # description, artist, copyright
            exif[tag] = ATTACKS[n % 5]
        (root / "images").mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (40, 30), (n, 90, 90)).save(root / name, exif=exif, comment=ATTACKS[0].encode())
        words = {field: ATTACKS[(n + at) % 5] for at, field in enumerate(("owner", "licence", "page_url"))}
        aside = {"excluded": ATTACKS[n % 5]} if photo.excluded else {}
        title = ATTACKS[n % 5] if n % 2 else None
        changed.append(dataclasses.replace(photo, file_name=name, title=title, **words, **aside))
    manifest = manifest.replace(changed)
    arms = (LENET, dataclasses.replace(HEAD, arm=f"{HEAD.arm}+augment"), HEAD)
    named = tuple(
        dataclasses.replace(one, arm=f"n@{ATTACKS[at].replace(':', '')}:probe") for at, one in enumerate(arms)
    )
    words = dict.fromkeys(("command", "device", "started", "batch_norm", "engine", "precision"), ATTACKS[0])
    weights = {"name": ATTACKS[1], "sha256": ATTACKS[2]}
    write_runs(
        workspace,
        manifest,
        (*arms, *named),
        sizes=(None, 2),
        versions={ATTACKS[1]: ATTACKS[0]},
        weights=weights,
        **words,
    )
    write_failure(workspace, manifest, f"vgg16@{ATTACKS[1]}:frozen_head", ATTACKS[0])
    for run in read_runs(workspace):
        (run.path / "gradcam").mkdir(exist_ok=True)
        for photo in manifest.kept:
            (run.path / "gradcam" / f"{photo.id}.png").write_text(
                f"<svg xmlns='http://www.w3.org/2000/svg'>{ATTACKS[0]}</svg>"
            )
    return workspace, manifest


def test_hostile_words_run_no_script_and_ask_for_nothing(tmp_path: Path) -> None:
    workspace, manifest = hostile_workspace(tmp_path / "WS")
    runs = read_runs(workspace)
    old = write_report(workspace, manifest, runs, title=ATTACKS[0])
    table = old.with_name("results.csv")
    table.write_text(table.read_text("utf-8").replace(LENET.arm, ATTACKS[2]), "utf-8")
    page = write_report(workspace, manifest, runs, title=ATTACKS[0], against=old)
    assert page.read_text("utf-8").count("<section") == 14
    log = tmp_path / "net.json"
    written = browse(page, "--dump-dom", f"--log-net-log={log}").decode()
    title = re.search(r"<title>(.*?)</title>", written, re.DOTALL)
    assert title
    assert html.unescape(title[1]).startswith("<img src=http://hostile.example")
    asked = log.read_text(encoding="utf-8")
    assert "index.html" in asked  # the log does hold what was asked for
    assert "hostile.example" not in asked


def test_the_attacks_would_succeed_on_a_page_that_did_not_escape(tmp_path: Path) -> None:
    page = tmp_path / "naive.html"
    page.write_text(f"<title>mine</title><body>{ATTACKS[0]}", "utf-8")
    log = tmp_path / "net.json"
    written = browse(page, "--dump-dom", f"--log-net-log={log}").decode()
    assert "<title>taken</title>" in written
    assert "hostile.example" in log.read_text(encoding="utf-8")
