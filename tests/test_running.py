"""`run`: a row of results for every row of a table, in order, whatever becomes of it."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from clinextract import PalliativeCall, cli
from clinextract.errors import ColumnMissing, DataError
from clinextract.extractor import WINDOW, Extractor
from clinextract.io import Column, create_table, open_table
from clinextract.models.fake import FakeModel
from clinextract.running import Columns, run

SECRET = "Zarathustra"
ROWS = [
    {"id": "a", "transcript": "it hurts", "ward": "5"},
    {"id": "b", "transcript": "all fine, می‌خوابد", "ward": "6"},
    {"id": "c", "transcript": "", "ward": "5"},
    {"id": "d", "transcript": "it hurts", "ward": ""},
]
KINDS = ["csv", "jsonl", "parquet"]


@pytest.fixture
def extractor() -> Extractor[Any]:
    return Extractor(PalliativeCall, FakeModel(lambda text: {"pain": 0.9 if "hurts" in text else 0.4}))


def table(path: Path, rows: list[dict[str, Any]]) -> Path:
    with create_table(path, [Column(name) for name in rows[0]]) as sink:
        for row in rows:
            sink.write(row)
    return path


def read(path: Path) -> list[dict[str, Any]]:
    return [dict(row) for _, row in open_table(path)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("into", KINDS)
def test_every_kind_goes_into_every_kind(kind: str, into: str, extractor: Extractor[Any], tmp_path: Path) -> None:
    target = tmp_path / f"out.{into}"
    summary = run(extractor, table(tmp_path / f"in.{kind}", ROWS), target)
    assert (summary.rows, summary.failed, summary.errors, summary.review) == (4, 1, {"RecordInvalid": 1}, 1)
    rows = read(target)
    assert [row["id"] for row in rows] == ["a", "b", "c", "d"]
    assert [row["transcript"] or "" for row in rows] == [row["transcript"] for row in ROWS]
    assert [row["status"] for row in rows] == ["ok", "ok", "failed", "ok"]
    if into == "jsonl":
        assert [row["features"] and row["features"]["pain"] for row in rows] == [True, False, None, True]
        assert rows[1]["review"] == ["pain"]
        assert rows[2]["error"]["type"] == "RecordInvalid"
    else:
        yes, no, none = (True, False, None) if into == "parquet" else ("true", "false", "")
        assert [row["pain"] for row in rows] == [yes, no, none, yes]
        assert rows[1]["review"] == "pain"
        assert rows[2]["error_type"] == "RecordInvalid"
        assert float(rows[0]["pain_probability"]) == pytest.approx(0.9, abs=1e-4)
        assert json.loads(rows[0]["provenance"])["model"] == "fake"


def test_columns_with_names_of_the_results_give_way(extractor: Extractor[Any], tmp_path: Path) -> None:
    rows = [{"id": "a", "transcript": "it hurts", "pain": "no", "input_pain": "x", "status": "new"}]
    source = table(tmp_path / "in.csv", rows)
    summary = run(extractor, source, tmp_path / "out.csv")
    assert summary.renamed == {"pain": "input_input_pain", "status": "input_status"}
    [row] = read(tmp_path / "out.csv")
    assert (row["pain"], row["input_input_pain"], row["input_pain"]) == ("true", "no", "x")
    # In JSON Lines the features have a place of their own.
    assert run(extractor, source, tmp_path / "out.jsonl").renamed == {"status": "input_status"}
    assert read(tmp_path / "out.jsonl")[0]["pain"] == "no"


def test_ids_are_the_column_s_or_the_row_s_number(extractor: Extractor[Any], tmp_path: Path) -> None:
    source = table(tmp_path / "in.csv", [{"words": "it hurts", "call": "x"}, {"words": "fine", "call": "x"}])
    run(extractor, source, tmp_path / "1.jsonl", Columns(text="words"))
    assert [row["id"] for row in read(tmp_path / "1.jsonl")] == ["1", "2"]
    summary = run(extractor, source, tmp_path / "2.jsonl", Columns(text="words", id="call"), keep_text=False)
    assert summary.repeated_ids == 1
    assert [(row["id"], row["call"], "words" in row) for row in read(tmp_path / "2.jsonl")] == [("x", "x", False)] * 2


def test_a_language_column_is_believed(extractor: Extractor[Any], tmp_path: Path) -> None:
    source = table(tmp_path / "in.csv", [{"transcript": "it hurts", "lang": "FA"}, {"transcript": "fine", "lang": ""}])
    run(extractor, source, tmp_path / "o.jsonl", Columns(language="lang"))
    assert [row["provenance"]["language"] for row in read(tmp_path / "o.jsonl")] == ["fa", "en"]


def test_rows_are_read_as_they_are_needed(tmp_path: Path) -> None:
    done: list[str] = []
    ahead: list[int] = []

    def told(text: str) -> dict[str, Any]:
        ahead.append(int(text) - len(done))
        return {}

    source = table(tmp_path / "in.jsonl", [{"id": str(n), "transcript": str(n)} for n in range(400)])
    run(Extractor(PalliativeCall, FakeModel(told)), source, tmp_path / "o.jsonl", batch_size=2,
        on_result=lambda result: done.append(result.id))  # fmt: skip
    assert done == [str(n) for n in range(400)]
    assert max(ahead) <= 2 * WINDOW


def test_results_are_on_disk_before_the_next_are_made(tmp_path: Path) -> None:
    target = tmp_path / "o.jsonl"
    source = table(tmp_path / "in.jsonl", [{"id": str(n), "transcript": "x"} for n in range(50)])

    def stop(result: Any) -> None:
        if result.id == "20":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(Extractor(PalliativeCall, FakeModel()), source, target, on_result=stop)
    assert [row["id"] for row in read(target)] == [str(n) for n in range(21)]


@pytest.mark.parametrize(
    ("where", "words"),
    [(Columns(text="words"), "'words'"), (Columns(id="call"), "'call'"), (Columns(language="lang"), "'lang'")],
)
def test_a_column_that_is_not_there_is_named(
    where: Columns, words: str, extractor: Extractor[Any], tmp_path: Path
) -> None:
    with pytest.raises(ColumnMissing, match=words) as caught:
        run(extractor, table(tmp_path / "in.csv", ROWS), tmp_path / "o.csv", where)
    assert "it has: id, transcript, ward" in caught.value.message


def test_files_are_not_written_over(extractor: Extractor[Any], tmp_path: Path) -> None:
    source = table(tmp_path / "in.csv", ROWS)
    for target in (source, table(tmp_path / "o.csv", ROWS)):
        with pytest.raises(DataError):
            run(extractor, source, target)
    with pytest.raises(DataError, match="the output is the input"):
        run(extractor, source, source, overwrite=True)
    assert run(extractor, source, tmp_path / "o.csv", overwrite=True).rows == 4


class TestCommand:
    """The same through the command line."""

    def run(self, *arguments: object, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
        code = cli.main(["run", *map(str, arguments)])
        captured = capsys.readouterr()
        assert SECRET not in captured.out + captured.err
        return code, captured.out + captured.err

    def test_a_run_says_what_it_came_to(
        self, tiny_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        source = table(
            tmp_path / "in.csv", [{"id": "1", "transcript": SECRET, "pain": "x"}, {"id": "1", "transcript": "a"}]
        )
        code, said = self.run(source, tmp_path / "o.csv", "--model", tiny_folder, capsys=capsys)
        assert code == 0
        assert "2 rows in" in said
        assert "pain is now input_pain" in said
        assert "1 row with an id that had come before" in said
        with (tmp_path / "o.csv").open(encoding="utf-8-sig", newline="") as file:
            assert [row["transcript"] for row in csv.DictReader(file)] == [SECRET, "a"]

    def test_failures_make_the_exit_code(
        self, tiny_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        source = table(tmp_path / "in.csv", [{"transcript": SECRET}, {"transcript": " "}])
        code, said = self.run(source, tmp_path / "o.jsonl", "--model", tiny_folder, "--without-text", capsys=capsys)
        assert code == 1
        assert "RecordInvalid: 1" in said
        assert SECRET not in (tmp_path / "o.jsonl").read_text(encoding="utf-8")

    def test_the_user_s_mistakes(self, tiny_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        source = table(tmp_path / "in.csv", [{"words": SECRET}])
        for arguments, words in (
            ([source, tmp_path / "o.csv"], "--text"),
            ([source, tmp_path / "o.xlsx", "--text", "words"], ".parquet"),
            ([tmp_path / "no.csv", tmp_path / "o.csv"], "is not there"),
            ([source, source, "--text", "words"], "the output is the input"),
            ([source, tmp_path / "o.csv", "--text", "words", "--batch-size", "0"], "--batch-size"),
        ):
            code, said = self.run(*arguments, "--model", tiny_folder, capsys=capsys)
            assert code == 2
            assert words in said
