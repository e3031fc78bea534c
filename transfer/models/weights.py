"""Weights: where published weights come from, their hashes, and what to do without a network.

It owns the way from a name (``imagenet``), a file or nothing at all to a file on this disk, and from that file into a
network. Published files lie where Keras itself keeps them, ``$KERAS_HOME/models`` or ``~/.keras/models``, so that a
file that either has fetched serves both. It refuses to delete or overwrite a file that lies there, to wait for a silent
host, and to leave a network half loaded.

``TRANSFER_WEIGHTS_URL`` names a mirror of the host of Keras' published weights.
"""

from __future__ import annotations

import functools
import hashlib
import math
import os
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import keras

from transfer import web
from transfer.errors import CallError, TransferError, WeightsError
from transfer.models.backbone import KERAS_HUB, Backbone, Weights
from transfer.progress import Progress, quiet

HOST = "https://storage.googleapis.com/tensorflow/keras-applications"
NONE = "none"
_DAMAGE = (OSError, KeyError, RuntimeError)
"""What h5py and Keras raise on a file that is cut off, scrambled or something else."""


@dataclass(frozen=True)
class Located:
    """Weights on this disk.

    Attributes:
        name: As published, or the path of a file that was named.
        path: The file.
        sha256: Of its bytes; what a run's ID is made from.
        licence: As published; None for a file that was named.
        size: Side in pixels of the pictures they were trained on, where it differs from the backbone's usual one.
    """

    name: str
    path: Path
    sha256: str
    licence: str | None = None
    size: int | None = None


def locate(
    backbone_name: str,
    backbone: Backbone,
    wanted: str | None,
    *,
    pretrained: bool,
    arm: str | None = None,
    timeout: float = 5.0,
    on_progress: Progress = quiet,
) -> Located | None:
    """The file that an arm starts from, fetched where it must be; None where it starts from random weights.

    Args:
        backbone_name: Its name on the shelf.
        backbone: What lies there.
        wanted: What the arm says after ``@``: ``none``, a published name, a file, or None for the usual ones.
        pretrained: Whether the strategy wants weights.
        arm: The arm's text form, for the sentence of an error.
        timeout: Seconds without a sign from the host before it is given up.
        on_progress: Told how many megabytes (of a million bytes) were fetched, and of how many.

    Raises:
        CallError: There are no such weights.
        WeightsError: They cannot be had, or are not what was published. Nothing in the cache was touched.
    """
    chosen = choose(backbone_name, backbone, wanted, pretrained=pretrained, arm=arm)
    if chosen is None:
        return None
    if isinstance(chosen, Path):
        return Located(str(wanted), chosen, _digest(chosen, "sha256"))
    path = _packaged(chosen) or _kept_by_keras_hub(chosen)
    path = path or _cached(backbone_name, chosen, timeout, on_progress)
    return Located(chosen.name, path, _digest(path, "sha256"), chosen.licence, chosen.size)


def choose(
    backbone_name: str, backbone: Backbone, wanted: str | None, *, pretrained: bool, arm: str | None = None
) -> Weights | Path | None:
    """The published weights or the file that ``locate`` would give, asked of no host; None for random weights.

    Raises:
        CallError: There are no such weights.
    """
    if wanted == NONE or (wanted is None and not pretrained):
        return None
    published = {weights.name: weights for weights in backbone.weights}
    if wanted is None and not published:
        if not backbone.learned:
            return None
        raise CallError(
            f"{backbone_name} has no published weights.",
            received=arm or backbone_name,
            remedy=f"Use {backbone_name}:from_scratch, name a file as {backbone_name}@FILE, "
            f"or {backbone_name}@none to try random features.",
        )
    name = wanted or next(iter(published))
    if name in published:
        return published[name]
    try:
        path = Path(name).expanduser()
        if path.is_file():
            return path
    except (RuntimeError, OSError, ValueError):  # nobody's home, a name too long, a character that no name has
        pass
    raise CallError(
        f"{backbone_name} has no weights of this name, and there is no such file.",
        received=name,
        remedy=f"Known: {', '.join((*published, NONE))}; or name a file as {backbone_name}@FILE.",
    )


def load(network: keras.Model, path: str | os.PathLike[str]) -> None:
    """Load a weights file into a network, all of it or nothing.

    Keras 3 files (``.weights.h5``) and those of older Keras (``.h5``) are told apart by what is in them.

    Raises:
        WeightsError: The file is damaged or made for another architecture; the network is as it was before.
    """
    path = Path(path)
    try:
        with h5py.File(path) as file:
            suffix, held = ".h5" if _is_old(file) else ".weights.h5", _count(file)
    except _DAMAGE as error:
        raise _unreadable(path) from error
    needed = network.count_params()
    if held != needed:
        raise _misfit(network, path, f"It holds {held:,} numbers; the network has {needed:,}")
    before = [keras.ops.copy(variable.value) for variable in network.variables]
    try:
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            # Keras warns, and goes on, where a file lacks what a layer needs.
            warnings.simplefilter("error", UserWarning)
            _load_as(network, path, suffix, Path(folder))
    except (ValueError, UserWarning) as error:
        _restore(network, before)
        raise _misfit(network, path, "Its layers are others, or of other shapes") from error
    except _DAMAGE as error:
        _restore(network, before)
        raise _unreadable(path) from error


# --- finding ---


def cache() -> Path:
    """The folder where Keras keeps published weights."""
    home = os.environ.get("KERAS_HOME")
    return (Path(home) if home else Path.home() / ".keras") / "models"


def _packaged(weights: Weights) -> Path | None:
    """The file in the package's own data, where the weights lie there."""
    kind, _, name = weights.file.partition(":")
    if kind != "package":
        return None
    path = Path(__file__).parents[1] / "data" / name
    fault = _fault(path, weights.hash) if path.is_file() else "The weights that the package carries are missing"
    if fault is not None:
        raise WeightsError(f"{fault}.", received=path, remedy="Install transfer again.")
    return path


def _kept_by_keras_hub(weights: Weights) -> Path | None:
    """The file of a preset, where KerasHub keeps it."""
    if not weights.file.startswith(KERAS_HUB):
        return None
    from transfer.models.backbones._keras_hub import weights_file

    return weights_file(weights.file.removeprefix(KERAS_HUB))


def _cached(backbone_name: str, weights: Weights, timeout: float, on_progress: Progress) -> Path:
    path = cache() / weights.file.rsplit("/", 1)[-1]
    if path.exists():
        fault = _fault(path, weights.hash)
        if fault is not None:
            raise WeightsError(
                f"{fault}. It was left as it is.",
                received=path,
                remedy=f"Move it away to have it fetched again, or name the right file as {backbone_name}@FILE.",
            )
        return path
    url = f"{os.environ.get('TRANSFER_WEIGHTS_URL', HOST).rstrip('/')}/{weights.file}"

    def tell(done: int, total: int | None, _: str) -> None:
        megabytes = [math.ceil(count / 1e6) for count in (done, total or 0)]
        on_progress(megabytes[0], megabytes[1], f"MB of the {weights.name} weights of {backbone_name} fetched")

    def check(temporary: Path) -> None:
        fault = _fault(temporary, weights.hash)
        if fault is not None:
            raise WeightsError(f"{fault}. It was not kept.", received=url)

    try:
        web.download(url, path, timeout=timeout, begin=1.6 * timeout, check=check, on_progress=tell)
    except (TransferError, OSError) as error:
        what = error.what if isinstance(error, TransferError) else f"The cache cannot be written: {error}."
        raise WeightsError(
            f"The {weights.name} weights of {backbone_name} could not be fetched. {what}",
            received=url,
            remedy=f"Fetch that file on a machine that can and put it at {path}, "
            f"or name where it lies as {backbone_name}@FILE.",
        ) from error
    return path


def _fault(path: Path, published: str | None) -> str | None:
    """Why this file is not the published one, or None. Without a published hash it must at least be an HDF5 file."""
    if published is None:
        return None if h5py.is_hdf5(path) else "The file holds no weights (it is not HDF5)"
    algorithm, _, expected = published.partition(":")
    found = _digest(path, algorithm)
    return None if found == expected else f"The file is not the published one (its {algorithm} is {found})"


def _digest(path: Path, algorithm: str) -> str:
    """The hash of a file, computed again only where the file has changed: each cell of a grid asks."""
    about = path.stat()
    return _hashed(path.resolve(), algorithm, about.st_size, about.st_mtime_ns)


@functools.cache
def _hashed(path: Path, algorithm: str, size: int, changed: int) -> str:
    with path.open("rb") as file:
        # Keras publishes MD5 sums; against accidents, not against enemies.
        return hashlib.file_digest(file, lambda: hashlib.new(algorithm, usedforsecurity=False)).hexdigest()


# --- loading ---


def _load_as(network: keras.Model, path: Path, suffix: str, folder: Path) -> None:
    """Load under a name that ends as Keras expects of this form: it looks at the name alone."""
    is_named_so = path.name.endswith(suffix) and (suffix != ".h5" or not path.name.endswith(".weights.h5"))
    if not is_named_so:
        link = folder / f"renamed{suffix}"
        link.symlink_to(path.resolve())
        path = link
    network.load_weights(path)


def _restore(network: keras.Model, before: list[Any]) -> None:
    for variable, value in zip(network.variables, before, strict=True):
        variable.assign(value)


def _is_old(file: h5py.File) -> bool:
    # A long list of names is cut into numbered pieces.
    return "model_weights" in file or "layer_names" in file.attrs or "layer_names0" in file.attrs


def _count(file: h5py.File) -> int:
    """Numbers in the file, those of an optimiser left out."""
    sizes: list[int] = []

    def visit(name: str, member: h5py.HLObject) -> None:
        if isinstance(member, h5py.Dataset) and name.split("/", 1)[0] not in ("optimizer", "optimizer_weights"):
            sizes.append(member.size)

    file.visititems(visit)
    return sum(sizes)


def _misfit(network: keras.Model, path: Path, why: str) -> WeightsError:
    return WeightsError(
        f"The weights were made for another architecture than {network.name}. {why}.",
        received=path,
        remedy=f"Name weights of a {network.name} without its top layers.",
    )


def _unreadable(path: Path) -> WeightsError:
    return WeightsError(
        "The weights file is damaged, or no weights file.",
        received=path,
        remedy="Fetch it again, or name another file.",
    )
