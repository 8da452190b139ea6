"""What the figures of a report are drawn from: sets of predictions with their looks, features with their labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clinextract.evaluation.appearance import Look, look
from clinextract.evaluation.results import Evaluation, FeatureResult, Figure, Report

BASELINE_STYLES = (":", "--")


@dataclass(frozen=True, slots=True)
class Series:
    """One set of predictions.

    Attributes:
        evaluation: Its figures.
        look: Its colour and marker.
        features: Its features by name.
    """

    evaluation: Evaluation
    look: Look
    features: Mapping[str, FeatureResult]

    @property
    def name(self) -> str:
        """Of the predictions."""
        return self.evaluation.name

    @property
    def colour(self) -> str:
        """Of its marks."""
        return self.look.colour

    def figure(self, feature: str, metric: str) -> Figure | None:
        """A feature's figure; None where the predictions do not have the feature, or it was not computed."""
        found = self.features.get(feature)
        return found.figures.get(metric) if found else None

    def median(self, metric: str) -> Figure | None:
        """The median over features."""
        summary = self.evaluation.summary.get(metric)
        return summary.median if summary else None

    def entry(self) -> tuple[str, dict[str, Any], str]:
        """Its place in a legend."""
        return self.look.marker, {"color": self.colour}, self.name


def series_of(report: Report) -> list[Series]:
    """Every set of predictions, in the report's order."""
    return [
        Series(one, look(place), {feature.name: feature for feature in one.features})
        for place, one in enumerate(report.evaluations)
    ]


def value(figure: Figure | None) -> float | None:
    """A figure's value; None where there is no figure, or it is undefined."""
    return figure.value if figure else None


def listed(names: Sequence[str], most: int = 6) -> str:
    """Names with commas between; of many the first ones, and how many more there are."""
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest
