"""Gold standards and predictions as people have them: what is read, and what is refused with its place."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clinextract import ColumnMissing, DataError, Extractor, FakeModel, PalliativeCall, RecordInvalid
from clinextract.errors import ClinExtractError
from clinextract.evaluation.cells import BLANK, NO, NUMBER, OTHER, YES, code_of
from clinextract.evaluation.labels import read_gold, read_predictions
from clinextract.io import create_table
from clinextract.rows import columns, flatten, to_row
from clinextract.schema.features import fields_of

WORDS = "Zarathustra coughs"
"""What may be a patient's words, and so may stand in no message."""


def csv(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def jsonl(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


SPELLINGS = {
    YES: [
        "true",
        "TRUE",
        " True ",
        "yes",
        "Y",
        "1",
        "1.0",
        "t",
        "present",
        "Positive",
        "+",
        "بله",
        "دارد",
        "مثبت",
        "۱",
    ],
    NO: ["false", "No", "n", "0", "0.0", "F", "absent", "negative", "-", "−", "خیر", "خير", "ندارد", "منفی", "۰"],
    BLANK: ["", "   ", "\u200c"],
    OTHER: ["maybe", "unknown", "yes and no", "y" * 50, "no pain", "nein"],
    NUMBER: ["2", "-1", "0.5"],
}


@pytest.mark.parametrize(("code", "text"), [(code, text) for code, texts in SPELLINGS.items() for text in texts])
def test_what_a_cell_says(code: int, text: str) -> None:
    assert code_of(text) == code


@pytest.mark.parametrize(
    ("code", "value"),
    [
        (YES, True),
        (NO, False),
        (YES, 1),
        (NO, 0.0),
        (BLANK, None),
        (BLANK, float("nan")),
        (NUMBER, 2),
        (OTHER, ["yes"]),
    ],
)
def test_what_a_value_of_json_or_parquet_says(code: int, value: object) -> None:
    assert code_of(value) == code


def test_a_csv_with_a_column_for_each_feature(tmp_path: Path) -> None:
    path = csv(
        tmp_path / "gold.csv",
        "id,language,age,pain,fever,transcript",
        f"a,fa,71,yes,no,{WORDS}",
        f"b,en,64,1,0,{WORDS}",
        f"c,en,1,دارد,ندارد,{WORDS * 20}",
    )
    gold = read_gold(path)
    assert (gold.name, gold.ids, gold.features) == ("gold.csv", ("a", "b", "c"), ("pain", "fever"))
    assert gold.values.tolist() == [[True, False]] * 3
    assert gold.labelled.all()
    # What can be sliced by holds no running text.
    assert gold.columns == {"language": ("fa", "en", "en"), "age": ("71", "64", "1")}
    assert gold.notes == ()


def test_features_are_read_in_the_order_asked_for(tmp_path: Path) -> None:
    path = csv(tmp_path / "gold.csv", "id,pain,fever", "a,yes,no")
    gold = read_gold(path, features=["fever", "pain"])
    assert (gold.features, gold.values.tolist()) == (("fever", "pain"), [[False, True]])
    assert read_gold(path, features=["pain"]).notes == (
        "gold.csv also has yes/no columns that are not compared: fever",
    )


LABELS = {
    "by name": {"labels": {"pain": True, "fever": False}},
    "names of the present ones": {"labels": ["pain"]},
    "features": {"features": {"pain": True, "fever": False}},
    "as text": {"labels": '{"pain": true, "fever": false}'},
    "at the top": {"pain": "yes", "fever": 0},
}


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
def test_json_lines_in_each_shape(labels: Mapping[str, Any], tmp_path: Path) -> None:
    rows = [{"id": number, "language": "fa", "transcript": WORDS, **labels} for number in (7, 8)]
    gold = read_gold(jsonl(tmp_path / "gold.jsonl", rows), features=["pain", "fever"])
    assert gold.ids == ("7", "8")
    assert gold.values.tolist() == [[True, False]] * 2
    assert gold.labelled.all()
    assert gold.columns["language"] == ("fa", "fa")


def test_the_shared_calls_are_a_gold_standard(shared: Path) -> None:
    gold = read_gold(shared / "data" / "calls" / "a.jsonl")
    assert gold.features == tuple(PalliativeCall.model_fields)
    assert set(gold.columns["language"]) == {"fa", "en"}
    assert "transcript" not in gold.columns


def test_an_empty_label_is_refused_a_no_or_left_out(tmp_path: Path) -> None:
    path = csv(tmp_path / "gold.csv", "id,pain,fever", "a,yes,", "b,,no")
    with pytest.raises(RecordInvalid) as caught:
        read_gold(path)
    assert "row 1, column fever (empty), row 2, column pain (empty)" in caught.value.message.replace(";", ",")
    assert "--blank no" in caught.value.hint
    assert read_gold(path, blank="no").labelled.all()
    assert read_gold(path, blank="no").values.tolist() == [[True, False], [False, False]]
    assert read_gold(path, blank="unlabelled").labelled.tolist() == [[True, False], [False, True]]


def test_a_row_without_labels_among_others_is_blank(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "gold.jsonl", [{"id": "a", "labels": {"pain": True}}, {"id": "b", "labels": None}])
    assert read_gold(path, blank="unlabelled").labelled.tolist() == [[True], [False]]


def test_labels_that_cannot_be_read_are_listed_up_to_ten(tmp_path: Path) -> None:
    rows = [f"c{number},{WORDS if number % 2 else 'yes'},no" for number in range(1, 31)]
    with pytest.raises(RecordInvalid) as caught:
        read_gold(csv(tmp_path / "gold.csv", "id,pain,fever", *rows))
    message = caught.value.message
    assert message.startswith("15 labels of gold.csv cannot be read as yes or no: row 1, column pain")
    assert message.count("row ") == 10
    assert message.endswith("and 5 more")
    assert_silent(caught.value)
    assert "yes/no" in caught.value.hint


@pytest.mark.parametrize("value", ["2", "unknown", "maybe", "0.5"])
def test_other_words_and_numbers_are_no_labels(value: str, tmp_path: Path) -> None:
    path = csv(tmp_path / "gold.csv", "id,pain", "a,yes", f"b,{value}")
    with pytest.raises(RecordInvalid, match="row 2, column pain"):
        read_gold(path, features=["pain"])


def assert_silent(error: ClinExtractError) -> None:
    assert not [word for word in WORDS.split() if word in f"{error} {error!r} {error.hint}"]


FAULTS: Mapping[str, tuple[list[str], type[ClinExtractError], str]] = {
    "no rows": (["id,pain"], DataError, "gold.csv has no rows"),
    "no ids": (["call,pain", "a,yes"], ColumnMissing, "no column 'id'; it has: call, pain"),
    "empty id": (["id,pain", "a,yes", " ,no"], RecordInvalid, "row 2 of gold.csv has no id"),
    "id twice": (["id,pain", "a,yes", "b,no", "a,no"], RecordInvalid, "1 id more than once: a"),
    "ids that are words": (
        ["id,pain", f"{WORDS},yes", f"{WORDS},no"], RecordInvalid, "once: the one in row 1",
    ),
    "nothing yes/no": (["id,note", f"a,{WORDS}"], DataError, "has no column that is yes/no; it has: note"),
    "header missing": ([f"{WORDS * 5},x", "a,yes"], ColumnMissing, "a longer name"),
}  # fmt: skip


@pytest.mark.parametrize(("lines", "kind", "message"), FAULTS.values(), ids=FAULTS)
def test_a_bad_gold_standard(lines: list[str], kind: type[ClinExtractError], message: str, tmp_path: Path) -> None:
    path = csv(tmp_path / "gold.csv", *lines)
    for read in (read_gold, read_predictions):
        with pytest.raises(kind) as caught:
            read(path)
        assert message in caught.value.message
        assert caught.value.hint
        assert_silent(caught.value)


def test_a_feature_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = csv(tmp_path / "gold.csv", "id,pain", "a,yes")
    with pytest.raises(ColumnMissing, match="no column for: fever, seizures") as caught:
        read_gold(path, features=["pain", "fever", "seizures"])
    assert "--features" in caught.value.hint


def result_rows() -> list[dict[str, Any]]:
    """What `clinextract run` writes: two results and a failure."""
    extractor = Extractor(PalliativeCall, FakeModel({"pain": 0.9, "fever": 0.2}, context=4096))
    return [to_row(one) for one in extractor.batch(["He has pain.", " ", "She has a fever."])]


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "parquet"])
def test_what_run_writes_is_read_in_every_format(suffix: str, tmp_path: Path) -> None:
    rows, fields = result_rows(), fields_of(PalliativeCall)
    path = tmp_path / f"out.{suffix}"
    with create_table(path, columns(fields)) as out:
        for row in rows:
            out.write(row if suffix == "jsonl" else flatten(row, fields))
    read = read_predictions(path)
    assert read.ids == tuple(row["id"] for row in rows)
    assert read.features == tuple(PalliativeCall.model_fields)
    assert read.failed.tolist() == [False, True, False]
    assert read.answered.tolist() == [[True] * 13, [False] * 13, [True] * 13]
    for number in (0, 2):
        assert dict(zip(read.features, read.values[number].tolist(), strict=True)) == rows[number]["features"]
        assert dict(zip(read.features, read.probabilities[number], strict=True)) == rows[number]["probabilities"]
    assert np.isnan(read.probabilities[1]).all()
    assert not read.values[1].any()
    assert set(read.provenance) == {
        "model", "model_hash", "prompt_hash", "schema_hash", "order", "decoding", "language",
    }  # fmt: skip
    assert read.provenance["model_hash"] == {rows[0]["provenance"]["model_hash"]}
    assert read.notes == ()


def test_anybodys_table_of_predictions(tmp_path: Path) -> None:
    path = csv(
        tmp_path / "theirs.csv", "id,pain,pain_probability,fever,fever_probability", "a,yes,0.9,no,", "b,no,0.2,,0.4"
    )
    read = read_predictions(path)
    assert read.features == ("pain", "fever")
    assert read.answered.tolist() == [[True, True], [True, False]]
    # Without an answer there is no probability of it.
    np.testing.assert_array_equal(read.probabilities, [[0.9, np.nan], [0.2, np.nan]])
    assert read.provenance == {}
    some = read_predictions(csv(tmp_path / "some.csv", "id,pain,pain_probability,fever,ward", "a,yes,0.9,no,west"))
    assert (some.features, some.notes) == (("pain", "fever"), ())
    plain = read_predictions(csv(tmp_path / "plain.csv", "id,pain,fever,note", "a,1,0,hm", "b,0,,ok"))
    assert plain.features == ("pain", "fever")
    assert np.isnan(plain.probabilities).all()


def test_fields_that_are_not_yes_or_no_are_left_out_with_a_note(tmp_path: Path) -> None:
    rows = [
        {"id": key, "status": "ok", "features": {"pain": True, "severity": "mild", "size_mm": 30, "note": WORDS}}
        for key in "ab"
    ]
    read = read_predictions(jsonl(tmp_path / "out.jsonl", rows))
    assert read.features == ("pain",)
    assert read.notes == ("out.jsonl: left out, since not yes/no: severity, size_mm, note",)


def test_a_file_of_failures_only_is_read(tmp_path: Path) -> None:
    rows = [{"id": key, "status": "failed", "features": None, "probabilities": None} for key in "ab"]
    read = read_predictions(jsonl(tmp_path / "out.jsonl", rows))
    assert (read.features, read.failed.all(), read.values.shape) == ((), True, (2, 0))
    named = read_predictions(tmp_path / "out.jsonl", features=["pain"])
    assert (named.features, named.answered.any()) == (("pain",), False)


@pytest.mark.parametrize("value", ["1.5", "-0.1", "often"])
def test_a_probability_has_to_be_one(value: str, tmp_path: Path) -> None:
    path = csv(tmp_path / "out.csv", "id,pain,pain_probability", "a,yes,0.9", f"b,yes,{value}")
    with pytest.raises(RecordInvalid, match=r"1 probability of out\.csv cannot be read: row 2, column pain"):
        read_predictions(path)


def test_an_answer_that_cannot_be_read_is_no_missing_one(tmp_path: Path) -> None:
    path = csv(tmp_path / "out.csv", "id,pain", "a,yes", f"b,{WORDS}", "c,no")
    with pytest.raises(RecordInvalid, match="row 2, column pain") as caught:
        read_predictions(path)
    assert_silent(caught.value)


def test_reprs_show_no_row(tmp_path: Path) -> None:
    gold = read_gold(csv(tmp_path / "gold.csv", "id,pain,ward", f"a,yes,{WORDS}"))
    assert repr(gold) == "Gold(name='gold.csv', transcripts=1, features=1)"
    read = read_predictions(csv(tmp_path / "out.csv", "id,pain", "a,yes"))
    assert repr(read) == "Predictions(name='out.csv', transcripts=1, features=1)"
