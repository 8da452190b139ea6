"""The command line as a user meets it: what it prints, what it refuses, and with which exit code."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from conftest import save_tiny_model

from clinextract import PalliativeCall, cli
from clinextract.samples import samples

WORDS = "Zarathustra coughs since Wednesday"
"""A transcript whose words stand nowhere else."""


class Run:
    """One run of the command line in this process: exit code, and what went to the two streams."""

    def __init__(self, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
        self.code = cli.main(arguments)
        self.out, self.err = capsys.readouterr()


@pytest.fixture
def tiny(tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CLINEXTRACT_MODEL", str(tiny_folder))
    monkeypatch.setenv("COLUMNS", "120")
    return tiny_folder


def standard_input(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content), encoding="utf-8"))


# Given: arguments, or bytes for standard input; and a word of the hint that has to be shown.
BAD = {
    "empty": ([""], "without text"),
    "blank": ([" \n\t "], "without text"),
    "invisible": (["\u200b\u200e"], "without text"),
    "several arguments": (WORDS.split(), "quotation marks"),
    "file that is not there": (["calls/no-such-file.txt"], "standard input"),
    "file with blanks that is not there": ([f"{WORDS}.txt"], "standard input"),
    "folder": (["."], "standard input"),
    "surrogates": ([WORDS + "\udcff"], "UTF-8"),
    "unknown option": ([WORDS, "--jsn"], "--help"),
    "text that looks like options": ([f"-{WORDS}"], "--help"),
    "unknown value": ([WORDS, "--order", "sideways"], "--help"),
    "no transcript": ([], "--help"),
    "model that is not there": ([WORDS, "--model", "no/such/folder"], "config.json"),
    "model of another kind": ([WORDS, "--model", "gguf:/x.gguf"], "folder"),
}


@pytest.mark.parametrize(("arguments", "hint"), BAD.values(), ids=BAD)
def test_bad_input_gets_a_sentence_and_a_hint(
    arguments: list[str], hint: str, tiny: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Run(["extract", *arguments], capsys)

    assert run.code == 2
    assert run.out == ""
    assert run.err.startswith("Error: ")
    assert hint in run.err
    assert_no_words(run.err)


def assert_no_words(shown: str) -> None:
    assert "Traceback" not in shown
    assert not [word for word in WORDS.split() if word in shown]


def test_bytes_that_are_not_utf8_are_named_by_their_place(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    content = WORDS.encode() + b"\xff\xfe"
    (tmp_path / "call").write_bytes(content)
    standard_input(monkeypatch, content)
    for source in (str(tmp_path / "call"), "-"):
        run = Run(["extract", source], capsys)
        assert run.code == 2
        assert f"byte {len(WORDS) + 1} of {len(content)}" in run.err
        assert "UTF-8" in run.err
        assert_no_words(run.err)


def test_a_text_beyond_the_context_is_refused_with_both_lengths(
    short_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Run(["extract", WORDS * 40, "--model", str(short_folder)], capsys)

    assert run.code == 2
    assert "450" in run.err
    assert "Nothing was cut" in run.err
    assert_no_words(run.err)


def test_a_folder_without_weights(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in (["extract", WORDS, "--model", str(tmp_path)], ["doctor", str(tmp_path)]):
        run = Run(command, capsys)
        assert run.code == 2
        assert "no weights" in run.err
        assert_no_words(run.err)


def test_an_unknown_name_without_a_network(capsys: pytest.CaptureFixture[str]) -> None:
    run = Run(["extract", WORDS, "--model", "nobody/has-this-model"], capsys)

    assert run.code == 2
    assert "hub name" in run.err
    assert_no_words(run.err)


def test_a_transcript_without_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    run = Run([WORDS], capsys)

    assert run.code == 2
    assert_no_words(run.err)


MISPLACED = {
    "run": ["run", WORDS, "o.csv"],
    "run into": ["run", "t.csv", WORDS],
    "run, model": ["run", "t.csv", "o.csv", "--model", WORDS],
    "run, schema": ["run", "t.csv", "o.csv", "--schema", WORDS],
    "run, translator": ["run", "t.csv", "o.csv", "--translate", WORDS],
    "run, calibration": ["run", "t.csv", "o.csv", "--calibration", WORDS],
    "run, text": ["run", "t.csv", "o.csv", "--text", WORDS],
    "run, id": ["run", "t.csv", "o.csv", f"--id={WORDS}"],
    "extract, model": ["extract", WORDS, "--model", WORDS],
    "extract, schema": ["extract", WORDS, "--schema", WORDS],
    "doctor": ["doctor", WORDS],
    "probe": ["probe", WORDS],
    "evaluate": ["evaluate", WORDS, "t.csv"],
    "evaluate, gold": ["evaluate", "t.csv", WORDS],
    "evaluate, features": ["evaluate", "t.csv", "t.csv", "--features", WORDS],
    "evaluate, slice": ["evaluate", "t.csv", "t.csv", "--slice", WORDS],
    "evaluate, id": ["evaluate", "t.csv", "t.csv", "--id", WORDS],
    "evaluate, probes": ["evaluate", "t.csv", "t.csv", "--probes", WORDS],
    "calibrate": ["calibrate", WORDS, "t.csv", "-o", "c.json"],
    "calibrate, gold": ["calibrate", "t.csv", WORDS, "-o", "c.json"],
    "calibrate, id": ["calibrate", "t.csv", "t.csv", "-o", "c.json", "--id", WORDS],
    "schema show": ["schema", "show", WORDS],
    "schema show, with a stroke": ["schema", "show", f"Her pain is 3/10, {WORDS}"],
    "schema check": ["schema", "check", WORDS],
}


@pytest.mark.parametrize("arguments", MISPLACED.values(), ids=MISPLACED)
def test_a_transcript_in_the_wrong_place_is_not_repeated(
    arguments: list[str],
    tiny: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("t.csv").write_text("id,transcript,pain\n1,x,1\n", encoding="utf-8")
    run = Run(arguments, capsys)

    assert run.code == 2
    assert_no_words(run.err + run.out)


def test_a_file_s_name_with_blanks_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("calls of march.xlsx").write_bytes(b"x")
    for name in ("calls of march.csv", "calls of march.xlsx"):
        assert f"'{name}'" in Run(["run", name, "o.csv"], capsys).err


def test_what_nobody_expected_is_named_by_its_type_alone(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError(WORDS)

    monkeypatch.setattr("clinextract.rows.to_row", fail)
    run = Run(["extract", WORDS, "--json"], capsys)
    assert run.code == 1
    assert "RuntimeError" in run.err
    assert_no_words(run.err)

    monkeypatch.setenv(cli.DEBUG, "1")
    with pytest.raises(RuntimeError):
        cli.main(["extract", WORDS, "--json"])


def test_json_has_the_documented_keys(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = Run(["extract", WORDS, "--json"], capsys)

    assert run.code == 0
    row = json.loads(run.out)
    assert list(row) == "id status features probabilities review evidence error provenance".split()
    assert (row["status"], row["error"]) == ("ok", None)
    assert list(row["features"]) == list(row["probabilities"]) == list(PalliativeCall.model_fields)
    assert {type(value) for value in row["features"].values()} == {bool}
    assert all(0 <= value <= 1 for value in row["probabilities"].values())
    assert set(row["review"]) <= set(row["features"])
    assert row["provenance"]["model"] == str(tiny)
    assert WORDS not in run.out


def test_text_file_and_standard_input_are_one_and_the_same(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "پدرم از دیشب تب دارد و سرفه می‌کند."
    (tmp_path / "call.txt").write_text(text, encoding="utf-8")
    standard_input(monkeypatch, text.encode())

    rows = [json.loads(Run(["extract", one, "--json"], capsys).out) for one in (text, str(tmp_path / "call.txt"), "-")]

    assert rows[0]["provenance"]["language"] == "fa"
    assert len({json.dumps([row["id"], row["features"]]) for row in rows}) == 1


def test_a_table_speaks_the_language_of_the_transcript(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    english = Run(["extract", "He has had a fever and a cough since Monday."], capsys)
    persian = Run(["extract", "پدرم از دیشب تب دارد و سرفه می‌کند."], capsys)

    for name in PalliativeCall.model_fields:
        assert name in english.out
        assert name in persian.out
    assert "Loss of appetite" in english.out
    assert "کاهش اشتها" in persian.out
    assert "transcript in fa" in persian.out


def test_demo_shows_every_transcript_and_where_it_was_read(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = Run(["demo"], capsys)

    assert run.code == 0
    for document in samples():
        assert document.id in run.out
        assert document.text.split()[0] in run.out
    assert "No word of them left this machine." in run.out


def test_models_names_what_is_here(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = Run(["models"], capsys)

    assert run.code == 0
    assert "default" in run.out
    assert "CLINEXTRACT_MODEL" in run.out


def test_doctor_finds_a_fit_model_fit_and_a_short_one_not(
    tiny: Path, short_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fit, unfit = Run(["doctor"], capsys), Run(["doctor", str(short_folder)], capsys)

    assert fit.code == 0, fit.out
    assert "is fit for use" in fit.out
    assert unfit.code == 1
    assert "is not fit for use: context" in unfit.out


@pytest.mark.parametrize(
    "program", [[sys.executable, "-m", "clinextract"], [str(Path(sys.executable).with_name("clinextract"))]]
)
def test_the_program_itself(program: list[str]) -> None:
    asked = subprocess.run([*program, "--version"], capture_output=True, text=True, check=False)
    assert (asked.returncode, asked.stdout.strip()) == (0, f"clinextract {version('clinextract')}")

    refused = subprocess.run([*program, "extract", *WORDS.split()], capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert "quotation marks" in refused.stderr
    assert_no_words(refused.stderr + refused.stdout)


def test_a_stream_that_cannot_hold_persian_gets_it_escaped(tiny: Path) -> None:
    command = [sys.executable, "-m", "clinextract", "extract", "پدرم از دیشب تب دارد.", "--json"]
    run = subprocess.run(command, capture_output=True, check=False, env=os.environ | {"PYTHONIOENCODING": "ascii"})
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout)["status"] == "ok"


def test_evidence_stands_under_the_answers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = save_tiny_model(tmp_path / "free", context=30000, card=False)
    run = Run(["extract", f"{WORDS}\nand nothing else", "--model", str(folder), "--evidence", "--json"], capsys)
    assert run.code == 0
    row = json.loads(run.out)
    present = {name for name, value in row["features"].items() if value}
    assert set(row["evidence"]) == present
    for shown in row["evidence"].values():
        assert all(one["text"] in {WORDS, "and nothing else"} for one in shown)


def test_a_way_of_decoding_that_has_no_evidence_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    run = Run(["extract", WORDS, "--evidence", "--decoding", "outlines"], capsys)
    assert run.code == 2
    assert "gives no evidence" in run.err
    assert_no_words(run.err)
