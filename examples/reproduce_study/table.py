"""What came out, with the published figures beside it: for the terminal and as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from configurations import Configuration, Study
from rich import box
from rich.table import Table

from clinextract.evaluation.results import Evaluation, Report

METRICS = {"macro_f1": "macro-F1", "mcc": "MCC", "sensitivity": "sensitivity", "specificity": "specificity"}
SHORT = {"macro_f1": "macro-F1", "mcc": "MCC", "sensitivity": "sens.", "specificity": "spec."}
NONE = "–"


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table.

    Attributes:
        name: Short, for the terminal.
        label: For a page.
        cells: For each metric what was measured here and what the study published.
    """

    name: str
    label: str
    cells: tuple[tuple[str, str], ...]


def warning(study: Study, transcripts: int) -> str:
    """What has to be said beside the two columns."""
    return (
        f"Different calls: the study's figures are of its own {study.calls:,} calls, which are not public; those "
        f"measured here are of {transcripts:,} others, with other prompts and other labels. Neither can be called "
        "better or worse than the other."
    )


def rows(configurations: Sequence[Configuration], report: Report) -> list[Row]:
    """A row for each configuration, run or not, and one for each baseline."""
    measured = {one.name: one for one in report.evaluations}
    found = [Row(one.name, one.label, _cells(measured.get(one.name), one)) for one in configurations]
    return found + [Row(one.name, f"baseline: {one.name}", _cells(one, None)) for one in report.baselines]


def terminal(found: Sequence[Row]) -> Table:
    """For 80 columns."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, collapse_padding=True, header_style="dim")
    table.add_column("median over\n13 features", overflow="fold")
    for label in SHORT.values():
        table.add_column(f"{label}\nhere", justify="right", no_wrap=True, style="bold")
        table.add_column(f"{label}\nstudy", justify="right", no_wrap=True, style="dim")
    for row in found:
        table.add_row(row.name, *(cell.partition(" ")[0] for pair in row.cells for cell in pair))
    return table


def markdown(found: Sequence[Row], absent: Mapping[str, str], words: str, study: Study) -> str:
    """The same as a page, with the intervals."""
    heads = [f"{label}, {where}" for label in METRICS.values() for where in ("here", "study")]
    lines = [
        "# The study's configurations on these calls",
        "",
        words,
        "",
        "Medians over the thirteen features; in brackets the 95 % bootstrap interval over calls.",
        "",
        f"| configuration | {' | '.join(heads)} |",
        f"|---{'|---' * len(heads)}|",
        *(f"| {row.label} | {' | '.join(cell for pair in row.cells for cell in pair)} |" for row in found),
        "",
        f"Study: {study.title}, <{study.url}>; figures from the table of its repository, <{study.table}>.",
    ]
    if absent:
        lines += ["", "Not run here:", "", *(f"- {label}: {why}." for label, why in absent.items())]
    return "\n".join(lines) + "\n"


def _cells(evaluation: Evaluation | None, configuration: Configuration | None) -> tuple[tuple[str, str], ...]:
    published = configuration.published if configuration else None
    return tuple(
        (_measured(evaluation, key), f"{getattr(published, key):.3f}" if published else NONE) for key in METRICS
    )


def _measured(evaluation: Evaluation | None, key: str) -> str:
    median = evaluation.summary[key].median if evaluation and key in evaluation.summary else None
    if median is None or median.value is None:
        return NONE
    interval = "" if median.low is None or median.high is None else f" ({median.low:.3f}–{median.high:.3f})"
    return f"{median.value:.3f}{interval}"
