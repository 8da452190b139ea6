"""`clinextract evaluate` as a user meets it."""

from __future__ import annotations

import csv
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from rich.cells import cell_len
from simulated import simulated

from clinextract import cli
from clinextract.evaluation.labels import Predictions
from clinextract.evaluation.results import Report

PAGE = Path(__file__).parents[1] / "docs" / "evaluation.md"
FEATURES = ("pain", "fever", "insurance_or_cost_issues")
WORDS = "Zarathustra coughs since Wednesday"
"""A transcript whose words stand nowhere else."""


class Run:
    """One run of the command line in this process: exit code, and what went to the two streams."""

    def __init__(self, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
        self.code = cli.main(["evaluate", *arguments])
        self.out, self.err = capsys.readouterr()


def write_predictions(path: Path, predictions: Predictions) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(["id", "status", *(f"{name}{end}" for name in FEATURES for end in ("", "_probability"))])
        for key, values, shares, failed in zip(
            predictions.ids, predictions.values, predictions.probabilities, predictions.failed, strict=True
        ):
            cells = [cell for pair in zip(values.tolist(), shares.tolist(), strict=True) for cell in pair]
            out.writerow([key, "failed", *[""] * len(cells)] if failed else [key, "ok", *cells])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a user: a gold standard of 60 calls, and predictions of two models."""
    gold, first = simulated(60, 3)
    _, second = simulated(60, 3, seed=1, skill=1.5)
    first.failed[:2] = True
    for name, predictions in (("direct", first), ("translated-before-it-was-read", second)):
        write_predictions(tmp_path / f"{name}.csv", predictions)
    with (tmp_path / "gold.csv").open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(["id", "language", "transcript", *FEATURES])
        for number, (key, labels) in enumerate(zip(gold.ids, gold.values.tolist(), strict=True)):
            spelled = ["yes" if label else "no" for label in labels]
            out.writerow([key, ("fa", "en")[number % 2], f"{WORDS}. {WORDS}.", *spelled])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    return tmp_path


@pytest.mark.parametrize("columns", [50, 80, 120])
def test_tables_fit_the_terminal(
    columns: int, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    run = Run(
        "direct.csv gold.csv --against translated-before-it-was-read.csv --slice language --rounds 50".split(), capsys
    )
    assert run.code == 0, run.err
    assert max(cell_len(line.rstrip()) for line in run.out.splitlines()) <= columns
    assert "…" not in run.out  # nothing was cut
    for shown in (*FEATURES, "all-False", "prevalence", "macro-F1", "en, 30 transcripts", "Holm's"):
        assert shown in run.out
    # Every median has its interval where there is room.
    [line] = [line for line in run.out.splitlines() if line.startswith("prevalence ")][:1]
    assert len(re.findall(r"\(\d.\d\d–\d.\d\d\)", line)) == (5 if columns == 120 else 1)


def test_the_table_shows_the_reports_figures(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table, printed = Run(["direct.csv", "gold.csv"], capsys), Run(["direct.csv", "gold.csv", "--json"], capsys)
    report = Report.model_validate_json(printed.out)
    [evaluation] = report.evaluations
    macro = evaluation.summary["macro_f1"].median
    [line] = [line for line in table.out.splitlines() if line.startswith("direct")]
    assert f"{macro.value:.2f} ({macro.low:.2f}–{macro.high:.2f})" in line
    assert line.split()[-1] == str(evaluation.missing_answers) == "6"
    for feature in evaluation.features:
        [line] = [line for line in table.out.splitlines() if line.startswith(f"{feature.name} ")]
        counts = feature.counts
        assert line.split()[1:6] == [str(one) for one in (counts.tp, counts.fp, counts.fn, counts.tn, counts.missing)]
        assert line.split()[6] == f"{feature.figures['sensitivity'].value:.2f}"
    assert "6 answers of 180 missing" in table.out


def test_what_is_undefined_is_a_dash_with_its_reason(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "quiet.csv").write_text("id,pain\na,no\nb,no\n", encoding="utf-8")
    (folder / "labels.csv").write_text("id,pain\na,no\nb,no\n", encoding="utf-8")
    run = Run(["quiet.csv", "labels.csv"], capsys)
    assert run.code == 0
    [line] = [line for line in run.out.splitlines() if line.startswith("pain ")]
    assert line.split() == ["pain", "0", "0", "0", "2", "–", "1.00", "–", "–"]
    assert "no truly positive transcript: pain sensitivity" in run.out


def test_features_that_differ_are_named_and_others_are_not(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [f"{number},{'yes' if number % 2 else 'no'}" for number in range(40)]
    turned = [f"{number},{'no' if number % 2 else 'yes'}" for number in range(40)]
    (folder / "a.csv").write_text("\n".join(["id,pain", *rows]), encoding="utf-8")
    (folder / "b.csv").write_text("\n".join(["id,pain", *turned]), encoding="utf-8")
    worse = Run(["a.csv", "a.csv", "--against", "b.csv", "--rounds", "20"], capsys)
    assert re.search(r"^pain +40 +0 +< 0\.001 *$", worse.out, re.MULTILINE)
    assert "−1.000" in worse.out
    same = Run(["a.csv", "a.csv", "--against", "a.csv", "--rounds", "20"], capsys)
    assert "No feature differs" in same.out


BAD = {
    "predictions that are not there": ("nowhere.csv gold.csv", "nowhere.csv"),
    "a gold standard that is not there": ("direct.csv nowhere.csv", "nowhere.csv"),
    "a feature that is not there": ("direct.csv gold.csv --features pain,gout", "gout"),
    "a column that is not there": ("direct.csv gold.csv --slice ward", "language"),
    "ids of another name": ("direct.csv gold.csv --id call", "--id"),
    "labels that cannot be read": ("direct.csv unsure.csv --features pain", "row 2, column pain"),
    "empty labels": ("direct.csv empty.csv --features pain", "--blank"),
    "ids that do not match": ("direct.csv few.csv --features pain", "--allow-missing"),
    "an id that is there twice": ("direct.csv twice.csv --features pain", "call-0"),
    "no rows": ("direct.csv none.csv --features pain", "no rows"),
    "an unknown choice": ("direct.csv gold.csv --missing ignored", "--help"),
    "rounds below nothing": ("direct.csv gold.csv --rounds=-1", "--help"),
}  # fmt: skip


@pytest.mark.parametrize(("line", "shown"), BAD.values(), ids=BAD)
def test_a_mistake_gets_a_sentence_and_a_hint(
    line: str, shown: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, rows in {
        "unsure": ["call-0,yes", f"call-1,{WORDS}"], "empty": ["call-0,yes", "call-1,"], "few": ["call-0,yes"],
        "twice": ["call-0,yes", "call-0,no"], "none": [],
    }.items():  # fmt: skip
        (folder / f"{name}.csv").write_text("\n".join(["id,pain", *rows]) + "\n", encoding="utf-8")
    run = Run(line.split(), capsys)
    assert run.code == 2
    assert run.out == ""
    assert run.err.startswith("Error: ")
    assert shown in run.err
    assert "Traceback" not in run.err
    assert not [word for word in WORDS.split() if word in run.err]


def test_nothing_of_a_transcript_is_shown(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for extra in ([], ["--json"], ["--slice", "language"]):
        run = Run(["direct.csv", "gold.csv", "--rounds", "10", *extra], capsys)
        assert run.code == 0
        assert not [word for word in WORDS.split() if word in run.out + run.err]
    refused = Run(["direct.csv", "gold.csv", "--slice", "transcript"], capsys)
    assert refused.code == 2
    assert not [word for word in WORDS.split() if word in refused.err]


def test_options_reach_the_report(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = "direct.csv gold.csv --json --rounds 20 --seed 9 --missing wrong --features fever --without-baselines"
    report = Report.model_validate_json(Run(line.split(), capsys).out)
    assert (report.settings.rounds, report.settings.seed, report.settings.missing) == (20, 9, "wrong")
    assert [one.name for one in report.evaluations[0].features] == ["fever"]
    assert report.baselines == ()


def test_calls_that_one_file_lacks_are_allowed_where_that_is_said(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = (folder / "direct.csv").read_text(encoding="utf-8").splitlines()
    (folder / "some.csv").write_text("\n".join(lines[:41]) + "\n", encoding="utf-8")
    assert Run(["some.csv", "gold.csv"], capsys).code == 2
    run = Run(["some.csv", "gold.csv", "--allow-missing", "--json"], capsys)
    assert json.loads(run.out)["evaluations"][0]["without_prediction"] == 20


def test_a_report_is_written_where_it_is_asked_for(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = Run(["direct.csv", "gold.csv", "--rounds", "10", "--report", "out"], capsys)
    assert run.code == 0, run.err
    assert f"The report is in {Path('out') / 'report.html'}." in run.out
    written = Report.model_validate_json((folder / "out" / "report.json").read_text(encoding="utf-8"))
    assert written.evaluations[0].name == "direct"


def commands() -> Iterator[list[str]]:
    for block in re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            yield shlex.split(line)


@pytest.mark.parametrize("command", list(commands()), ids=" ".join)
def test_the_pages_commands_run(command: list[str], folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, predictions = simulated(60, 3)
    write_predictions(folder / "predictions.csv", predictions)
    for name in ("predictions.jsonl", "direct.jsonl", "translated.jsonl"):
        rows = [
            {"id": key, "features": dict(zip(FEATURES, np.roll(values, len(name)).tolist(), strict=True))}
            for key, values in zip(predictions.ids, predictions.values, strict=True)
        ]
        (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    program, subject, *arguments = command
    assert (program, subject) == ("clinextract", "evaluate")
    run = Run([*arguments, "--rounds", "10"], capsys)
    assert run.code == 0, run.err
