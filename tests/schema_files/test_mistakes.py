"""What somebody sees who has made a mistake in a schema file: the place, what is wrong, and what to write instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from clinextract.errors import SchemaFileError
from clinextract.schema_files.loading import load_schema

HEAD = "name: my_ward\nlanguages: [en, fa]\nfeatures:\n"
COUGH = "  - id: cough\n    kind: yes/no\n    definition: He coughs.\n"


def mistakes_of(content: str | bytes, folder: Path) -> list[tuple[int, int, str, str, str]]:
    path = folder / "ward.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(SchemaFileError) as caught:
        load_schema(path)
    for one in caught.value.mistakes:
        assert str(one) in str(caught.value)
        assert one.file == str(path)
    return [(one.line, one.column, one.path, one.message, one.remedy) for one in caught.value.mistakes]


def feature(**entries: str) -> str:
    given = {"id": "grade", "kind": "choice", "definition": "How bad."} | entries
    lines = [f"    {key}: {value}\n" for key, value in given.items() if value]
    return HEAD + "  - " + "".join(lines)[4:]


# By name: the file, and of its one mistake the line, a part of the message and a part of the remedy.
BAD = {
    "a tab": (HEAD + "  - id: cough\n\tkind: yes/no\n", 5, "a tab", "two for each level"),
    "no text": ("", 1, "empty", "name: my_ward"),
    "a note only": ("# nothing\n", 1, "empty", "schema new"),
    "a list at the top": ("- a\n- b\n", 1, "no list of keys", "schema new"),
    "a word": ("hello\n", 1, "no list of keys", "schema new"),
    "not UTF-8": ("name: caf\xe9".encode("latin-1"), 1, "UTF-8", "Save as"),
    "UTF-16": ("name: x".encode("utf-16"), 1, "UTF-8", "Save as"),
    "a control character": ("name: a\x07\n", 1, "control character", "Take it out"),
    "a colon in a text": (HEAD + COUGH.replace("He coughs.", "He: coughs: much"), 6, "colon", "quotation marks"),
    "a quotation mark never closed": (HEAD + COUGH.replace("He coughs.", '"He coughs.'), 6, "never closed", "Close"),
    "a bracket never closed": (HEAD + COUGH + "    counts: [a, b\n", 8, "bracket", "Close every"),
    "indented unlike": (HEAD + COUGH + "   codes: {ICD-10: R05}\n", 7, "indented unlike", "same number of spaces"),
    "an anchor": (HEAD + COUGH.replace("He coughs.", "&x He coughs."), 6, "anchor", "quotation marks"),
    "a tag": (HEAD + COUGH.replace("He coughs.", "!x He coughs."), 6, "tag", "quotation marks"),
    "two documents": (HEAD + COUGH + "---\nname: b\n", 7, "second document", "one schema"),
    "a key twice": (HEAD + COUGH + "    kind: choice\n", 7, "there already, in line 5", "Keep one"),
    "no features": ("name: my_ward\n", 1, "no features", "dash"),
    "features that are none": ("name: my_ward\nfeatures: [cough]\n", 2, "no feature", "- id: swollen_leg"),
    "no name": ("features:\n" + COUGH, 1, "name is missing", "name: my_ward"),
    "an unknown key at the top": ("name: a\nlanguage: en\nfeatures:\n" + COUGH, 2, "no entry", '"languages"'),
    "an unknown key": (HEAD + COUGH + "    defintion: x\n", 7, "no entry", '"definition"'),
    "an id twice": (HEAD + COUGH + COUGH, 7, "there already, in line 4", "otherwise"),
    "an id that is no identifier": (HEAD + COUGH.replace("cough", "dry cough"), 4, "English letters", '"dry_cough"'),
    "an id with a digit first": (HEAD + COUGH.replace("cough", "2cough"), 4, "digit", '"grade_2cough"'),
    "a Persian id": (HEAD + COUGH.replace("cough", "سرفه"), 4, "another script", "behind label"),
    "a Python word": (HEAD + COUGH.replace("cough", "class"), 4, "Python", "class_present"),
    "an underscore first": (HEAD + COUGH.replace("cough", "_cough"), 4, "cannot begin with _", "cough"),
    "an attribute of Pydantic": (HEAD + COUGH.replace("cough", "copy"), 4, "taken", "copy_value"),
    "a namespace of Pydantic": (HEAD + COUGH.replace("cough", "model_x"), 4, "taken", "model_x_value"),
    "no kind": (HEAD + COUGH.replace("    kind: yes/no\n", ""), 4, "kind is missing", "yes/no"),
    "a kind from elsewhere": (HEAD + COUGH.replace("yes/no", "boolean"), 5, '"boolean"', '"yes/no"'),
    "no definition": (HEAD + COUGH.replace("    definition: He coughs.\n", ""), 4, "definition is missing", "Say when"),
    "an empty definition": (HEAD + COUGH.replace("He coughs.", ""), 6, "nothing here", "Write a text"),
    "a language that is none": (HEAD + COUGH.replace("He coughs.", "{gb: x}"), 6, "no code of a language", '"en"'),
    "a language of no heading": (HEAD + COUGH.replace("He coughs.", "{de: x}"), 6, "not among the languages", "Add de"),
    "no choices": (feature(), 4, "choices is missing", "square brackets"),
    "an empty choice": (feature(choices='[mild, ""]'), 7, "without a word", "take the line out"),
    "empty choices": (feature(choices="[]"), 7, "no choices", "square brackets"),
    "a choice twice": (feature(choices="[no, no]"), 7, "there already", "Keep one"),
    "300 choices": (feature(choices=str([f"c{n}" for n in range(300)])), 7, "300 choices", "Divide"),
    "bounds reversed": (feature(kind="whole number", minimum="9", maximum="1"), 7, "minimum is 9", "Exchange"),
    "dates reversed": (feature(kind="date", earliest="2025-01-01", latest="2024-01-01"), 7, "earliest", "Exchange"),
    "no upper bound": (feature(kind="whole number", minimum="9"), 4, "maximum is missing", "maximum: 10"),
    "a bound in words": (feature(kind="whole number", minimum="none", maximum="1"), 7, "a number belongs", "digits"),
    "an octal number": (feature(kind="whole number", minimum="010", maximum="11"), 7, "begins with 0", "Write: 10"),
    "Persian digits": (feature(kind="whole number", minimum="۱", maximum="11"), 7, "not every program", "Write: 1"),
    "a half": (feature(kind="whole number", minimum="0.5", maximum="11"), 7, "whole number belongs", "decimal"),
    "too fine a bound": (feature(kind="decimal", minimum="0", maximum="1.55"), 8, "decimal place", "1.6"),
    "a day that is none": (feature(kind="date", earliest="2025-02-30"), 7, "a date belongs", "2026-01-31"),
    "a list without a bound": (
        feature(kind="groups", fields="[{id: a, kind: yes/no, definition: b}]"), 4, "max_items is missing", "at most",
    ),
    "a list of least items alone": (feature(kind="quote", min_items="1"), 7, "greatest number", "max_items: 5"),
    "a group without fields": (feature(kind="group"), 4, "no features", "dash"),
    "a rule in a group": (
        feature(kind="group", fields="[{id: a, kind: yes/no, definition: b, implies: c}]"), 7, "whole features", "out",
    ),
    "a code that is none": (feature(kind="yes/no", codes="{ICD-10: 5R}"), 7, "no code of ICD-10", "R52"),
    "a check digit": (feature(kind="yes/no", codes="{LOINC: 8310-6}"), 7, "no code of LOINC", "check digit"),
    "a terminology misspelt": (feature(kind="yes/no", codes="{ICD10: R52}"), 7, "no terminology", '"ICD-10"'),
    "a rule on nothing": (feature(kind="yes/no", implies="[pain]"), 7, "no field 'pain'", "known here"),
    "a rule on no value": (feature(choices="[a, b]", excludes="{a: [grade=c]}"), 8, "no value 'c'", "known here"),
    "extends nothing": ("name: a\nextends: paliative_care\n", 2, "no such file", '"palliative_care"'),
    "extends itself": ("name: a\nextends: ward.yaml\n", 2, "circle", "Take one out"),
    "leaves out nothing": ("name: a\nextends: palliative_care\nwithout: [fevr]\n", 3, '"fevr"', '"fever"'),
    "has it already": (
        "name: a\nextends: palliative_care\nfeatures:\n" + COUGH.replace("cough", "fever"),
        4, "already", "replace: yes",
    ),
    "replaces nothing": (HEAD + COUGH + "    replace: yes\n", 7, "could replace", "Take this line out"),
    "an example without words": (HEAD + COUGH + "examples: [{answer: {cough: yes}}]\n", 7, "transcript", "Keep one"),
    "an example of no answer": (HEAD + COUGH + "examples: [{transcript: x}]\n", 7, "answer is missing", "answer"),
    "an example of another value": (
        HEAD + COUGH + "examples:\n  - {transcript: x, answer: {cough: maybe}}\n", 8, "cough", "no, or none",
    ),
    "an example of an unknown field": (
        HEAD + COUGH + "examples:\n  - {transcript: x, answer: {fever: yes}}\n", 8, "fever", "no, or none",
    ),
    "examples that are nowhere": (HEAD + COUGH + "examples: {file: none.jsonl}\n", 7, "none.jsonl", ""),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_one_mistake(name: str, tmp_path: Path) -> None:
    content, line, message, remedy = BAD[name]
    found = mistakes_of(content, tmp_path)
    assert len(found) == 1, found
    assert found[0][0] == line, found
    assert message in found[0][3]
    assert remedy in found[0][4]


def test_the_words_of_an_example_are_in_no_message(tmp_path: Path) -> None:
    text = HEAD + COUGH + "examples:\n  - {transcript: Zarathustra coughs, answer: {cough: Zoroaster}}\n"
    assert "Zar" not in str(mistakes_of(text, tmp_path))
    assert "Zor" not in str(mistakes_of(text, tmp_path))


def test_all_mistakes_at_once_in_the_order_of_lines(tmp_path: Path) -> None:
    text = (
        "name: my ward\nlanguages: [en, xx]\nfeatures:\n  - id: a\n    kind: choice\n    colour: red\n"
        "  - id: b\n    kind: whole number\n    minimum: 3\n    maximum: 1\n    definition: x\n    size: 3\n"
    )
    head = mistakes_of(text, tmp_path)
    assert [one[0] for one in head] == [1, 2]
    text = text.replace("my ward", "my_ward").replace(", xx", "")
    found = mistakes_of(text, tmp_path)
    assert [one[0] for one in found] == [4, 4, 6, 9, 12]


def test_a_mistake_in_an_extended_file_names_that_file(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(HEAD + COUGH.replace("yes/no", "bool"), encoding="utf-8")
    path = tmp_path / "ward.yaml"
    path.write_text("name: a\nextends: base.yaml\n", encoding="utf-8")
    with pytest.raises(SchemaFileError) as caught:
        load_schema(path)
    assert [(one.file, one.line) for one in caught.value.mistakes] == [(str(tmp_path / "base.yaml"), 5)]


def test_two_files_that_extend_each_other(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("name: a\nextends: b.yaml\n", encoding="utf-8")
    (tmp_path / "b.yaml").write_text("name: b\nextends: a.yaml\n", encoding="utf-8")
    with pytest.raises(SchemaFileError, match=r"a\.yaml extends b\.yaml extends a\.yaml"):
        load_schema(tmp_path / "a.yaml")


def test_rules_that_contradict(tmp_path: Path) -> None:
    text = HEAD + COUGH + "    implies: [fever]\n" + COUGH.replace("cough", "fever") + "    excludes: [cough]\n"
    [(line, _, path, message, _)] = mistakes_of(text, tmp_path)
    assert (line, path) == (7, "features.cough.implies")
    assert "'cough' could never be 'yes' (cough implies fever; fever excludes cough)" in message


def test_two_hundred_features(tmp_path: Path) -> None:
    text = HEAD + "".join(COUGH.replace("cough", f"cough_{n}") for n in range(200))
    path = tmp_path / "many.yaml"
    path.write_text(text, encoding="utf-8")
    assert len(load_schema(path).model_fields) == 200
    path.write_text(text.replace("id: cough_150", "id: cough_3"), encoding="utf-8")
    with pytest.raises(SchemaFileError, match='"cough_3" is there already, in line 13'):
        load_schema(path)
