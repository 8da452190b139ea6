"""What tables of every kind have in common: columns, how a value is written in a cell, and what is said of a file."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from clinextract.errors import DataError

Row = Mapping[str, Any]
Kind = Literal["text", "boolean", "integer", "number"]

ESCAPED = "backslashreplace"
"""How lone surrogates, which UTF-8 does not have, are written: of JSON it is the same text."""

_OURS = re.compile(r".*\.(csv|tsv|jsonl|ndjson|parquet|json|ya?ml)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table that is written; only Parquet keeps the kind."""

    name: str
    kind: Kind = "text"


def shown_name(name: str) -> str:
    """A column's name for a message. Of a file without a header it is a cell, and so running text is not shown."""
    return name if len(name) <= 40 and len(name.split()) <= 4 else "(a longer name)"


def may_be_text(given: str | Path) -> bool:
    """Whether what was given as a name may be a transcript in the wrong place: where there are blanks in it.

    It is a name all the same if it ends as our files do, if something of that name is there, or if the folder is there
    that it would lie in by a name of one word.
    """
    path = Path(given)
    if len(str(given).split()) <= 1 or _OURS.fullmatch(str(given)):
        return False
    return not os.path.lexists(path if len(path.name.split()) > 1 else path.parent)


def shown_path(path: str | Path) -> str:
    """A file's or a folder's name for a message, without what may be a transcript."""
    return "(a name with blanks)" if may_be_text(path) else str(path)


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


def reading(path: Path) -> AbstractContextManager[None]:
    """What the system says while a file is read, as an error of ours.

    Raises:
        DataError: The file cannot be read.
    """
    return _told(path, "read", "Check the file, and who may read it.")


def writing(path: Path) -> AbstractContextManager[None]:
    """What the system says while a file is written, as an error of ours.

    Raises:
        DataError: The file cannot be written.
    """
    return _told(path, "written", "Check the folder, who may write to it, and the room on the disk.")


@contextmanager
def _told(path: Path, done: str, hint: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise DataError(f"the file {str(path)!r} cannot be {done}: {why}", hint=hint) from None


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
