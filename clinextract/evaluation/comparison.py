"""Two sets of predictions on the same transcripts: differences with their uncertainty, and exact tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from clinextract.errors import DataError, ExtraNotInstalled
from clinextract.evaluation.assessment import figure, why_nowhere, why_undefined
from clinextract.evaluation.figures import Scorer
from clinextract.evaluation.metrics import METRICS, Floats, Metric, Missing, quantile
from clinextract.evaluation.pairing import Paired, take
from clinextract.evaluation.results import Comparison, Difference, McNemar
from clinextract.evaluation.uncertainty import Bootstrap, Sampled, sampled


def compare(first: Sampled, second: Sampled, bootstrap: Bootstrap) -> Comparison:
    """Hold two sets of predictions against each other.

    They are compared on the features that both have and on the answers that both give; where missing answers count as
    wrong, on all answers.

    Args:
        first: Beside the gold standard.
        second: Beside the same one.
        bootstrap: How intervals are made; both are held against the same resamples.

    Raises:
        DataError: They share no feature.
        ExtraNotInstalled: scipy is not here.
    """
    both = _restricted(first, second)
    if any(one is not other.scorer.paired for one, other in zip(both, (first, second), strict=True)):
        first, second = sampled([Scorer(one, first.scorer.missing) for one in both], bootstrap)
    probabilistic = all((~np.isnan(one.probabilities)).any() for one in both)
    metrics = [one for one in METRICS if one.key != "prevalence" and (probabilistic or not one.probabilistic)]
    medians = [_of_medians(metric, (first, second), bootstrap) for metric in metrics]
    by_feature = [one for metric in metrics for one in _by_feature(metric, (first, second), bootstrap)]
    return Comparison(
        first=both[0].name,
        second=both[1].name,
        transcripts=len(both[0].ids),
        differences=(*medians, *by_feature),
        tests=_tests(*both, first.scorer.missing),
    )


def _restricted(first: Sampled, second: Sampled) -> tuple[Paired, Paired]:
    """What is compared of both; the very same where nothing is left out."""
    a, b = first.scorer.paired, second.scorer.paired
    features = tuple(name for name in a.features if name in b.features)
    if not features:
        raise DataError(
            f"{a.name} and {b.name} share no feature",
            hint="Compare predictions of the same features, or evaluate each by itself.",
        )
    kept = np.ones(len(a.ids), dtype=bool)
    excluded = first.scorer.missing == "excluded"
    if excluded:
        kept = ~(a.failed | a.without_prediction | b.failed | b.without_prediction)
    if not (kept.all() and features == a.features == b.features):
        a, b = take(a, kept, features), take(b, kept, features)
    if excluded and not np.array_equal(a.answered, b.answered):
        answered = a.answered & b.answered
        a, b = replace(a, answered=answered), replace(b, answered=answered)
    known = ~np.isnan(a.probabilities)
    if not np.array_equal(known, ~np.isnan(b.probabilities)):
        known &= ~np.isnan(b.probabilities)
        a, b = (replace(one, probabilities=np.where(known, one.probabilities, np.nan)) for one in (a, b))
    return a, b


def _of_medians(metric: Metric, both: Sequence[Sampled], bootstrap: Bootstrap) -> Difference:
    """Second median less first, each over the features in which both are defined."""
    first, second = (
        quantile(one, 0.5, axis=1)[0] for one in _both_defined([one.scorer.point.features[metric.key] for one in both])
    )
    draws = [quantile(one, 0.5, axis=1) for one in _both_defined([one.features[metric.key] for one in both])]
    reasons = [_why(metric, both, at) for at in range(len(both[0].scorer.paired.features))]
    return Difference(
        metric=metric.key,
        feature=None,
        first=_known(first),
        second=_known(second),
        difference=figure(second - first, bootstrap.interval(draws[1] - draws[0]), why=why_nowhere(reasons)),
    )


def _by_feature(metric: Metric, both: Sequence[Sampled], bootstrap: Bootstrap) -> list[Difference]:
    first, second = (one.scorer.point.features[metric.key][0] for one in both)
    intervals = bootstrap.interval(both[1].features[metric.key] - both[0].features[metric.key])
    return [
        Difference(
            metric=metric.key,
            feature=name,
            first=_known(first[at]),
            second=_known(second[at]),
            difference=figure(second[at] - first[at], intervals, at, _why(metric, both, at)),
        )
        for at, name in enumerate(both[0].scorer.paired.features)
    ]


def _both_defined(values: Sequence[Floats]) -> list[Floats]:
    undefined = np.isnan(values[0]) | np.isnan(values[1])
    return [np.where(undefined, np.nan, one) for one in values]


def _why(metric: Metric, both: Sequence[Sampled], at: int) -> str | None:
    return next(filter(None, (why_undefined(metric, one.scorer, at) for one in both)), None)


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _tests(first: Paired, second: Paired, missing: Missing) -> tuple[McNemar, ...]:
    compared = first.labelled if missing == "wrong" else first.labelled & first.answered
    right = [one.answered & (one.predicted == one.truth) for one in (first, second)]
    only_first = (compared & right[0] & ~right[1]).sum(axis=0)
    only_second = (compared & right[1] & ~right[0]).sum(axis=0)
    p = [mcnemar(int(b), int(c)) for b, c in zip(only_first, only_second, strict=True)]
    return tuple(
        McNemar(feature=name, only_first_right=int(b), only_second_right=int(c), p=one, p_holm=corrected)
        for name, b, c, one, corrected in zip(first.features, only_first, only_second, p, holm(p), strict=True)
    )


def mcnemar(only_first_right: int, only_second_right: int) -> float:
    """Two-sided p-value of the exact McNemar test: a sign test of the pairs that differ (McNemar 1947).

    Raises:
        ExtraNotInstalled: scipy is not here.
    """
    differing = only_first_right + only_second_right
    if not differing:
        return 1.0
    try:
        from scipy.stats import binomtest  # noqa: PLC0415
    except ImportError:
        raise ExtraNotInstalled(
            "comparing two sets of predictions takes scipy", hint='Install it: pip install "clinextract[evaluate]"'
        ) from None
    return float(binomtest(only_first_right, differing).pvalue)


def holm(p: Sequence[float]) -> list[float]:
    """P-values corrected by Holm's step-down method (1979), in the order given.

    The chance that any feature is wrongly found different stays below the level at which they are read.
    """
    order = np.argsort(p, kind="stable")
    steps = np.asarray(p, dtype=np.float64)[order] * np.arange(len(order), 0, -1)
    corrected = np.empty(len(order))
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return [float(one) for one in corrected]
