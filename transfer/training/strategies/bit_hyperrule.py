"""Everything at once by one rule for all data sets: BiT-HyperRule.

Momentum at 0.003, a tenth of it after 30, 60 and 90 % of the way; 500 steps below 20,000 photos, 10,000 below 500,000,
20,000 above, in whole passes over the photos, and mixup of 0.1 from 20,000 photos on; photos smaller than 96 x 96
pixels are shown at 128, larger ones at 480, cropped and mirrored (Kolesnikov et al., "Big Transfer", 2020, section
3.3). Both sizes are meant of a backbone of 224 and go with its size. The paper's batches of 512 are batches of 64 here,
at its own rate and number of steps; a twentieth of the steps is warm-up. The head begins at zero, as in the paper's
code. Batch norm adapts (the paper's networks have group norm instead).

When: a GPU, and no time to choose values; ``--size 224`` costs a fifth of 480. Expect ``fine_tune_all`` or more; with
twenty photos a class it was from 3 points below to 11 above the probe (docs/results.md).
"""

import math

from transfer.strategy import ALL, Head, Phase, Strategy

SMALL = 96
"""Pixels: the side of photos, as a square of the same area, below which they count as small."""


def strategy(photos: int, side: float) -> Strategy:
    """The rule, for so many training photos of so many pixels a side."""
    few = photos < 20_000
    steps = 500 if few else 10_000 if photos < 500_000 else 20_000
    passes = steps * 64 / max(photos, 1)
    together = math.ceil(passes / 20)  # in one epoch, so that at most about twenty times validation is asked
    epochs = max(1, round(passes / together))
    phase = Phase(
        epochs=epochs,
        rate=0.003,
        thaw=ALL,
        optimizer="sgd",
        schedule="steps",
        warmup=0.05,
        batch=64,
        batch_norm="adapt",
        least_steps=together * epochs * photos // 64,
        augment="plain",
        mix=None if few else "mixup",
        mix_alpha=0.1,
    )
    return Strategy(pretrained=True, head=Head(zero=True), steps=(phase,), scale=(128 if side < SMALL else 480) / 224)
