"""Figures with a row for each feature: a metric with its interval, missing answers, confusion."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from clinextract.evaluation.appearance import features_of
from clinextract.evaluation.metrics import BY_KEY
from clinextract.evaluation.plots.rows import Rows
from clinextract.evaluation.plots.series import Series, series_of
from clinextract.evaluation.plots.sheet import INK, PAPER, SMALL, SOFT, WIDE, Legend, Sheet, width_of, wrapped
from clinextract.evaluation.results import Counts, Figure, Report

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MARGIN, _RIGHT = 0.1, 0.35
_TICKS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
_FARTHEST = 10.0
"""Beyond this ratio, and its inverse, what is farther is drawn at the end of the axis, with its value."""
_NOT_COMPARED = "not compared"


@dataclass(frozen=True, slots=True)
class _Scale:
    """The axis of a metric."""

    low: float
    high: float
    reference: float
    logarithmic: bool = False


def mcc(report: Report) -> Sheet:
    """Matthews correlation of each feature with its interval."""
    low = min((end for figure in _figures(report, "mcc") for end in _ends(figure)), default=0.0)
    return _metric(report, "mcc", _Scale(max(-1.02, math.floor(10 * min(low, 0.0)) / 10 - 0.04), 1.02, 0.0))


def prediction_ratio(report: Report) -> Sheet:
    """Predicted positives over true ones, on a logarithmic axis with a line at 1."""
    ends = [end for figure in _figures(report, "prediction_ratio") for end in _ends(figure) if end > 0]
    factor = max([2.0, *(max(end, 1 / end) for end in ends)])
    factor = 1.15 * min(factor, _FARTHEST)
    return _metric(report, "prediction_ratio", _Scale(1 / factor, factor, 1.0, logarithmic=True))


def missing(report: Report) -> Sheet:
    """Answers that are missing, by feature and predictions: a table whose cells are the darker the more there are."""
    from matplotlib.patches import Rectangle  # noqa: PLC0415

    series = series_of(report)
    rows = Rows(features_of(report), 0.27, above="All features")
    width = WIDE - _MARGIN - rows.room - _MARGIN
    column = min(width / len(series), 1.7)
    heads = [wrapped(one.name, column - 0.15, SMALL, most=3) for one in series]
    head = 0.3 + 0.15 * max(len(lines) for lines in heads)
    sheet = Sheet(head + rows.height + 0.1)
    rows.draw(sheet, _MARGIN, head)
    axes = rows.axes(sheet, _MARGIN + rows.room, head, column * len(series))
    axes.set_xlim(0, len(series))
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
    for place, one in enumerate(series):
        middle = _MARGIN + rows.room + (place + 0.5) * column
        sheet.sign(middle, 0.12, one.look.marker, color=one.colour)
        for number, line in enumerate(heads[place]):
            sheet.text(middle, 0.32 + 0.15 * number, line, ha="center", fontsize=SMALL)
        counts = [
            one.features[feature.name].counts if feature.name in one.features else None for feature in rows.features
        ]
        known = [count for count in counts if count]
        cells = [(sum(count.missing for count in known), sum(map(_labelled, known))), *map(_cell, counts)]
        for row, cell in enumerate(cells):
            absent, labelled = cell or (0, 0)
            if absent:
                shade = 0.15 + 0.5 * absent / labelled
                axes.add_patch(Rectangle((place + 0.02, row - 0.46), 0.96, 0.92, color=SOFT, alpha=shade, linewidth=0))
            text = _NOT_COMPARED if cell is None else f"{absent}  ({_percent(absent, labelled)})" if absent else "0"
            axes.text(place + 0.5, row, text, ha="center", va="center_baseline", fontsize=SMALL,
                      color=INK if absent else SOFT, weight="normal" if row else "bold")  # fmt: skip
    return sheet


def confusion(report: Report) -> Sheet:
    """Found, missed and falsely named transcripts of each feature, a panel for every set of predictions."""
    series = series_of(report)
    columns = min(len(series), 2)
    lines = -(-len(series) // columns)
    rows = Rows(features_of(report), 0.3)
    first = series[0].colour if len(series) == 1 else SOFT
    legend = _confusion_legend(first)
    head, gap = 0.42, 0.3
    sheet = Sheet(legend.height + lines * (head + rows.height + gap) + 0.05)
    legend.draw(sheet, _MARGIN, 0.05)
    width = (WIDE - _MARGIN - rows.room - _MARGIN - 0.25 * (columns - 1)) / columns
    most = _most(series)
    for place, one in enumerate(series):
        line, column = divmod(place, columns)
        top = legend.height + head + line * (head + rows.height + gap)
        left = _MARGIN + rows.room + column * (width + 0.25)
        if column == 0:
            rows.draw(sheet, _MARGIN, top)
        sheet.sign(left + 0.06, top - 0.2, one.look.marker, color=one.colour)
        sheet.text(left + 0.2, top - 0.2, wrapped(one.name, width - 0.75, most=1)[0])
        sheet.text(left + width - 0.04, top - 0.2, "TN", ha="right", fontsize=SMALL, color=SOFT)
        _confusion_panel(rows.axes(sheet, left, top, width), rows, one, most, width)
    return sheet


def _confusion_legend(colour: str) -> Legend:
    square: dict[str, object] = {"markeredgecolor": colour, "markeredgewidth": 1.0}
    entries = [
        ("s", square | {"markerfacecolor": colour}, "present and found (TP)"),
        ("s", square | {"markerfacecolor": "none"}, "present and missed (FN)"),
        ("s", square | {"markerfacecolor": colour, "alpha": 0.35}, "falsely named (FP), to the left"),
    ]
    return Legend(entries, WIDE - 2 * _MARGIN)


def _confusion_panel(axes: Axes, rows: Rows, one: Series, most: tuple[int, int], width: float) -> None:
    """Bars to the right for what is present, to the left for what is not; numbers beside them."""
    left, right = most
    # Inches for the numbers at both ends and for the column of true negatives.
    ends = (0.12 + width_of(str(left), SMALL), 0.12 + width_of(f"{right}/{right}", SMALL))
    unit = (left + right) / max(width - sum(ends) - 0.5, 0.4)
    axes.set_xlim(-left - ends[0] * unit, right + (ends[1] + 0.5) * unit)
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
    axes.axvline(0, color=SOFT, linewidth=0.7)
    edge = axes.get_xlim()[1] - 0.04 * unit
    text = {"va": "center_baseline", "fontsize": SMALL}
    for row, feature in enumerate(rows.features):
        counts = one.features[feature.name].counts if feature.name in one.features else None
        if counts is None:
            axes.text(0.06 * unit, row, _NOT_COMPARED, color=SOFT, style="italic", **text)  # type: ignore[arg-type]
            continue
        axes.barh(row, counts.tp, 0.5, color=one.colour, edgecolor=one.colour, linewidth=0.9)
        axes.barh(row, counts.fn, 0.5, left=counts.tp, facecolor="none", edgecolor=one.colour, linewidth=0.9)
        axes.barh(row, -counts.fp, 0.5, color=one.colour, alpha=0.35, linewidth=0)
        present = counts.tp + counts.fn
        said, colour = (f"{counts.tp}/{present}", INK) if present else ("none present", SOFT)
        axes.text(present + 0.06 * unit, row, said, color=colour, **text)  # type: ignore[arg-type]
        if counts.fp:
            axes.text(-counts.fp - 0.06 * unit, row, str(counts.fp), ha="right", **text)  # type: ignore[arg-type]
        axes.text(edge, row, str(counts.tn), ha="right", color=SOFT, **text)  # type: ignore[arg-type]


def _most(series: Sequence[Series]) -> tuple[int, int]:
    """The longest bar to either side, the same for all panels."""
    counts = [feature.counts for one in series for feature in one.features.values()]
    return max((c.fp for c in counts), default=0), max(1, *(c.tp + c.fn for c in counts))


def _metric(report: Report, key: str, scale: _Scale) -> Sheet:
    series = series_of(report)
    between = 0.135
    rows = Rows(features_of(report), 0.17 + between * len(series), above="Median")
    legend = Legend([one.entry() for one in series], WIDE - 2 * _MARGIN)
    head = legend.height + 0.12
    sheet = Sheet(head + rows.height + 0.55)
    legend.draw(sheet, _MARGIN, 0.02)
    rows.draw(sheet, _MARGIN, head)
    width = WIDE - _MARGIN - rows.room - _RIGHT
    axes = rows.axes(sheet, _MARGIN + rows.room, head, width)
    _measured(axes, key, scale)
    for place, one in enumerate(series):
        shift = (place - (len(series) - 1) / 2) * between / rows.step
        figures = [one.median(key), *(one.figure(feature.name, key) for feature in rows.features)]
        for row, figure in enumerate(figures):
            _point(axes, figure, row + shift, scale, one)
    return sheet


def _measured(axes: Axes, key: str, scale: _Scale) -> None:
    """The axis below the rows."""
    if scale.logarithmic:
        axes.set_xscale("log")
        ticks = [tick for tick in _TICKS if scale.low <= tick <= scale.high]
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.set_xticks([], minor=True)
    axes.set_xlim(scale.low, scale.high)
    axes.grid(visible=True, axis="x")
    axes.axvline(scale.reference, color=SOFT, linewidth=1.1, zorder=1.5)
    axes.axhline(0.5, color=SOFT, linewidth=0.7)
    said = {
        "mcc": "MCC (0 is chance, 1 is perfect)",
        "prediction_ratio": "named too rarely   ←   prediction ratio (logarithmic)   →   named too often",
    }
    axes.set_xlabel(said.get(key, BY_KEY[key].label))


def _point(axes: Axes, figure: Figure | None, y: float, scale: _Scale, one: Series) -> None:
    """A figure with its interval; hollow at the axis's end where it is undefined or lies beyond, and then in words."""
    if figure is None or figure.value is None:
        _hollow(axes, scale.low, y, one, "undefined" if figure else _NOT_COMPARED)
        return
    if figure.low is not None and figure.high is not None:
        ends = [min(max(end, scale.low), scale.high) for end in (figure.low, figure.high)]
        axes.plot(ends, [y, y], color=one.colour, linewidth=1.6, alpha=0.55)
    at = min(max(figure.value, scale.low), scale.high)
    if at != figure.value:
        _hollow(axes, at, y, one, f"{figure.value:.2g}")
        return
    axes.plot(at, y, one.look.marker, color=one.colour, markersize=5.5, clip_on=False,
              markeredgecolor=PAPER, markeredgewidth=0.5)  # fmt: skip


def _hollow(axes: Axes, at: float, y: float, one: Series, said: str) -> None:
    axes.plot(at, y, one.look.marker, markerfacecolor=PAPER, markeredgecolor=one.colour, markersize=5, clip_on=False)
    axes.annotate(said, (at, y), (7, 0), textcoords="offset points", va="center_baseline", fontsize=7,
                  color=SOFT, annotation_clip=False)  # fmt: skip


def _figures(report: Report, key: str) -> list[Figure]:
    series, features = series_of(report), features_of(report)
    found = [figure for one in series for figure in (one.median(key), *(one.figure(f.name, key) for f in features))]
    return [figure for figure in found if figure]


def _ends(figure: Figure) -> list[float]:
    return [end for end in (figure.value, figure.low, figure.high) if end is not None]


def _cell(counts: Counts | None) -> tuple[int, int] | None:
    return (counts.missing, _labelled(counts)) if counts else None


def _labelled(counts: Counts) -> int:
    return counts.tp + counts.fp + counts.fn + counts.tn + counts.missing


def _percent(part: int, whole: int) -> str:
    share = 100 * part / whole
    return "<1 %" if share < 1 else f"{share:.0f} %"
