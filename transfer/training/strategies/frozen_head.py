"""New dense layers on the frozen backbone: the classic of the lectures.

A hidden layer of 256 units with dropout, trained by Adam on kept features; early stopping on validation. Donahue et
al., "DeCAF", 2014, had new classifiers learn from a frozen network's features; the lectures' assignment is this one.

When: the linear probe underfits and there are some fifty photos a class or more. Expect the probe's accuracy within two
points either way.
"""

from transfer.strategy import Head, Phase, Strategy

strategy = Strategy(
    pretrained=True,
    head=Head(widths=(256,), dropout=0.4),
    steps=(Phase(epochs=30, rate=1e-3, schedule="cosine", batch=64, patience=8, least_steps=400),),
)
