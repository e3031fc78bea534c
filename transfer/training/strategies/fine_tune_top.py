"""The head first, then the backbone's last stage with it at a small rate.

The head starts from the linear probe's optimum, so that its first gradients do not spoil what the stage knows (Kumar et
al. 2022); the last stage is the one most made for the old task (Yosinski et al., "How transferable are features in deep
neural networks?", 2014). Batch norm stays frozen: its statistics come from far more photos than a small set can offer.

When: a hundred photos a class, or a domain somewhat off the one that the weights come from. Expect the probe's accuracy
of up to some tens of photos a class, and about four points more at a hundred.
"""

from transfer.strategy import Head, Phase, Solver, Strategy

strategy = Strategy(
    pretrained=True,
    head=Head(dropout=0.2),
    steps=(Solver(), Phase(epochs=12, rate=1e-4, thaw=1, schedule="cosine", patience=4, least_steps=100)),
)
