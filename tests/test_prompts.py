"""Prompts: one slot, a hash that stays, examples held against the schema, no words in errors."""

import json
from enum import Enum
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field, model_validator

from clinextract.errors import SchemaError
from clinextract.palliative import PalliativeCall
from clinextract.prompts import (
    SLOT,
    Example,
    Prompt,
    check_examples,
    default_examples,
    render,
    split,
)
from clinextract.schema.features import JsonScalar, fields_of
from clinextract.text import language_of, normalise

FIELDS = fields_of(PalliativeCall)
LANGUAGES = ("en", "fa")
SECRET = "Zarathustra"


def shipped(language: str) -> Prompt:
    return render("chat.v1", FIELDS, default_examples(FIELDS, language), language)


def answer(**changes: JsonScalar) -> dict[str, JsonScalar]:
    return {**dict.fromkeys(PalliativeCall.model_fields, False), **changes}


class Severity(Enum):
    MILD = "mild"
    STRONG = "strong"


class Ward(BaseModel):
    """One field of every kind."""

    alone: bool
    walks: bool | None
    pain: Severity
    mood: Literal["good", "بد"] | None
    score: Annotated[int, Field(ge=0, le=10)]
    dose: Annotated[int, Field(ge=0, le=1000)]
    step: Annotated[int, Field(ge=0, le=10, multiple_of=5)]
    note: Annotated[str, Field(max_length=80)]


WARD: dict[str, JsonScalar] = {
    "alone": True,
    "walks": None,
    "pain": "mild",
    "mood": "بد",
    "score": 3,
    "dose": 500,
    "step": 5,
    "note": "{{ x }}",
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("template", ["chat.v1", "compact.v1"])
def test_the_slot_is_there_once_and_in_the_last_message(template: str, language: str) -> None:
    prompt = render(template, FIELDS, default_examples(FIELDS, language), language)
    counts = [message["content"].count(SLOT) for message in prompt.messages]
    assert counts == [0] * (len(counts) - 1) + [1]
    assert prompt.messages[-1]["role"] == "user"


def test_compact_is_one_message() -> None:
    prompt = render("compact.v1", FIELDS, default_examples(FIELDS, "en"), "en")
    content = f"<|call|>\n{SLOT}\n<|answer|>\n"
    assert prompt.messages == ({"role": "user", "content": content},)


@pytest.mark.parametrize("language", LANGUAGES)
def test_chat_alternates_and_names_every_field(language: str) -> None:
    messages = shipped(language).messages
    assert [m["role"] for m in messages] == ["system", *["user", "assistant"] * 3, "user"]
    for field in FIELDS:
        assert f"- {field.name} ({field.label[language]}; true or false)" in messages[0]["content"]
        assert field.definition[language] in messages[0]["content"]
    for message in messages:
        assert message["content"] == message["content"].strip()


def test_answers_are_canonical_json_in_the_order_of_the_fields() -> None:
    for message in shipped("fa").messages:
        if message["role"] == "assistant":
            loaded = json.loads(message["content"])
            assert tuple(loaded) == tuple(PalliativeCall.model_fields)
            assert message["content"] == json.dumps(loaded, ensure_ascii=False)


@pytest.mark.parametrize("language", LANGUAGES)
def test_hash_is_stable_and_tells_prompts_apart(language: str) -> None:
    prompt = shipped(language)
    assert prompt.hash == shipped(language).hash
    assert len(prompt.hash) == 16
    others = [
        shipped("en" if language == "fa" else "fa"),
        render("chat.v1", FIELDS, (), language),
        render("chat.v1", FIELDS[1:], default_examples(FIELDS, language), language),
        render("compact.v1", FIELDS, (), language),
    ]
    assert prompt.hash not in {other.hash for other in others}


def test_every_kind_says_what_is_allowed() -> None:
    fields = fields_of(Ward)
    check_examples(Ward, [Example("a call", WARD)])
    system = render("chat.v1", fields, [Example("a call", WARD)], "en").messages[0]["content"]
    for told in (
        "alone (alone; true or false)",
        "walks (walks; false, true or null)",
        'pain (pain; "mild" or "strong")',
        'mood (mood; "good", "بد" or null)',
        "score (score; a whole number from 0 to 10)",
        "dose (dose; a whole number from 0 to 1000)",
        "step (step; 0, 5 or 10)",
        "note (note; a text of 0 to 80 characters)",
    ):
        assert told in system


def test_what_looks_like_a_template_is_text() -> None:
    prompt = render("chat.v1", fields_of(Ward), [Example("{% if %} {{ 1 + 1 }}", WARD)], "en")
    assert prompt.messages[1]["content"].endswith("{% if %} {{ 1 + 1 }}")
    assert '"note": "{{ x }}"' in prompt.messages[2]["content"]


def test_unknown_template_names_the_known_ones() -> None:
    with pytest.raises(SchemaError, match=r"chat\.v9") as caught:
        render("chat.v9", FIELDS, (), "en")
    assert "chat.v1, compact.v1" in caught.value.hint


def test_split_around_one_slot_and_several() -> None:
    assert split(f"a{SLOT}b") == ["a", "b"]
    assert split(f"{SLOT}b{SLOT}") == ["", "b", ""]
    with pytest.raises(SchemaError, match="no place"):
        split("a chat template that drops the user's message")


@pytest.mark.parametrize("language", LANGUAGES)
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


def test_no_examples_for_another_schema() -> None:
    assert default_examples(FIELDS[1:], "en") == ()
    assert default_examples(fields_of(Ward), "en") == ()


def test_another_language_gets_english_examples() -> None:
    assert default_examples(FIELDS, "de") == default_examples(FIELDS, "en")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (answer(pain="yes"), "pain has a value that is refused"),
        (answer(pain=1), "pain has a value that is refused"),
        (answer(pain=None), "pain has a value that is refused"),
        (answer(headache=True), "headache is not a field"),
        ({"pain": True}, "fever is missing"),
    ],
)
def test_a_wrong_example_is_refused_by_number_and_field(wrong: dict[str, JsonScalar], said: str) -> None:
    examples = [Example("a call", answer()), Example(f"{SECRET} is in pain", wrong)]
    with pytest.raises(SchemaError, match="example 2") as caught:
        check_examples(PalliativeCall, examples)
    assert said in caught.value.message
    assert SECRET not in str(caught.value) + repr(caught.value) + caught.value.hint


def test_a_refused_value_is_not_quoted() -> None:
    with pytest.raises(SchemaError, match="note has a value that is refused") as caught:
        check_examples(Ward, [Example("a call", {**WARD, "note": SECRET * 20})])
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_a_model_s_own_validator_is_asked_and_not_quoted() -> None:
    class Consistent(BaseModel):
        alone: bool

        @model_validator(mode="after")
        def never(self) -> "Consistent":
            raise ValueError(SECRET)

    with pytest.raises(SchemaError, match="as a whole") as caught:
        check_examples(Consistent, [Example("a call", {"alone": True})])
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("transcript", ["", " \n", f"a {SLOT}"])
def test_an_example_needs_a_transcript(transcript: str) -> None:
    with pytest.raises(SchemaError, match="example 1"):
        check_examples(PalliativeCall, [Example(transcript, answer())])


def test_reprs_show_no_words() -> None:
    example = Example(SECRET, answer(pain=True))
    prompt = render("chat.v1", FIELDS, [example], "en")
    assert SECRET not in repr(example) + repr(prompt)
