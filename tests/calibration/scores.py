"""Simulated scores: the truth is drawn from known log-odds, and the model gives them wrong in a known way."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from clinextract.calibration import maps
from clinextract.calibration.calibrator import Binding
from clinextract.calibration.fitting import Labelled

BINDING = Binding(
    schema_hash="5" * 16, model_hash="6" * 16, prompt_hashes=("7" * 16,), languages=("en",), order="joint",
    decoding="skeleton",
)  # fmt: skip


@dataclass(frozen=True)
class Scores:
    """Raw probabilities and the truth, shape (n,) each."""

    raw: npt.NDArray[np.float64]
    truth: npt.NDArray[np.bool_]


def scores(
    seed: int, count: int, *, prevalence: float = 0.3, stretch: float = 3.0, shift: float = 0.0, apart: float = 1.4
) -> Scores:
    """Two normal distributions of log-odds; the model gives them shifted, and stretched (too sure above 1)."""
    chance = np.random.default_rng(seed)
    truth = chance.random(count) < prevalence
    spread = 1.5
    evidence = chance.normal(np.where(truth, apart, -apart), spread)
    log_odds = 2 * apart * evidence / spread**2 + np.log(prevalence / (1 - prevalence))
    return Scores(maps.sigmoid((log_odds - shift) * stretch), truth)


def table(*columns: Scores) -> Labelled:
    """Fields "a", "b", and so on, all labelled."""
    truth = np.stack([one.truth for one in columns], axis=1)
    raw = np.stack([one.raw for one in columns], axis=1)
    return Labelled("abcdefghij"[: len(columns)], truth, raw, np.ones(raw.shape, dtype=bool))
