"""What reliability diagrams and risk-coverage curves are drawn from."""

from __future__ import annotations

import numpy as np

from clinextract.evaluation.metrics import Bools, Floats
from clinextract.evaluation.ranking import BINS, bin_of
from clinextract.evaluation.results import ReliabilityBin, RiskCoverage


def reliability(probabilities: Floats, truth: Bools) -> tuple[ReliabilityBin, ...]:
    """Probability and observed frequency by bin of equal width; bins without an answer are left out.

    Args:
        probabilities: P(present) of each answer, (m,).
        truth: Whether the feature is present, (m,).
    """
    bins = bin_of(probabilities)
    return tuple(
        ReliabilityBin(
            lower=number / BINS,
            upper=(number + 1) / BINS,
            count=int(inside.sum()),
            mean_probability=float(probabilities[inside].mean()),
            observed=float(truth[inside].mean()),
        )
        for number in range(BINS)
        if (inside := bins == number).any()
    )


def risk_coverage(probabilities: Floats, wrong: Bools, *, points: int = 100) -> tuple[RiskCoverage, ...]:
    """Share of wrong answers among the surest ones, for more and more of them (El-Yaniv and Wiener 2010).

    Args:
        probabilities: P(present) of each answer, (m,); the further from 0.5, the surer.
        wrong: Whether the answer is wrong, (m,).
        points: At most so many points, at about equal distances of coverage; answers that are equally sure are kept
            together. The last one keeps all.
    """
    if not len(probabilities):
        return ()
    # Rounded, so that 0.3 and 0.7 are equally sure.
    margins = np.round(np.abs(probabilities - 0.5), 12)
    order = np.argsort(-margins, kind="stable")
    margins, errors = margins[order], np.cumsum(wrong[order])
    total = len(margins)
    lasts = np.append(np.flatnonzero(np.diff(margins)), total - 1)
    wanted = np.ceil(np.linspace(1 / points, 1, points) * total) - 1
    chosen = lasts[np.unique(np.searchsorted(lasts, wanted))]
    return tuple(
        RiskCoverage(coverage=float((at + 1) / total), risk=float(errors[at] / (at + 1)), margin=float(margins[at]))
        for at in chosen
    )
