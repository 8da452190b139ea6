"""Rows of a table as yes, no, empty or neither, before anything is made of them.

What is neither is named by its place, never by its value: it may be a patient's words.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinextract.errors import ColumnMissing, DataError, RecordInvalid
from clinextract.io import open_table, shown_name

Codes = NDArray[np.int8]
YES, NO, BLANK, OTHER, NUMBER = 1, 0, -1, -2, -3
"""What a cell says; OTHER is a word that is neither yes nor no, NUMBER a number that is not 1 or 0."""

_YES = frozenset("true yes y 1 1.0 t present positive + بله آری دارد مثبت ۱".split())
_NO = frozenset("false no n 0 0.0 f absent negative - − خیر نه ندارد منفی ۰".split())
SPELLINGS = "true/false, yes/no, y/n, t/f, 1/0, +/-, present/absent, positive/negative, بله/خیر, دارد/ندارد, مثبت/منفی"
"""The labels that are read, in any case, for hints."""
_ARABIC = str.maketrans({"ي": "ی", "ى": "ی", "ك": "ک", "\u200c": "", "\ufeff": ""})
_LONGEST = 20
"""Most characters of a label."""
_SHORT = 60
"""Most characters of a value of another column; what is longer is running text."""
LISTED = 10
"""Ids, rows or values that one message lists."""


def code_of(value: Any) -> int:
    """What one cell says: YES, NO, BLANK, OTHER or NUMBER."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return BLANK
    if isinstance(value, bool | int | float):
        return YES if value == 1 else NO if value == 0 else NUMBER
    if not isinstance(value, str) or len(value) > _LONGEST:
        return OTHER
    word = value.translate(_ARABIC).strip().casefold()
    if not word:
        return BLANK
    if word in _YES:
        return YES
    if word in _NO:
        return NO
    try:
        float(word)
    except ValueError:
        return OTHER
    return NUMBER


@dataclass(slots=True)
class Cells:
    """The rows of one file.

    Attributes:
        name: The file's name.
        numbers: Of the rows in the file.
        ids: Of the transcripts.
        codes: By row, what is said of each name.
        silent: By row, the code of a name that the row does not mention: BLANK, or NO where it lists all that is yes.
        nested: By row, whether the names stand in a value of their own and not among the file's other columns.
    """

    name: str
    numbers: list[int] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    codes: list[Mapping[str, int]] = field(default_factory=list)
    silent: list[int] = field(default_factory=list)
    nested: list[bool] = field(default_factory=list)

    def add(
        self, number: int, key: Any, codes: Mapping[str, int], silent: int = BLANK, *, nested: bool = False
    ) -> None:
        """Take a row. A blank id is refused.

        Raises:
            RecordInvalid: The row has no id.
        """
        written = str(int(key)) if isinstance(key, float) and key.is_integer() else str(key).strip()
        if key is None or not written or (isinstance(key, float) and math.isnan(key)):
            raise RecordInvalid(
                f"row {number} of {self.name} has no id", hint="Every row needs the id of its transcript."
            )
        self.numbers.append(number)
        self.ids.append(written)
        self.codes.append(codes)
        self.silent.append(silent)
        self.nested.append(nested)

    def check(self) -> None:
        """Refuse a file without rows, and one with an id that is there twice.

        Where some rows have their names in a value of their own, a row without it says nothing.

        Raises:
            DataError: It is such a file.
        """
        if not self.ids:
            raise DataError(f"{self.name} has no rows", hint="Give a file with one row for each transcript.")
        twice = [key for key, count in Counter(self.ids).items() if count > 1]
        if twice:
            raise RecordInvalid(
                f"{self.name} has {counted(len(twice), 'id')} more than once: {self.shown(twice)}",
                hint="Every transcript needs one row with an id of its own.",
            )
        if any(self.nested):
            self.codes = [row if nested else {} for row, nested in zip(self.codes, self.nested, strict=True)]

    def shown(self, ids: Sequence[str]) -> str:
        """The first ids of some, for a message; what may be running text is shown as the number of its row."""
        return listed([_short(one) or f"the one in row {self.numbers[self.ids.index(one)]}" for one in ids])

    @property
    def names(self) -> tuple[str, ...]:
        """All names that a row mentions, in their order."""
        return tuple(dict.fromkeys(name for row in self.codes for name in row))

    def yes_or_no(self, names: Iterable[str]) -> tuple[list[str], list[str]]:
        """Those names that are yes/no throughout, or mostly; and those that are not.

        A number other than 1 and 0 makes a column one of numbers. Where at least half of what is said is yes or no,
        the rest are mistakes, to be listed and not to be passed over.
        """
        kept, others = [], []
        for name in names:
            said = Counter(row[name] for row in self.codes if name in row)
            read, unread = said[YES] + said[NO], said[OTHER]
            if not said[NUMBER] and read >= max(unread, 1):
                kept.append(name)
            else:
                others.append(name)
        return kept, others

    def array(self, names: Sequence[str]) -> Codes:
        """The codes of some names, (rows, names)."""
        return np.array(
            [[row.get(name, silent) for name in names] for row, silent in zip(self.codes, self.silent, strict=True)],
            dtype=np.int8,
        ).reshape(len(self.ids), len(names))

    def refuse(self, codes: Codes, names: Sequence[str], *, blanks: bool) -> None:
        """Refuse what is neither yes nor no, the first ten by row and column.

        Args:
            codes: Of `names`.
            names: The columns.
            blanks: Whether empty cells are refused as well.

        Raises:
            RecordInvalid: There is such a cell.
        """
        faults = np.argwhere((codes < BLANK) | ((codes == BLANK) & blanks))
        if not len(faults):
            return
        empty = {(row, column) for row, column in faults if codes[row, column] == BLANK}
        places = [
            f"row {self.numbers[row]}, column {names[column]}" + (" (empty)" if (row, column) in empty else "")
            for row, column in faults
        ]
        hints = [f"Labels are read from {SPELLINGS}."] if len(empty) < len(faults) else []
        if empty:
            hints.append("Say what an empty label means: --blank no, or --blank unlabelled.")
        raise RecordInvalid(
            f"{counted(len(faults), 'label')} of {self.name} cannot be read as yes or no: {listed(places)}",
            hint=" ".join(hints),
        )


@dataclass(slots=True)
class Columns:
    """The columns of a file that hold one short value a row, as text.

    Running text, lists and what is nested are left out: nobody divides transcripts by them, and they may be a
    patient's words.
    """

    _rows: list[dict[str, str]] = field(default_factory=list)
    _unfit: set[str] = field(default_factory=set)

    def add(self, row: Mapping[str, Any]) -> None:
        """Take a row."""
        kept = {}
        for name, value in row.items():
            text = "" if value is None else str(value).strip()
            if isinstance(value, Mapping | list | tuple) or len(text) > _SHORT:
                self._unfit.add(name)
            else:
                kept[name] = text
        self._rows.append(kept)

    def texts(self, without: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """The values by column, empty where a row has none."""
        names = dict.fromkeys(name for row in self._rows for name in row)
        left_out = self._unfit | set(without)
        return {name: tuple(row.get(name, "") for row in self._rows) for name in names if name not in left_out}


_PROVENANCE = "model model_hash prompt_hash schema_hash order decoding calibration language".split()


@dataclass(slots=True)
class Facts:
    """What rows of predictions hold beside the answers.

    Attributes:
        failed: By row, whether it is a failure.
        fields: Names of the fields of the schema, as far as the rows tell them from other columns.
        provenance: By key, the values that rows hold.
    """

    failed: list[bool] = field(default_factory=list)
    fields: dict[str, None] = field(default_factory=dict)
    provenance: dict[str, set[str]] = field(default_factory=dict)
    _probabilities: list[Mapping[str, Any]] = field(default_factory=list)

    def add(self, row: Mapping[str, Any], answers: Mapping[str, Any], *, failed: bool) -> None:
        """Take a row and its answers."""
        self.failed.append(failed)
        nested = row.get("probabilities")
        if isinstance(nested, Mapping):
            found = nested
        else:
            found = {name: row[f"{name}_probability"] for name in answers if f"{name}_probability" in row}
        self._probabilities.append(found)
        self.fields |= dict.fromkeys(answers if isinstance(row.get("features"), Mapping) else found)
        provenance = parsed(row.get("provenance"))
        for key in _PROVENANCE if isinstance(provenance, Mapping) else ():
            if isinstance(value := provenance.get(key), str):
                self.provenance.setdefault(key, set()).add(value)

    def probabilities(self, names: Sequence[str], cells: Cells) -> NDArray[np.float64]:
        """P(present), (rows, names); nan where there is none.

        Raises:
            RecordInvalid: One is no number from 0 to 1.
        """
        numbers = [[_probability(row.get(name)) for name in names] for row in self._probabilities]
        array = np.array(numbers, dtype=np.float64).reshape(len(self.failed), len(names))
        faults = np.argwhere((array < 0) | (array > 1))
        if len(faults):
            places = [f"row {cells.numbers[row]}, column {names[column]}" for row, column in faults]
            raise RecordInvalid(
                f"{counted(len(faults), 'probability')} of {cells.name} cannot be read: {listed(places)}",
                hint="A probability is a number from 0 to 1, or empty.",
            )
        return array


def _probability(value: Any) -> float:
    """A probability; nan where there is none, and -1 where it is no number."""
    if value is None or value == "":
        return math.nan
    try:
        return float(value)
    except (TypeError, ValueError):
        return -1.0


def parsed(value: Any) -> Any:
    """A value, or what its text holds where that is a JSON object or list: a table has no other way to hold one."""
    if isinstance(value, str) and value[:1] in {"{", "["}:
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def rows(path: str | Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The rows of a csv, jsonl or parquet file with their numbers."""
    yield from open_table(path)


def id_of(row: Mapping[str, Any], column: str, name: str) -> Any:
    """The id in a row.

    Raises:
        ColumnMissing: The row has no such column.
    """
    if column not in row:
        raise ColumnMissing(
            f"{name} has no column {column!r}; it has: {columns_of(row)}",
            hint="Name the column of the ids with --id.",
        )
    return row[column]


def columns_of(names: Iterable[str]) -> str:
    """Names of columns for a message, none of which is running text."""
    return listed([shown_name(str(name)) for name in names])


def ids_of(ids: Sequence[str]) -> str:
    """The first ids of some, for a message; what may be running text is not shown."""
    return listed([_short(one) or "(one with blanks)" for one in ids])


def _short(text: str) -> str:
    """An id that may be shown, since it is no running text; else nothing."""
    return text if len(text) <= 64 and not any(letter.isspace() for letter in text) else ""


def listed(items: Sequence[str]) -> str:
    """The first ten of some, and how many there are beside."""
    more = f" and {len(items) - LISTED} more" if len(items) > LISTED else ""
    return ("; " if any("," in one for one in items) else ", ").join(items[:LISTED]) + more


def counted(number: int, noun: str) -> str:
    """A number with its noun."""
    return f"{number} {noun if number == 1 else noun.removesuffix('y') + 'ies' if noun.endswith('y') else noun + 's'}"
