"""What lies beside the page: the same words as text, every figure as a table, and what changed since a report."""

from __future__ import annotations

import csv
import dataclasses
import html
import io
import re
import shutil
from pathlib import Path
from statistics import fmean

import pandas
import pytest

from reporting.plausible import FOUR, HEAD, LENET, PROBE, SMALL, TUNED, photos, write_failure, write_run, write_runs
from transfer import scores
from transfer.errors import DataError
from transfer.manifest import Manifest
from transfer.reporting import tidy
from transfer.reporting.changes import Changes, compare
from transfer.reporting.evidence import gather
from transfer.reporting.page import write_report
from transfer.run import read_runs
from transfer.workspace import Workspace


def report(workspace: Workspace, manifest: Manifest, **more: object) -> Path:
    return write_report(workspace, manifest, read_runs(workspace), title="Insects", **more).parent  # type: ignore[arg-type]


def frame(folder: Path) -> pandas.DataFrame:
    return pandas.read_csv(folder / "results.csv", keep_default_na=False)


# --- results.csv ---


def test_the_table_has_one_row_for_each_run_split_and_metric_and_agrees_with_the_scores(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL)
    runs = write_runs(workspace, manifest, (PROBE, LENET), sizes=(None, 5))
    table = frame(report(workspace, manifest))
    assert tuple(table.columns) == tidy.COLUMNS
    assert not table.duplicated(["run", "split", "metric"]).any()
    assert set(table["run"]) == {run.id for run in runs}
    assert set(table["per_class"]) == {"all", "5"}
    for run in runs:
        for split in ("validation", "test"):
            part = run.predictions(split)
            for metric in (scores.ACCURACY, scores.LOG_LOSS, scores.CALIBRATION_ERROR):
                row = table[(table["run"] == run.id) & (table["split"] == split) & (table["metric"] == metric.name)]
                assert float(row["value"].item()) == pytest.approx(metric(part.truth, part.probabilities), rel=1e-5)
                assert int(row["photos"].item()) == len(part.photos)
    costs = table[table["split"] == ""]
    assert set(costs["metric"]) == set(tidy.COSTS)
    means = table[(table["split"] == "test") & (table["metric"] == "accuracy")].groupby(["title", "per_class"])["value"]
    for result in gather(workspace, manifest, read_runs(workspace)).results:
        found = means.get_group((result.title, str(result.per_class or "all")))
        assert found.astype(float).mean() == pytest.approx(result.accuracy, abs=1e-5)


def test_what_is_not_known_has_no_row(workspace: Workspace) -> None:
    manifest = photos(workspace, labels=("ant", "bee"), counts=(4, 0, 9))
    run = write_run(workspace, manifest, HEAD)
    dataclasses.replace(run, facts={}).write_facts(workspace)
    table = frame(report(workspace, manifest))
    assert set(table["split"]) == {"test"}
    assert "top_5" not in set(table["metric"])  # of two classes every answer is among five
    assert not table["value"].isin(["", "nan"]).any()


def test_no_cell_of_the_table_is_a_formula(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL)
    write_run(workspace, manifest, dataclasses.replace(HEAD, arm='=HYPERLINK("http://x"):frozen_head'))
    rows = list(csv.reader(io.StringIO((report(workspace, manifest) / "results.csv").read_text(encoding="utf-8"))))
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@"))]


# --- report.md ---


def test_the_text_says_what_the_page_says(workspace: Workspace) -> None:
    manifest = photos(workspace)
    augmented = dataclasses.replace(HEAD, arm=f"{HEAD.arm}+augment")
    write_runs(workspace, manifest, (*FOUR, augmented), sizes=(None, 5))
    write_failure(workspace, manifest, "vgg16:fine_tune_all", "no memory")
    text = (report(workspace, manifest) / "report.md").read_text(encoding="utf-8")
    found = gather(workspace, manifest, read_runs(workspace), title="Insects")
    assert text.startswith("# Insects\n\nNo winner can be named: ")
    headings = re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert headings == [
        "Arms trained on all training photos",
        "Arms trained on 5 photos a class",
        "Differences",
        "Tricks",
        "Confusion",
        "Costs",
        "Provenance",
    ]
    for result in found.results:
        assert f"| {result.title} | {100 * (result.accuracy or 0):.1f}% |" in text
    assert text.count("photos |") + text.count("a class |") == len(found.pairs) + 2  # and an effect at each size
    assert found.data in text
    assert not re.search(r"<[a-z]|None|&amp;", text)


def test_the_text_of_an_arm_without_a_mistake_says_so(workspace: Workspace) -> None:
    manifest = photos(workspace)
    write_runs(workspace, manifest, (dataclasses.replace(HEAD, skill=60.0),), seeds=1)
    assert "It makes no mistake." in (report(workspace, manifest) / "report.md").read_text(encoding="utf-8")


def test_every_row_of_a_table_in_the_text_has_as_many_cells_as_its_head(workspace: Workspace) -> None:
    manifest = photos(workspace, labels=("a|b", "c\nd", "<img src=x>"), counts=(4, 20, 30))
    write_runs(workspace, manifest, (dataclasses.replace(LENET, arm="x|y:from_scratch"), PROBE))
    text = (report(workspace, manifest) / "report.md").read_text(encoding="utf-8")
    for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}) == 1
    assert "<img" not in text.replace(r"\<img", "")


def test_the_grid_is_written_into_the_page_and_the_text_as_it_is(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL)
    write_runs(workspace, manifest, (PROBE,), seeds=1)
    grid = 'arms = ["<b>:x"]\nseeds = 3\n```\n'
    folder = report(workspace, manifest, grid=grid)
    page, text = ((folder / name).read_text(encoding="utf-8") for name in ("index.html", "report.md"))
    assert html.unescape(re.search(r"<pre>(.*?)</pre>", page, re.DOTALL)[1]) == grid  # type: ignore[index]
    assert text.endswith('## Grid\n\n    arms = ["<b>:x"]\n    seeds = 3\n    ```\n')


# --- against an earlier report ---


def changes(workspace: Workspace, before: Path, now: Path) -> Changes:
    return compare(tidy.read_csv(before), tidy.read_csv(now))


def test_nothing_changed_is_said_so(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL)
    write_runs(workspace, manifest, (PROBE, LENET))
    folder = report(workspace, manifest)
    assert changes(workspace, folder, folder).none
    text = (report(workspace, manifest, against=folder) / "index.html").read_text(encoding="utf-8")
    assert "Nothing changed since the earlier report" in text


def test_runs_that_came_and_went_and_another_leader_are_told(workspace: Workspace, tmp_path: Path) -> None:
    manifest = photos(workspace, **SMALL)
    weak = dataclasses.replace(PROBE, skill=1.8)
    write_runs(workspace, manifest, (weak, dataclasses.replace(LENET, skill=1.0)), seeds=2)
    old = shutil.copytree(report(workspace, manifest), tmp_path / "old")
    for run in read_runs(workspace):
        if run.arm == LENET.arm:
            shutil.rmtree(run.path)
    write_runs(workspace, manifest, (weak,), seeds=3)
    write_runs(workspace, manifest, (dataclasses.replace(TUNED, skill=6.0),), seeds=2)
    new = report(workspace, manifest, against=old / "index.html")
    found = changes(workspace, old, new)
    assert (found.same_data, found.added, found.gone) == (True, 3, 2)
    assert (found.leader_before, found.leader_now) == (PROBE.arm, TUNED.arm)
    seen = {one.title: (one.seeds_before, one.seeds_now) for one in found.changes}
    assert seen == {PROBE.arm: (2, 3), TUNED.arm: (0, 2), LENET.arm: (2, 0)}
    (probe,) = [one for one in gather(workspace, manifest, read_runs(workspace)).main if one.title == PROBE.arm]
    (change,) = [one for one in found.changes if one.title == PROBE.arm]
    assert change.now == pytest.approx(probe.accuracy, abs=1e-5)
    assert change.before == pytest.approx(fmean(probe.accuracies[:2]), abs=1e-5)
    text = (new / "report.md").read_text(encoding="utf-8")
    assert f"Validation chooses {TUNED.arm}; before it was {PROBE.arm}." in text


def test_the_leader_of_a_table_is_the_one_that_its_page_chose(workspace: Workspace) -> None:
    manifest = photos(workspace, **SMALL)
    same = dataclasses.replace(PROBE, skill=90.0)
    write_runs(
        workspace, manifest, (*FOUR, dataclasses.replace(same, arm="a:x", trainable=99_999), same), sizes=(None, 5)
    )
    folder = report(workspace, manifest)
    best = gather(workspace, manifest, read_runs(workspace)).best
    assert best is not None
    assert changes(workspace, folder, folder).leader_now == best.title


def test_other_photos_are_said_to_be_others(workspace: Workspace, tmp_path: Path) -> None:
    manifest = photos(workspace, **SMALL)
    write_runs(workspace, manifest, (PROBE,))
    old = shutil.copytree(report(workspace, manifest), tmp_path / "old")
    fewer = manifest.replace([dataclasses.replace(manifest.kept[0], excluded="by hand")])
    write_runs(workspace, fewer, (PROBE,))
    text = (report(workspace, fewer, against=old / "results.csv") / "index.html").read_text(encoding="utf-8")
    assert "measured on something else" in text


def test_folds_that_come_or_go_are_no_other_photos(workspace: Workspace, tmp_path: Path) -> None:
    manifest = photos(workspace, **SMALL)
    write_runs(workspace, manifest, (PROBE,), seeds=1)
    given = shutil.copytree(report(workspace, manifest), tmp_path / "given")
    for seed in range(3):
        write_run(workspace, manifest, PROBE, seed=seed, folds=3)
    both = shutil.copytree(report(workspace, manifest, against=given), tmp_path / "both")
    assert (changes(workspace, given, both).same_data, changes(workspace, both, given).same_data) == (True, True)
    assert "measured on something else" not in (both / "report.md").read_text(encoding="utf-8")
    for run in read_runs(workspace):
        if "folds" not in run.facts:
            shutil.rmtree(run.path)
    folds = report(workspace, manifest, against=given)
    assert changes(workspace, both, folds).same_data
    assert changes(workspace, given, folds).same_data is None
    said = (folds / "report.md").read_text(encoding="utf-8")
    assert "Whether the photos are those of the earlier report cannot be told" in said


def test_an_arm_that_has_another_name_for_its_rivals_has_neither_come_nor_gone(
    workspace: Workspace, tmp_path: Path
) -> None:
    manifest = photos(workspace, **SMALL)
    write_runs(workspace, manifest, (HEAD, LENET), seeds=2)
    alone = shutil.copytree(report(workspace, manifest), tmp_path / "alone")
    write_runs(workspace, manifest, (dataclasses.replace(HEAD, skill=2.5),), seeds=1, size=96)
    both = shutil.copytree(report(workspace, manifest), tmp_path / "both")
    found = changes(workspace, alone, both)
    assert [(one.title, one.seeds_before, one.seeds_now) for one in found.changes] == [(f"{HEAD.arm} (size 96)", 0, 1)]
    assert found.leader_before == found.leader_now == f"{HEAD.arm} (size 224)"
    assert [one.title for one in changes(workspace, both, alone).changes] == [f"{HEAD.arm} (size 96)"]


def test_an_arm_that_is_gone_is_not_taken_for_the_one_that_has_its_name_now(
    workspace: Workspace, tmp_path: Path
) -> None:
    manifest = photos(workspace, **SMALL)
    plain = write_runs(workspace, manifest, (HEAD,), seeds=1)
    write_runs(workspace, manifest, (HEAD,), seeds=1, refit=True)
    both = shutil.copytree(report(workspace, manifest), tmp_path / "both")
    shutil.rmtree(plain[0].path)
    found = changes(workspace, both, report(workspace, manifest))
    (gone,) = found.changes
    assert (gone.title, gone.seeds_before, gone.seeds_now) == (f"{HEAD.arm} (before)", 1, 0)
    assert found.unchanged == 1


@pytest.mark.parametrize(
    "content",
    [None, b"", b"a,b\n1,2\n", b"\xff\xfe", (",".join(tidy.COLUMNS) + "\n" + "x," * 9 + "much\n").encode()],
)
def test_what_is_no_earlier_report_is_refused_before_anything_is_written(
    workspace: Workspace, tmp_path: Path, content: bytes | None
) -> None:
    manifest = photos(workspace, **SMALL)
    write_runs(workspace, manifest, (PROBE,), seeds=1)
    if content is not None:
        (tmp_path / "results.csv").write_bytes(content)
    with pytest.raises(DataError, match="no earlier report"):
        report(workspace, manifest, against=tmp_path)
    assert not workspace.report.exists()


def test_a_mistyped_report_is_not_another_one_that_lies_near(workspace: Workspace, tmp_path: Path) -> None:
    manifest = photos(workspace, **SMALL)
    write_runs(workspace, manifest, (PROBE,), seeds=1)
    near = report(workspace, manifest)
    with pytest.raises(DataError, match=r"no earlier report.*reprot"):
        tidy.read_csv(near / "last_weeks_reprot")
    assert tidy.read_csv(near) == tidy.read_csv(near / "index.html") == tidy.read_csv(near / tidy.NAME)
