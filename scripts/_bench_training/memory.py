"""Peak memory of extraction for few and for many photos, each in a process of its own.

The photos' files are repeated, each copy made another content by a few bytes behind its end. The peak is that of the
whole process (VmHWM): imports, network, conversion, extraction.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import tempfile
import time
from pathlib import Path

from _bench_training.measuring import apart, median, photo, photos_in, possible, spread, table, tell, title, weights_of
from transfer.photo import Photo


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path)
    parser.add_argument("--counts", nargs="+", type=int, default=[1000, 20000])
    parser.add_argument("--backbone", default="mobilenet_v2_035")
    parser.add_argument("--precision", default="float32")


def run(asked: argparse.Namespace) -> None:
    print(title("Peak memory of extraction"))
    if not possible("openvino", [asked.precision]):
        raise SystemExit("no precision is left to be measured")
    rows, peaks = [], []
    with tempfile.TemporaryDirectory() as folder:
        tell(f"writing {max(asked.counts):,} files")
        photos = repeated(photos_in(asked.folder), max(asked.counts), Path(folder, "photos"))
        for count in asked.counts:
            found = []
            for number in range(asked.rounds):
                tell(f"{count:,} photos, round {number + 1}")
                place = Path(folder, f"{count}-{number}")
                found.append(apart(extract, place, asked.backbone, asked.precision, photos[:count]))
            peaks.append(median(one["peak"] for one in found))
            columns = ("imported", "built", "peak")
            rates = [count / one["seconds"] for one in found]
            rows.append([f"{count:,}", *(spread([one[name] for one in found]) for name in columns), spread(rates)])
    head = ["photos", "MiB after imports", "with the engine", "peak", "photos a second"]
    print(f"{asked.backbone} in {asked.precision}.\n\n{table(head, rows)}")
    print(
        f"The peak for {asked.counts[-1]:,} photos is {peaks[-1] / peaks[0]:.3f} of that for {asked.counts[0]:,}, "
        f"{peaks[-1] / 2048:.2f} of 2 GiB.\n"
    )


def repeated(photos: list[Photo], count: int, into: Path) -> list[Photo]:
    """So many photos with different contents that look like these ones, in turn."""
    into.mkdir()
    found = []
    for number, one in zip(range(count), itertools.cycle(photos), strict=False):
        # Behind the end-of-image marker a decoder looks at nothing.
        content = Path(one.file_name).read_bytes() + number.to_bytes(8)
        path = into / f"{number:06d}.jpg"
        path.write_bytes(content)
        found.append(photo(path, hashlib.sha256(content).hexdigest()))
    return found


def extract(place: Path, backbone: str, precision: str, photos: list[Photo]) -> dict[str, float]:
    """Fill a new store as a trial does; MiB on the way, and seconds."""
    from transfer.models.backbone import BACKBONES
    from transfer.models.classifier import Classifier
    from transfer.training import engine as engines
    from transfer.training import memory
    from transfer.training.features import Store
    from transfer.workspace import Workspace

    memory.keep_pages()
    imported = memory.held()
    classifier = Classifier(BACKBONES[backbone], None, classes=2, size=224, weights=weights_of(backbone))
    setting = {"backbone": backbone, "weights": "bench", "stage": "pooled", "size": 224}
    store = Store(Workspace(place), setting | {"engine": engines.usual(), "precision": precision})
    built: list[int] = []

    def note(done: int, total: int, what: str) -> None:
        if not built:
            built.append(memory.held())

    begun = time.perf_counter()
    store.fill(photos, lambda: classifier.bottom(classifier.last_cut), on_progress=note)
    seconds = time.perf_counter() - begun
    if store.missing(photos):
        raise SystemExit("not every photo was kept")
    mib = 1 << 20
    return {
        "imported": imported / mib,
        "built": built[0] / mib,
        "peak": memory.peak_mb() * 1e6 / mib,
        "seconds": seconds,
    }
