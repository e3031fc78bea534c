"""What the photos are: classes, splits, licences, and what was set aside and why."""

from __future__ import annotations

from collections import Counter

from markupsafe import Markup

from transfer.reporting.evidence import Evidence
from transfer.reporting.markup import render
from transfer.reporting.section import Section

SPLITS = {"train": "Train", "validation": "Validation", "test": "Test", "": "Undecided"}


def body(evidence: Evidence) -> Markup:
    manifest = evidence.manifest
    counts = manifest.counts()
    splits = [split for split in SPLITS if any(split in row for row in counts.values())]
    reasons: Counter[str] = Counter()
    for of_label in manifest.set_aside().values():
        reasons.update(of_label)
    # Where nothing but validation was judged, there is no test label that anything rests on.
    rests_on = evidence.judged if evidence.stated == "test" else ()
    return render(
        "dataset.html",
        evidence=evidence,
        counts=counts,
        splits={split: SPLITS[split] for split in splits},
        totals={split: sum(row.get(split, 0) for row in counts.values()) for split in splits},
        kept=len(manifest.kept),
        reasons=sorted(reasons.items(), key=lambda one: (-one[1], one[0])),
        aside=manifest.set_aside(),
        licences=sorted(
            Counter(photo.licence or "not stated" for photo in manifest.kept).items(), key=lambda one: (-one[1], one[0])
        ),
        judged=len(rests_on),
        verified=sum(photo.verified for photo in rests_on),
        folds=evidence.grounds[0].folds if evidence.results else None,
    )


section = Section("Photos", 20, body)
