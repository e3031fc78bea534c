"""Evidence: all that a section may look at, filled before any template is opened.

It owns the reading of files (predictions, histories, thumbnails) and what of it belongs to the page: the runs of the
present data, finished and failed, and which split figures are stated on. It refuses markup.

Validation chooses and orders; what is *stated* is the test split, or validation where there is no test split. Arms
that were judged in folds and arms that were judged on the given splits stand on different grounds and are never mixed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from transfer.comparison import DECISIVE, Ground, competitors, ground, latest, present
from transfer.errors import TransferError
from transfer.manifest import Manifest
from transfer.photo import Photo
from transfer.reporting.changes import Changes
from transfer.reporting.example import Example, examples
from transfer.reporting.markup import plural
from transfer.reporting.mistake import Mistake, worst_mistakes
from transfer.reporting.pair import Omnibus, Pair, omnibus_of, pairs_of
from transfer.reporting.result import Result, results_of
from transfer.run import Run
from transfer.workspace import Workspace


@dataclass(frozen=True)
class Evidence:
    """All that a section may look at.

    Attributes:
        title: Of the page. manifest: The photos as they are now. data: Digest of their training view.
        stated: The split that figures are stated on: ``test``, or ``validation`` where no photo is in test.
        results: In the order of ``transfer.comparison``: the ground that chooses first, there the best by validation;
            where a ground has no validation photos in the order of the first.
        pairs: All pairs on each ground; empty where there is no test split to compare on.
        omnibus: Whether all arms of a ground are right equally often, asked before any pair.
        failed: Runs of these data that did not end and were not made good since.
        mistakes: The worst of the best arm. unseen: Why some of them have no overlay, where it was asked for.
        examples: Some photos of each class.
        changes: What an earlier report did not say; None where none was named.
        grid: The text of the file that repeats the comparison; None where there is none.
        other_data, doubles: Runs left out: of other data; of a seed that another run of the same setting has.
    """

    title: str
    manifest: Manifest
    data: str
    stated: str
    results: tuple[Result, ...]
    pairs: tuple[Pair, ...]
    omnibus: tuple[Omnibus, ...]
    failed: tuple[Run, ...]
    mistakes: tuple[Mistake, ...] = ()
    unseen: str | None = None
    examples: tuple[Example, ...] = ()
    changes: Changes | None = None
    grid: str | None = None
    other_data: int = 0
    doubles: int = 0

    @cached_property
    def grounds(self) -> tuple[Ground, ...]:
        """Where arms stand against each other, the one that chooses first."""
        return tuple(dict.fromkeys(result.ground for result in self.results))

    @cached_property
    def main(self) -> tuple[Result, ...]:
        """The results on the first ground, which the verdict is about."""
        return self.on(self.grounds[0]) if self.results else ()

    def on(self, ground: Ground) -> tuple[Result, ...]:
        """The results on one ground."""
        return tuple(result for result in self.results if result.ground == ground)

    @cached_property
    def judged(self) -> tuple[Photo, ...]:
        """The photos that the verdict rests on: those of the stated split, or of every fold that was judged."""
        if not self.results or self.grounds[0].folds is None:
            return self.manifest.part(self.stated)
        met = {photo for result in self.main for part in result.stated for photo in part.photos}
        return tuple(photo for photo in self.manifest.kept if photo.id in met)

    @property
    def below(self) -> str:
        """How else than on the first ground arms were judged, in words: on the given splits; in 5 folds."""
        others = dict.fromkeys(ground.folds for ground in self.grounds if ground.folds != self.grounds[0].folds)
        return " and ".join(f"in {folds} folds" if folds else "on the given splits" for folds in others)

    def features(self, result: Result) -> float | None:
        """Seconds that the features of its network took, once for all runs that share them, whichever computed them."""
        alike = [one for one in self.results if one.network == result.network]
        found = [seconds for one in alike for seconds in one.facts("seconds", "features")]
        return sum(found) if found else None

    @property
    def best(self) -> Result | None:
        """First by validation; the first by name where nothing could be held out to choose by."""
        return self.main[0] if self.results else None

    @cached_property
    def numbers(self) -> dict[str, int]:
        """The number of each arm in drawings: by its place at the largest size, then at the others."""
        return {title: number for number, title in enumerate(dict.fromkeys(one.title for one in self.results), 1)}

    @property
    def chosen(self) -> bool:
        """Whether validation chose the best."""
        return self.best is not None and self.best.validation_accuracy is not None

    @property
    def runs(self) -> tuple[Run, ...]:
        return tuple(run for result in self.results for run in result.runs)


def gather(workspace: Workspace, manifest: Manifest, runs: Sequence[Run], *, title: str | None = None) -> Evidence:
    """Read what the page will show.

    Raises:
        TransferError: There is no run of the present data.
    """
    own = present(runs, manifest)
    _check(runs, own)
    done = latest([run for run in own if run.done])
    given = [run for run in done if ground(run).folds is None] or done
    stated = "test" if any(run.predictions("test").photos for run in given) else "validation"
    results = _in_one_order(results_of(competitors(done), stated, manifest))
    return Evidence(
        title=title or workspace.root.absolute().name,
        manifest=manifest,
        data=results[0].runs[0].data if results else manifest.training_digest(),
        stated=stated,
        results=results,
        pairs=pairs_of(results),
        omnibus=omnibus_of(results),
        failed=_failed(own),
        mistakes=worst_mistakes(results[0], workspace, manifest) if results else (),
        examples=examples(workspace, manifest),
        other_data=len(runs) - len(own),
        doubles=sum(run.done for run in own) - len(done),
    )


def _in_one_order(results: Sequence[Result]) -> tuple[Result, ...]:
    """Where nothing could be held out to choose by, arms stand as on the ground that chooses first, not by name."""
    places: dict[str, int] = {}
    for result in results:
        places.setdefault(result.title, len(places))
    grounds = list(dict.fromkeys(result.ground for result in results))

    def order(result: Result) -> tuple[int, int]:
        chosen = result.validation_accuracy is not None
        return grounds.index(result.ground), -1 if chosen else places[result.title]

    return tuple(sorted(results, key=order))


def _check(runs: Sequence[Run], own: Sequence[Run]) -> None:
    if not runs:
        raise TransferError("There is no run to report on.", remedy="Train first: `transfer train WS`.")
    if not own:
        raise TransferError(
            "No run was made with the present photos, labels and splits.",
            received=f"{plural(len(runs), 'run')} of other data",
            remedy="Train again: `transfer train WS`. The old runs stay where they are.",
        )


def _failed(runs: Sequence[Run]) -> tuple[Run, ...]:
    """The runs that did not end and that no later one has made good."""
    done = [run for run in runs if run.done]
    failed = [run for run in runs if not run.done and not any(_made_good(run, one) for one in done)]
    return tuple(sorted(failed, key=lambda run: (run.arm, run.per_class or 0, run.seed, run.id)))


def _made_good(failed: Run, done: Run) -> bool:
    """Whether the finished run is what the other was to become: a failed one says less of itself than it would have."""
    same, other = ((run.arm, run.seed, run.data, ground(run)) for run in (failed, done))
    said = [name for name in DECISIVE if failed.facts.get(name) is not None]
    later = str(done.facts.get("started", "")) >= str(failed.facts.get("started", ""))
    return same == other and later and all(failed.facts[name] == done.facts.get(name) for name in said)
