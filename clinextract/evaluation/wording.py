"""Numbers and sentences of a report's page, in words that a clinician reads."""

from __future__ import annotations

from collections.abc import Sequence

from clinextract.evaluation.results import Comparison, Evaluation, Figure, Report

DASH = "–"
DIFFERENT = 0.05
"""Corrected p-value below which a feature counts as different."""
_FINE = frozenset({"brier", "ece"})
"""Metrics that need a third decimal."""
_MOST_NAMED = 8


def number(value: float | None, metric: str = "", *, signed: bool = False) -> str:
    """A figure for a table: two decimals, three where the metric is small or a difference; a dash for None."""
    if value is None:
        return DASH
    decimals = 3 if signed or metric in _FINE else 2
    rounded = round(value, decimals) + 0.0  # no "-0.00"
    text = f"{rounded:+.{decimals}f}" if signed and rounded else f"{rounded:.{decimals}f}"
    return text.replace("-", "\N{MINUS SIGN}")


def interval(figure: Figure, metric: str = "", *, signed: bool = False) -> str:
    """The ends of a figure's interval; empty where it has none."""
    if figure.value is None or figure.low is None or figure.high is None:
        return ""
    return f"{number(figure.low, metric, signed=signed)} to {number(figure.high, metric, signed=signed)}"


def p_value(p: float) -> str:
    """A p-value with three decimals."""
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def counted(count: int, thing: str) -> str:
    """A number with its noun."""
    return f"{count:,} {thing}" if count == 1 else f"{count:,} {thing}s"


def in_short(report: Report, labels: dict[str, str]) -> list[str]:
    """What was found, in sentences.

    Args:
        report: As `evaluate` gives it.
        labels: Of the features, by name.
    """
    sentences = [_found(one, report) for one in report.evaluations]
    return sentences + [_compared(one, report, labels) for one in report.comparisons]


def _found(one: Evaluation, report: Report) -> str:
    level = f"{report.settings.confidence:.0%}"
    parts = []
    sensitivity, specificity = _median(one, "sensitivity"), _median(one, "specificity")
    if sensitivity and sensitivity.value is not None:
        parts.append(f"finds a feature in {_per_hundred(sensitivity)} of 100 transcripts that have it")
    if specificity and specificity.value is not None:
        false = Figure(value=1 - (specificity.value or 0.0))
        parts.append(f"names it falsely in {_per_hundred(false)} of 100 that do not")
    text = f"{one.name} {' and '.join(parts)} (medians over features). " if parts else f"{one.name}: "
    median = _median(one, "macro_f1")
    if median and median.value is not None:
        ends = interval(median)
        text += f"Its median macro-F1 is {number(median.value)}" + (f" ({level} interval {ends})" if ends else "")
        text += _beside_baselines(median, report.baselines) + " "
    else:
        text += "Its median macro-F1 is undefined. "
    return text + _missing(one)


def _beside_baselines(median: Figure, baselines: Sequence[Evaluation]) -> str:
    """Whether a median is above those of the baselines."""
    known = [
        (one.name, found.value) for one in baselines if (found := _median(one, "macro_f1")) and found.value is not None
    ]
    if not known:
        return "."
    name, best = max(known, key=lambda item: item[1])
    least = median.low if median.low is not None else median.value or 0.0
    if least > best:
        return f", above the {number(best)} of {name}."
    return f"; {name}, which reads nothing, has {number(best)}: this is not clearly better."


def _missing(one: Evaluation) -> str:
    if not one.missing_answers:
        return "No answer is missing."
    why = [f"{counted(one.failed, 'transcript')} failed"] if one.failed else []
    why += [f"{counted(one.without_prediction, 'transcript')} without a prediction"] if one.without_prediction else []
    return f"{counted(one.missing_answers, 'answer')} missing" + (f" ({', '.join(why)})." if why else ".")


def _compared(one: Comparison, report: Report, labels: dict[str, str]) -> str:
    """Which of two is better, as far as the data tell."""
    median = next((d.difference for d in one.differences if d.feature is None and d.metric == "macro_f1"), None)
    if median is None or median.value is None:
        text = f"Between {one.first} and {one.second} the difference of the median macro-F1 is undefined."
    else:
        ends = interval(median, signed=True)
        text = f"The median macro-F1 of {one.second} less that of {one.first} is {number(median.value, signed=True)}"
        text += f" ({report.settings.confidence:.0%} interval {ends})" if ends else ""
        text += f"{_verdict(one, median)}."
    different = [labels.get(test.feature, test.feature) for test in one.tests if test.p_holm < DIFFERENT]
    if not different:
        return f"{text} In no feature do the two err unequally often."
    named = ", ".join(different[:_MOST_NAMED]) + (" and others" if len(different) > _MOST_NAMED else "")
    return f"{text} They err unequally often in {counted(len(different), 'feature')}: {named}."


def _verdict(one: Comparison, median: Figure) -> str:
    if median.low is None or median.high is None:
        return ""
    if median.low <= 0 <= median.high:
        return ": these transcripts do not tell the two apart"
    return f": {one.second if median.low > 0 else one.first} is better, by more than chance would give"


def _median(one: Evaluation, metric: str) -> Figure | None:
    summary = one.summary.get(metric)
    return summary.median if summary else None


def _per_hundred(figure: Figure) -> str:
    return f"{100 * (figure.value or 0.0):.0f}"
