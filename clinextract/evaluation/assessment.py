"""From figures and their rounds to results: what one set of predictions is worth on its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from clinextract.evaluation.curves import reliability, risk_coverage
from clinextract.evaluation.figures import Scorer
from clinextract.evaluation.metrics import METRICS, Metric, quantile, reason
from clinextract.evaluation.results import Counts, Evaluation, FeatureResult, Figure, Summary
from clinextract.evaluation.uncertainty import Bootstrap, Interval, Sampled

QUARTILES = {"median": 0.5, "lower_quartile": 0.25, "upper_quartile": 0.75}
_FEATURE_POINTS = 50
"""Points of the risk-coverage curve of one feature; the one over all answers has twice as many."""

Labels = Mapping[str, Mapping[str, str]]


def assess(
    sets: Sequence[Sampled], bootstrap: Bootstrap, labels: Labels, *, kind: str = "predictions"
) -> tuple[Evaluation, ...]:
    """Evaluate sets of predictions.

    Args:
        sets: With their figures in every round.
        bootstrap: Which the rounds are of.
        labels: Of features, by language.
        kind: "predictions" or "baseline".
    """
    return tuple(_evaluation(one, bootstrap, labels, kind) for one in sets)


def figure(value: float, interval: Interval, at: int | tuple[()] = (), why: str | None = None) -> Figure:
    """A figure with its interval, or why it has none.

    Args:
        value: nan where it is undefined.
        interval: Of one or several figures.
        at: Which of them.
        why: Why it is undefined, where it is.
    """
    if np.isnan(value):
        return Figure(value=None, reason=why)
    low, high, share = (float(one[at]) for one in (interval.low, interval.high, interval.share))
    if not np.isnan(low):
        return Figure(value=float(value), low=low, high=high)
    thin = f"no interval: undefined in {1 - share:.0%} of the resamples" if interval.rounds else None
    return Figure(value=float(value), reason=thin)


def _evaluation(one: Sampled, bootstrap: Bootstrap, labels: Labels, kind: str) -> Evaluation:
    paired = one.scorer.paired
    ranked = paired.labelled & paired.answered & ~np.isnan(paired.probabilities)
    wrong = paired.predicted != paired.truth
    probabilities = paired.probabilities[ranked]
    return Evaluation(
        name=paired.name,
        kind=kind,
        transcripts=len(paired.ids),
        failed=int(paired.failed.sum()),
        without_prediction=int(paired.without_prediction.sum()),
        missing_answers=int((paired.labelled & ~paired.answered).sum()),
        features=_features(one, bootstrap, labels),
        summary={metric.key: _summary(metric, one, bootstrap) for metric in METRICS},
        pooled=_pooled(one, bootstrap) if len(probabilities) else {},
        reliability=reliability(probabilities, paired.truth[ranked]),
        risk_coverage=risk_coverage(probabilities, wrong[ranked]),
        provenance={key: ", ".join(sorted(values)) for key, values in paired.provenance.items()},
    )


def _features(one: Sampled, bootstrap: Bootstrap, labels: Labels) -> tuple[FeatureResult, ...]:
    scorer = one.scorer
    paired, point = scorer.paired, scorer.point
    intervals = {metric.key: bootstrap.interval(one.features[metric.key]) for metric in METRICS}
    results = []
    for at, name in enumerate(paired.features):
        figures = {
            metric.key: figure(
                point.features[metric.key][0, at], intervals[metric.key], at, why_undefined(metric, scorer, at)
            )
            for metric in METRICS
        }
        rows = paired.labelled[:, at] & paired.answered[:, at] & ~np.isnan(paired.probabilities[:, at])
        probabilities, truth = paired.probabilities[rows, at], paired.truth[rows, at]
        results.append(
            FeatureResult(
                name=name,
                label=dict(labels.get(name, {})),
                counts=_counts(scorer, at),
                figures=figures,
                reliability=reliability(probabilities, truth),
                risk_coverage=risk_coverage(probabilities, paired.predicted[rows, at] != truth, points=_FEATURE_POINTS),
            )
        )
    return tuple(results)


def _counts(scorer: Scorer, at: int) -> Counts:
    table = scorer.point.confusion
    return Counts(
        tp=int(table.tp[0, at]),
        fp=int(table.fp[0, at]),
        fn=int(table.fn[0, at]),
        tn=int(table.tn[0, at]),
        missing=int(table.missing_present[0, at] + table.missing_absent[0, at]),
        unlabelled=int((~scorer.paired.labelled[:, at]).sum()),
    )


def why_undefined(metric: Metric, scorer: Scorer, at: int) -> str | None:
    """Why a metric is undefined in a feature; None where it is defined."""
    met = scorer.point.met_ranked if metric.probabilistic else scorer.point.met
    return reason(metric, {need: bool(one[0, at]) for need, one in met.items()})


def _summary(metric: Metric, one: Sampled, bootstrap: Bootstrap) -> Summary:
    values = one.scorer.point.features[metric.key]
    known = np.count_nonzero(~np.isnan(values))
    why = None if known else why_nowhere([why_undefined(metric, one.scorer, at) for at in range(values.shape[1])])
    figures = {}
    for name, share in QUARTILES.items():
        draws = bootstrap.interval(quantile(one.features[metric.key], share, axis=1))
        figures[name] = figure(quantile(values, share, axis=1)[0], draws, why=why)
    return Summary(**figures, features=known)


def why_nowhere(reasons: Sequence[str | None]) -> str:
    """Why a metric is undefined in every feature, from the reasons by feature."""
    return "; ".join(dict.fromkeys(filter(None, reasons)))


def _pooled(one: Sampled, bootstrap: Bootstrap) -> dict[str, Figure]:
    return {
        key: figure(values[0], bootstrap.interval(one.pooled[key])) for key, values in one.scorer.point.pooled.items()
    }
