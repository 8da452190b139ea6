"""The model for users' tests answers what it is told to, through everything that is real."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from clinextract.extractor import Extractor
from clinextract.models.base import LogitModel
from clinextract.models.fake import FakeModel
from clinextract.palliative import PalliativeCall


class Ward(BaseModel):
    pain: bool
    mood: Literal["mild", "mild pain", "شدید", 3, None]
    score: Annotated[int, Field(ge=-5, le=110)]
    dose: Annotated[int, Field(ge=-500, le=4000)]
    share: Annotated[float, Field(ge=0, le=1, json_schema_extra={"clinextract": {"places": 1}})]
    heat: Annotated[float, Field(ge=-50, le=450, json_schema_extra={"clinextract": {"places": 1}})]
    note: Annotated[str, Field(max_length=12)]


answers = st.fixed_dictionaries(
    {
        "pain": st.booleans(),
        "mood": st.sampled_from(["mild", "mild pain", "شدید", 3, None]),
        "score": st.integers(-5, 110),
        "dose": st.integers(-500, 4000),
        "share": st.integers(0, 10).map(lambda tenths: tenths / 10),  # a choice, and so not generated
        "heat": st.integers(-500, 4500).map(lambda tenths: tenths / 10),
        "note": st.text(st.characters(exclude_categories=["C"], exclude_characters='"\\'), max_size=12),
    }
)


@pytest.mark.parametrize("order", ["joint", "independent"])
@given(told=answers)
@settings(max_examples=60)
def test_what_it_is_told_comes_out(order: Any, told: dict[str, Any]) -> None:
    found = Extractor(Ward, FakeModel(told), order=order)("She has pain.")
    assert {name: repr(one.value) for name, one in found.answers.items()} == {k: repr(v) for k, v in told.items()}


@given(share=st.floats(0.01, 0.99))
@settings(max_examples=30)
def test_a_number_is_the_probability_of_yes(share: float) -> None:
    found = Extractor(PalliativeCall, FakeModel({"pain": share}))("She has pain.")
    assert found.answers["pain"].probability == pytest.approx(share, abs=1e-3)
    assert abs(share - 0.5) < 1e-3 or found.features.pain == (share > 0.5)


def test_a_group_of_decimals_is_no_probabilities() -> None:
    class Vitals(BaseModel):
        heat: Annotated[float, Field(ge=-50, le=450)]
        weight: Annotated[float, Field(ge=0, le=300)]

    class Seen(BaseModel):
        vitals: Vitals

    told = {"vitals": {"heat": 38.5, "weight": 70.25}}
    assert Extractor(Seen, FakeModel(told))("She has pain.").features.model_dump() == told


def test_probabilities_by_value() -> None:
    found = Extractor(Ward, FakeModel({"mood": {"mild": 0.2, "mild pain": 0.7, None: 0.1}}))("She has pain.")
    assert found.features.mood == "mild pain"
    assert found.answers["mood"].probability == pytest.approx(0.7, abs=1e-3)


def test_without_answers_everything_is_false() -> None:
    found = Extractor(PalliativeCall, FakeModel())("She has pain.")
    assert not any(found.features.model_dump().values())


def test_a_function_sees_the_transcript() -> None:
    seen: list[str] = []

    def told(transcript: str) -> dict[str, bool]:
        seen.append(transcript)
        return {"pain": "درد" in transcript}

    extractor = Extractor(PalliativeCall, FakeModel(told))
    assert extractor("درد دارد").features.pain
    assert not extractor("No complaint.\nA second line.").features.pain
    assert set(seen) == {"درد دارد", "No complaint.\nA second line."}


def test_its_log_probabilities_sum_to_one() -> None:
    found = FakeModel({"pain": 0.3}).next_byte(b'\n{"pain":')
    assert np.exp(found.astype(np.float64)).sum() == pytest.approx(1, abs=1e-5)


def test_it_is_a_logit_model_whose_hash_tells_answers_apart() -> None:
    assert isinstance(FakeModel(), LogitModel)
    assert FakeModel({"pain": True}).info.hash != FakeModel({"pain": False}).info.hash
    assert FakeModel({"pain": True}).info.hash == FakeModel({"pain": True}).info.hash
