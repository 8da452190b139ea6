"""From a table of transcripts to a table of results: what `clinextract run` does."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import Any

from clinextract.errors import ColumnMissing, DataError, RecordInvalid, bare
from clinextract.extractor import WINDOW, Extractor
from clinextract.io import Column, Row, Table, check_target, create_table, is_nested, open_table, shown_name
from clinextract.records import Document, Extraction, Failure, language_code
from clinextract.rows import columns, flatten, names, to_row
from clinextract.schema.features import fields_of

OnResult = Callable[[Extraction[Any] | Failure], None]
_SHOWN = 20
"""Columns that a message lists."""
_BEFORE = "input_"
"""Put before the name of an input column that the results have a column of the same name as."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Where a table has what is needed.

    Attributes:
        text: The column of the transcripts.
        id: The column of the ids; None for "id" where there is such a column, else the number of the row.
        language: A column with ISO 639-1 codes, also as in "fa-IR"; a transcript's language is found out where there is
            none, and where the cell holds something else.
    """

    text: str = "transcript"
    id: str | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class RunSummary:
    """What a run came to.

    Attributes:
        rows: Rows read, each of which has its row in the output. Of their ids the run keeps a set, and nothing else
            that grows.
        failed: Those that are failures.
        errors: How often each type of error.
        review: Answers that a person should look at.
        repeated_ids: Rows whose id had come before; an evaluation refuses them.
        renamed: Input columns that had to give way, with their new names.
        seconds: From the first row to the last.
    """

    rows: int
    failed: int
    errors: Mapping[str, int]
    review: int
    repeated_ids: int
    renamed: Mapping[str, str]
    seconds: float


def run(
    extractor: Extractor[Any],
    source: str | Path,
    target: str | Path,
    where: Columns | None = None,
    *,
    batch_size: int = 8,
    overwrite: bool = False,
    keep_text: bool = True,
    on_result: OnResult | None = None,
) -> RunSummary:
    """Extract from every row of a table, and write a row for each, in order; input columns are kept.

    Rows are read as they are needed, and written as they are done: an interrupted run leaves whole rows. A row that
    cannot be done is a failure in its place, and never an answer.

    Args:
        extractor: What extracts.
        source: A csv, JSON Lines or Parquet file.
        target: Where the results go, of any of these kinds.
        where: The source's columns.
        batch_size: Transcripts that are decoded at once; a few times as many rows are read ahead.
        overwrite: Whether a target that is there may be replaced.
        keep_text: Whether the transcripts stand in the output too. What a schema takes from them, and evidence, does.
        on_result: Told every result as it is written.

    Returns:
        Counts, and what had to be renamed.

    Raises:
        DataError: As `check`, or while it runs: a row cannot be read, or the target not be written.
        ColumnMissing: As `check`.
        SchemaError: The target is a table, and a field has the name of one of its columns.
        ValueError: `batch_size` is below 1.
    """
    if batch_size < 1:  # before the target is made, and what it may replace is gone
        raise ValueError("batch_size must be at least 1")
    table, where = check(source, target, where, overwrite=overwrite)
    specs, nested = fields_of(extractor.schema, planned=False), is_nested(target)
    kept = [name for name in table.columns if keep_text or name != where.text]
    taken = names(specs, nested=nested)
    # The id is the result's own; any other column that is in its way is kept under another name.
    kept = [name for name in kept if name != where.id or name != "id"]
    renamed = {name: _free(name, {*taken, *kept}) for name in kept if name in taken}
    given = [Column(renamed.get(name, name), table.kinds.get(name, "text")) for name in kept]
    made = [] if nested else columns(specs, translation=extractor.keeps_translation)
    tally = _Tally()
    started = perf_counter()
    with create_table(target, [*made[:1], *given, *made[1:]]) as sink:
        for row, result in _results(extractor, table, where, batch_size):
            extracted = to_row(result)
            own = extracted if nested else flatten(extracted, specs)
            sink.write({"id": own["id"]} | {renamed.get(name, name): row.get(name) for name in kept} | own)
            tally.add(result)
            if on_result is not None:
                on_result(result)
    return tally.summary(renamed, perf_counter() - started)


def documents(source: str | Path, where: Columns | None = None) -> Iterator[Document | Failure]:
    """The transcripts of a table as `run` reads them; a row that has none is a failure in its place.

    Args:
        source: As for `run`.
        where: As for `run`.

    Raises:
        DataError: The source cannot be read.
        ColumnMissing: It lacks a column that is asked for.
    """
    table = open_table(source)
    found = _found(table, where or Columns())
    return (_document(row, number, found) for number, row in table)


def check(
    source: str | Path, target: str | Path, where: Columns | None = None, *, overwrite: bool = False
) -> tuple[Table, Columns]:
    """Whether a run can begin, for what is wrong to be said before a model is loaded.

    Args:
        source: As for `run`.
        target: As for `run`.
        where: As for `run`.
        overwrite: As for `run`.

    Returns:
        The source, opened, and its columns, each of which is there.

    Raises:
        DataError: The source cannot be read, or the target not be made: it is there, or is the source itself, its
            folder is not there, or its suffix is unknown.
        ColumnMissing: The source lacks a column that is asked for.
        ExtraNotInstalled: Parquet needs pyarrow.
    """
    source, target = Path(source), Path(target)
    table = open_table(source)
    found = _found(table, where or Columns())
    check_target(target)
    if target.exists():
        if target.samefile(source):  # also by a link, hard or symbolic
            raise DataError("the output is the input", hint="Name another file for the results.")
        if not overwrite:
            raise DataError(f"the file {str(target)!r} is there already", hint="Name another, or pass --overwrite.")
    return table, found


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name = f"{_BEFORE}{name}"
    return name


def _found(table: Table, where: Columns) -> Columns:
    """The columns, each of which is there."""
    there = table.columns
    identity = where.id or ("id" if "id" in there else None)
    for option, name in (("--text", where.text), ("--id", identity), ("--language-column", where.language)):
        if name is not None and name not in there:
            more = f" and {len(there) - _SHOWN} more" if len(there) > _SHOWN else ""
            raise ColumnMissing(
                f"{table.path.name!r} has no column {name!r}; "
                f"it has: {', '.join(map(shown_name, there[:_SHOWN])) or 'no columns at all'}{more}",
                hint=f"Name the column with {option}.",
            )
    return Columns(where.text, identity, where.language)


def _results(
    extractor: Extractor[Any], table: Table, where: Columns, batch_size: int
) -> Iterator[tuple[Row, Extraction[Any] | Failure]]:
    """Every row with its result, in order; rows that make no document are failures without being asked.

    As many rows are taken at a time as the extractor reads ahead, so that however many fail, no more are kept.
    """
    rows = iter(table)
    while ahead := list(islice(rows, WINDOW * batch_size)):
        given = [_document(row, number, where) for number, row in ahead]
        done = extractor.batch((one for one in given if isinstance(one, Document)), batch_size=batch_size)
        for (_, row), one in zip(ahead, given, strict=True):
            yield row, one if isinstance(one, Failure) else next(done)


def _document(row: Row, number: int, where: Columns) -> Document | Failure:
    """The transcript of a row, or that there is none."""
    text: Any = row.get(where.text)
    name = _id(row, number, where)
    language = language_code(row.get(where.language)) if where.language else None
    try:
        return Document("" if text is None else text, name, language)
    except RecordInvalid as error:
        return Failure(name, bare(error), "read")


def _id(row: Row, number: int, where: Columns) -> str:
    """The id of a row, spelled as an evaluation spells that of a label; its number where it has none."""
    given = row.get(where.id) if where.id else None
    if isinstance(given, float):  # a table with a gap in a column of whole numbers has them as 1.0, and the gap as NaN
        given = int(given) if given.is_integer() else None if math.isnan(given) else given
    name = "" if given is None else str(given)
    return name if name.strip() else str(number)


class _Tally:
    def __init__(self) -> None:
        self._errors: Counter[str] = Counter()
        self._seen: set[str] = set()
        self._rows = self._review = 0

    def add(self, result: Extraction[Any] | Failure) -> None:
        self._rows += 1
        self._seen.add(result.id)
        if isinstance(result, Failure):
            self._errors[type(result.error).__name__] += 1
        else:
            self._review += len(result.review)

    def summary(self, renamed: Mapping[str, str], seconds: float) -> RunSummary:
        failed = self._errors.total()
        repeated = self._rows - len(self._seen)
        return RunSummary(self._rows, failed, dict(self._errors), self._review, repeated, dict(renamed), seconds)
