"""The verbs, end to end: collect, load, split, train, compare, report, runs, export, predict.

Each verb takes a workspace (or its path) first, calls the rooms in order and gives back what they made. The command
line has a command of the same name and the same words for each. Rooms are imported inside the verbs, so that asking
for help loads nothing heavy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transfer.arm import Arm
from transfer.errors import CallError, DataError
from transfer.manifest import Manifest
from transfer.workspace import Workspace

if TYPE_CHECKING:
    from transfer.collecting.check import Checked
    from transfer.collecting.collect import Collected
    from transfer.comparison import Comparison
    from transfer.exporting.data import ExportedData
    from transfer.exporting.predict import Prediction
    from transfer.exporting.saved_model import Exported
    from transfer.grid import Grid
    from transfer.models.explain import Explanation
    from transfer.photo import Photo
    from transfer.run import Run
    from transfer.shelf import Shelf

Place = Workspace | str | PathLike[str]
Progress = Callable[[int, int, str], None]

DEFAULT_ARM = "mobilenet_v2:linear_probe"
"""Where no arm is named: small, quick on a CPU, and hard to beat on a few hundred photos."""

FAMILIES = {
    "backbones": ("transfer.models.backbones", "backbone"),
    "strategies": ("transfer.training.strategies", "strategy"),
    "tricks": ("transfer.training.tricks", "trick"),
    "sources": ("transfer.collecting.sources", "source"),
    "sections": ("transfer.reporting.sections", "section"),
}


def collect(
    keywords: Sequence[str],
    into: Place,
    *,
    file: str | PathLike[str] | None = None,
    source: Sequence[str] = ("openverse",),
    per_class: int = 100,
    background: int = 0,
    licence: str = "open",
    since: date | None = None,
    until: date | None = None,
    side: int | None = None,
    smallest: int = 64,
    contact: str | None = None,
    retry: bool = False,
    on_plan: Callable[[str], None] | None = None,
    on_progress: Progress | None = None,
) -> Collected:
    """Search photos by keyword, fetch the first valid ones, and write who made each.

    Args:
        keywords: ``"red apple"`` or ``"Malus domestica=apple"``; several may feed one label.
        into: The workspace; the same call goes on where it stood, a larger ``per_class`` only adds.
        file: Keywords in TOML or CSV, beside those given.
        source: Names on the shelf; the later ones fill up what the earlier ones lack.
        per_class: Photos of each label. background: Photos of a class of unrelated ones.
        licence: Codes such as ``cc0,by,by-sa``, or ``open``, ``commercial``, ``derivatives``, ``any``.
        since, until: Days of upload. side: Longest side of what is kept, in pixels. smallest: Of the shorter side.
        contact: Who runs this, an e-mail address or a page; TRANSFER_CONTACT otherwise.
        retry: Ask again for photos that could not be had for a passing reason.
        on_plan: Told what will be asked, what is allowed and how long it takes, before it starts.
        on_progress: Told ``(kept, wanted, what)``.

    Raises:
        CallError: A source needs a key or a contact. DataError: No photo could be kept.
    """
    from transfer.collecting.client import client
    from transfer.collecting.collect import collect_photos
    from transfer.collecting.plan import plan
    from transfer.collecting.wanted import Wanted, classes, licences

    codes, unknown = licences(licence)
    wanted = Wanted(
        classes(keywords, Path(file) if file else None),
        per_class=per_class,
        background=background,
        sources=tuple(source),
        licences=codes,
        unknown=unknown,
        since=since,
        until=until,
        side=side,
        smallest=smallest,
        retry=retry,
    )
    if on_plan is not None:
        on_plan(str(plan(wanted)))
    with client(wanted.searched(), contact=contact) as web:
        return collect_photos(wanted, Workspace.of(into), web, on_progress=on_progress)


def recheck(workspace: Place, *, contact: str | None = None, on_progress: Progress | None = None) -> Manifest:
    """Look whether collected photos were withdrawn since; those are set aside with the reason ``withdrawn``."""
    from transfer.collecting.client import client
    from transfer.collecting.recheck import recheck_photos

    with client(dict(shelf("sources")), contact=contact) as web:
        return recheck_photos(Workspace.of(workspace), web, on_progress=on_progress)


def load(
    path: str | PathLike[str], into: Place, *, copy: bool = False, on_progress: Progress | None = None
) -> Manifest:
    """Load class folders, train/validation/test folders, or a table of paths into a workspace.

    Args:
        path: ``root/CLASS/*``, ``root/{train,validation,test}/CLASS/*``, a table with ``path,label[,split]`` or URLs,
            or ``tfds:NAME``.
        into: The workspace; photos are added to what is there, and loading the same photos again changes nothing.
        copy: Copy the photos into the workspace instead of referring to them where they lie.
        on_progress: Told ``(done, total, what)``.

    Raises:
        DataError: The path holds no photos in classes; the sentence says what is expected.
    """
    from transfer.collecting.load import load_photos

    return load_photos(Path(path), Workspace.of(into), copy=copy, on_progress=on_progress)


def check(
    workspace: Place, *, edits: str | PathLike[str] | None = None, on_progress: Progress | None = None
) -> Checked:
    """Look at every photo, set rubbish and duplicates aside with a reason, and say what is doubtful.

    Args:
        workspace: With photos; nothing in it is deleted.
        edits: A table in which a person decides: written where it is not there yet, else applied; what was taken out of
            it is taken back.
        on_progress: Told ``(done, total, what)``.

    Returns:
        What was found. Likely mislabels are looked for where a run has left features of every photo.
    """
    from transfer.collecting.check import check_photos

    workspace = Workspace.of(workspace)
    _photos(workspace)
    return check_photos(
        workspace,
        edits=Path(edits) if edits else None,
        vectors=lambda photos: _kept_features(workspace, photos),
        on_progress=on_progress,
    )


def split(workspace: Place, *, validation: float = 0.15, test: float = 0.15, seed: int = 0) -> Manifest:
    """Decide train, validation and test for every photo that has none: stratified, grouped, sticky.

    Raises:
        DataError: Classes too small to split; the sentence names them.
    """
    from transfer.collecting.split import split as decide
    from transfer.credits import keep_in_step

    workspace = Workspace.of(workspace)
    manifest = decide(_photos(workspace), validation=validation, test=test, seed=seed)
    manifest.write(workspace)
    keep_in_step(manifest, workspace)
    return manifest


def train(
    workspace: Place,
    arm: str | Arm = DEFAULT_ARM,
    *,
    seed: int = 0,
    per_class: int | None = None,
    epochs: int | None = None,
    size: int | None = None,
    engine: str | None = None,
    precision: str | None = None,
    on_progress: Progress | None = None,
) -> Run:
    """Train one arm in this process; a run that exists already is returned as it is.

    Args:
        workspace: Split with the defaults if it has not been split.
        arm: ``BACKBONE[@WEIGHTS][:STRATEGY][+TRICK...]``.
        seed: Of initial weights, order and subset. per_class: Training photos a class, all if None.
        epochs: Instead of the strategy's own. size: Of the input in pixels, instead of the backbone's own.
        engine, precision: Of the frozen part, instead of the machine's fastest and float32.
        on_progress: Told ``(done, total, what)``.
    """
    from transfer.grid import Grid
    from transfer.training.features import quiet
    from transfer.training.plan import resolve
    from transfer.training.trial import run_trial

    workspace = Workspace.of(workspace)
    manifest = _split_photos(workspace)
    settings: dict[str, Any] = {"epochs": epochs, "size": size, "engine": engine, "precision": precision}
    one = Grid((Arm.parse(arm),), **settings)
    plan = resolve(one.arms[0], manifest, seed=seed, per_class=per_class, **settings)
    return run_trial(plan, manifest, workspace, on_progress=on_progress or quiet)


def compare(
    workspace: Place,
    arms: Sequence[str | Arm] | Grid,
    *,
    seeds: int = 5,
    per_class: Sequence[int | None] = (None,),
    tricks: Sequence[str] = (),
    epochs: int | None = None,
    size: int | None = None,
    folds: int | None = None,
    refit: bool = False,
    engine: str | None = None,
    precision: str | None = None,
    jobs: int = 1,
    budget: float | None = None,
    on_progress: Progress | None = None,
) -> Comparison:
    """Train arms x training sizes x seeds on the same splits; only what is missing is trained.

    Args:
        workspace: Split with the defaults if it has not been split and no folds are asked for.
        arms: Their text forms; or a whole ``Grid``, and then what follows up to ``precision`` is left out.
        seeds: How many, from 0. per_class: Training photos a class; None for all.
        tricks: Each is added alone to each arm. epochs, size: Instead of every arm's own.
        folds: For small sets: every kept photo is judged once in each of ``seeds`` repetitions of so many folds; the
            given splits play no part. refit: Every arm is trained again on train and validation once those have chosen.
        engine, precision: Of the frozen parts, instead of the machine's fastest and float32.
        jobs: Trials at once. budget: Seconds after which no trial is begun.
        on_progress: Told ``(done, total, what)``.

    Returns:
        The runs, finished, failed and skipped, in the order of the grid; ``to_frame()`` gives a table.
    """
    from transfer.comparison import Comparison
    from transfer.grid import Grid
    from transfer.training.compare import compare as run_grid

    workspace = Workspace.of(workspace)
    if not isinstance(arms, Grid):
        parsed = tuple(Arm.parse(arm) for arm in arms)
        arms = Grid(parsed, seeds, tuple(per_class), tuple(tricks), epochs, size, folds, refit, engine, precision)
    manifest = _photos(workspace) if arms.folds else _split_photos(workspace)
    runs = run_grid(manifest, workspace, grid=arms, jobs=jobs, budget=budget, on_progress=on_progress)
    workspace.write_text(workspace.grid, arms.to_toml())
    return Comparison(tuple(runs))


def row(run: Run) -> dict[str, Any]:
    """One run as the plain values that ``--json`` promises."""
    from transfer.comparison import row as describe

    return describe(run)


def report(workspace: Place, *, against: str | PathLike[str] | None = None, gradcam: bool = True) -> Path:
    """Write the report on every run of the workspace's present data; the path of the page.

    Args:
        workspace: Whose runs.
        against: An earlier report; what changed since becomes a section.
        gradcam: Draw over the mistakes of the best arm where it looked, and keep that; else the page says why not.
    """
    from transfer.reporting.page import write_report
    from transfer.run import read_runs

    workspace = Workspace.of(workspace)
    grid = workspace.grid.read_text(encoding="utf-8") if workspace.grid.exists() else None
    earlier = None if against is None else Path(against)

    def look(run: Run, photos: Sequence[tuple[Photo, str]]) -> str | None:
        from transfer.models.explain import explain_photos

        return explain_photos(run, photos, workspace)

    manifest, seen = _photos(workspace), look if gradcam else None
    return write_report(workspace, manifest, read_runs(workspace), against=earlier, grid=grid, look=seen)


def runs(workspace: Place) -> Comparison:
    """Every run of the workspace, by ID."""
    from transfer.comparison import Comparison
    from transfer.run import read_runs

    return Comparison(tuple(read_runs(Workspace.of(workspace))))


def export(workspace: Place, run: str | None = None, *, into: str | PathLike[str], calibrate: bool = False) -> Exported:
    """Write a run as a SavedModel that has proved to answer as the run did.

    Args:
        workspace: Of the run.
        run: An ID or its beginning; None takes the best by validation.
        into: The folder to write. calibrate: Scale its probabilities by one temperature, fitted on validation.
    """
    from transfer.exporting.saved_model import export as write

    workspace = Workspace.of(workspace)
    manifest = _photos(workspace)
    return write(_find_run(workspace, run, manifest), workspace, manifest, into=Path(into), calibrate=calibrate)


def export_data(
    workspace: Place,
    *,
    into: str | PathLike[str],
    format: str = "folders",
    on_progress: Progress | None = None,
) -> ExportedData:
    """Write the kept photos as folders that other libraries read: folders, imagefolder, tfds or croissant."""
    from transfer.exporting.data import export_data as write

    workspace = Workspace.of(workspace)
    return write(_photos(workspace), workspace, into=Path(into), format=format, on_progress=on_progress)


def predict(model: str | PathLike[str], photos: Sequence[str | PathLike[str]], *, top: int = 5) -> Iterator[Prediction]:
    """Classify photo files by a run's folder or an exported SavedModel; one prediction each, in their order."""
    from transfer.exporting.predict import predict as answer

    return answer(Path(model), [Path(photo) for photo in photos], top=top)


def explain(
    workspace: Place,
    run: str | None,
    photos: Sequence[str | PathLike[str]],
    *,
    label: str | None = None,
    into: str | PathLike[str] | None = None,
) -> Iterator[Explanation]:
    """Draw where in each photo a run sees a class (Grad-CAM); one explanation each, in their order.

    Args:
        workspace: Of the run. run: An ID or its beginning; None takes the best by validation.
        photos: Files. label: The class to explain, instead of what each is taken for.
        into: The folder for the overlays, instead of ``WS/explained/ID``.
    """
    from transfer.models.explain import explain as answer

    workspace = Workspace.of(workspace)
    found = _find_run(workspace, run, _photos(workspace))
    folder = workspace.explained / found.id if into is None else Path(into)
    return answer(found, [Path(photo) for photo in photos], into=folder, workspace=workspace, label=label)


def shelf(family: str) -> Shelf:
    """The shelf of a family: backbones, strategies, tricks, sources or sections."""
    from transfer.shelf import Shelf

    if family not in FAMILIES:
        raise CallError("There is no such family.", received=family, remedy=f"Known: {', '.join(FAMILIES)}.")
    return Shelf(*FAMILIES[family])


def _photos(workspace: Workspace) -> Manifest:
    manifest = Manifest.read(workspace)
    if not manifest.kept:
        raise DataError(
            "There is no photo in this workspace.",
            received=workspace.root,
            remedy=f"Run `transfer load FOLDER --into {workspace.root}` first.",
        )
    return manifest


def _kept_features(workspace: Workspace, photos: Sequence[Photo]) -> Any:
    """One vector a photo, from the features that runs have left; None where no setting has all of them."""
    if not workspace.features.exists():
        return None
    from transfer.training.features import kept_vectors

    return kept_vectors(workspace, photos)


def _split_photos(workspace: Workspace) -> Manifest:
    manifest = _photos(workspace)
    return split(workspace) if any(photo.split is None for photo in manifest.kept) else manifest


def _find_run(workspace: Workspace, id: str | None, manifest: Manifest) -> Run:
    from transfer.comparison import best, present
    from transfer.run import find_run, read_runs

    return best(present(read_runs(workspace), manifest)) if id is None else find_run(workspace, id)
