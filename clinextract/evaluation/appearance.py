"""How features and predictions are called, and told apart, on a report's page and in its figures alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from clinextract.evaluation.results import Evaluation, FeatureResult, Report

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Those of Okabe and Ito (2008), which people with a colour deficiency tell apart."""
COLOURS_ON_DARK = ("#3d9be0", "#f0803c", "#2bbd92", "#e096c0", "#f2b632", "#8fd3fb")
MARKERS = "oDs^vPX"
"""Matplotlib's signs; one more than there are colours, so that the pairs repeat only after 42."""
FIRST_LANGUAGES = ("en", "fa")


@dataclass(frozen=True, slots=True)
class Look:
    """What one set of predictions looks like.

    Attributes:
        number: Of its colour, from 0.
        marker: Its sign.
    """

    number: int
    marker: str

    @property
    def colour(self) -> str:
        """On white."""
        return COLOURS[self.number]


def look(place: int) -> Look:
    """The look of the predictions at a place in the report, from 0."""
    return Look(place % len(COLOURS), MARKERS[place % len(MARKERS)])


def features_of(report: Report) -> tuple[FeatureResult, ...]:
    """Every feature that any set of predictions has, once, in the order in which they come."""
    return all_features(report.evaluations)


def all_features(evaluations: Sequence[Evaluation]) -> tuple[FeatureResult, ...]:
    """As `features_of`, of some evaluations."""
    found: dict[str, FeatureResult] = {}
    for evaluation in evaluations:
        for one in evaluation.features:
            found.setdefault(one.name, one)
    return tuple(found.values())


def labels_of(feature: FeatureResult) -> tuple[tuple[str, str], ...]:
    """A feature's labels with their languages, English and Persian first; its name, in words, where it has none."""
    order = [*(code for code in FIRST_LANGUAGES if code in feature.label), *feature.label]
    labels = tuple((code, feature.label[code]) for code in dict.fromkeys(order) if feature.label[code].strip())
    return labels or (("", feature.name.replace("_", " ").strip() or feature.name),)


def label_of(feature: FeatureResult) -> str:
    """The first of a feature's labels."""
    return labels_of(feature)[0][1]
