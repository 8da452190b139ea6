"""`evaluate`: predictions held against a gold standard, with baselines, comparisons and slices, as one report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import get_args

import numpy as np

from clinextract.errors import ColumnMissing, DataError
from clinextract.evaluation.assessment import Labels, assess
from clinextract.evaluation.baselines import all_false, prevalence
from clinextract.evaluation.cells import counted, listed
from clinextract.evaluation.comparison import compare
from clinextract.evaluation.figures import Scorer
from clinextract.evaluation.labels import Blank, Gold, Predictions, read_gold, read_predictions
from clinextract.evaluation.metrics import METRICS, Bools, Missing
from clinextract.evaluation.pairing import Paired, only, pair, take, unanswered
from clinextract.evaluation.results import Comparison, Evaluation, Report, Settings, Slice
from clinextract.evaluation.uncertainty import Bootstrap, Sampled, sampled
from clinextract.palliative import PalliativeCall
from clinextract.schema.features import fields_of

LEAST = 5
"""Transcripts that a slice needs."""
MOST_SLICES = 50
FEW = 10
"""Cases of a class below which figures are said to rest on few."""

Source = Predictions | str | Path


def evaluate(  # noqa: PLR0913 - every choice there is, each with its usual value
    predictions: Source | Sequence[Source],
    gold: Gold | str | Path,
    *,
    features: Sequence[str] | None = None,
    id: str = "id",  # noqa: A002 - the name of the command line's option
    blank: Blank = "error",
    allow_missing: bool = False,
    missing: Missing = "excluded",
    slices: Sequence[str] = (),
    rounds: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
    baselines: bool = True,
) -> Report:
    """Hold predictions against what people labelled.

    Intervals are percentile bootstrap intervals over transcripts. Several sets of predictions make one report, in
    which each further one is compared with the first. The same input and seed give the same report.

    Args:
        predictions: One or several: files that `clinextract run` wrote or tables with one column a feature, or what
            `read_predictions` gave.
        gold: A file with labels, or what `read_gold` gave.
        features: Names of the features to compare; None for every yes/no feature of the predictions.
        id: The column of the ids, in all files.
        blank: What an empty label means: "error" refuses it, "no" reads it as absent, "unlabelled" leaves it out.
        allow_missing: Whether ids may be in one file only.
        missing: What becomes of an answer that is missing: "excluded" leaves it out, "wrong" counts it as an error.
        slices: Columns of the gold standard by whose values the transcripts are evaluated apart as well.
        rounds: Bootstrap rounds; 0 for no intervals.
        seed: Of the bootstrap.
        confidence: Level of the intervals.
        baselines: Whether to hold all-False and prevalence beside them.

    Raises:
        ColumnMissing: A file lacks the ids, a feature, or a column to slice by.
        RecordInvalid: Labels, answers, probabilities or ids that cannot be read; up to ten are listed.
        DataError: Ids do not match, or a file cannot be read or has no rows.
        ExtraNotInstalled: Several predictions are compared and scipy is not here, or a file is parquet and pyarrow is
            not.
        ValueError: `missing`, `rounds` or `confidence` is none that there is.
    """
    if missing not in get_args(Missing):
        raise ValueError(f"missing must be one of {', '.join(get_args(Missing))}")
    bootstrap = Bootstrap(rounds, seed, confidence)
    given = [predictions] if isinstance(predictions, Predictions | str | Path) else list(predictions)
    if not given:
        raise DataError("there are no predictions", hint="Give at least one set of predictions.")
    read = [_predictions(one, features, id) for one in given]
    names = tuple(dict.fromkeys(features or (name for one in read for name in one.features)))
    if not isinstance(gold, Gold):
        gold = read_gold(gold, features=names or None, id=id, blank=blank)
    pairs = _named([pair(one, gold, allow_missing=allow_missing) for one in read], given)
    task = _Task(bootstrap, missing, _labels(), baselines=baselines)
    whole = unanswered(gold, names or gold.features)
    groups = {column: _values(whole, column) for column in slices}  # first, since it may refuse
    sets = task.sampled(pairs)
    sliced, apart = _sliced(task, whole, pairs, groups)
    return Report(
        settings=Settings(
            rounds=rounds,
            confidence=confidence,
            seed=seed,
            missing=missing,
            gold=gold.name,
            version=version("clinextract"),
        ),
        evaluations=task.assessed(sets),
        baselines=task.baselines_of(whole),
        comparisons=task.compared(sets),
        slices=sliced,
        notes=tuple(dict.fromkeys([*gold.notes, *_notes(pairs, whole, missing), *apart])),
        metrics={metric.key: metric.definition for metric in METRICS},
    )


@dataclass(frozen=True, slots=True)
class _Task:
    """How the figures of one report are computed."""

    bootstrap: Bootstrap
    missing: Missing
    labels: Labels
    baselines: bool

    def sampled(self, pairs: Sequence[Paired]) -> list[Sampled]:
        return sampled([Scorer(one, self.missing) for one in pairs], self.bootstrap)

    def assessed(self, sets: Sequence[Sampled]) -> tuple[Evaluation, ...]:
        return assess(sets, self.bootstrap, self.labels)

    def baselines_of(self, whole: Paired) -> tuple[Evaluation, ...]:
        if not self.baselines:
            return ()
        sets = self.sampled([all_false(whole), prevalence(whole)])
        return assess(sets, self.bootstrap, self.labels, kind="baseline")

    def compared(self, sets: Sequence[Sampled]) -> tuple[Comparison, ...]:
        first, *others = sets
        return tuple(compare(first, other, self.bootstrap) for other in others)


def _predictions(source: Source, features: Sequence[str] | None, id_column: str) -> Predictions:
    if not isinstance(source, Predictions):
        return read_predictions(source, features=features, id=id_column)
    return source if features is None or not source.features else only(source, features)


def _named(pairs: Sequence[Paired], sources: Sequence[Source]) -> list[Paired]:
    """Each set under a name of its own: of a file the name without its suffix, or as much more as tells it apart."""
    named: list[str] = []
    spellings = [_spellings(one.name, source) for one, source in zip(pairs, sources, strict=True)]
    for at, ways in enumerate(spellings):
        others = {name for other, names in enumerate(spellings) if other != at for name in names}
        numbered = (f"{ways[-1]} ({number})" for number in range(2, len(pairs) + 1))
        free = [way for way in ways if way not in others] or [way for way in (ways[-1], *numbered) if way not in named]
        named.append(free[0])
    return [replace(one, name=name) for one, name in zip(pairs, named, strict=True)]


def _spellings(name: str, source: Source) -> list[str]:
    if isinstance(source, Predictions):
        return [name]
    path = Path(source).absolute()
    return [path.stem, path.name, f"{path.parent.name}/{path.name}"]


def _labels() -> Labels:
    """Labels of the features that are the default schema's own."""
    return {field.name: field.label for field in fields_of(PalliativeCall)}


def _sliced(
    task: _Task, whole: Paired, pairs: Sequence[Paired], groups: Mapping[str, Mapping[str, Bools]]
) -> tuple[tuple[Slice, ...], list[str]]:
    """The slices, and what there is to say of values that are left out."""
    slices, notes = [], []
    for column, values in groups.items():
        for value, rows in values.items():
            if rows.sum() < LEAST:
                continue
            slices.append(
                Slice(
                    column=column,
                    value=value or "(empty)",
                    evaluations=task.assessed(task.sampled([take(one, rows) for one in pairs])),
                    baselines=task.baselines_of(take(whole, rows)),
                )
            )
        few = [f"{value or '(empty)'} ({rows.sum()})" for value, rows in values.items() if rows.sum() < LEAST]
        if few:
            notes.append(f"by {column}: values with fewer than {LEAST} transcripts are left out: {listed(few)}")
    return tuple(slices), notes


def _values(whole: Paired, column: str) -> dict[str, Bools]:
    """The values of a column with their transcripts, the most frequent first."""
    if column not in whole.columns:
        raise ColumnMissing(
            f"{whole.gold} has no column {column!r} to slice by, with one short value a row; it has: "
            + (listed(list(whole.columns)) or "none"),
            hint="Add the column to the gold standard.",
        )
    texts = np.array(whole.columns[column])
    counts = sorted(Counter(whole.columns[column]).items(), key=lambda item: (-item[1], item[0]))
    if sum(count >= LEAST for _, count in counts) > MOST_SLICES:
        raise DataError(
            f"the column {column!r} of {whole.gold} has {len(counts)} values",
            hint=f"Slice by a column with at most {MOST_SLICES} values.",
        )
    return {value: texts == value for value, _ in counts}


def _notes(pairs: Sequence[Paired], whole: Paired, missing: Missing) -> list[str]:
    notes = [note for one in pairs for note in one.notes]
    for one in pairs:
        lacking = int((one.labelled & ~one.answered).sum())
        if lacking:
            fate = "counted as errors" if missing == "wrong" else "left out of its figures"
            notes.append(f"{one.name}: {counted(lacking, 'answer')} of {one.labelled.sum()} missing and {fate}")
        mixed = [
            key for key in ("model_hash", "schema_hash", "order", "calibration") if len(one.provenance.get(key, ())) > 1
        ]
        if mixed:
            notes.append(f"{one.name} mixes results that differ in: {', '.join(mixed)}")
    for word, cells in (("positive", whole.truth & whole.labelled), ("negative", ~whole.truth & whole.labelled)):
        few = [
            f"{name} ({count})" for name, count in zip(whole.features, cells.sum(axis=0), strict=True) if count < FEW
        ]
        if few:
            notes.append(
                f"fewer than {FEW} truly {word} transcripts, so that figures are less sure than their intervals say: "
                + listed(few)
            )
    return notes
