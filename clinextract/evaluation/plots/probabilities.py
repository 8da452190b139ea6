"""Figures of the probabilities: reliability with the number of answers, and risk against coverage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clinextract.evaluation.plots.series import Series, series_of
from clinextract.evaluation.plots.sheet import NARROW, PAPER, SMALL, SOFT, Legend, Sheet
from clinextract.evaluation.results import Report

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_FEW = 10
"""Answers below which a bin's sign is hollow."""
_LEFT, _SIDE, _STRIP = 0.75, 4.4, 0.95


def reliability(report: Report) -> Sheet | None:
    """The share truly present against the probability given, by bin; below it the number of answers in each bin."""
    shown = [one for one in series_of(report) if one.evaluation.reliability]
    if not shown:
        return None
    legend = Legend([one.entry() for one in shown], NARROW - 0.2)
    top = legend.height + 0.15
    sheet = Sheet(top + _SIDE + 0.22 + _STRIP + 0.5, NARROW)
    legend.draw(sheet, 0.1, 0.02)
    axes = sheet.axes(_LEFT, top, _SIDE, _SIDE)
    axes.plot([0, 1], [0, 1], color=SOFT, linewidth=1.0)
    axes.text(0.28, 0.72, "found more often\nthan the model says", fontsize=SMALL, color=SOFT, ha="center", va="center")
    axes.text(0.72, 0.28, "found less often\nthan the model says", fontsize=SMALL, color=SOFT, ha="center", va="center")
    for one in shown:
        _curve(axes, one)
    axes.set(xlim=(0, 1), ylim=(0, 1), ylabel="share truly present")
    axes.tick_params(axis="x", labelbottom=False)
    axes.grid(visible=True)
    counts = sheet.axes(_LEFT, top + _SIDE + 0.22, _SIDE, _STRIP)
    _counts(counts, shown)
    return sheet


def _curve(axes: Axes, one: Series) -> None:
    bins = one.evaluation.reliability
    axes.plot([b.mean_probability for b in bins], [b.observed for b in bins], color=one.colour, linewidth=1.4)
    for b in bins:
        face = one.colour if b.count >= _FEW else PAPER
        edge = PAPER if b.count >= _FEW else one.colour
        axes.plot(b.mean_probability, b.observed, one.look.marker, markersize=6.5, markerfacecolor=face,
                  markeredgecolor=edge, markeredgewidth=0.7, clip_on=False, zorder=3)  # fmt: skip


def _counts(axes: Axes, shown: list[Series]) -> None:
    for place, one in enumerate(shown):
        for b in one.evaluation.reliability:
            width = 0.86 * (b.upper - b.lower) / len(shown)
            left = b.lower + 0.07 * (b.upper - b.lower) + place * width
            axes.bar(left, b.count, width, align="edge", color=one.colour, linewidth=0)
            if len(shown) == 1:
                axes.annotate(f"{b.count:,}", (left + width / 2, b.count), (0, 2), textcoords="offset points",
                              ha="center", va="bottom", fontsize=7, color=SOFT, annotation_clip=False)  # fmt: skip
    axes.set_yscale("log")
    most = max(b.count for one in shown for b in one.evaluation.reliability)
    axes.set(xlim=(0, 1), ylim=(0.7, 1.6 * most), xlabel="probability given by the model", ylabel="answers")
    ticks = [10**power for power in range(len(str(most)))]
    axes.set_yticks(ticks, [f"{tick:,}" for tick in ticks])
    axes.set_yticks([], minor=True)
    axes.grid(visible=True, axis="y")


def risk_coverage(report: Report) -> Sheet | None:
    """Errors among the answers kept, when the least sure go to a person."""
    shown = [one for one in series_of(report) if one.evaluation.risk_coverage]
    if not shown:
        return None
    legend = Legend([one.entry() for one in shown], NARROW - 0.2)
    top = legend.height + 0.15
    sheet = Sheet(top + 3.2 + 0.5, NARROW)
    legend.draw(sheet, 0.1, 0.02)
    axes = sheet.axes(_LEFT, top, _SIDE, 3.2)
    for one in shown:
        curve = one.evaluation.risk_coverage
        across, up = [100 * p.coverage for p in curve], [100 * p.risk for p in curve]
        axes.plot(across, up, color=one.colour, linewidth=1.6, clip_on=False)
        axes.plot(across[-1], up[-1], one.look.marker, color=one.colour, markersize=6.5, markeredgecolor=PAPER,
                  markeredgewidth=0.5, clip_on=False)  # fmt: skip
    most = max(100 * p.risk for one in shown for p in one.evaluation.risk_coverage)
    axes.set(xlim=(0, 100), ylim=(0, max(1.08 * most, 1.0)))
    axes.set(xlabel="answers kept, the surest first (%)", ylabel="wrong among them (%)")
    axes.grid(visible=True)
    return sheet
