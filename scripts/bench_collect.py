"""How fast photos are collected from a host on this machine that answers each after 50 ms and limits nobody.

    python scripts/bench_collect.py FOLDER [--photos 2000] [--side 256] [--workers 64] [--rival PYTHON]

FOLDER holds real photos. With --rival, the Python of an environment that has img2dataset 1.47, the same photos are
fetched and made smaller by it as well. It needs pandas below 3, and so an environment of its own:

    python -m venv rival && rival/bin/pip install img2dataset==1.47.0 "pandas<3"
    python scripts/bench_collect.py FOLDER --rival rival/bin/python

Each runs in a process of its own; seconds are counted from the start of that process, CPU seconds and memory are its
own and those of its children, the host's are nobody's.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LATENCY = 0.05

OURS = """
import json, sys
from transfer.collecting.collect import collect_photos
from transfer.collecting.source import Source
from transfer.collecting.wanted import Wanted
from transfer.photo import Photo
from transfer.web import Pace, Policy, Web
from transfer.workspace import Workspace

host, count, side, workers, root = sys.argv[1], *map(int, sys.argv[2:5]), sys.argv[5]

def search(query, limit, web, answers):
    for number in range(count):
        yield Photo(id=str(number), file_name="", label="", source="bench", licence="CC0 1.0",
                    title=str(number), image_url=f"{host}/{number}.jpg")

class Here(Wanted):
    def searched(self):
        return {"bench": Source(summary="", search=search)}

web = Web(Policy(allow_loopback=True, paces={"*": Pace(0.0, workers)}))
wanted = Here({"photo": ("photo",)}, per_class=count, side=side, smallest=16)
with web:
    result = collect_photos(wanted, Workspace(root), web, workers=workers)
print(json.dumps(result.to_dict()))
"""

THEIRS = """
import sys
from img2dataset import download
if __name__ == "__main__":
    urls, side, workers, root = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    download(url_list=urls, input_format="txt", output_folder=root, output_format="files", processes_count=1,
             thread_count=workers, image_size=side, resize_mode="keep_ratio_largest", resize_only_if_bigger=True,
             encode_quality=90, enable_wandb=False, disallowed_header_directives=["noai", "noimageai"])
"""


def serve(paths: list[str], port: multiprocessing.Queue) -> None:
    """Answer `/N.jpg` with the N-th photo, a while after it was asked for."""
    contents = [Path(path).read_bytes() for path in paths]

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                number = int(head.split(b" ", 2)[1].strip(b"/").split(b".")[0])
                await asyncio.sleep(LATENCY)
                content = contents[number]
                fields = f"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: {len(content)}\r\n\r\n"
                writer.write(fields.encode() + content)
                await writer.drain()
                if b"connection: close" in head.lower():
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    async def run() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=1024)
        port.put(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


def timed(command: list[str]) -> dict[str, float]:
    """Seconds, CPU seconds and peak memory of a process and its children."""
    begun = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - begun
    if status:
        raise SystemExit(f"{command[0]} failed with status {status}")
    return {"seconds": seconds, "cpu": used.ru_utime + used.ru_stime, "mib": used.ru_maxrss / 1024}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--photos", type=int, default=2000)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--workers", type=int, default=64)
    parser.add_argument("--rival")
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    files = sorted(asked.folder.rglob("*.jpg"), key=lambda file: -file.stat().st_size)
    found = {file.read_bytes(): str(file) for file in files[: asked.photos + 200]}
    paths = list(found.values())[: asked.photos]
    port: multiprocessing.Queue = multiprocessing.Queue()
    host = multiprocessing.Process(target=serve, args=(paths, port), daemon=True)
    host.start()
    url = f"http://127.0.0.1:{port.get()}"
    for _ in range(asked.rounds):
        with tempfile.TemporaryDirectory() as folder:
            numbers = [str(len(paths)), str(asked.side), str(asked.workers)]
            ours = timed([sys.executable, "-c", OURS, url, *numbers, f"{folder}/ours"])
            kept = sum(1 for _ in Path(folder, "ours", "images").rglob("*.jpg"))
            tell("transfer", ours, kept)
            if asked.rival:
                urls, script = Path(folder, "urls.txt"), Path(folder, "rival.py")
                urls.write_text("".join(f"{url}/{number}.jpg\n" for number in range(len(paths))))
                script.write_text(THEIRS)
                theirs = timed(
                    [asked.rival, str(script), str(urls), str(asked.side), str(asked.workers), f"{folder}/b"]
                )
                tell("img2dataset", theirs, sum(1 for _ in Path(folder, "b").rglob("*.jpg")))
    host.terminate()


def tell(who: str, used: dict[str, float], photos: int) -> None:
    figures = {
        "who": who,
        "photos": photos,
        "photos a second": round(photos / used["seconds"]),
        "seconds": round(used["seconds"], 2),
        "CPU seconds for 1,000": round(1000 * used["cpu"] / photos, 2),
        "peak MiB": round(used["mib"]),
    }
    print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    main()
