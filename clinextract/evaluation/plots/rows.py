"""Rows of features with their labels, and the figures that have a row for each: metrics, missing answers, confusion."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from clinextract.evaluation.appearance import labels_of
from clinextract.evaluation.plots.sheet import BAND, INK, SIZE, SMALL, SOFT, STEP, Sheet, width_of, wrapped
from clinextract.evaluation.results import FeatureResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WIDEST = 2.45
"""Inches that a label may take."""
_GAP = 0.14

Line = tuple[str, float, str]
"""Text, size and colour."""


class Rows:
    """The labels of a figure's rows.

    Args:
        features: A row for each.
        least: Height of a row in inches, where its labels take no more.
        above: A row without a feature before them, such as that of the median.

    Attributes:
        features: As given.
        room: Inches that the labels take, with the gap behind them.
        step: Height of a row in inches.
        height: Of all rows, in inches.
    """

    def __init__(self, features: Sequence[FeatureResult], least: float, above: str | None = None) -> None:
        self.features = tuple(features)
        self._above = 0 if above is None else 1
        feature_lines = [_lines(one) for one in self.features]
        self._lines: list[list[Line]] = [*([[(above, SIZE, INK)]] if above is not None else []), *feature_lines]
        widths = [width_of(text, size) for lines in self._lines for text, size, _ in lines]
        self.room = max(widths) + _GAP + 0.05
        self.step = max(least, max(len(lines) for lines in self._lines) * STEP + 0.08)
        self.height = self.step * len(self._lines)

    def at(self, place: int) -> int:
        """The row of a feature."""
        return place + self._above

    def draw(self, sheet: Sheet, left: float, top: float) -> None:
        """Write the labels, right before axes that begin at `left + room`."""
        for row, lines in enumerate(self._lines):
            middle = top + (row + 0.5) * self.step
            for number, (text, size, colour) in enumerate(lines):
                y = middle + (number - (len(lines) - 1) / 2) * STEP
                bold = "bold" if row < self._above else "normal"
                sheet.text(left + self.room - _GAP, y, text, ha="right", fontsize=size, color=colour, weight=bold)

    def axes(self, sheet: Sheet, left: float, top: float, width: float) -> Axes:
        """Axes whose rows have a height of 1, with every other one shaded."""
        axes = sheet.axes(left, top, width, self.height)
        axes.set_ylim(len(self._lines) - 0.5, -0.5)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        for row in range(0, len(self._lines), 2):
            axes.axhspan(row - 0.5, row + 0.5, color=BAND, linewidth=0, zorder=0)
        return axes


def _lines(feature: FeatureResult) -> list[Line]:
    (_, first), *others = labels_of(feature)
    lines = [(text, SIZE, INK) for text in wrapped(first, _WIDEST)]
    for _, text in others[:1]:
        lines += [(part, SMALL, SOFT) for part in wrapped(text, _WIDEST, SMALL)]
    return lines
