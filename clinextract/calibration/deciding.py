"""What follows from calibrated probabilities: thresholds, review bands, and what they cost.

An answer is yes from the threshold on. Which answers go to a person is Chow's rule (1970): those whose chance of being
wrong, as their calibrated probability tells it, is above a limit. It has one parameter, so there is little to overfit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from clinextract.calibration import maps
from clinextract.calibration.calibrator import EVEN
from clinextract.calibration.maps import Probabilities
from clinextract.calibration.scaling import Truth

Counts = npt.NDArray[np.int_]
POINTS = 50
"""Most points of a risk-coverage curve."""


@dataclass(frozen=True, slots=True)
class Band:
    """A review band: answers strictly inside it go to a person.

    Attributes:
        low, high: Its ends.
        shown: Whether the labels show the wanted error rate outside it.
    """

    low: float
    high: float
    shown: bool = True

    def inside(self, probabilities: Probabilities) -> Truth:
        """Which answers go to a person; the same shape."""
        return (probabilities > self.low) & (probabilities < self.high)


def threshold_for_sensitivity(probabilities: Probabilities, truth: Truth, sensitivity: float) -> tuple[float, bool]:
    """The highest threshold at which calls to come are expected to have at least this sensitivity.

    Of n positive calls it leaves the share `sensitivity` of n + 1 at or above it: the rank of split conformal
    prediction (Vovk et al. 2005; Lei et al. 2018), since the rank among n alone falls short on calls to come.

    Args:
        probabilities: Calibrated, shape (n,).
        truth: Shape (n,); some are true.
        sensitivity: The wanted one.

    Returns:
        The threshold, and whether there are enough positives to expect it; if not, the threshold is the lowest
        probability of them.
    """
    positives = np.sort(probabilities[truth])[::-1]
    # Rounded, since 0.9 * 10 is to count as 9.
    rank = int(np.ceil(np.round(sensitivity * (len(positives) + 1), 9)))
    return float(positives[min(max(rank, 1), len(positives)) - 1]), rank <= len(positives)


def threshold_for_mcc(probabilities: Probabilities, truth: Truth) -> float:
    """The threshold of the best Matthews correlation; of equally good ones the one nearest to 0.5.

    Args:
        probabilities: Calibrated, shape (n,).
        truth: Shape (n,).

    Returns:
        Midway, in log-odds, between two neighbouring probabilities; 0.5 where they do not part the classes at all.
    """
    order = np.argsort(probabilities)
    p, y = probabilities[order], truth[order]
    cuts = np.flatnonzero(np.diff(p) > 0) + 1  # the first place that is yes
    if not len(cuts):
        return EVEN
    missed = np.cumsum(y)[cuts - 1]
    rejected = cuts - missed
    positives, negatives = int(y.sum()), int((~y).sum())
    found, false = positives - missed, negatives - rejected
    product = (found + false) * positives * negatives * (missed + rejected).astype(float)
    with np.errstate(invalid="ignore", divide="ignore"):
        mcc = np.where(product > 0, (found * rejected - false * missed) / np.sqrt(product), -1.0)
    between = maps.sigmoid((maps.logit(p[cuts - 1]) + maps.logit(p[cuts])) / 2)
    best = np.flatnonzero(np.isclose(mcc, mcc.max(), rtol=0, atol=1e-12))
    return float(between[best[np.argmin(np.abs(between[best] - EVEN))]])


def review_band(probabilities: Probabilities, truth: Truth, threshold: float, error_rate: float) -> Band:
    """The narrowest band outside which at most this share of answers is wrong.

    One answer more than were seen is counted as wrong, so that the share holds for calls to come too: of k answers
    outside the band at most error_rate * (k + 1) - 1 are wrong.

    Args:
        probabilities: Calibrated, shape (n,).
        truth: Shape (n,).
        threshold: From which an answer is yes.
        error_rate: The wanted share.
    """
    limits = _limits(probabilities, threshold)
    kept, wrong = _kept(probabilities, truth, threshold, limits)
    fits = np.flatnonzero((wrong + 1) / (kept + 1) <= error_rate)
    if not len(fits):
        return Band(0.0, 1.0, shown=False)
    return band(float(limits[fits[-1]]), threshold)


def risk_coverage(
    probabilities: Sequence[Probabilities], truth: Sequence[Truth], thresholds: Sequence[float]
) -> list[tuple[float, float, float]]:
    """What narrower and narrower bands cost, over the answers of several fields together.

    Args:
        probabilities: Of each field, calibrated.
        truth: Of each field.
        thresholds: Of each field.

    Returns:
        At most `POINTS` triples: the limit on an answer's chance of being wrong, the share of answers kept, and the
        share of wrong ones among them.
    """
    fields = list(zip(probabilities, truth, thresholds, strict=True))
    if not sum(map(len, truth)):
        return []
    limits = np.unique(np.concatenate([_limits(p, threshold) for p, _, threshold in fields]))
    counts = [_kept(p, y, threshold, limits) for p, y, threshold in fields]
    kept, wrong = (np.sum(part, axis=0) for part in zip(*counts, strict=True))
    some = np.flatnonzero(kept)
    places = some[np.unique(np.linspace(0, len(some) - 1, POINTS).round().astype(int))]
    return [(float(limits[n]), float(kept[n] / kept[-1]), float(wrong[n] / kept[n])) for n in places]


def band(limit: float, threshold: float) -> Band:
    """The band that sends an answer to a person where its chance of being wrong is above a limit."""
    return Band(min(limit, threshold), max(1 - limit, threshold))


def _limits(probabilities: Probabilities, threshold: float) -> Probabilities:
    """The chances of being wrong that answers have, in rising order, up to the one that nothing is above."""
    yes = probabilities >= threshold
    return np.unique(np.concatenate([probabilities[~yes], 1 - probabilities[yes], [1.0]]))


def _kept(probabilities: Probabilities, truth: Truth, threshold: float, limits: Probabilities) -> tuple[Counts, Counts]:
    """For each limit, how many answers lie outside its band, and how many of those are wrong; shape (limits,)."""
    order = np.argsort(probabilities)
    p, y = probabilities[order], truth[order]
    first_yes = np.searchsorted(p, threshold)
    below = np.minimum(np.searchsorted(p, limits, side="right"), first_yes)
    above = np.maximum(np.searchsorted(p, 1 - limits), first_yes)
    true_below = np.concatenate([[0], np.cumsum(y, dtype=np.int_)])
    wrong_no = true_below[below]
    wrong_yes = (len(y) - above) - (true_below[-1] - true_below[above])
    return below + len(y) - above, wrong_no + wrong_yes
