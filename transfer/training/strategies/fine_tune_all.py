"""Linear probe, then everything at a small rate (LP-FT).

Fine-tuning from a random head distorts good features; from the probe's optimum it does not (Kumar et al., "Fine-Tuning
can Distort Pretrained Features and Underperform Out-of-Distribution", 2022). Batch norm stays frozen.

When: hundreds of photos a class, or a domain far off the one that the weights come from; slow on a CPU. Expect
``fine_tune_top`` or more, the further off the more (Kornblith et al. 2019: over twelve data sets fine-tuning beats the
probe on nearly all, least where classes are ImageNet's own).
"""

from transfer.strategy import ALL, Head, Phase, Solver, Strategy

strategy = Strategy(
    pretrained=True,
    head=Head(dropout=0.2),
    steps=(Solver(), Phase(epochs=10, rate=5e-5, thaw=ALL, schedule="cosine", patience=4, least_steps=60)),
)
