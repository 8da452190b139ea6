"""The figures of a report, drawn with matplotlib's own canvases: nothing of the caller's plots is touched.

The first five are those of the study (arXiv 2602.21374). Colours are those of Okabe and Ito (2008), which people with a
colour deficiency tell apart; a set of predictions has the same colour and marker in every figure. An undefined figure
is drawn as such, and never as 0. The same report gives the same bytes.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from clinextract.errors import ExtraNotInstalled
from clinextract.evaluation.metrics import BY_KEY
from clinextract.evaluation.results import Evaluation, FeatureResult, Report

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = "oDs^vPX"
GREY = "#8a8a8a"
_RADAR = ("macro_f1", "mcc", "sensitivity", "specificity", "precision", "f1")
_CELLS = (("tp", "#0072B2"), ("fn", "#D55E00"), ("fp", "#E69F00"), ("tn", "#d9d9d9"))
_WIDTH = 9.0
"""Inches; at 100 dots an inch the width of a page's column."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A figure.

    Attributes:
        name: Of its files.
        title: What it shows.
        told: The same in a sentence or two, for those who cannot see it.
        svg: As text, letters as outlines: Persian is shaped the same everywhere, whatever fonts are there.
        png: As bytes, 150 dots an inch.
    """

    name: str
    title: str
    told: str
    svg: str
    png: bytes


def drawn(report: Report) -> tuple[list[Drawn], list[str]]:
    """All figures that a report has something to show in, and in words which are left out and why.

    Raises:
        ExtraNotInstalled: matplotlib is absent.
    """
    figures, left_out = [], []
    for name, title, told, draw, reason in _FIGURES:
        with _style():
            canvas = draw(report)
            if canvas is None:
                left_out.append(f"{title}: {reason}.")
                continue
            figures.append(Drawn(name, title, told, _svg(canvas), _png(canvas)))
    return figures, left_out


def label(feature: FeatureResult) -> str:
    """A feature's label in English and Persian, as far as there are any; else its name in words."""
    texts = [feature.label[code] for code in ("en", "fa") if feature.label.get(code)]
    return "\n".join(texts) or feature.name.replace("_", " ")


def _radar(report: Report) -> Canvas | None:
    """Medians over features, one axis a metric, from 0 at the centre to 1."""
    canvas = _canvas(6.2)
    axes: Any = canvas.add_axes((0.3, 0.16, 0.4, 0.66), projection="polar")
    angles = np.linspace(0, 2 * np.pi, len(_RADAR), endpoint=False)
    for evaluation, colour, marker, style in _lines(report):
        medians = [evaluation.summary[key].median.value if key in evaluation.summary else None for key in _RADAR]
        values = np.array([np.nan if one is None else max(one, 0.0) for one in medians])
        closed = np.append(values, values[:1])
        axes.plot(np.append(angles, angles[:1]), closed, style, color=colour, marker=marker, label=evaluation.name)
    axes.set_xticks(angles, [BY_KEY[key].label for key in _RADAR])
    axes.tick_params(axis="x", pad=14)
    axes.set_ylim(0, 1)
    axes.set_yticks([0.25, 0.5, 0.75, 1.0])
    axes.tick_params(axis="y", labelsize=8, labelcolor=GREY)
    canvas.legend(loc="lower center", ncols=3, frameon=False)
    return canvas


def _sensitivity_specificity(report: Report) -> Canvas | None:
    """A panel for every set of predictions; features are numbered, so that no label hides another."""
    features, count = report.evaluations[0].features, len(report.evaluations)
    columns = min(count, 3)
    rows = -(-count // columns)
    listed = 0.2 * len(features) + 0.4
    # Both axes end at 1 and begin where the points do, in all panels alike.
    low = [_least(report, key) for key in ("specificity", "sensitivity")]
    canvas = _canvas(3.6 * rows + listed)
    for place, (evaluation, colour, _, _) in enumerate(_lines(report, baselines=False)):
        height = 3.6 * rows / (3.6 * rows + listed)
        grid = canvas.add_gridspec(rows, columns, bottom=1 - height + 0.06, top=0.95, left=0.08, right=0.98, wspace=0.3)
        axes = canvas.add_subplot(grid[place // columns, place % columns])
        axes.set_title(evaluation.name, fontsize=9, color=colour)
        for number, feature in enumerate(evaluation.features, 1):
            x, y = (feature.figures[key].value for key in ("specificity", "sensitivity"))
            if x is not None and y is not None:
                axes.plot(x, y, "o", color=colour, markersize=11, alpha=0.3, clip_on=False)
                axes.annotate(str(number), (x, y), ha="center", va="center", fontsize=7, annotation_clip=False)
        axes.set(xlim=(low[0], 1), ylim=(low[1], 1), xlabel="specificity", ylabel="sensitivity")
        axes.locator_params(nbins=5)
        axes.grid(visible=True, color="#e6e6e6")
        axes.set_axisbelow(True)
    for number, feature in enumerate(features, 1):
        undefined = [e.name for e in report.evaluations if _undefined(e, feature.name, "sensitivity", "specificity")]
        note = "  (undefined)" if len(undefined) == count else ""
        half = -(-len(features) // 2)
        x, y = (0.08, number) if number <= half else (0.55, number - half)
        canvas.text(
            x, (listed - 0.3 - 0.36 * y) / canvas.get_figheight(), f"{number}  {label(feature)}{note}", fontsize=8
        )
    return canvas


def _mcc(report: Report) -> Canvas | None:
    return _by_feature(report, "mcc", (-0.25, 1.02), reference=0.0)


def _prediction_ratio(report: Report) -> Canvas | None:
    return _by_feature(report, "prediction_ratio", (0.08, 12.0), reference=1.0, logarithmic=True)


def _missing(report: Report) -> Canvas | None:
    """Answers that are missing, as a share of those that are labelled."""
    canvas, axes = _rows(report)
    for place, (evaluation, colour, _, _) in enumerate(_lines(report, baselines=False)):
        shares = []
        for feature in evaluation.features:
            counts = feature.counts
            labelled = counts.tp + counts.fp + counts.fn + counts.tn + counts.missing
            shares.append(100 * counts.missing / labelled if labelled else 0.0)
        height = 0.8 / len(report.evaluations)
        offsets = np.arange(len(shares)) + (place + 0.5) * height - 0.4
        axes.barh(offsets, shares, height, color=colour, label=evaluation.name)
        for offset, share in zip(offsets, shares, strict=True):
            axes.annotate(f"{share:.0f} %" if share else "0", (share, offset), (3, 0), textcoords="offset points",
                          va="center", fontsize=7, color=GREY)  # fmt: skip
    axes.set(xlabel="missing answers, % of those labelled", xlim=(0, 100))
    _legend(canvas, axes)
    return canvas


def _reliability(report: Report) -> Canvas | None:
    """Observed share against mean probability of each bin; the area of a marker is the number of its answers."""
    shown = [one for one in _lines(report, baselines=False) if one[0].reliability]
    if not shown:
        return None
    canvas = _canvas(5.0)
    axes = canvas.add_axes((0.28, 0.2, 0.44, 0.74))
    axes.plot([0, 1], [0, 1], "--", color=GREY, linewidth=1)
    for evaluation, colour, marker, _ in shown:
        bins = evaluation.reliability
        x, y = [one.mean_probability for one in bins], [one.observed for one in bins]
        most = max(one.count for one in bins)
        axes.plot(x, y, color=colour, linewidth=1, alpha=0.6)
        sizes = [20 + 180 * one.count / most for one in bins]
        axes.scatter(x, y, sizes, color=colour, marker=marker, alpha=0.7, label=evaluation.name, clip_on=False)
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="probability given", ylabel="share truly present")
    axes.grid(visible=True, color="#e6e6e6")
    _legend(canvas, axes)
    return canvas


def _risk_coverage(report: Report) -> Canvas | None:
    """Errors among the answers kept, when the least sure go to a person."""
    shown = [one for one in _lines(report, baselines=False) if one[0].risk_coverage]
    if not shown:
        return None
    canvas = _canvas(4.2)
    axes = canvas.add_axes((0.12, 0.24, 0.8, 0.7))
    for evaluation, colour, _, _ in shown:
        curve = evaluation.risk_coverage
        axes.plot([100 * p.coverage for p in curve], [100 * p.risk for p in curve], color=colour, label=evaluation.name)
    axes.set(xlim=(0, 100), ylim=(0, None), xlabel="answers kept, %, the surest first", ylabel="wrong among them, %")
    axes.grid(visible=True, color="#e6e6e6")
    _legend(canvas, axes)
    return canvas


def _confusion(report: Report) -> Canvas | None:
    """Bars of true and false positives and negatives, a panel for every set of predictions."""
    count, features = len(report.evaluations), report.evaluations[0].features
    each = 0.32 * len(features) + 0.9
    canvas = _canvas(each * count + 0.5)
    grid = canvas.add_gridspec(count, 1, left=0.36, right=0.97, top=0.99 - 0.3 / canvas.get_figheight(),
                               bottom=0.75 / canvas.get_figheight(), hspace=0.7 / each)  # fmt: skip
    for place, evaluation in enumerate(report.evaluations):
        axes = canvas.add_subplot(grid[place, 0])
        left = np.zeros(len(features))
        for cell, colour in _CELLS:
            counts = np.array([getattr(feature.counts, cell) for feature in evaluation.features], dtype=float)
            axes.barh(np.arange(len(features)), counts, 0.75, left=left, color=colour, label=cell.upper())
            left += counts
        axes.set_yticks(np.arange(len(features)), [label(feature) for feature in features])
        axes.invert_yaxis()
        axes.set_xlim(0, max(float(left.max()), 1.0))
        axes.set_title(evaluation.name, fontsize=9)
    axes.set_xlabel("transcripts")
    handles, names = axes.get_legend_handles_labels()
    canvas.legend(handles, names, loc="lower center", ncols=4, frameon=False)
    return canvas


def _by_feature(
    report: Report, key: str, limits: tuple[float, float], *, reference: float, logarithmic: bool = False
) -> Canvas:
    """One metric for every feature, with its interval."""
    canvas, axes = _rows(report)
    axes.axvline(reference, color=GREY, linewidth=1, linestyle="--")
    if logarithmic:
        axes.set_xscale("log")
        ticks = [0.1, 0.2, 0.5, 1, 2, 5, 10]
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks], minor=False)
        axes.set_xticks([], minor=True)
    low, high = limits
    for place, (evaluation, colour, marker, _) in enumerate(_lines(report, baselines=False)):
        shift = (place - (len(report.evaluations) - 1) / 2) * 0.6 / len(report.evaluations)
        for row, feature in enumerate(evaluation.features):
            figure = feature.figures[key]
            if figure.value is None:
                axes.annotate("undefined", (low, row + shift), (4, 0), textcoords="offset points", va="center",
                              fontsize=7, color=colour, style="italic")  # fmt: skip
                continue
            # What lies beyond the axis is drawn hollow at its end, with its value.
            at = min(max(figure.value, low), high)
            hollow = at != figure.value
            axes.plot(at, row + shift, marker, color=colour, markersize=6, clip_on=False,
                      markerfacecolor="white" if hollow else colour)  # fmt: skip
            if hollow:
                axes.annotate(f"{figure.value:.2g}", (at, row + shift), (6, 0), textcoords="offset points", va="center",
                              fontsize=7)  # fmt: skip
            if figure.low is not None and figure.high is not None:
                ends = np.clip([figure.low, figure.high], low, high)
                axes.plot(ends, [row + shift] * 2, color=colour, linewidth=1.4, alpha=0.7)
        axes.plot([], [], marker, color=colour, label=evaluation.name)
    axes.set(xlim=limits, xlabel=BY_KEY[key].label)
    _legend(canvas, axes)
    return canvas


def _rows(report: Report) -> tuple[Canvas, Axes]:
    """Axes with a row for every feature, the first one on top."""
    features = report.evaluations[0].features
    height = (0.26 + 0.1 * len(report.evaluations)) * len(features) + 1.5
    canvas = _canvas(height)
    axes = canvas.add_axes((0.36, 1.0 / height, 0.58, 1 - 1.2 / height))
    axes.set_yticks(np.arange(len(features)), [label(feature) for feature in features])
    axes.set_ylim(len(features) - 0.4, -0.6)
    axes.grid(visible=True, axis="x", color="#e6e6e6")
    axes.set_axisbelow(True)
    return canvas, axes


def _legend(canvas: Canvas, axes: Axes) -> None:
    handles, names = axes.get_legend_handles_labels()
    canvas.legend(handles, names, loc="lower center", ncols=3, frameon=False)


def _lines(report: Report, *, baselines: bool = True) -> Iterator[tuple[Evaluation, str, str, str]]:
    """Every set of predictions with its colour, marker and style; the baselines in grey."""
    for number, evaluation in enumerate(report.evaluations):
        yield evaluation, COLOURS[number % len(COLOURS)], MARKERS[number % len(MARKERS)], "-"
    if baselines:
        for evaluation, style in zip(report.baselines, (":", "--"), strict=False):
            yield evaluation, GREY, "", style


def _least(report: Report, key: str) -> float:
    """Where an axis of a metric begins: a tenth below its least value, and at 0.8 at the most."""
    values = [feature.figures[key].value for one in report.evaluations for feature in one.features]
    least = min((value for value in values if value is not None), default=0.0)
    return float(max(min(np.floor(10 * least - 0.5) / 10, 0.8), 0.0))


def _undefined(evaluation: Evaluation, name: str, *keys: str) -> bool:
    [feature] = [one for one in evaluation.features if one.name == name]
    return any(feature.figures[key].value is None for key in keys)


@contextmanager
def _style() -> Iterator[None]:
    try:
        import matplotlib as mpl  # noqa: PLC0415
    except ImportError:
        raise ExtraNotInstalled(
            "the report's figures need matplotlib", hint='Install it: pip install "clinextract[evaluate]"'
        ) from None
    # Letters as outlines, and the same identifiers in every run.
    settings: Any = {
        "svg.fonttype": "path",
        "svg.hashsalt": "clinextract",
        "font.family": "DejaVu Sans",
        "font.size": 9,
        "ytick.labelsize": 8,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "text.parse_math": False,
    }
    with mpl.rc_context(settings):
        yield


def _canvas(height: float) -> Canvas:
    from matplotlib.figure import Figure as Canvas  # noqa: PLC0415

    return Canvas(figsize=(_WIDTH, height), facecolor="white")


def _svg(canvas: Canvas) -> str:
    buffer = io.StringIO()
    canvas.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]


def _png(canvas: Canvas) -> bytes:
    buffer = io.BytesIO()
    canvas.savefig(buffer, format="png", dpi=150, metadata={"Software": None})
    return buffer.getvalue()


_NO_PROBABILITIES = "the predictions have no probabilities"
_FIGURES: Sequence[tuple[str, str, str, Callable[[Report], Canvas | None], str]] = (
    (
        "radar",
        "Medians over features",
        "One axis for each metric, from 0 in the centre to 1; the further out, the better. Grey: the baselines.",
        _radar,
        "",
    ),
    (
        "sensitivity_specificity",
        "Sensitivity against specificity",
        "One point for each feature, by its number in the list below; the upper right corner is best.",
        _sensitivity_specificity,
        "",
    ),
    ("mcc", "Matthews correlation by feature", "Points with intervals; 0 is chance, 1 is perfect.", _mcc, ""),
    (
        "prediction_ratio",
        "Prediction ratio by feature",
        "Predicted positives over true ones, on a logarithmic axis: right of the line means found too often.",
        _prediction_ratio,
        "",
    ),
    ("missing", "Missing answers", "By feature, as a share of the answers that are labelled.", _missing, ""),
    (
        "reliability",
        "Reliability",
        "Share truly present among answers of like probability; larger markers hold more answers.",
        _reliability,
        _NO_PROBABILITIES,
    ),
    (
        "risk_coverage",
        "Risk and coverage",
        "Wrong answers among those that are kept, when the least sure are given to a person.",
        _risk_coverage,
        _NO_PROBABILITIES,
    ),
    (
        "confusion",
        "Confusion by feature",
        "Transcripts by truth and prediction: true positives, false negatives, false positives, true negatives.",
        _confusion,
        "",
    ),
)
