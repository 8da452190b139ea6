"""`run`: a row of results for every row of a table, in order, whatever becomes of it."""

from __future__ import annotations

import csv
import json
import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from clinextract import PalliativeCall, cli
from clinextract.errors import ColumnMissing, DataError, SchemaError
from clinextract.extractor import WINDOW, Extractor
from clinextract.io import Column, create_table, open_table
from clinextract.models.fake import FakeModel
from clinextract.models.loading import VARIABLE, default_folder
from clinextract.running import Columns, run
from clinextract.samples import samples

PAGE = Path(__file__).parents[1] / "docs" / "run.md"
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


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["status", "pain", "review", "id"])
def test_a_column_of_ids_gives_way_too(name: str, kind: str, extractor: Extractor[Any], tmp_path: Path) -> None:
    source = table(tmp_path / "in.csv", [{name: "x", "transcript": "it hurts"}])
    summary = run(extractor, source, tmp_path / f"o.{kind}", Columns(id=name))
    taken = name != "id" and (name != "pain" or kind != "jsonl")
    assert summary.renamed == ({name: f"input_{name}"} if taken else {})
    [row] = read(tmp_path / f"o.{kind}")
    assert (row["id"], row[f"input_{name}" if taken else name], row["status"]) == ("x", "x", "ok")


def test_ids_are_the_column_s_or_the_row_s_number(extractor: Extractor[Any], tmp_path: Path) -> None:
    source = table(tmp_path / "in.csv", [{"words": "it hurts", "call": "x"}, {"words": "fine", "call": "x"}])
    run(extractor, source, tmp_path / "1.jsonl", Columns(text="words"))
    assert [row["id"] for row in read(tmp_path / "1.jsonl")] == ["1", "2"]
    summary = run(extractor, source, tmp_path / "2.jsonl", Columns(text="words", id="call"), keep_text=False)
    assert summary.repeated_ids == 1
    assert [(row["id"], row["call"], "words" in row) for row in read(tmp_path / "2.jsonl")] == [("x", "x", False)] * 2


@pytest.mark.parametrize(
    ("cell", "language"),
    [("FA", "fa"), (" fa-IR ", "fa"), ("", "en"), ("English", "en"), (SECRET, "en"), (None, "en"), (7, "en")],
)
def test_a_language_column_is_believed_where_it_holds_a_code(
    cell: Any, language: str, extractor: Extractor[Any], tmp_path: Path
) -> None:
    source = table(tmp_path / "in.jsonl", [{"transcript": "it hurts", "lang": cell}])
    run(extractor, source, tmp_path / "o.jsonl", Columns(language="lang"))
    assert [row["provenance"]["language"] for row in read(tmp_path / "o.jsonl")] == [language]


def test_ids_are_spelled_as_an_evaluation_spells_them(extractor: Extractor[Any], tmp_path: Path) -> None:
    given = [7, 8.0, 8.5, float("nan"), None, " ", "x y", ["a"]]
    source = table(tmp_path / "in.jsonl", [{"id": one, "transcript": "fine"} for one in given])
    run(extractor, source, tmp_path / "o.csv")
    assert [row["id"] for row in read(tmp_path / "o.csv")] == ["7", "8", "8.5", "4", "5", "6", "x y", "['a']"]


def test_what_is_no_text_is_a_failure_in_its_place(extractor: Extractor[Any], tmp_path: Path) -> None:
    given = ["it hurts", None, 5, ["it hurts"], "  ", f"{SECRET}\ud800", "it hurts"]
    source = table(tmp_path / "in.jsonl", [{"transcript": one} for one in given])
    for into in KINDS:
        assert run(extractor, source, tmp_path / f"o.{into}").errors == {"RecordInvalid": 5}
    rows = read(tmp_path / "o.jsonl")
    assert [row["status"] for row in rows] == ["ok", *["failed"] * 5, "ok"]
    assert [row["transcript"] for row in rows] == given
    assert SECRET not in json.dumps([row["error"] for row in rows])


def test_persian_survives_every_table_byte_for_byte(extractor: Extractor[Any], tmp_path: Path) -> None:
    text = "تماس‌گیرنده: کمرش هنوز درد می‌کند؛ «نمی‌خوابد».\r\nپرستار: از كي؟\n\u200f=۱+۲"
    paths = [tmp_path / name for name in ("0.csv", "1.jsonl", "2.parquet", "3.tsv", "4.jsonl")]
    table(paths[0], [{"id": "a", "transcript": text, "ward": "بخش ۵"}])
    for source, target in pairwise(paths):
        run(extractor, source, target)
        assert [(row["id"], row["transcript"], row["ward"]) for row in read(target)] == [("a", text, "بخش ۵")]
    assert text.encode() in paths[3].read_bytes()


def test_a_parquet_file_s_kinds_stay(extractor: Extractor[Any], tmp_path: Path) -> None:
    kinds: list[Column] = [
        Column("transcript"),
        Column("age", "integer"),
        Column("in", "boolean"),
        Column("w", "number"),
    ]
    with create_table(tmp_path / "in.parquet", kinds) as sink:
        sink.write({"transcript": "it hurts", "age": 70, "in": True, "w": 61.5})
        sink.write({"transcript": "fine", "age": None, "in": None, "w": None})
    run(extractor, tmp_path / "in.parquet", tmp_path / "o.parquet")
    assert [(row["age"], row["in"], row["w"]) for row in read(tmp_path / "o.parquet")] == [
        (70, True, 61.5), (None, None, None),
    ]  # fmt: skip


class Clash(BaseModel):
    status: bool


def test_a_field_with_the_name_of_a_column_needs_json_lines(tmp_path: Path) -> None:
    extractor = Extractor(Clash, FakeModel({"status": True}))
    source = table(tmp_path / "in.csv", [{"transcript": "it hurts"}])
    with pytest.raises(SchemaError, match="'status'"):
        run(extractor, source, tmp_path / "o.csv")
    assert not (tmp_path / "o.csv").exists()
    run(extractor, source, tmp_path / "o.jsonl")
    assert read(tmp_path / "o.jsonl")[0]["features"] == {"status": True}


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


def test_failures_are_written_as_they_are_met(extractor: Extractor[Any], tmp_path: Path) -> None:
    source = tmp_path / "in.csv"
    source.write_text("id,transcript\n" + "1,\n" * 5000 + "one cell\n", encoding="utf-8")
    with pytest.raises(DataError, match="row 5001"):
        run(extractor, source, tmp_path / "o.csv")
    assert len(read(tmp_path / "o.csv")) > 5000 - 8 * WINDOW


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


@pytest.mark.parametrize("link", ["hardlink_to", "symlink_to"])
def test_the_input_is_not_written_over_under_another_name(link: str, extractor: Extractor[Any], tmp_path: Path) -> None:
    source = table(tmp_path / "in.csv", ROWS)
    getattr(tmp_path / "same.csv", link)(source)
    with pytest.raises(DataError, match="the output is the input"):
        run(extractor, source, tmp_path / "same.csv", overwrite=True)
    assert read(source) == ROWS


def test_a_mistake_costs_no_file(extractor: Extractor[Any], tmp_path: Path) -> None:
    source, target = table(tmp_path / "in.csv", ROWS), table(tmp_path / "o.csv", ROWS)
    with pytest.raises(ValueError, match="batch_size"):
        run(extractor, source, target, overwrite=True, batch_size=0)
    with pytest.raises(ColumnMissing):
        run(extractor, source, target, Columns(text="words"), overwrite=True)
    assert read(target) == ROWS


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
            ([source, tmp_path / "no" / "o.csv", "--text", "words"], "Make it first"),
            ([source, tmp_path / "o.csv", "--text", "words", "--calibration", "no.json"], "no.json"),
            ([source, tmp_path / "o.csv", "--text", "words", "--batch-size", "0"], "--batch-size"),
        ):
            code, said = self.run(*arguments, "--model", tiny_folder, capsys=capsys)
            assert code == 2
            assert words in said
            assert not (tmp_path / "o.csv").exists()

    def test_mistakes_are_told_before_a_model_is_loaded(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        source = table(tmp_path / "in.csv", [{"words": SECRET}])
        code, said = self.run(source, tmp_path / "o.csv", "--model", tmp_path / "no-model", capsys=capsys)
        assert (code, "--text" in said, "no-model" in said) == (2, True, False)

    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("in.csv", f"id,transcript\n1,{SECRET},{SECRET}\n"),
            ("in.csv", f'id,transcript\n1,"{SECRET}\n'),
            ("in.csv", f"1,{SECRET} says that it hurts\n2,{SECRET}\n"),
            ("in.jsonl", f'{{"transcript": "{SECRET}"\n'),
            ("in.jsonl", f'"{SECRET}"\n'),
            ("in.parquet", SECRET),
            ("in.txt", SECRET),
        ],
    )
    def test_what_cannot_be_read_is_not_repeated(
        self, name: str, content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / name).write_text(content, encoding="utf-8")
        code, said = self.run(tmp_path / name, tmp_path / "o.csv", capsys=capsys)
        assert (code, name in said, "Traceback" in said) == (2, True, False)
        assert not (tmp_path / "o.csv").exists()

    @pytest.mark.parametrize("kind", KINDS)
    def test_a_stopped_run_leaves_what_was_done(
        self,
        kind: str,
        tiny_folder: Path,
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        rows = iter(range(10))

        @contextmanager
        def pressed(_: int) -> Iterator[Any]:
            def advance() -> None:
                if next(rows) == 2:
                    raise KeyboardInterrupt

            yield advance

        monkeypatch.setattr(cli.run, "_progress", pressed)
        source, target = table(tmp_path / "in.csv", [{"transcript": SECRET}] * 10), tmp_path / f"o.{kind}"
        code, said = self.run(source, target, "--model", tiny_folder, capsys=capsys)
        assert code == 130
        assert f"Stopped. {target} holds the rows that were done" in said
        assert [row["id"] for row in read(target)] == ["1", "2", "3"]

    def test_the_embedded_model(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        if not any(default_folder().glob("*.safetensors")):
            pytest.skip("a checkout from which the weights were left out")
        calls = {one.id: one for one in samples()}
        rows = [{"id": one.id, "lang": one.language, "transcript": one.text} for one in calls.values()]
        source = table(tmp_path / "in.parquet", rows)
        arguments = ["--language-column", "lang", "--batch-size", "2", "--model", "default"]
        assert self.run(source, tmp_path / "o.parquet", *arguments, capsys=capsys)[0] == 0
        extractor = Extractor(PalliativeCall, "default")
        for row in read(tmp_path / "o.parquet"):
            one = extractor(calls[row["id"]])
            assert {name: row[name] for name in one.answers} == one.features.model_dump()
            # A batch is padded, so sums in bfloat16 are made in another order.
            assert [row[f"{name}_probability"] for name in one.answers] == pytest.approx(
                [answer.probability for answer in one.answers.values()], abs=0.02
            )

    def test_the_commands_of_its_page(
        self, tiny_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv(VARIABLE, str(tiny_folder))
        table(Path("calls.csv"), [{"id": "1", "transcript": SECRET}])
        table(Path("ward.parquet"), [{"call": "1", "words": SECRET, "lang": "en"}])
        commands = re.findall(r"^clinextract run (.*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
        assert len(commands) > 1
        for command in commands:
            assert self.run(*shlex.split(command), capsys=capsys)[0] == 0
