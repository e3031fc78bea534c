"""Train batch norm's scales and shifts, and the head; every kernel stays as it was.

A hundredth of the weights or two, in every stage. Batch norm adapts: its statistics follow the new photos too (Frankle,
Schwab and Morcos, "Training BatchNorm and Only BatchNorm", 2021, train random networks so; Mudrakarta et al., "K for
the Price of 1", 2019, transfer so).

When: photos whose light or colour is unlike ImageNet's. A network without batch norm learns only its head by this.
Expect between the linear probe and ``fine_tune_all``.
"""

from transfer.strategy import ALL, Head, Phase, Solver, Strategy

strategy = Strategy(
    pretrained=True,
    head=Head(dropout=0.2),
    steps=(
        Solver(),
        Phase(
            epochs=10,
            rate=1e-3,
            thaw=ALL,
            part="batch_norm",
            batch_norm="adapt",
            schedule="cosine",
            patience=4,
            least_steps=60,
        ),
    ),
)
