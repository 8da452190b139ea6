"""The judge: a plan that was tampered with is refused, so what it lets through is worth something."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field
from strategies import Drawn, schemas

from clinextract.decoding.judge import canonical_regex, judge
from clinextract.decoding.plan import build_plan
from clinextract.decoding.segments import Choice, Forced, Open, Segment
from clinextract.errors import PlanError
from clinextract.models.fake import ByteTokenizer
from clinextract.palliative import PalliativeCall
from clinextract.schema.features import fields_of


class Ward(BaseModel):
    pain: bool
    mood: Literal["good", "بد"]
    note: Annotated[str, Field(min_length=2, max_length=4)]
    dose: Annotated[int, Field(ge=-10, le=1000)]
    end: bool


def segments_of(schema: type[BaseModel]) -> tuple[Segment, ...]:
    return build_plan(fields_of(schema), ByteTokenizer()).segments


def refused(segments: Sequence[Segment], schema: type[BaseModel] = Ward) -> PlanError:
    with pytest.raises(PlanError) as caught:
        judge(segments, canonical_regex(schema))
    return caught.value


def place(kind: type[Segment], field: str | None = None) -> int:
    return next(
        n
        for n, one in enumerate(segments_of(Ward))
        if isinstance(one, kind) and (field is None or isinstance(one, Forced) or one.field == field)
    )


def tampered(at: int, **changes: object) -> list[Segment]:
    segments = list(segments_of(Ward))
    segments[at] = replace(segments[at], **changes)  # type: ignore[type-var]
    return segments


def test_honest_plans_pass() -> None:
    for schema in (Ward, PalliativeCall):
        judge(segments_of(schema), canonical_regex(schema))


def test_a_value_of_another_schema_is_refused_by_the_field_s_name() -> None:
    choice = segments_of(Ward)[place(Choice, "mood")]
    assert isinstance(choice, Choice)
    error = refused(tampered(place(Choice, "mood"), texts=(*choice.texts[:-1], "so so")))
    assert error.field == "mood"
    assert "mood" in error.message


def test_one_bad_alternative_among_good_ones_is_refused() -> None:
    choice = segments_of(Ward)[place(Choice, "pain")]
    assert isinstance(choice, Choice)
    assert refused(tampered(place(Choice, "pain"), texts=(*choice.texts, "null,"))).field == "pain"


def test_another_key_is_refused() -> None:
    assert refused(tampered(0, text='{"pains":')).field is None


@pytest.mark.parametrize("spelling", ['{"pain":  ', '{ "pain": ', '{"pain" : ', "{'pain': "])
def test_another_spelling_is_refused(spelling: str) -> None:
    refused(tampered(0, text=spelling))


@pytest.mark.parametrize("at", range(len(segments_of(Ward))))
def test_nothing_may_be_left_out_or_come_twice(at: int) -> None:
    segments = segments_of(Ward)
    refused([*segments[:at], *segments[at + 1 :]])
    refused([*segments[: at + 1], *segments[at:]])


def test_nothing_may_follow() -> None:
    refused([*segments_of(Ward), Forced("\n", ())])
    refused([*segments_of(Ward), Forced(" ", ())])


@pytest.mark.parametrize(
    "pattern", ['"[^"\\\\\\x00-\\x1f]{2,5}"', '"[a-z]{1,4}"', '"[a-z\\n]{2,4}"', '"[a-z]{2,4}" ', "[0-9]"]
)
def test_an_open_field_may_not_hold_more_than_the_schema(pattern: str) -> None:
    assert refused(tampered(place(Open, "note"), pattern=pattern)).field in {"note", None}


def test_an_open_field_may_hold_less() -> None:
    judge(tampered(place(Open, "note"), pattern='"[a-c]{3}"'), canonical_regex(Ward))


def test_a_number_may_not_have_a_zero_before_it() -> None:
    assert refused(tampered(place(Open, "dose"), pattern="0[0-9],")).field == "dose"


def test_a_plan_of_another_schema_is_refused() -> None:
    refused(segments_of(PalliativeCall))
    refused(segments_of(Ward), PalliativeCall)


@given(drawn=schemas(), seed=st.integers(0, 2**32))
@settings(max_examples=100)
def test_any_changed_character_of_a_plan_is_refused(drawn: Drawn, seed: int) -> None:
    segments = list(segments_of(drawn.schema))
    chance = random.Random(seed)
    at = chance.choice([n for n, one in enumerate(segments) if not isinstance(one, Open)])
    segment = segments[at]
    # A private-use character is in none of the schemas.
    if isinstance(segment, Forced):
        cut = chance.randrange(len(segment.text))
        segments[at] = replace(segment, text=segment.text[:cut] + "\ue000" + segment.text[cut + 1 :])
    elif isinstance(segment, Choice):
        texts = list(segment.texts)
        pick = chance.randrange(len(texts))
        texts[pick] = texts[pick][:-1] + "\ue000"
        segments[at] = replace(segment, texts=tuple(texts))
    refused(segments, drawn.schema)


def test_every_field_of_a_group_is_required() -> None:
    class Inner(BaseModel):
        a: bool = False
        b: bool

    class Outer(BaseModel):
        one: Inner
        many: list[Inner] = []

    inner = '{"a": true, "b": true}'
    for short in ("{}", '{"a": true}', '{"b": true}'):
        assert not re.fullmatch(canonical_regex(Outer), f'{{"one": {short}, "many": []}}')
        assert not re.fullmatch(canonical_regex(Outer), f'{{"one": {inner}, "many": [{inner}, {short}]}}')
    assert re.fullmatch(canonical_regex(Outer), f'{{"one": {inner}, "many": [{inner}, {inner}]}}')


def test_only_what_a_group_holds_of_itself_may_be_left_out() -> None:
    class Node(BaseModel):
        pain: bool = False
        child: Node | None = None

    class Tree(BaseModel):
        root: Node

    for deep in ('{"pain": true}', '{"pain": true, "child": null}', '{"pain": true, "child": {"pain": true}}'):
        assert re.fullmatch(canonical_regex(Tree), f'{{"root": {deep}}}')
    assert not re.fullmatch(canonical_regex(Tree), '{"root": {"child": null}}')
