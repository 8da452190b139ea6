"""The comparison: `decoding="outlines"` on the same model and prompt."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Annotated, Any

import pytest
import torch
from pydantic import BaseModel, Field
from tiny import model, wrapped

from clinextract.errors import DocumentTooLong, ModelOutputError, SchemaError
from clinextract.extractor import Extractor
from clinextract.models.fake import FakeModel


class Flags(BaseModel):
    pain: bool
    fever: bool
    cough: bool
    sleep: bool


def in_whole_tokens(seed: int) -> Any:
    """A random model that prefers long tokens, and so spells as its tokenizer does, as trained models do.

    Outlines lets a model spell a text in any way that its vocabulary allows; ours has one.
    """
    made = model("bytes", "qwen2", seed)
    network = copy.deepcopy(made.model)
    head = torch.nn.Linear(32, network.config.vocab_size)
    head.weight = network.lm_head.weight
    sizes = [len(" false") if piece == b" true" else len(piece or b"") for piece in made.tokenizer.token_bytes]
    head.bias = torch.nn.Parameter(torch.tensor(sizes) * 40.0)
    network.lm_head = head
    return wrapped(network.eval(), made._hf_tokenizer)


@pytest.mark.parametrize("seed", range(3))
def test_outlines_gives_the_same_booleans(seed: int) -> None:
    made = in_whole_tokens(seed)
    compared = []
    for text in ("She has pain.", "درد دارد", "No complaint at all, he sleeps and eats."):
        ours = Extractor(Flags, made)(text)
        theirs = Extractor(Flags, made, decoding="outlines")(text)
        if all(abs((one.probability or 0) - 0.5) > 1e-3 for one in ours.answers.values()):
            compared.append(text)
            assert theirs.features == ours.features
        assert theirs.provenance.decoding == "outlines"
        assert all(one.probability is None and not one.review for one in theirs.answers.values())
    assert compared


def test_outlines_takes_what_cannot_be_planned() -> None:
    class Lists(BaseModel):
        drugs: Annotated[list[bool], Field(min_length=1, max_length=2)]
        pain: bool

    found = Extractor(Lists, in_whole_tokens(1), decoding="outlines")("She has pain.")
    assert isinstance(found.features, Lists)
    assert 1 <= len(found.features.drugs) <= 2


@pytest.mark.parametrize("seed", range(3))
def test_outlines_leaves_nothing_of_a_group_out(seed: int) -> None:
    class Inner(BaseModel):
        a: bool = False
        b: bool

    class Ward(BaseModel):
        inner: Inner

    found = Extractor(Ward, in_whole_tokens(seed), decoding="outlines")("She has pain.")
    assert found.features.inner.model_fields_set == {"a", "b"}


def test_outlines_needs_a_model_that_can_be_guided() -> None:
    with pytest.raises(SchemaError, match="outlines"):
        Extractor(Flags, FakeModel(), decoding="outlines")


class Guided(FakeModel):
    """Writes what it is told to, as `outlines.Generator` would."""

    def __init__(self, text: str, *, context: int | None = None) -> None:
        super().__init__(context=context)
        self.text = text
        self.room = 0

    def generate(self, tokens: Sequence[int], regex: str, max_tokens: int) -> str:
        assert max_tokens > 0
        self.room = max_tokens
        return self.text


class Free(BaseModel):
    number: int


@pytest.mark.parametrize("text", ["", '{"number": 1', '{"number": ' + "1" * 6000, '{"number": -'])
def test_an_answer_that_outlines_did_not_end_is_a_typed_error(text: str) -> None:
    with pytest.raises(ModelOutputError, match="not complete"):
        Extractor(Free, Guided(text), decoding="outlines")("She has pain.")


def test_without_room_for_an_answer_a_document_is_too_long() -> None:
    whole = Extractor(Free, Guided('{"number": 1}'), decoding="outlines")("She has pain.").provenance.tokens
    prompt = whole["prefix"] + whole["transcript"]
    fits = []
    for context in range(prompt - 9, 2 * prompt):
        model = Guided('{"number": 1}', context=context)
        try:
            found = Extractor(Free, model, decoding="outlines")("She has pain.")
        except DocumentTooLong as error:
            assert error.tokens > error.limit
            assert not fits
        else:
            assert found.features.number == 1
            assert model.room >= context // 3
            fits.append(context)
    assert fits


def test_a_text_that_fills_the_context_is_read_in_windows() -> None:
    text = "\n".join(["Nurse: does it still hurt today"] * 60)
    model = Guided('{"number": 1}', context=len(text) + 100)
    found = Extractor(Free, model, decoding="outlines")(text)
    assert found.features.number == 1
    assert found.provenance.windows > 1
    assert model.room >= (len(text) + 100) // 3
