"""How fast training is, and how near to what the machine allows: the items of docs/benchmarks.md under Training.

    python scripts/bench_training.py ITEM FOLDER... [options] > tables.md

    engine FLOWERS            photos a second from JPEG files to pooled features, the limit of the same run, and Keras
    comparison FLOWERS        3 heads x 5 seeds x 20 epochs on a frozen network, and the same as Keras' guide writes it
    top FLOWERS               an epoch of the last stage from kept activations, plain Keras, and what a step allows
    memory FLOWERS            peak memory of extraction for 1,000 and for 20,000 photos
    start FLOWERS             from `transfer train` to the first step; a skipped run; a trial on kept features
    norms FLOWERS             a step with batch norm that adapts, and the same as Keras writes it
    accuracy FOLDER FOLDER    engines, bfloat16 and halves beside Keras in float32: differences with intervals

FLOWERS is a folder of class folders with JPEG photos. Each item is a sitting of its own; ``ITEM --help`` tells its
options. Tables go to stdout, talk to stderr. Ratios are made in each round and are of that round; what is shown is
their median over ``--rounds``. Published weights are used where Keras' cache holds them, else random ones: that
changes no speed, and ``comparison`` and ``accuracy`` refuse it.
"""

from __future__ import annotations

import argparse
import importlib
import os

ITEMS = ("engine", "comparison", "top", "memory", "start", "norms", "accuracy")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("item", choices=ITEMS)
    parser.add_argument("rest", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    item = importlib.import_module(f"_bench_training.{asked.item}")
    own = argparse.ArgumentParser(
        prog=f"{parser.prog} {asked.item}",
        description=item.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    own.add_argument("--rounds", type=int, default=3)
    item.add_arguments(own)
    item.run(own.parse_args(asked.rest))


if __name__ == "__main__":
    main()
