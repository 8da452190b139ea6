"""Examples are held against their schema: what decoding could not give is refused, and no word of it is quoted."""

from __future__ import annotations

import json
import random
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field, create_model, model_validator
from strategies import unfolding

from clinextract.decoding.plan import TEXT_PATTERN
from clinextract.errors import SchemaError
from clinextract.examples import _UNWRITABLE, Example, check_examples, default_examples, mistakes_of, shown_answer
from clinextract.extractor import Extractor
from clinextract.models.fake import FakeModel
from clinextract.palliative import PalliativeCall
from clinextract.schema.features import Feature, canonical_json, fields_of
from clinextract.text import language_of, normalise

FIELDS = fields_of(PalliativeCall)
SECRET = "Zarathustra"


class Severity(Enum):
    MILD = "mild"
    STRONG = "strong"


def feature(**options: Any) -> Any:
    return Feature(label={}, definition={}, **options)


class Medicine(BaseModel):
    name: str = feature(quote=True, min_length=1, max_length=20)
    dose: Annotated[int, Field(ge=1, le=5000)] | None


class Ward(BaseModel):
    """One field of every kind."""

    alone: bool = feature(excludes=["sites"])
    walks: bool | None
    pain: Severity
    mood: Literal["good", "بد"] | None
    score: Annotated[int, Field(ge=0, le=10)]
    dose: Annotated[int, Field(ge=0, le=1000)]
    step: Annotated[int, Field(ge=0, le=10, multiple_of=5)]
    temperature: float = feature(ge=35, le=42, places=1)
    weight: float | None = feature(ge=0, le=400, places=1)
    since: date | None = feature(ge=date(2020, 1, 1), le=date(2029, 12, 31))
    sites: list[Literal["arm", "leg", "back"]]
    words: list[Annotated[str, Field(max_length=20)]] = feature(quote=True, max_length=2)
    medicines: list[Medicine] = Field(max_length=2)
    first: Medicine | None
    note: Annotated[str, Field(max_length=80)]


CALL = f"{SECRET} has taken 5 mg of  morphine,\nپدرم  درد كمر دارد."
WARD: dict[str, Any] = {
    "alone": False,
    "walks": None,
    "pain": "mild",
    "mood": "بد",
    "score": 3,
    "dose": 500,
    "step": 5,
    "temperature": 37.5,
    "weight": 61.0,
    "since": "2024-02-29",
    "sites": ["arm", "back"],
    "words": ["درد کمر", "has taken 5 mg"],
    "medicines": [{"name": "morphine", "dose": 5}, {"name": "5 mg of morphine", "dose": None}],
    "first": {"name": "morphine", "dose": 5},
    "note": "{{ x }}",
}


def said(answer: Any, transcript: Any = CALL, schema: type[BaseModel] = Ward) -> str:
    """What is said of an example, which never quotes its words."""
    found = "; ".join(
        phrase for _, mistakes in mistakes_of(schema, [Example(transcript, answer)]) for phrase in mistakes
    )
    assert SECRET not in found
    return found


def test_an_answer_of_every_kind_is_taken() -> None:
    check_examples(Ward, [Example(CALL, WARD)])


@pytest.mark.parametrize("language", ["en", "fa"])
def test_shipped_examples_fit_and_show_every_feature(language: str) -> None:
    examples = default_examples(FIELDS, language)
    check_examples(PalliativeCall, examples)
    assert len(examples) == 3
    for name in PalliativeCall.model_fields:
        assert {example.answer[name] for example in examples} == {True, False}
    for example in examples:
        assert language_of(example.transcript) == language
        # as transcripts reach the model
        assert normalise(example.transcript).text == example.transcript


def test_no_examples_for_another_schema_and_english_ones_for_other_languages() -> None:
    assert default_examples(FIELDS[1:], "en") == ()
    assert default_examples(fields_of(Ward), "en") == ()
    assert default_examples(FIELDS, "de") == default_examples(FIELDS, "en")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"alone": "yes"}, "alone has a value that is refused"),
        ({"alone": 1}, "alone has a value that is refused"),
        ({"alone": None}, "alone has a value that is refused"),
        ({"walks": 0}, "walks has a value that is refused"),
        ({"pain": SECRET}, "pain has a value that is refused"),
        ({"score": 11}, "score has a value that is refused"),
        ({"score": 3.0}, "score has a value that is refused"),
        ({"score": True}, "score has a value that is refused"),
        ({"dose": 1001}, "dose has a value that is refused"),
        ({"dose": False}, "dose has a value that is refused"),
        ({"step": 4}, "step has a value that is refused"),
        ({"temperature": 42.1}, "temperature has a value that is refused"),
        ({"temperature": "37"}, "temperature has a value that is refused"),
        ({"weight": 61.25}, "weight has more than 1 decimal place"),
        ({"weight": float("nan")}, "weight has a value that is refused"),
        ({"weight": 400.1}, "weight has a value that is refused"),
        ({"since": "29.2.2024"}, "since is no date written as YYYY-MM-DD"),
        ({"since": "20240229"}, "since is no date written as YYYY-MM-DD"),
        ({"since": "2023-02-29"}, "since is no date written as YYYY-MM-DD"),
        ({"since": 2024}, "since is no date written as YYYY-MM-DD"),
        ({"since": "2019-12-31"}, "since has a value that is refused"),
        ({"sites": "arm"}, "sites has a value that is refused"),
        ({"sites": ["arm", "knee"]}, "sites has a value that is refused"),
        ({"sites": ["back", "arm"]}, "sites has a value twice, or values in another order than the schema's"),
        ({"sites": ["arm", "arm"]}, "sites has a value twice, or values in another order than the schema's"),
        ({"words": ["درد کمر"] * 3}, "words has too many items, or too few"),
        ({"words": ["morphine", "fentanyl"]}, "item 2 of words does not stand in the transcript word for word"),
        ({"words": [f"{SECRET} has taken 5 mg of"]}, "item 1 of words has too many characters, or too few"),
        ({"words": ["morphine,\nپدرم"]}, ("item 1 of words has a character that no answer can have "
         "(quotation mark, backslash, line break)")),
        ({"words": [None]}, "item 1 of words has a value that is refused"),
        ({"medicines": {"name": "morphine"}}, "medicines has a value that is refused"),
        ({"medicines": [{"name": "morphine"}]}, "dose of item 1 of medicines is missing"),
        ({"medicines": [{"name": "morphine", "dose": 5, "unit": "mg"}]},
         "unit of item 1 of medicines is not a field of it"),
        ({"medicines": [{"name": "", "dose": 5}]}, "name of item 1 of medicines has too many characters, or too few"),
        ({"first": {"name": "fentanyl", "dose": 0}}, ("name of first does not stand in the transcript word for word; "
         "dose of first has a value that is refused")),
        ({"note": "x" * 81}, "note has too many characters, or too few"),
        ({"note": 'he said "no"'}, ("note has a character that no answer can have "
         "(quotation mark, backslash, line break)")),
        ({"note": "\ud800"}, "note has a character that no answer can have (quotation mark, backslash, line break)"),
        ({"headache": True}, "headache is not a field of it"),
        ({"alone": True}, "it breaks the rule 'alone excludes sites'"),
    ],
)  # fmt: skip
def test_what_decoding_could_not_give_is_refused(changes: dict[str, Any], expected: str) -> None:
    assert said({**WARD, **changes}) == expected


def test_all_that_is_missing_is_named_and_a_long_list_is_cut() -> None:
    with pytest.raises(SchemaError, match="and 4 more") as caught:
        check_examples(PalliativeCall, [Example("a call", {"pain": True})])
    assert caught.value.message.startswith("example 1 does not fit PalliativeCall: visit_request is missing; ")


@pytest.mark.parametrize("transcript", ["", " \n", "\u200c", "\ud800", None, b"a call"])
def test_an_example_needs_a_transcript(transcript: Any) -> None:
    assert said(WARD, transcript) == "its transcript is empty, or is no Unicode text"


@pytest.mark.parametrize("answer", [None, [], "yes"])
def test_an_example_needs_an_answer(answer: Any) -> None:
    assert said(answer) == "its answer is no object of names and values"


def test_the_error_names_the_example_by_its_number_and_quotes_nothing() -> None:
    examples = [Example(CALL, WARD), Example(CALL, {**WARD, "note": SECRET * 20})]
    with pytest.raises(SchemaError, match="example 2 does not fit Ward: note has too many") as caught:
        check_examples(Ward, examples)
    assert SECRET not in str(caught.value) + repr(caught.value) + caught.value.hint
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_every_example_s_mistakes_can_be_had_at_once() -> None:
    examples = [Example("", WARD), Example(CALL, WARD), Example(CALL, {**WARD, "alone": 1, "score": -1})]
    assert dict(mistakes_of(Ward, examples)) == {
        1: ("its transcript is empty, or is no Unicode text",),
        3: ("alone has a value that is refused", "score has a value that is refused"),
    }


def test_a_schema_s_own_validators_are_asked_and_not_quoted() -> None:
    class Consistent(BaseModel):
        alone: bool

        @model_validator(mode="after")
        def never(self) -> Consistent:
            raise ValueError(SECRET)

    assert said({"alone": True}, schema=Consistent) == "the answer as a whole is refused"


def test_examples_of_a_schema_that_only_outlines_generates() -> None:
    schema = create_model("Table", rows=(dict[str, int], ...))
    assert said({"rows": {"a": 1}}, schema=schema) == ""
    assert said({"rows": {"a": SECRET}}, schema=schema) == "rows has a value that is refused"
    assert said({"rows": {"a": {1}}}, schema=schema) == "rows has a value that JSON does not know"


def test_what_python_and_yaml_write_is_shown_as_json() -> None:
    natural = {
        **dict(reversed(WARD.items())),
        "pain": Severity.MILD,
        "temperature": 37,
        "weight": Decimal("61.0"),
        "since": date(2024, 2, 29),
        "sites": ("arm", "back"),
        "words": ["درد  كمر", " has taken 5 mg"],
        "first": {"dose": 5, "name": "morphine"},
    }
    example = Example(CALL, natural)
    check_examples(Ward, [example])
    assert shown_answer(fields_of(Ward), example) == canonical_json({**WARD, "temperature": 37.0})


def test_texts_may_hold_what_decoding_writes() -> None:
    """The pattern of decoding is one of characters that may stand, this one of those that may not."""
    assert _UNWRITABLE.pattern == TEXT_PATTERN.replace("[^", "[", 1)


@given(schema=unfolding(), seed=st.integers(0, 99))
@settings(max_examples=40)
def test_an_answer_that_decoding_gave_is_taken_and_shown_as_it_was_given(schema: type[BaseModel], seed: int) -> None:
    transcript = "She aches. abc درد دارد 12"
    chance = random.Random(seed)
    names = [field.name for field in fields_of(schema)]
    model = FakeModel(dict.fromkeys(names, chance.choice([0, True, "a", None])))
    answer = Extractor(schema, model)(transcript).features.model_dump(mode="json")
    example = Example(transcript, answer)
    check_examples(schema, [example])
    assert json.loads(shown_answer(fields_of(schema), example)) == answer
