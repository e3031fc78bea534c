"""The other side of the proof: a program that knows only TensorFlow and asks a SavedModel about real photos.

    python proof.py SAVED_MODEL FOLDER BATCH

FOLDER holds NNNN.encoded (a file's bytes) and NNNN.npy (the same picture, upright uint8); ``answers.json`` is written
beside them with all that each signature answers: ``encoded`` to BATCH files at once, ``images`` to one picture. Neither
this package nor Keras can be imported here, so an artifact that secretly needs them fails.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any


def main(model: str, folder: Path, batch: int) -> None:
    """Ask both signatures."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.modules["keras"] = sys.modules["transfer"] = None  # type: ignore[assignment]
    import numpy
    import tensorflow as tf

    signatures = tf.saved_model.load(model).signatures
    files = sorted(folder.glob("*.encoded"))
    answers: dict[str, dict[str, list[Any]]] = {
        name: {"label": [], "probability": [], "probabilities": [], "labels": []}
        for name in ("serving_default", "images")
    }

    def keep(name: str, answer: dict[str, Any]) -> None:
        kept = answers[name]
        kept["label"] += [label.decode() for label in answer["label"].numpy()]
        kept["labels"] = [label.decode() for label in answer["labels"].numpy()]
        for figures in ("probability", "probabilities"):
            kept[figures] += answer[figures].numpy().tolist()

    for start in range(0, len(files), batch):
        encoded = tf.constant([file.read_bytes() for file in files[start : start + batch]])
        keep("serving_default", signatures["serving_default"](encoded=encoded))
    for file in files:
        keep("images", signatures["images"](images=tf.constant(numpy.load(file.with_suffix(".npy"))[None])))
    (folder / "answers.json").write_text(json.dumps(answers), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
