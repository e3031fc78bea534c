"""How fast photos are looked at by `transfer check`, and how fast near duplicates are found among many hashes.

    python scripts/bench_check.py FOLDER [--rival PYTHON] [--hashes 1000000]

FOLDER holds photos in class folders. With --rival, the Python of an environment that has CleanVision 0.3.7, the same
photos are looked at by it as well, with two jobs:

    python -m venv rival && rival/bin/pip install cleanvision==0.3.7
    python scripts/bench_check.py FOLDER --rival rival/bin/python

Each runs in a process of its own, and seconds are those of the work, without the imports. Then a truncated JPEG is laid
among copies of a few photos, and both are asked again.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

OURS = """
import json, sys, time
from pathlib import Path
from transfer.collecting.looks import look_all
from transfer.collecting.near import near_pairs
import numpy
paths = sorted(Path(sys.argv[1]).rglob("*.jpg"))
begun = time.perf_counter()
looks = list(look_all(paths))
pairs = near_pairs(numpy.array([look.hash for look in looks if look.reason is None], dtype=numpy.uint64), 5)
seconds = time.perf_counter() - begun
bad = sum(look.reason is not None for look in looks)
print(json.dumps({"photos": len(paths), "seconds": seconds, "unreadable": bad}))
"""

THEIRS = """
import json, sys, time
from pathlib import Path
from cleanvision import Imagelab
if __name__ == "__main__":
    paths = sorted(str(path) for path in Path(sys.argv[1]).rglob("*.jpg"))
    begun = time.perf_counter()
    lab = Imagelab(filepaths=paths)
    lab.find_issues(n_jobs=2, verbose=False)
    seconds = time.perf_counter() - begun
    print(json.dumps({"photos": len(paths), "seconds": seconds}))
"""

HASHES = """
import json, resource, sys, time
import numpy
from transfer.collecting.near import near_pairs
count = int(sys.argv[1])
rng = numpy.random.default_rng(0)
hashes = rng.integers(0, 2**63, count, dtype=numpy.uint64)
changed = rng.integers(0, 63, count // 10).astype(numpy.uint64)
hashes[-len(changed):] = hashes[:len(changed)] ^ (numpy.uint64(1) << changed)
begun = time.process_time()
found = len(near_pairs(hashes, 5))
seconds = time.process_time() - begun
mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"hashes": count, "pairs": found, "CPU seconds": round(seconds, 1), "peak MiB": round(mib)}))
"""


def run(python: str, script: str, *arguments: str) -> dict[str, float] | None:
    """The figures that a script prints; None where it fails."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "run.py")
        file.write_text(script)
        done = subprocess.run([python, str(file), *arguments], capture_output=True, text=True)
    if done.returncode:
        print(f"  failed: {done.stderr.strip().splitlines()[-1][:200]}")
        return None
    return json.loads(done.stdout.strip().splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rival")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--hashes", type=int, default=1_000_000)
    asked = parser.parse_args()
    rivals = [("transfer", sys.executable, OURS)] + ([("CleanVision", asked.rival, THEIRS)] if asked.rival else [])
    with tempfile.TemporaryDirectory() as folder:
        few = Path(folder, "few")
        few.mkdir()
        for number, photo in enumerate(sorted(asked.folder.rglob("*.jpg"))[:20]):
            shutil.copy(photo, few / f"{number}.jpg")
        whole = (few / "0.jpg").read_bytes()
        (few / "cut.jpg").write_bytes(whole[: len(whole) // 2])
        for _ in range(asked.rounds):
            for who, python, script in rivals:
                found = run(python, script, str(asked.folder))
                if found:
                    print(f"{who}: {found['photos'] / found['seconds']:.0f} photos a second", flush=True)
        for who, python, script in rivals:
            print(f"{who}, with a truncated file among {len(list(few.iterdir()))}:", run(python, script, str(few)))
    print(run(sys.executable, HASHES, str(asked.hashes)))


if __name__ == "__main__":
    main()
