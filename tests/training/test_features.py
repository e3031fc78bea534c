"""Kept activations: computed once, known by content, whole or absent, and not all in memory."""

from __future__ import annotations

import dataclasses
import tracemalloc
from pathlib import Path

import keras
import numpy
import pytest

from transfer import workflow
from transfer.errors import DataError
from transfer.manifest import Manifest
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
    monkeypatch.setattr(features, "IN_MEMORY", 0)
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
