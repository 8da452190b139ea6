"""A schema in words: every kind says what it may hold, every rule what it asks for."""

from __future__ import annotations

from datetime import date
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given, settings
from pydantic import BaseModel, Field, create_model
from strategies import unfolding

from clinextract.schema.features import Feature, fields_of
from clinextract.schema.specs import FieldSpec
from clinextract.wording import allowed, between, kinds, told

Site = Literal["arm", "leg", "back"]


class Severity(Enum):
    MILD = "mild"
    STRONG = "strong"


class Medicine(BaseModel):
    name: str = Feature(label={}, definition={}, quote=True, min_length=1, max_length=40)
    dose: Annotated[int, Field(ge=1, le=5000)] | None


def feature(**options: Any) -> Any:
    return Feature(label={}, definition={}, **options)


def field_of(annotation: Any, default: Any = ...) -> FieldSpec:
    [field] = fields_of(create_model("One", field=(annotation, default)))
    return field


@pytest.mark.parametrize(
    ("annotation", "default", "said"),
    [
        (bool, ..., "true or false"),
        (bool | None, ..., "false, true or null"),
        (Severity, ..., '"mild" or "strong"'),
        (Literal["good", "بد"] | None, ..., '"good", "بد" or null'),
        (Literal["only"], ..., '"only"'),
        (Literal[1, 2, 3], ..., "1, 2 or 3"),
        (int, Field(ge=0, le=10), "a whole number from 0 to 10"),
        (Annotated[int, Field(ge=0, le=10)] | None, ..., "a whole number from 0 to 10 or null"),
        (int, Field(ge=-5, le=10_000), "a whole number from -5 to 10000"),
        (int, Field(ge=0, le=10, multiple_of=5), "0, 5 or 10"),
        (int, Field(ge=7, le=7), "7"),
        (int, feature(ge=0, le=900, unit="mg"), "a whole number from 0 to 900, in mg"),
        (int | None, feature(ge=0, le=9, unit="mg"), "a whole number from 0 to 9, in mg, or null"),
        (float, feature(ge=35, le=42, places=1, unit="°C"), "a number from 35.0 to 42.0 with one decimal place, in °C"),
        (float, feature(ge=0, le=500), "a number from 0.0 to 500.0 with one or two decimal places"),
        (
            float | None,
            feature(ge=0, le=5, places=3),
            "a number from 0.0 to 5.0 with one to three decimal places or null",
        ),
        (float, Field(ge=0, le=1, multiple_of=0.5), "0.0, 0.5 or 1.0"),
        (date, ..., 'a date as "YYYY-MM-DD"'),
        (
            date | None,
            feature(ge=date(2020, 1, 31), le=date(2026, 1, 1)),
            'a date as "YYYY-MM-DD" from "2020-01-31" to "2026-01-01" or null',
        ),
        (str, Field(max_length=80), "a text of 0 to 80 characters"),
        (str, Field(min_length=5, max_length=5), "a text of 5 characters"),
        (str, feature(quote=True, max_length=80), "the exact words of the transcript, 0 to 80 characters of them"),
        (list[Site], ..., 'a list of any of "arm", "leg" or "back", in this order, [] when there is none'),
        (
            list[Site],
            Field(max_length=2),
            'a list of at most 2 of "arm", "leg" or "back", in this order, [] when there is none',
        ),
        (list[Site], Field(min_length=1), 'a list of 1 to 3 of "arm", "leg" or "back", in this order'),
        (list[Site], Field(min_length=2, max_length=2), 'a list of exactly 2 of "arm", "leg" or "back", in this order'),
        (
            list[Annotated[str, Field(max_length=30)]],
            Field(max_length=4),
            (
                "a list of at most 4 texts in the order of the transcript, each of 0 to 30 characters, "
                "[] when there is none"
            ),
        ),
        (
            list[Annotated[str, Field(max_length=30)]],
            feature(quote=True, min_length=1, max_length=4),
            (
                "a list of 1 to 4 passages in the order of the transcript, each its exact words, "
                "0 to 30 characters of them"
            ),
        ),
        (
            list[Medicine],
            Field(max_length=4),
            (
                "a list of at most 4 objects in the order of the transcript, each with the fields below in this order, "
                "[] when there is none"
            ),
        ),
        (Medicine, ..., "an object with the fields below, in this order"),
        (Medicine | None, ..., "an object with the fields below, in this order, or null"),
    ],
)
def test_what_is_allowed(annotation: Any, default: Any, said: str) -> None:
    assert allowed(field_of(annotation, default)) == said


def test_a_kind_that_only_outlines_generates_is_told_by_its_definition() -> None:
    [field] = fields_of(create_model("Any", field=(dict[str, int], ...)), planned=False)
    assert allowed(field) == "JSON of the kind that its definition asks for"


@given(schema=unfolding())
@settings(max_examples=40)
def test_every_field_of_every_schema_is_told_in_one_line_below_its_group(schema: type[BaseModel]) -> None:
    def count(fields: tuple[FieldSpec, ...]) -> int:
        return sum(bool(field.name) + count(field.fields) for field in fields)

    fields = fields_of(schema)
    lines = list(told(fields, "en"))
    assert len(lines) == count(fields)
    assert all(line.name and line.allowed for line in lines)
    assert [line.name for line in lines if not line.indent] == [field.name for field in fields]
    assert "group" not in kinds(fields)


def test_phrases_come_in_the_transcript_s_language_else_in_english_else_in_any() -> None:
    def counts(given: dict[str, list[str]], language: str) -> str:
        [line] = told([field_of(bool, feature(counts=given))], language)
        return line.counts

    both = {"en": ["aches", "is sore"], "fa": ["درد"]}
    assert counts(both, "fa") == '"درد"'
    assert counts(both, "de") == '"aches", "is sore"'
    assert counts({"fa": ["درد"]}, "en") == '"درد"'
    assert counts({}, "en") == ""


def test_a_definition_in_one_language_only_is_shown_in_every_prompt() -> None:
    [line] = told([field_of(bool, Feature(label={}, definition={"fa": "درد دارد"}))], "en")
    assert line.definition == "درد دارد"


def rules_of(**fields: Any) -> list[str]:
    return between(fields_of(create_model("Ruled", **fields)))


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"implies": ["other"]}, 'If "field" is true, "other" is true.'),
        ({"excludes": ["other"]}, 'If "field" is true, "other" is false.'),
        ({"implies": ["not other"]}, 'If "field" is true, "other" is false.'),
        ({"implies": {"no": ["other"]}}, 'If "field" is false, "other" is true.'),
        ({"implies": ["grade=mild"]}, 'If "field" is true, "grade" is "mild".'),
        ({"excludes": ["grade=mild"]}, 'If "field" is true, "grade" is not "mild".'),
        ({"excludes": ["grade"]}, 'If "field" is true, "grade" is null.'),
        ({"implies": ["sites"]}, 'If "field" is true, "sites" is not empty.'),
        ({"excludes": ["sites"]}, 'If "field" is true, "sites" is empty.'),
        ({"excludes": ["since"]}, 'If "field" is true, "since" is null.'),
        ({"implies": ["score=3"]}, 'If "field" is true, "score" is 3.'),
        ({"excludes": ["score=3"]}, 'If "field" is true, "score" is not 3.'),
    ],
)
def test_a_rule_in_words(rule: dict[str, Any], said: str) -> None:
    assert rules_of(
        field=(bool, feature(**rule)),
        other=(bool, ...),
        grade=(Literal["mild", "bad", "worst"] | None, ...),
        sites=(list[Site], ...),
        since=(date | None, ...),
        score=(int, Field(ge=0, le=10)),
    ) == [said]


def test_a_rule_that_always_holds_is_not_told_and_none_is_told_twice() -> None:
    assert rules_of(field=(bool, feature(implies=["always"])), always=(Severity, ...)) == []
    assert rules_of(
        field=(bool, feature(implies=["other", "other=yes"], excludes=["not other"])), other=(bool, ...)
    ) == ['If "field" is true, "other" is true.']
