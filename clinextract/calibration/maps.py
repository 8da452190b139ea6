"""Strictly increasing maps from raw to calibrated probabilities, as lines between knots in log-odds.

Temperature scaling is a straight line in log-odds, isotonic regression one with corners. Beyond the outermost knots
both go on with a small slope in place of a constant: two scores that differ stay different, so calibrated scores rank
as the raw ones do, and every threshold on a calibrated probability has a cut-off on the raw one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Probabilities = npt.NDArray[np.float64]
Knots = Sequence[tuple[float, float]]
"""Raw and calibrated log-odds, both strictly increasing; at least one."""

SLOPE = 0.01
"""Least slope of a map in log-odds."""
SUREST = math.log((1 - 1e-5) / 1e-5)
"""Calibrated log-odds from which on a line has the least slope: labels do not show more than 1 in 100,000."""
# What 0 and 1 count as: just beyond the log-odds of the floats next to them.
_LOWEST, _HIGHEST = -750.0, 37.5


def logit(probabilities: npt.ArrayLike) -> Probabilities:
    """Log-odds, finite for 0 and 1 also: there they lie just beyond those of the nearest other floats."""
    p = np.asarray(probabilities, dtype=np.float64)
    with np.errstate(divide="ignore"):
        z: Probabilities = np.clip(np.log(p) - np.log1p(-p), _LOWEST, _HIGHEST)
    return z


def sigmoid(log_odds: npt.ArrayLike) -> Probabilities:
    """The probability of log-odds."""
    z = np.asarray(log_odds, dtype=np.float64)
    small = np.exp(-np.abs(z))  # of the greater magnitude never the exponential: it would overflow
    return np.asarray(np.where(z >= 0, 1 / (1 + small), small / (1 + small)), dtype=np.float64)


def line(temperature: float, bias: float = 0.0) -> tuple[tuple[float, float], ...]:
    """The knots of `sigmoid(logit(p) / temperature + bias)`, up to where it would be surer than `SUREST`."""
    return tuple(((edge - bias) * temperature, edge) for edge in (-SUREST, SUREST))


def apply(knots: Knots, probabilities: npt.ArrayLike) -> Probabilities:
    """The calibrated probabilities.

    Two raw probabilities whose log-odds differ by at least 1e-7 (about what differs between two sums of the model's
    float32 log-probabilities) keep their order strictly.

    Args:
        knots: Of the map.
        probabilities: Raw, of any shape.

    Returns:
        The same shape.
    """
    raw, calibrated = np.array(knots, dtype=np.float64).T
    z = logit(probabilities)
    beyond = z - np.clip(z, raw[0], raw[-1])
    return sigmoid(np.interp(z, raw, calibrated) + SLOPE * beyond)


def cutoff(knots: Knots, threshold: float) -> float:
    """The least raw probability that is calibrated to at least a threshold.

    Returns:
        Found among all floats between 0 and 1, by bisection over their order; the float after 1 where no raw
        probability reaches the threshold.
    """
    low, high = 0, _ordinal(math.nextafter(1.0, 2.0))
    while low < high:
        middle = (low + high) // 2
        if float(apply(knots, _float(middle))) >= threshold:
            high = middle
        else:
            low = middle + 1
    return _float(low)


# Floats from 0 upwards are ordered as their bits are, read as whole numbers.
def _ordinal(value: float) -> int:
    return int(np.float64(value).view(np.int64))


def _float(ordinal: int) -> float:
    return float(np.int64(ordinal).view(np.float64))
