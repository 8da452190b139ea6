"""What `check_schema` says of a file that has no mistakes, and may still not be what its author meant."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import save_tiny_model

from clinextract import FakeModel, check_schema
from clinextract.schema_files.checking import SchemaCheck
from clinextract.schema_files.reading import shipped

HEAD = "name: my_ward\nlanguages: [en]\nfeatures:\n"
SWELLING = "The patient has a swollen arm, hand or leg at the time of the call."


def checked(folder: Path, text: str) -> SchemaCheck:
    path = folder / "ward.yaml"
    path.write_text(text, encoding="utf-8")
    return check_schema(path, FakeModel())


def told(found: SchemaCheck) -> list[tuple[int, str]]:
    assert found.mistakes == ()
    return [(one.line, one.message) for one in found.warnings if "tokens" not in one.message]


def feature(name: str, **entries: str) -> str:
    given = {"kind": "yes/no", "definition": f"About {name}."} | entries
    return f"  - id: {name}\n" + "".join(f"    {key}: {value}\n" for key, value in given.items())


@pytest.mark.parametrize("name", shipped())
def test_of_shipped_schemas_there_is_nothing_to_say(name: str) -> None:
    found = check_schema(name, FakeModel())
    assert told(found) == []
    assert found.schema is not None
    assert found.compiled is not None
    assert found.compiled.knows
    assert set(found.compiled.prompt_tokens) == {"en", "fa"}


def test_definitions_that_are_nearly_the_same(tmp_path: Path) -> None:
    other = "The patient has a swollen arm or hand or leg at the time of this call."
    text = HEAD + feature("oedema", definition=f'"{SWELLING}"') + feature("swelling", definition=other)
    [(line, message)] = told(checked(tmp_path, text))
    assert line == 9
    assert 'nearly that of "oedema"' in message


def test_a_phrase_of_two_features(tmp_path: Path) -> None:
    text = HEAD + feature("oedema", counts="[My  Leg is thick]") + feature("weight", examples="[fat, my leg is thick]")
    assert told(checked(tmp_path, text)) == [(11, 'this phrase stands with "oedema" as well')]


def test_a_phrase_that_counts_and_does_not(tmp_path: Path) -> None:
    text = HEAD + feature("oedema", counts="[thick]", does_not_count="[thin, Thick]")
    assert told(checked(tmp_path, text)) == [(8, "this phrase is said to count and not to count")]


def test_a_language_that_is_missing(tmp_path: Path) -> None:
    text = HEAD.replace("[en]", "[en, fa]") + feature("oedema", label="Oedema")
    assert [line for line, _ in told(checked(tmp_path, text))] == [6, 7]


def test_a_definition_that_nobody_has_written(tmp_path: Path) -> None:
    text = HEAD + feature("oedema", definition="Write here what it means.")
    assert told(checked(tmp_path, text)) == [(6, "the definition is still to be written")]


def test_examples_that_contradict_the_definitions(tmp_path: Path) -> None:
    oedema = feature("oedema", counts="[thick leg]", does_not_count="[husband's legs]")
    shown = "  - {transcript: My husband's legs are swollen., answer: {oedema: yes}}\n"
    shown += (
        "  - {transcript: A thick leg., answer: {oedema: no}}\n  - {transcript: A thick leg!, answer: {oedema: yes}}\n"
    )
    found = told(checked(tmp_path, HEAD + oedema + "examples:\n" + shown))
    assert [line for line, _ in found] == [7, 8]
    assert "example 2 has a phrase that counts" in found[0][1]
    assert "example 1 has a phrase that does not count" in found[1][1]


def test_names_that_cost_many_tokens_are_told_of(tmp_path: Path) -> None:
    found = checked(tmp_path, HEAD + feature("oedema_of_the_left_lower_leg"))
    assert [one.message for one in found.warnings] == ["this name takes 31 tokens of fake in every answer"]


def test_a_model_that_knows_other_features_is_told_of(tmp_path: Path) -> None:
    path = tmp_path / "ward.yaml"
    path.write_text(HEAD + feature("oedema"), encoding="utf-8")
    found = check_schema(path, str(save_tiny_model(tmp_path / "model")))
    assert found.mistakes == ()
    assert found.compiled is not None
    assert not found.compiled.knows


def test_a_prompt_that_fills_the_context(tmp_path: Path) -> None:
    path = tmp_path / "ward.yaml"
    path.write_text(HEAD + feature("oedema", definition="Long. " * 100), encoding="utf-8")
    short = save_tiny_model(tmp_path / "model", context=500, card=False)
    [warning] = [one for one in check_schema(path, str(short)).warnings if "read at once" in one.message]
    assert warning.line == 3


def test_a_file_with_mistakes_is_not_compiled(tmp_path: Path) -> None:
    found = checked(tmp_path, HEAD + feature("oedema", kind="boolean"))
    assert (found.schema, found.compiled, len(found.mistakes)) == (None, None, 1)
