"""The metrics: what they are called, what they mean, and how they follow from counts.

The study (arXiv 2602.21374) reports, for each feature, macro-F1 over both classes, MCC, sensitivity, specificity and
the prediction ratio, and for a model the medians over features. Keys, labels and definitions stand here once; results,
reports, plots and documentation take them from here. Figures that need probabilities are in `ranking`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Missing = Literal["excluded", "wrong"]
"""What becomes of an answer that is missing: it is left out, or it is an error."""

Need = Literal["labels", "answers", "probabilities", "present", "absent", "found", "present or found"]
REASONS: dict[Need, str] = {
    "labels": "no transcript has a label",
    "answers": "no labelled transcript has an answer",
    "probabilities": "there are no probabilities",
    "present": "no truly positive transcript",
    "absent": "no truly negative transcript",
    "found": "nothing was predicted positive",
    "present or found": "nothing is, or was predicted, positive",
}
"""Why a metric is undefined, by what it needs; the first need that is not met is the reason."""


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
        needs: Without which it is undefined, beside labels and answers.
    """

    key: str
    label: str
    definition: str
    low: float | None = 0.0
    high: float | None = 1.0
    better: str | None = "greater"
    probabilistic: bool = False
    needs: tuple[Need, ...] = ()


METRICS = (
    Metric(
        "prevalence",
        "prevalence",
        "Share of the labelled transcripts in which the feature is truly present, answered or not.",
        better=None,
    ),
    Metric("accuracy", "accuracy", "Share of right answers; all-False reaches 1 - prevalence."),
    Metric(
        "precision",
        "precision",
        "TP / (TP + FP); undefined where nothing was predicted positive.",
        needs=("found",),
    ),
    Metric(
        "sensitivity",
        "sensitivity",
        "TP / (TP + FN), also called recall; undefined without a truly positive case.",
        needs=("present",),
    ),
    Metric(
        "specificity",
        "specificity",
        "TN / (TN + FP); undefined without a truly negative case.",
        needs=("absent",),
    ),
    Metric(
        "f1",
        "F1 (positive)",
        "2 TP / (2 TP + FP + FN); undefined where nothing is, or is predicted, positive.",
        needs=("present or found",),
    ),
    Metric(
        "macro_f1",
        "macro-F1",
        "Mean of the F1 of the positive and of the negative class, the study's main figure; a class that is never "
        "predicted has an F1 of 0; undefined where the gold standard holds one class only.",
        needs=("present", "absent"),
    ),
    Metric(
        "mcc",
        "MCC",
        "Matthews correlation coefficient; 0, as chance would give, where the predictions hold one class only; "
        "undefined where the gold standard does.",
        low=-1.0,
        needs=("present", "absent"),
    ),
    Metric(
        "prediction_ratio",
        "prediction ratio",
        "Predicted positives over truly positive cases, (TP + FP) / (TP + FN): above 1 the feature is found too often; "
        "undefined without a truly positive case.",
        high=None,
        better="one",
        needs=("present",),
    ),
    Metric(
        "auroc",
        "AUROC",
        "Area under the receiver operating characteristic, ties counted half; undefined where the gold standard holds "
        "one class only.",
        probabilistic=True,
        needs=("present", "absent"),
    ),
    Metric(
        "average_precision",
        "average precision",
        "Mean of precision over recall steps; undefined without a truly positive case.",
        probabilistic=True,
        needs=("present",),
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
        "Mean distance between mean probability and observed frequency over ten bins of equal width, weighted by the "
        "answers in them.",
        better="smaller",
        probabilistic=True,
    ),
)
"""In the order in which tables show them."""

BY_KEY = {metric.key: metric for metric in METRICS}


@dataclass(frozen=True, slots=True)
class Confusion:
    """Numbers of transcripts by truth and prediction, or sums of their weights; arrays of one shape (..., k).

    Attributes:
        tp, fp, fn, tn: Labelled and answered.
        missing_present, missing_absent: Labelled and not answered, by truth.
    """

    tp: Floats
    fp: Floats
    fn: Floats
    tn: Floats
    missing_present: Floats
    missing_absent: Floats

    def needs(self, missing: Missing = "excluded") -> dict[Need, Bools]:
        """Which needs are met, (..., k) each."""
        present, absent = self.tp + self.fn, self.fp + self.tn
        labels = present + absent + self.missing_present + self.missing_absent
        if missing == "wrong":
            present, absent = present + self.missing_present, absent + self.missing_absent
        return {
            "labels": labels > 0,
            "answers": present + absent > 0,
            "present": present > 0,
            "absent": absent > 0,
            "found": self.tp + self.fp > 0,
            "present or found": present + self.fp > 0,
        }


def from_confusion(confusion: Confusion, missing: Missing = "excluded") -> dict[str, Floats]:
    """Every metric that follows from counts.

    Args:
        confusion: The counts, (..., k).
        missing: With "wrong" an answer that is missing counts as an error of its class. Precision and the prediction
            ratio tell of the answers that were given: there it counts as no prediction.

    Returns:
        By metric, (..., k); nan where it is undefined.
    """
    tp, tn = confusion.tp, confusion.tn
    found = tp + confusion.fp
    fp, fn = confusion.fp, confusion.fn
    if missing == "wrong":
        fp, fn = fp + confusion.missing_absent, fn + confusion.missing_present
    present, absent = tp + fn, fp + tn
    labelled_present = confusion.tp + confusion.fn + confusion.missing_present
    labelled_absent = confusion.fp + confusion.tn + confusion.missing_absent
    f1 = ratio(2 * tp, 2 * tp + fp + fn)
    spread = np.sqrt(present * absent) * np.sqrt((tp + fp) * (tn + fn))
    raw = {
        "prevalence": ratio(labelled_present, labelled_present + labelled_absent),
        "accuracy": ratio(tp + tn, present + absent),
        "precision": ratio(tp, found),
        "sensitivity": ratio(tp, present),
        "specificity": ratio(tn, absent),
        "f1": f1,
        "macro_f1": (f1 + ratio(2 * tn, 2 * tn + fp + fn)) / 2,
        "mcc": np.where(spread > 0, ratio(tp * tn - fp * fn, spread), 0.0),
        "prediction_ratio": ratio(found, present),
    }
    return defined(raw, confusion.needs(missing))


def defined(raw: Mapping[str, Floats], met: Mapping[Need, Bools]) -> dict[str, Floats]:
    """The same values, with nan where a need of their metric is not met."""
    return {
        key: np.where(np.logical_and.reduce([met[need] for need in all_needs(BY_KEY[key])]), values, np.nan)
        for key, values in raw.items()
    }


def all_needs(metric: Metric) -> tuple[Need, ...]:
    """What a metric needs, the first things first."""
    if metric.key == "prevalence":
        return ("labels",)
    return ("labels", "answers", *(("probabilities",) if metric.probabilistic else ()), *metric.needs)


def reason(metric: Metric, met: Mapping[Need, bool]) -> str | None:
    """Why a metric is undefined, or None where it is defined."""
    return next((REASONS[need] for need in all_needs(metric) if not met[need]), None)


def ratio(above: Floats, below: Floats) -> Floats:
    """Element by element, nan where the lower one is 0."""
    undefined = np.full(np.shape(below), np.nan)
    np.divide(above, below, out=undefined, where=below > 0)
    return undefined


def quantile(values: Floats, share: float, axis: int) -> Floats:
    """Quantile of what is defined along an axis, nan where nothing is.

    What `numpy.nanquantile` gives by linear interpolation, without its loop over the other axes.
    """
    rows = np.sort(np.moveaxis(values, axis, -1), axis=-1)  # nan goes last
    if not rows.shape[-1]:
        return np.full(rows.shape[:-1], np.nan)
    place = share * (np.count_nonzero(~np.isnan(rows), axis=-1) - 1)
    low = np.maximum(np.floor(place), 0).astype(np.intp)
    high = np.maximum(np.ceil(place), 0).astype(np.intp)
    below, above = (np.take_along_axis(rows, at[..., None], -1)[..., 0] for at in (low, high))
    return np.asarray(below + (place - low) * (above - below))
