"""`schema new`: what it writes loads as it is, and a feature that is added changes nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from clinextract import FakeModel, check_schema, load_schema
from clinextract.errors import SchemaError, SchemaFileError
from clinextract.schema_files.form import KINDS
from clinextract.schema_files.reading import shipped
from clinextract.schema_files.starter import add_feature, new_schema


@pytest.mark.parametrize("base", ["", *shipped()])
def test_a_starter_is_right_as_it_is(base: str, tmp_path: Path) -> None:
    path = tmp_path / "My ward 2.yaml"
    new_schema(path, base=base)
    found = check_schema(path, FakeModel())
    assert found.mistakes == ()
    assert yaml.safe_load(path.read_text(encoding="utf-8"))["name"] == "my_ward_2"
    before = path.read_bytes()
    with pytest.raises(SchemaError, match="is there already"):
        new_schema(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("kind", KINDS)
def test_a_feature_of_any_kind_is_added_and_nothing_else_changes(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "ward.yaml"
    new_schema(path)
    before = path.read_text(encoding="utf-8").splitlines()
    add_feature(path, "fell_down", kind=kind, label='Fell "down"')
    after = path.read_text(encoding="utf-8").splitlines()
    assert list(load_schema(path).model_fields) == ["swollen_leg", "mobility", "fell_down"]
    place = after.index("  - id: fell_down") - 1
    rest = len(before) - place
    assert after[:place] + after[-rest:] == before
    [warning] = [one for one in check_schema(path, FakeModel()).warnings if "tokens" not in one.message]
    assert warning.message == "the definition is still to be written"


ODD = {
    "no indentation": "name: a\nfeatures:\n- id: one\n  kind: yes/no\n  definition: b\n",
    "deep": "name: a\nfeatures:\n      - id: one\n        kind: yes/no\n        definition: b\n",
    "windows": "name: a\r\nfeatures:\r\n  - id: one\r\n    kind: yes/no\r\n    definition: b\r\n",
    "features first": "features:\n  - {id: one, kind: yes/no, definition: b}\n\n# about the name\nname: a\n",
    "no end of line": "name: a\nfeatures:\n  - {id: one, kind: yes/no, definition: b}",
    "only extends": "name: a\nextends: palliative_care\n",
}


@pytest.mark.parametrize("name", ODD)
def test_a_feature_is_added_to_any_file(name: str, tmp_path: Path) -> None:
    path = tmp_path / "ward.yaml"
    path.write_bytes(ODD[name].encode())
    known = list(load_schema(path).model_fields)
    add_feature(path, "two")
    add_feature(path, "three", kind="date")
    assert list(load_schema(path).model_fields) == [*known, "two", "three"]
    text = path.read_bytes().decode()
    assert ODD[name].strip().splitlines()[0] in text
    assert ("\r\n" in text) == ("\r\n" in ODD[name])
    assert text.count("\n") == text.count("\r\n") or "\r\n" not in ODD[name]


def test_what_cannot_be_added_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "ward.yaml"
    new_schema(path)
    before = path.read_bytes()
    with pytest.raises(SchemaFileError, match="is there already"):
        add_feature(path, "mobility")
    with pytest.raises(SchemaError, match="another script"):
        add_feature(path, "سرفه")
    with pytest.raises(SchemaError, match="there is no kind"):
        add_feature(path, "cough", kind="boolean")
    assert path.read_bytes() == before
    path.write_text("name: a\nfeatures: x\n", encoding="utf-8")
    with pytest.raises(SchemaFileError):
        add_feature(path, "cough")
    with pytest.raises(SchemaError, match="cannot be written"):
        new_schema(tmp_path / "none" / "ward.yaml")
