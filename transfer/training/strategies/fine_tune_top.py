"""The head first, then the backbone's last stage with it at a small rate.

The head starts from the linear probe's optimum, so that its first gradients do not spoil what the stage knows. Batch
norm stays frozen: its statistics come from far more photos than a small set can offer.

When: a hundred photos a class, or a domain somewhat off the one that the weights come from.
"""

from transfer.strategy import Head, Phase, Solver, Strategy

strategy = Strategy(
    pretrained=True,
    head=Head(dropout=0.2),
    steps=(Solver(), Phase(epochs=12, rate=1e-4, thaw=1, schedule="cosine", patience=4, least_steps=100)),
)
