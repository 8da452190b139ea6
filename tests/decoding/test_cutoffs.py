"""Cut-offs: a yes/no value is yes from its cut-off on, inside decoding, and all that follows is given that value."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel
from slow import SlowDecoder
from strategies import plain_words, schemas
from tiny import ARCHITECTURES, LOSSLESS, model

from clinextract.decoding.decode import decode
from clinextract.decoding.opens import Guides
from clinextract.decoding.plan import Plan, build_plan
from clinextract.decoding.rows import Constraints, Decisions, Guess
from clinextract.models.base import Order
from clinextract.models.transformers import TransformersModel
from clinextract.palliative import PalliativeCall
from clinextract.schema.features import fields_of

CLEAR = 1e-4
"""Two correct decoders may differ where a probability is closer than this to its cut-off."""


@dataclass
class Task:
    model: TransformersModel
    schema: type[BaseModel]
    prompt: list[int]

    @property
    def plan(self) -> Plan:
        return build_plan(fields_of(self.schema), self.model.tokenizer)

    @property
    def yes_no(self) -> list[str]:
        return [one.name for one in fields_of(self.schema) if one.kind == "boolean"]

    def fast(
        self, cutoffs: Mapping[str, float] | None, order: Order = "joint", guess: Guess | None = None
    ) -> tuple[Decisions, int]:
        session = self.model.session(self.model.prefill([]), 1)
        constraints = None if cutoffs is None else Constraints(cutoffs=cutoffs)
        guides = Guides(self.model.tokenizer)
        [found] = decode(session, self.plan, [self.prompt], guides, order=order, guess=guess, constraints=constraints)
        return found, session.passes

    def slow(self, plan: Plan, cutoffs: Mapping[str, float]) -> tuple[dict[str, object], float]:
        decoder = SlowDecoder(self.model.model, self.model.tokenizer)
        decoder.cutoffs = cutoffs
        return decoder.decode(plan, self.prompt), decoder.margin


@st.composite
def tasks(draw: st.DrawFn) -> Task:
    kind = draw(st.sampled_from(LOSSLESS))
    made = model(kind, draw(st.sampled_from(ARCHITECTURES)), draw(st.integers(0, 9)))
    chance = random.Random(draw(st.integers(0, 2**32)))
    prompt = [chance.randrange(len(made.tokenizer.token_bytes)) for _ in range(chance.randint(1, 12))]
    schema = draw(st.just(PalliativeCall) | schemas(texts=plain_words, most=4).map(lambda drawn: drawn.schema))
    return Task(made, schema, prompt)


def values(decisions: Decisions) -> dict[str, str]:
    return {name: repr(one.value) for name, one in decisions.items()}


@given(tasks(), st.data())
@settings(max_examples=60)
def test_fast_equals_slow_with_cut_offs(task: Task, data: st.DataObject) -> None:
    cutoffs = {name: data.draw(st.floats(0, 1)) for name in task.yes_no}
    slow, margin = task.slow(task.plan, cutoffs)
    if margin >= CLEAR:
        found, _ = task.fast(cutoffs)
        assert values(found) == {name: repr(value) for name, value in slow.items()}


@given(tasks(), st.data())
@settings(max_examples=40)
def test_independent_order_has_the_same_cut_offs(task: Task, data: st.DataObject) -> None:
    cutoffs = {name: data.draw(st.floats(0, 1)) for name in task.yes_no}
    found, _ = task.fast(cutoffs, "independent")
    for alone in task.plan.alone:
        slow, margin = task.slow(alone, cutoffs)
        [(name, value)] = slow.items()
        if margin >= CLEAR:
            assert repr(found[name].value) == repr(value)


@given(tasks(), st.sampled_from(["joint", "independent"]))
@settings(max_examples=40)
def test_without_cut_offs_nothing_changes(task: Task, order: Order) -> None:
    found, passes = task.fast(None, order)
    assert task.fast({}, order) == (found, passes)
    assert task.fast({"no such field": 0.0}, order) == (found, passes)
    if all(found[name].probability != 0.5 for name in task.yes_no):
        assert task.fast(dict.fromkeys(task.yes_no, 0.5), order) == (found, passes)


@given(tasks(), st.sampled_from(["joint", "independent"]))
@settings(max_examples=40)
def test_the_ends_are_always_and_never(task: Task, order: Order) -> None:
    always, _ = task.fast(dict.fromkeys(task.yes_no, 0.0), order)
    never, _ = task.fast(dict.fromkeys(task.yes_no, math.nextafter(1.0, 2.0)), order)
    sure, _ = task.fast(dict.fromkeys(task.yes_no, 1.0), order)
    for name in task.yes_no:
        assert always[name].value is True
        assert never[name].value is False
        assert sure[name].value is (sure[name].probability == 1.0)


@given(tasks(), st.data())
@settings(max_examples=40)
def test_a_guess_changes_passes_and_never_the_answer(task: Task, data: st.DataObject) -> None:
    cutoffs = {name: data.draw(st.floats(0, 1)) for name in task.yes_no}
    slow, margin = task.slow(task.plan, cutoffs)
    if margin >= CLEAR:
        found, passes = task.fast(cutoffs)
        guessed, fewer = task.fast(cutoffs, guess=slow)  # type: ignore[arg-type]
        assert values(guessed) == values(found)
        assert fewer <= passes


@pytest.mark.parametrize("order", ["joint", "independent"])
def test_only_yes_no_fields_have_them(order: Order) -> None:
    class Mixed(BaseModel):
        mood: Literal["mild", "severe"]
        walks: bool | None
        level: Literal[0, 1]
        pain: bool

    task = Task(model(), Mixed, [5, 6, 7])
    plain, _ = task.fast(None, order)
    cut, _ = task.fast(dict.fromkeys(Mixed.model_fields, 0.0 if not plain["pain"].value else 1.0), order)
    assert cut["pain"].value != plain["pain"].value
    assert cut["pain"].probability == plain["pain"].probability
    del cut["pain"], plain["pain"]
    assert cut == plain
