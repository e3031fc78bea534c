"""Thaw stage by stage from the top, each time at a smaller rate.

The head learns alone, then the last stage with it, then one more, then one more: lower stages, which are the more
general, are disturbed last and least (Howard and Ruder, "Universal Language Model Fine-tuning", 2018; Lightning Flash's
``freeze_unfreeze`` milestones). Batch norm stays frozen.

When: some fifty photos a class and a domain off ImageNet. Expect ``fine_tune_top`` or somewhat more, at a higher price.
"""

from transfer.strategy import Head, Phase, Solver, Strategy


def _thawed(stages: int, rate: float) -> Phase:
    return Phase(epochs=4, rate=rate, thaw=stages, schedule="cosine", patience=3, least_steps=40)


strategy = Strategy(
    pretrained=True,
    head=Head(dropout=0.2),
    steps=(Solver(), _thawed(1, 1e-4), _thawed(2, 5e-5), _thawed(3, 2.5e-5)),
)
