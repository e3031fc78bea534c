"""Holds the report's statistics to the truth: simulated arms whose accuracies are known.

A simulated photo is right where ability + what makes the photo hard (shared by both arms, by its group and by itself)
+ what this arm finds hard about it + luck of the seed + noise is above zero; every term is normal. So an arm's true
accuracy, over all photos and all seeds, is known in closed form, and an interval either covers the true difference or
does not. Beside the report's own interval stand those that it does not use:

    seeds        Student's paired t-test over the seeds' accuracies
    photos       Student's paired t-test over the photos, all seeds averaged, groups ignored
    percentile   joint bootstrap of seeds and groups, plain percentiles

For folds arms are really trained, since what folds are about is that their trainings share photos: each arm is a
nearest centroid in 20 dimensions of its own, on photos whose difficulty both share. Beside the report's interval stands
Student's paired t-test over the folds. The true difference is the mean of all simulated comparisons.

Run it to write the tables into docs/statistics.md (the page says how long it took):

    OMP_NUM_THREADS=1 python scripts/simulate_statistics.py --repetitions 2000 --into docs/statistics.md
"""

from __future__ import annotations

import argparse
import itertools
import re
import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import numpy
from _simulated_folds import LEVEL, FoldSetting, Trials, in_folds, student
from numpy import ndarray
from scipy import stats

from transfer import scores

WAYS = ("report", "seeds", "photos", "percentile")

# Standard deviations of what makes a photo hard. Shared by the arms: by group, by photo; an arm's own: the same; noise.
SHARED, OWN, NOISE = (0.8, 0.6), (0.32, 0.24), 0.5
FIXED = sum(one**2 for one in (*SHARED, *OWN, NOISE))


@dataclass(frozen=True)
class Setting:
    """A comparison to repeat.

    Attributes:
        seeds, groups: How many; a group has one to three photos.
        accuracy, gap: True accuracy of the first arm, and how far the second stands below it; shares.
        luck: Standard deviation of a seed's true accuracy, a share.
        arms: Two, or a family in which all but the first are equal.
    """

    seeds: int
    groups: int = 200
    accuracy: float = 0.88
    gap: float = 0.0
    luck: float = 0.01
    arms: int = 2


def ability(accuracy: float, luck: float) -> float:
    """The mean of the sum that is right with this probability, where luck is in units of that sum."""
    return float(stats.norm.ppf(accuracy)) * (FIXED + luck**2) ** 0.5


def luck_of(points: float, accuracy: float) -> float:
    """The luck, in units of the sum, that gives a seed's accuracy about this standard deviation."""
    return points / float(stats.norm.pdf(stats.norm.ppf(accuracy))) * FIXED**0.5


def draw(rng: numpy.random.Generator, group: ndarray, setting: Setting) -> list[ndarray]:
    """Right and wrong answers of each arm, bool ``(seeds, photos)``."""
    luck = luck_of(setting.luck, setting.accuracy)

    def hard(of_group: float, of_photo: float) -> ndarray:
        return of_group * rng.normal(size=group.max() + 1)[group] + of_photo * rng.normal(size=len(group))

    shared, sides = hard(*SHARED), []
    for number in range(setting.arms):
        level = ability(setting.accuracy - (setting.gap if number else 0.0), luck)
        seeds = luck * rng.normal(size=(setting.seeds, 1))
        noise = NOISE * rng.normal(size=(setting.seeds, len(group)))
        sides.append(level + shared + hard(*OWN) + seeds + noise > 0)
    return sides


def photos_of(setting: Setting) -> ndarray:
    """The group of each photo, the same in every repetition, as a test split is."""
    rng = numpy.random.default_rng([setting.groups, 5])
    return numpy.repeat(numpy.arange(setting.groups), rng.integers(1, 4, setting.groups))


def measured(side: ndarray, truth: ndarray, resamples: scores.Resamples) -> list[scores.Resampled]:
    """An arm's runs, as the report measures them."""
    answers = numpy.where(side[..., None], [0.8, 0.2], [0.3, 0.7])
    return [resamples.of(scores.ACCURACY, truth, one) for one in answers]


def percentiles(a: list[scores.Resampled], b: list[scores.Resampled], rng: numpy.random.Generator) -> tuple[float, ...]:
    """Seeds and groups drawn with replacement, quantiles read off."""
    drawn = numpy.stack([one.draws - other.draws for one, other in zip(a, b, strict=True)], axis=1)
    picks = rng.integers(0, len(a), drawn.shape)
    return tuple(numpy.quantile(numpy.take_along_axis(drawn, picks, axis=1).mean(axis=1), [LEVEL / 2, 1 - LEVEL / 2]))


def pairs(setting: Setting, *, repetitions: int, draws: int = 2000) -> Trials:
    """Repeat a comparison of two arms."""
    rng = numpy.random.default_rng([setting.seeds, setting.groups, int(1e4 * setting.luck), int(1e4 * setting.gap)])
    group = photos_of(setting)
    truth, resamples = numpy.zeros(len(group), dtype=int), scores.Resamples(group, draws=draws)
    covers: Counter[str] = Counter()
    rejects: Counter[str] = Counter()
    width = dict.fromkeys(WAYS, 0.0)
    for _ in range(repetitions):
        one, other = draw(rng, group, setting)
        a, b = measured(one, truth, resamples), measured(other, truth, resamples)
        found = scores.difference(a, b, resamples, step=1 / resamples.groups)
        each = one.astype(float) - other
        intervals = {
            "report": (found.low, found.high),
            "seeds": student(each.mean(axis=1)),
            "photos": student(each.mean(axis=0)),
            "percentile": percentiles(a, b, rng),
        }
        for way, (low, high) in intervals.items():
            covers[way] += low <= setting.gap <= high
            rejects[way] += not low <= 0 <= high
            width[way] += high - low
    return Trials(*({way: total[way] / repetitions for way in WAYS} for total in (covers, rejects, width)))


def family(setting: Setting, *, repetitions: int, draws: int = 2000) -> dict[str, float]:
    """How often a comparison of several arms claims any difference that is not there.

    Returns:
        Shares: ``holm`` as the report does it, ``uncorrected`` with every pair by itself, ``percentile`` likewise with
        plain percentiles; and ``found``, how often the first arm is told from all others, which only says something
        where it is better than they are.
    """
    rng = numpy.random.default_rng([setting.seeds, setting.arms, int(1e4 * setting.luck), int(1e4 * setting.gap)])
    group = photos_of(setting)
    truth, resamples = numpy.zeros(len(group), dtype=int), scores.Resamples(group, draws=draws)
    wrong: Counter[str] = Counter()
    for _ in range(repetitions):
        runs = [measured(side, truth, resamples) for side in draw(rng, group, setting)]
        names = list(itertools.combinations(range(setting.arms), 2))
        step = 1 / resamples.groups
        p = [scores.difference(runs[i], runs[j], resamples, step=step).p for i, j in names]
        corrected = scores.holm(p)
        null = [number for number, (i, _) in enumerate(names) if i or not setting.gap]
        wrong["holm"] += any(corrected[number] < LEVEL for number in null)
        wrong["uncorrected"] += any(p[number] < LEVEL for number in null)
        wrong["percentile"] += any(
            not low <= 0 <= high for low, high in (percentiles(runs[names[n][0]], runs[names[n][1]], rng) for n in null)
        )
        wrong["found"] += all(corrected[number] < LEVEL for number, (i, _) in enumerate(names) if not i)
    return {name: wrong[name] / repetitions for name in ("holm", "uncorrected", "percentile", "found")}


GAPS = [Setting(seeds, luck=luck, gap=0.03) for seeds in (3, 5, 10) for luck in (0.0, 0.01, 0.03)]
NULLS = [Setting(seeds, luck=luck) for seeds in (2, 3, 5, 10) for luck in (0.0, 0.01, 0.03)]
FOLDS = [
    FoldSetting(folds, repetitions, per_class=per_class)
    for folds, repetitions in ((3, 1), (5, 1), (10, 1), (5, 3), (5, 10))
    for per_class in (None, 5)
] + [FoldSetting(5, 3, grouped=True), FoldSetting(5, 3, photos=60, signal=2.5), FoldSetting(5, 3, photos=400)]
FAMILIES = [Setting(5, luck=luck, gap=gap, arms=4) for gap in (0.0, 0.06) for luck in (0.01, 0.03)]


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    return ["| " + " | ".join(row) + " |" for row in (head, ("---:",) * len(head), *rows)] + [""]


def share(value: float) -> str:
    return f"{100 * value:.1f} %"


def study(repetitions: int) -> str:
    """The tables, in Markdown."""
    began = time.process_time()
    head = ("seeds", "luck, points", "report", "t over seeds", "t over photos", "percentile")
    lines = [f"Each row: {repetitions:,} simulated comparisons.", "", "### Coverage of a true difference", ""]
    rows, widths = [], []
    for one in GAPS:
        found = pairs(one, repetitions=repetitions)
        rows.append((str(one.seeds), f"{100 * one.luck:g}", *(share(found.covers[way]) for way in WAYS)))
        widths.append((str(one.seeds), f"{100 * one.luck:g}", *(f"{100 * found.width[way]:.1f}" for way in WAYS)))
    lines += [*table(head, rows), "### Mean width of these intervals, in points", "", *table(head, widths)]
    lines += ["### Rejections of a true null", ""]
    rows = []
    for one in NULLS:
        found = pairs(one, repetitions=repetitions)
        rows.append((str(one.seeds), f"{100 * one.luck:g}", *(share(found.rejects[way]) for way in WAYS)))
    lines += [*table(head, rows), "### Any wrong claim among the six pairs of four arms", ""]
    rows = []
    for one in FAMILIES:
        rates = family(one, repetitions=repetitions)
        lead = f"first {100 * one.gap:g} points better" if one.gap else "all four equal"
        rows.append((lead, f"{100 * one.luck:g}", *map(share, rates.values())))
    head = ("arms", "luck, points", "report (Holm)", "uncorrected", "percentile, uncorrected", "first told from all")
    lines += [*table(head, rows), "### Folds", ""]
    rows = []
    for fold in FOLDS:
        null = in_folds(fold, repetitions=repetitions)
        gap = in_folds(replace(fold, gap=0.4), repetitions=repetitions)
        photos = f"{fold.photos}{' in groups' if fold.grouped else ''}{', easy' if fold.signal > 2 else ''}"
        rows.append(
            (
                f"{fold.repetitions} x {fold.folds}",
                photos,
                "all" if fold.per_class is None else str(fold.per_class),
                *(share(null.rejects[way]) for way in ("report", "folds")),
                *(share(gap.covers[way]) for way in ("report", "folds", "single")),
                f"{100 * gap.width['report']:.1f}",
            )
        )
    head = ("folds", "photos", "a class", "null rejected, report", "t over folds", "true gap covered, report")
    lines += table((*head, "t over folds", "one accuracy covered", "width, points"), rows)
    lines.append(f"Processor time: {(time.process_time() - began) / 60:.0f} minutes.")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--repetitions", type=int, default=2000)
    parser.add_argument("--into", type=Path, help="a Markdown file with <!-- results --> and <!-- end --> in it")
    arguments = parser.parse_args()
    found = study(arguments.repetitions)
    if arguments.into is None:
        print(found)
        return
    text = arguments.into.read_text(encoding="utf-8")
    marked = re.compile(r"(<!-- results -->\n).*?(<!-- end -->)", re.DOTALL)
    arguments.into.write_text(marked.sub(lambda mark: f"{mark[1]}{found}\n{mark[2]}", text), encoding="utf-8")


if __name__ == "__main__":
    main()
