"""What an epoch shows: a function of seed, step, epoch and photos; balanced and mixed as it says."""

from __future__ import annotations

from pathlib import Path

import numpy
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from transfer.models import augment
from transfer.strategy import Phase
from transfer.training import lessons
from transfer.training.rows import Rows

Batches = list[tuple[numpy.ndarray, ...]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Kept rows: part 0 holds 40 pictures of 16 pixels, part 1 as many vectors of 5 numbers."""
    folder = tmp_path_factory.mktemp("rows")
    random = numpy.random.default_rng(0)
    numpy.save(folder / "000000.npy", random.integers(0, 256, (40, 16, 16, 3)).astype("uint8"))
    numpy.save(folder / "000001.npy", random.normal(size=(40, 5)).astype("float32"))
    return folder


def rows(folder: Path, kind: str, count: int = 40) -> Rows:
    where = numpy.stack([numpy.full(count, int(kind == "vectors")), numpy.arange(count)], axis=1)
    return Rows(folder, where, (5,), "float32") if kind == "vectors" else Rows(folder, where, (16, 16, 3), "uint8")


TRUTH = numpy.array([0] * 24 + [1] * 12 + [2] * 4)


def show(folder: Path, kind: str = "vectors", *, draw: tuple[int, ...] = (0, 0, 1), **values: object) -> Batches:
    phase = Phase(epochs=1, rate=1.0, **({"batch": 16} | values))  # type: ignore[arg-type]
    dataset = lessons.epoch(
        phase,
        rows(folder, kind),
        TRUTH,
        keys=numpy.arange(1000, 1040),
        classes=3,
        passes=1,
        draw=list(draw),
        fresh=kind == "pictures",
    )
    return list(dataset.as_numpy_iterator())


HOWS = [
    {},
    {"augment": "plain"},
    {"augment": "strong", "mix": "mixup"},
    {"mix": "mixup", "balance": "weights"},
    {"mix": "cutmix", "mix_alpha": 1.0, "balance": "sampling"},
]


@pytest.mark.parametrize("how", HOWS, ids=str)
def test_the_same_seed_step_and_epoch_show_the_same_bits_and_any_other_shows_others(
    folder: Path, how: dict[str, object]
) -> None:
    first, again, *others = (
        show(folder, "pictures", draw=draw, **how) for draw in ((3, 1, 2), (3, 1, 2), (4, 1, 2), (3, 0, 2), (3, 1, 3))
    )
    for one, other in zip(first, again, strict=True):
        assert all((a == b).all() for a, b in zip(one, other, strict=True))
    for different in others:
        assert any((one[0] != other[0]).any() for one, other in zip(first, different, strict=True))


@pytest.mark.parametrize("kind", ["vectors", "pictures"])
@pytest.mark.parametrize("how", [{}, {"mix": "mixup"}, {"balance": "sampling"}, {"balance": "weights"}], ids=str)
def test_every_target_sums_to_one_and_every_batch_is_whole(folder: Path, kind: str, how: dict[str, object]) -> None:
    batches = show(folder, kind, **how)
    assert [len(batch[0]) for batch in batches] == [16, 16, 8]
    for batch in batches:
        assert batch[1].sum(axis=1) == pytest.approx(numpy.ones(len(batch[0])), abs=1e-6)
        assert (batch[1] >= 0).all()


def test_an_epoch_shows_every_photo_once_under_its_own_label(folder: Path) -> None:
    kept = rows(folder, "vectors")[:]
    shown = show(folder)
    x, y = (numpy.concatenate([batch[part] for batch in shown]) for part in (0, 1))
    places = [int(numpy.flatnonzero((kept == row).all(axis=1))[0]) for row in x]
    assert sorted(places) == list(range(40)) != places
    assert (y.argmax(axis=1) == TRUTH[places]).all()


def test_a_photo_has_the_same_views_in_any_company(folder: Path) -> None:
    """Setting one photo aside changes the order, but not how another is seen, the first time or the second."""
    phase = Phase(epochs=1, rate=1.0, batch=64, augment="plain")
    seen = []
    for without in (None, 7):
        left = [at for at in range(40) if at != without]
        where = numpy.stack([numpy.zeros(len(left), int), left], axis=1)
        shown = lessons.epoch(
            phase,
            Rows(folder, where, (16, 16, 3), "uint8"),
            numpy.arange(len(left)),  # each its own class, so that its target names it
            keys=5000 + numpy.array(left),
            classes=len(left),
            passes=2,
            draw=[0, 0, 1],
            fresh=True,
        )
        views: dict[int, list[bytes]] = {}
        for pictures, targets in shown.as_numpy_iterator():
            for picture, at in zip(pictures, targets.argmax(axis=1), strict=True):
                views.setdefault(left[at], []).append(picture.tobytes())
        seen.append(views)
    whole, fewer = seen
    assert all(len(set(views)) == 2 for views in whole.values())
    assert fewer == {photo: views for photo, views in whole.items() if photo != 7}


@pytest.mark.parametrize("devices", [2, 3, 7])
@pytest.mark.parametrize("balance", [None, "sampling"])
def test_every_device_has_as_many_photos_of_each_batch(
    folder: Path, devices: int, balance: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lessons.devices, "together", lambda: devices)
    batches = show(folder, balance=balance, batch=lessons.devices.shared(16))
    sizes = [len(batch[0]) for batch in batches]
    assert all(size % devices == 0 for size in sizes)
    assert 40 <= sum(sizes) < 40 + devices
    if balance is None:
        kept = {row.tobytes() for row in rows(folder, "vectors")[:]}
        assert {row.tobytes() for batch in batches for row in batch[0]} == kept, "and no photo is left out"


def test_balanced_draws_show_each_class_equally_often(folder: Path) -> None:
    drawn = numpy.concatenate(
        [b[1].argmax(1) for epoch in range(30) for b in show(folder, draw=(0, 0, epoch), balance="sampling", batch=40)]
    )
    counts = numpy.bincount(drawn, minlength=3)
    n = len(drawn)
    assert n == 1200
    assert abs(counts - n / 3).max() < 4 * (n * (1 / 3) * (2 / 3)) ** 0.5  # four deviations of a binomial


@given(st.lists(st.integers(0, 6), min_size=1, max_size=60))
def test_class_weights_have_mean_one_and_each_class_the_same_sum(truth: list[int]) -> None:
    classes = numpy.array(truth)
    weights = lessons._weights(classes)
    assert weights.mean() == pytest.approx(1, rel=1e-5)
    sums = [weights[classes == label].sum() for label in set(truth)]
    assert sums == pytest.approx([len(truth) / len(sums)] * len(sums), rel=1e-5)


def test_weights_travel_with_their_photos(folder: Path) -> None:
    expected = 40 / (3 * numpy.array([24, 12, 4]))
    for _, y, weights in show(folder, balance="weights"):
        assert weights == pytest.approx(expected[y.argmax(axis=1)], rel=1e-5)


# --- mixtures ---


def batch(n: int, seed: int, *, pictures: bool = True) -> tuple[numpy.ndarray, numpy.ndarray]:
    random = numpy.random.default_rng(seed)
    x = random.integers(0, 256, (n, 8, 8, 3)).astype("uint8") if pictures else random.normal(size=(n, 5))
    return x if pictures else x.astype("float32"), numpy.eye(3, dtype="float32")[random.integers(0, 3, n)]


def how(share: float, place: tuple[float, float] = (0.5, 0.5)) -> tuple[tf.Tensor, tf.Tensor]:
    return tf.constant(share, tf.float32), tf.constant(place, tf.float32)


@settings(max_examples=25)
@given(share=st.floats(0, 1), n=st.integers(1, 5), seed=st.integers(0, 9))
def test_mixup_is_the_convex_combination_with_the_one_opposite(share: float, n: int, seed: int) -> None:
    x, y = batch(n, seed, pictures=False)
    mixed, targets = (part.numpy() for part in augment.mixup(x, y, how(share)))
    assert mixed == pytest.approx(share * x + (1 - share) * x[::-1], abs=1e-5)
    assert targets == pytest.approx(share * y + (1 - share) * y[::-1], abs=1e-6)


def test_mixed_pictures_are_rounded_and_stay_pictures() -> None:
    x, y = batch(4, 0)
    mixed, _ = (part.numpy() for part in augment.mixup(x, y, how(0.3)))
    assert mixed.dtype == "uint8"
    exact = 0.3 * x.astype("float64") + 0.7 * x[::-1].astype("float64")
    assert abs(mixed - exact).max() <= 0.5 + 1e-4


@settings(max_examples=40)
@given(share=st.floats(0, 1), place=st.tuples(st.floats(0, 0.999), st.floats(0, 0.999)), n=st.integers(1, 4))
def test_cutmix_shares_labels_by_the_area_that_is_seen(share: float, place: tuple[float, float], n: int) -> None:
    x = numpy.broadcast_to(numpy.arange(n, dtype="uint8")[:, None, None, None], (n, 16, 16, 3))
    y = numpy.eye(n, dtype="float32")
    mixed, targets = (part.numpy() for part in augment.cutmix(tf.constant(x), y, how(share, place)))
    for own, picture, target in zip(range(n), mixed, targets, strict=True):
        seen = numpy.bincount(picture[..., 0].ravel(), minlength=n) / 256
        assert target == pytest.approx(seen, abs=1e-5), own
        assert target.sum() == pytest.approx(1, abs=1e-6)


def test_cutmix_takes_about_the_area_that_was_drawn_where_it_fits() -> None:
    x = tf.image.resize(batch(2, 0)[0], (64, 64), method="nearest")
    _, targets = augment.cutmix(x, numpy.eye(2, dtype="float32"), how(0.75))
    assert targets.numpy()[0] == pytest.approx([0.75, 0.25], abs=0.03)


def test_mixed_labels_count_by_the_weights_of_their_own_photos() -> None:
    x, y = batch(2, 0, pictures=False)
    y = numpy.eye(3, dtype="float32")[:2]
    weights = numpy.array([0.5, 2.0], "float32")
    _, targets, both = (part.numpy() for part in augment.mixup(x, y, weights, how(0.6)))
    assert both[:, None] * targets == pytest.approx(numpy.array([[0.6 * 0.5, 0.4 * 2, 0], [0.4 * 0.5, 0.6 * 2, 0]]))
    assert targets.sum(axis=1) == pytest.approx([1, 1])


# --- views ---


@pytest.mark.parametrize("kind", sorted(augment.VIEWS))
def test_a_view_is_a_picture_of_the_same_size_and_a_function_of_its_seed(kind: str) -> None:
    picture = tf.constant(batch(1, 1)[0][0])
    views = [augment.VIEWS[kind](picture, tf.constant([5, n])).numpy() for n in range(6)]
    assert all(view.shape == (8, 8, 3) and view.dtype == "uint8" for view in views)
    assert (augment.VIEWS[kind](picture, tf.constant([5, 2])).numpy() == views[2]).all()
    assert len({view.tobytes() for view in views}) == 6


def test_a_strong_view_hides_a_grey_square_and_a_plain_one_none() -> None:
    white = tf.fill((40, 40, 3), tf.constant(255, tf.uint8))
    hidden = []
    for n in range(20):
        plain, strong = (augment.VIEWS[kind](white, tf.constant([0, n])).numpy() for kind in ("plain", "strong"))
        assert len(numpy.unique(plain)) == 1, "a white picture is evenly light, wherever one looks"
        grey = (strong == 128).all(axis=2)
        hidden.append(grey.mean())
        places = numpy.argwhere(grey)
        if len(places):
            height, width = numpy.ptp(places, axis=0) + 1
            assert height * width == grey.sum(), "a square, perhaps cut off at the border"
    assert max(hidden) == pytest.approx(augment.ERASED**2, abs=0.02)
