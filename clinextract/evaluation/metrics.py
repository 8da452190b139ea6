"""The metrics: what they are called, what they mean, and how they follow from counts and probabilities.

The study (arXiv 2602.21374) reports, for each feature, macro-F1 over both classes, MCC, sensitivity, specificity and
the prediction ratio, and for a model the medians over features. Keys, labels and definitions stand here once; results,
reports, plots and documentation take them from here.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric.

    Attributes:
        key: Its name in results and JSON.
        label: Its name in tables and plots.
        definition: What it is, in one sentence, and when it is undefined.
        low, high: Its range; None where it has no end.
        better: Whether a greater or a smaller value is better, or a value near 1; None where neither is.
        probabilistic: Whether it needs probabilities.
    """

    key: str
    label: str
    definition: str
    low: float | None = 0.0
    high: float | None = 1.0
    better: str | None = "greater"
    probabilistic: bool = False


METRICS = (
    Metric(
        "prevalence",
        "prevalence",
        "Share of the transcripts in which the feature is truly present.",
        better=None,
    ),
    Metric("accuracy", "accuracy", "Share of right answers; all-False reaches 1 - prevalence."),
    Metric("precision", "precision", "TP / (TP + FP); undefined where nothing was predicted positive."),
    Metric(
        "sensitivity", "sensitivity", "TP / (TP + FN), also called recall; undefined without a truly positive case."
    ),
    Metric("specificity", "specificity", "TN / (TN + FP); undefined without a truly negative case."),
    Metric("f1", "F1 (positive)", "2 TP / (2 TP + FP + FN); undefined where nothing is, or is predicted, positive."),
    Metric(
        "macro_f1",
        "macro-F1",
        "Mean of the F1 of the positive and of the negative class, the study's main figure; undefined where the gold "
        "standard holds one class only.",
    ),
    Metric(
        "mcc",
        "MCC",
        "Matthews correlation coefficient; undefined where gold or predictions hold one class only.",
        low=-1.0,
    ),
    Metric(
        "prediction_ratio",
        "prediction ratio",
        "Predicted positives over truly positive cases, (TP + FP) / (TP + FN): above 1 the feature is found too often; "
        "undefined without a truly positive case.",
        high=None,
        better="one",
    ),
    Metric(
        "auroc",
        "AUROC",
        "Area under the receiver operating characteristic; undefined where the gold standard holds one class only.",
        probabilistic=True,
    ),
    Metric(
        "average_precision",
        "average precision",
        "Mean of precision over recall steps; undefined without a truly positive case.",
        probabilistic=True,
    ),
    Metric(
        "brier",
        "Brier score",
        "Mean squared difference between probability and truth.",
        better="smaller",
        probabilistic=True,
    ),
    Metric(
        "ece",
        "expected calibration error",
        "Mean distance between probability and observed frequency over ten bins of equal width, weighted by their size.",
        better="smaller",
        probabilistic=True,
    ),
)
"""In the order in which tables show them."""

BY_KEY = {metric.key: metric for metric in METRICS}
