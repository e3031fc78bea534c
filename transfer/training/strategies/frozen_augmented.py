"""New dense layers on the frozen backbone's features of random views.

As ``frozen_head``, but each epoch shows another of eight views of every photo. Their features are computed once and
kept, so that augmentation costs eight passes and not one an epoch.

When: five to fifty photos a class, where a dense head overfits the plain photos. Expect ``frozen_head`` or a point
more.
"""

from transfer.strategy import Head, Phase, Strategy

strategy = Strategy(
    pretrained=True,
    head=Head(widths=(256,), dropout=0.4),
    steps=(
        Phase(
            epochs=32, rate=1e-3, schedule="cosine", batch=64, patience=12, least_steps=400, augment="plain", views=8
        ),
    ),
)
