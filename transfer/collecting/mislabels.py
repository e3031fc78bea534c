"""Mislabels: photos whose label their own looks contradict. Pure.

Confident learning (Northcutt, Jiang, Chuang 2021, https://arxiv.org/abs/1911.00068): every photo's class probabilities
come from a model that did not see it, and a photo is a suspect where another class is more probable than is usual for
photos of that class. Nothing is set aside: a person decides.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy

FOLDS = 5


@dataclass(frozen=True)
class Suspect:
    """A photo that may carry a wrong label.

    Attributes:
        id: Of the photo. label: Its own. likelier: What it looks like.
        probability: Of its own label, out of fold.
    """

    id: str
    label: str
    likelier: str
    probability: float


def suspects(ids: Sequence[str], labels: Sequence[str], vectors: numpy.ndarray, *, seed: int = 0) -> list[Suspect]:
    """Likely mislabels, the likeliest first.

    A class of one photo is left out, for nothing could be learnt of it; fewer than two classes have no mislabels.

    Args:
        ids, labels: Of n photos. vectors: Features, float ``(n, d)``.
        seed: Of the folds.
    """
    counts = Counter(labels)
    names = sorted(name for name, count in counts.items() if count > 1)
    if len(names) < 2:
        return []
    seen = [at for at, label in enumerate(labels) if label in names]
    given = numpy.array([names.index(labels[at]) for at in seen])
    folds = min(FOLDS, *(counts[name] for name in names))
    probabilities = _out_of_fold(numpy.asarray(vectors, dtype=numpy.float32)[seen], given, folds, seed)
    own = probabilities[numpy.arange(len(given)), given]
    usual = numpy.array([own[given == label].mean() for label in range(len(names))])
    confident = numpy.where(probabilities >= usual, probabilities, -1.0)
    likelier = confident.argmax(axis=1)
    found = numpy.flatnonzero((confident.max(axis=1) > 0) & (likelier != given))
    ordered = found[numpy.argsort(own[found], kind="stable")]
    return [Suspect(ids[seen[at]], names[given[at]], names[likelier[at]], float(own[at])) for at in ordered]


def _out_of_fold(vectors: numpy.ndarray, given: numpy.ndarray, folds: int, seed: int) -> numpy.ndarray:
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    probabilities = numpy.zeros((len(given), given.max() + 1))
    for train, test in StratifiedKFold(folds, shuffle=True, random_state=seed).split(vectors, given):
        # Regularised: few photos and many features would otherwise make every answer sure of itself.
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=200))
        model.fit(vectors[train], given[train])
        probabilities[test] = model.predict_proba(vectors[test])
    return probabilities
