"""The tables of a report: made once, and laid out by the page and by the Markdown alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from clinextract.evaluation.appearance import Look, features_of, labels_of, look
from clinextract.evaluation.metrics import BY_KEY
from clinextract.evaluation.probes.layout import layout
from clinextract.evaluation.results import Comparison, Evaluation, FeatureResult, Figure, Report, Slice
from clinextract.evaluation.wording import DASH, DIFFERENT, counted, interval, number, p_value

HEADLINE = ("macro_f1", "mcc", "sensitivity", "specificity", "precision", "prediction_ratio", "auroc", "brier", "ece")
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
MEDIANS = ("macro_f1", "mcc", "sensitivity", "specificity", "prediction_ratio")
COMPARED = ("sensitivity", "specificity", "macro_f1", "mcc")
SHORT = {
    "ece": "ECE",
    "brier": "Brier",
    "prediction_ratio": "pred. ratio",
    "f1": "F1",
    "average_precision": "av. prec.",
}
"""Labels that a column has no room for, shorter; the page defines each metric in full."""
COUNTS = ("tp", "fp", "fn", "tn", "missing", "unlabelled")
PROVENANCE = ("model", "model_hash", "prompt_hash", "schema_hash")


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in one place of a table.

    Attributes:
        text: A number, or a dash where it is undefined.
        below: Its interval, or what else stands smaller.
        mark: Of the note that tells why it is undefined, or has no interval; empty without.
        strong: Whether it stands out.
    """

    text: str
    below: str = ""
    mark: str = ""
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One row.

    Attributes:
        names: What it is of, with the language of each name; "" for none in particular.
        cells: By column; none for a heading of the rows that follow.
        kind: "" or "baseline".
        look: Of the predictions that it is of.
    """

    names: tuple[tuple[str, str], ...]
    cells: tuple[Cell, ...] = ()
    kind: str = ""
    look: Look | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """One table.

    Attributes:
        caption: What it shows.
        columns: The headings, that of the rows' names first.
        rows: From the top.
        notes: Marks and what they mean.
        text: Whether the cells are words, and not numbers.
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    notes: tuple[tuple[str, str], ...] = ()
    text: bool = False


@dataclass(slots=True)
class _Notes:
    """Marks of the reasons in one table; like reasons share one."""

    marks: dict[str, str] = field(default_factory=dict)

    def cell(self, figure: Figure | None, metric: str, *, signed: bool = False) -> Cell:
        """A figure with its interval, or its reason."""
        if figure is None:
            return Cell(DASH, mark=self._mark("not computed"))
        mark = self._mark(figure.reason) if figure.reason else ""
        shown = number(figure.value, metric, signed=signed)
        return Cell(shown, interval(figure, metric, signed=signed), mark)

    def _mark(self, reason: str) -> str:
        at = len(self.marks)
        return self.marks.setdefault(reason, chr(ord("a") + at % 26) * (at // 26 + 1))

    @property
    def listed(self) -> tuple[tuple[str, str], ...]:
        return tuple((mark, reason) for reason, mark in self.marks.items())


def headline(report: Report) -> Table:
    """Medians of every set of predictions, the baselines below."""
    notes, keys = _Notes(), _somewhere(report, HEADLINE)
    rows = []
    for one, its_look in _looks(report):
        share = f"{counted(one.failed, 'transcript')} failed" if one.failed else ""
        missing = Cell(f"{one.missing_answers:,}", share, strong=bool(one.missing_answers))
        rows.append(_median_row(one, keys, notes, missing, its_look))
    rows += [_median_row(one, keys, notes, Cell(DASH)) for one in report.baselines]
    columns = ("predictions", "missing answers", *map(_short, keys))
    return Table("Medians over features, with missing answers", columns, tuple(rows), notes.listed)


def quartiles(report: Report) -> Table:
    """First and third quartile over features."""
    keys = _somewhere(report, HEADLINE)

    def cell(one: Evaluation, key: str) -> Cell:
        summary = one.summary.get(key)
        if summary is None or summary.median.value is None:
            return Cell(DASH)
        ends = (summary.lower_quartile.value, summary.upper_quartile.value)
        return Cell(" to ".join(number(end, key) for end in ends), counted(summary.features, "feature"))

    rows = [Row(_named(one), tuple(cell(one, key) for key in keys), look=its) for one, its in _looks(report)]
    rows += [Row(_named(one), tuple(cell(one, key) for key in keys), "baseline") for one in report.baselines]
    caption = "First and third quartile over features, and the number of features in which the figure is defined"
    return Table(caption, ("predictions", *map(_short, keys)), tuple(rows))


def counts(one: Evaluation) -> Table:
    """The transcripts of each feature, by truth and prediction."""
    rows = tuple(
        Row(labels_of(feature), tuple(Cell(f"{getattr(feature.counts, key):,}") for key in COUNTS))
        for feature in one.features
    )
    caption = (
        "Transcripts: TP present and named, FP absent and named, FN present and not named, TN absent and not named"
    )
    return Table(caption, ("feature", "TP", "FP", "FN", "TN", "missing", "unlabelled"), rows)


def figures(one: Evaluation, report: Report) -> Table:
    """The figures of each feature, with the medians and those of the baselines last."""
    notes, keys = _Notes(), _somewhere(report, BY_FEATURE)
    rows = [
        Row(labels_of(feature), tuple(notes.cell(feature.figures.get(key), key) for key in keys))
        for feature in one.features
    ]
    rows.append(_median_row(one, keys, notes, name="Median"))
    rows += [_median_row(base, keys, notes, name=f"{base.name}, median") for base in report.baselines]
    level = f", with {report.settings.confidence:.0%} intervals" if report.settings.rounds else ""
    return Table(f"Figures by feature{level}", ("feature", *map(_short, keys)), tuple(rows), notes.listed)


def differences(comparison: Comparison) -> Table:
    """Differences of the medians."""
    notes = _Notes()
    rows = [
        Row(
            (("", BY_KEY[one.metric].label),),
            (
                Cell(number(one.first, one.metric)),
                Cell(number(one.second, one.metric)),
                notes.cell(one.difference, one.metric, signed=True),
            ),
        )
        for one in comparison.differences
        if one.feature is None
    ]
    columns = ("median of", comparison.first, comparison.second, "difference")
    return Table("Medians over features, second less first, by paired bootstrap", columns, tuple(rows), notes.listed)


def tests(comparison: Comparison, report: Report) -> Table:
    """Differences by feature with the exact McNemar tests."""
    notes, features = _Notes(), {feature.name: feature for feature in features_of(report)}
    found = {(one.feature, one.metric): one.difference for one in comparison.differences}
    keys = [key for key in COMPARED if any((test.feature, key) in found for test in comparison.tests)]
    rows = []
    for test in comparison.tests:
        cells = [notes.cell(found.get((test.feature, key)), key, signed=True) for key in keys]
        cells += [Cell(f"{test.only_first_right:,}"), Cell(f"{test.only_second_right:,}"), Cell(p_value(test.p))]
        cells.append(Cell(p_value(test.p_holm), strong=test.p_holm < DIFFERENT))
        rows.append(Row(_labels(features.get(test.feature), test.feature), tuple(cells)))
    columns = (
        "feature", *(f"{_short(key)}, difference" for key in keys), "only first right", "only second right", "p",
        "p, Holm",
    )  # fmt: skip
    caption = (
        "By feature: differences, second less first; transcripts that only one of the two has right; exact McNemar "
        "test, with Holm's correction over the features"
    )
    return Table(caption, columns, tuple(rows), notes.listed)


def slices(report: Report) -> list[Table]:
    """A table for each column that was sliced by."""
    return [_sliced(column, list(same)) for column, same in groupby(report.slices, lambda one: one.column)]


def _sliced(column: str, same: Sequence[Slice]) -> Table:
    notes = _Notes()
    rows: list[Row] = []
    for one in same:
        transcripts = one.evaluations[0].transcripts if one.evaluations else 0
        rows.append(Row((("", f"{one.value}: {counted(transcripts, 'transcript')}"),)))
        for place, evaluation in enumerate(one.evaluations):
            missing = Cell(f"{evaluation.missing_answers:,}")
            rows.append(_median_row(evaluation, MEDIANS, notes, missing, look(place)))
        rows += [_median_row(base, MEDIANS, notes, Cell(DASH)) for base in one.baselines]
    columns = (column, "missing answers", *map(_short, MEDIANS))
    return Table(f"Medians over features, by {column}", columns, tuple(rows), notes.listed)


def provenance(report: Report) -> Table | None:
    """What made the predictions, as far as it is known."""
    known = dict.fromkeys([*PROVENANCE, *(key for one in report.evaluations for key in one.provenance)])
    keys = [key for key in known if any(key in one.provenance for one in report.evaluations)]
    if not keys:
        return None
    rows = tuple(
        Row(_named(one), tuple(Cell(one.provenance.get(key) or DASH) for key in keys), look=its)
        for one, its in _looks(report)
    )
    return Table("What made the predictions", ("predictions", *(k.replace("_", " ") for k in keys)), rows, text=True)


def probes(report: Report) -> list[tuple[str, tuple[tuple[str, str], ...], Table | None]]:
    """Of each set of probes: what was probed, what each found in words, and its counts by feature."""
    labels = {feature.name: labels_of(feature) for feature in features_of(report)}
    found = []
    for one in map(layout, report.probes):
        rows = tuple(Row(labels.get(name, (("", name),)), tuple(map(Cell, cells))) for name, cells in one.rows)
        caption = (
            "Answers that changed with the order of the fields or with a repetition, and pairs of calls that differ "
            "in a negation"
        )
        columns = ("feature", *(": ".join(heading) for heading in one.headings))
        found.append((one.about, one.words, Table(caption, columns, rows) if rows else None))
    return found


def _median_row(
    one: Evaluation,
    keys: Sequence[str],
    notes: _Notes,
    missing: Cell | None = None,
    its_look: Look | None = None,
    name: str = "",
) -> Row:
    medians: Mapping[str, Figure] = {key: summary.median for key, summary in one.summary.items()}
    cells = [notes.cell(medians.get(key), key) for key in keys]
    kind = "baseline" if one.kind == "baseline" else "median" if name else ""
    return Row((("", name),) if name else _named(one), ((missing,) if missing else ()) + tuple(cells), kind, its_look)


def _looks(report: Report) -> Iterator[tuple[Evaluation, Look]]:
    for place, one in enumerate(report.evaluations):
        yield one, look(place)


def _named(one: Evaluation) -> tuple[tuple[str, str], ...]:
    return (("", one.name),)


def _labels(feature: FeatureResult | None, name: str) -> tuple[tuple[str, str], ...]:
    return labels_of(feature) if feature else (("", name),)


def _short(key: str) -> str:
    return SHORT.get(key, BY_KEY[key].label)


def _somewhere(report: Report, keys: Sequence[str]) -> list[str]:
    """The metrics that are defined in any of the predictions; else all that need no probabilities."""
    defined: Callable[[str], bool] = lambda key: any(  # noqa: E731
        key in one.summary and one.summary[key].median.value is not None for one in report.evaluations
    )
    return [key for key in keys if defined(key) or not BY_KEY[key].probabilistic]
