"""The thirteen features: as the paper names them, and the same in Python and in the schema file."""

import pytest
from pydantic import ValidationError

from clinextract.palliative import PalliativeCall
from clinextract.schema.features import fields_of
from clinextract.schema.specs import FieldSpec
from clinextract.schema_files.loading import info_of, load_schema

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


def test_fields_are_those_of_the_paper_in_its_order() -> None:
    assert tuple(field.name for field in fields_of(PalliativeCall)) == NAMES


def test_the_file_is_the_same_schema() -> None:
    written = load_schema("palliative_care")
    assert fields_of(written) == fields_of(PalliativeCall)
    info = info_of(written)
    assert info is not None
    assert (info.name, info.languages, info.examples) == ("palliative_care", ("en", "fa"), None)


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
