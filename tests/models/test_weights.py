"""Published weights against a loopback imitation of their host, a cache of their own, and files of every sort."""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, BinaryIO

import numpy
import pytest

from transfer import workflow
from transfer.errors import CallError, WeightsError
from transfer.models.backbone import BACKBONES, Backbone, Weights
from transfer.models.weights import locate
from transfer.workspace import Workspace

# Keras 3.15 turns its own variables to arrays in a way that NumPy 2 asks to change.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)

FILE = "tiny/tiny_notop.weights.h5"


class Host:
    """A host of published weights on this machine.

    Attributes:
        content: What it answers. mode: How it behaves.
        asked: Paths it was asked for. agents: The user agents that asked.
        release: Ends every silence.
    """

    def __init__(self, content: bytes) -> None:
        self.content, self.mode = content, "good"
        self.asked: list[str] = []
        self.agents: list[str] = []
        self.release = threading.Event()
        host = self

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                host.asked.append(self.path)
                host.agents.append(self.headers["User-Agent"])
                if host.mode == "silent":
                    host.release.wait(30)
                    return
                if host.mode == "missing":
                    self.send_error(404)
                    return
                if host.mode == "moved" and not self.path.startswith("/new/"):
                    self.send_response(302)
                    self.send_header("Location", f"/new{self.path}")
                    self.end_headers()
                    return
                self.send_response(200)
                self.send_header("Content-Length", str(len(host.content)))
                self.end_headers()
                self.write()

            def write(self) -> None:
                half = len(host.content) // 2
                if host.mode == "broken":
                    self.wfile.write(host.content[:half])
                elif host.mode == "stalled":
                    self.wfile.write(host.content[:half])
                    host.release.wait(30)
                elif host.mode == "slow":
                    for piece in numpy.array_split(numpy.frombuffer(host.content, "uint8"), 15):
                        self.wfile.write(piece.tobytes())
                        self.wfile.flush()
                        host.release.wait(0.2)
                else:
                    self.wfile.write(host.content)

            def log_message(self, *words: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def stop(self) -> None:
        self.release.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A weights file of LeNet-5."""
    path = tmp_path_factory.mktemp("host") / "tiny.weights.h5"
    BACKBONES["lenet5"].network(32).save_weights(path)
    return path.read_bytes()


@pytest.fixture
def host(content: bytes, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    host = Host(content)
    monkeypatch.setenv("TRANSFER_WEIGHTS_URL", host.url)
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    yield host
    host.stop()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    return tmp_path / "keras" / "models"


@pytest.fixture
def tiny(content: bytes) -> Backbone:
    """LeNet-5, as if weights had been published for it."""
    md5 = hashlib.md5(content).hexdigest()
    return replace(BACKBONES["lenet5"], weights=(Weights("imagenet", FILE, f"md5:{md5}", "MIT"),))


def fetch(backbone: Backbone, wanted: str | None = None, timeout: float = 5.0) -> Path:
    located = locate("tiny", backbone, wanted, pretrained=True, timeout=timeout)
    assert located is not None
    return located.path


def refuse(backbone: Backbone, timeout: float = 5.0) -> str:
    """The sentence of the refusal, which must come in time."""
    begin = time.monotonic()
    with pytest.raises(WeightsError) as caught:
        fetch(backbone, timeout=timeout)
    assert time.monotonic() - begin < 10
    return str(caught.value)


def left_in(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.rglob("*")) if cache.exists() else []


# --- from the host ---


def test_a_good_file_is_fetched_once_and_then_used_without_the_host(
    host: Host, cache: Path, tiny: Backbone, content: bytes
) -> None:
    located = locate("tiny", tiny, None, pretrained=True)
    assert located is not None
    assert located.path == cache / "tiny_notop.weights.h5"
    assert located.path.read_bytes() == content
    assert located.sha256 == hashlib.sha256(content).hexdigest()
    assert (located.name, located.licence, located.size) == ("imagenet", "MIT", None)
    assert host.asked == [f"/{FILE}"]
    assert host.agents[0].startswith("transfer/")
    host.mode = "missing"
    assert locate("tiny", tiny, "imagenet", pretrained=False) == located
    assert host.asked == [f"/{FILE}"]
    assert left_in(cache) == ["tiny_notop.weights.h5"]


def test_progress_is_told_in_megabytes_up_to_the_whole_file(host: Host, cache: Path, content: bytes) -> None:
    host.content = content + bytes(2_500_000 - len(content))
    published = Weights("imagenet", FILE, f"md5:{hashlib.md5(host.content).hexdigest()}", "MIT")
    told: list[tuple[int, int, str]] = []
    backbone = replace(BACKBONES["lenet5"], weights=(published,))
    locate("tiny", backbone, None, pretrained=True, on_progress=lambda *news: told.append(news))
    assert told[-1] == (3, 3, "MB of the imagenet weights of tiny fetched")
    assert {total for _, total, _ in told} == {3}
    assert [done for done, _, _ in told] == sorted(done for done, _, _ in told)


@pytest.mark.parametrize("verb", [workflow.train, partial(workflow.compare, seeds=1)], ids=["train", "compare"])
def test_who_trains_hears_how_far_the_fetching_is(
    verb: Callable[..., object], host: Host, cache: Path, tmp_path: Path, photo_folder: Path
) -> None:
    """Of weights that turn out to be others, so that nothing is trained."""
    host.content = bytes(1_200_000)
    workspace = Workspace(tmp_path / "ws")
    workflow.load(photo_folder, workspace)
    told: list[tuple[int, int, str]] = []
    arm = "mobilenet:linear_probe"
    with contextlib.suppress(WeightsError):
        verb(workspace, arm if verb is workflow.train else [arm], on_progress=lambda *news: told.append(news))
    assert told[-1] == (2, 2, "MB of the imagenet weights of mobilenet fetched")


def test_a_mirror_may_redirect(host: Host, cache: Path, tiny: Backbone, content: bytes) -> None:
    host.mode = "moved"
    assert fetch(tiny).read_bytes() == content


def test_a_slow_host_that_goes_on_sending_is_waited_for(
    host: Host, cache: Path, tiny: Backbone, content: bytes
) -> None:
    host.mode = "slow"  # three seconds in all, a fifth of one between two pieces
    assert fetch(tiny, timeout=1.5).read_bytes() == content


@pytest.mark.parametrize(
    ("mode", "why"),
    [
        ("missing", "answered 404"),
        ("silent", "sent nothing for"),
        ("stalled", "sent nothing for"),
        ("broken", "without sending complete message body"),
    ],
)
def test_a_host_that_fails_is_named_with_the_file_and_its_place(
    mode: str, why: str, host: Host, cache: Path, tiny: Backbone
) -> None:
    host.mode = mode
    said = refuse(tiny, timeout=1.0 if mode in ("silent", "stalled") else 5.0)
    assert why in said
    assert f"{host.url}/{FILE}" in said
    assert str(cache / "tiny_notop.weights.h5") in said
    assert "tiny@FILE" in said
    assert left_in(cache) == []


def test_a_host_that_cannot_be_reached_is_an_error_that_says_what_to_fetch(
    host: Host, cache: Path, tiny: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRANSFER_WEIGHTS_URL", "http://127.0.0.1:1/mirror/")
    said = refuse(tiny)
    assert "cannot be reached" in said
    assert f"http://127.0.0.1:1/mirror/{FILE}" in said
    assert left_in(cache) == []


def test_a_download_with_a_wrong_hash_is_refused_and_not_kept(host: Host, cache: Path, tiny: Backbone) -> None:
    host.content = host.content[:-1] + b"!"
    said = refuse(tiny)
    assert "not the published one" in said
    assert f"{host.url}/{FILE}" in said
    assert left_in(cache) == []


def test_a_page_in_place_of_weights_is_refused_where_no_hash_is_published(
    host: Host, cache: Path, tiny: Backbone
) -> None:
    host.content = b"<html>Please log in to this network</html>"
    unhashed = replace(tiny, weights=(replace(tiny.weights[0], hash=None),))
    assert "not HDF5" in refuse(unhashed)
    assert left_in(cache) == []


def test_a_cache_that_cannot_be_written_is_an_error(host: Host, cache: Path, tiny: Backbone) -> None:
    cache.parent.parent.mkdir(exist_ok=True)
    cache.parent.write_text("a file where the folder should be")
    assert "The cache cannot be written" in refuse(tiny)
    assert cache.parent.read_text() == "a file where the folder should be"


# --- from the cache ---


def test_a_cached_file_with_a_wrong_hash_stays_where_it_is(host: Host, cache: Path, tiny: Backbone) -> None:
    cache.mkdir(parents=True)
    mine = cache / "tiny_notop.weights.h5"
    mine.write_bytes(b"my own precious weights")
    said = refuse(tiny)
    assert str(mine) in said
    assert "left as it is" in said
    assert mine.read_bytes() == b"my own precious weights"
    assert host.asked == []


def test_without_keras_home_the_cache_is_the_one_of_keras(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny: Backbone, content: bytes
) -> None:
    monkeypatch.delenv("KERAS_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    place = tmp_path / ".keras" / "models" / "tiny_notop.weights.h5"
    place.parent.mkdir(parents=True)
    place.write_bytes(content)
    assert fetch(tiny) == place


# --- what an arm asks for ---


def test_random_weights_need_no_file() -> None:
    mobilenet = BACKBONES["mobilenet_v2"]
    assert locate("mobilenet_v2", mobilenet, None, pretrained=False) is None
    assert locate("mobilenet_v2", mobilenet, "none", pretrained=True) is None
    assert locate("raw_pixels", BACKBONES["raw_pixels"], None, pretrained=True) is None


def test_a_strategy_that_wants_weights_where_none_are_known_is_a_wrong_call() -> None:
    with pytest.raises(CallError) as caught:
        locate("lenet5", BACKBONES["lenet5"], None, pretrained=True, arm="lenet5:frozen_head")
    assert str(caught.value) == (
        "lenet5 has no published weights. Received: lenet5:frozen_head. Use lenet5:from_scratch, name a file as "
        "lenet5@FILE, or lenet5@none to try random features."
    )


def test_a_file_of_ones_own_is_taken_as_it_is(tmp_path: Path, content: bytes) -> None:
    mine = tmp_path / "mine.weights.h5"
    mine.write_bytes(content)
    located = locate("lenet5", BACKBONES["lenet5"], str(mine), pretrained=True)
    assert located is not None
    assert (located.path, located.licence) == (mine, None)
    assert located.sha256 == hashlib.sha256(content).hexdigest()


def test_a_name_that_is_neither_published_nor_a_file_is_a_wrong_call(tmp_path: Path) -> None:
    with pytest.raises(CallError, match="Known: imagenet, none"):
        locate("vgg16", BACKBONES["vgg16"], "imagnet", pretrained=True)
    with pytest.raises(CallError, match="no such file"):
        locate("vgg16", BACKBONES["vgg16"], str(tmp_path), pretrained=True)


@pytest.mark.parametrize("name", ["~nosuchuser/w.h5", "w" * 300, "w\0.h5"])
def test_a_name_that_no_file_can_have_is_a_wrong_call(name: str) -> None:
    with pytest.raises(CallError, match=r"(?s)no such file.*Received: .*Known: imagenet, none"):
        locate("vgg16", BACKBONES["vgg16"], name, pretrained=True)


def test_a_file_is_read_for_its_hash_once_until_it_changes(
    tmp_path: Path, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    digest = hashlib.file_digest

    def counted(file: BinaryIO, algorithm: Callable[[], Any]) -> Any:
        read.append(file.name)
        return digest(file, algorithm)

    monkeypatch.setattr(hashlib, "file_digest", counted)
    mine = tmp_path / "mine.weights.h5"
    for holds, times in ((content, 1), (content[:-1] + b"!", 2)):
        mine.write_bytes(holds)
        os.utime(mine, ns=(0, times))
        for _ in range(3):
            located = locate("lenet5", BACKBONES["lenet5"], str(mine), pretrained=True)
            assert located is not None
            assert located.sha256 == hashlib.sha256(holds).hexdigest()
        assert len(read) == times


def test_weights_that_the_package_lacks_are_an_error_that_names_their_place(tiny: Backbone) -> None:
    packaged = replace(tiny, weights=(replace(tiny.weights[0], file="package:no_such.weights.h5"),))
    with pytest.raises(WeightsError, match=r"data.no_such\.weights\.h5"):
        fetch(packaged)
