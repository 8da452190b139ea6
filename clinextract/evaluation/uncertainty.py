"""How sure a figure is: the percentile bootstrap over transcripts.

A resample draws n of the n transcripts with replacement, each with all its features, since the answers to one
transcript depend on each other: the cluster bootstrap (Davison and Hinkley 1997, section 3.8). Every set of predictions
is held against the same resamples, so that differences between two of them are paired.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from clinextract.evaluation.figures import Figures, Scorer
from clinextract.evaluation.metrics import Floats, quantile

_CHUNK = 64
"""Resamples at once: their weights then stay in a processor's cache, and memory does not grow with the rounds."""
_NOT_ENOUGH = 0.5
"""Share of rounds in which a figure has to be defined for an interval."""


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """How intervals are made.

    Attributes:
        rounds: Resamples; 0 for no intervals.
        seed: Of their choice.
        confidence: Level of the intervals.
    """

    rounds: int = 1000
    seed: int = 0
    confidence: float = 0.95

    def __post_init__(self) -> None:
        if self.rounds < 0:
            raise ValueError("rounds must be 0 or more")
        if not 0 < self.confidence < 1:
            raise ValueError("confidence must lie between 0 and 1, such as 0.95")

    def resamples(self, transcripts: int) -> Iterator[Floats]:
        """How often each transcript is in each resample, in chunks of (transcripts, r): the same for the same seed."""
        if not transcripts:
            return
        random = np.random.default_rng(self.seed)
        for start in range(0, self.rounds, _CHUNK):
            size = min(_CHUNK, self.rounds - start)
            drawn = random.integers(0, transcripts, size=(size, transcripts))
            places = drawn * size + np.arange(size)[:, None]
            counts = np.bincount(places.ravel(), minlength=transcripts * size)
            yield counts.reshape(transcripts, size).astype(np.float64)

    def interval(self, draws: Floats) -> Interval:
        """The percentile interval of figures by round, (rounds, ...), nan where a round has none."""
        tail = (1 - self.confidence) / 2
        share = np.count_nonzero(~np.isnan(draws), axis=0) / max(len(draws), 1)
        enough = share >= _NOT_ENOUGH
        low, high = (np.where(enough, quantile(draws, level, axis=0), np.nan) for level in (tail, 1 - tail))
        return Interval(low, high, np.asarray(share), len(draws))


@dataclass(frozen=True, slots=True)
class Interval:
    """Intervals of several figures.

    Attributes:
        low, high: Their ends, nan where there is none.
        share: Of the rounds in which the figure is defined.
        rounds: Of the bootstrap.
    """

    low: Floats
    high: Floats
    share: Floats
    rounds: int


@dataclass(frozen=True, slots=True)
class Sampled:
    """One set of predictions with its figures in every round.

    Attributes:
        scorer: Its figures under any weights.
        features: By metric, (rounds, k).
        pooled: Over all answers, (rounds,).
    """

    scorer: Scorer
    features: dict[str, Floats]
    pooled: dict[str, Floats]


def sampled(scorers: Sequence[Scorer], bootstrap: Bootstrap) -> list[Sampled]:
    """Every figure of each set of predictions in every round, all on the same resamples.

    Args:
        scorers: Over the same transcripts.
        bootstrap: How many rounds, and their seed.
    """
    parts: list[list[Figures]] = [[] for _ in scorers]
    for weights in bootstrap.resamples(len(scorers[0].paired.ids)):
        for scorer, done in zip(scorers, parts, strict=True):
            done.append(scorer(weights))
    return [
        Sampled(
            scorer,
            {
                key: _stacked([one.features[key] for one in done], values)
                for key, values in scorer.point.features.items()
            },
            {key: _stacked([one.pooled[key] for one in done], values) for key, values in scorer.point.pooled.items()},
        )
        for scorer, done in zip(scorers, parts, strict=True)
    ]


def _stacked(chunks: Sequence[Floats], like: Floats) -> Floats:
    return np.concatenate([like[:0], *chunks])
