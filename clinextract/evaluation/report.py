"""The report of an evaluation: one page that needs no network, the same in Markdown and JSON, and the figures.

What is said of a figure is said once, in `metrics` and `results`; here it is only laid out. File names, slices and
labels are a user's words and are escaped.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from clinextract.errors import DataError
from clinextract.evaluation.metrics import BY_KEY, METRICS
from clinextract.evaluation.plots import COLOURS, Drawn, drawn
from clinextract.evaluation.probes.layout import layout
from clinextract.evaluation.results import Evaluation, Figure, Report

HEADLINE = ("macro_f1", "mcc", "sensitivity", "specificity", "precision", "prediction_ratio", "auroc", "brier", "ece")
"""Metrics of the first table."""
BY_FEATURE = (
    "prevalence",
    "sensitivity",
    "specificity",
    "precision",
    "f1",
    "macro_f1",
    "mcc",
    "prediction_ratio",
    "auroc",
    "brier",
)
SHORT = {"ece": "ECE", "brier": "Brier", "prediction_ratio": "pred. ratio", "f1": "F1"}
"""Labels that a column has no room for, shorter; the page defines each metric in full."""
PAGE = "report.html"
DASH = "–"


@dataclass(frozen=True, slots=True)
class Cell:
    """One figure in a table.

    Attributes:
        value: With two decimals; a dash where it is undefined.
        interval: Its ends; empty where there is none.
        reason: Why it is undefined; empty where it is not.
    """

    value: str
    interval: str
    reason: str

    def __str__(self) -> str:
        return f"{self.value} {self.interval}".strip()


def write_report(report: Report, folder: str | Path) -> Path:
    """Write a report; files of its own that are there already are replaced, and no others are touched.

    Args:
        report: As `evaluate` gives it.
        folder: Is made if it is not there. It gets `report.html`, `report.md`, `report.json`, `report.schema.json`,
            which describes every key of it, and in `figures` each figure as SVG and PNG.

    Returns:
        The page.

    Raises:
        DataError: The folder cannot be written.
        ExtraNotInstalled: matplotlib is absent.
    """
    folder = Path(folder)
    figures, left_out = drawn(report)
    values = _values(report, figures, left_out)
    try:
        (folder / "figures").mkdir(parents=True, exist_ok=True)
        for figure in figures:
            (folder / "figures" / f"{figure.name}.svg").write_text(figure.svg, encoding="utf-8")
            (folder / "figures" / f"{figure.name}.png").write_bytes(figure.png)
        (folder / "report.json").write_text(report.model_dump_json(indent=1) + "\n", encoding="utf-8")
        schema = json.dumps(Report.model_json_schema(), indent=1)
        (folder / "report.schema.json").write_text(schema + "\n", encoding="utf-8")
        (folder / "report.md").write_text(_rendered("report.md.jinja", values, escaped=False), encoding="utf-8")
        page = folder / PAGE
        page.write_text(_rendered("report.html.jinja", values, escaped=True), encoding="utf-8")
    except OSError as error:
        raise DataError(
            f"the report cannot be written to {str(folder)!r}: {type(error).__name__}",
            hint="Name a folder that may be written.",
        ) from None
    return page


def cell(figure: Figure | None) -> Cell:
    """A figure as a table shows it."""
    if figure is None or figure.value is None:
        return Cell(DASH, "", (figure.reason if figure else None) or "not computed")
    has_interval = figure.low is not None and figure.high is not None
    return Cell(_number(figure.value), f"{_number(figure.low)} to {_number(figure.high)}" if has_interval else "", "")


def _number(value: float | None) -> str:
    if value is None:
        return DASH
    return "0.00" if abs(value) < 0.005 else f"{value:.2f}".replace("-", "\N{MINUS SIGN}")


def _values(report: Report, figures: Sequence[Drawn], left_out: Sequence[str]) -> dict[str, Any]:
    """What the templates lay out."""
    return {
        "report": report,
        "figures": [
            {"name": f.name, "title": f.title, "told": f.told, "svg": Markup(_inline(f))}  # noqa: S704 - our own drawing
            for f in figures
        ],
        "left_out": left_out,
        "metrics": METRICS,
        "label": {metric.key: metric.label for metric in METRICS},
        "short": {metric.key: SHORT.get(metric.key, metric.label) for metric in METRICS},
        "headline": [key for key in HEADLINE if _anywhere(report, key)],
        "by_feature": [key for key in BY_FEATURE if _anywhere(report, key)],
        "cell": cell,
        "probes": [layout(one) for one in report.probes],
        "colour": {one.name: COLOURS[n % len(COLOURS)] for n, one in enumerate(report.evaluations)},
        "undefined": _undefined(report.evaluations),
        "level": f"{report.settings.confidence:.0%}",
        "medians": ("macro_f1", "mcc", "sensitivity", "specificity"),
    }


def _anywhere(report: Report, key: str) -> bool:
    return any(key in one.summary and one.summary[key].median.value is not None for one in report.evaluations)


def _undefined(evaluations: Sequence[Evaluation]) -> list[str]:
    """The undefined figures of features, with their reasons, each reason once."""
    places: dict[tuple[str, str], list[str]] = {}
    for one in evaluations:
        for feature in one.features:
            for key in BY_FEATURE:
                figure = feature.figures.get(key)
                if figure is not None and figure.value is None and figure.reason:
                    names = places.setdefault((BY_KEY[key].label, figure.reason), [])
                    if feature.name not in names:
                        names.append(feature.name)
    return [f"{label} of {', '.join(names)}: {reason}" for (label, reason), names in places.items()]


def _inline(figure: Drawn) -> str:
    """A figure's SVG for a page: as wide as its column, named, and with identifiers of its own."""
    svg = re.sub(r'\s(width|height)="[^"]*pt"', "", figure.svg, count=2)
    svg = re.sub(r'(\bid="|xlink:href="#|url\(#)', rf"\g<1>{figure.name}-", svg)
    return svg.replace("<svg", f'<svg role="img" aria-labelledby="{figure.name}-title"', 1)


def _rendered(template: str, values: Mapping[str, Any], *, escaped: bool) -> str:
    environment = Environment(
        loader=PackageLoader("clinextract.evaluation"),
        undefined=StrictUndefined,
        autoescape=escaped,  # noqa: S701 - Markdown has no entities: there `inert` keeps a user's words from being marks
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["inert"] = _inert
    return environment.get_template(template).render(values)


def _inert(text: object) -> str:
    """A user's words in Markdown, where no sign of theirs is a mark, and none begins a tag."""
    return re.sub(r"([\\`*_{}\[\]<>()#+!|~&-])", r"\\\1", str(text)).replace("\n", " ")
