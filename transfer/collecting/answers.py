"""Answers: what services said to what was asked, kept so that nothing is asked twice.

A search that is run again, after a crash or with a larger number, reads the pages it has seen and goes on with the
first one that it has not. Only what was asked and answered is kept; keys are in neither.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from transfer.workspace import Workspace


class Answers:
    """Question -> answer, in a workspace, or in memory where none is given."""

    def __init__(self, workspace: Workspace | None = None) -> None:
        self._workspace = workspace
        self._memory: dict[str, Any] = {}
        self.asked = 0

    def __call__(self, question: Mapping[str, Any], ask: Callable[[], Any]) -> Any:
        """The kept answer, or that of ``ask``, which is kept if it comes.

        Args:
            question: Plain values that decide the answer, without any key.
            ask: Gives a JSON value.
        """
        written = json.dumps(question, sort_keys=True, ensure_ascii=True)
        digest = hashlib.sha256(written.encode()).hexdigest()[:32]
        known = self._read(digest)
        if known is not None:
            return known["answer"]
        self.asked += 1
        answer = ask()
        record = {"question": dict(question), "answer": answer}
        if self._workspace is None:
            self._memory[digest] = record
        else:
            # Through ASCII: a service may answer with half a surrogate, which no UTF-8 file can hold.
            text = json.dumps(record, ensure_ascii=True)
            self._workspace.write_text(self._workspace.searches / f"{digest}.json", text + "\n")
        return answer

    def _read(self, digest: str) -> Any:
        if self._workspace is None:
            return self._memory.get(digest)
        try:
            return json.loads((self._workspace.searches / f"{digest}.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except ValueError:  # somebody cut it; it is asked again
            return None
