"""Everything from random weights, with the network's published head.

What the photos alone can teach: the baseline that shows what pretraining is worth (as Kornblith et al. 2019 compare it
on twelve data sets). Few photos make few steps, so an epoch passes over them several times.

The rate is one at which networks without batch norm learn too: at 1e-3 AlexNet's loss leaps at the second step and
stays at guessing.

When: to compare, or with tens of thousands of photos far from any pretrained domain. Expect tens of points below the
linear probe of a pretrained network where photos are few: not far above guessing with twenty a class.
"""

from transfer.strategy import ALL, Phase, Strategy

strategy = Strategy(
    pretrained=False,
    head=None,
    steps=(
        Phase(
            epochs=30,
            rate=3e-4,
            thaw=ALL,
            schedule="cosine",
            warmup=0.05,
            clip=1.0,
            weight_decay=1e-4,
            batch_norm="adapt",
            patience=10,
            least_steps=120,
        ),
    ),
)
