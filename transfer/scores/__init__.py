"""Scores: predictions -> numbers with intervals; pure.

Eight files: ``metrics`` (one number from predictions), ``intervals`` (one number with its interval, and corrections
for looking often), ``pairs`` (tests for two or more sets of answers on the same photos), ``difference`` (two arms,
several seeds, photos in groups: the joint paired bootstrap, and how many photos it would take), ``splits`` (two arms
trained in folds: Nadeau and Bengio), ``calibration`` (whether a probability means what it says), ``refusal`` (what a
classifier that may say "unknown" answers, and how often wrongly), ``range_test`` (which learning rate its curve
suggests). It refuses to know runs, manifests, files and networks: arrays in, plain values out.

Everywhere: n photos, C classes, S seeds; ``truth`` int ``(n,)``, ``probabilities`` float ``(n, C)`` with rows that sum
to 1. A share is between 0 and 1; percents are the page's business.
"""

from __future__ import annotations

from transfer.scores.calibration import Bin, reliability, temperature, tempered
from transfer.scores.difference import Difference, Resampled, Resamples, difference, paired_difference, photos_needed
from transfer.scores.intervals import Interval, holm, wilson
from transfer.scores.metrics import (
    ACCURACY,
    BRIER,
    CALIBRATION_ERROR,
    LEAST,
    LOG_LOSS,
    MACRO_F1,
    MEAN_CLASS_ACCURACY,
    METRICS,
    Metric,
    confusion,
    losses,
    per_class,
    top_k,
)
from transfer.scores.pairs import Test, cochran_q, mcnemar
from transfer.scores.range_test import RangeTest, in_powers, range_test
from transfer.scores.refusal import MOST_ERROR, Refusal, Share, answered, least_error, least_threshold, refusal
from transfer.scores.splits import Design, difference_over_splits, mean_over_splits, nadeau_bengio

__all__ = [
    "ACCURACY",
    "BRIER",
    "CALIBRATION_ERROR",
    "LEAST",
    "LOG_LOSS",
    "MACRO_F1",
    "MEAN_CLASS_ACCURACY",
    "METRICS",
    "MOST_ERROR",
    "Bin",
    "Design",
    "Difference",
    "Interval",
    "Metric",
    "RangeTest",
    "Refusal",
    "Resampled",
    "Resamples",
    "Share",
    "Test",
    "answered",
    "cochran_q",
    "confusion",
    "difference",
    "difference_over_splits",
    "holm",
    "in_powers",
    "least_error",
    "least_threshold",
    "losses",
    "mcnemar",
    "mean_over_splits",
    "nadeau_bengio",
    "paired_difference",
    "per_class",
    "photos_needed",
    "range_test",
    "refusal",
    "reliability",
    "temperature",
    "tempered",
    "top_k",
    "wilson",
]
