"""Quotes, dates, lists, groups and rules: the fast decoder gives what the slow one gives, and nothing invalid."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel
from slow import SlowDecoder, quotable
from strategies import plain_words, ruled, unfolding
from tiny import ARCHITECTURES, LOSSLESS, model, tokenizer

from clinextract.decoding.decode import decode
from clinextract.decoding.judge import canonical_regex
from clinextract.decoding.opens import Guides
from clinextract.decoding.plan import Plan, build_plan
from clinextract.decoding.rows import Constraints, Decisions
from clinextract.decoding.segments import Open
from clinextract.errors import SchemaError
from clinextract.models.base import Order
from clinextract.models.transformers import TransformersModel
from clinextract.schema.features import Feature, fields_of
from clinextract.schema.rules import Rules
from clinextract.schema.specs import FieldSpec

CLEAR = 1e-4
TRANSCRIPT = 'او گفت "درد" دارم، و شب‌ها نمی‌خوابم.\nBP 12/8, pain\\ache e\u0301té \u064bـ'
UNQUOTABLE = "prolonged breathlessness"
"""No quote of three characters stands in it."""


@dataclass
class Task:
    """A model, a schema, and prompts behind nothing."""

    model: TransformersModel
    schema: type[BaseModel]
    prompts: Sequence[Sequence[int]]
    cutoffs: Mapping[str, float] = field(default_factory=dict)
    text: str = TRANSCRIPT

    @property
    def plan(self) -> Plan:
        return build_plan(fields_of(self.schema), self.model.tokenizer, canonical_regex(self.schema))

    @property
    def rules(self) -> Rules:
        return Rules(fields_of(self.schema))

    def fast(self, order: Order = "joint") -> list[Decisions]:
        session = self.model.session(self.model.prefill([]), len(self.prompts))
        guides = Guides(self.model.tokenizer)
        texts = [self.text] * len(self.prompts)
        constraints = Constraints(self.rules, self.cutoffs)
        return decode(session, self.plan, self.prompts, guides, order=order, constraints=constraints, texts=texts)

    def slow(self, prompt: Sequence[int]) -> tuple[dict[str, object], float]:
        decoder = SlowDecoder(self.model.model, self.model.tokenizer)
        decoder.rules, decoder.cutoffs, decoder.text = self.rules, self.cutoffs, self.text
        return decoder.decode(self.plan, prompt), decoder.margin


@st.composite
def tasks(
    draw: st.DrawFn,
    schemas: st.SearchStrategy[type[BaseModel]],
    *,
    rows: int = 1,
    texts: Sequence[str] = (TRANSCRIPT,),
) -> Task:
    kind = draw(st.sampled_from(LOSSLESS))
    made = model(kind, draw(st.sampled_from(ARCHITECTURES)), draw(st.integers(0, 9)))
    chance = random.Random(draw(st.integers(0, 2**32)))
    size = len(made.tokenizer.token_bytes)
    prompts = [[chance.randrange(size) for _ in range(chance.randint(1, 12))] for _ in range(rows)]
    schema = draw(schemas)
    cutoffs = {f.name: draw(st.floats(0, 1)) for f in fields_of(schema) if f.kind == "boolean" and draw(st.booleans())}
    return Task(made, schema, prompts, cutoffs, draw(st.sampled_from(texts)))


def values(decisions: Decisions) -> str:
    return json.dumps({name: decision.value for name, decision in decisions.items()})


def valid(task: Task, decisions: Decisions) -> BaseModel:
    """The answer as an instance of the schema, which keeps the rules and quotes only what was said."""
    answer = task.schema.model_validate_json(values(decisions))
    assert task.rules.broken({name: decision.value for name, decision in decisions.items()}) == ()
    for spec in fields_of(task.schema):
        for quote in quotes(spec, decisions[spec.name].value):
            assert quote in task.text
            assert quote == "" or quote in quotable(task.text, 1, 100)
    return answer


def quotes(spec: FieldSpec, value: object) -> list[str]:
    """Every quote within a value."""
    if spec.kind == "quote":
        return [value] if isinstance(value, str) else []
    if spec.kind == "group" and isinstance(value, dict):
        return [quote for inner in spec.fields for quote in quotes(inner, value[inner.name])]
    if spec.kind == "list" and isinstance(value, list):
        return [quote for item in value for quote in quotes(spec.fields[0], item)]
    return []


def usable(task: Task) -> bool:
    """Whether the rules can be kept at all; those that cannot are refused before any model is asked."""
    try:
        return task.rules is not None
    except SchemaError:
        return False


@given(tasks(unfolding(texts=plain_words)))
@settings(max_examples=60)
def test_what_unfolds_is_what_a_slow_decoder_finds(task: Task) -> None:
    [fast] = task.fast()
    valid(task, fast)
    slow, margin = task.slow(task.prompts[0])
    if margin > CLEAR:
        assert values(fast) == json.dumps(slow)


@given(tasks(ruled(), texts=(TRANSCRIPT, UNQUOTABLE)).filter(usable))
@settings(max_examples=60)
def test_rules_are_kept_as_a_slow_decoder_keeps_them(task: Task) -> None:
    [fast] = task.fast()
    valid(task, fast)
    slow, margin = task.slow(task.prompts[0])
    if margin > CLEAR:
        assert values(fast) == json.dumps(slow)


class Asked(BaseModel):
    fever: bool = Feature(label={}, definition={}, implies={"": ["reading"]})
    reading: str | None = Feature(label={}, definition={}, quote=True, max_length=3)
    pain: bool = Feature(label={}, definition={}, excludes={"": ["not reading"]})


@pytest.mark.parametrize("order", ["joint", "independent"])
@pytest.mark.parametrize(("text", "some"), [("BP 12/8", True), (UNQUOTABLE, False)])
def test_a_quote_that_a_rule_asks_for_is_never_empty(text: str, some: bool, order: Order) -> None:
    prompts = [[prompt] for prompt in range(2, 40)]
    task = Task(model(LOSSLESS[0], ARCHITECTURES[0], 3), Asked, prompts, {"fever": 0.4, "pain": 0.4}, text)
    answers = [valid(task, decisions).model_dump() for decisions in task.fast(order)]
    assert all(answer["reading"] != "" for answer in answers)
    assert any(answer["fever"] or answer["pain"] for answer in answers) is some


class Tied(BaseModel):
    a: str | None = Feature(label={}, definition={}, quote=True, max_length=3)
    b: str | None = Feature(label={}, definition={}, quote=True, max_length=3)
    c: bool = Feature(label={}, definition={}, implies={"": ["not a", "b"]})


@pytest.mark.parametrize("order", ["joint", "independent"])
def test_what_cannot_be_quoted_is_certain_and_no_rule_s_doing(order: Order) -> None:
    task = Task(model(LOSSLESS[0], ARCHITECTURES[0], 3), Tied, [[5]], {"c": 0.0}, UNQUOTABLE)
    [found] = task.fast(order)
    assert (found["a"].value, found["a"].probability, found["a"].ruled) == (None, 1.0, False)
    assert found["c"].value is False  # the cut-off wants it, and it would need a quote
    assert found["c"].ruled


@given(tasks(st.one_of(unfolding(), ruled()), rows=3).filter(usable), st.sampled_from(["joint", "independent"]))
@settings(max_examples=60)
def test_rows_of_a_batch_go_ways_of_their_own(task: Task, order: Order) -> None:
    together = task.fast(order)
    for prompt, decisions in zip(task.prompts, together, strict=True):
        valid(task, decisions)
        alone = Task(task.model, task.schema, [prompt], task.cutoffs)
        _, margin = alone.slow(prompt)
        if margin > CLEAR and order == "joint":
            assert values(decisions) == values(alone.fast(order)[0])


@pytest.mark.slow
@given(tasks(st.one_of(unfolding(texts=plain_words), ruled())).filter(usable))
@settings(max_examples=600)
def test_many_times(task: Task) -> None:
    [fast] = task.fast()
    valid(task, fast)
    slow, margin = task.slow(task.prompts[0])
    if margin > CLEAR:
        assert values(fast) == json.dumps(slow)


@pytest.mark.parametrize("kind", LOSSLESS)
@given(
    text=st.text(st.characters(exclude_categories=["Cs"]), max_size=60), low=st.integers(0, 8), width=st.integers(0, 12)
)
@settings(max_examples=40)
def test_a_quote_of_any_text_comes_to_its_end(kind: str, text: str, low: int, width: int) -> None:
    opened = Open("quote", "quote", "", "", minimum=low, maximum=low + width)
    guides = Guides(tokenizer(kind))
    writer = guides.writer(opened, text)
    chance = random.Random(text)
    while not writer.done:
        tokens = writer.allowed()
        chance.shuffle(tokens)
        writer.take(tokens, None)
    quote = writer.written[2:-1]
    found = quotable(text, max(low, 1), low + width)
    assert quote in found or (quote == "" and (low == 0 or not found))


@pytest.mark.parametrize("kind", LOSSLESS)
@given(text=st.text('ab é د\u200cر\n"\\،.', max_size=25))
@settings(max_examples=25)
def test_every_stretch_of_words_can_be_quoted(kind: str, text: str) -> None:
    opened = Open("quote", "quote", "", "", minimum=0, maximum=20)
    words = tokenizer(kind)
    guides = Guides(words)
    for stretch in quotable(text, 1, 20):
        writer = guides.writer(opened, text)
        left = f' "{stretch}"'.encode()
        while left:
            fitting = [t for t in writer.allowed().tolist() if left.startswith(words.token_bytes[t] or b"no token")]
            token = max(fitting, key=lambda t: len(words.token_bytes[t] or b""))
            writer.take(np.array([token]), None)
            left = left[len(words.token_bytes[token] or b"") :]
        assert writer.done
        assert writer.written == f' "{stretch}"'
