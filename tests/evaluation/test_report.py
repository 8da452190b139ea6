"""The report: everything that an evaluation found, in four forms, and nothing of a user's words as a mark."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from simulated import gold_of, predictions_of, simulated

from clinextract.errors import DataError
from clinextract.evaluation.evaluate import evaluate
from clinextract.evaluation.labels import Gold, Predictions
from clinextract.evaluation.plots.catalogue import NAMES, drawn
from clinextract.evaluation.report import inert, write_report
from clinextract.evaluation.results import Report
from clinextract.palliative import PalliativeCall

FIGURES = set(NAMES)
EVIL = '<script>alert(1)</script> & "it\'s" $x_1$ | `a`'


def renamed(gold: Gold, *predictions: Predictions) -> tuple[Gold, list[Predictions]]:
    """The same with the names of the thirteen features."""
    names = tuple(PalliativeCall.model_fields)[: len(gold.features)]
    return replace(gold, features=names), [replace(one, features=names) for one in predictions]


@cache
def report(sets: int = 2, transcripts: int = 60, *, slices: bool = True) -> Report:
    """A report on simulated calls with the names of the thirteen features."""
    made = [simulated(transcripts, seed=n, skill=3.5 - n / 2) for n in range(sets)]
    gold, predictions = renamed(made[0][0], *(replace(one, name=f"model {n}") for n, (_, one) in enumerate(made)))
    wards = tuple("AB"[n % 2] for n in range(transcripts))
    gold = replace(gold, columns={"ward": wards})
    return evaluate(predictions, gold, rounds=50, slices=["ward"] if slices else [])


def written(of: Report, folder: Path) -> tuple[str, str, dict[str, Any]]:
    page = write_report(of, folder)
    data = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return page.read_text(encoding="utf-8"), (folder / "report.md").read_text(encoding="utf-8"), data


def test_everything_is_there(tmp_path: Path) -> None:
    page, text, data = written(report(), tmp_path / "new" / "folder")
    assert Report.model_validate(data) == report()
    names = {path.name for path in (tmp_path / "new" / "folder" / "figures").iterdir()}
    assert names == {f"{name}.{kind}" for name in FIGURES for kind in ("svg", "png")}
    for said in ("model 0", "all-False", "prevalence", "McNemar", "Holm", "ward", "درد", "Pain", "bootstrap"):
        assert said in page
    for said in ("model 0", "all-False", "McNemar", "figures/mcc.svg", "درد"):
        assert said in text


def test_the_page_needs_nothing_from_elsewhere(tmp_path: Path) -> None:
    page, _, _ = written(report(), tmp_path)
    bare = re.sub(r'xmlns(:\w+)?="[^"]*"', "", page)
    assert not re.search(r'(src|href)="(?!#|data:)', bare)
    assert not re.search(r"@import|url\((?!#)", bare)
    assert "<script" not in page


def test_every_key_of_the_json_is_described(tmp_path: Path) -> None:
    write_report(report(), tmp_path)
    schema = json.loads((tmp_path / "report.schema.json").read_text(encoding="utf-8"))
    for name, part in {"Report": schema, **schema["$defs"]}.items():
        for key, value in part.get("properties", {}).items():
            described = value if "$ref" not in value else schema["$defs"][value["$ref"].rsplit("/", 1)[-1]]
            assert described.get("description"), f"{name}.{key}"
    assert set(report().metrics) == set(report().evaluations[0].summary)


def test_the_same_report_gives_the_same_bytes(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        write_report(report(), tmp_path / folder)
    for path in (tmp_path / "a").rglob("*.*"):
        assert path.read_bytes() == (tmp_path / "b" / path.relative_to(tmp_path / "a")).read_bytes(), path.name


def test_the_median_in_the_page_is_that_of_the_report(tmp_path: Path) -> None:
    page, text, _ = written(report(), tmp_path)
    median = report().evaluations[0].summary["macro_f1"].median
    assert f"<td>{median.value:.2f}<small>{median.low:.2f} to {median.high:.2f}</small></td>" in page
    assert f"| {median.value:.2f} ({median.low:.2f} to {median.high:.2f}) |" in text


def test_undefined_is_a_dash_with_its_reason_and_never_zero(tmp_path: Path) -> None:
    page, text, _ = written(evaluate([predictions_of([[False]] * 4)], gold_of([[False]] * 4), rounds=0), tmp_path)
    reason = "no transcript has the feature"
    assert re.search(r"<td>–<sup>[a-z]</sup></td>", page)
    assert re.search(rf"<sup>[a-z]</sup> .*{reason}|positive", page)
    assert re.search(r"\| – \[[a-z]\] \|", text)


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("a*b_c*", r"a\*b_c\*"),
        ("1. one", "1&#8203;. one"),
        ("# head | <b>", "&#35; head &#124; &lt;b&gt;"),
        ("two\nlines", "two lines"),
        ("$x$ ~~y~~", "&#36;x&#36; &#126;&#126;y&#126;&#126;"),
    ],
)
def test_no_sign_of_a_user_is_a_mark(words: str, shown: str) -> None:
    assert inert(words) == shown


def test_names_are_text_wherever_they_stand(tmp_path: Path) -> None:
    gold = gold_of([[True, False], [False, True]] * 5, columns={EVIL: (EVIL,) * 10})
    found = evaluate([predictions_of([[True, True]] * 10, name=EVIL)], gold, rounds=0, slices=[EVIL])
    page, text, _ = written(found, tmp_path)
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "<script" not in text
    for svg in (tmp_path / "figures").glob("*.svg"):
        assert "<script" not in svg.read_text(encoding="utf-8")


ODD = {
    "one transcript": ([[True, False]], [[True, True]]),
    "one feature": ([[True], [False], [True]], [[True], [False], [False]]),
    "one class": ([[False, False]] * 6, [[False, False]] * 6),
    "fifty features": ([[n % 3 == 0 for n in range(50)]] * 8, [[n % 2 == 0 for n in range(50)]] * 8),
}


@pytest.mark.parametrize(("truth", "values"), ODD.values(), ids=ODD)
def test_odd_reports_are_written(truth: list[list[bool]], values: list[list[bool]], tmp_path: Path) -> None:
    found = evaluate([predictions_of(values)], gold_of(truth), rounds=10)
    page, _, _ = written(found, tmp_path)
    assert "no probabilities" in page
    assert not (tmp_path / "figures" / "reliability.svg").exists()


def test_predictions_that_all_failed(tmp_path: Path) -> None:
    values = [[False, False]] * 6
    found = evaluate([predictions_of(values, answered=values)], gold_of([[True, False]] * 6), rounds=10)
    page, _, _ = written(found, tmp_path)
    assert "6 transcripts failed" in page


def test_six_sets_of_predictions_have_a_colour_each() -> None:
    figures, left_out = drawn(report(6, 30, slices=False))
    assert {figure.name for figure in figures} == FIGURES
    assert left_out == []
    mcc = next(figure.svg for figure in figures if figure.name == "mcc")
    assert all(colour.lower() in mcc for colour in ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"))


def test_the_caller_s_own_plots_are_left_alone() -> None:
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    drawn(report())
    assert dict(mpl.rcParams) == before


def test_other_files_stay_and_a_file_in_the_way_is_said(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    write_report(report(), tmp_path)
    write_report(report(), tmp_path)
    assert (tmp_path / "notes.txt").read_text(encoding="utf-8") == "mine"
    with pytest.raises(DataError) as caught:
        write_report(report(), tmp_path / "notes.txt")
    assert caught.value.hint
