"""fastai's fine_tune: one epoch of the head, then one cycle of everything, its lower stages slower.

The rate rises for a quarter of the cycle and falls for the rest (Smith, "A disciplined approach to neural network
hyper-parameters", 2018); the second part goes at half the first one's rate, spread over the stages (Howard and Gugger,
"fastai", 2020). Batch norm adapts, as it does there.

When: some hundred photos a class and a GPU. Expect ``fine_tune_all``.
"""

from transfer.strategy import ALL, Head, Phase, Strategy

strategy = Strategy(
    pretrained=True,
    head=Head(pool="concat", widths=(256,), dropout=0.4, batch_norm=True),
    steps=(
        Phase(epochs=1, rate=2e-3, schedule="one_cycle", batch=64, least_steps=40),
        Phase(
            epochs=8,
            rate=1e-3,
            thaw=ALL,
            stage_decay=0.4,
            schedule="one_cycle",
            batch_norm="adapt",
            weight_decay=0.01,
            batch=64,
            least_steps=80,
        ),
    ),
)
