"""Tables on disk: csv, JSON Lines and Parquet, read and written by their suffix, a row at a time.

Nothing that is said about a file quotes what stands in a cell. A csv file is written with a byte-order mark, without
which Excel reads Persian as something else, and every cell is written as it is: one that begins with "=" is no formula
to us, and changing it would change a patient's words. Lone surrogates, which UTF-8 does not have, are written as
escapes: of JSON that is the same text, and elsewhere better than no row.
"""

from __future__ import annotations

import csv
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any, Protocol

from clinextract.errors import DataError
from clinextract.parquet import ParquetTable, parquet_sink, pyarrow_modules
from clinextract.tabular import (
    ESCAPED,
    Column,
    Kind,
    Row,
    cell,
    distinct,
    finite,
    reading,
    shown_name,
    shown_path,
    spelled,
    writing,
)

__all__ = [
    "Column",
    "Kind",
    "Row",
    "Sink",
    "Table",
    "check_target",
    "create_table",
    "is_nested",
    "open_table",
    "shown_name",
    "shown_path",
]

SUFFIXES = {".csv": "csv", ".tsv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}
DEEPEST = 100
"""Lists and objects within each other, beyond which a line of JSON Lines is not read."""
_TEXTS: Mapping[str, Kind] = MappingProxyType({})


class Table(Protocol):
    """A table that is read."""

    path: Path

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns; of JSON Lines the keys of all rows, for which the file is read through once."""

    @property
    def kinds(self) -> Mapping[str, Kind]:
        """Kinds of the columns that the file itself says to hold something else than text: only Parquet does."""

    @property
    def count(self) -> int:
        """Number of rows; of csv and JSON Lines the file is read through once for it."""

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
        DataError: There is no such file, it is a folder or empty, or its suffix is another. While it is read: it may
            not be read or is not UTF-8, a column is there twice or has no name, a line is no JSON object or nested too
            deeply, or a row of a csv file has more or fewer cells than the header.
        ExtraNotInstalled: Parquet needs pyarrow.
    """
    path = Path(path)
    kind = _kind(path)
    with reading(path):  # a name that no file system takes, or a folder that may not be looked into
        if not path.is_file():
            fault = "is a folder" if path.is_dir() else "is not there"
            raise DataError(f"the file {str(path)!r} {fault}", hint="Check the name.")
        if not path.stat().st_size:
            raise DataError(f"the file {str(path)!r} is empty", hint="Give a table with a header and rows.")
    readers: dict[str, type[_Csv | _JsonLines | ParquetTable]] = {
        "csv": _Csv,
        "jsonl": _JsonLines,
        "parquet": ParquetTable,
    }
    return readers[kind](path)


@contextmanager
def create_table(path: str | Path, columns: Sequence[Column]) -> Iterator[Sink]:
    """A table to write, row by row; what has been written stays if the writing is interrupted.

    A row of csv or JSON Lines is in the file when `write` returns. Rows of Parquet are written in groups of 1024, and
    the file can be read once the table is closed, as it also is by an exception.

    Args:
        path: As for `open_table`. A file that is there is replaced.
        columns: In order. JSON Lines has no columns of its own: there a row is written with all that it has.

    Raises:
        DataError: As `check_target`, or the file cannot be written.
        ExtraNotInstalled: Parquet needs pyarrow.
    """
    path = Path(path)
    check_target(path)
    kind = _kind(path)
    if kind == "parquet":
        with parquet_sink(path, columns) as sink:
            yield sink
        return
    with writing(path):
        # closed below, where an error of the closing is told as one of the writing
        file = path.open("w", encoding="utf-8-sig" if kind == "csv" else "utf-8", errors=ESCAPED, newline="")
    try:
        yield _CsvSink(file, [column.name for column in columns], path) if kind == "csv" else _JsonSink(file, path)
    finally:
        with writing(path):
            file.close()


def check_target(path: str | Path) -> None:
    """Refuse a file that could not be written, before anything is done for it.

    Raises:
        DataError: The suffix is another, the folder is not there or may not be looked into, or a folder has this name.
        ExtraNotInstalled: Parquet needs pyarrow.
    """
    path = Path(path)
    if _kind(path) == "parquet":
        pyarrow_modules()
    with writing(path):
        if path.is_dir():
            raise DataError(f"{str(path)!r} is a folder", hint="Name a file in it.")
        if not path.parent.is_dir():
            raise DataError(f"the folder {str(path.parent)!r} is not there", hint="Make it first.")


def is_nested(path: str | Path) -> bool:
    """Whether a file's rows may hold rows: of JSON Lines they may."""
    return _kind(Path(path)) == "jsonl"


def _kind(path: Path) -> str:
    kind = SUFFIXES.get(path.suffix.lower())
    if kind is None:
        raise DataError(
            f"{shown_path(path)!r} is of no kind that can be read or written here",
            hint=f"Use one of the suffixes {', '.join(SUFFIXES)}.",
        )
    return kind


class _Csv:
    """A csv file; commas, semicolons or tabs divide its cells, whichever its header has most of."""

    kinds = _TEXTS

    def __init__(self, path: Path) -> None:
        self.path = path
        csv.field_size_limit(min(sys.maxsize, 2**31 - 1))  # a transcript may be longer than the module's 128 kB

    @cached_property
    def columns(self) -> tuple[str, ...]:
        with _text(self.path) as file:
            return self._header(self._cells(file))

    @cached_property
    def count(self) -> int:
        return sum(1 for _ in self)

    def __iter__(self) -> Iterator[tuple[int, Row]]:
        with _text(self.path) as file:
            reader = self._cells(file)
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
            header = re.sub(r'"[^"]*"', "", file.readline())
        return max(",;\t", key=header.count)

    def _cells(self, file: IO[str]) -> Iterator[list[str]]:
        return csv.reader(file, delimiter=self._delimiter, strict=True)

    def _header(self, reader: Iterator[list[str]]) -> tuple[str, ...]:
        try:
            names = tuple(name.strip() for name in next(reader, []))
        except csv.Error:  # its message may quote the cell
            raise DataError(
                f"the header of {self.path.name!r} cannot be read as csv",
                hint="Put quotation marks around the whole of a name, or leave them out.",
            ) from None
        if not names or "" in names:
            raise DataError(
                f"{self.path.name!r} lacks a name in its header",
                hint="Give every column a name of its own in the first line.",
            )
        return distinct(names, self.path)


class _JsonLines:
    """A file with a JSON object on every line; blank lines are passed over."""

    kinds = _TEXTS

    def __init__(self, path: Path) -> None:
        self.path = path

    @cached_property
    def columns(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(key for _, row in self for key in row))

    @cached_property
    def count(self) -> int:
        with _text(self.path) as file:
            return sum(1 for line in file if line.strip())

    def __iter__(self) -> Iterator[tuple[int, Row]]:
        with _text(self.path) as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield number, self._row(number, line)

    def _row(self, number: int, line: str) -> Row:
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):  # a message may quote the line; lists within lists are no end of them
            row = None
        if not isinstance(row, dict):
            raise DataError(
                f"line {number} of {self.path.name!r} is no JSON object",
                hint='Write one object a line: {"id": "1", "transcript": "..."}.',
            )
        if _deep(row):  # what is kept of it could not be written again
            raise DataError(
                f"line {number} of {self.path.name!r} has more than {DEEPEST} lists or objects within each other",
                hint="Leave the column out that has them.",
            )
        return row


class _CsvSink:
    def __init__(self, file: IO[str], names: Sequence[str], path: Path) -> None:
        delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
        self._file = file
        self._path = path
        self._writer = csv.DictWriter(file, names, restval="", extrasaction="ignore", delimiter=delimiter)
        with writing(path):
            self._writer.writeheader()

    def write(self, row: Row) -> None:
        with writing(self._path):
            self._writer.writerow({name: cell(value) for name, value in row.items()})
            self._file.flush()


class _JsonSink:
    def __init__(self, file: IO[str], path: Path) -> None:
        self._file = file
        self._path = path

    def write(self, row: Row) -> None:
        with writing(self._path):
            self._file.write(json.dumps(finite(row), ensure_ascii=False, default=spelled) + "\n")
            self._file.flush()


def _deep(row: Row) -> bool:
    """Whether there are more than `DEEPEST` lists and objects within each other."""
    level: list[Any] = [row]
    for _ in range(DEEPEST):
        parts = [part for one in level for part in (one.values() if isinstance(one, dict) else one)]
        level = [part for part in parts if isinstance(part, dict | list)]
    return bool(level)


@contextmanager
def _text(path: Path) -> Iterator[IO[str]]:
    try:
        with reading(path), path.open(encoding="utf-8-sig", newline="") as file:
            yield file
    except UnicodeDecodeError:  # its message quotes bytes, and counts them from somewhere in the file
        raise DataError(
            f"{path.name!r} is not UTF-8{_undecodable(path)}",
            hint="Save it as UTF-8; in Excel: CSV UTF-8 (comma delimited).",
        ) from None


def _undecodable(path: Path) -> str:
    """Where a file is not UTF-8."""
    before = 0
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode()
            except UnicodeDecodeError as error:
                return f": byte {before + error.start + 1}, in line {number}, cannot be read"
            before += len(line)
    return ""
