"""The gold standard and predictions as arrays, read from tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from clinextract.errors import ColumnMissing, DataError
from clinextract.evaluation.cells import (
    BLANK,
    NO,
    YES,
    Cells,
    Columns,
    Facts,
    code_of,
    columns_of,
    id_of,
    listed,
    parsed,
    rows,
)
from clinextract.evaluation.metrics import Bools, Floats

Blank = Literal["error", "no", "unlabelled"]
"""What an empty label means: a mistake, a no, or that nobody looked."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Gold:
    """What is true of n transcripts and k features, as people labelled it.

    Attributes:
        name: Of the file, or what the caller calls it.
        ids: Of the transcripts, n.
        features: Names of the features, k.
        values: (n, k) whether the feature is present; False where there is no label.
        labelled: (n, k) whether there is a label.
        columns: Other columns of the file with one short value a row, as text: what can be sliced by.
        notes: What a reader of the figures has to know.
    """

    name: str
    ids: tuple[str, ...]
    features: tuple[str, ...]
    values: Bools
    labelled: Bools
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Gold(name={self.name!r}, transcripts={len(self.ids)}, features={len(self.features)})"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Predictions:
    """What was predicted for n transcripts and k features.

    Attributes:
        name: Of the file, or what the caller calls them.
        ids: Of the transcripts, n.
        features: Names of the yes/no features, k; none where every row is a failure that names none.
        values: (n, k) whether the feature was found; False where there is no answer.
        answered: (n, k) whether there is an answer.
        probabilities: (n, k) float64, P(present); nan where there is none.
        failed: (n,) whether the transcript's result is a failure.
        provenance: By key (model, model_hash, prompt_hash, schema_hash, order, decoding, calibration, language) the
            values that the rows hold; keys without a value are left out.
        notes: What a reader of the figures has to know, such as fields left out.
    """

    name: str
    ids: tuple[str, ...]
    features: tuple[str, ...]
    values: Bools
    answered: Bools
    probabilities: Floats
    failed: Bools
    provenance: Mapping[str, frozenset[str]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Predictions(name={self.name!r}, transcripts={len(self.ids)}, features={len(self.features)})"


def read_gold(
    path: str | Path,
    *,
    features: Sequence[str] | None = None,
    id: str = "id",  # noqa: A002 - the name of the command line's option
    blank: Blank = "error",
) -> Gold:
    """Read a gold standard from csv, jsonl or parquet.

    Args:
        path: A table with one column a feature; or rows with `labels`, which are {name: yes or no} or the names of the
            features that are present; or rows with `features`, {name: yes or no}.
        features: The features to read; None for every column that is yes/no.
        id: The column of the ids.
        blank: What an empty label means.

    Raises:
        ColumnMissing: The id's column, or a feature that was asked for, is not there.
        RecordInvalid: Labels that are neither yes nor no, ids that are empty or there twice; up to ten are listed.
        DataError: The file cannot be read, has no rows, or has no column that is yes/no.
    """
    cells, columns = Cells(Path(path).name), Columns()
    for number, row in rows(path):
        said, silent = _labels(row)
        key = id_of(row, id, cells.name)
        cells.add(number, key, _codes(row if said is None else said, id), silent, nested=said is not None)
        columns.add({name: value for name, value in row.items() if name != id})
    cells.check()
    names = _chosen(cells, features)
    codes = cells.array(names)
    if blank == "no":
        codes[codes == BLANK] = NO
    cells.refuse(codes, names, blanks=blank == "error")
    apart = [name for name in cells.yes_or_no(cells.names)[0] if name not in names]
    note = f"{cells.name} also has yes/no columns that are not compared: {listed(apart)}"
    return Gold(
        name=cells.name,
        ids=tuple(cells.ids),
        features=tuple(names),
        values=codes == YES,
        labelled=codes != BLANK,
        columns=columns.texts(without=names),
        notes=(note,) if apart else (),
    )


def read_predictions(
    path: str | Path,
    *,
    features: Sequence[str] | None = None,
    id: str = "id",  # noqa: A002
) -> Predictions:
    """Read predictions from csv, jsonl or parquet: what `clinextract run` writes, or one column a feature.

    A row whose `status` is "failed" is a failure, and has no answers. Columns `<feature>_probability` hold P(present).

    Args:
        path: The file.
        features: The features to read; None for every yes/no feature found.
        id: The column of the ids.

    Raises:
        ColumnMissing: The id's column, or a feature that was asked for, is not there.
        RecordInvalid: Answers that are neither yes nor no, probabilities outside 0 to 1, ids that are empty or there
            twice; up to ten are listed.
        DataError: The file cannot be read, has no rows, or has no column that is yes/no.
    """
    cells, facts = Cells(Path(path).name), Facts()
    for number, row in rows(path):
        said = row.get("features") if isinstance(row.get("features"), Mapping) else None
        failed = row.get("status") == "failed"
        given = {} if failed else _answers(row) if said is None else said
        cells.add(number, id_of(row, id, cells.name), _codes(given, id), nested=said is not None)
        facts.add(row, given, failed=failed)
    cells.check()
    failed_rows = np.array(facts.failed, dtype=bool)
    names = list(features or ()) if failed_rows.all() else _chosen(cells, features)
    codes = cells.array(names)
    cells.refuse(codes, names, blanks=False)
    answered = codes != BLANK
    apart = cells.yes_or_no(facts.fields)[1] if features is None and not failed_rows.all() else []
    note = f"{cells.name}: left out, since not yes/no: {listed(apart)}"
    return Predictions(
        name=cells.name,
        ids=tuple(cells.ids),
        features=tuple(names),
        values=codes == YES,
        answered=answered,
        probabilities=np.where(answered, facts.probabilities(names, cells), np.nan),
        failed=failed_rows,
        provenance={key: frozenset(values) for key, values in facts.provenance.items()},
        notes=(note,) if apart else (),
    )


_OURS = {"status", "review", "evidence", "error_type", "error_message", "error_hint", "provenance"}
"""Columns of a flat file that `clinextract run` writes beside the features."""


def _labels(row: Mapping[str, Any]) -> tuple[Mapping[str, Any] | None, int]:
    """What a row of a gold standard says of names in a value of its own, and of those it does not mention."""
    labels = parsed(row.get("labels"))
    if isinstance(labels, Sequence) and not isinstance(labels, str):
        return {str(name): True for name in labels}, NO
    for said in (labels, row.get("features")):
        if isinstance(said, Mapping):
            return said, BLANK
    return None, BLANK


def _answers(row: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of a flat row of predictions that may be features."""
    fields = {name: value for name, value in row.items() if f"{name}_probability" in row}
    if fields and "provenance" in row:  # what `run` wrote: every field has its probability, an input column has none
        return fields
    return {name: value for name, value in row.items() if name not in _OURS and not name.endswith("_probability")}


def _codes(said: Mapping[str, Any], id_column: str) -> dict[str, int]:
    return {name: code_of(value) for name, value in said.items() if name != id_column}


def _chosen(cells: Cells, features: Sequence[str] | None) -> list[str]:
    """The names to read: those asked for, or all that are yes/no."""
    names = cells.names
    if features is None:
        kept = cells.yes_or_no(names)[0]
        if kept:
            return kept
        raise DataError(
            f"{cells.name} has no column that is yes/no; it has: {columns_of(names)}",
            hint="Give a table with one column a feature, or name the features with --features.",
        )
    lacking = [] if NO in cells.silent else [name for name in features if name not in names]
    if lacking:
        raise ColumnMissing(
            f"{cells.name} has no column for: {listed(lacking)}",
            hint="Name the features to compare with --features, or add the columns.",
        )
    return list(dict.fromkeys(features))
