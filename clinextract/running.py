"""From a table of transcripts to a table of results: what `clinextract run` does."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from clinextract.errors import ClinExtractError, ColumnMissing, DataError
from clinextract.extractor import Extractor
from clinextract.io import Column, Row, Table, create_table, is_nested, open_table
from clinextract.records import Document, Extraction, Failure
from clinextract.rows import columns, flatten, names, to_row
from clinextract.schema.features import fields_of

OnResult = Callable[[Extraction[Any] | Failure], None]
_BEFORE = "input_"
"""Put before the name of an input column that the results have a column of the same name as."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Where a table has what is needed.

    Attributes:
        text: The column of the transcripts.
        id: The column of the ids; None for "id" where there is such a column, else the number of the row.
        language: A column with ISO 639-1 codes; None to have each transcript's language found out.
    """

    text: str = "transcript"
    id: str | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class RunSummary:
    """What a run came to.

    Attributes:
        rows: Rows read, each of which has its row in the output.
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
        batch_size: Transcripts that are decoded at once.
        overwrite: Whether a target that is there may be replaced.
        keep_text: Whether the transcripts stand in the output too.
        on_result: Told every result as it is written.

    Returns:
        Counts, and what had to be renamed.

    Raises:
        DataError: A file cannot be read or written, or a row of it not at all.
        ColumnMissing: The source lacks a column that is asked for.
    """
    table = open_table(source)
    where = _found(table, where or Columns())
    _check_target(Path(source), Path(target), overwrite=overwrite)
    specs, nested = fields_of(extractor.schema, planned=False), is_nested(target)
    kept = [name for name in table.columns if keep_text or name != where.text]
    taken = names(specs, nested=nested)
    # The id is the result's own; any other column that is in its way is kept under another name.
    renamed = {name: _free(name, {*taken, *kept}) for name in kept if name in taken and name != where.id}
    kept = [name for name in kept if name != where.id or name != "id"]
    given = [Column(renamed.get(name, name)) for name in kept]
    made = columns(specs, translation=extractor.keeps_translation)
    tally = _Tally()
    started = perf_counter()
    with create_table(target, [made[0], *given, *made[1:]]) as sink:
        for row, result in _results(extractor, table, where, batch_size):
            extracted = to_row(result)
            own = extracted if nested else flatten(extracted, specs)
            sink.write({"id": own["id"]} | {renamed.get(name, name): row.get(name) for name in kept} | own)
            tally.add(result)
            if on_result is not None:
                on_result(result)
    return tally.summary(renamed, perf_counter() - started)


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
            raise ColumnMissing(
                f"{table.path.name!r} has no column {name!r}; it has: {', '.join(there[:20])}",
                hint=f"Name the column with {option}.",
            )
    return Columns(where.text, identity, where.language)


def _check_target(source: Path, target: Path, *, overwrite: bool) -> None:
    if target.exists() and target.resolve() == source.resolve():
        raise DataError("the output is the input", hint="Name another file for the results.")
    if target.exists() and not overwrite:
        raise DataError(f"the file {str(target)!r} is there already", hint="Name another, or pass --overwrite.")


def _results(
    extractor: Extractor[Any], table: Table, where: Columns, batch_size: int
) -> Iterator[tuple[Row, Extraction[Any] | Failure]]:
    """Every row with its result, in order; rows that make no document are failures without being asked."""
    waiting: deque[tuple[Row, Failure | None]] = deque()

    def documents() -> Iterator[Document]:
        for number, row in table:
            try:
                document = _document(row, number, where)
            except ClinExtractError as error:
                waiting.append((row, Failure(_id(row, number, where), error, "read")))
            else:
                waiting.append((row, None))
                yield document

    for result in extractor.batch(documents(), batch_size=batch_size):
        while (failure := waiting[0][1]) is not None:
            yield waiting.popleft()[0], failure
        yield waiting.popleft()[0], result
    for row, failure in waiting:
        assert failure is not None
        yield row, failure


def _document(row: Row, number: int, where: Columns) -> Document:
    """The transcript of a row.

    Raises:
        RecordInvalid: There is none.
    """
    language = row.get(where.language) if where.language else None
    text: Any = row.get(where.text)
    return Document("" if text is None else text, _id(row, number, where), str(language).lower() if language else None)


def _id(row: Row, number: int, where: Columns) -> str:
    given = row.get(where.id) if where.id else None
    return str(number if given is None or given == "" else given)


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
