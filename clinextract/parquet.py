"""Parquet files, by pyarrow, which is loaded when the first one is opened."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from clinextract.errors import DataError, ExtraNotInstalled
from clinextract.tabular import ESCAPED, Column, Kind, Row, cell, distinct, finite, writing

ROW_GROUP = 1024
"""Rows that are written, and read, at once."""


class ParquetTable:
    """A Parquet file that is read.

    Raises:
        DataError: It is none, or has a column twice.
        ExtraNotInstalled: There is no pyarrow.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with _reading(path):
            self._file = pyarrow_modules()[1].ParquetFile(path)
        self.columns = distinct(tuple(self._file.schema_arrow.names), path)

    @property
    def kinds(self) -> Mapping[str, Kind]:
        """Kinds of the columns that hold something else than text."""
        known: list[tuple[str, Kind | None]] = [(one.name, _kind_of(one.type)) for one in self._file.schema_arrow]
        return {name: kind for name, kind in known if kind is not None}

    @property
    def count(self) -> int:
        """Number of rows, which the file itself says."""
        rows: int = self._file.metadata.num_rows
        return rows

    def __iter__(self) -> Iterator[tuple[int, Row]]:
        number = 0
        with _reading(self.path):
            for batch in self._file.iter_batches(batch_size=ROW_GROUP):
                for row in batch.to_pylist():
                    number += 1
                    yield number, row


class _Sink:
    def __init__(self, writer: Any, schema: Any, columns: Sequence[Column], path: Path) -> None:
        self._writer = writer
        self._schema = schema
        self._columns = columns
        self._path = path
        self._rows: list[dict[str, Any]] = []

    def write(self, row: Row) -> None:
        """Append a row."""
        values = [(column.kind, row.get(column.name)) for column in self._columns]
        cells = [_text_of(value) if kind == "text" else value for kind, value in values]
        self._rows.append(dict(zip(self._schema.names, cells, strict=True)))
        if len(self._rows) == ROW_GROUP:
            self.flush()

    def flush(self) -> None:
        """Write the rows that wait."""
        pa, _ = pyarrow_modules()
        rows, self._rows = self._rows, []
        if rows:
            with writing(self._path):
                self._writer.write_table(pa.Table.from_pylist(rows, schema=self._schema))


@contextmanager
def parquet_sink(path: Path, columns: Sequence[Column]) -> Iterator[_Sink]:
    """A Parquet file to write; its last group and its end are written however the block ends.

    Raises:
        DataError: Two columns have one name, or the file cannot be written.
    """
    pa, parquet = pyarrow_modules()
    types = {"text": pa.string(), "boolean": pa.bool_(), "integer": pa.int64(), "number": pa.float64()}
    names = distinct(tuple(_utf8(column.name) for column in columns), path)
    schema = pa.schema([(name, types[column.kind]) for name, column in zip(names, columns, strict=True)])
    with writing(path):
        writer = parquet.ParquetWriter(path, schema)
    sink = _Sink(writer, schema, columns, path)
    try:
        yield sink
    finally:
        with writing(path), writer:
            sink.flush()


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    pa, _ = pyarrow_modules()
    try:
        yield
    except (pa.ArrowException, OSError):
        raise DataError(
            f"{path.name!r} is no Parquet file, or is damaged", hint="Check the file, or its suffix."
        ) from None


def _kind_of(arrow: Any) -> Kind | None:
    """The kind of a column of Parquet, where it is one that can be written again without loss."""
    types = pyarrow_modules()[0].types
    if types.is_boolean(arrow):
        return "boolean"
    if types.is_integer(arrow) and not types.is_uint64(arrow):
        return "integer"
    return "number" if types.is_floating(arrow) else None


def pyarrow_modules() -> tuple[Any, Any]:
    """`pyarrow` and `pyarrow.parquet`.

    Raises:
        ExtraNotInstalled: There is no pyarrow.
    """
    try:
        import pyarrow as pa  # noqa: PLC0415
        from pyarrow import parquet  # noqa: PLC0415
    except ImportError:
        raise ExtraNotInstalled(
            "Parquet files need pyarrow", hint='Install it: pip install "clinextract[parquet]"'
        ) from None
    return pa, parquet


def _text_of(value: Any) -> str | None:
    """A value in a column of texts."""
    return None if finite(value) is None else _utf8(cell(value))


def _utf8(text: str) -> str:
    """A text of Parquet, which has to be UTF-8."""
    return text.encode("utf-8", ESCAPED).decode()
