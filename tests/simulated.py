"""Gold standards and predictions as arrays, made here for tests of an evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clinextract.evaluation.labels import Gold, Predictions
from clinextract.evaluation.pairing import Paired, pair

Bools = NDArray[np.bool_]


def names(count: int) -> tuple[str, ...]:
    return tuple(f"feature_{number}" for number in range(count))


def gold_of(
    truth: ArrayLike, labelled: ArrayLike | None = None, columns: Mapping[str, tuple[str, ...]] | None = None
) -> Gold:
    """A gold standard of n transcripts and k features; without `labelled` everything is."""
    values = np.asarray(truth, dtype=bool)
    known = np.ones_like(values) if labelled is None else np.asarray(labelled, dtype=bool)
    ids = tuple(f"call-{number}" for number in range(len(values)))
    return Gold("gold", ids, names(values.shape[1]), values & known, known, columns or {})


def predictions_of(
    values: ArrayLike, *, answered: ArrayLike | None = None, probabilities: ArrayLike | None = None, name: str = "model"
) -> Predictions:
    """Predictions for the same transcripts; everything is answered, and without probabilities, where none are given."""
    found = np.asarray(values, dtype=bool)
    given = np.ones_like(found) if answered is None else np.asarray(answered, dtype=bool)
    shares = np.full(found.shape, np.nan) if probabilities is None else np.asarray(probabilities, dtype=np.float64)
    ids = tuple(f"call-{number}" for number in range(len(found)))
    return Predictions(
        name, ids, names(found.shape[1]), found & given, given, np.where(given, shares, np.nan), ~given.any(axis=1)
    )


def paired_of(truth: ArrayLike, values: ArrayLike, *, labelled: ArrayLike | None = None, **given: ArrayLike) -> Paired:
    return pair(predictions_of(values, **given), gold_of(truth, labelled))  # type: ignore[arg-type]


def simulated(
    transcripts: int, features: int = 13, *, seed: int = 0, skill: float = 3.0, prevalence: float = 0.25
) -> tuple[Gold, Predictions]:
    """Calls as they may come, the same for every seed, and a model that knows something of them.

    What is true of one transcript hangs together, and so do the answers to it.
    """
    calls, model = np.random.default_rng(7), np.random.default_rng(seed)
    severity = calls.normal(0, 0.5, (transcripts, 1))
    truth = calls.random((transcripts, features)) < prevalence * np.exp(severity)
    difficulty = model.normal(0, 0.7, (transcripts, 1))
    logits = model.normal(0, 1, truth.shape) + skill * (truth - 0.5) + difficulty
    probabilities = np.round(1 / (1 + np.exp(-logits)), 4)
    return gold_of(truth), predictions_of(probabilities > 0.5, probabilities=probabilities)


def renamed(predictions: Predictions, name: str) -> Predictions:
    return replace(predictions, name=name)
