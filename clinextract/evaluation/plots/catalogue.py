"""Which figures a report has: the first five are those of the study (arXiv 2602.21374)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from clinextract.evaluation.plots.by_feature import confusion, mcc, missing, prediction_ratio
from clinextract.evaluation.plots.medians import radar
from clinextract.evaluation.plots.probabilities import reliability, risk_coverage
from clinextract.evaluation.plots.scatter import sensitivity_specificity
from clinextract.evaluation.plots.sheet import Sheet, drawing
from clinextract.evaluation.results import Report


@dataclass(frozen=True, slots=True)
class Drawn:
    """A figure.

    Attributes:
        name: Of its files.
        title: What it shows.
        told: How to read it, in a sentence or two.
        width: In inches.
        svg: As text, with letters as outlines: Persian is shaped the same everywhere, whatever fonts are there.
        png: As bytes, 200 dots an inch.
    """

    name: str
    title: str
    told: str
    width: float
    svg: str
    png: bytes


@dataclass(frozen=True, slots=True)
class _Kind:
    name: str
    title: str
    told: str
    draw: Callable[[Report], Sheet | None]
    without: str = ""


_NO_PROBABILITIES = "the predictions have no probabilities"
_KINDS: Sequence[_Kind] = (
    _Kind(
        "radar",
        "Medians over features",
        "One axis for each metric, from 0 in the centre to 1: the further out, the better. The grey lines are the "
        "baselines, which answer without reading.",
        radar,
    ),
    _Kind(
        "sensitivity_specificity",
        "Sensitivity against specificity",
        "One point for each feature; the upper right corner is best. A point that is low misses calls in which the "
        "feature is present, one that is far left names it where it is not.",
        sensitivity_specificity,
    ),
    _Kind(
        "mcc",
        "Matthews correlation by feature",
        "Each sign is a feature's correlation with the truth, and the line through it its interval. 0 is chance, 1 is "
        "perfect.",
        mcc,
    ),
    _Kind(
        "prediction_ratio",
        "Prediction ratio by feature",
        "How often a feature is named for each time that it is present. Right of the line it is named too often, left "
        "of it too rarely; as far to either side means as many times too often or too rarely.",
        prediction_ratio,
    ),
    _Kind(
        "missing",
        "Missing answers",
        "Answers that are labelled and were not given, with their share of those that are labelled. A missing answer "
        "is never read as a no.",
        missing,
    ),
    _Kind(
        "reliability",
        "Reliability",
        "Answers of like probability together: how many of them are truly present. On the line a probability means "
        "what it says. The bars count the answers; a hollow sign stands for fewer than ten.",
        reliability,
        _NO_PROBABILITIES,
    ),
    _Kind(
        "risk_coverage",
        "Risk and coverage",
        "How many of the answers that are kept are wrong, when the least sure ones are given to a person to look at. "
        "The sign at the right end stands for all answers.",
        risk_coverage,
        _NO_PROBABILITIES,
    ),
    _Kind(
        "confusion",
        "Confusion by feature",
        "To the right of the line the transcripts in which a feature is present, filled where it was found; to the "
        "left those in which it was falsely named. The column TN counts the rest, where it rightly was not named.",
        confusion,
    ),
)
NAMES = tuple(kind.name for kind in _KINDS)
"""Of the figures' files, in their order."""


def drawn(report: Report) -> tuple[list[Drawn], list[str]]:
    """All figures that a report has something to show in, and in words which are left out and why.

    Raises:
        ExtraNotInstalled: matplotlib is absent.
    """
    figures, left_out = [], []
    with drawing():
        for kind in _KINDS:
            sheet = kind.draw(report)
            if sheet is None:
                left_out.append(f'There is no figure "{kind.title}": {kind.without}.')
                continue
            svg, png = sheet.svg(kind.title), sheet.png(kind.title)
            figures.append(Drawn(kind.name, kind.title, kind.told, sheet.width, svg, png))
    return figures, left_out
