"""Keys: what a person was given by a service, from the environment or from a file that others cannot read.

A key never stands in an error, a log, a manifest or a question that is kept.

The file is ``~/.config/transfer/keys.toml`` or what ``TRANSFER_KEYS`` names: lines such as ``flickr_api_key = "..."``.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

from transfer.errors import CallError


def key(name: str) -> str | None:
    """One key by the name of its environment variable; None where nobody gave it.

    Raises:
        CallError: The key file can be read by others, or is no TOML.
    """
    return os.environ.get(name, "").strip() or _file().get(name.lower())


def _file() -> dict[str, str]:
    path = Path(os.environ.get("TRANSFER_KEYS") or Path.home() / ".config" / "transfer" / "keys.toml")
    try:
        if path.stat().st_mode & 0o077:
            raise CallError(
                "The file of keys can be read by others.",
                received=path,
                remedy=f"Run `chmod 600 {path}` and try again.",
            )
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError):  # the parser's own words may quote a line, and a line is a key
        raise CallError(
            "The file of keys cannot be read.", received=path, remedy='Write lines such as flickr_api_key = "...".'
        ) from None
    return {str(name).lower(): str(value).strip() for name, value in values.items() if str(value).strip()}
