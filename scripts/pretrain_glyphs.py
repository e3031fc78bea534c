"""Make the glyph weights that the package carries, and the record beside them.

    python scripts/pretrain_glyphs.py [--into FOLDER] [--seed 0]

Writes resnet20_glyphs.weights.h5 and resnet20_glyphs.json, by default where the package keeps them. Two to three
minutes on two cores. The same seed draws the same glyphs. With the versions that the record names, a rerun on the
machine that made the kept file gave the same bytes; elsewhere threads may add in another order, and the last digits
differ.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from pathlib import Path

from transfer.demo.pretraining import KEPT, Recipe, pretrain, record
from transfer.workspace import atomically


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--into", type=Path, default=KEPT.parent, help="folder of the two files")
    for field in dataclasses.fields(Recipe):
        kind = type(field.default)
        parser.add_argument(f"--{field.name.replace('_', '-')}", type=kind, default=field.default)
    given = vars(parser.parse_args())
    path = given.pop("into") / KEPT.name
    recipe = Recipe(**given)
    pretrained = pretrain(recipe, on_progress=tell)
    with atomically(path) as temporary:
        pretrained.network.save_weights(temporary)
    facts = record(pretrained, recipe, path)
    with atomically(path.with_name("resnet20_glyphs.json")) as temporary:
        temporary.write_text(json.dumps(facts, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(json.dumps({name: facts[name] for name in ("source_accuracy", "target_accuracy", "seconds")}, indent=1))


def tell(done: int, total: int, what: str) -> None:
    """One line for each tenth."""
    if done * 10 // total > (done - max(1, total // 100)) * 10 // total or done == total:
        print(f"{what}: {done} of {total}", file=sys.stderr)


if __name__ == "__main__":
    main()
