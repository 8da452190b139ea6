"""Figures that need probabilities, of one feature under many weightings of its transcripts at once.

Answers are put in order once. Everything that a weighting changes is then a sum over runs of rows that lie side by
side, so that a thousand resamples of ten thousand transcripts take a fraction of a second.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clinextract.evaluation.metrics import Bools, Floats, Need, ratio

BINS = 10
_INNER = np.linspace(0, 1, BINS + 1)[1:-1]


def bin_of(probabilities: Floats) -> np.ndarray[tuple[int, ...], np.dtype[np.intp]]:
    """The bin of equal width that each probability falls into, from 0.

    A bin holds its upper end and not its lower one, but for the first, which holds both: Guo et al. 2017
    (arXiv 1706.04599), and `sklearn.calibration.calibration_curve`.
    """
    return np.searchsorted(_INNER, probabilities, side="left")


@dataclass(frozen=True, slots=True)
class Sums:
    """Weighted sums over r weightings, from which figures follow.

    Attributes:
        present, absent: Weight of the truly positive and negative answers, (r,).
        auroc, average_precision: (r,); nan where there is nothing to rank.
        squares: Of the differences between probability and truth, (r,).
        gaps: By bin, the sum of probability less truth, (BINS, r).
    """

    present: Floats
    absent: Floats
    auroc: Floats
    average_precision: Floats
    squares: Floats
    gaps: Floats

    @property
    def weight(self) -> Floats:
        """Weight of all answers that have a probability, (r,)."""
        return self.present + self.absent

    @property
    def needs(self) -> dict[Need, Bools]:
        """Which needs are met, (r,) each."""
        return {"probabilities": self.weight > 0, "present": self.present > 0, "absent": self.absent > 0}


class Ranked:
    """The answers of one feature in the order of their probabilities, the surest yes first.

    Args:
        rows: Numbers of the transcripts that have a label and a probability, (m,).
        probabilities: P(present) of these, (m,).
        truth: Whether it is, (m,).
    """

    def __init__(self, rows: np.ndarray[tuple[int], np.dtype[np.intp]], probabilities: Floats, truth: Bools) -> None:
        order = np.argsort(-probabilities, kind="stable")
        self._rows, ordered, self._truth = rows[order], probabilities[order], truth[order]
        # Only thresholds at which a positive is found move either curve: runs of equal probabilities that hold one.
        starts = np.flatnonzero(np.diff(ordered, prepend=np.inf))
        ends = np.append(starts[1:], len(ordered))
        holds = np.add.reduceat(self._truth.astype(np.intp), starts) > 0 if len(starts) else np.zeros(0, bool)
        starts, ends = starts[holds], ends[holds]
        self._cuts = np.unique(np.concatenate([[0], starts, ends]))
        self._cuts = self._cuts[self._cuts < len(ordered)]
        self._begin, self._end = np.searchsorted(self._cuts, starts), np.searchsorted(self._cuts, ends)
        self._positives = np.flatnonzero(self._truth)
        self._runs = np.searchsorted(self._positives, starts)
        gap = ordered - self._truth
        self._linear = np.zeros((BINS + 1, len(ordered)))
        self._linear[bin_of(ordered), np.arange(len(ordered))] = gap
        self._linear[BINS] = gap**2

    def __len__(self) -> int:
        return len(self._rows)

    def sums(self, weights: Floats) -> Sums:
        """The sums under r weightings of all n transcripts, given as (n, r)."""
        ordered = weights[self._rows]
        linear = self._linear @ ordered
        positive = ordered[self._positives]
        present = positive.sum(axis=0)
        absent = ordered.sum(axis=0) - present
        auroc, precision = self._curves(ordered, positive, present, absent)
        return Sums(present, absent, auroc, precision, linear[BINS], linear[:BINS])

    def _curves(self, ordered: Floats, positive: Floats, present: Floats, absent: Floats) -> tuple[Floats, Floats]:
        """Areas under the two curves, (r,) each."""
        if not len(self._runs):
            undefined = np.full(ordered.shape[1], np.nan)
            return undefined, undefined
        found = np.add.reduceat(positive, self._runs, axis=0)  # positives in each run of equal probabilities
        total = np.cumsum(np.add.reduceat(ordered, self._cuts, axis=0), axis=0)
        total = np.concatenate([np.zeros((1, ordered.shape[1])), total])
        before, after = total[self._begin], total[self._end]
        recalled = np.cumsum(found, axis=0)
        above = before - (recalled - found)  # negatives that are ranked before the run
        tied = after - before - found
        auroc = ratio(np.einsum("gr,gr->r", found, absent - above - tied / 2), present * absent)
        exact = np.divide(recalled, after, out=np.zeros_like(after), where=after > 0)
        precision = ratio(np.einsum("gr,gr->r", found, exact), present)
        return auroc, precision


def calibration_error(gaps: Floats, weight: Floats) -> Floats:
    """Expected calibration error, from the sums by bin on the first axis."""
    return ratio(np.abs(gaps).sum(axis=0), weight)
