"""New dense layers on the frozen backbone's features of random views.

As ``frozen_head``, but each epoch shows another of eight views of every photo. Their features are computed once and
kept, so that augmentation costs eight passes and not one an epoch (random views as in Krizhevsky et al. 2012). A view
is a function of its number and the photo: every seed learns from the same eight.

When: five to fifty photos a class, where a dense head overfits the plain photos. Expect ``frozen_head`` within two or
three points either way: what a crop changes in frozen features nothing above them can unlearn.
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
