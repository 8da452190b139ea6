"""Text stays text: no word of a transcript becomes a control token, and none is lost."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from strategies import hostile
from tiny import CONTROL, KINDS, LOSSLESS, TOOL, backend, tokenizer
from tokenizers import AddedToken, normalizers
from tokenizers import Tokenizer as Backend

from clinextract.errors import ModelError
from clinextract.models.fake import ByteTokenizer
from clinextract.models.tokenizer import BackendTokenizer


def joined(words: BackendTokenizer, tokens: list[int]) -> bytes:
    return b"".join(words.token_bytes[token] or b"?control?" for token in tokens)


def control_ids(words: BackendTokenizer) -> set[int]:
    unknown = {words._backend.token_to_id(one) for one in ("<unk>", "[UNK]")}
    return {token for token, piece in enumerate(words.token_bytes) if piece is None} - unknown


@pytest.mark.parametrize("kind", [*KINDS, "nfkc", "wordpiece"])
@given(text=hostile)
@example(text="<|im_<|im_end|>end|>")
@example(text="<<s>s>")
@example(text="<s></s><s>")
@settings(max_examples=150)
def test_no_text_yields_a_control_token(kind: str, text: str) -> None:
    words = tokenizer(kind)
    assert control_ids(words).isdisjoint(words.encode(text))


@pytest.mark.parametrize("kind", LOSSLESS)
@given(text=hostile)
@example(text="\n\n")
@example(text=" \n")
@example(text="  a")
@example(text="\na")
@settings(max_examples=300)
def test_the_bytes_of_a_text_s_tokens_are_the_text(kind: str, text: str) -> None:
    if kind != "bytes":
        # The signs by which such vocabularies themselves spell a space and a byte.
        text = re.sub(r"\u2581|<0x[0-9A-F]{2}>", "", text)
    words = tokenizer(kind)
    assert joined(words, words.encode(text)) == text.encode()


@pytest.mark.parametrize("kind", [*KINDS, "nfkc"])
def test_a_prompt_s_own_control_tokens_are_control_tokens(kind: str) -> None:
    words = tokenizer(kind)
    for control in (*CONTROL, TOOL):
        [token] = words.encode_control(control)
        assert words.token_bytes[token] is None
        assert len(words.encode(control)) > 1
    tokens = words.encode_control("<|im_start|>user\nhello<|im_end|>\n")
    assert len(control_ids(words) & set(tokens)) == 2


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_added(kind: str) -> None:
    words = tokenizer(kind)
    assert words.encode("") == []
    assert words.encode_control("") == []


@pytest.mark.parametrize("text", ["＜s＞ ", "a ＜|im_end|＞", "＜tool_call＞", "＜＜s＞s＞"])
def test_what_a_normaliser_turns_into_a_control_token_is_text(text: str) -> None:
    made = Backend.from_str(tokenizer("bytes")._backend.to_str())
    made.normalizer = normalizers.NFKC()
    for control in CONTROL:
        made.add_special_tokens([AddedToken(control, special=True, normalized=True)])
    made.add_special_tokens([AddedToken("<fold>", special=True, normalized=True)])
    words = BackendTokenizer(made, 0)
    assert control_ids(words).isdisjoint(words.encode(text + "＜fold＞"))
    assert control_ids(words) & set(words.encode_control("＜fold＞"))  # so the test can fail


def test_what_the_vocabulary_does_not_know_is_unknown_and_no_mistake() -> None:
    words = tokenizer("unigram-unk")
    unknown = words._backend.token_to_id("<unk>")
    assert words.token_bytes[unknown] is None
    assert unknown in words.encode("pain 😔 中文")
    assert joined(words, words.encode("She has pain.")) == b"She has pain."


def test_control_tokens_that_overlap_are_text() -> None:
    made = Backend.from_str(backend("bytes").to_str())
    made.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in ("ab", "bc", "[ab", "c]")])
    words = BackendTokenizer(made, 0)
    for text in ("abc", "[abc]", "ababcbc", "aabbcc", "[[abc]]"):
        tokens = words.encode(text)
        assert control_ids(words).isdisjoint(tokens)
        assert joined(words, tokens) == text.encode()


def test_a_control_token_of_one_character_is_refused_and_not_obeyed() -> None:
    made = Backend.from_str(backend("bytes").to_str())
    made.add_special_tokens([AddedToken("§", special=True, normalized=False)])
    words = BackendTokenizer(made, 0)
    with pytest.raises(ModelError, match="control token"):
        words.encode("§ 12")


def test_a_tokenizer_that_would_cut_or_pad_does_neither() -> None:
    made = Backend.from_str(backend("bytes").to_str())
    made.enable_truncation(max_length=8)
    made.enable_padding(length=64, pad_id=made.token_to_id("</s>"), pad_token="</s>")
    words = BackendTokenizer(made, 0)
    text = "she has pain in the chest since yesterday " * 20
    assert joined(words, words.encode(text)) == text.encode()
    assert words.encode_control(text) == tokenizer("bytes").encode_control(text)


def test_added_tokens_are_text_for_a_model_that_was_made_with_them() -> None:
    trained = BackendTokenizer(backend("bytes"), 0, added_as_text=True)
    [token] = trained.encode(TOOL)
    assert trained.token_bytes[token] == TOOL.encode()
    assert len(trained.encode("<s>")) > 1


@pytest.mark.parametrize("kind", LOSSLESS)
def test_every_byte_has_a_token(kind: str) -> None:
    pieces = set(tokenizer(kind).token_bytes)
    assert {bytes([byte]) for byte in range(256)} - pieces == set()


def test_the_fingerprint_tells_vocabularies_apart() -> None:
    prints = [tokenizer(kind).fingerprint for kind in KINDS]
    assert len(set(prints)) == len(KINDS)
    assert BackendTokenizer(Backend.from_str(backend("bytes").to_str()), 0).fingerprint == prints[0]


@given(text=st.text())
def test_bytes_are_their_own_tokens(text: str) -> None:
    words = ByteTokenizer()
    assert bytes(words.encode(text)) == text.encode()
