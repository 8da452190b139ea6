"""Tables on disk: csv, JSON Lines and Parquet, read and written by their suffix, a row at a time.

Nothing that is said about a file quotes what stands in a cell. A csv file is written with a byte-order mark, without
which Excel reads Persian as something else, and every cell is written as it is: one that begins with "=" is no formula
to us, and changing it would change a patient's words.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Any, Literal, Protocol

from clinextract.errors import DataError, ExtraNotInstalled

Row = Mapping[str, Any]
Kind = Literal["text", "boolean", "integer", "number"]

SUFFIXES = {".csv": "csv", ".tsv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}
ROW_GROUP = 1024
"""Rows of a Parquet file that are written, and read, at once."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table that is written; only Parquet keeps the kind."""

    name: str
    kind: Kind = "text"


class Table(Protocol):
    """A table that is read."""

    path: Path

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns; of JSON Lines the keys of all rows, for which the file is read through once."""

    @property
    def count(self) -> int | None:
        """Number of rows; None where it cannot be had without reading the file."""

    def __iter__(self) -> Iterator[tuple[int, Row]]:
        """Rows with their numbers, from 1: of JSON Lines the line's, else that of the row behind the header."""


class Sink(Protocol):
    """A table that is written."""

    def write(self, row: Row) -> None:
        """Append a row; what is no column of the table is left out."""


def open_table(path: str | Path) -> Table:
    """A table to read.

    Args:
        path: Ends with .csv, .tsv, .jsonl, .ndjson or .parquet.

    Raises:
        DataError: There is no such file, it is a folder or empty, or its suffix is another. While it is read: it is not
            UTF-8, a line is no JSON object, or a row of a csv file has more or fewer cells than the header.
        ExtraNotInstalled: Parquet needs pyarrow.
    """
    path = Path(path)
    kind = _kind(path)
    if not path.is_file():
        fault = "is a folder" if path.is_dir() else "is not there"
        raise DataError(f"the file {str(path)!r} {fault}", hint="Check the name.")
    if not path.stat().st_size:
        raise DataError(f"the file {str(path)!r} is empty", hint="Give a table with a header and rows.")
    readers: dict[str, type[_Csv | _JsonLines | _Parquet]] = {"csv": _Csv, "jsonl": _JsonLines, "parquet": _Parquet}
    return readers[kind](path)


@contextmanager
def create_table(path: str | Path, columns: Sequence[Column], *, nested: bool = True) -> Iterator[Sink]:
    """A table to write, row by row; what has been written stays if the writing is interrupted.

    Args:
        path: As for `open_table`. A file that is there is replaced.
        columns: In order. JSON Lines has no columns of its own: there a row is written with all that it has.
        nested: Whether JSON Lines takes rows with keys beyond the columns.

    Raises:
        DataError: The suffix is another, or the folder is not there.
        ExtraNotInstalled: Parquet needs pyarrow.
    """
    path = Path(path)
    kind = _kind(path)
    if not path.parent.is_dir():
        raise DataError(f"the folder {str(path.parent)!r} is not there", hint="Make it first.")
    if kind == "parquet":
        with _parquet_sink(path, columns) as sink:
            yield sink
        return
    encoding = "utf-8-sig" if kind == "csv" else "utf-8"
    with path.open("w", encoding=encoding, newline="") as file:
        names = None if nested and kind == "jsonl" else [column.name for column in columns]
        yield _CsvSink(file, names or [], path) if kind == "csv" else _JsonSink(file, names)


def is_nested(path: str | Path) -> bool:
    """Whether a file's rows may hold rows: of JSON Lines they may."""
    return _kind(Path(path)) == "jsonl"


def _kind(path: Path) -> str:
    kind = SUFFIXES.get(path.suffix.lower())
    if kind is None:
        raise DataError(
            f"{path.name!r} is of no kind that can be read or written here",
            hint=f"Use one of the suffixes {', '.join(SUFFIXES)}.",
        )
    return kind


class _Csv:
    """A csv file; commas, semicolons or tabs divide its cells, whichever its header has most of."""

    def __init__(self, path: Path) -> None:
        self.path = path
        csv.field_size_limit(min(sys.maxsize, 2**31 - 1))  # a transcript may be longer than the module's 128 kB

    @cached_property
    def columns(self) -> tuple[str, ...]:
        with _text(self.path) as file:
            return self._header(csv.reader(file, delimiter=self._delimiter))

    @cached_property
    def count(self) -> int | None:
        return sum(1 for _ in self)

    def __iter__(self) -> Iterator[tuple[int, Row]]:
        with _text(self.path) as file:
            reader = csv.reader(file, delimiter=self._delimiter, strict=True)
            names = self._header(reader)
            number = 0
            try:
                for cells in reader:
                    if not cells:
                        continue
                    number += 1
                    if len(cells) != len(names):
                        raise DataError(
                            f"row {number} of {self.path.name!r} has {len(cells)} cells, its header {len(names)}",
                            hint="Put cells that hold the dividing sign or line breaks into quotation marks.",
                        )
                    yield number, dict(zip(names, cells, strict=True))
            except csv.Error:  # its message may quote the cell
                raise DataError(
                    f"row {number + 1} of {self.path.name!r} cannot be read as csv",
                    hint="Look for a quotation mark that is not closed.",
                ) from None

    @cached_property
    def _delimiter(self) -> str:
        if self.path.suffix.lower() == ".tsv":
            return "\t"
        with _text(self.path) as file:
            header = file.readline()
        return max(",;\t", key=header.count)

    def _header(self, reader: Iterator[list[str]]) -> tuple[str, ...]:
        names = tuple(name.strip() for name in next(reader, []))
        twice = sorted({name for name in names if names.count(name) > 1})
        if not names or twice or "" in names:
            what = f"has the column {twice[0]!r} twice" if twice and twice[0] else "lacks a name in its header"
            raise DataError(f"{self.path.name!r} {what}", hint="Give every column a name of its own in the first line.")
        return names


class _JsonLines:
    """A file with a JSON object on every line; blank lines are passed over."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @cached_property
    def columns(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(key for _, row in self for key in row))

    @cached_property
    def count(self) -> int | None:
        with self.path.open("rb") as file:
            return sum(1 for line in file if line.strip())

    def __iter__(self) -> Iterator[tuple[int, Row]]:
        with _text(self.path) as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield number, self._row(number, line)

    def _row(self, number: int, line: str) -> Row:
        try:
            row = json.loads(line)
        except ValueError:  # its message may quote the line
            row = None
        if not isinstance(row, dict):
            raise DataError(
                f"line {number} of {self.path.name!r} is no JSON object",
                hint='Write one object a line: {"id": "1", "transcript": "..."}.',
            )
        return row


class _Parquet:
    """A Parquet file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = _read_parquet(path)

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(self._file.schema_arrow.names)

    @property
    def count(self) -> int | None:
        rows: int = self._file.metadata.num_rows
        return rows

    def __iter__(self) -> Iterator[tuple[int, Row]]:
        number = 0
        for batch in self._file.iter_batches(batch_size=ROW_GROUP):
            for row in batch.to_pylist():
                number += 1
                yield number, row


class _CsvSink:
    def __init__(self, file: IO[str], names: Sequence[str], path: Path) -> None:
        delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
        self._file = file
        self._writer = csv.DictWriter(file, names, restval="", extrasaction="ignore", delimiter=delimiter)
        self._writer.writeheader()

    def write(self, row: Row) -> None:
        self._writer.writerow({name: _cell(value) for name, value in row.items()})
        self._file.flush()


class _JsonSink:
    def __init__(self, file: IO[str], names: Sequence[str] | None) -> None:
        self._file = file
        self._names = names

    def write(self, row: Row) -> None:
        kept = row if self._names is None else {name: row.get(name) for name in self._names}
        self._file.write(json.dumps(kept, ensure_ascii=False, default=str) + "\n")
        self._file.flush()


class _ParquetSink:
    def __init__(self, writer: Any, schema: Any, kinds: Mapping[str, Kind]) -> None:
        self._writer = writer
        self._schema = schema
        self._kinds = kinds
        self._rows: list[dict[str, Any]] = []

    def write(self, row: Row) -> None:
        values = {name: row.get(name) for name in self._kinds}
        self._rows.append({n: _text_of(v) if self._kinds[n] == "text" else v for n, v in values.items()})
        if len(self._rows) == ROW_GROUP:
            self.flush()

    def flush(self) -> None:
        import pyarrow as pa  # noqa: PLC0415

        if self._rows:
            self._writer.write_table(pa.Table.from_pylist(self._rows, schema=self._schema))
            self._rows = []


@contextmanager
def _parquet_sink(path: Path, columns: Sequence[Column]) -> Iterator[Sink]:
    pa, parquet = _pyarrow()
    types = {"text": pa.string(), "boolean": pa.bool_(), "integer": pa.int64(), "number": pa.float64()}
    schema = pa.schema([(column.name, types[column.kind]) for column in columns])
    with parquet.ParquetWriter(path, schema) as writer:
        sink = _ParquetSink(writer, schema, {column.name: column.kind for column in columns})
        try:
            yield sink
        finally:
            sink.flush()


def _read_parquet(path: Path) -> Any:
    pa, parquet = _pyarrow()
    try:
        return parquet.ParquetFile(path)
    except pa.ArrowException:
        raise DataError(f"{path.name!r} is no Parquet file", hint="Check the file, or its suffix.") from None


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow as pa  # noqa: PLC0415
        from pyarrow import parquet  # noqa: PLC0415
    except ImportError:
        raise ExtraNotInstalled(
            "Parquet files need pyarrow", hint='Install it: pip install "clinextract[parquet]"'
        ) from None
    return pa, parquet


@contextmanager
def _text(path: Path) -> Iterator[IO[str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield file
    except UnicodeDecodeError:  # its message quotes bytes
        raise DataError(
            f"{path.name!r} is not UTF-8", hint="Save it as UTF-8; in Excel: CSV UTF-8 (comma delimited)."
        ) from None


def _cell(value: Any) -> str:
    """A value in a csv file: nothing for None, true and false as in JSON, lists and objects as JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _text_of(value: Any) -> str | None:
    return None if value is None else _cell(value)
