"""Tables on disk: what is written is read again, and what cannot be read is said without a cell's words."""

from __future__ import annotations

import json
import math
import sys
from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from clinextract.errors import DataError, ExtraNotInstalled
from clinextract.io import DEEPEST, Column, check_target, create_table, open_table, shown_name, shown_path

WORDS = "Zarathustra می‌خوابد"
SUFFIXES = [".csv", ".tsv", ".jsonl", ".ndjson", ".parquet"]
COLUMNS = [Column("id"), Column("transcript"), Column("pain", "boolean"), Column("p", "number"), Column("n", "integer")]


def written(path: Path, rows: list[dict[str, Any]]) -> Path:
    with create_table(path, COLUMNS) as sink:
        for row in rows:
            sink.write(row)
    return path


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=30)
records = st.fixed_dictionaries(
    {"id": texts, "transcript": texts, "pain": st.booleans() | st.none(), "p": st.floats(0, 1) | st.none(),
     "n": st.integers(-(2**60), 2**60) | st.none()}
)  # fmt: skip


@pytest.mark.parametrize("suffix", SUFFIXES)
@given(rows=st.lists(records, max_size=5))
@settings(max_examples=30)
def test_what_is_written_is_read_again(suffix: str, rows: list[dict[str, Any]], tmp_path_factory: Any) -> None:
    path = written(tmp_path_factory.mktemp("tables") / f"table{suffix}", rows)
    if not path.stat().st_size:
        return  # JSON Lines without rows
    table = open_table(path)
    found = [row for _, row in table]
    assert table.count == len(rows)
    if suffix in {".csv", ".tsv"}:
        assert [row["transcript"] for row in found] == [row["transcript"] for row in rows]
        spelled = {True: "true", False: "false", None: ""}
        assert [row["pain"] for row in found] == [spelled[row["pain"]] for row in rows]
        assert [float(row["p"]) if row["p"] else None for row in found] == [row["p"] for row in rows]
    else:
        assert found == rows
    if rows:
        assert set(table.columns) == {"id", "transcript", "pain", "p", "n"}


def test_a_parquet_file_of_several_groups_keeps_its_order(tmp_path: Path) -> None:
    rows = [{"id": str(n), "transcript": "x", "pain": None, "p": n / 2, "n": n} for n in range(2500)]
    path = written(tmp_path / "t.parquet", rows)
    assert [row["n"] for _, row in open_table(path)] == list(range(2500))


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_spreadsheets_of_any_country(delimiter: str, mark: bytes, tmp_path: Path) -> None:
    path = tmp_path / "sheet.csv"
    path.write_bytes(mark + f'id{delimiter}transcript\r\n1{delimiter}"{WORDS}{delimiter}\r\nیک"\r\n'.encode())
    table = open_table(path)
    assert table.columns == ("id", "transcript")
    assert list(table) == [(1, {"id": "1", "transcript": f"{WORDS}{delimiter}\r\nیک"})]


def test_a_csv_file_begins_with_a_mark_that_excel_reads(tmp_path: Path) -> None:
    assert written(tmp_path / "t.csv", []).read_bytes().startswith(b"\xef\xbb\xbfid,")
    assert written(tmp_path / "t.jsonl", [{"id": "1"}]).read_bytes() == b'{"id": "1"}\n'


def test_rows_are_read_one_by_one(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text(json.dumps({"id": "1"}) + "\nno JSON\n", encoding="utf-8")
    rows = iter(open_table(path))
    assert next(rows) == (1, {"id": "1"})
    with pytest.raises(DataError, match="line 2"):
        next(rows)


def interrupted(path: Path) -> None:
    with suppress(KeyboardInterrupt), create_table(path, COLUMNS) as sink:
        sink.write({"id": "1", "transcript": "x"})
        raise KeyboardInterrupt


def test_what_was_written_stays_when_writing_is_interrupted(tmp_path: Path) -> None:
    for suffix in SUFFIXES:
        path = tmp_path / f"t{suffix}"
        interrupted(path)
        assert [row["id"] for _, row in open_table(path)] == ["1"]


BAD = {
    "no such file": ("t.csv", None, "is not there"),
    "empty": ("t.csv", b"", "is empty"),
    "unknown suffix": ("t.xlsx", b"x", ".parquet"),
    "no suffix": ("table", b"x", ".parquet"),
    "not UTF-8": ("t.csv", "id,transcript\n1,é".encode("latin-1"), "byte 17, in line 2"),
    "not UTF-8 lines": ("t.jsonl", b'{"a": 1}\n{"a": "\xff"}\n', "byte 17, in line 2"),
    "UTF-16": ("t.csv", f"id,transcript\n1,{WORDS}\n".encode("utf-16"), "UTF-8"),
    "a column twice": ("t.csv", b"id,id\n1,2\n", "'id' twice"),
    "a column without a name": ("t.csv", b"id,\n1,2\n", "lacks a name"),
    "too many cells": ("t.csv", f"id,transcript\n1,{WORDS},more\n".encode(), "row 1"),
    "too few cells": ("t.csv", f"id,transcript\n1,x\n{WORDS}\n".encode(), "row 2"),
    "a quotation mark that is open": ("t.csv", f'id,transcript\n1,"{WORDS}\n'.encode(), "row 1"),
    "a header with letters behind a quotation mark": ("t.csv", f'"id"{WORDS},transcript\n1,x\n'.encode(), "header"),
    "a name that no file system takes": (f"{'x' * 300}.csv", None, "cannot be read"),
    "a line that is no object": ("t.jsonl", f'{{"a": 1}}\n\n["{WORDS}"]\n'.encode(), "line 3"),
    "a line that is no JSON": ("t.jsonl", f'{{"a": "{WORDS}\n'.encode(), "line 1"),
    "a line of lists without end": ("t.jsonl", f'{{"a": "{WORDS}", "b": {"[" * 100_000}'.encode(), "line 1"),
    "a line that is nested deeply": ("t.jsonl", f'{{"a": {"[" * 500}"{WORDS}"{"]" * 500}}}'.encode(), "line 1 of"),
    "a number without end": ("t.jsonl", b'{"a": ' + b"9" * 5000 + b"}", "line 1"),
    "no Parquet": ("t.parquet", WORDS.encode(), "no Parquet"),
}


@pytest.mark.parametrize(("name", "content", "words"), BAD.values(), ids=BAD)
def test_what_cannot_be_read_is_said_without_its_words(
    name: str, content: bytes | None, words: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        list(open_table(path))
    assert words in caught.value.message + caught.value.hint
    assert caught.value.hint
    assert "Zarathustra" not in caught.value.message


def test_a_folder_is_no_table(tmp_path: Path) -> None:
    (tmp_path / "t.csv").mkdir()
    with pytest.raises(DataError, match="is a folder"):
        open_table(tmp_path / "t.csv")
    with pytest.raises(DataError, match="is not there"), create_table(tmp_path / "no" / "t.csv", []):
        pass
    with pytest.raises(DataError, match="is a folder"), create_table(tmp_path / "t.csv", []):
        pass


@pytest.mark.parametrize("path", [f"{'x' * 300}.csv", f"{'x' * 300}/t.csv"])
def test_a_name_that_no_file_system_takes_is_no_target(path: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be written") as caught:
        check_target(tmp_path / path)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("header", [f'"id"{WORDS},transcript\n', f'id,"{WORDS}\n'])
def test_columns_are_read_as_strictly_as_rows(header: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(f"{header}1,x\n", encoding="utf-8")
    with pytest.raises(DataError, match="header") as caught:
        _ = open_table(tmp_path / "t.csv").columns
    assert "Zarathustra" not in caught.value.message
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_line_as_deep_as_may_be_is_written_again(suffix: str, tmp_path: Path) -> None:
    deep: list[Any] = []
    for _ in range(DEEPEST - 2):  # and the row itself
        deep = [deep]
    (tmp_path / "t.jsonl").write_text(json.dumps({"id": deep}) + "\n" + json.dumps({"id": [deep]}), encoding="utf-8")
    rows = iter(open_table(tmp_path / "t.jsonl"))
    written(tmp_path / f"again{suffix}", [dict(next(rows)[1])])
    with pytest.raises(DataError, match=f"line 2 of 't.jsonl' has more than {DEEPEST}"):
        next(rows)


def test_a_damaged_parquet_file(tmp_path: Path) -> None:
    whole = written(tmp_path / "t.parquet", [{"id": str(n), "transcript": WORDS * 50} for n in range(9)]).read_bytes()
    for damaged in (whole[:-9], whole[:20] + bytes(200) + whole[220:]):
        (tmp_path / "d.parquet").write_bytes(damaged)
        with pytest.raises(DataError, match="damaged") as caught:
            list(open_table(tmp_path / "d.parquet"))
        assert caught.value.__suppress_context__


def test_a_parquet_file_with_a_column_twice(tmp_path: Path) -> None:
    table = pa.Table.from_arrays([pa.array(["1"]), pa.array(["2"])], names=["id", "id"])
    parquet.write_table(table, tmp_path / "t.parquet")
    with pytest.raises(DataError, match="'id' twice"):
        open_table(tmp_path / "t.parquet")


def test_the_kinds_of_a_parquet_file_are_known(tmp_path: Path) -> None:
    assert open_table(written(tmp_path / "t.parquet", [])).kinds == {"pain": "boolean", "p": "number", "n": "integer"}
    assert open_table(written(tmp_path / "t.csv", [])).kinds == {}


def test_a_name_in_quotation_marks_does_not_choose_what_divides(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('id,"a;b;c;d"\n1,x\n', encoding="utf-8")
    assert open_table(path).columns == ("id", "a;b;c;d")


def test_what_utf8_cannot_hold_is_written_as_escapes(tmp_path: Path) -> None:
    row = {"id": "1", "transcript": f"{WORDS}\ud800"}
    for suffix in SUFFIXES:
        [(_, found)] = open_table(written(tmp_path / f"t{suffix}", [row]))
        same = suffix in {".jsonl", ".ndjson"}
        assert found["transcript"] == (row["transcript"] if same else f"{WORDS}\\ud800")


def test_a_name_that_utf8_cannot_hold_is_written_as_escapes(tmp_path: Path) -> None:
    columns, row = [Column("id"), Column("note\ud800")], {"id": "1", "note\ud800": WORDS}
    for suffix in SUFFIXES:
        with create_table(tmp_path / f"t{suffix}", columns) as sink:
            sink.write(row)
        [(_, found)] = open_table(tmp_path / f"t{suffix}")
        assert found == (row if suffix in {".jsonl", ".ndjson"} else {"id": "1", "note\\ud800": WORDS})
    same = [Column("note\ud800"), Column("note\\ud800")]
    with pytest.raises(DataError, match="twice"), create_table(tmp_path / "t.parquet", same):
        pass


def test_what_json_has_no_form_for(tmp_path: Path) -> None:
    row = {"id": datetime(2026, 1, 2), "transcript": b"\x00\xff", "p": math.nan, "n": [math.inf, Decimal("1.50")]}
    assert written(tmp_path / "t.jsonl", [row]).read_text(encoding="utf-8") == (
        '{"id": "2026-01-02 00:00:00", "transcript": "00ff", "p": null, "n": [null, "1.50"]}\n'
    )
    [(_, found)] = open_table(written(tmp_path / "t.csv", [row]))
    assert found == {"id": "2026-01-02 00:00:00", "transcript": "00ff", "pain": "", "p": "", "n": '[null, "1.50"]'}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a disk that is always full")
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_full_disk(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"t{suffix}"
    path.symlink_to("/dev/full")
    with pytest.raises(DataError, match="cannot be written") as caught:
        written(path, [{"id": "1", "transcript": WORDS}])
    assert "Zarathustra" not in str(caught.value)


def test_parquet_needs_pyarrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "t.parquet", [])
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    for act in (lambda: open_table(path), lambda: check_target(path)):
        with pytest.raises(ExtraNotInstalled) as caught:
            act()
        assert 'pip install "clinextract[parquet]"' in caught.value.hint


@pytest.mark.parametrize("name", ["id", "Patient's date of birth", "شرح تماس"])
def test_a_column_s_name_is_shown(name: str) -> None:
    assert shown_name(name) == name


@pytest.mark.parametrize("name", [f"her hip hurts {WORDS}", WORDS * 3])
def test_running_text_is_no_column_s_name(name: str) -> None:
    assert shown_name(name) == "(a longer name)"


def test_a_path_is_shown_where_it_cannot_be_a_transcript(tmp_path: Path) -> None:
    folder = tmp_path / "my calls"
    folder.mkdir()
    for path in (
        folder,
        folder / "march",
        tmp_path / "march",
        "calls/march.txt",
        "~/calls",
        "calls of march.csv",
        "\0",
        "x" * 300,
    ):
        assert shown_path(path) == str(path)
    for said in (WORDS, f"{WORDS}.", f"The pain is 3/10 {WORDS}", f"{WORDS} 3/10", folder / WORDS, WORDS * 100, "\0 a"):
        assert shown_path(said) == "(a name with blanks)"
