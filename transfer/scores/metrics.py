"""Metrics: one number from predictions.

Every metric here is a function of *sums over photos*: it states what one photo contributes (``parts``) and how the sums
become a number (``total``). So a thousand bootstrap resamples of any metric are one matrix product, and a new metric is
resampled for nothing. It refuses intervals; those are next door.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy
from numpy import ndarray

BINS = 15
"""Of the expected calibration error (Guo et al. 2017)."""

LEAST = float(numpy.finfo("float32").eps)
"""Predictions are kept as float32: a smaller probability is a rounded zero, and would make a loss infinite."""


@dataclass(frozen=True)
class Metric:
    """One number from predictions.

    Attributes:
        name: In files and code. title: In front of a person.
        parts: ``(truth (n,), probabilities (n, C))`` -> what each photo contributes, float ``(n, k)``.
        total: Sums of the parts, float ``(..., k)`` -> values ``(...)``; NaN where there was nothing to sum.
        higher_is_better: Which way is good.
    """

    name: str
    title: str
    parts: Callable[[ndarray, ndarray], ndarray]
    total: Callable[[ndarray], ndarray]
    higher_is_better: bool = True

    def __call__(self, truth: ndarray, probabilities: ndarray) -> float:
        """The value on these photos; NaN on none.

        >>> ACCURACY(numpy.array([0, 1]), numpy.array([[0.9, 0.1], [0.6, 0.4]]))
        0.5
        """
        return float(self.total(self.parts(truth, probabilities).sum(axis=0)))


def _ratio(above: ndarray, below: ndarray) -> ndarray:
    """Elementwise quotient; NaN where nothing was counted."""
    return numpy.divide(above, below, out=numpy.full(numpy.shape(above), numpy.nan), where=below > 0)


def _mean_over_classes(values: ndarray) -> ndarray:
    """Mean over the last axis of the classes that occur; NaN where none does."""
    present = ~numpy.isnan(values)
    return _ratio(numpy.where(present, values, 0.0).sum(axis=-1), present.sum(axis=-1))


def _mean_of(value: Callable[[ndarray, ndarray], ndarray]) -> Callable[[ndarray, ndarray], ndarray]:
    """Parts of a plain mean over photos: the value, and a one to count by."""

    def parts(truth: ndarray, probabilities: ndarray) -> ndarray:
        return numpy.column_stack([value(truth, probabilities), numpy.ones(len(truth))])

    return parts


def _mean(sums: ndarray) -> ndarray:
    return _ratio(sums[..., 0], sums[..., 1])


def _one_hot(index: ndarray, classes: int) -> ndarray:
    return (index[:, None] == numpy.arange(classes)).astype(float)


def _rank(truth: ndarray, probabilities: ndarray) -> ndarray:
    """How many classes stand before the right one; of equal ones the first counts as higher, as in argmax."""
    own = probabilities[numpy.arange(len(truth)), truth][:, None]
    earlier = numpy.arange(probabilities.shape[1]) < truth[:, None]
    return ((probabilities > own) | ((probabilities == own) & earlier)).sum(axis=1)


def losses(truth: ndarray, probabilities: ndarray) -> ndarray:
    """Negative natural logarithm of the probability given to the right class, for each photo, float ``(n,)``."""
    own = probabilities[numpy.arange(len(truth)), truth].astype(float)
    return -numpy.log(numpy.clip(own, LEAST, 1.0))


def top_k(k: int) -> Metric:
    """Share of photos whose label is among the k most probable classes."""
    return Metric(f"top_{k}", f"top-{k} accuracy", _mean_of(lambda truth, p: _rank(truth, p) < k), _mean)


def _class_parts(truth: ndarray, probabilities: ndarray) -> ndarray:
    """For each class: right answers, photos of it, answers of it: ``(n, 3 C)``."""
    classes = probabilities.shape[1]
    given, predicted = _one_hot(truth, classes), _one_hot(probabilities.argmax(axis=1), classes)
    return numpy.concatenate([given * predicted, given, predicted], axis=1)


def _mean_recall(sums: ndarray) -> ndarray:
    right, given, _ = numpy.split(sums, 3, axis=-1)
    return _mean_over_classes(_ratio(right, given))


def _mean_f1(sums: ndarray) -> ndarray:
    right, given, predicted = numpy.split(sums, 3, axis=-1)
    return _mean_over_classes(_ratio(2 * right, given + predicted))


def _brier(truth: ndarray, probabilities: ndarray) -> ndarray:
    return ((probabilities - _one_hot(truth, probabilities.shape[1])) ** 2).sum(axis=1)


def bin_of(confidence: ndarray) -> ndarray:
    """The bin of each confidence, int ``(n,)``: open below and closed above, as in Guo et al."""
    return numpy.clip(numpy.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)


def _calibration_parts(truth: ndarray, probabilities: ndarray) -> ndarray:
    """For each bin of confidence: right answers minus confidence; last a one to count by: ``(n, BINS + 1)``."""
    confidence = probabilities.max(axis=1).astype(float)
    right = probabilities.argmax(axis=1) == truth
    return numpy.column_stack(
        [_one_hot(bin_of(confidence), BINS) * (right - confidence)[:, None], numpy.ones(len(truth))]
    )


def _calibration_error(sums: ndarray) -> ndarray:
    return _ratio(numpy.abs(sums[..., :-1]).sum(axis=-1), sums[..., -1])


ACCURACY = Metric("accuracy", "accuracy", _mean_of(lambda truth, p: p.argmax(axis=1) == truth), _mean)
"""Share of photos whose most probable class is their label."""

MEAN_CLASS_ACCURACY = Metric("mean_class_accuracy", "mean per-class accuracy", _class_parts, _mean_recall)
"""Recall averaged over the classes that occur, each class counting the same (balanced accuracy)."""

MACRO_F1 = Metric("macro_f1", "macro F1", _class_parts, _mean_f1)
"""F1 averaged over the classes that occur among labels or answers."""

LOG_LOSS = Metric("log_loss", "log loss", _mean_of(losses), _mean, higher_is_better=False)
"""Mean negative natural logarithm of the probability given to the right class."""

BRIER = Metric("brier", "Brier score", _mean_of(_brier), _mean, higher_is_better=False)
"""Mean squared distance to the one-hot label, 0 to 2 (Brier 1950)."""

CALIBRATION_ERROR = Metric(
    "calibration_error", "expected calibration error", _calibration_parts, _calibration_error, higher_is_better=False
)
"""Mean distance between confidence and accuracy over 15 equal bins of confidence (Naeini 2015, Guo et al. 2017)."""

METRICS = {
    metric.name: metric
    for metric in (ACCURACY, top_k(5), MEAN_CLASS_ACCURACY, MACRO_F1, LOG_LOSS, BRIER, CALIBRATION_ERROR)
}
"""Every metric that a comparison states, by name."""


def confusion(truth: ndarray, predicted: ndarray, classes: int) -> ndarray:
    """How often each label (row) was answered with each class (column), int ``(classes, classes)``.

    >>> confusion(numpy.array([0, 0, 1]), numpy.array([0, 1, 1]), 2).tolist()
    [[1, 1], [0, 1]]
    """
    return numpy.bincount(truth * classes + predicted, minlength=classes**2).reshape(classes, classes)


def per_class(table: ndarray) -> tuple[ndarray, ndarray]:
    """Precision and recall of each class of a confusion table, each float ``(classes,)``; NaN where undefined."""
    right = table.diagonal().astype(float)
    return _ratio(right, table.sum(axis=0)), _ratio(right, table.sum(axis=1))
