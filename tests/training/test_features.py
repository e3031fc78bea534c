"""Kept activations: computed once, known by content, whole or absent, and not all in memory."""

from __future__ import annotations

import dataclasses
import time
import tracemalloc
from pathlib import Path

import keras
import numpy
import pytest

from transfer import stored, workflow
from transfer.errors import DataError, TrainingError
from transfer.manifest import Manifest
from transfer.space import clean
from transfer.training import batches, features
from transfer.training.features import Store
from transfer.workspace import Workspace

SETTING = {"stage": "mean colour", "size": 16, "engine": "keras", "precision": "float32"}


def mean_colour() -> keras.Model:
    pictures = keras.Input((16, 16, 3), dtype="uint8")
    return keras.Model(pictures, keras.ops.mean(keras.ops.cast(pictures, "float32"), axis=(1, 2)))


def refuse(*_: object, **__: object) -> object:
    raise AssertionError("a pixel was touched")


def test_a_second_look_at_the_same_photos_touches_no_pixel(
    workspace: Workspace, manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(workspace, SETTING)
    assert store.fill(manifest.kept, mean_colour) > 0
    first = store.rows(manifest.kept)[:]
    monkeypatch.setattr(batches, "pictures", refuse)
    assert store.fill(manifest.kept, refuse) == 0
    assert (store.rows(manifest.kept)[:] == first).all()


def test_rows_are_the_networks_answers_in_the_photos_order(workspace: Workspace, manifest: Manifest) -> None:
    store = Store(workspace, SETTING)
    photos = list(reversed(manifest.kept))
    store.fill(manifest.kept[5:], mean_colour)
    store.fill(photos, mean_colour)
    pictures = numpy.concatenate(list(batches.pictures(photos, workspace, size=16, batch=7)))
    assert store.rows(photos)[:] == pytest.approx(pictures.mean(axis=(1, 2)), abs=1e-3)
    held = numpy.concatenate([b.numpy() for b in store.rows(photos).batches(numpy.array([3, 1, 2]), 2)])
    assert (held == store.rows(photos)[numpy.array([3, 1, 2])]).all()


def test_batches_from_disk_are_those_from_memory(
    workspace: Workspace, manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(workspace, SETTING)
    store.fill(manifest.kept, mean_colour)
    order = numpy.random.default_rng(0).permutation(len(manifest.kept))
    in_memory = [b.numpy() for b in store.rows(manifest.kept).batches(order, 8)]
    monkeypatch.setattr("transfer.training.rows.IN_MEMORY", 0)
    from_disk = [b.numpy() for b in store.rows(manifest.kept).batches(order, 8)]
    assert all((a == b).all() for a, b in zip(in_memory, from_disk, strict=True))


def test_two_that_fill_one_store_at_once_mix_no_rows(workspace: Workspace, manifest: Manifest) -> None:
    photos = manifest.kept

    def while_another_fills() -> keras.Model:
        Store(workspace, SETTING).fill(photos[3:], mean_colour)
        return mean_colour()

    Store(workspace, SETTING).fill(photos[:-3], while_another_fills)
    pictures = numpy.concatenate(list(batches.pictures(photos, workspace, size=16, batch=7)))
    assert Store(workspace, SETTING).rows(photos)[:] == pytest.approx(pictures.mean(axis=(1, 2)), abs=1e-3)


def test_photos_that_were_read_by_another_rule_are_in_another_store(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = Store(workspace, SETTING).digest
    monkeypatch.setattr(stored, "READING", "as it was")
    assert Store(workspace, SETTING).digest != now


def test_another_setting_is_another_store(workspace: Workspace) -> None:
    digests = {
        Store(workspace, SETTING | change).digest for change in ({}, {"size": 17}, {"weights": "x"}, {"engine": "y"})
    }
    assert len(digests) == 4


def test_a_photo_loaded_again_after_a_change_is_computed_anew(workspace: Workspace, manifest: Manifest) -> None:
    store = Store(workspace, SETTING)
    store.fill(manifest.kept, mean_colour)
    changed = dataclasses.replace(manifest.kept[0], sha256="0" * 64)
    assert store.missing([changed, *manifest.kept[1:]]) == [changed]


def test_a_file_that_changed_behind_the_manifest_is_named(tmp_path: Path, photo_folder: Path) -> None:
    workspace = Workspace(tmp_path / "ws")
    manifest = workflow.load(photo_folder, workspace, copy=True)
    victim = workspace.photo_path(manifest.kept[3].file_name)
    victim.write_bytes(workspace.photo_path(manifest.kept[4].file_name).read_bytes())
    with pytest.raises(DataError, match=victim.name):
        Store(workspace, SETTING).fill(manifest.kept, mean_colour)


def test_activations_without_their_keys_are_no_activations(workspace: Workspace, manifest: Manifest) -> None:
    store = Store(workspace, SETTING)
    store.fill(manifest.kept, mean_colour)
    whole = store.rows(manifest.kept)[:]
    for keys in store.folder.glob("*.keys"):
        keys.unlink()  # as after a kill between the two writes
    assert len(store.missing(manifest.kept)) == len({photo.sha256 for photo in manifest.kept})
    store.fill(manifest.kept, mean_colour)
    assert (store.rows(manifest.kept)[:] == whole).all()


@pytest.mark.parametrize("length", [0, 100, -8])
def test_activations_that_were_cut_off_are_computed_again(
    workspace: Workspace, manifest: Manifest, length: int
) -> None:
    """As by a copy that was stopped; ours are written whole or not at all."""
    store = Store(workspace, SETTING)
    store.fill(manifest.kept, mean_colour)
    whole = store.rows(manifest.kept)[:]
    for part in store.folder.glob("*.npy"):
        part.write_bytes(part.read_bytes()[:length])
    rows, _ = Store(workspace, SETTING).take(manifest.kept, mean_colour)
    assert (rows[:] == whole).all()


def test_a_part_is_bounded_in_bytes_and_larger_ones_of_before_are_still_read(
    workspace: Workspace, manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos, store = manifest.kept, Store(workspace, SETTING)
    store.fill(photos[:9], mean_colour)
    assert [len(keys) for keys in store.stored.parts().values()] == [9]
    monkeypatch.setattr(features, "PART_BYTES", 3 * 4 * 7 + 11)  # a row is three numbers
    store.fill(photos, mean_colour)
    assert sorted(len(keys) for keys in store.stored.parts().values()) == [6, 7, 7, 7, 9]
    assert store.rows(photos)[:] == pytest.approx(expected(workspace, manifest), abs=1e-3)
    monkeypatch.setattr(features, "PART_BYTES", 1)
    half = Store(workspace, HALF)
    half.fill(photos[:3], mean_colour)
    assert [len(keys) for keys in half.stored.parts().values()] == [1, 1, 1], "at least one photo a part"


def test_parts_that_were_finished_before_a_crash_are_kept(
    tmp_path: Path, workspace: Workspace, manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(features, "PART", 10)

    def crash(number: int, path: Path) -> None:
        if path.suffix == ".npy" and number > 4:
            raise KeyboardInterrupt

    dying = Workspace(workspace.root, on_write=crash)
    with pytest.raises(KeyboardInterrupt):
        Store(dying, SETTING).fill(manifest.kept, mean_colour)
    assert 0 < len(Store(workspace, SETTING).missing(manifest.kept)) <= len(manifest.kept) - 10


# --- freed by another process ---


def expected(workspace: Workspace, manifest: Manifest) -> numpy.ndarray:
    pictures = numpy.concatenate(list(batches.pictures(manifest.kept, workspace, size=16, batch=7)))
    return pictures.mean(axis=(1, 2))


def free(store: Store) -> None:
    clean(Workspace(store.workspace.root), ["all"], now=time.time() + 1e6)
    assert not store.folder.exists()


def test_rows_stay_readable_when_they_are_freed(
    workspace: Workspace, manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("transfer.training.rows.IN_MEMORY", 0)
    store = Store(workspace, SETTING)
    rows, _ = store.take(manifest.kept, mean_colour)
    free(store)
    assert rows[:] == pytest.approx(expected(workspace, manifest), abs=1e-3)
    assert store.missing(manifest.kept)


def test_what_is_freed_while_it_is_filled_is_computed_again(
    workspace: Workspace, manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(features, "PART", 10)
    store = Store(workspace, SETTING)
    freed: list[int] = []

    def tell(done: int, total: int, what: str) -> None:
        if done == 20 and not freed:
            freed.append(done)
            free(store)

    rows, _ = store.take(manifest.kept, mean_colour, on_progress=tell)
    assert freed
    assert rows[:] == pytest.approx(expected(workspace, manifest), abs=1e-3)
    assert store.missing(manifest.kept) == []


@pytest.mark.parametrize("suffix", [".json", ".npy", ".keys"])
def test_what_is_freed_between_two_writes_is_no_half(
    workspace: Workspace, manifest: Manifest, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    monkeypatch.setattr(features, "PART", 10)
    freed: list[Path] = []

    def free_once(number: int, path: Path) -> None:
        if path.suffix == suffix and not freed:
            freed.append(path)
            free(Store(workspace, SETTING))

    store = Store(Workspace(workspace.root, on_write=free_once), SETTING)
    rows, _ = store.take(manifest.kept, mean_colour)
    assert freed
    assert rows[:] == pytest.approx(expected(workspace, manifest), abs=1e-3)
    assert Store(workspace, SETTING).rows(manifest.kept)[:] == pytest.approx(rows[:])


@pytest.mark.parametrize("last", [1, 4, 6])
def test_a_crash_after_a_file_that_is_freed_leaves_rows_that_are_right(
    workspace: Workspace, manifest: Manifest, monkeypatch: pytest.MonkeyPatch, last: int
) -> None:
    monkeypatch.setattr(features, "PART", 16)

    def crash(number: int, path: Path) -> None:
        if number == last:
            raise KeyboardInterrupt

    store = Store(workspace, SETTING)
    whole = store.take(manifest.kept, mean_colour)[0][:]
    assert len(list(store.folder.iterdir())) == 7  # keys of three parts, about.json, three parts
    with pytest.raises(KeyboardInterrupt):
        clean(Workspace(workspace.root, on_write=crash), ["features"], now=time.time())
    assert store.missing(manifest.kept)
    assert (store.take(manifest.kept, mean_colour)[0][:] == whole).all()


# --- half precision ---

HALF = SETTING | {"half": True}


def test_halves_take_half_the_disk_in_a_store_of_their_own_and_are_read_as_float32(
    workspace: Workspace, manifest: Manifest
) -> None:
    stores = [Store(workspace, setting) for setting in (SETTING, HALF)]
    whole, half = (store.take(manifest.kept, mean_colour)[0][:] for store in stores)
    assert stores[0].folder != stores[1].folder
    assert half.dtype == "float32"
    assert half == pytest.approx(whole, rel=2**-11)
    assert (half != whole).any()
    kept = [numpy.load(path) for store in stores for path in store.folder.glob("*.npy")]
    assert [rows.dtype for rows in kept] == ["float32", "float16"]
    assert kept[0].nbytes == 2 * kept[1].nbytes


def test_what_is_too_large_for_half_precision_is_a_sentence_and_nothing_is_kept(
    workspace: Workspace, manifest: Manifest
) -> None:
    def bright() -> keras.Model:
        model = mean_colour()
        return keras.Model(model.input, model.output * 1e4)

    with pytest.raises(TrainingError, match="too large for half precision"):
        Store(workspace, HALF).fill(manifest.kept, bright)
    assert not Store(workspace, HALF).folder.exists()


def test_memory_does_not_grow_with_the_number_of_photos(
    workspace: Workspace, manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(features, "PART", 8)

    def pictures(photos: list, workspace: Workspace, *, size: int, batch: int, view: str):
        for start in range(0, len(photos), 4):
            yield numpy.zeros((len(photos[start : start + 4]), 16, 16, 3), "uint8")

    monkeypatch.setattr(batches, "pictures", pictures)

    def as_it_is() -> keras.Model:
        pictures = keras.Input((16, 16, 3), dtype="uint8")
        return keras.Model(pictures, keras.layers.Identity()(pictures))

    def peak(count: int) -> int:
        photos = [dataclasses.replace(manifest.kept[0], sha256=f"{count}-{n}") for n in range(count)]
        tracemalloc.start()
        Store(workspace, SETTING | {"stage": f"pixels {count}"}).fill(photos, as_it_is)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    peak(16)  # whatever is made once
    few, many = peak(64), peak(1024)
    kept = 960 * 16 * 16 * 3
    assert many - few < 0.25 * kept, f"{many - few} bytes more for {kept} bytes of activations more"
