"""An evaluation on a terminal: medians with the baselines beside them, features, comparisons, slices and notes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from clinextract.evaluation.cells import counted
from clinextract.evaluation.metrics import BY_KEY
from clinextract.evaluation.results import Comparison, Evaluation, Figure, Report, Slice

WIDE = 110
"""Columns from which on every median has its interval beside it."""
NARROW = 72
"""Columns below which only the first figures are shown."""
LEVEL = 0.05
"""Corrected p-value below which a feature is named as different."""
DASH = "–"
_MEDIANS = ("macro_f1", "mcc", "sensitivity", "specificity", "prediction_ratio")
_BY_FEATURE = ("sensitivity", "specificity", "f1", "mcc")
_DIFFERENCES = ("macro_f1", "mcc", "sensitivity", "specificity", "prediction_ratio", "auroc", "brier")
_HEADINGS = {
    "sensitivity": "sensi-\ntivity",
    "specificity": "speci-\nficity",
    "prediction_ratio": "prediction\nratio",
    "f1": "F1",
}


def whole(report: Report, width: int) -> Group:
    """A report in as many columns as the terminal has."""
    parts: list[RenderableType] = [*_medians(report, width), *_features(report.evaluations[0], width)]
    for comparison in report.comparisons:
        parts.extend(_comparison(comparison, report))
    parts.extend(_slices(list(same), width) for _, same in groupby(report.slices, lambda one: one.column))
    if report.notes:
        parts.append(_lines("Notes", report.notes))
    return Group(*(Padding(part, (0, 0, 1, 0), expand=False) for part in parts))


def _medians(report: Report, width: int) -> Iterator[RenderableType]:
    evaluations = (*report.evaluations, *report.baselines)
    settings, first = report.settings, evaluations[0]
    title = f"Medians over {counted(len(first.features), 'feature')}, {counted(first.transcripts, 'transcript')}"
    title += f" of {settings.gold}"
    if settings.rounds:
        title += f"; in brackets {settings.confidence:.0%} intervals of {settings.rounds} resamples"
    table = _frame(title, "predictions", *map(_heading, _shown(width)), "missing\nanswers")
    for one in evaluations:
        _median_row(table, one, width)
    yield table
    named = [
        (f"{one.name} {BY_KEY[key].label}", one.summary[key].median) for one in evaluations for key in _shown(width)
    ]
    yield from _undefined(named)


def _shown(width: int) -> tuple[str, ...]:
    return _MEDIANS if width >= NARROW else _MEDIANS[:1]


def _median_row(table: Table, one: Evaluation, width: int, *, indent: str = "") -> None:
    with_interval = _MEDIANS if width >= WIDE else _MEDIANS[:1]
    cells = [_figure(one.summary[key].median, interval=key in with_interval) for key in _shown(width)]
    style = "dim" if one.kind == "baseline" else ""
    table.add_row(indent + one.name, *cells, str(one.missing_answers or DASH), style=style)


def _undefined(named: Sequence[tuple[str, Figure]]) -> Iterator[RenderableType]:
    """Why figures are shown as a dash, one line a reason."""
    reasons: dict[str, list[str]] = {}
    for name, figure in named:
        if figure.value is None:
            reasons.setdefault(figure.reason or "", []).append(name)
    if reasons:
        yield _lines(f"{DASH} undefined", [f"{reason}: {', '.join(names)}" for reason, names in reasons.items()])


def _features(evaluation: Evaluation, width: int) -> Iterator[RenderableType]:
    figures = _BY_FEATURE if width >= NARROW else ()
    counts = ("tp", "fp", "fn", "tn", *(["missing"] if evaluation.missing_answers else []))
    unlabelled = any(feature.counts.unlabelled for feature in evaluation.features)
    counts = (*counts, "unlabelled") if unlabelled else counts
    shown = {"missing": "mis-\nsing", "unlabelled": "unla-\nbelled"}
    headings = [shown.get(key, key.upper()) for key in counts]
    table = _frame(f"Features: {evaluation.name}", "feature", *headings, *map(_heading, figures))
    for feature in evaluation.features:
        numbers = [str(getattr(feature.counts, key)) for key in counts]
        table.add_row(feature.name, *numbers, *(_figure(feature.figures[key]) for key in figures))
    yield table
    everywhere = [
        (f"{one.name} {BY_KEY[key].label}", one.figures[key]) for one in evaluation.features for key in figures
    ]
    yield from _undefined(everywhere)


def _comparison(comparison: Comparison, report: Report) -> Iterator[RenderableType]:
    title = f"{comparison.second} less {comparison.first}, medians, on the {comparison.transcripts} transcripts of both"
    table = _frame(title, "metric", "first", "second", f"difference ({report.settings.confidence:.0%} interval)")
    medians = {one.metric: one for one in comparison.differences if one.feature is None}
    for key in _DIFFERENCES:
        if key in medians:
            one = medians[key]
            table.add_row(BY_KEY[key].label, _number(one.first), _number(one.second), _difference(one.difference))
    yield table
    yield from _undefined([(BY_KEY[key].label, medians[key].difference) for key in _DIFFERENCES if key in medians])
    different = sorted((test for test in comparison.tests if test.p_holm < LEVEL), key=lambda test: test.p_holm)
    named = f"exact McNemar test, Holm's correction, p < {LEVEL}"
    if not different:
        yield _lines(f"No feature differs ({named})", [])
        return
    headings = ("right only\nin first", "right only\nin second", "p")
    table = _frame(f"Features that differ ({named})", "feature", *headings)
    for test in different:
        table.add_row(test.feature, str(test.only_first_right), str(test.only_second_right), _p(test.p_holm))
    yield table


def _slices(slices: Sequence[Slice], width: int) -> Table:
    table = _frame(
        f"Medians by {slices[0].column}", slices[0].column, *map(_heading, _shown(width)), "missing\nanswers"
    )
    for one in slices:
        first, *_ = one.evaluations
        table.add_row(Text(f"{one.value}, {first.transcripts} transcripts", "bold"))
        for evaluation in (*one.evaluations, *one.baselines):
            _median_row(table, evaluation, width, indent="  ")
    return table


def _frame(title: str, first: str, *headings: str) -> Table:
    table = Table(
        title=Text(title, "bold"), title_justify="left", box=box.SIMPLE_HEAD, show_edge=False, collapse_padding=True,
        pad_edge=False, header_style="dim",
    )  # fmt: skip
    table.add_column(first, overflow="fold", min_width=12)
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _lines(title: str, lines: Sequence[str]) -> Group:
    hanging = Table.grid(padding=(0, 1))
    for line in lines:
        hanging.add_row(" •", Text(line, overflow="fold"))
    return Group(Text(title, "bold"), *([hanging] if lines else []))


def _heading(key: str) -> str:
    return _HEADINGS.get(key, BY_KEY[key].label)


def _figure(figure: Figure, *, interval: bool = False) -> str:
    text = _number(figure.value)
    if interval and figure.low is not None and figure.high is not None:
        text += f" ({figure.low:.2f}–{figure.high:.2f})"
    return text


def _difference(figure: Figure) -> str:
    if figure.value is None:
        return DASH
    text = _signed(figure.value)
    if figure.low is not None and figure.high is not None:
        text += f" ({_signed(figure.low)} to {_signed(figure.high)})"
    return text


def _number(value: float | None) -> str:
    return DASH if value is None else f"{value:.2f}".replace("-", "−")


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "−")


def _p(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"{p:.3f}"
