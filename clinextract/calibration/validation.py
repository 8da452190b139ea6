"""One field's rule (map, threshold, review band), and its cross-validation on answers that it was fitted without."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from clinextract.calibration import deciding
from clinextract.calibration.calibrator import BAND, EVEN, Target
from clinextract.calibration.deciding import Band
from clinextract.calibration.maps import Probabilities
from clinextract.calibration.scaling import Fitted, Scaling, Truth, fit_map
from clinextract.errors import ExtraNotInstalled

FOLDS = 5
BINS = 10


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked of a calibration.

    Attributes:
        method: How probabilities are calibrated; a field with too few labels for it gets the next simpler one.
        sensitivity: Choose each field's threshold for this sensitivity.
        best_mcc: Choose it for the best Matthews correlation. With neither it is 0.5.
        error_rate: Share of wrong answers outside the review bands.

    Raises:
        ValueError: A share is not between 0 and 1, or both targets are set.
    """

    method: Scaling = "temperature"
    sensitivity: float | None = None
    best_mcc: bool = False
    error_rate: float = 0.02

    def __post_init__(self) -> None:
        for name, share in (("sensitivity", self.sensitivity), ("error_rate", self.error_rate)):
            if share is not None and not 0 < share < 1:
                raise ValueError(f"{name} must lie between 0 and 1")
        if self.sensitivity is not None and self.best_mcc:
            raise ValueError("a threshold is for a sensitivity or for the best MCC, not for both")

    @property
    def target(self) -> Target:
        """How thresholds are chosen."""
        return "mcc" if self.best_mcc else "even" if self.sensitivity is None else "sensitivity"


@dataclass(frozen=True, slots=True)
class Rule:
    """How a field's probabilities become answers.

    Attributes:
        fitted: The map; None where the model's own probabilities are kept.
        threshold: Calibrated probability from which the answer is yes.
        band: Answers inside it go to a person.
        reachable: Whether the labels suffice for the wanted sensitivity.
    """

    fitted: Fitted | None
    threshold: float
    band: Band
    reachable: bool = True

    def probabilities(self, raw: Probabilities) -> Probabilities:
        """Calibrated probabilities of raw ones."""
        return raw if self.fitted is None else self.fitted(raw)


@dataclass(frozen=True, slots=True)
class HeldOut:
    """The answers of a field, each by a rule that was fitted without it; shape (n,) each.

    Attributes:
        raw, calibrated: Probabilities before and after.
        truth, answers: Whether the feature is truly present, and found.
        reviewed: Whether the answer goes to a person.
    """

    raw: Probabilities
    calibrated: Probabilities
    truth: Truth
    answers: Truth
    reviewed: Truth


def fit_rule(raw: Probabilities, truth: Truth, method: Scaling | None, wanted: Wanted) -> Rule:
    """Map, threshold and band from these labels.

    Args:
        raw: Probabilities, shape (n,).
        truth: Shape (n,); both classes are there.
        method: Of the map; None to keep the probabilities.
        wanted: What is asked for.
    """
    fitted = None if method is None else fit_map(method, raw, truth)
    p = raw if fitted is None else fitted(raw)
    threshold, reachable = EVEN, True
    if wanted.sensitivity is not None:
        threshold, reachable = deciding.threshold_for_sensitivity(p, truth, wanted.sensitivity)
    elif wanted.best_mcc:
        threshold = deciding.threshold_for_mcc(p, truth)
    band = deciding.review_band(p, truth, threshold, wanted.error_rate)
    if not band.shown and len(truth) < least_shown(wanted.error_rate):
        band = replace(deciding.band(BAND[0], threshold), shown=False)
    return Rule(fitted, threshold, band, reachable)


def cross_validated(raw: Probabilities, truth: Truth, method: Scaling | None, wanted: Wanted, seed: int) -> HeldOut:
    """Every answer by the rule that was fitted on the other folds; each fold has its share of both classes."""
    parts: dict[str, Any] = {"calibrated": np.empty(len(raw)), "answers": np.empty(len(raw), bool)}
    parts["reviewed"] = np.empty(len(raw), bool)
    for train, test in _folds(truth, seed):
        found = applied(fit_rule(raw[train], truth[train], method, wanted), raw[test], truth[test])
        for name, part in parts.items():
            part[test] = getattr(found, name)
    return HeldOut(raw=raw, truth=truth, **parts)


def together(held: Sequence[HeldOut]) -> HeldOut:
    """The answers of several fields as those of one."""
    names = [one.name for one in fields(HeldOut)]
    return HeldOut(**{name: np.concatenate([getattr(one, name) for one in held]) for name in names})


def least_shown(error_rate: float) -> int:
    """The least number of answers that can show an error rate: all right, and one more counted as wrong."""
    return math.ceil(round(1 / error_rate - 1, 9))


def applied(rule: Rule, raw: Probabilities, truth: Truth) -> HeldOut:
    """What a rule makes of these answers."""
    p = rule.probabilities(raw)
    return HeldOut(raw, p, truth, p >= rule.threshold, rule.band.inside(p))


def _folds(truth: Truth, seed: int) -> Any:
    try:
        from sklearn.model_selection import StratifiedKFold  # noqa: PLC0415
    except ImportError:
        raise ExtraNotInstalled(
            "scikit-learn is needed to fit a calibration, and is not installed",
            hint='Run: pip install "clinextract[evaluate]"',
        ) from None
    return StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(np.zeros(len(truth)), truth)


def brier(probabilities: Probabilities, truth: Truth) -> float:
    """Mean squared difference between probability and truth (Brier 1950); both of shape (n,)."""
    return float(np.mean((probabilities - truth) ** 2))


def expected_calibration_error(probabilities: Probabilities, truth: Truth) -> float:
    """Mean distance between probability and observed frequency over ten bins of equal width, weighted by their size.

    Args:
        probabilities: Shape (n,).
        truth: Shape (n,).
    """
    edges = np.linspace(0, 1, BINS + 1)[1:-1]
    bins = np.searchsorted(edges, probabilities)  # a bin holds its upper end, as in an evaluation's report
    return float(np.abs(np.bincount(bins, probabilities - truth)).sum() / len(truth))
