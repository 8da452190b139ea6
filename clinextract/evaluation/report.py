"""The report of an evaluation: one page that needs no network, the same in Markdown and JSON, and the figures.

What is said of a figure is said once, in `metrics` and `results`; the tables are made once, in `sections`; here they
are laid out. File names, slices and labels are a user's words and are escaped.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from clinextract.errors import DataError
from clinextract.evaluation import sections
from clinextract.evaluation.appearance import COLOURS, COLOURS_ON_DARK, features_of, label_of
from clinextract.evaluation.metrics import METRICS
from clinextract.evaluation.plots.catalogue import Drawn, drawn
from clinextract.evaluation.plots.sheet import BAND, INK, LINE, PAPER, SOFT
from clinextract.evaluation.results import Report
from clinextract.evaluation.wording import in_short

PAGE = "report.html"
_VARIABLES = {INK: "ink", SOFT: "soft", LINE: "line", BAND: "band", PAPER: "ground"} | {
    colour: f"s{number}" for number, colour in enumerate(COLOURS)
}
"""What a page calls the colours of its figures, so that they follow a dark scheme."""
_SIGNS = {
    "o": "M5 1.2a3.8 3.8 0 1 0 0 7.6 3.8 3.8 0 1 0 0-7.6z",
    "D": "M5 .6 9.4 5 5 9.4.6 5z",
    "s": "M1.5 1.5h7v7h-7z",
    "^": "M5 1 9.2 8.8H.8z",
    "v": "M5 9 .8 1.2h8.4z",
    "P": "M3.6 1h2.8v2.6H9v2.8H6.4V9H3.6V6.4H1V3.6h2.6z",
    "X": "M2.6.8 5 3.2 7.4.8 9.2 2.6 6.8 5l2.4 2.4-1.8 1.8L5 6.8 2.6 9.2.8 7.4 3.2 5 .8 2.6z",
}
"""The figures' markers, in a square of ten units."""


def write_report(report: Report, folder: str | Path) -> Path:
    """Write a report; files of its own that are there already are replaced, and no others are touched.

    Args:
        report: As `evaluate` gives it.
        folder: Is made if it is not there. It gets `report.html`, `report.md`, `report.json`, `report.schema.json`,
            which describes every key of it, and in `figures` each figure as SVG and PNG.

    Returns:
        The page, which is written last.

    Raises:
        DataError: The folder cannot be written.
        ExtraNotInstalled: matplotlib is absent.
    """
    folder = Path(folder)
    figures, left_out = drawn(report)
    values = _values(report, figures, left_out)
    schema = json.dumps(Report.model_json_schema(), indent=1)
    try:
        (folder / "figures").mkdir(parents=True, exist_ok=True)
        for figure in figures:
            (folder / "figures" / f"{figure.name}.svg").write_text(figure.svg, encoding="utf-8")
            (folder / "figures" / f"{figure.name}.png").write_bytes(figure.png)
        (folder / "report.json").write_text(report.model_dump_json(indent=1) + "\n", encoding="utf-8")
        (folder / "report.schema.json").write_text(schema + "\n", encoding="utf-8")
        (folder / "report.md").write_text(_rendered("report.md.jinja", values), encoding="utf-8")
        page = folder / PAGE
        page.write_text(_rendered("report.html.jinja", values), encoding="utf-8")
    except OSError as error:
        raise DataError(
            f"the report cannot be written to {str(folder)!r}: {type(error).__name__}",
            hint="Name a folder that may be written.",
        ) from None
    return page


def _values(report: Report, figures: Sequence[Drawn], left_out: Sequence[str]) -> dict[str, Any]:
    """What the templates lay out."""
    features = features_of(report)
    return {
        "report": report,
        "settings": report.settings,
        "level": f"{report.settings.confidence:.0%}",
        "transcripts": report.evaluations[0].transcripts,
        "features": features,
        "in_short": in_short(report, {feature.name: label_of(feature) for feature in features}),
        "notes": [*report.notes, *left_out],
        "headline": sections.headline(report),
        "quartiles": sections.quartiles(report),
        "by_feature": [(one, sections.counts(one), sections.figures(one, report)) for one in report.evaluations],
        "comparisons": [(one, sections.differences(one), sections.tests(one, report)) for one in report.comparisons],
        "slices": sections.slices(report),
        "probes": sections.probes(report),
        "provenance": sections.provenance(report),
        "figures": [(one, Markup(_inline(one))) for one in figures],  # noqa: S704 - our own drawing
        "metrics": [metric for metric in METRICS if metric.key in report.metrics],
        "colours": tuple(zip(COLOURS, COLOURS_ON_DARK, strict=True)),
        "signs": _SIGNS,
    }


def _inline(figure: Drawn) -> str:
    """A figure's SVG for a page: as wide as its place, in the page's colours, with identifiers of its own."""
    svg = figure.svg[figure.svg.index("<svg") :]
    svg = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>|<title>.*?</title>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\s(width|height)="[^"]*pt"', "", svg, count=2)
    svg = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{figure.name}-", svg)
    svg = re.sub(r"(?<=: )#[0-9a-f]{6}\b", lambda found: _variable(found[0]), svg)
    named = f'role="img" aria-labelledby="{figure.name}-title" aria-describedby="{figure.name}-told"'
    svg = re.sub(r"\n\s*\n+", "\n", svg).strip()
    return svg.replace("<svg", f'<svg {named} style="width:{figure.width * 96:.0f}px"', 1)


def _variable(colour: str) -> str:
    return f"var(--{_VARIABLES[colour]})" if colour in _VARIABLES else colour


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("clinextract.evaluation"),
        undefined=StrictUndefined,
        # Markdown has no way to escape that all its readers know: there `inert` does it, word by word.
        autoescape=select_autoescape(enabled_extensions=("html.jinja",), default=False),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["inert"] = inert
    return environment


def _rendered(template: str, values: Mapping[str, Any]) -> str:
    return _environment().get_template(template).render(values)


_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "&#124;", "~": "&#126;", "$": "&#36;", ":": "&#58;"}


def inert(text: object) -> str:
    """A user's words for Markdown: none of their signs is a mark, a tag, a formula or the end of a table's cell.

    What Markdown's dialects escape with a backslash alike is escaped so; for the rest there are entities.
    """
    words = " ".join(str(text).split())
    words = re.sub(r"[\\`*\[\]]|(?<![^\W_])_|_(?![^\W_])", lambda found: f"\\{found[0]}", words)
    words = re.sub(r"[&<>|~$]|:(?=//)", lambda found: _ENTITIES[found[0]], words)
    # At the beginning of a line these would make a list, a heading or a rule.
    return re.sub(r"^([-+#=]|\d+(?=[.)](\s|$)))", lambda found: _at_beginning(found[0]), words)


def _at_beginning(sign: str) -> str:
    return f"{sign}&#8203;" if sign.isdigit() else f"&#{ord(sign)};"
