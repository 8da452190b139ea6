"""What can be had without reading a transcript: the answers that every table shows beside a model's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from clinextract.evaluation.metrics import Bools, Floats, ratio
from clinextract.evaluation.pairing import Paired

ALL_FALSE = "all-False"
PREVALENCE = "prevalence"


def all_false(paired: Paired) -> Paired:
    """Every feature absent from every transcript; without probabilities."""
    return _answers(ALL_FALSE, paired, np.zeros_like(paired.truth), np.full(paired.truth.shape, np.nan))


def prevalence(paired: Paired) -> Paired:
    """Of each feature the answer that most labels give, no where they are even, with its prevalence as probability.

    It is fitted to the labels that it is held against, so that no constant answer has more right, and no constant
    probability a lower Brier score.
    """
    labels = paired.labelled.sum(axis=0, dtype=np.float64)
    shares = ratio((paired.truth & paired.labelled).sum(axis=0, dtype=np.float64), labels)
    probabilities = np.tile(shares, (len(paired.ids), 1))
    return _answers(PREVALENCE, paired, probabilities > 0.5, probabilities)


def _answers(name: str, paired: Paired, predicted: Bools, probabilities: Floats) -> Paired:
    nothing = np.zeros(len(paired.ids), dtype=bool)
    return replace(
        paired,
        name=name,
        predicted=predicted,
        answered=np.ones_like(predicted),
        probabilities=probabilities,
        failed=nothing,
        without_prediction=nothing,
        provenance={},
        notes=(),
    )
