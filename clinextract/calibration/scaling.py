"""Fitting of a map from raw to calibrated probabilities: temperature, Platt's line, isotonic regression.

All fit Platt's smoothed targets, (positives + 1) / (positives + 2) for yes and 1 / (negatives + 2) for no, in place of
1 and 0 (Platt 1999): a handful of labels that the scores happen to part perfectly then shows no certainty.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from clinextract.calibration import maps
from clinextract.calibration.maps import Probabilities
from clinextract.errors import ExtraNotInstalled

Scaling = Literal["temperature", "platt", "isotonic"]
Truth = npt.NDArray[np.bool_]

_COLDEST, _HOTTEST = 0.05, 20.0


@dataclass(frozen=True, slots=True)
class Fitted:
    """A map with what describes it.

    Attributes:
        knots: Raw and calibrated log-odds.
        temperature, bias: Of temperature and Platt scaling; the temperature is None for isotonic regression.
    """

    knots: maps.Knots
    temperature: float | None = None
    bias: float = 0.0

    def __call__(self, probabilities: npt.ArrayLike) -> Probabilities:
        """Calibrated probabilities, of the same shape."""
        return maps.apply(self.knots, probabilities)


def fit_map(method: Scaling, probabilities: Probabilities, truth: Truth) -> Fitted:
    """Fit one field's map.

    Args:
        method: "temperature": sigmoid(logit(p) / T) with the T > 0 of greatest likelihood (Guo et al. 2017, arXiv
            1706.04599). "platt": the same with a bias (Platt 1999). "isotonic": the non-decreasing step function of
            least squares (Zadrozny and Elkan 2002), with lines between the centres of its steps.
        probabilities: Raw, shape (n,).
        truth: Whether the feature is truly present, shape (n,); both classes are there.

    Raises:
        ExtraNotInstalled: scipy is missing.
    """
    if method == "isotonic":
        return Fitted(_isotonic(maps.logit(probabilities), _smoothed(truth)))
    temperature, bias = _line(maps.logit(probabilities), _smoothed(truth), biased=method == "platt")
    return Fitted(maps.line(temperature, bias), temperature, bias)


def _smoothed(truth: Truth) -> Probabilities:
    positives = int(truth.sum())
    negatives = len(truth) - positives
    return np.where(truth, (positives + 1) / (positives + 2), 1 / (negatives + 2))


def _line(z: Probabilities, targets: Probabilities, *, biased: bool) -> tuple[float, float]:
    """Temperature and bias of the least mean cross-entropy, which is convex in 1 / T and the bias."""

    def loss(parameters: Probabilities) -> tuple[float, Probabilities]:
        slope, bias = parameters[0], parameters[1] if biased else 0.0
        scaled = slope * z + bias
        errors = maps.sigmoid(scaled) - targets
        gradient = np.array([(errors * z).mean(), errors.mean()])[: len(parameters)]
        return float((np.logaddexp(0, scaled) - targets * scaled).mean()), gradient

    bounds = [(1 / _HOTTEST, 1 / _COLDEST), (-50.0, 50.0)]
    count = 2 if biased else 1
    found = _optimize().minimize(loss, [1.0, 0.0][:count], jac=True, method="L-BFGS-B", bounds=bounds[:count])
    return 1 / float(found.x[0]), float(found.x[1]) if biased else 0.0


def _isotonic(z: Probabilities, targets: Probabilities) -> tuple[tuple[float, float], ...]:
    """Steps as knots at their centres, moved by the least slope so that they increase strictly."""
    optimize = _optimize()
    places, inverse, counts = np.unique(z, return_inverse=True, return_counts=True)
    means = np.bincount(inverse, targets) / counts
    steps = optimize.isotonic_regression(means, weights=counts).x
    starts = np.flatnonzero(np.diff(steps, prepend=-1) > 1e-12)
    centres = np.add.reduceat(places * counts, starts) / np.add.reduceat(counts, starts)
    mixed = (1 - maps.SLOPE) * maps.logit(steps[starts]) + maps.SLOPE * centres
    return tuple((float(raw), float(calibrated)) for raw, calibrated in zip(centres, mixed, strict=True))


def _optimize() -> Any:
    try:
        from scipy import optimize  # noqa: PLC0415
    except ImportError:
        raise ExtraNotInstalled(
            "scipy is needed to fit a calibration, and is not installed",
            hint='Run: pip install "clinextract[evaluate]"',
        ) from None
    return optimize
