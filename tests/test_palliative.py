"""The thirteen features: as the paper names them, and the same in Python and in the schema file."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from clinextract.palliative import PalliativeCall
from clinextract.schema.features import fields_of
from clinextract.schema.specs import FieldSpec

SCHEMA_FILE = Path(__file__).parents[1] / "schemas" / "palliative_care.yaml"
NAMES = (
    "visit_request",
    "psychological_complaints",
    "sleep_disorders",
    "loss_of_appetite",
    "seizures",
    "weakness_and_fatigue",
    "decreased_consciousness",
    "fever",
    "respiratory_complaints",
    "insurance_or_cost_issues",
    "urinary_issues",
    "pain",
    "gastrointestinal_issues",
)


@pytest.fixture(scope="module")
def written() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(SCHEMA_FILE.read_text(encoding="utf-8"))
    return loaded


def as_written(field: FieldSpec) -> dict[str, Any]:
    """The field as the schema file has it."""
    entry = {
        "id": field.name,
        "kind": {"boolean": "yes/no"}[field.kind],
        "label": dict(field.label),
        "definition": dict(field.definition),
    }
    return entry | ({"codes": dict(field.codes)} if field.codes else {})


def test_fields_are_those_of_the_paper_in_its_order() -> None:
    assert tuple(field.name for field in fields_of(PalliativeCall)) == NAMES


def test_file_names_itself(written: dict[str, Any]) -> None:
    assert written["name"] == "palliative_care"
    assert written["version"] == 1
    assert written["languages"] == ["en", "fa"]
    assert set(written) == {"name", "version", "languages", "features"}


def test_file_has_the_features_in_order(written: dict[str, Any]) -> None:
    assert tuple(entry["id"] for entry in written["features"]) == NAMES


@pytest.mark.parametrize("field", fields_of(PalliativeCall), ids=lambda field: field.name)
def test_file_and_model_are_equal(written: dict[str, Any], field: FieldSpec) -> None:
    entry = next(entry for entry in written["features"] if entry["id"] == field.name)
    assert entry == as_written(field)


@pytest.mark.parametrize("field", fields_of(PalliativeCall), ids=lambda field: field.name)
def test_every_feature_speaks_both_languages(field: FieldSpec) -> None:
    assert field.definition["en"].isascii() or "°" in field.definition["en"]
    for texts in (field.label, field.definition):
        assert set(texts) == {"en", "fa"}
        assert any("\u0600" <= character <= "\u06ff" for character in texts["fa"])


def test_nothing_is_filled_in() -> None:
    complete = dict.fromkeys(NAMES, False)
    assert PalliativeCall(**complete).model_dump() == complete
    for name in NAMES:
        with pytest.raises(ValidationError):
            PalliativeCall(**{key: value for key, value in complete.items() if key != name})


def test_a_call_is_frozen() -> None:
    call = PalliativeCall(**dict.fromkeys(NAMES, False))
    with pytest.raises(ValidationError):
        call.pain = True
