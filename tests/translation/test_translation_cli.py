"""What somebody at the command line sees of a translation, and of a translator that is broken."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from served import answered, serving

from clinextract import cli

SECRET = "زرتشتک"
CALL = f"پرستار: سلام {SECRET}\nبیمار: از دیروز درد دارم"
ENGLISH = {f"سلام {SECRET}": "Hello Zarathustra", "از دیروز درد دارم": "I have been in pain since yesterday"}

Shown = pytest.CaptureFixture[str]


def dictionary(_: int, body: Any) -> tuple[int, Any]:
    return answered(ENGLISH.get(body["messages"][-1]["content"], ""))


@pytest.fixture
def call(tmp_path: Path) -> Path:
    file = tmp_path / "call.txt"
    file.write_text(CALL, encoding="utf-8")
    return file


def test_a_call_is_translated_by_a_server(call: Path, tiny_folder: Path, capsys: Shown) -> None:
    with serving(dictionary) as (base, served):
        arguments = ["extract", str(call), "--json", "--model", str(tiny_folder), "--translate", f"{base}#aya"]
        assert cli.main(arguments) == 0
    row = json.loads(capsys.readouterr().out)
    assert (row["status"], row["provenance"]["language"]) == ("ok", "en")
    [note] = row["provenance"]["notes"]
    assert note.startswith(f"translated from fa by {base}#aya, ")
    assert len(served.requests) == 2


BROKEN: dict[str, tuple[Callable[[Any], str | None], str]] = {
    "nothing": (lambda _: "", "empty"),
    "no content": (lambda _: None, "empty"),
    "the prompt": (lambda body: body["messages"][0]["content"].split("\n\n")[0][:90], "prompt"),
    "the line itself": (lambda body: body["messages"][-1]["content"], "copied"),
    "several lines": (lambda _: "Hello\n\nHe said hello.", "lines"),
    "the same without end": (lambda _: "and so on " * 500, "length, repetition"),
}


@pytest.mark.parametrize(("answer", "check"), BROKEN.values(), ids=BROKEN)
def test_a_broken_translator_is_told_of_in_two_sentences(
    answer: Callable[[Any], str | None], check: str, call: Path, tiny_folder: Path, capsys: Shown
) -> None:
    arguments = ["extract", str(call), "--json", "--model", str(tiny_folder), "--translate"]
    with serving(lambda _, body: answered(answer(body))) as (base, _):
        assert cli.main([*arguments, f"{base}#aya"]) == 1
        failed = capsys.readouterr()
        assert cli.main([*arguments, f"{base}#aya", "--translate-failures", "original"]) == 0
    assert failed.out == ""
    told = " ".join(failed.err.split())
    assert f"2 of 2 lines could not be translated: line 1 ({check}), line 2 ({check})" in told
    assert "--translate-failures original" in told
    assert "Traceback" not in told
    assert SECRET not in told
    shown = capsys.readouterr()
    row = json.loads(shown.out)
    [note] = row["provenance"]["notes"]
    assert row["provenance"]["language"] == "fa"
    assert note.startswith("not translated: 2 of 2 lines")
    assert SECRET not in shown.out + shown.err


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ("no/such/folder/here", "no/such/folder/here"),
        ("https://8.8.8.8/v1#gpt", "would leave it"),
        ("http://127.0.0.1:8000/v1", "#model-name"),
        ("default", "does not translate"),
    ],
)
def test_what_names_no_translator_is_the_user_s_mistake(
    spec: str, told: str, call: Path, tiny_folder: Path, capsys: Shown
) -> None:
    assert cli.main(["extract", str(call), "--model", str(tiny_folder), "--translate", spec]) == 2
    shown = capsys.readouterr().err
    assert told in " ".join(shown.split())
    assert "Traceback" not in shown


def test_of_a_table_the_row_fails_whose_translation_does_and_the_others_go_on(
    tmp_path: Path, tiny_folder: Path, capsys: Shown
) -> None:
    source, target = tmp_path / "calls.csv", tmp_path / "answers.csv"
    with source.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(
            [["id", "transcript"], ["a", CALL], ["b", f"بیمار: چیز دیگری {SECRET}"], ["c", "She has pain."]]
        )
    with serving(dictionary) as (base, _):
        arguments = ["run", str(source), str(target), "--model", str(tiny_folder), "--translate", f"{base}#aya"]
        assert cli.main(arguments) == 1
    shown = capsys.readouterr()
    assert "2 done, 1 failed" in " ".join(shown.err.split())
    with target.open(encoding="utf-8-sig", newline="") as file:
        rows = {row["id"]: row for row in csv.DictReader(file)}
    assert [row["status"] for row in rows.values()] == ["ok", "failed", "ok"]
    assert rows["b"]["error_type"] == "TranslationError"
    assert "line 1 (empty)" in rows["b"]["error_message"]
    assert rows["b"]["pain"] == ""
    assert SECRET not in shown.out + shown.err


def test_the_table_says_what_translated_or_why_nothing_did(call: Path, tiny_folder: Path, capsys: Shown) -> None:
    arguments = ["extract", str(call), "--model", str(tiny_folder), "--translate-failures", "original", "--translate"]
    with serving(dictionary) as (base, _):
        assert cli.main([*arguments, f"{base}#aya"]) == 0
    assert f"translated from fa by {base}#aya" in " ".join(capsys.readouterr().out.split())
    with serving(lambda *_: answered("")) as (base, _):
        assert cli.main([*arguments, f"{base}#aya"]) == 0
    assert "not translated: 2 of 2 lines could not be translated" in " ".join(capsys.readouterr().out.split())
