"""Web: the room through which bytes come in from the network.

``Web`` is the polite client: a pace for each host, retries, and a guard on every address, for addresses that strangers
wrote. ``download`` brings one large file from a host that is trusted. Both refuse to wait without a limit, to keep half
a file, and to know what the bytes mean.
"""

from __future__ import annotations

from transfer.web.client import Answer, Web
from transfer.web.fault import USER_AGENT, FetchError, WebError
from transfer.web.pace import Pace
from transfer.web.policy import Policy
from transfer.web.whole import download

__all__ = ["USER_AGENT", "Answer", "FetchError", "Pace", "Policy", "Web", "WebError", "download"]
