"""The whole web on one loopback host: three services and the hosts of their pictures."""

from __future__ import annotations

import functools
import io
import re
from collections.abc import Callable
from typing import Any

import numpy
from PIL import Image

from collecting.imitations.commons import Commons
from collecting.imitations.flickr import Flickr
from collecting.imitations.host import Asking, Clock, Host, OwnTimes, Time
from collecting.imitations.openverse import Openverse
from transfer.web import Answer, Policy, Web

SITES = (
    "https://api.flickr.com",
    "https://live.staticflickr.com",
    "https://s.yimg.com",
    "https://www.flickr.com",
    "https://api.openverse.org",
    "https://museum.example",
    "https://tired.example",
    "https://commons.wikimedia.org",
    "https://upload.wikimedia.org",
    "https://thumb.wikimedia.org",
)


class Asker(Web):
    """A client that says on a clock of many times when it begins to ask for what."""

    def request(self, url: str, **how: Any) -> Answer:
        if isinstance(self._clock, OwnTimes):
            self._clock.begin(url.split("?")[0].rsplit("/", 1)[-1])
        return super().request(url, **how)


class World:
    """Loopback imitations behind one port.

    Attributes:
        pictures: Path of a picture -> how it is answered; any other path is a picture drawn from its own name.
        clock: One time for all; or, with ``own_times``, a time for each request.
    """

    def __init__(self, *, own_times: bool = False) -> None:
        self.flickr, self.openverse, self.commons = Flickr(), Openverse(), Commons()
        self.pictures: dict[str, Callable[[Asking], Any]] = {}
        self.host = Host(self._answer)
        self.clock = OwnTimes() if own_times else Clock()
        self._webs: list[Web] = []

    def web(self, **policy: Any) -> Web:
        """A client for which the services live here."""
        routes = {site: f"{self.host.url}/{site.removeprefix('https://')}" for site in SITES}
        settings = {"allow_loopback": True, "contact": "me@example.org", "routes": routes, "silence": 5.0} | policy
        clock = self.clock
        web = Asker(Policy(**settings), clock=clock, sleep=clock.sleep, random=lambda: 0.5, now=lambda: 1.8e9)
        self._webs.append(web)
        return web

    def fail(self, name: str, fault: Callable[[Asking, Time], Any]) -> None:
        """Answer for a picture with a fault of ``faults``."""

        def answer(asking: Asking) -> None:
            fault(asking, self.clock.of(name) if isinstance(self.clock, OwnTimes) else Time())

        self.pictures[name] = answer

    def stop(self) -> None:
        for web in self._webs:
            web.close()
        self.host.stop()

    def asked(self, *parts: str) -> list[str]:
        """Paths that were asked for and hold one of these."""
        paths = [asking.raw_path for asking in self.host.asked]
        return [path for path in paths if any(part in path for part in parts)]

    def _answer(self, asking: Asking) -> None:
        site, _, path = asking.path.removeprefix("/").partition("/")
        asking.path = f"/{path}"
        service = {"api.flickr.com": self.flickr, "api.openverse.org": self.openverse}.get(site)
        if service is None and path == "w/api.php":
            service = self.commons
        if service is not None:
            return service(asking)
        name = path.rsplit("/", 1)[-1]
        return self.pictures.get(name, lambda asking: asking.answer(200, picture(name), Content_Type="image/jpeg"))(
            asking
        )


@functools.cache
def picture(name: str, *, size: tuple[int, int] = (96, 72), format: str = "JPEG") -> bytes:
    """A photo that is like no other name's: eight patches of colour, made large."""
    seed = [ord(sign) for sign in re.sub(r"[^\w]", "", name)] or [0]
    pixels = numpy.random.default_rng(seed).integers(0, 255, (6, 8, 3)).astype("uint8")
    file = io.BytesIO()
    Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC).save(file, format)
    return file.getvalue()
