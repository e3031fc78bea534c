"""The whole page: it says what is so, escapes what is not its own, and is the same when nothing changed."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import html
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from reporting.gold import as_kept
from reporting.plausible import (
    FOUR,
    HEAD,
    LENET,
    PROBE,
    SMALL,
    TUNED,
    Competitor,
    photos,
    write_failure,
    write_run,
    write_runs,
)
from transfer.manifest import Manifest
from transfer.reporting.evidence import gather
from transfer.reporting.page import write_report
from transfer.reporting.section import SECTIONS
from transfer.run import read_runs
from transfer.workspace import Workspace


def page(workspace: Workspace, manifest: Manifest, title: str | None = "Insects", against: Path | None = None) -> str:
    written = write_report(workspace, manifest, read_runs(workspace), title=title, against=against)
    return written.read_text(encoding="utf-8")


def words(markup: str) -> str:
    """What a person reads of it."""
    bare = re.sub(r"<(style|svg|script).*?</\1>", " ", markup, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", "", bare)).split())


class Outline(HTMLParser):
    """Ids, references, headings, tables and whatever could load or run something."""

    VOID = frozenset({"meta", "link", "img", "br", "wbr", "input", "hr"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.references: list[str] = []
        self.addresses: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.tags.append((tag, values))
        if tag not in self.VOID and not (self.get_starttag_text() or "").endswith("/>"):
            self.open.append(tag)
        self.ids += [values["id"] or ""] if "id" in values else []
        for name in ("aria-labelledby", "aria-describedby"):
            self.references += (values.get(name) or "").split()
        for name in ("href", "src", "xlink:href"):
            if name in values:
                self.addresses.append(values[name] or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID and self.open and self.open[-1] == tag:
            self.open.pop()
        elif tag not in self.VOID:
            raise AssertionError(f"</{tag}> closes {self.open[-3:]}")


def test_the_page_is_one_file_with_every_section_in_its_place(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL, draws=30)
    augmented = dataclasses.replace(LENET, arm=f"{LENET.arm}+augment", seconds=80.0)
    write_runs(workspace, manifest, (LENET, augmented), sizes=(5, None))
    for run in read_runs(workspace):
        changed = run.facts["strategy"] | {"steps": [{"step": "phase", "rate": 1e-3}]}
        dataclasses.replace(run, facts=run.facts | {"strategy": changed}).write_facts(workspace)
        (run.path / "rates.csv").write_text("step,rate,loss\n0,1e-4,1.0\n0,1e-3,0.5\n0,1e-2,2.0\n", encoding="utf-8")
    earlier = page(workspace, manifest)
    assert '<section id="changes"' not in earlier
    text = page(workspace, manifest, against=workspace.report)
    found = re.findall(r'<section id="(\w+)"', text)
    assert found == sorted(SECTIONS, key=lambda name: SECTIONS[name].place)
    outline = Outline(text)
    outside = [one for one in outline.addresses if not one.startswith(("#", "data:"))]
    assert outside
    assert all(one.startswith("https://example.org/photo/") for one in outside)
    assert not [tag for tag, _ in outline.tags if tag in ("iframe", "object", "embed", "form", "base")]
    assert (workspace.report / "index.html").read_text(encoding="utf-8") == text


def test_the_page_is_sound_for_those_who_hear_it(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL, draws=30)
    write_runs(workspace, manifest, sizes=(None, 5))
    write_failure(workspace, manifest, "vgg16:fine_tune_all", "no memory")
    outline = Outline(page(workspace, manifest))
    assert outline.open == []
    assert len(outline.ids) == len(set(outline.ids))
    assert set(outline.references) <= set(outline.ids)
    assert {one[1:] for one in outline.addresses if one.startswith("#")} <= set(outline.ids)
    tags = [tag for tag, _ in outline.tags]
    assert [tags.count(one) for one in ("h1", "main", "header", "footer", "nav")] == [1, 1, 1, 1, 1]
    assert tags.count("table") == tags.count("caption") > 5
    assert all("scope" in values for tag, values in outline.tags if tag == "th")
    assert all(values.get("alt") for tag, values in outline.tags if tag == "img")
    assert all(values.get("role") == "img" for tag, values in outline.tags if tag == "svg")
    assert dict(outline.tags[0][1]) == {"lang": "en"}


def test_the_only_script_is_the_one_that_the_policy_names_by_its_hash(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL)
    write_runs(workspace, manifest, (PROBE,), seeds=1)
    text = page(workspace, manifest)
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    named = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = html.unescape(re.search(r'Security-Policy" content="([^"]+)"', text)[1])  # type: ignore[index]
    assert re.findall(r"script-src [^;]+", policy) == [f"script-src 'sha256-{named}'"]
    assert "default-src 'none'" in policy


def test_two_renderings_are_the_same_to_the_byte(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL, draws=30)
    write_runs(workspace, manifest, seeds=2)
    files = []
    for _ in range(2):
        page(workspace, manifest)
        files.append({path.name: path.read_bytes() for path in workspace.report.iterdir()})
    assert files[0] == files[1]
    assert set(files[0]) == {"index.html", "report.md", "results.csv"}


def test_the_page_does_not_follow_a_users_matplotlib_settings(workspace: Workspace) -> None:
    import matplotlib

    manifest = photos(workspace, **SMALL)
    write_runs(workspace, manifest, (HEAD,), seeds=1)
    plain = page(workspace, manifest)
    with matplotlib.rc_context(
        {"font.size": 30, "axes.facecolor": "red", "svg.fonttype": "path", "lines.linewidth": 9}
    ):
        assert page(workspace, manifest) == plain


HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7 * 7 }}{% raw %}",
    "</style></title><b>bold",
    "$\\frac{1}$ & 'quotes' \"both\"",
    "\u202egnp.exe\u2028 \x07 猫",
)


def test_labels_titles_owners_licences_and_addresses_are_escaped(workspace: Workspace) -> None:
    manifest = photos(workspace, labels=HOSTILE, counts=(4, 6, 9), draws=2)
    manifest = manifest.replace(
        dataclasses.replace(
            photo,
            title=HOSTILE[n % 6] + " title",
            owner=HOSTILE[(n + 1) % 6] + " owner",
            licence=HOSTILE[(n + 2) % 6],
            page_url=("javascript:alert(1)", "data:text/html,<script>alert(1)</script>", "https://[", None)[n % 4],
        )
        for n, photo in enumerate(manifest.kept)
    )
    aside = next(photo for photo in manifest.photos if photo.excluded)
    manifest = manifest.replace([dataclasses.replace(aside, excluded=HOSTILE[1])])
    write_runs(
        workspace, manifest, (LENET, HEAD), command=HOSTILE[0], versions={HOSTILE[1]: HOSTILE[0]}, device=HOSTILE[3]
    )
    write_failure(workspace, manifest, f"vgg16@{HOSTILE[0]}:frozen_head", HOSTILE[1])
    text = page(workspace, manifest, title=HOSTILE[3] + HOSTILE[0])
    outline = Outline(text)
    tags = {tag for tag, _ in outline.tags}
    assert not tags & {"b", "x"}
    assert text.count("<script") == 1
    assert not [name for _, values in outline.tags for name in values if name.startswith("on")]
    assert [values["src"] for tag, values in outline.tags if tag == "img" and values["src"] == "x"] == []
    assert not [one for one in outline.addresses if not one.startswith(("#", "data:image/", "data:,"))]
    assert [one for one in outline.addresses if one == "data:,"] == ["data:,"]  # the page's own empty icon
    assert "alert(1)" in words(text)
    assert "{{ 7 * 7 }}" in words(text)
    assert len(outline.ids) == len(set(outline.ids))


def test_every_cost_that_is_not_known_is_a_dash(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL)
    run = write_run(workspace, manifest, HEAD)
    dataclasses.replace(run, facts={}).write_facts(workspace)
    said = words(page(workspace, manifest))
    assert f"{HEAD.arm}––––––" in said.replace(" ", "")
    assert "None" not in said


# --- what it says in each case ---


def lead(text: str) -> str:
    return words(re.search(r'<p class="lead">.*?</p>', text, re.DOTALL)[0])  # type: ignore[index]


def test_one_arm_is_stated_without_a_comparison(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL)
    write_runs(workspace, manifest, (PROBE,))
    text = page(workspace, manifest)
    assert re.fullmatch(rf"{PROBE.arm} answers [\d.]+% of 90 test photos rightly \(95% interval .*\)\.", lead(text))
    assert "nothing to compare it with" in words(text)


def test_only_failed_runs_give_a_page_that_says_why(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL)
    write_failure(workspace, manifest, "vgg16:fine_tune_all", "There is not enough memory for this trial.")
    text = page(workspace, manifest)
    assert lead(text).startswith("No run was trained to the end")
    assert "There is not enough memory for this trial." in words(text)
    assert re.findall(r'<section id="(\w+)"', text) == ["verdict", "dataset", "provenance"]
    assert "1 run that did not end" in words(text)
    assert "0 runs trained to the end, 1 that did not end" in words(text)
    assert "failed run" not in words(text), "it may have been interrupted"


def test_one_seed_is_stated_with_a_caution(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL)
    write_runs(workspace, manifest, (PROBE, LENET), seeds=1)
    assert "another seed may turn it round" in words(page(workspace, manifest))
    write_runs(workspace, manifest, (PROBE, LENET), seeds=2)
    assert "another seed may turn it round" not in words(page(workspace, manifest))


CLUMSY = re.compile(r"(?<![\d.,])1 (?!class\b)(\w+s)\b|\b(all|the|both|last) 1\b|: \.", re.IGNORECASE)


def lines(markup: str) -> list[str]:
    """What a person reads of it, a cell or a paragraph each."""
    bare = re.sub(r"<(style|svg|script).*?</\1>", " ", markup, flags=re.DOTALL)
    bare = re.sub(r"</?(span|strong|wbr|code|abbr|i|br)\b[^>]*>", " ", bare)
    return [
        " ".join(line.split()) for line in html.unescape(re.sub(r"<[^>]+>", "\n", bare)).splitlines() if line.strip()
    ]


@pytest.mark.parametrize("clumsy", ["all 1 seed taken together", "The 1 photo that", "(1 runs)", "1 seeds averaged"])
def test_what_reads_badly_of_one_would_be_found(clumsy: str) -> None:
    assert CLUMSY.search(clumsy)
    assert not CLUMSY.search("1 class, 11 photos, 0.1 points, Top 1")


@pytest.mark.parametrize(("counts", "sizes"), [((1, 1, 1), (None,)), ((1, 1, 1), (None, 1)), ((2, 2, 2), (1,))])
@pytest.mark.parametrize("arms", [(LENET,), (dataclasses.replace(LENET, epochs=1), PROBE)])
def test_one_of_a_thing_is_told_as_one(
    workspace: Workspace, arms: tuple[Competitor, ...], counts: tuple[int, int, int], sizes: tuple[int | None, ...]
) -> None:
    manifest = photos(workspace, labels=("ant", "bee"), counts=counts, draws=1)
    write_runs(workspace, manifest, arms, seeds=1, sizes=sizes)
    write_failure(workspace, manifest, "vgg16:fine_tune_all", "no memory")
    text = page(workspace, manifest)
    drawn = re.findall(r"<desc[^>]*>(.*?)</desc>", text)
    assert [line for line in (*lines(text), *drawn) if CLUMSY.search(line)] == []
    said = words(text)
    for averaged in ("the mean over the seeds", "taken together", "averaged", "eans over", "a tick for each seed"):
        assert averaged not in said, averaged
    for corrected in ("Holm", "after correction", "joint paired bootstrap"):
        assert corrected not in said, corrected
    assert ("p is that of McNemar’s test (mid-p); a pair counts" in said) == (len(arms) > 1)
    assert "Test split openedonce" in said or "once by each run" in said


def test_several_seeds_are_told_as_several(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL)
    write_runs(workspace, manifest, (PROBE, HEAD, LENET), seeds=2)
    assert "both seeds taken together" in words(page(workspace, manifest))
    write_runs(workspace, manifest, (PROBE, HEAD, LENET), seeds=3)
    said = words(page(workspace, manifest))
    for words_of_several in (
        "all 3 seeds taken together",
        "its seeds averaged",
        "the mean over the seeds",
        "joint paired bootstrap over seeds and photos",
        "p is corrected by Holm over all pairs of one table; a pair",
        "9 times by the runs of this page, once by each run",
        "2026-05-01 10:00 UTC to 2026-05-03 10:00 UTC",
    ):
        assert words_of_several in said, words_of_several
    assert "McNemar" not in said


def test_without_a_test_split_no_winner_is_named(workspace: Workspace) -> None:
    manifest = photos(workspace, labels=("ant", "bee"), counts=(4, 20, 0))
    write_runs(workspace, manifest, (PROBE, LENET))
    text = page(workspace, manifest)
    assert "no winner can be named: there is no test split" in lead(text)
    assert "this figure flatters" in words(text)


def test_without_any_photo_held_out_no_figure_is_stated(workspace: Workspace) -> None:
    manifest = photos(workspace, labels=("ant", "bee"), counts=(4, 0, 0))
    write_runs(workspace, manifest, (PROBE, LENET))
    assert "No photo is in a test or validation split" in lead(page(workspace, manifest))


def test_too_few_photos_to_choose_by_are_said_so(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL)
    write_runs(workspace, manifest, (PROBE, HEAD), sizes=(1,), splits=("test",))
    said = words(page(workspace, manifest))
    assert "could not choose (too few photos to hold any out)" in said
    assert "trained on 1 photo a class" in said


def test_a_perfect_arm_has_no_mistakes_to_show(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL)
    write_runs(workspace, manifest, (Competitor("oracle:linear_probe", 90.0),))
    said = words(page(workspace, manifest))
    assert "It makes no mistake." in said
    assert "gets every test photo right" in said


def test_many_classes_show_pairs_and_figures_instead_of_a_table_nobody_can_read(workspace: Workspace) -> None:
    manifest = photos(workspace, labels=tuple(f"kind {n:02}" for n in range(30)), counts=(1, 2, 3))
    write_runs(workspace, manifest, (LENET,), seeds=1)
    text = page(workspace, manifest)
    assert 'class="confusion"' not in text
    assert "taken for" in text


def test_the_page_of_fifty_runs_stays_below_three_megabytes(workspace: Workspace) -> None:
    manifest = photos(workspace, counts=(2, 4, 12), draws=12)
    many = tuple(dataclasses.replace(HEAD, arm=f"net{n}:frozen_head", skill=2.5) for n in range(10))
    write_runs(workspace, manifest, many, seeds=5)
    assert len(page(workspace, manifest).encode()) < 3_000_000


def test_fifty_arms_and_sixty_classes_stay_below_three_megabytes(workspace: Workspace) -> None:
    manifest = photos(workspace, labels=tuple(f"kind {n:03}" for n in range(60)), counts=(1, 1, 2), draws=4)
    many = tuple(dataclasses.replace(HEAD, arm=f"net{n}:frozen_head", skill=2 + n / 20) for n in range(50))
    write_runs(workspace, manifest, many, seeds=1)
    assert len(page(workspace, manifest).encode()) < 3_000_000


# --- parts as kept ---


def part(text: str, name: str) -> str:
    return re.search(rf'<section id="{name}".*?</section>\n', text, re.DOTALL)[0]  # type: ignore[index]


def test_the_verdict_and_the_tables_read_as_kept(workspace: Workspace) -> None:
    manifest = photos(workspace)
    write_runs(workspace, manifest, FOUR)
    open_question = page(workspace, manifest)
    same = [as_kept(f"{name}_open.html", part(open_question, name)) for name in ("verdict", "arms", "costs")]
    assert all(same)


def test_differences_tricks_and_the_text_read_as_kept(workspace: Workspace) -> None:
    manifest = photos(workspace)
    augmented = dataclasses.replace(HEAD, arm=f"{HEAD.arm}+augment", skill=4.1, seconds=22.0)
    write_runs(workspace, manifest, (PROBE, HEAD, augmented), seeds=5)
    text = page(workspace, manifest)
    same = [as_kept(f"{name}.html", part(text, name)) for name in ("differences", "tricks")]
    same.append(as_kept("report.md", (workspace.report / "report.md").read_text(encoding="utf-8")))
    assert all(same)


def test_the_verdict_with_a_winner_reads_as_kept(workspace: Workspace) -> None:
    manifest = photos(workspace)
    write_runs(workspace, manifest, (TUNED, LENET), seeds=5)
    assert as_kept("verdict_winner.html", part(page(workspace, manifest), "verdict"))


def test_nothing_in_the_evidence_is_read_by_a_section(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    from transfer.reporting.page import to_html

    manifest = photos(workspace, **SMALL, draws=30)
    write_runs(workspace, manifest)
    evidence = gather(workspace, manifest, read_runs(workspace))
    to_html(evidence)  # templates are read once

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a section opened a file")

    monkeypatch.setattr("transfer.run._rows", refuse)
    monkeypatch.setattr("PIL.Image.open", refuse)
    assert "<h1>" in to_html(evidence)
