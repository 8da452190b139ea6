"""Plans: every path is an answer of the schema, every answer is a path, and its tokens are those of the whole text."""

from __future__ import annotations

import json
import random
import re
from datetime import datetime
from enum import Enum, IntEnum
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from outlines_core import Guide, Index, Vocabulary
from outlines_core.json_schema import build_regex_from_schema
from pydantic import AfterValidator, BaseModel, Field, create_model
from strategies import Drawn, plain_words, random_path, schemas, written
from tiny import LOSSLESS, backend, tokenizer

from clinextract.decoding.judge import canonical_regex
from clinextract.decoding.plan import Plan, build_plan
from clinextract.decoding.segments import Choice, Forced, Open
from clinextract.errors import PlanError, SchemaError
from clinextract.models.base import Tokenizer
from clinextract.models.fake import ByteTokenizer
from clinextract.palliative import PalliativeCall
from clinextract.schema.features import fields_of, json_schema_of


def plan_of(schema: type[BaseModel], words: Tokenizer) -> Plan:
    return build_plan(fields_of(schema), words, canonical_regex(schema))


def outlines_regex(schema: type[BaseModel]) -> str:
    """The schema as Outlines writes it by itself, with every field required and its own idea of white space."""
    whole = json_schema_of(schema)
    return build_regex_from_schema(json.dumps({**whole, "required": list(whole["properties"])}))


def accepted_by_outlines(regex: str, text: str) -> bool:
    characters = sorted({*text, *regex, *map(chr, range(32, 127))})  # an index wants a character for every state
    guide = Guide(Index(regex, Vocabulary(len(characters), {one: [n] for n, one in enumerate(characters)})))
    for character in text:
        number = characters.index(character)
        if number not in guide.get_tokens():
            return False
        guide.advance(number, return_tokens=False)
    return len(characters) in guide.get_tokens() or guide.is_finished()


def planned_or_unalignable(drawn: Drawn, words: Tokenizer) -> Plan | None:
    """The plan; None where the error says which field the tokenizer cannot be aligned with."""
    try:
        return plan_of(drawn.schema, words)
    except PlanError as error:
        assert error.hint
        assert "mistake of clinextract" not in error.hint
        return None


@pytest.mark.parametrize("kind", LOSSLESS)
@given(drawn=schemas(), seed=st.integers(0, 2**32))
@settings(max_examples=60)
def test_every_path_is_an_answer_of_the_schema(kind: str, drawn: Drawn, seed: int) -> None:
    plan = planned_or_unalignable(drawn, tokenizer(kind))
    if plan is None:
        return
    regex = outlines_regex(drawn.schema)
    chance = random.Random(seed)
    for _ in range(4):
        text = written(random_path(plan, chance))
        assert list(json.loads(text)) == list(drawn.schema.model_fields)
        assert json.dumps(json.loads(text), ensure_ascii=False) == text
        drawn.schema.model_validate_json(text)
        assert re.fullmatch(regex, text)
    assert accepted_by_outlines(regex, text)


@pytest.mark.parametrize("kind", LOSSLESS)
@given(drawn=schemas(texts=plain_words))
@settings(max_examples=40)
def test_ordinary_schemas_can_be_planned(kind: str, drawn: Drawn) -> None:
    plan_of(drawn.schema, tokenizer(kind))


@given(drawn=schemas())
@settings(max_examples=100)
def test_any_schema_can_be_planned_over_bytes(drawn: Drawn) -> None:
    plan_of(drawn.schema, ByteTokenizer())


@given(drawn=schemas())
@settings(max_examples=100)
def test_every_value_is_an_alternative(drawn: Drawn) -> None:
    plan = plan_of(drawn.schema, ByteTokenizer())
    found = {choice.field: list(choice.values) for choice in plan.choices}
    for name, values in drawn.values.items():
        if len(values) > 1:
            assert sorted(map(repr, found[name])) == sorted(map(repr, values))
        else:
            assert name not in found


@pytest.mark.parametrize("kind", LOSSLESS)
@given(drawn=schemas(opens=False), seed=st.integers(0, 2**32))
@settings(max_examples=60)
def test_a_path_has_the_tokens_of_its_whole_text(kind: str, drawn: Drawn, seed: int) -> None:
    words = tokenizer(kind)
    plan = planned_or_unalignable(drawn, words)
    if plan is None:
        return
    chance = random.Random(seed)
    for _ in range(6):
        path = random_path(plan, chance)
        assert [token for _, tokens in path for token in tokens or ()] == words.encode(written(path))


@pytest.mark.parametrize("kind", LOSSLESS)
@given(drawn=schemas(), seed=st.integers(0, 2**32))
@settings(max_examples=40)
def test_an_answer_of_one_field_is_planned_for_every_field(kind: str, drawn: Drawn, seed: int) -> None:
    words = tokenizer(kind)
    plan = planned_or_unalignable(drawn, words)
    if plan is None:
        return
    assert [alone.fields for alone in plan.alone] == [(field,) for field in plan.fields]
    for alone in plan.alone:
        path = random_path(alone, random.Random(seed))
        name = alone.fields[0].name
        assert list(json.loads(written(path))) == [name]
        assert not alone.choices or alone.choices[0].field == name


@given(drawn=schemas())
@settings(max_examples=40)
def test_no_answer_is_longer_than_the_plan_says(drawn: Drawn) -> None:
    plan = plan_of(drawn.schema, ByteTokenizer())
    for seed in range(4):
        assert len(written(random_path(plan, random.Random(seed))).encode()) <= plan.longest


def test_a_plan_is_the_same_every_time() -> None:
    assert plan_of(PalliativeCall, tokenizer("bytes")) == plan_of(PalliativeCall, tokenizer("bytes"))


def test_a_plan_says_how_it_is_cut() -> None:
    class Ward(BaseModel):
        pain: bool
        note: Annotated[str, Field(max_length=5)]
        dose: Annotated[int, Field(ge=0, le=1000)]

    plan = plan_of(Ward, ByteTokenizer())
    kinds = [type(segment) for segment in plan.segments]
    assert kinds == [Forced, Choice, Forced, Open, Forced, Open]
    assert plan.segments[1].texts == ("false,", "true,")
    assert [one.pattern[-1] for one in plan.segments if isinstance(one, Open)] == ['"', "}"]


# What cannot be planned


class _Colour(Enum):
    RED = 0.5
    BLUE = 1.5


class _Level(IntEnum):
    LOW = 1
    HIGH = 10


class _Tree(BaseModel):
    child: _Tree | None
    leaf: bool


class _Inner(BaseModel):
    pain: bool


@pytest.mark.parametrize(
    "annotation",
    [
        list[bool], float, str, int, dict[str, bool], datetime, bytes, Any, tuple[bool, bool],
        Annotated[list[bool], Field(max_length=2)], Annotated[list[_Inner | None], Field(max_length=2)],
        Annotated[list[_Inner], Field(min_length=3, max_length=2)], Annotated[list[_Inner], Field(max_length=0)],
        set[str], bool | str, Literal["a"] | Literal["b"], list[_Inner], _Colour, complex, object, type(None), None,
        Annotated[int, Field(ge=0)], Annotated[int, Field(le=0)], Annotated[int, Field(ge=3, le=2)],
        Annotated[str, Field(min_length=3)], Annotated[str, Field(max_length=3, pattern="a+")],
        Annotated[str, Field(min_length=5, max_length=3)], Annotated[float, Field(ge=0)],
        Annotated[int, Field(ge=0, le=10**6, multiple_of=7)], Annotated[int, Field(ge=1, le=2, multiple_of=5)],
        Annotated[float, Field(gt=0.001, lt=0.002)], Literal["\ud800", "a"],
    ],
)  # fmt: skip
def test_an_unsupported_kind_is_refused_by_the_field_s_name(annotation: Any) -> None:
    try:
        schema = create_model(
            "Ward", __config__={"arbitrary_types_allowed": True}, fine=(bool, ...), odd=(annotation, ...)
        )
    except Exception as error:  # noqa: BLE001 - Pydantic's own refusal, of several types
        pytest.skip(f"Pydantic itself refuses it: {type(error).__name__}")
    with pytest.raises(PlanError) as caught:
        plan_of(schema, ByteTokenizer())
    assert caught.value.field == "odd" or "odd" in caught.value.message
    assert caught.value.hint


def test_a_recursive_schema_is_refused_by_the_field_s_name() -> None:
    with pytest.raises(PlanError) as caught:
        plan_of(_Tree, ByteTokenizer())
    assert caught.value.field == "child"


def test_a_schema_within_a_list_of_itself_is_refused() -> None:
    class Node(BaseModel):
        leaf: bool
        children: Annotated[list[Node], Field(max_length=2)]

    with pytest.raises(PlanError) as caught:
        plan_of(Node, ByteTokenizer())
    assert caught.value.field == "children"


def test_no_fields_are_refused() -> None:
    class Empty(BaseModel):
        pass

    with pytest.raises(SchemaError, match="no fields"):
        plan_of(Empty, ByteTokenizer())


@pytest.mark.parametrize(
    "given_schema", [dict, {"pain": bool}, "PalliativeCall", None, PalliativeCall.model_construct()]
)
def test_what_is_no_pydantic_model_is_refused(given_schema: Any) -> None:
    with pytest.raises(SchemaError, match="Pydantic"):
        fields_of(given_schema)


@pytest.mark.parametrize(
    ("annotation", "values"),
    [
        (bool | None, (False, True, None)),
        (Literal["a", None] | None, ("a", None)),
        (Literal[1, True, "1"], (1, True, "1")),
        (_Level, (1, 10)),
        (Annotated[int, Field(ge=0, le=20, multiple_of=5)], (0, 5, 10, 15, 20)),
        (Annotated[int, Field(gt=0, lt=3)], (1, 2)),
        (Annotated[int, Field(ge=0, gt=3, le=5)], (4, 5)),
        (Annotated[int, Field(ge=0, le=3)] | None, (0, 1, 2, 3, None)),
    ],
)
def test_alternatives_of_a_kind(annotation: Any, values: tuple[Any, ...]) -> None:
    schema = create_model("Ward", odd=(annotation, ...))
    [choice] = plan_of(schema, ByteTokenizer()).choices
    assert [repr(value) for value in choice.values] == [repr(value) for value in values]


def test_exclusive_bounds_beside_inclusive_ones_hold_for_great_ranges() -> None:
    schema = create_model("Ward", dose=(Annotated[int, Field(ge=0, gt=100, le=10_000, lt=5000)], ...))
    [field] = fields_of(schema)
    assert (field.minimum, field.maximum) == (101, 4999)


def test_a_value_that_validators_refuse_is_no_alternative() -> None:
    def plain(value: str) -> str:
        if not value.isascii():
            raise ValueError
        return value

    schema = create_model("Ward", mood=(Annotated[Literal["good", "schön", "بد", "bad"], AfterValidator(plain)], ...))
    [choice] = plan_of(schema, ByteTokenizer()).choices
    assert choice.values == ("good", "bad")


def test_defaults_aliases_and_descriptions_change_nothing() -> None:
    class Ward(BaseModel):
        level: _Level = Field(_Level.LOW, alias="Stufe", description="how strong", title="Level")
        pain: bool = Field(default=False, alias="Schmerz")

    plan = plan_of(Ward, ByteTokenizer())
    assert written(random_path(plan, random.Random(1))).startswith('{"level": 1')
    assert [choice.field for choice in plan.choices] == ["level", "pain"]


# Real vocabularies


def real(shared: Path, name: str) -> Tokenizer:
    from tokenizers import Tokenizer as Backend

    from clinextract.models.tokenizer import BackendTokenizer

    file = shared / "tokenizers" / name / "tokenizer.json"
    if not file.is_file():
        pytest.skip(f"no tokenizer {name} there")
    return BackendTokenizer(Backend.from_file(str(file)), 0)


class Ward(BaseModel):
    """A field of every kind."""

    alone: bool
    walks: bool | None
    mood: Literal["good", "bad", "bad at night", "بد", 'she says "bad"', 3, None]
    score: Annotated[int, Field(ge=-5, le=110)]
    dose: Annotated[int, Field(ge=-99, le=4000)]
    level: _Level
    note: Annotated[str, Field(max_length=80)]
    end: bool


@pytest.mark.parametrize("name", ["qwen2.5", "llama3"])
def test_thirteen_booleans_are_thirteen_tokens_among_about_a_hundred(shared: Path, name: str) -> None:
    plan = plan_of(PalliativeCall, real(shared, name))
    assert len(plan.choices) == 13
    assert all(choice.single for choice in plan.choices)
    assert [choice.texts for choice in plan.choices] == [(" false", " true")] * 13
    assert 80 <= plan.tokens <= 110


@pytest.mark.parametrize("name", ["qwen2.5", "llama3"])
def test_a_mixed_schema_is_planned_for_a_real_tokenizer(shared: Path, name: str) -> None:
    words = real(shared, name)
    plan = plan_of(Ward, words)
    assert [choice.field for choice in plan.choices] == ["alone", "walks", "mood", "score", "level", "end"]
    for seed in range(50):
        Ward.model_validate_json(written(random_path(plan, random.Random(seed))))
    closed = plan_of(
        create_model(
            "Closed", **{n: (f.annotation, f) for n, f in Ward.model_fields.items() if n not in {"note", "dose"}}
        ),
        words,
    )
    for seed in range(100):
        path = random_path(closed, random.Random(seed))
        assert [token for _, tokens in path for token in tokens or ()] == words.encode(written(path))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["qwen2.5", "llama3"])
def test_random_schemas_on_a_real_tokenizer(shared: Path, name: str) -> None:
    words = real(shared, name)

    @given(drawn=schemas(opens=False), seed=st.integers(0, 2**32))
    @settings(max_examples=300)
    def holds(drawn: Drawn, seed: int) -> None:
        plan = planned_or_unalignable(drawn, words)
        if plan is not None:
            path = random_path(plan, random.Random(seed))
            assert [token for _, tokens in path for token in tokens or ()] == words.encode(written(path))

    holds()


def test_a_tokenizer_that_loses_text_is_refused_by_name() -> None:
    from clinextract.models.tokenizer import BackendTokenizer

    words = BackendTokenizer(backend("wordpiece"), 0)
    with pytest.raises(PlanError, match="does not give back the text") as caught:
        plan_of(PalliativeCall, words)
    assert caught.value.field == "visit_request"
