"""Best: the weights that a phase leaves, chosen on validation among its epochs.

Weights are kept as they were judged, statistics of batch norm included.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import keras
import numpy

from transfer.training.checkpoint import Kept


class Best:
    """The weights of the epochs with the best validation result: accuracy first, then loss. Epoch 0 is the start.

    Args:
        model: Whose weights. soup: How many are averaged, greedily, the best first (Wortsman et al. 2022); 0: none.
        judge: Loss and accuracy of the model's present weights.
    """

    def __init__(self, model: keras.Model, soup: int, judge: Callable[[], tuple[float, float]]) -> None:
        self._model, self._soup, self.judge = model, soup, judge
        self.kept: list[Kept] = []

    @property
    def epoch(self) -> int | None:
        return self.kept[0][1] if self.kept else None

    def offer(self, epoch: int, loss: float, accuracy: float) -> None:
        """Keep the model's present weights, if their result is among the best."""
        result = (accuracy, -loss)
        if len(self.kept) < max(1, self._soup) or result > self.kept[-1][0]:
            self.kept.append((result, epoch, self._model.get_weights()))
            self.kept.sort(key=lambda kept: (kept[0], -kept[1]), reverse=True)
            del self.kept[max(1, self._soup) :]

    def restore(self) -> None:
        """Put what was best into the model; interrupted while it averages, the best so far."""
        if not self.kept:
            return
        best, _, weights = self.kept[0]
        taken = [weights]
        try:
            for _, _, more in self.kept[1:]:
                self._model.set_weights(_mean([*taken, more]))
                loss, accuracy = self.judge()
                if (accuracy, -loss) > best:
                    best, taken, weights = (accuracy, -loss), [*taken, more], self._model.get_weights()
        finally:
            self._model.set_weights(weights)


def _mean(several: Sequence[list[numpy.ndarray]]) -> list[numpy.ndarray]:
    """The mean of each array over several lists of them."""
    return several[0] if len(several) == 1 else [numpy.mean(same, axis=0) for same in zip(*several, strict=True)]
