"""Each photo goes to the class whose mean of frozen features is nearest; nothing is fitted but the means.

The yardstick of few-shot learning (Mensink et al. 2013; Snell, Swersky and Zemel, "Prototypical Networks", 2017). Only
the sharpness of its probabilities is chosen on validation.

When: one to five photos a class, or as the cheapest check of what features know. Expect about the linear probe's
accuracy at one photo a class, and to fall behind it from five on.
"""

from transfer.strategy import Head, Solver, Strategy

strategy = Strategy(pretrained=True, head=Head(), steps=(Solver(kind="centroid"),))
