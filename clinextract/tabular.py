"""What tables of every kind have in common: columns, how a value is written in a cell, and what is said of a file."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from clinextract.errors import DataError

Row = Mapping[str, Any]
Kind = Literal["text", "boolean", "integer", "number"]

ESCAPED = "backslashreplace"
"""How lone surrogates, which UTF-8 does not have, are written: of JSON it is the same text."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table that is written; only Parquet keeps the kind."""

    name: str
    kind: Kind = "text"


def shown_name(name: str) -> str:
    """A column's name for a message. Of a file without a header it is a cell, and so running text is not shown."""
    return name if len(name) <= 40 and len(name.split()) <= 4 else "(a longer name)"


def distinct(names: tuple[str, ...], path: Path) -> tuple[str, ...]:
    """The names of a file's columns, as they are.

    Raises:
        DataError: One is there twice.
    """
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise DataError(
            f"{path.name!r} has the column {shown_name(twice[0])!r} twice", hint="Give every column a name of its own."
        )
    return names


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """What the system says while a file is written, as an error of ours.

    Raises:
        DataError: The file cannot be written.
    """
    try:
        yield
    except OSError as error:
        raise DataError(
            f"the file {str(path)!r} cannot be written: {error.strerror or type(error).__name__}",
            hint="Check the folder, who may write to it, and the room on the disk.",
        ) from None


def cell(value: Any) -> str:
    """A value in a csv file: nothing for None and for what is no number, and JSON for all but texts."""
    value = finite(value)
    if value is None:
        return ""
    if isinstance(value, bool | int | float | Mapping | list):
        return json.dumps(value, ensure_ascii=False, default=spelled)
    return value if isinstance(value, str) else spelled(value)


def finite(value: Any) -> Any:
    """A value without NaN and infinities, which JSON does not have: where a number is missing, tables have NaN."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {name: finite(one) for name, one in value.items()}
    return [finite(one) for one in value] if isinstance(value, list) else value


def spelled(value: Any) -> str:
    """What neither JSON nor csv has a form for: bytes as hexadecimal digits; dates and decimals as they are read."""
    return value.hex() if isinstance(value, bytes) else str(value)
