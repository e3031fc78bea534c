"""MNIST by everyone's commands: LeNet-5 and a linear classifier beside what LeCun et al. 1998 report.

    python scripts/study_mnist.py mnist.npz --into WORK

``mnist.npz`` is Keras' file (arrays x_train, y_train, x_test, y_test). The digits become PNG files in train/ and test/;
a tenth of train becomes validation. All the rest is ``transfer load``, ``split``, ``compare`` and ``report``.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy
from PIL import Image

import transfer


def write_folders(npz: Path, into: Path) -> None:
    """``into/{train,test}/DIGIT/NNNNN.png``; files that are there are not written again."""
    with numpy.load(npz) as arrays:
        for part in ("train", "test"):
            for number, (pixels, digit) in enumerate(zip(arrays[f"x_{part}"], arrays[f"y_{part}"], strict=True)):
                path = into / part / str(digit) / f"{number:05}.png"
                if not path.exists():
                    path.parent.mkdir(parents=True, exist_ok=True)
                    Image.fromarray(pixels).save(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("npz", type=Path)
    parser.add_argument("--into", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=12)
    asked = parser.parse_args()
    begun = time.perf_counter()
    write_folders(asked.npz, asked.into / "digits")
    workspace = asked.into / "workspace"
    transfer.load(asked.into / "digits", into=workspace)
    transfer.split(workspace, validation=0.1)
    # Solved to its optimum on all digits, the linear classifier is the same with every seed.
    arms = {"lenet5:from_scratch": asked.seeds, "raw_pixels:linear_probe": 1}
    for arm, seeds in arms.items():
        transfer.compare(workspace, [arm], seeds=seeds, epochs=asked.epochs, jobs=2)
    table = transfer.runs(workspace).to_frame()
    table["test_error_percent"] = 100 * (1 - table["test_accuracy"])
    print(table[["arm", "seed", "status", "test_error_percent", "test_n", "seconds"]].to_string(index=False))
    print(f"{transfer.report(workspace)}\n{time.perf_counter() - begun:.0f} s in all")


if __name__ == "__main__":
    main()
