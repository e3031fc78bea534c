"""Weights files into networks: both forms, every kind of misfit, and never half of anything."""

from __future__ import annotations

from pathlib import Path

import h5py
import keras
import numpy
import pytest

from transfer.errors import WeightsError
from transfer.models.backbone import BACKBONES
from transfer.models.weights import load

# Keras 3.15 turns its own variables to arrays in a way that NumPy 2 asks to change.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)


def network(name: str = "lenet5", seed: int = 0) -> keras.Model:
    keras.utils.set_random_seed(seed)
    return BACKBONES[name].network(32)


def numbers(model: keras.Model) -> list[numpy.ndarray]:
    return [numpy.array(keras.ops.convert_to_numpy(variable.value)) for variable in model.variables]


def assert_equal(model: keras.Model, expected: list[numpy.ndarray]) -> None:
    for found, wanted in zip(numbers(model), expected, strict=True):
        numpy.testing.assert_array_equal(found, wanted)


def assert_refused(model: keras.Model, path: Path, why: str) -> None:
    """The file is refused in a sentence that names it, and the network is as it was."""
    before = numbers(model)
    with pytest.raises(WeightsError, match=why) as caught:
        load(model, path)
    assert str(path) in str(caught.value)
    assert_equal(model, before)


def write_old(model: keras.Model, path: Path, *, whole: bool = False) -> None:
    """A file as Keras 2 wrote it: lists of names as attributes, and a group for each layer."""
    with h5py.File(path, "w") as file:
        root = file.create_group("model_weights") if whole else file
        root.attrs["layer_names"] = [layer.name.encode() for layer in model.layers]
        root.attrs["keras_version"] = b"2.9.0"
        root.attrs["backend"] = b"tensorflow"
        for layer in model.layers:
            group = root.create_group(layer.name)
            names = [f"{layer.name}/{variable.name}:0" for variable in layer.weights]
            group.attrs["weight_names"] = [name.encode() for name in names]
            for name, variable in zip(names, layer.weights, strict=True):
                group.create_dataset(name, data=keras.ops.convert_to_numpy(variable.value))
        if whole:
            file.create_group("optimizer_weights").create_dataset("momentum", data=numpy.ones(99))


@pytest.mark.parametrize("name", ["mobilenet", "convnext_tiny"])
def test_an_old_file_loads_into_networks_with_depthwise_and_with_nested_layers(name: str, tmp_path: Path) -> None:
    trained = network(name, seed=1)
    rng = numpy.random.default_rng(0)
    for variable in trained.trainable_variables:  # biases and scales begin alike in every network
        if len(variable.shape) == 1:
            variable.assign(rng.normal(size=variable.shape))
    write_old(trained, tmp_path / "old.h5")
    expected = numbers(trained)
    fresh = network(name, seed=2)
    load(fresh, tmp_path / "old.h5")
    assert_equal(fresh, expected)


@pytest.mark.parametrize("name", ["mine.weights.h5", "mine.h5", "mine"])
def test_a_keras_3_file_loads_whatever_its_name(name: str, tmp_path: Path) -> None:
    trained, fresh = network(seed=1), network(seed=2)
    trained.save_weights(tmp_path / "x.weights.h5")
    (tmp_path / "x.weights.h5").rename(tmp_path / name)
    load(fresh, tmp_path / name)
    assert_equal(fresh, numbers(trained))


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("name", ["old.h5", "old.weights.h5"])
def test_a_file_of_older_keras_loads_whatever_its_name(name: str, whole: bool, tmp_path: Path) -> None:
    trained, fresh = network("resnet20", seed=1), network("resnet20", seed=2)
    write_old(trained, tmp_path / name, whole=whole)
    load(fresh, tmp_path / name)
    assert_equal(fresh, numbers(trained))


def test_weights_of_a_compiled_network_load_without_its_optimiser(tmp_path: Path) -> None:
    trained = network(seed=1)
    trained.compile(optimizer="adam", loss="mse")
    trained.optimizer.build(trained.trainable_variables)
    trained.save_weights(tmp_path / "x.weights.h5")
    fresh = network(seed=2)
    load(fresh, tmp_path / "x.weights.h5")
    assert_equal(fresh, numbers(trained))


def test_weights_of_another_architecture_are_refused(tmp_path: Path) -> None:
    network("resnet20").save_weights(tmp_path / "resnet20.weights.h5")
    assert_refused(network("lenet5"), tmp_path / "resnet20.weights.h5", "another architecture than lenet5")


def test_weights_of_another_width_are_refused(tmp_path: Path) -> None:
    network("mobilenet_v2_035").save_weights(tmp_path / "narrow.weights.h5")
    assert_refused(network("mobilenet_v2"), tmp_path / "narrow.weights.h5", "410,208 numbers.*2,257,984")


@pytest.mark.parametrize("old", [False, True])
def test_as_many_numbers_in_other_shapes_are_refused_and_nothing_is_half_loaded(old: bool, tmp_path: Path) -> None:
    def two_layers(seed: int) -> keras.Model:
        keras.utils.set_random_seed(seed)
        return keras.Sequential([keras.Input((4,)), keras.layers.Dense(3), keras.layers.Dense(7)], name="two_layers")

    path = tmp_path / ("other.h5" if old else "other.weights.h5")
    other = two_layers(seed=1)
    if old:
        write_old(other, path)
    else:
        other.save_weights(path)
    with h5py.File(path, "r+") as file:
        turn_the_last_kernel(file)
    # The first layer fits, so Keras has loaded it when it meets the second.
    assert_refused(two_layers(seed=2), path, "others, or of other shapes")


def turn_the_last_kernel(file: h5py.File) -> None:
    """Store the kernel (3, 7) as (7, 3): as many numbers, another shape."""
    found = []
    file.visititems(lambda name, member: found.append(name) if getattr(member, "shape", None) == (3, 7) else None)
    turned = file[found[0]][:].T
    del file[found[0]]
    file.create_dataset(found[0], data=turned)


def test_a_text_file_called_weights_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.weights.h5").write_text("remember to train this")
    assert_refused(network(), tmp_path / "notes.weights.h5", "damaged, or no weights file")


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.weights.h5").touch()
    assert_refused(network(), tmp_path / "empty.weights.h5", "damaged, or no weights file")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_file_that_is_cut_off_is_refused(share: float, tmp_path: Path) -> None:
    network("resnet20").save_weights(tmp_path / "x.weights.h5")
    whole = (tmp_path / "x.weights.h5").read_bytes()
    (tmp_path / "x.weights.h5").write_bytes(whole[: int(share * len(whole))])
    assert_refused(network("resnet20", seed=1), tmp_path / "x.weights.h5", "damaged|another architecture")


def test_an_hdf5_file_without_weights_is_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "table.weights.h5", "w") as file:
        file["numbers"] = numpy.zeros(network().count_params())
    assert_refused(network(), tmp_path / "table.weights.h5", "damaged|another architecture")


@pytest.mark.shared
def test_the_real_narrow_weights_do_not_fit_the_full_width(shared_data: Path) -> None:
    path = shared_data / "weights" / "mobilenetv2_0.35_224_notop.weights.h5"
    assert_refused(network("mobilenet_v2"), path, "another architecture than mobilenetv2_1.00_32")
