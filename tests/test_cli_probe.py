"""`clinextract probe`: a table on the screen, JSON in a file, and every mistake told without a patient's words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from clinextract.cli import main
from clinextract.errors import DataError
from clinextract.evaluation.probes.files import read_probes
from clinextract.evaluation.probes.results import NotApplicable, Repeatability

WORDS = "Zarathustra of Quxville has a fever."


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    path = tmp_path / "calls.jsonl"
    rows = [{"id": f"call-{n}", "transcript": f"{WORDS} {'He rests. ' * n}"} for n in range(4)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_a_table_and_a_file(
    calls: Path, tiny_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    out = tmp_path / "probes.json"
    assert main(["probe", str(calls), "--model", str(tiny_folder), "--limit", "3", "-o", str(out)]) == 0
    shown = capsys.readouterr().out
    assert "gastrointestinal_issues" in shown
    assert "Field order: not applicable" in shown
    assert max(map(len, shown.splitlines())) <= 80
    found = read_probes(out)
    assert (found.transcripts, found.seed) == (3, 0)
    assert isinstance(found.field_order, NotApplicable)
    assert isinstance(found.repeatability, Repeatability)
    assert "Zarathustra" not in shown + out.read_text(encoding="utf-8")


def test_json_on_the_screen(calls: Path, tiny_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["probe", str(calls), "--model", str(tiny_folder), "--limit", "1", "--seed", "3", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["seed"], found["transcripts"]) == (3, 1)
    assert len(found["negation"]["pairs"]) == found["negation"]["overall"]["pairs"] == 130


def test_a_row_without_a_transcript_is_told_of_and_left_out(
    calls: Path, tiny_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with calls.open("a", encoding="utf-8") as out:
        out.write('{"id": "empty", "transcript": ""}\n')
    assert main(["probe", str(calls), "--model", str(tiny_folder), "--json"]) == 0
    said = capsys.readouterr()
    assert "1 of 5 rows have no transcript" in said.err
    assert json.loads(said.out)["transcripts"] == 4


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--text", "words"], "has no column 'words'"),
        (["--orders", "0"], "orders"),
        (["--limit", "0"], "limit"),
        (["-o", "nowhere/probes.json"], "is not there"),
        (["-o", "."], "is a folder"),
        (["--model", "./no-such-model"], "there is no folder"),
    ],
)
def test_a_mistake_is_told(calls: Path, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["probe", str(calls), *arguments]) == 2
    assert said in capsys.readouterr().err


def test_a_table_without_transcripts_is_a_mistake(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "calls.csv"
    path.write_text("id,transcript\n1,\n2, \n", encoding="utf-8")
    assert main(["probe", str(path)]) == 2
    assert "no row of 'calls.csv' has a transcript" in capsys.readouterr().err


@pytest.mark.parametrize("content", [None, "not json", "{}", '{"version": "1", "secret": 1}'])
def test_a_file_that_holds_no_probes_is_refused(content: str | None, tmp_path: Path) -> None:
    path = tmp_path / "probes.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=r"probes\.json"):
        read_probes(path)


def test_an_evaluation_shows_the_probes_that_it_is_given(
    calls: Path, tiny_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    probed, report = tmp_path / "probes.json", tmp_path / "report"
    assert main(["probe", str(calls), "--model", str(tiny_folder), "--limit", "1", "-o", str(probed)]) == 0
    table = tmp_path / "table.csv"
    table.write_text("id,pain\n1,yes\n2,no\n", encoding="utf-8")
    arguments = ["evaluate", str(table), str(table), "--rounds", "0", "--probes", str(probed)]
    capsys.readouterr()
    assert main([*arguments, "--report", str(report), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [one["model"] for one in found["probes"]] == [str(tiny_folder)]
    assert any("of other weights" in note for note in found["notes"])  # nobody knows what made that table
    for page in ("report.html", "report.md"):
        words = (report / page).read_text(encoding="utf-8")
        assert "Probes" in words
        assert "not applicable" in words
    assert main([*arguments, "--probes", str(table)]) == 2
    assert "holds no probes" in capsys.readouterr().err
