"""`evaluate` from files to a report."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import BaseModel
from simulated import gold_of, predictions_of, renamed, simulated

import clinextract
from clinextract import ColumnMissing, DataError, evaluate
from clinextract.evaluation import results
from clinextract.evaluation.metrics import METRICS
from clinextract.evaluation.pairing import only
from clinextract.evaluation.results import Figure, Report

PAGE = Path(__file__).parents[2] / "docs" / "evaluation.md"
FEATURES = ("pain", "fever", "seizures")


@pytest.fixture
def files(tmp_path: Path) -> Callable[..., tuple[Path, Path]]:
    """A gold standard as csv and predictions as JSON Lines, of 40 transcripts."""

    def write(name: str = "model", seed: int = 0, rows: int = 40, failed: tuple[int, ...] = ()) -> tuple[Path, Path]:
        gold, predictions = simulated(40, 3, seed=seed)
        with (tmp_path / "gold.csv").open("w", encoding="utf-8", newline="") as file:
            out = csv.writer(file)
            out.writerow(["id", "language", "ward", *FEATURES])
            for number, (key, labels) in enumerate(zip(gold.ids, gold.values.tolist(), strict=True)):
                ward = "rare" if number < 3 else f"w{number % 2}"
                out.writerow([key, ("fa", "en")[number % 2], ward, *("yes" if label else "no" for label in labels)])
        with (tmp_path / f"{name}.jsonl").open("w", encoding="utf-8") as file:
            for number, key in enumerate(predictions.ids[:rows]):
                row: dict[str, Any] = {"id": key, "status": "failed", "features": None, "probabilities": None}
                if number not in failed:
                    values, shares = predictions.values[number].tolist(), predictions.probabilities[number].tolist()
                    row |= {
                        "status": "ok",
                        "features": dict(zip(FEATURES, values, strict=True)),
                        "probabilities": dict(zip(FEATURES, shares, strict=True)),
                        "provenance": {"model": name, "model_hash": f"hash of {name}", "order": "joint"},
                    }
                file.write(json.dumps(row) + "\n")
        return tmp_path / f"{name}.jsonl", tmp_path / "gold.csv"

    return write


def every_figure(value: object) -> Iterator[Figure]:
    """All figures of a report, wherever they stand."""
    if isinstance(value, Figure):
        yield value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from every_figure(getattr(value, name))
    elif isinstance(value, dict | tuple):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from every_figure(inner)


def test_from_files_to_a_report(files: Callable[..., tuple[Path, Path]]) -> None:
    predictions, gold = files(failed=(4, 5))
    report = evaluate(predictions, gold, rounds=50)
    [evaluation] = report.evaluations
    assert (evaluation.name, evaluation.kind, evaluation.transcripts) == ("model", "predictions", 40)
    assert (evaluation.failed, evaluation.without_prediction, evaluation.missing_answers) == (2, 0, 6)
    assert tuple(feature.name for feature in evaluation.features) == FEATURES
    assert evaluation.features[0].label == {"en": "Pain", "fa": "درد"}
    assert evaluation.provenance == {"model": "model", "model_hash": "hash of model", "order": "joint"}
    assert [one.name for one in report.baselines] == ["all-False", "prevalence"]
    assert report.settings.model_dump() == {
        "rounds": 50, "confidence": 0.95, "seed": 0, "missing": "excluded", "gold": "gold.csv",
        "version": report.settings.version,
    }  # fmt: skip
    assert list(report.metrics) == [metric.key for metric in METRICS]
    for feature in evaluation.features:
        assert list(feature.figures) == list(report.metrics)
        counts = feature.counts
        assert counts.tp + counts.fp + counts.fn + counts.tn + counts.missing == 40
        assert counts.missing == 2
        assert sum(one.count for one in feature.reliability) == 38
        assert feature.risk_coverage[-1].coverage == 1
    assert sum(one.count for one in evaluation.reliability) == 38 * 3
    assert set(evaluation.pooled) == {"brier", "ece"}
    assert report.notes[0] == "model: 6 answers of 120 missing and left out of its figures"


def test_every_figure_is_within_its_interval_or_has_a_reason(files: Callable[..., tuple[Path, Path]]) -> None:
    first, gold = files()
    second, _ = files("other", seed=1)
    report = evaluate([first, second], gold, rounds=60, slices=["language"])
    figures = list(every_figure(report))
    assert len(figures) > 500
    for figure in figures:
        assert (figure.value is None) <= (figure.reason is not None and figure.low is figure.high is None)
        assert (figure.low is None) == (figure.high is None)
        if figure.low is not None:
            assert figure.low <= figure.high


def test_the_same_input_and_seed_give_the_same_report(files: Callable[..., tuple[Path, Path]]) -> None:
    predictions, gold = files()
    once = evaluate(predictions, gold, rounds=80, seed=3)
    assert evaluate(predictions, gold, rounds=80, seed=3) == once
    other = evaluate(predictions, gold, rounds=80, seed=4)
    assert other != once
    without = {"low", "high"}
    for one, another in zip(every_figure(once), every_figure(other), strict=True):
        assert one.model_dump(exclude=without)["value"] == another.model_dump(exclude=without)["value"]


def test_a_report_survives_json(files: Callable[..., tuple[Path, Path]]) -> None:
    first, gold = files()
    second, _ = files("other", seed=1)
    report = evaluate([first, second], gold, rounds=20, slices=["ward"])
    assert Report.model_validate_json(report.model_dump_json()) == report
    json.loads(report.model_dump_json(), parse_constant=pytest.fail)  # no NaN, no Infinity


def test_several_predictions_are_compared_with_the_first(files: Callable[..., tuple[Path, Path]]) -> None:
    first, gold = files()
    others = [files(name, seed=seed)[0] for seed, name in enumerate(("b", "c"), 1)]
    report = evaluate([first, *others], gold, rounds=20)
    assert [one.name for one in report.evaluations] == ["model", "b", "c"]
    assert [(one.first, one.second) for one in report.comparisons] == [("model", "b"), ("model", "c")]


def test_what_is_evaluated_together_is_the_same_as_alone(files: Callable[..., tuple[Path, Path]]) -> None:
    first, gold = files()
    second, _ = files("other", seed=1)
    together = evaluate([first, second], gold, rounds=40)
    assert together.evaluations[1] == evaluate(second, gold, rounds=40).evaluations[0]


def test_files_of_one_name_are_told_apart(tmp_path: Path, files: Callable[..., tuple[Path, Path]]) -> None:
    first, gold = files("out")
    (tmp_path / "aya").mkdir()
    second = tmp_path / "aya" / "out.jsonl"
    second.write_bytes(first.read_bytes())
    report = evaluate([first, second, second], gold, rounds=0)
    assert [one.name for one in report.evaluations] == [
        f"{tmp_path.name}/out.jsonl", "aya/out.jsonl", "aya/out.jsonl (2)",
    ]  # fmt: skip
    assert [one.second for one in report.comparisons] == ["aya/out.jsonl", "aya/out.jsonl (2)"]


def test_slices_are_the_transcripts_of_each_value(files: Callable[..., tuple[Path, Path]]) -> None:
    predictions, gold = files()
    report = evaluate(predictions, gold, rounds=20, slices=["language", "ward"])
    found = {(one.column, one.value): one for one in report.slices}
    assert set(found) == {("language", "en"), ("language", "fa"), ("ward", "w0"), ("ward", "w1")}
    assert found["language", "fa"].evaluations[0].transcripts == 20
    assert [one.name for one in found["ward", "w0"].baselines] == ["all-False", "prevalence"]
    assert "by ward: values with fewer than 5 transcripts are left out: rare (3)" in report.notes
    total = report.evaluations[0].features[0].counts
    parts = [found["language", language].evaluations[0].features[0].counts for language in ("fa", "en")]
    assert total.tp == sum(part.tp for part in parts)
    assert total.fn == sum(part.fn for part in parts)


def test_a_slice_has_the_figures_that_its_transcripts_have_alone() -> None:
    gold, predictions = simulated(40, 3)
    gold = replace(gold, columns={"half": ("a",) * 20 + ("b",) * 20})
    sliced = evaluate(predictions, gold, rounds=30, slices=["half"]).slices[0]

    alone = replace(gold, ids=gold.ids[:20], values=gold.values[:20], labelled=gold.labelled[:20])
    report = evaluate(predictions, alone, rounds=30, allow_missing=True)
    assert sliced.evaluations == report.evaluations
    assert sliced.baselines == report.baselines


def test_a_column_to_slice_by_has_to_be_there(files: Callable[..., tuple[Path, Path]]) -> None:
    predictions, gold = files()
    with pytest.raises(ColumnMissing, match="no column 'style' to slice by") as caught:
        evaluate(predictions, gold, slices=["style"])
    assert "language, ward" in caught.value.message


def test_a_column_with_too_many_values_is_refused() -> None:
    gold, predictions = simulated(300, 1)
    gold = replace(gold, columns={"nurse": tuple(str(number // 5) for number in range(300))})
    with pytest.raises(DataError, match="'nurse' of gold has 60 values"):
        evaluate(predictions, gold, slices=["nurse"])


def test_only_the_features_asked_for_are_compared(files: Callable[..., tuple[Path, Path]]) -> None:
    predictions, gold = files()
    report = evaluate(predictions, gold, features=["seizures", "pain"], rounds=0)
    assert [one.name for one in report.evaluations[0].features] == ["seizures", "pain"]
    gold_values, model = simulated(40, 3)
    some = evaluate(model, gold_values, features=["feature_1"], rounds=0)
    assert [one.name for one in some.evaluations[0].features] == ["feature_1"]
    assert [one.name for one in some.baselines[0].features] == ["feature_1"]


def test_ids_that_do_not_match_are_an_error_unless_allowed(files: Callable[..., tuple[Path, Path]]) -> None:
    predictions, gold = files(rows=30)
    with pytest.raises(DataError, match="10 of 40 ids of"):
        evaluate(predictions, gold)
    report = evaluate(predictions, gold, allow_missing=True, rounds=0)
    assert (report.evaluations[0].without_prediction, report.evaluations[0].missing_answers) == (10, 30)
    assert any("10 of 40 ids" in note for note in report.notes)
    wrong = evaluate(predictions, gold, allow_missing=True, rounds=0, missing="wrong")
    lenient, strict = (one.evaluations[0].summary["accuracy"].median.value for one in (report, wrong))
    assert lenient is not None
    assert strict is not None
    assert strict < lenient
    assert wrong.evaluations[0].features[0].counts == report.evaluations[0].features[0].counts


def test_a_gold_standard_of_one_class_only(files: Callable[..., tuple[Path, Path]]) -> None:
    gold = gold_of(np.zeros((12, 2), dtype=bool))
    report = evaluate(predictions_of(np.eye(12, 2, dtype=bool)), gold, rounds=20)
    summary = report.evaluations[0].summary
    assert summary["macro_f1"].median.value is None
    assert summary["macro_f1"].median.reason == "no truly positive transcript"
    assert summary["macro_f1"].features == 0
    assert summary["specificity"].median.value == pytest.approx(11 / 12)
    assert summary["auroc"].median.reason == "there are no probabilities"
    assert report.evaluations[0].pooled == {}
    assert any("fewer than 10 truly positive transcripts" in note for note in report.notes)


def test_predictions_that_are_all_failures(files: Callable[..., tuple[Path, Path]]) -> None:
    predictions, gold = files(failed=tuple(range(40)))
    [evaluation] = evaluate(predictions, gold, rounds=20).evaluations
    assert (evaluation.failed, evaluation.missing_answers) == (40, 120)
    assert [one.name for one in evaluation.features] == list(FEATURES)
    assert evaluation.summary["macro_f1"].median.reason == "no labelled transcript has an answer"
    assert evaluation.summary["prevalence"].median.value is not None
    assert evaluation.features[0].counts.missing == 40
    wrong = evaluate(predictions, gold, rounds=20, missing="wrong").evaluations[0]
    assert wrong.summary["accuracy"].median.value == 0


def test_without_baselines_there_are_none(files: Callable[..., tuple[Path, Path]]) -> None:
    predictions, gold = files()
    report = evaluate(predictions, gold, rounds=0, baselines=False, slices=["language"])
    assert report.baselines == ()
    assert all(one.baselines == () for one in report.slices)


def test_results_of_several_models_in_one_file_are_noted() -> None:
    gold, predictions = simulated(20, 2)
    mixed = replace(predictions, provenance={"model_hash": frozenset({"a", "b"}), "order": frozenset({"joint"})})
    assert "model mixes results that differ in: model_hash" in evaluate(mixed, gold, rounds=0).notes


@pytest.mark.parametrize(
    ("wrong", "kind"),
    [({"missing": "nothing"}, ValueError), ({"rounds": -1}, ValueError), ({"confidence": 2.0}, ValueError)],
)
def test_settings_that_there_are_not(wrong: dict[str, Any], kind: type[Exception]) -> None:
    gold, predictions = simulated(10, 1)
    with pytest.raises(kind):
        evaluate(predictions, gold, **wrong)


def test_without_predictions_there_is_nothing_to_evaluate() -> None:
    with pytest.raises(DataError, match="no predictions"):
        evaluate([], gold_of([[True]]))


def test_fewer_features_in_a_further_set(files: Callable[..., tuple[Path, Path]]) -> None:
    gold, model = simulated(40, 3)
    report = evaluate([only(model, ["feature_0"]), renamed(model, "whole")], gold, rounds=20)
    assert [len(one.features) for one in report.evaluations] == [1, 3]
    assert [len(one.features) for one in report.baselines] == [3, 3]
    assert len(report.comparisons[0].tests) == 1


def test_what_run_writes_is_evaluated(shared: Path, tmp_path: Path) -> None:
    """From transcripts to a report, as a user has it, with a model that always finds pain."""
    calls = [json.loads(line) for line in (shared / "data/calls/h.jsonl").read_text(encoding="utf-8").splitlines()[:12]]
    source = tmp_path / "calls.jsonl"
    source.write_text("".join(json.dumps(call, ensure_ascii=False) + "\n" for call in calls), encoding="utf-8")
    extractor = clinextract.Extractor(model=clinextract.FakeModel({"pain": 0.9}, context=100_000))
    clinextract.run(extractor, source, tmp_path / "out.csv")
    [evaluation] = evaluate(tmp_path / "out.csv", source, rounds=20).evaluations
    pain = next(one for one in evaluation.features if one.name == "pain")
    present = sum(call["labels"]["pain"] for call in calls)
    assert (pain.counts.tp, pain.counts.fp, pain.counts.fn, pain.counts.tn) == (present, 12 - present, 0, 0)


def key_rows() -> list[str]:
    """Every key of the JSON with its description, as the documentation's table has it."""
    kinds = [kind for kind in vars(results).values() if isinstance(kind, type) and issubclass(kind, results._Result)]
    return [
        f"| `{name}` | {field.description} |"
        for kind in kinds
        if kind is not results._Result
        for name, field in kind.model_fields.items()
    ]


def test_every_key_is_described_on_the_page() -> None:
    page = PAGE.read_text(encoding="utf-8")
    lacking = [row for row in key_rows() if row not in page]
    assert lacking == [], "\n".join(lacking)


def test_every_metric_is_described_on_the_page() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert [metric.key for metric in METRICS if f"| `{metric.key}` | {metric.definition} |" not in page] == []
