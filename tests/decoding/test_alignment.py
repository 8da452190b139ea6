"""Where values end in tokens, and vocabularies in which they do not."""

from __future__ import annotations

import json
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field, create_model
from tiny import LOSSLESS, backend, tokenizer
from tokenizers import Tokenizer as Backend
from tokenizers import decoders, models, normalizers, pre_tokenizers

from clinextract.decoding.judge import canonical_regex
from clinextract.decoding.plan import Plan, build_plan
from clinextract.decoding.segments import Choice
from clinextract.errors import PlanError
from clinextract.models.tokenizer import BackendTokenizer
from clinextract.schema.features import fields_of


def merging(*wholes: str) -> BackendTokenizer:
    """Byte-level BPE of single characters and of these texts, which may reach over anything."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {character: number for number, character in enumerate(alphabet)}
    merges: list[tuple[str, str]] = []
    for whole in wholes:
        spelled = whole.replace(" ", "Ġ")
        for end in range(2, len(spelled) + 1):
            pair = (spelled[: end - 1], spelled[end - 1])
            if "".join(pair) not in vocabulary:
                vocabulary["".join(pair)] = len(vocabulary)
                merges.append(pair)
    made = Backend(models.BPE(vocabulary, merges))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    made.decoder = decoders.ByteLevel()
    return BackendTokenizer(made, 0)


def plan_of(schema: type[BaseModel], words: BackendTokenizer) -> Plan:
    return build_plan(fields_of(schema), words, canonical_regex(schema))


class TwoFlags(BaseModel):
    a: bool
    b: bool


def test_a_token_that_reaches_from_one_value_into_the_next_is_refused_by_the_field_s_name() -> None:
    words = merging('e, "b": t')
    with pytest.raises(PlanError, match="cannot be aligned") as caught:
        plan_of(TwoFlags, words)
    assert caught.value.field in {"a", "b"}
    assert repr(caught.value.field) in caught.value.message
    assert "outlines" in caught.value.hint


def test_a_token_that_takes_the_value_and_what_follows_it_is_part_of_the_choice() -> None:
    plan = plan_of(TwoFlags, merging('e, "'))
    [a, _] = plan.choices
    assert a.texts[0] == 'false, "'
    assert a.texts[1] == 'true, "'


def test_a_token_that_reaches_over_the_end_of_one_alternative_only_is_part_of_the_choice() -> None:
    schema = create_model("Ward", mood=(Literal["bad", "good enough"], ...), pain=(bool, ...))
    words = merging('bad", ')
    mood = plan_of(schema, words).choices[0]
    spelled = ["".join((words.token_bytes[token] or b"").decode() for token in tokens) for tokens in mood.tokens]
    assert spelled == list(mood.texts)
    assert mood.texts[0].endswith('bad", ')


@pytest.mark.parametrize("kind", LOSSLESS)
def test_one_value_that_continues_another_ends_with_a_token_that_tells_them_apart(kind: str) -> None:
    values = ("mild", "mild pain", "mi", "m", "", "mild pain, severe")
    schema = create_model("Ward", mood=(Literal[values], ...), level=(Literal[1, 10, 100, 2, None], ...))
    for choice in plan_of(schema, tokenizer(kind)).choices:
        assert prefix_free(choice)


def prefix_free(choice: Choice) -> bool:
    return not any(a is not b and b[: len(a)] == a for a in choice.tokens for b in choice.tokens) and len(
        set(choice.tokens)
    ) == len(choice.tokens)


@pytest.mark.parametrize("kind", LOSSLESS)
def test_listed_numbers_of_several_digits(kind: str) -> None:
    schema = create_model("Ward", dose=(Annotated[int, Field(ge=-120, le=120)], ...), end=(bool, ...))
    dose = plan_of(schema, tokenizer(kind)).choices[0]
    assert dose.values == tuple(range(-120, 121))
    assert prefix_free(dose)


@pytest.mark.parametrize("kind", LOSSLESS)
def test_texts_begin_and_end_with_whole_characters(kind: str) -> None:
    schema = create_model("Ward", sign=(Literal["😀", "😁", "中", "丮", "é", "è", "\u064e"], ...))
    [choice] = plan_of(schema, tokenizer(kind)).choices
    assert len(set(choice.texts)) == 7


@pytest.mark.parametrize(
    ("normaliser", "value"),
    [(normalizers.NFC(), "e\u0301"), (normalizers.NFKC(), "ﬁne"), (normalizers.Lowercase(), "Bad")],
)
def test_a_value_that_the_tokenizer_rewrites_is_refused_by_the_field_s_name(
    normaliser: normalizers.Normalizer, value: str
) -> None:
    made = Backend.from_str(backend("bytes").to_str())
    made.normalizer = normaliser
    schema = create_model("Ward", fine=(bool, ...), mood=(Literal["good", value], ...))
    with pytest.raises(PlanError, match="does not give back the text") as caught:
        plan_of(schema, BackendTokenizer(made, 0))
    assert caught.value.field == "mood"


def test_a_field_s_name_may_stand_in_its_value() -> None:
    schema = create_model("Ward", pain=(Literal['"pain": true', "pain", '{"pain":'], ...), end=(bool, ...))
    for kind in LOSSLESS:
        assert len(plan_of(schema, tokenizer(kind)).choices[0].texts) == 3


@pytest.mark.parametrize("kind", LOSSLESS)
def test_values_that_spell_control_tokens_are_text(kind: str) -> None:
    schema = create_model("Ward", tag=(Literal["<s>", "</s>", "<|im_end|>", "none"], ...))
    words = tokenizer(kind)
    [choice] = plan_of(schema, words).choices
    for tokens, text in zip(choice.tokens, choice.texts, strict=True):
        assert b"".join(words.token_bytes[token] or b"?" for token in tokens) == text.encode()


def test_hundreds_of_values_are_planned() -> None:
    values = tuple(f"value {number}" for number in range(500))
    schema = create_model("Ward", mood=(Literal[values], ...))
    [choice] = plan_of(schema, tokenizer("bytes")).choices
    assert len(choice.texts) == 500
    assert json.loads('{"mood": ' + '"value 499"}')["mood"] == choice.values[-1]
