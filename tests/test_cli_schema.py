"""`schema` and `--schema` as a user meets them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import save_tiny_model
from test_cli import Run

WARD = """name: my_ward
languages: [en, fa]
extends: palliative_care
features:
  - id: lymphoedema
    kind: yes/no
    label: {en: Lymphoedema, fa: لنف‌ادم}
    definition: {en: The patient has a swollen limb., fa: دست یا پای بیمار ورم دارد.}
    implies: [not fever]
  - id: pain_score
    kind: whole number
    minimum: 0
    maximum: 10
    unit: points
    definition: {en: How bad the pain is., fa: شدت درد.}
"""


@pytest.fixture
def ward(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("CLINEXTRACT_MODEL", str(save_tiny_model(tmp_path / "any", context=20_000, card=False)))
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "ward.yaml"
    path.write_text(WARD, encoding="utf-8")
    return path


def test_list_and_show(ward: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "study_sixteen       16 features (en, fa)" in Run(["schema", "list"], capsys).out
    form = Run(["schema", "show", "ward.yaml"], capsys)
    assert form.code == 0
    for words in ("Lymphoedema", "لنف‌ادم", "☐ yes", "______ points", "0 to 10", "☐ not said", "ICD-10 R50"):
        assert words in form.out
    assert json.loads(Run(["schema", "show", "ward.yaml", "--as", "json-schema"], capsys).out)["title"] == "MyWard"
    prompt = Run(["schema", "show", "ward.yaml", "--as", "prompt", "--language", "fa"], capsys).out
    assert "دست یا پای بیمار ورم دارد." in prompt
    assert r"\{" in Run(["schema", "show", "ward.yaml", "--as", "grammar"], capsys).out
    again = Run(["schema", "show", "ward.yaml", "--as", "file"], capsys).out
    ward.write_text(again, encoding="utf-8")
    assert Run(["schema", "show", "ward.yaml", "--as", "file"], capsys).out == again


def test_check_says_what_it_costs_and_fails_on_mistakes(ward: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = Run(["schema", "check", "ward.yaml"], capsys)
    assert good.code == 0
    assert "ward.yaml can be used: no mistake" in good.out
    assert "15 features, compiled in" in good.out
    ward.write_text(WARD.replace("whole number", "number").replace("minimum", "minimun"), encoding="utf-8")
    bad = Run(["schema", "check", "ward.yaml"], capsys)
    assert bad.code == 2
    assert 'ward.yaml:11:11: mistake: features.pain_score.kind: there is no kind "number"' in bad.out
    assert "cannot be used yet: 1 mistake" in bad.out


def test_new_then_check(ward: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = Run(["schema", "new", "other.yaml", "--from", "palliative_care"], capsys)
    assert made.code == 0
    assert "clinextract schema check other.yaml" in made.out
    assert Run(["schema", "new", "other.yaml", "--feature", "fell", "--kind", "whole number"], capsys).code == 0
    found = Run(["schema", "check", "other.yaml"], capsys)
    assert found.code == 0
    assert "the definition is still to be written" in found.out
    again = Run(["schema", "new", "other.yaml"], capsys)
    assert (again.code, "is there already" in again.err) == (2, True)


def test_extract_and_run_with_a_schema(ward: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = json.loads(Run(["extract", "--schema", "ward.yaml", "--json", "My leg is swollen."], capsys).out)
    assert {"lymphoedema", "pain_score", "pain"} <= row["features"].keys()
    assert not (row["features"]["lymphoedema"] and row["features"]["fever"])
    Path("calls.csv").write_text("id,transcript\n1,My leg is swollen.\n2,پایم ورم دارد.\n", encoding="utf-8")
    assert Run(["run", "calls.csv", "out.csv", "--schema", "ward.yaml"], capsys).code == 0
    assert "lymphoedema" in Path("out.csv").read_text(encoding="utf-8-sig").splitlines()[0]


def test_a_schema_that_cannot_be_used(ward: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    none = Run(["extract", "--schema", "wards", "words"], capsys)
    assert (none.code, "no schema 'wards'" in none.err) == (2, True)
    ward.write_text(WARD.replace("yes/no", "bool"), encoding="utf-8")
    bad = Run(["extract", "--schema", "ward.yaml", "words"], capsys)
    assert bad.code == 2
    assert "ward.yaml:6:11: features.lymphoedema.kind" in bad.err
    ward.write_text(WARD, encoding="utf-8")
    refused = Run(["extract", "--model", "default", "--schema", "ward.yaml", "words"], capsys)
    assert refused.code == 2
    assert "knows only the 13 features" in refused.err
