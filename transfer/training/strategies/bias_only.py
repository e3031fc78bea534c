"""Train every bias, and the head; every kernel stays as it was.

Shifts alone move features a long way (Zaken, Goldberg and Ravfogel, "BitFit", 2022; Cai et al., "TinyTL", 2020). In
networks with batch norm, whose convolutions have no bias, these are its shifts. Batch norm adapts, statistics included.

When: hardly any photos and networks with biases (VGG, ConvNeXt). Expect between the linear probe and ``fine_tune_all``.
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
            part="bias",
            batch_norm="adapt",
            schedule="cosine",
            patience=4,
            least_steps=60,
        ),
    ),
)
