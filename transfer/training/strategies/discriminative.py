"""Everything at once, each stage at a smaller rate than the one above it.

The last stage learns at 0.4 of the head's rate, the next at 0.4 of that: general stages stay near what they were
(Howard and Ruder 2018, section 3.2, whose factor is 1/2.6). The head starts from the probe's optimum.
Batch norm stays frozen.

When: as ``fine_tune_all``, where its one small rate is too much for the first stages and too little for the last.
Expect ``fine_tune_all`` within a point.
"""

from transfer.strategy import ALL, Head, Phase, Solver, Strategy

strategy = Strategy(
    pretrained=True,
    head=Head(dropout=0.2),
    steps=(
        Solver(),
        Phase(epochs=10, rate=2e-4, thaw=ALL, stage_decay=0.4, schedule="cosine", patience=4, least_steps=60),
    ),
)
