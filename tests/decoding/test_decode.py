"""The fast decoder gives what a slow one gives that asks token by token, whatever is shared, batched or guessed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field, create_model
from slow import SlowDecoder
from strategies import Drawn, plain_words, schemas
from tiny import ARCHITECTURES, LOSSLESS, model, tokenizer

from clinextract.decoding.choices import Decision, favourite, probability
from clinextract.decoding.decode import decode
from clinextract.decoding.opens import Guides
from clinextract.decoding.plan import Plan, build_plan
from clinextract.decoding.probability import shares
from clinextract.decoding.rows import Decisions, Guess
from clinextract.decoding.segments import Choice, Open
from clinextract.errors import ModelOutputError
from clinextract.extractor import Extractor
from clinextract.models.base import LogProbs, Order
from clinextract.models.fake import FakeModel
from clinextract.models.transformers import TransformersModel
from clinextract.palliative import PalliativeCall
from clinextract.records import Extraction, Failure
from clinextract.schema.features import fields_of

CLEAR = 1e-4
"""Two correct decoders may differ where the best and the second best are closer than this."""
CLOSE = 2e-3
"""How far probabilities may differ by rounding."""


@dataclass
class Task:
    """A model, a plan and some prompts behind a prefix."""

    model: TransformersModel
    plan: Plan
    prefix: list[int]
    prompts: list[list[int]]

    def fast(
        self, prompts: Sequence[Sequence[int]] | None = None, *, prefix: Sequence[int] | None = None,
        order: Order = "joint", guess: Guess | None = None,
    ) -> tuple[list[Decisions], int]:  # fmt: skip
        prompts = self.prompts if prompts is None else prompts
        session = self.model.session(self.model.prefill(self.prefix if prefix is None else prefix), len(prompts))
        guides = Guides(self.model.tokenizer)
        return decode(session, self.plan, prompts, guides, order=order, guess=guess), session.passes

    def slow(self, plan: Plan, prompt: Sequence[int]) -> tuple[dict[str, object], SlowDecoder]:
        decoder = SlowDecoder(self.model.model, self.model.tokenizer)
        return decoder.decode(plan, [*self.prefix, *prompt]), decoder


def values(decisions: Decisions) -> dict[str, str]:
    # As text, because 1 and True are equal.
    return {name: repr(decision.value) for name, decision in decisions.items()}


def same(one: Decision, other: Decision) -> bool:
    if one.probability is None or other.probability is None:
        return one == other
    return repr(one.value) == repr(other.value) and abs(one.probability - other.probability) < CLOSE


@st.composite
def tasks(
    draw: st.DrawFn, *, opens: bool = True, most: int = 4, rows: int = 1, kinds: Sequence[str] = LOSSLESS
) -> Task:
    kind = draw(st.sampled_from(kinds))
    drawn: Drawn = draw(schemas(opens=opens, texts=plain_words, most=most))
    made = model(kind, draw(st.sampled_from(ARCHITECTURES)), draw(st.integers(0, 9)))
    chance = random.Random(draw(st.integers(0, 2**32)))
    size = len(made.tokenizer.token_bytes)
    lengths = [draw(st.integers(0, 20)), *(draw(st.integers(1, 20)) for _ in range(rows))]
    prefix, *prompts = ([chance.randrange(size) for _ in range(length)] for length in lengths)
    return Task(made, build_plan(fields_of(drawn.schema), made.tokenizer), prefix, prompts)


def agrees_with_the_slow_decoder(task: Task) -> None:
    [fast], _ = task.fast()
    slow, decoder = task.slow(task.plan, task.prompts[0])
    if decoder.margin < CLEAR:
        return
    assert values(fast) == {name: repr(value) for name, value in slow.items()}
    for choice in task.plan.choices:
        chances = shares(decoder.scores[choice.field])
        decision = fast[choice.field]
        yes_or_no = {repr(value) for value in choice.values} == {"True", "False"}
        wanted = chances[choice.values.index(True)] if yes_or_no else chances.max()
        assert decision.probability == pytest.approx(wanted, abs=CLOSE)


@given(tasks())
@settings(max_examples=120)
def test_fast_equals_slow(task: Task) -> None:
    agrees_with_the_slow_decoder(task)


@pytest.mark.slow
@given(tasks(most=8))
@settings(max_examples=1500)
def test_fast_equals_slow_many_times(task: Task) -> None:
    agrees_with_the_slow_decoder(task)


class Ward(BaseModel):
    alone: bool
    mood: Literal["mild", "mild pain", "moderate", "شدید", None]
    score: Annotated[int, Field(ge=-20, le=110)]
    note: Annotated[str, Field(min_length=1, max_length=5)]
    dose: Annotated[int, Field(ge=-40, le=4000)]
    walks: bool | None
    end: bool


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("kind", LOSSLESS)
def test_fast_equals_slow_on_a_schema_of_every_kind(kind: str, architecture: str) -> None:
    made = model(kind, architecture, 3)
    plan = build_plan(fields_of(Ward), made.tokenizer)
    agrees_with_the_slow_decoder(Task(made, plan, made.tokenizer.encode("She has"), [made.tokenizer.encode(" pain.")]))


@pytest.mark.parametrize("seed", range(10))
def test_fast_equals_slow_on_thirteen_booleans(seed: int) -> None:
    made = model("bytes", "qwen2", seed)
    plan = build_plan(fields_of(PalliativeCall), made.tokenizer)
    agrees_with_the_slow_decoder(Task(made, plan, [], [made.tokenizer.encode(f"She has pain {seed}.")]))


@given(tasks(rows=4))
@settings(max_examples=50)
def test_a_batch_equals_its_rows_alone(task: Task) -> None:
    together, _ = task.fast()
    for prompt, row in zip(task.prompts, together, strict=True):
        _, decoder = task.slow(task.plan, prompt)
        if decoder.margin >= CLEAR:
            [alone], _ = task.fast([prompt])
            assert list(row) == list(alone)
            assert all(same(row[name], alone[name]) for name in row)


@given(tasks(rows=2))
@settings(max_examples=40)
def test_a_reused_prefix_equals_a_fresh_one(task: Task) -> None:
    once, _ = task.fast()
    again, _ = task.fast()
    assert once == again  # the first session did not disturb the prefix
    for prompt, row in zip(task.prompts, once, strict=True):
        _, decoder = task.slow(task.plan, prompt)
        if decoder.margin >= CLEAR:
            [whole], _ = task.fast([[*task.prefix, *prompt]], prefix=[])
            assert all(same(row[name], whole[name]) for name in row)


def test_two_sessions_of_one_prefix_do_not_see_each_other() -> None:
    made = model()
    plan = build_plan(fields_of(PalliativeCall), made.tokenizer)
    prefix = made.prefill([5, 6, 7])
    guides = Guides(made.tokenizer)
    first, second = made.session(prefix, 1), made.session(prefix, 2)
    [one] = decode(first, plan, [[8, 9]], guides)
    decode(second, plan, [[30, 31, 32], [40]], guides)
    [again] = decode(made.session(prefix, 1), plan, [[8, 9]], guides)
    assert one == again


@given(tasks(), st.integers(0, 2**32).map(random.Random))
@settings(max_examples=50)
def test_a_guess_never_changes_the_answer(task: Task, chance: random.Random) -> None:
    [plain], _ = task.fast()
    guess = {choice.field: chance.choice(choice.values) for choice in task.plan.choices}
    odd = {field.name: "no such value" for field in task.plan.fields} | {"no such field": True}
    _, decoder = task.slow(task.plan, task.prompts[0])
    if decoder.margin >= CLEAR:
        for wrong in (guess, odd):
            [guessed], _ = task.fast(guess=wrong)
            assert all(same(plain[name], guessed[name]) for name in plain)


@given(tasks(rows=3))
@settings(max_examples=50)
def test_no_more_passes_than_choices_and_open_tokens(task: Task) -> None:
    for prompt in task.prompts:
        [decisions], passes = task.fast([prompt])
        opened = sum(
            len(str(decisions[segment.field].value).encode()) + 3
            for segment in task.plan.segments
            if isinstance(segment, Open)
        )
        assert passes <= max(1, len(task.plan.choices)) + opened


@given(tasks(opens=False))
@settings(max_examples=50)
def test_a_right_guess_takes_one_pass(task: Task) -> None:
    [first], _ = task.fast()
    guess = {name: decision.value for name, decision in first.items()}
    _, decoder = task.slow(task.plan, task.prompts[0])
    if decoder.margin >= CLEAR:
        [second], passes = task.fast(guess=guess)
        assert values(second) == values(first)
        assert passes == (1 if task.plan.choices else 0)


@given(tasks(rows=2))
@settings(max_examples=50)
def test_independent_order_asks_for_each_field_alone(task: Task) -> None:
    rows, _ = task.fast(order="independent")
    for prompt, row in zip(task.prompts, rows, strict=True):
        assert list(row) == [field.name for field in task.plan.fields]
        for alone in task.plan.alone:
            slow, decoder = task.slow(alone, prompt)
            [(name, value)] = slow.items()
            if decoder.margin < CLEAR:
                continue
            assert repr(row[name].value) == repr(value)
            for choice in alone.choices:
                chances = shares(decoder.scores[name])
                yes_or_no = {repr(value) for value in choice.values} == {"True", "False"}
                wanted = chances[choice.values.index(True)] if yes_or_no else chances.max()
                assert row[name].probability == pytest.approx(wanted, abs=CLOSE)


def test_independent_order_of_choices_takes_one_pass() -> None:
    made = model()
    task = Task(made, build_plan(fields_of(PalliativeCall), made.tokenizer), [5], [[6, 7], [8]])
    _, passes = task.fast(order="independent")
    assert passes == 1


@pytest.mark.parametrize("order", ["joint", "independent"])
def test_a_field_with_one_value_costs_nothing_and_is_certain(order: Order) -> None:
    schema = create_model("Ward", version=(Literal["1.0"], ...), level=(Annotated[int, Field(ge=3, le=3)], ...))
    made = model()
    task = Task(made, build_plan(fields_of(schema), made.tokenizer), [5], [[6]])
    [decisions], passes = task.fast(order=order)
    assert decisions == {"version": Decision("1.0", 1.0), "level": Decision(3, 1.0)}
    assert passes == 0


@pytest.mark.parametrize("order", ["joint", "independent"])
def test_a_schema_of_open_fields_only(order: Order) -> None:
    schema = create_model(
        "Ward",
        a=(Annotated[str, Field(max_length=3)], ...),
        b=(Annotated[int, Field(ge=0, le=999)], ...),
        c=(Annotated[str, Field(min_length=3, max_length=3)], ...),
    )
    for kind in LOSSLESS:
        made = model(kind)
        task = Task(made, build_plan(fields_of(schema), made.tokenizer), [5, 9], [[6], [7, 8, 9]])
        for decisions in task.fast(order=order)[0]:
            schema.model_validate({name: decision.value for name, decision in decisions.items()})


@given(st.lists(st.floats(-500, 0), min_size=1, max_size=20))
def test_shares_sum_to_one_and_keep_the_order(scores: list[float]) -> None:
    found = shares(scores)
    assert found.sum() == pytest.approx(1)
    assert (found >= 0).all()
    assert found[int(np.argmax(scores))] == found.max()


@pytest.mark.parametrize("kind", LOSSLESS)
@pytest.mark.parametrize("bounds", [(0, 0), (0, 1), (3, 3), (40, 60)])
def test_a_text_keeps_its_bounds(kind: str, bounds: tuple[int, int]) -> None:
    schema = create_model("Ward", note=(Annotated[str, Field(min_length=bounds[0], max_length=bounds[1])], ...))
    for seed in range(4):
        made = model(kind, seed=seed)
        task = Task(made, build_plan(fields_of(schema), made.tokenizer), [5, 9], [[seed + 6]])
        [decisions], _ = task.fast()
        assert bounds[0] <= len(str(decisions["note"].value)) <= bounds[1]


def test_a_vocabulary_that_cannot_go_on_names_the_field() -> None:
    made = model()
    schema = create_model("Ward", note=(Annotated[str, Field(min_length=2, max_length=2)], ...))
    plan = build_plan(fields_of(schema), made.tokenizer)

    class Mute:
        """Quotation marks and nothing between them."""

        token_bytes = [piece if piece in {b' "', b'"'} else None for piece in made.tokenizer.token_bytes]
        eos_id = made.tokenizer.eos_id

    session = made.session(made.prefill([5]), 1)
    with pytest.raises(ModelOutputError) as caught:
        decode(session, plan, [[6]], Guides(Mute()))  # type: ignore[arg-type]
    assert caught.value.field == "note"


def test_a_vocabulary_without_digits_names_the_field() -> None:
    made = model()
    schema = create_model("Ward", dose=(Annotated[int, Field(ge=0, le=5000)], ...))
    plan = build_plan(fields_of(schema), made.tokenizer)

    class NoDigits:
        token_bytes = [
            None if set(piece or b"") & set(b"0123456789") else piece for piece in made.tokenizer.token_bytes
        ]
        eos_id = made.tokenizer.eos_id

    session = made.session(made.prefill([5]), 1)
    with pytest.raises(ModelOutputError) as caught:
        decode(session, plan, [[6]], Guides(NoDigits()))  # type: ignore[arg-type]
    assert caught.value.field == "dose"


def test_an_open_field_needs_its_last_sign_as_a_token() -> None:
    from clinextract.errors import PlanError

    class NoQuote:
        def __init__(self) -> None:
            words = tokenizer("bytes")
            self.token_bytes = [None if piece == b'"' else piece for piece in words.token_bytes]
            self.encode = words.encode
            self.eos_id = words.eos_id

    schema = create_model("Ward", end=(bool, ...), note=(Annotated[str, Field(max_length=2)], ...))
    with pytest.raises(PlanError) as caught:
        build_plan(fields_of(schema), NoQuote())  # type: ignore[arg-type]
    assert caught.value.field == "note"


def test_choices_that_tie_give_the_first() -> None:
    choice = Choice("pain", (False, True), ("false", "true"), ((1,), (2,)))
    scores = np.array([-1.0, -1.0])
    assert favourite(choice, scores) == 0
    assert probability(choice, scores, 0) == 0.5


def test_a_cutoff_that_is_reached_is_yes() -> None:
    choice = Choice("pain", (False, True), ("false", "true"), ((1,), (2,)))
    scores = np.array([-1.0, -2.0])
    chance = probability(choice, scores, 0)
    assert favourite(choice, scores) == 0
    assert favourite(choice, scores, chance) == 1
    assert favourite(choice, scores, float(np.nextafter(chance, 1))) == 0


class Overflows(FakeModel):
    """Its log-probabilities are such a number wherever the transcript says so."""

    def __init__(self, number: float) -> None:
        super().__init__({"pain": True})
        self.number = number

    def next_byte(self, text: bytes) -> LogProbs:
        return np.full(256, self.number, np.float32) if b"overflows" in text else super().next_byte(text)


class Noted(BaseModel):
    note: Annotated[str, Field(max_length=3)]
    pain: bool


class Quoted(BaseModel):
    quote: Annotated[str, Field(max_length=9, json_schema_extra={"clinextract": {"quote": True}})]
    pain: bool


@pytest.mark.parametrize("order", ["joint", "independent"])
@pytest.mark.parametrize("schema", [PalliativeCall, Noted, Quoted])
@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_logits_that_are_not_numbers_fail_their_own_document(
    number: float, schema: type[BaseModel], order: Order
) -> None:
    extractor = Extractor(schema, Overflows(number), order=order)
    first, broken, last = extractor.batch(["It hurts.", "It overflows.", "It hurts."])
    assert isinstance(broken, Failure)
    assert isinstance(broken.error, ModelOutputError)
    for one in (first, last):
        assert isinstance(one, Extraction)
        assert one.answers["pain"].value is True


@pytest.mark.parametrize("order", ["joint", "independent"])
def test_an_impossible_alternative_is_no_error(order: Order) -> None:
    class NeverTrue(FakeModel):
        def next_byte(self, text: bytes) -> LogProbs:
            logs = super().next_byte(text)
            logs[ord("t")] = -np.inf
            return logs

    found = Extractor(PalliativeCall, NeverTrue({"pain": True}), order=order)("It hurts.")
    assert found.answers["pain"].probability == 0
    assert not found.review
