"""fastai's fine_tune: one epoch of the head, then one cycle of everything at rates over three groups.

The head alone rises to its rate until the end of its epoch. Then the rate rises for three tenths of the cycle and falls
for the rest (Smith, "A disciplined approach to neural network hyper-parameters", 2018); half of the first rate for the
head, a tenth of that for the upper stages, a hundredth for the lower ones (Howard and Gugger, "fastai", 2020).
Momentum does not cycle, and batch norm stays frozen: adapting, as it does there, was measured to lose at these rates
what the rest gains (docs/results.md).

When: some hundred photos a class and a GPU. Expect ``fine_tune_all``.
"""

from transfer.strategy import ALL, Head, Phase, Strategy

strategy = Strategy(
    pretrained=True,
    head=Head(pool="concat", widths=(256,), dropout=0.4, batch_norm=True),
    steps=(
        Phase(epochs=1, rate=2e-3, schedule="one_cycle", rise=0.99, batch=64, least_steps=40),
        Phase(
            epochs=8,
            rate=1e-3,
            thaw=ALL,
            group_rates=(0.1, 0.01),
            schedule="one_cycle",
            rise=0.3,
            start=5.0,
            weight_decay=0.01,
            batch=64,
            least_steps=80,
        ),
    ),
)
