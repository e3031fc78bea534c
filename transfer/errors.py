"""Errors as sentences, in three beats: what is wrong, what was received, what to do next.

    TransferError            exit status 1: the work failed
    ├── CallError            exit status 2: the call itself is wrong (an unknown name, a bad number)
    ├── DataError            photos, folders, tables and manifests
    ├── WorkspaceError       the folder that a workspace lives in
    ├── WeightsError         weights that are missing, damaged or of another architecture
    ├── TrainingError        a trial that could not be finished
    └── ExportError          an artifact that does not answer as its run did

Errors of a single photo are no exceptions: they travel with the photo as its ``excluded`` reason.
"""

from __future__ import annotations


class TransferError(Exception):
    """A failure that a person can act on.

    Args:
        what: What is wrong, one sentence.
        received: The value that was refused, shown after "Received: "; an empty text as "nothing".
        remedy: What to do next, one sentence.
    """

    exit_status = 1

    def __init__(self, what: str, *, received: object = None, remedy: str | None = None) -> None:
        self.what, self.received, self.remedy = what, received, remedy
        super().__init__(what, received, remedy)

    def __reduce__(self) -> tuple[object, ...]:
        """Keep the three beats when an error crosses from a worker process."""
        return _rebuild, (type(self), self.what, None if self.received is None else str(self.received), self.remedy)

    def __str__(self) -> str:
        beats = [self.what]
        if self.received is not None:
            beats.append(f"Received: {str(self.received).strip() or 'nothing'}.")
        if self.remedy is not None:
            beats.append(self.remedy)
        return " ".join(beats)


def _rebuild(kind: type[TransferError], what: str, received: str | None, remedy: str | None) -> TransferError:
    return kind(what, received=received, remedy=remedy)


class CallError(TransferError):
    """The call is wrong; nothing was begun."""

    exit_status = 2


class DataError(TransferError):
    """Photos, folders, tables or manifests that cannot be used."""


class WorkspaceError(TransferError):
    """A workspace that cannot be opened or written."""


class WeightsError(TransferError):
    """Weights that are missing, damaged or made for another architecture."""


class TrainingError(TransferError):
    """A trial that could not be finished."""


class ExportError(TransferError):
    """An artifact that does not answer as its run did."""
