"""Rows of results: a table holds the same as a line of JSON, and can be read back as one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from clinextract import Extractor, FakeModel, Feature, PalliativeCall
from clinextract.errors import RecordInvalid, SchemaError
from clinextract.io import Column, create_table, open_table
from clinextract.records import Failure
from clinextract.rows import Row, columns, flatten, names, to_row, unflatten
from clinextract.schema.features import fields_of


class Dose(BaseModel):
    drug: str = Field(max_length=10)
    tablets: int = Field(ge=0, le=9)


class Ward(BaseModel):
    """A field of every kind."""

    fall: bool
    smoker: bool | None
    mobility: Literal["alone", "with help"] | None
    grade: Literal[1, 2, 3]
    falls: int = Field(ge=0, le=10**6)
    account: int = Field(ge=0, le=10**25)
    fever: float = Feature(label={"en": "Fever"}, definition={"en": "Highest."}, ge=30, le=45, places=1)
    admitted: date
    note: str = Field(max_length=50)
    remark: str | None = Field(max_length=50)
    aids: list[Literal["stick", "frame", "chair"]]
    doses: list[Dose] = Field(max_length=3)
    last: Dose | None


SPECS = fields_of(Ward)
LOSSLESS = [".jsonl", ".parquet"]

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
probabilities = st.floats(0, 1) | st.none()
doses = st.fixed_dictionaries({"drug": texts, "tablets": st.integers(0, 9)})
features = st.fixed_dictionaries(
    {
        "fall": st.booleans(),
        "smoker": st.booleans() | st.none(),
        "mobility": st.sampled_from(["alone", "with help", None]),
        "grade": st.sampled_from([1, 2, 3]),
        "falls": st.integers(0, 10**6),
        "account": st.integers(0, 10**25),
        "fever": st.integers(300, 450).map(lambda tenths: tenths / 10),
        "admitted": st.dates(date(2000, 1, 1)).map(date.isoformat),
        "note": texts,
        "remark": texts | st.none(),
        "aids": st.lists(st.sampled_from(["stick", "frame", "chair"]), unique=True),
        "doses": st.lists(doses, max_size=3),
        "last": doses | st.none(),
    }
)
evidence = st.fixed_dictionaries(
    {"line": st.integers(1), "start": st.integers(0), "end": st.integers(0), "text": texts}
)
done = st.fixed_dictionaries(
    {
        "id": texts.filter(bool),
        "status": st.just("ok"),
        "features": features,
        "probabilities": st.fixed_dictionaries({spec.name: probabilities for spec in SPECS}),
        "review": st.lists(st.sampled_from([spec.name for spec in SPECS]), unique=True),
        "evidence": st.dictionaries(st.sampled_from(["fall", "note"]), st.lists(evidence, max_size=2)),
        "error": st.none(),
        "provenance": st.fixed_dictionaries({"model": texts, "seconds": st.just({"decode": 0.25})}),
    },
    optional={"translation": texts.filter(bool)},
)
failed = st.builds(
    lambda name, message, hint: to_row(Failure(name, RecordInvalid(message, hint=hint), "read")),
    texts.filter(bool), texts, texts,
)  # fmt: skip
rows = done | failed


@given(rows)
def test_unflatten_undoes_flatten(row: Row) -> None:
    assert unflatten(flatten(row, SPECS), SPECS) == row


@given(rows)
def test_a_flat_row_has_the_columns_that_are_said(row: Row) -> None:
    said = [column.name for column in columns(SPECS, translation="translation" in row)]
    assert list(flatten(row, SPECS)) == said


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".parquet"])
@given(written=st.lists(rows, min_size=1, max_size=3))
@settings(max_examples=40)
def test_a_table_holds_the_same(suffix: str, written: list[Row], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("rows") / f"table{suffix}"
    with create_table(path, columns(SPECS, translation=True)) as sink:
        for row in written:
            sink.write(flatten(row, SPECS))
    found = [unflatten(row, SPECS) for _, row in open_table(path)]
    assert found == [row if suffix in LOSSLESS else without_empty_remarks(row) for row in written]


def without_empty_remarks(row: Row) -> Row:
    """The one thing in which csv tells less."""
    kept = row["features"] and row["features"] | {"remark": row["features"]["remark"] or None}
    return row | {"features": kept}


def test_what_an_extractor_gives_is_held_by_every_table(tmp_path: Path) -> None:
    answers = {"fall": True, "mobility": "with help", "falls": 2, "aids": ["stick"], "note": "افتاد، می‌گوید", "doses": [{"drug": "x", "tablets": 2}], "last": None}  # fmt: skip # noqa: E501
    row = to_row(Extractor(Ward, FakeModel(answers))("He fell twice."))
    assert (row["features"]["fall"], row["features"]["doses"]) == (True, answers["doses"])
    for suffix in (".csv", ".jsonl", ".parquet"):
        with create_table(tmp_path / f"o{suffix}", columns(SPECS)) as sink:
            sink.write(flatten(row, SPECS))
        [(_, found)] = open_table(tmp_path / f"o{suffix}")
        assert without_empty_remarks(unflatten(found, SPECS)) == without_empty_remarks(row)


def test_a_failure_has_no_answers_and_least_of_all_false_ones() -> None:
    flat = flatten(to_row(Failure("7", RecordInvalid("it is empty", hint="Drop it."), "read")), SPECS)
    assert {flat[spec.name] for spec in SPECS} == {None}
    assert {flat[f"{spec.name}_probability"] for spec in SPECS} == {None}
    assert (flat["status"], flat["error_type"], flat["error_message"]) == ("failed", "RecordInvalid", "it is empty")


def test_parquet_keeps_kinds() -> None:
    kinds = {column.name: column.kind for column in columns(SPECS)}
    assert [kinds[name] for name in ("fall", "smoker", "falls", "fever", "admitted", "aids")] == [
        "boolean", "boolean", "integer", "number", "text", "text",
    ]  # fmt: skip
    assert kinds["account"] == "text"  # beyond 64 bits
    assert kinds["fall_probability"] == "number"


def test_names_are_those_that_a_row_can_have() -> None:
    specs = fields_of(PalliativeCall)
    assert {"id", "pain", "pain_probability", "error_hint", "translation"} <= names(specs, nested=False)
    assert "pain" not in names(specs, nested=True)
    assert set(to_row(Failure("7", RecordInvalid("x"), "read"))) <= names(specs, nested=True)


def clashing(*given: str) -> Callable[[], list[Column]]:
    schema: Any = type("Clashing", (BaseModel,), {"__annotations__": dict.fromkeys(given, bool)})
    return lambda: columns(fields_of(schema))


@pytest.mark.parametrize("given", [("status",), ("provenance",), ("pain", "pain_probability")])
def test_a_field_never_takes_the_place_of_another_column(given: tuple[str, ...]) -> None:
    with pytest.raises(SchemaError, match="has the name of another column") as caught:
        clashing(*given)()
    assert caught.value.field == given[-1]
