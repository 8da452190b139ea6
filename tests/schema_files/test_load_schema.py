"""From a file to a model class and back: nothing is lost, and decoding keeps what the file says."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from pydantic import BaseModel, ValidationError
from tiny import model
from written import files

from clinextract import Extractor, FakeModel, PalliativeCall, dump_schema, load_schema
from clinextract.errors import SchemaError, SchemaFileError
from clinextract.schema.features import Feature, fields_of, json_schema_of, schema_hash
from clinextract.schema.rules import Rules
from clinextract.schema_files.loading import info_of
from clinextract.schema_files.reading import shipped

KINDS = """
name: every_kind
languages: [en, fa]
features:
  - {id: cough, kind: yes/no, definition: a}
  - {id: grade, kind: choice, choices: [yes, no, mild], definition: b}
  - {id: aids, kind: several, choices: {stick: {en: A stick, fa: عصا}, chair: }, definition: c}
  - {id: score, kind: whole number, minimum: 0, maximum: 10, unit: points, definition: d, optional: no}
  - {id: heat, kind: decimal, minimum: 34, maximum: 43, definition: e}
  - {id: day, kind: date, earliest: 2020-01-01, definition: f}
  - {id: note, kind: short text, max_length: 20, definition: g}
  - {id: said, kind: quote, max_items: 2, max_length: 30, definition: h}
  - id: medicines
    kind: groups
    max_items: 2
    definition: i
    fields:
      - {id: medicine, kind: quote, optional: no, definition: j}
      - {id: dose, kind: decimal, minimum: 0, maximum: 1000, places: 2, unit: mg, definition: k}
"""


def written(folder: Path, text: str, name: str = "ward.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_every_kind_gives_its_annotation(tmp_path: Path) -> None:
    schema = load_schema(written(tmp_path, KINDS))
    assert schema.__name__ == "EveryKind"
    full: dict[str, Any] = {
        "cough": True, "grade": "no", "aids": ["chair"], "score": 3, "heat": 38.5, "day": "2024-05-06", "note": "well",
        "said": ["my leg"], "medicines": [{"medicine": "morphine", "dose": 2.25}],
    }  # fmt: skip
    one = schema.model_validate(full)
    assert one.model_dump(mode="json") == full
    bare = {"cough": False, "score": 0, "aids": [], "said": [], "medicines": []}
    assert schema.model_validate({**dict.fromkeys(("grade", "heat", "day", "note")), **bare})
    for name, wrong in {"grade": "severe", "score": 11, "heat": 44, "day": "2019-12-31", "aids": ["bed"]}.items():
        with pytest.raises(ValidationError):
            schema.model_validate(full | {name: wrong})
    with pytest.raises(ValidationError):
        one.cough = False  # type: ignore[attr-defined]


def test_what_the_file_says_reaches_the_fields(tmp_path: Path) -> None:
    fields = {field.name: field for field in fields_of(load_schema(written(tmp_path, KINDS)))}
    assert fields["aids"].choice_labels == {"stick": {"en": "A stick", "fa": "عصا"}}
    assert (fields["score"].unit, fields["heat"].places) == ("points", 1)
    assert fields["said"].fields[0].kind == "quote"
    assert fields["note"].nullable
    assert fields["cough"].definition == {"en": "a"}


@settings(max_examples=150)
@given(files())
def test_any_file_comes_back_from_its_schema(tmp_path_factory: pytest.TempPathFactory, content: str) -> None:
    folder = tmp_path_factory.getbasetemp()
    schema = load_schema(written(folder, content))
    again = load_schema(written(folder, dump_schema(schema), "again.yaml"))
    assert json_schema_of(again) == json_schema_of(schema)
    assert schema_hash(again) == schema_hash(schema)
    assert dump_schema(again) == dump_schema(schema)


@settings(max_examples=25)
@given(files())
def test_whatever_the_weights_are_the_answer_is_one_of_the_schema(
    tmp_path_factory: pytest.TempPathFactory, content: str
) -> None:
    schema = load_schema(written(tmp_path_factory.getbasetemp(), content))
    weights = model("bytes", "llama", random.Random(content).randrange(10))
    said = "The patient has it.\nدرد دارد، 38.5"
    call = Extractor(schema, weights)(said)
    assert schema.model_validate_json(call.features.model_dump_json(), strict=True) == call.features
    values = call.features.model_dump(mode="json")
    assert Rules(fields_of(schema)).broken(values) == ()
    for field in fields_of(schema):
        if field.kind == "quote" and values[field.name]:
            assert values[field.name] in said


@pytest.mark.parametrize("name", shipped())
def test_shipped_schemas_are_right_and_speak_both_languages(name: str) -> None:
    schema = load_schema(name)
    again = load_schema_text(dump_schema(schema), name)
    assert fields_of(again) == fields_of(schema)
    for field in fields_of(schema):
        for one in (field, *field.fields, *(inner for item in field.fields for inner in item.fields)):
            if one.name:
                assert set(one.label) == set(one.definition) == {"en", "fa"}
    assert Extractor(schema, FakeModel())("Nothing to tell.").features


def load_schema_text(text: str, name: str) -> type[BaseModel]:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        return load_schema(written(Path(folder), text, f"{name}.yaml"))


def test_a_python_model_becomes_a_file(tmp_path: Path) -> None:
    assert fields_of(load_schema(written(tmp_path, dump_schema(PalliativeCall)))) == fields_of(PalliativeCall)

    class Odd(BaseModel):
        درد: bool = Feature(label={"en": "Pain"}, definition={"en": "It hurts."})

    with pytest.raises(SchemaError, match="cannot be written"):
        dump_schema(Odd)


def test_extending_adds_replaces_and_leaves_out(tmp_path: Path) -> None:
    schema = load_schema(written(tmp_path, EXTENDING))
    names = list(schema.model_fields)
    assert names[0] == "visit_request"
    assert names[-1] == "lymphoedema"
    assert "fever" not in names
    assert len(names) == 13
    fields = {field.name: field for field in fields_of(schema)}
    assert fields["pain"].kind == "integer"
    assert names.index("pain") == names.index("urinary_issues") + 1
    assert set(fields["seizures"].label) == {"en"}
    info = info_of(schema)
    assert info is not None
    assert info.version == 3


EXTENDING = """
name: my_ward
version: 3
extends: palliative_care
without: [fever]
features:
  - {id: pain, replace: yes, kind: whole number, minimum: 0, maximum: 10, definition: How bad.}
  - {id: lymphoedema, kind: yes/no, definition: A swollen limb., codes: {ICD-10: I89.0}}
"""


def test_a_file_may_extend_a_file_beside_it(tmp_path: Path) -> None:
    written(tmp_path, EXTENDING, "first.yaml")
    second = "name: second\nextends: first.yaml\nfeatures:\n  - {id: itch, kind: yes/no, definition: It itches.}\n"
    assert list(load_schema(written(tmp_path, second)).model_fields)[-2:] == ["lymphoedema", "itch"]


EXAMPLES = """
name: my_ward
features:
  - {id: cough, kind: yes/no, definition: a}
  - {id: score, kind: whole number, minimum: 0, maximum: 10, definition: b}
  - {id: aids, kind: several, choices: [stick, chair], definition: c}
  - {id: said, kind: quote, definition: d}
examples:
  - transcript: He coughs, and needs a chair and a stick.
    answer: {cough: yes, aids: [chair, stick], said: needs a chair}
  - lines: ["Nurse: And the pain?", "Patient: Three of ten."]
    answer: {score: 3}
    id: call-7
"""


def test_examples_of_a_file_are_shown(tmp_path: Path) -> None:
    schema = load_schema(written(tmp_path, EXAMPLES))
    info = info_of(schema)
    assert info is not None
    assert info.examples is not None
    first, second = info.examples.pool
    assert first.answer == {"cough": True, "score": None, "aids": ["stick", "chair"], "said": "needs a chair"}
    assert second.answer == {"cough": False, "score": 3, "aids": [], "said": None}
    assert (second.transcript, second.id) == ("Nurse: And the pain?\nPatient: Three of ten.", "call-7")
    seen = Extractor(schema, model("bytes", "llama", 1)).settings["examples"]
    assert seen is info.examples
    assert Extractor(schema, FakeModel(), examples=()).settings["examples"] == ()


def test_examples_may_stand_in_a_file_of_their_own(tmp_path: Path) -> None:
    one, two = (
        '{"transcript": "He coughs.", "answer": {"cough": true}}',
        '{"transcript": "All well.", "labels": {"cough": false}}',
    )
    pool = f"{one}\n{two}\n"
    (tmp_path / "pool.jsonl").write_text(pool, encoding="utf-8")
    head = "name: w\nfeatures:\n  - {id: cough, kind: yes/no, definition: a}\n"
    text = f"{head}examples: {{file: pool.jsonl, choose: random, count: 1, seed: 3}}\n"
    info = info_of(load_schema(written(tmp_path, text)))
    assert info is not None
    assert info.examples is not None
    assert (info.examples.choose, info.examples.count, info.examples.seed) == ("random", 1, 3)
    (tmp_path / "pool.jsonl").write_text(pool.replace("false", '"no"'), encoding="utf-8")
    with pytest.raises(SchemaFileError, match=r"line 2 of 'pool\.jsonl'"):
        load_schema(written(tmp_path, text))


def test_a_name_that_is_nearly_one() -> None:
    with pytest.raises(SchemaError) as caught:
        load_schema("paliative_care")
    assert 'Did you mean "palliative_care"?' in (caught.value.hint or "")
    with pytest.raises(SchemaFileError, match="is not there"):
        load_schema("no-such-file.yaml")


def test_a_name_that_no_file_system_takes() -> None:
    with pytest.raises(SchemaError, match="there is no schema"):
        load_schema("x" * 300)
    for name in (f"{'x' * 300}.yaml", f"wards/{'x' * 300}"):
        with pytest.raises(SchemaFileError, match=r"cannot be read|is not there"):
            load_schema(name)
