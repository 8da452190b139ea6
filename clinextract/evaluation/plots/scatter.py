"""Sensitivity against specificity: a point for each feature, a panel for each set of predictions.

The points bear numbers, with a list below: good predictions crowd in one corner, where names would hide each other.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from clinextract.evaluation.appearance import features_of, label_of, labels_of
from clinextract.evaluation.plots.placing import placed
from clinextract.evaluation.plots.series import Series, listed, series_of, value
from clinextract.evaluation.plots.sheet import (
    INK,
    PAPER,
    SMALL,
    SOFT,
    STEP,
    WIDE,
    Sheet,
    shortened,
    width_of,
    wrapped,
)
from clinextract.evaluation.results import FeatureResult, Report

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LEFT, _RIGHT, _HEAD, _FOOT, _GAP = 0.6, 0.15, 0.34, 0.5, 0.62
_SINGLE = (4.8, 4.2)
_BELOW, _ABOVE = 0.04, 0.1
"""Room beyond both ends of an axis, for the labels of points that lie there, as a share of it."""


def sensitivity_specificity(report: Report) -> Sheet:
    """All panels have the same axes, which end at 1 and begin where the points do."""
    series, features = series_of(report), features_of(report)
    columns = min(len(series), 3)
    lines = -(-len(series) // columns)
    width = (WIDE - _LEFT - _RIGHT - _GAP * (columns - 1)) / columns
    room = _SINGLE if len(series) == 1 else (width, width)
    panel = _HEAD + room[1] + _FOOT
    notes = [line for note in _notes(series, features) for line in wrapped(note, WIDE - 0.2, SMALL, most=4)]
    listing = 0.15 + 0.19 * -(-len(features) // 2)
    sheet = Sheet(lines * panel + listing + STEP * len(notes) + 0.15)
    low = (_least(series, "specificity"), _least(series, "sensitivity"))
    for place, one in enumerate(series):
        line, column = divmod(place, columns)
        left, top = _LEFT + column * (width + _GAP), line * panel
        sheet.sign(left + 0.06, top + 0.15, one.look.marker, color=one.colour)
        sheet.text(left + 0.2, top + 0.15, shortened(one.name, room[0] - 0.25))
        axes = sheet.axes(left, top + _HEAD, *room)
        _axes(axes, low, upright=column == 0)
        _panel(axes, one, features, room, low)
    _list(sheet, features, lines * panel + 0.1)
    for number, text in enumerate(notes):
        sheet.text(0.1, lines * panel + listing + 0.1 + STEP * number, text, fontsize=SMALL, color=SOFT)
    return sheet


def _axes(axes: Axes, low: tuple[float, float], *, upright: bool) -> None:
    for set_limits, least in ((axes.set_xlim, low[0]), (axes.set_ylim, low[1])):
        set_limits(least - _BELOW * (1 - least), 1 + _ABOVE * (1 - least))
    axes.locator_params(nbins=5)
    axes.grid(visible=True)
    axes.set_xlabel("specificity")
    if upright:
        axes.set_ylabel("sensitivity")


def _panel(
    axes: Axes,
    one: Series,
    features: tuple[FeatureResult, ...],
    room: tuple[float, float],
    low: tuple[float, float],
) -> None:
    """Points, their labels, and thin lines to the labels that stand apart."""
    found = []
    for number, feature in enumerate(features, 1):
        x, y = (value(one.figure(feature.name, key)) for key in ("specificity", "sensitivity"))
        if x is not None and y is not None:
            found.append(((x, y), str(number)))
    inches = [
        tuple(_inches(at, end, side) for at, end, side in zip(point, low, room, strict=True)) for point, _ in found
    ]
    points = [(x, y) for x, y in inches]
    sizes = [(width_of(text, SMALL) + 0.03, 0.125) for _, text in found]
    axes.scatter([x for (x, _), _ in found], [y for (_, y), _ in found], 34, color=one.colour, marker=one.look.marker,
                 edgecolor=PAPER, linewidth=0.6, clip_on=False, alpha=0.9, zorder=3)  # fmt: skip
    for (x, y), box, (_, text) in zip(points, placed(points, sizes, room), found, strict=True):
        end = box.nearest((x, y))
        if math.dist((x, y), end) > 0.11:
            ends = zip((x / room[0], y / room[1]), (end[0] / room[0], end[1] / room[1]), strict=True)
            axes.plot(*ends, color=SOFT, linewidth=0.6, alpha=0.7, transform=axes.transAxes, zorder=2)
        across, up = box.middle
        axes.text(across / room[0], up / room[1], text, fontsize=SMALL, color=INK, ha="center", va="center_baseline",
                  transform=axes.transAxes, zorder=4)  # fmt: skip


def _inches(at: float, low: float, side: float) -> float:
    """Where a value lies on an axis, in inches from its lower end."""
    span = 1 - low
    return side * ((at - low) / span + _BELOW) / (1 + _BELOW + _ABOVE)


def _list(sheet: Sheet, features: tuple[FeatureResult, ...], top: float) -> None:
    half = -(-len(features) // 2)
    column = (WIDE - 0.2) / 2
    for place, feature in enumerate(features):
        left, y = 0.1 + column * (place // half), top + 0.1 + 0.19 * (place % half)
        sheet.text(left + 0.2, y, str(place + 1), ha="right", fontsize=SMALL, weight="bold")
        (_, first), *others = labels_of(feature)
        short = shortened(first, column - 0.4, SMALL)
        sheet.text(left + 0.3, y, short, fontsize=SMALL)
        used = 0.3 + width_of(short, SMALL) + 0.12
        if others and column - used > 0.5:
            sheet.text(left + used, y, shortened(others[0][1], column - used - 0.1, SMALL), fontsize=SMALL, color=SOFT)


def _least(series: list[Series], key: str) -> float:
    """Where an axis begins: at the tenth below its least value, and at 0.8 at the most."""
    values = [value(one.figure(name, key)) for one in series for name in one.features]
    least = min((one for one in values if one is not None), default=0.0)
    return max(min(math.floor(10 * least) / 10, 0.8), 0.0)


def _notes(series: list[Series], features: tuple[FeatureResult, ...]) -> list[str]:
    """The features that have no point, and why."""
    places: dict[tuple[str, str], list[str]] = {}
    for feature in features:
        for one in series:
            figures = [one.figure(feature.name, key) for key in ("sensitivity", "specificity")]
            if any(value(figure) is None for figure in figures):
                why = next((figure.reason for figure in figures if figure and figure.reason), None) or "not compared"
                places.setdefault((label_of(feature), why), []).append(one.name)
    notes: dict[tuple[str, str], list[str]] = {}
    for (feature_label, why), names in places.items():
        where = "" if len(names) == len(series) else f" in {listed(names)}"
        notes.setdefault((why, where), []).append(feature_label)
    return [f"Not drawn, since undefined{where} ({why}): {listed(names, 12)}." for (why, where), names in notes.items()]
