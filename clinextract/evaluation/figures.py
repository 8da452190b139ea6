"""All figures of one set of predictions, as functions of how much each transcript counts.

With a weight of one for each transcript they are the figures themselves; with the weights of a bootstrap's resamples
they are its rounds. So there is one place for every sum.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from clinextract.evaluation.metrics import Bools, Confusion, Floats, Missing, Need, defined, from_confusion, ratio
from clinextract.evaluation.pairing import Paired
from clinextract.evaluation.ranking import Ranked, calibration_error

T = TypeVar("T", bound=np.generic)


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures under r weightings of the transcripts.

    Attributes:
        features: By metric, (r, k); nan where it is undefined.
        pooled: Brier score and expected calibration error over the answers of all features, (r,).
        confusion: What the former follow from, (r, k).
        met: Which needs of a metric that follows from counts are met, (r, k).
        met_ranked: The same for one that needs probabilities.
    """

    features: dict[str, Floats]
    pooled: dict[str, Floats]
    confusion: Confusion
    met: dict[Need, Bools]
    met_ranked: dict[Need, Bools]


class Scorer:
    """Figures of one set of predictions under any weights.

    Args:
        paired: The predictions beside the gold standard.
        missing: What becomes of an answer that is missing.
    """

    def __init__(self, paired: Paired, missing: Missing = "excluded") -> None:
        self.paired = paired
        self.missing = missing
        truth, predicted = paired.truth, paired.predicted
        compared, unanswered = paired.labelled & paired.answered, paired.labelled & ~paired.answered
        self._cells = np.hstack(
            [
                compared & truth & predicted,
                compared & ~truth & predicted,
                compared & truth & ~predicted,
                compared & ~truth & ~predicted,
                unanswered & truth,
                unanswered & ~truth,
            ]
        ).astype(np.float64)
        ranked = compared & ~np.isnan(paired.probabilities)
        self._ranked = []
        for column in range(len(paired.features)):
            rows = np.flatnonzero(ranked[:, column])
            self._ranked.append(Ranked(rows, paired.probabilities[rows, column], truth[rows, column]))

    @cached_property
    def point(self) -> Figures:
        """The figures themselves: every transcript counts once, r = 1."""
        return self(np.ones((len(self.paired.ids), 1)))

    def __call__(self, weights: Floats) -> Figures:
        """The figures under r weightings of the n transcripts, given as (n, r)."""
        cells = np.split(weights.T @ self._cells, 6, axis=1)
        confusion = Confusion(*cells)
        met = confusion.needs(self.missing)
        features = from_confusion(confusion, self.missing)
        sums = [ranked.sums(weights) for ranked in self._ranked]
        ranked_needs = [one.needs for one in sums]
        met_ranked = met | {need: _columns([one[need] for one in ranked_needs]) for need in ranked_needs[0]}
        raw = {
            "auroc": _columns([one.auroc for one in sums]),
            "average_precision": _columns([one.average_precision for one in sums]),
            "brier": _columns([ratio(one.squares, one.weight) for one in sums]),
            "ece": _columns([calibration_error(one.gaps, one.weight) for one in sums]),
        }
        weight = np.sum([one.weight for one in sums], axis=0)
        pooled = {
            "brier": ratio(np.sum([one.squares for one in sums], axis=0), weight),
            "ece": calibration_error(np.sum([one.gaps for one in sums], axis=0), weight),
        }
        return Figures(features | defined(raw, met_ranked), pooled, confusion, met, met_ranked)


def _columns(by_feature: list[NDArray[T]]) -> NDArray[T]:
    return np.stack(by_feature, axis=-1)
