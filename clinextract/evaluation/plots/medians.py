"""The radar of medians: one axis for each metric, a closed line for each set of predictions, the baselines in grey."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from clinextract.evaluation.metrics import BY_KEY
from clinextract.evaluation.plots.series import BASELINE_STYLES, listed, series_of, value
from clinextract.evaluation.plots.sheet import (
    INK,
    LINE,
    NARROW,
    PAPER,
    SMALL,
    SOFT,
    STEP,
    Legend,
    Sheet,
    shortened,
    wrapped,
)
from clinextract.evaluation.results import Evaluation, Figure, Report

if TYPE_CHECKING:
    from matplotlib.axes import Axes

METRICS = ("macro_f1", "mcc", "sensitivity", "f1", "precision", "specificity")
_RINGS = (0.25, 0.5, 0.75, 1.0)
_SIDE = 3.9
_WRITTEN = 3
"""Sets of predictions whose values are written at the axes."""


def radar(report: Report) -> Sheet:
    """Medians over features, from 0 in the centre to 1."""
    series = series_of(report)
    baselines: list[tuple[Evaluation, str]] = list(zip(report.baselines, BASELINE_STYLES, strict=False))
    entries = [one.entry() for one in series]
    entries += [(style, {"color": SOFT}, one.name) for one, style in baselines]
    legend = Legend(entries, NARROW - 0.2)
    notes = _notes([*report.evaluations, *report.baselines])
    foot = [line for note in notes for line in wrapped(note, NARROW - 0.2, SMALL, most=3)]
    sheet = Sheet(legend.height + 0.1 + _SIDE + STEP * len(foot) + 0.1, NARROW)
    legend.draw(sheet, 0.1, 0.02)
    axes = sheet.axes((NARROW - _SIDE) / 2, legend.height + 0.1, _SIDE, _SIDE)
    _web(axes)
    for place, key in enumerate(METRICS):
        values = [_written(one.median(key)) for one in series] if len(series) <= _WRITTEN else []
        _label(axes, place, BY_KEY[key].label, "  ".join(values))
    for one, style in reversed(baselines):
        axes.plot(*_closed(_points(one)), linestyle=style, color=SOFT, linewidth=1.4 if style == "--" else 2.2)
    for item in series:
        points = _points(item.evaluation)
        axes.plot(*_closed(points), color=item.colour, linewidth=1.6)
        if len(series) == 1 and None not in points:
            axes.fill(*_closed(points), color=item.colour, alpha=0.1, linewidth=0)
        how: dict[str, Any] = {"color": item.colour, "markeredgecolor": PAPER, "markeredgewidth": 0.5}
        known = [point for point in points if point is not None]
        axes.plot(
            [x for x, _ in known], [y for _, y in known], item.look.marker, linestyle="none", markersize=6.5, **how
        )
    for number, text in enumerate(foot):
        sheet.text(0.1, sheet.height - 0.1 - STEP * (len(foot) - 1 - number), text, fontsize=SMALL, color=SOFT)
    return sheet


def _web(axes: Axes) -> None:
    axes.set_aspect("equal")
    axes.set_axis_off()
    axes.set(xlim=(-1.45, 1.45), ylim=(-1.45, 1.45))
    corners = [_corner(place, 1.0) for place in range(len(METRICS))]
    for ring in _RINGS:
        axes.plot(*_closed([(ring * x, ring * y) for x, y in corners]), color=LINE, linewidth=0.9)
        if ring < 1:
            axes.text(0.03, ring - 0.02, f"{ring:g}", fontsize=7, color=SOFT, ha="left", va="top")
    for x, y in corners:
        axes.plot([0, x], [0, y], color=LINE, linewidth=0.9)


def _label(axes: Axes, place: int, name: str, values: str) -> None:
    x, y = _corner(place, 1.08)
    across = "center" if abs(x) < 0.1 else "left" if x > 0 else "right"
    lift = 0.07 if y >= 0 else -0.03
    if abs(x) < 0.1:
        lift += 0.1 if y > 0 else -0.08
    how: dict[str, Any] = {"ha": across, "va": "center_baseline", "clip_on": False}
    axes.text(x, y + lift, shortened(name, 1.4), color=INK, **how)
    axes.text(x, y + lift - 0.12, values, color=SOFT, fontsize=SMALL, **how)


def _points(evaluation: Evaluation) -> list[tuple[float, float] | None]:
    """Where the medians lie; None where one is undefined. What is below 0 lies in the centre."""
    values = [_median(evaluation, key) for key in METRICS]
    return [None if one is None else _corner(place, max(one, 0.0)) for place, one in enumerate(values)]


def _closed(points: list[tuple[float, float] | None] | list[tuple[float, float]]) -> tuple[list[float], list[float]]:
    """A line through the points and back to the first, broken where one is not there."""
    ring = [(math.nan, math.nan) if one is None else one for one in [*points, points[0]]]
    return [x for x, _ in ring], [y for _, y in ring]


def _corner(place: int, radius: float) -> tuple[float, float]:
    """Clockwise from the top."""
    angle = math.pi / 2 - 2 * math.pi * place / len(METRICS)
    return radius * math.cos(angle), radius * math.sin(angle)


def _median(evaluation: Evaluation, key: str) -> float | None:
    summary = evaluation.summary.get(key)
    return value(summary.median) if summary else None


def _written(figure: Figure | None) -> str:
    found = value(figure)
    return "undefined" if found is None else f"{found:.2f}".replace("-", "\N{MINUS SIGN}")


def _notes(evaluations: Sequence[Evaluation]) -> list[str]:
    """What cannot be drawn as it is."""
    undefined: dict[str, list[str]] = {}
    below: dict[str, list[str]] = {}
    for evaluation in evaluations:
        for key in METRICS:
            median = _median(evaluation, key)
            if median is None or median < 0:
                places = undefined if median is None else below
                places.setdefault(BY_KEY[key].label, []).append(evaluation.name)
    said = (("Undefined, and not drawn", undefined), ("Below 0, and drawn in the centre", below))
    return [
        f"{words}: {'; '.join(f'{metric} of {listed(names)}' for metric, names in places.items())}."
        for words, places in said
        if places
    ]
