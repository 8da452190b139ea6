"""`calibrate` and `--calibration` as a user meets them: from a run's rows and labels to calibrated answers."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clinextract import CalibrationError, Calibrator, Document, Extractor, FakeModel, PalliativeCall, calibrate, cli
from clinextract.calibration.maps import sigmoid
from clinextract.rows import to_row

SECRET = "Zarathustra"
NAMES = tuple(PalliativeCall.model_fields)


@pytest.fixture(scope="module")
def calls() -> list[dict[str, Any]]:
    """240 labelled calls, and P(yes) of a model that is three times too sure of each feature."""
    chance = np.random.default_rng(0)
    truth = chance.random((240, 13)) < 0.3
    truth[:, 4] = np.arange(240) < 5  # too few seizures to fit anything
    evidence = chance.normal(np.where(truth, 1.4, -1.4), 1.5) * 1.25 - 0.85
    raw = sigmoid(3 * evidence)
    return [
        {
            "id": f"call-{n}",
            "transcript": f"{SECRET} calls for the {n}th time.",
            "labels": dict(zip(NAMES, map(bool, truth[n]), strict=True)),
            "raw": dict(zip(NAMES, map(float, raw[n]), strict=True)),
        }
        for n in range(240)
    ]


@pytest.fixture(scope="module")
def rows(calls: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What a run writes for them."""
    raw = {call["transcript"]: call["raw"] for call in calls}
    extractor = Extractor(PalliativeCall, FakeModel(lambda text: raw[text]))
    return [to_row(one) for one in extractor.batch([Document(call["transcript"], id=call["id"]) for call in calls])]


Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def _write(name: str, lines: list[dict[str, Any]]) -> Path:
        file = tmp_path / name
        file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        return file

    return _write


@pytest.fixture
def files(write: Write, rows: list[dict[str, Any]], calls: list[dict[str, Any]]) -> list[str]:
    """Predictions and gold."""
    gold = [{"id": call["id"], "labels": call["labels"]} for call in calls]
    return [str(write("predictions.jsonl", rows)), str(write("gold.jsonl", gold))]


class Run:
    """One run of the command line in this process: exit code, and what went to the two streams."""

    def __init__(self, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
        self.code = cli.main(arguments)
        self.out, self.err = capsys.readouterr()


@pytest.mark.parametrize("width", [80, 120])
def test_from_labelled_calls_to_a_file(
    width: int, files: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    file = tmp_path / "calibration.json"
    run = Run(["calibrate", *files, "-o", str(file), "--sensitivity", "0.9", "--error-rate", "0.05"], capsys)
    assert (run.code, run.err) == (0, "")
    made = Calibrator.load(file)
    assert list(made.fields) == list(NAMES)
    assert (made.method, made.target, made.sensitivity, made.error_rate) == ("temperature", "sensitivity", 0.9, 0.05)
    assert made.model == "fake"
    assert made.quality is not None
    assert made.quality.brier_after < made.quality.brier_before
    assert made.quality.ece_after < made.quality.ece_before / 2
    for name in NAMES:
        assert sum(line.startswith(name) for line in run.out.splitlines()) == 2  # whole, in both tables
    assert f"Brier score {made.quality.brier_before:.3f} → {made.quality.brier_after:.3f}" in run.out
    assert "seizures: only 5 positive labels, and 10 are needed" in run.out
    assert max(map(len, run.out.splitlines())) <= max(width, len(str(file)) + 30)
    assert SECRET not in run.out


def test_what_the_tables_show_is_what_the_file_holds(
    files: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    file = tmp_path / "calibration.json"
    run = Run(["calibrate", *files, "-o", str(file), "--method", "isotonic", "--best-mcc"], capsys)
    made = Calibrator.load(file)
    for name, field in made.fields.items():
        first, second = (line.split() for line in run.out.splitlines() if line.startswith(name))
        assert field.quality is not None
        assert first[1:4] == [str(field.labelled), f"({field.positives})", field.method]
        assert first[4] == f"{field.quality.brier_before:.3f}→{field.quality.brier_after:.3f}"
        assert first[5] == f"{field.quality.ece_before:.3f}→{field.quality.ece_after:.3f}"
        assert second[1:3] == [f"{field.threshold:.2f}", f"{field.low:.2f}–{field.high:.2f}"]
        assert second[3] == f"{field.reviewed:.1%}"


def test_a_calibration_is_used_by_the_extractor_that_it_was_made_for(
    files: list[str], calls: list[dict[str, Any]], tmp_path: Path
) -> None:
    raw = {call["transcript"]: call["raw"] for call in calls}
    answers = lambda text: raw[text]  # noqa: E731
    made = calibrate(*files, sensitivity=0.9)
    plain = Extractor(PalliativeCall, FakeModel(answers))
    calibrated = Extractor(PalliativeCall, FakeModel(answers), calibrator=made)
    found = {"before": 0, "after": 0, "true": 0}
    for call in calls:
        before, after = plain(call["transcript"]), calibrated(call["transcript"])
        for name, present in call["labels"].items():
            if name != "seizures":
                found["true"] += present
                found["before"] += present and before.answers[name].value
                found["after"] += present and after.answers[name].value
    assert found["after"] / found["true"] >= 0.9 > found["before"] / found["true"]


def test_labels_may_be_a_table(
    rows: list[dict[str, Any]], calls: list[dict[str, Any]], write: Write, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    predictions = write("predictions.jsonl", rows)
    gold = tmp_path / "gold.csv"
    with gold.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["number", "pain", "fever"])
        table.writerows([call["id"], call["labels"]["pain"], ""] for call in calls)
    moved = write("moved.jsonl", [row | {"number": row["id"]} for row in rows])
    output = tmp_path / "calibration.json"
    options = ["-o", str(output), "--id", "number"]
    refused = Run(["calibrate", str(moved), str(gold), *options, "--features", "pain, fever"], capsys)
    assert refused.code == 2
    assert "--blank" in refused.err
    assert not output.exists()
    run = Run(["calibrate", str(moved), str(gold), *options, "--features", "pain", "--blank", "unlabelled"], capsys)
    assert run.code == 0
    assert list(Calibrator.load(output).fields) == ["pain"]
    assert Run(["calibrate", str(predictions), str(gold), "-o", str(output), "--overwrite"], capsys).code == 2


def test_calls_in_one_file_only_are_refused_or_left_out(
    rows: list[dict[str, Any]], calls: list[dict[str, Any]], write: Write, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    gold = [{"id": call["id"], "labels": call["labels"]} for call in calls]
    given = [str(write("predictions.jsonl", rows[:200])), str(write("gold.jsonl", gold[10:]))]
    output = tmp_path / "calibration.json"
    assert Run(["calibrate", *given, "-o", str(output)], capsys).code == 2
    assert Run(["calibrate", *given, "-o", str(output), "--allow-missing"], capsys).code == 0
    assert Calibrator.load(output).fields["pain"].labelled == 190


def test_predictions_without_labels_may_not_bring_in_a_language(
    rows: list[dict[str, Any]], calls: list[dict[str, Any]], write: Write
) -> None:
    gold = write("gold.jsonl", [{"id": call["id"], "labels": call["labels"]} for call in calls[:150]])
    mixed = write("mixed.jsonl", [*rows[:150], *changed(rows[150:], language="fa")])
    with pytest.raises(CalibrationError, match="which languages the labels cover"):
        calibrate(mixed, gold, allow_missing=True)
    whole = write("whole.jsonl", [{"id": call["id"], "labels": call["labels"]} for call in calls])
    assert calibrate(mixed, whole).binding.languages == ("en", "fa")
    assert calibrate(write("one.jsonl", rows), gold, allow_missing=True).binding.languages == ("en",)


def changed(rows: list[dict[str, Any]], **provenance: Any) -> list[dict[str, Any]]:
    return [row | {"provenance": row["provenance"] | provenance} for row in rows]


def no_provenance(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row | {"provenance": None} for row in rows]


def no_probabilities(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row | {"probabilities": dict.fromkeys(NAMES)} for row in rows]


def failures(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    error = {"type": "DocumentTooLong", "message": "too long", "hint": "none"}
    return [{"id": row["id"], "status": "failed", "features": None, "error": error} for row in rows]


UNFIT: dict[str, tuple[Callable[[list[dict[str, Any]]], list[dict[str, Any]]], str]] = {
    "calibrated": (lambda rows: changed(rows, calibration="9" * 16), "with a calibration already"),
    "two models": (lambda rows: [*changed(rows[:9], model_hash="9" * 16), *rows[9:]], "2 of model_hash"),
    "without provenance": (no_provenance, "how they were made"),
    "without probabilities": (no_probabilities, "no labelled answer with a probability"),
    "failures only": (failures, "no labelled answer with a probability"),
}


@pytest.mark.parametrize(("change", "message"), UNFIT.values(), ids=UNFIT)
def test_predictions_that_cannot_be_calibrated_on(
    change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]], message: str, rows: list[dict[str, Any]],
    files: list[str], write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    predictions = write("unfit.jsonl", change(rows))
    output = tmp_path / "calibration.json"
    run = Run(["calibrate", str(predictions), files[1], "-o", str(output)], capsys)
    assert run.code == 2
    assert message in run.err
    assert "clinextract run" in run.err
    assert "Traceback" not in run.err
    assert not output.exists()
    with pytest.raises(CalibrationError, match=message):
        calibrate(predictions, files[1])


OPTIONS = {
    "two aims": (["--sensitivity", "0.9", "--best-mcc"], "not for both"),
    "sensitivity above 1": (["--sensitivity", "90"], "between 0 and 1"),
    "no error at all": (["--error-rate", "0"], "between 0 and 1"),
    "unknown method": (["--method", "magic"], "--help"),
    "a feature that is not there": (["--features", "pian"], "pian"),
}


@pytest.mark.parametrize(("options", "message"), OPTIONS.values(), ids=OPTIONS)
def test_options_that_cannot_be(
    options: list[str], message: str, files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "calibration.json"
    run = Run(["calibrate", *files, "-o", str(output), *options], capsys)
    assert run.code == 2
    assert message in run.err
    assert not output.exists()


def test_a_file_is_replaced_only_on_request(
    files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "calibration.json"
    output.write_text("mine")
    run = Run(["calibrate", *files, "-o", str(output)], capsys)
    assert (run.code, output.read_text()) == (2, "mine")
    assert "--overwrite" in run.err
    assert Run(["calibrate", *files, "-o", str(output), "--overwrite"], capsys).code == 0
    assert Calibrator.load(output)
    assert Run(["calibrate", *files, "-o", str(tmp_path / "no" / "folder.json")], capsys).code == 2


def test_extract_takes_a_calibration(tiny_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    extractor = Extractor(PalliativeCall, str(tiny_folder))
    texts = [f"Call {n}: she has pain, and a fever." for n in range(40)]
    rows = [to_row(one) | {"id": f"c{n}"} for n, one in enumerate(extractor.batch(texts))]
    predictions, gold = tmp_path / "predictions.jsonl", tmp_path / "gold.jsonl"
    predictions.write_text("".join(json.dumps(row) + "\n" for row in rows))
    labels = [{"id": f"c{n}", "labels": dict.fromkeys(NAMES, n % 2 == 0)} for n in range(40)]
    gold.write_text("".join(json.dumps(row) + "\n" for row in labels))
    file = tmp_path / "calibration.json"
    assert Run(["calibrate", str(predictions), str(gold), "-o", str(file), "--sensitivity", "0.9"], capsys).code == 0
    given = ["extract", "She has pain.", "--model", str(tiny_folder), "--calibration", str(file), "--json"]
    run = Run(given, capsys)
    assert run.code == 0
    assert json.loads(run.out)["provenance"]["calibration"] == Calibrator.load(file).hash
    other = Run([*given, "--order", "independent"], capsys)
    assert other.code == 2
    assert "another order" in other.err
    spoiled = tmp_path / "spoiled.json"
    spoiled.write_text("{}")
    broken = Run(["extract", "She has pain.", "--calibration", str(spoiled)], capsys)
    assert broken.code == 2
    assert "spoiled.json" in broken.err
    persian = Run(["extract", f"{SECRET} درد دارد و شب نمی‌خوابد", *given[2:]], capsys)
    assert persian.code == 2
    assert "calls in en, and this one is in fa" in persian.err
    assert SECRET not in persian.err
