"""Verbs that train: train, compare."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from transfer.arm import Arm
from transfer.errors import CallError
from transfer.manifest import Manifest
from transfer.progress import Progress, quiet
from transfer.workflow._places import Place, photos_of
from transfer.workflow.collecting import split
from transfer.workspace import Workspace

if TYPE_CHECKING:
    from transfer.comparison import Comparison
    from transfer.grid import Grid
    from transfer.run import Run
    from transfer.training.suggestion import Suggestion


def train(
    workspace: Place,
    arm: str | Arm | None = None,
    *,
    seed: int = 0,
    per_class: int | None = None,
    epochs: int | None = None,
    size: int | None = None,
    engine: str | None = None,
    precision: str | None = None,
    half: bool = False,
    rate: float | None = None,
    gpus: int | None = None,
    find_rate: bool = False,
    tensorboard: bool = False,
    deterministic: bool = False,
    on_progress: Progress | None = None,
) -> Run:
    """Train one arm in this process; a run that exists already is returned as it is.

    A training that was killed goes on where it stood. One that is interrupted from the keyboard leaves a run that is
    ``interrupted``: it can be asked and exported, has not met the test split, and the same call finishes it.

    Args:
        workspace: Split with the defaults if it has not been split.
        arm: ``BACKBONE[@WEIGHTS][:STRATEGY][+TRICK...]``; None takes the one that ``suggested`` names.
        seed: Of initial weights, order and subset. per_class: Training photos a class, all if None.
        epochs: Instead of the strategy's own. size: Of the input in pixels, instead of the backbone's own.
        engine, precision: Of the frozen part, instead of the machine's fastest and float32.
        half: Keep its activations in half precision.
        rate: The highest learning rate, instead of the strategy's own; its others in proportion.
        gpus: So many of the machine's train this arm together, each a share of every batch; None for one.
        find_rate: Let a range test of the rate come before each phase; ``run.rates()`` and the report have its curve.
        tensorboard: Write TensorBoard's files to ``run.path / "tensorboard"``.
        deterministic: Let a GPU, too, give the same bits each time, at its price; a CPU always does.
        on_progress: Told ``(done, total, what)``.
    """
    from transfer.grid import Grid
    from transfer.models.seeding import undisturbed
    from transfer.training.feasible import check_feasible
    from transfer.training.plan import check_arm, check_numbers, resolve
    from transfer.training.trial import Conduct, run_trial

    workspace = Workspace.of(workspace)
    settings: dict[str, Any] = {"epochs": epochs, "size": size, "engine": engine, "precision": precision, "half": half}
    if arm is None:
        arm = suggested(workspace, per_class=per_class, seed=seed).arm
    (one,) = Grid((Arm.parse(arm),), **settings).arms
    check_numbers(seed=seed, per_class=per_class, gpus=gpus)
    manifest = photos_of(workspace)
    check_arm(one, manifest, epochs=epochs, size=size, rate=rate, find_rate=find_rate)
    if not _is_split(manifest):  # for good, so that every fault of the call comes before
        check_feasible(one, size=size, engine=engine, precision=precision, gpus=gpus)
        manifest = split(workspace)
    tell = on_progress or quiet
    own: dict[str, Any] = {"seed": seed, "per_class": per_class, "rate": rate, "gpus": gpus}
    plan = resolve(one, manifest, **own, **settings, on_progress=tell)
    conduct = Conduct(find_rate=find_rate, tensorboard=tensorboard, deterministic=deterministic)
    with undisturbed():
        return run_trial(plan, manifest, workspace, conduct=conduct, on_progress=tell)


def suggested(workspace: Place, *, per_class: int | None = None, seed: int = 0) -> Suggestion:
    """The arm that the number of training photos and the device suggest, and why; it splits nothing for good."""
    import tensorflow as tf

    from transfer.collecting.split import split as divided
    from transfer.training.parts import choose
    from transfer.training.plan import check_numbers
    from transfer.training.suggestion import suggest

    check_numbers(per_class=per_class, seed=seed)
    manifest = photos_of(Workspace.of(workspace))
    manifest = manifest if _is_split(manifest) else divided(manifest)
    train = choose(manifest, per_class=per_class, seed=seed).train
    return suggest(train, gpu=bool(tf.config.list_physical_devices("GPU")))


def compare(
    workspace: Place,
    arms: Sequence[str | Arm] | str | Arm | Grid,
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
    half: bool = False,
    jobs: int = 1,
    ray: str | None = None,
    budget: float | None = None,
    on_progress: Progress | None = None,
) -> Comparison:
    """Train arms x training sizes x seeds on the same splits; only what is missing is trained.

    Args:
        workspace: Split with the defaults if it has not been split and no folds are asked for.
        arms: Their text forms, or that of one; or a whole ``Grid``, which itself says what follows up to ``half``.
        seeds: How many, from 0. per_class: Training photos a class; None for all.
        tricks: Each is added alone to each arm. epochs, size: Instead of every arm's own.
        folds: For small sets: every kept photo is judged once in each of ``seeds`` repetitions of so many folds; the
            given splits play no part. refit: Every arm is trained again on train and validation once those have chosen.
        engine, precision: Of the frozen parts, instead of the machine's fastest and float32.
        half: Keep their activations in half precision.
        jobs: Trials at once. budget: Seconds after which no trial is begun.
        ray: Address of a Ray cluster whose machines run the trials: ``local``, ``auto``, ``HOST:PORT`` or
            ``ray://HOST:PORT``.
        on_progress: Told ``(done, total, what)``.

    Returns:
        The runs, finished, failed and skipped, in the order of the grid; ``to_frame()`` gives a table.
    """
    from transfer.comparison import Comparison
    from transfer.grid import Grid, listed
    from transfer.training import compare as comparing

    workspace = Workspace.of(workspace)
    ks, names = listed("per_class", per_class), listed("tricks", tricks)
    said = (seeds, ks, names, epochs, size, folds, refit, engine, precision, half)
    several = [arms] if isinstance(arms, (str, Arm)) else arms
    grid = several if isinstance(several, Grid) else Grid(tuple(map(Arm.parse, listed("arms", several))), *said)
    if grid is arms and Grid(grid.arms, *said) != Grid(grid.arms):
        raise CallError("A Grid itself says what it runs.", remedy="Give seeds, per_class and the like to the Grid.")
    manifest = photos_of(workspace)
    comparing.check(grid, manifest, jobs=jobs, ray=ray, budget=budget)  # before photos are split for good
    manifest = manifest if grid.folds or _is_split(manifest) else split(workspace)
    _keep(grid, workspace)  # also where what follows is interrupted
    runs = comparing.compare(manifest, workspace, grid=grid, jobs=jobs, ray=ray, budget=budget, on_progress=on_progress)
    return Comparison(tuple(runs))


def _keep(grid: Grid, workspace: Workspace) -> None:
    """Leave the grid in the workspace; the same comparison again writes nothing."""
    text, there = grid.to_toml(), workspace.grid
    if not there.is_file() or there.read_bytes() != text.encode():
        workspace.write_text(there, text)


def _is_split(manifest: Manifest) -> bool:
    return all(photo.split is not None for photo in manifest.kept)
