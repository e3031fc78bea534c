"""A linear support vector machine on frozen, pooled features, each class against the rest.

What transfer learning was first measured with (Sharif Razavian et al., "CNN Features off-the-shelf", 2014). The
penalty is chosen on validation along the linear probe's path, which ends where every photo is learnt and three in a row
are no better; margins become probabilities by one factor, fitted there too.

When: beside the linear probe, from some tens of photos a class on. Expect the probe's accuracy within two points, and
probabilities that are worth less.
"""

from transfer.strategy import Head, Solver, Strategy

strategy = Strategy(pretrained=True, head=Head(), steps=(Solver(kind="svm"),))
