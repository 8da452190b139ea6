"""Tokenizers of three kinds and models of a few ten thousand weights, made in memory: nothing is downloaded."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from functools import cache
from typing import Any

import torch
import transformers
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from tokenizers.processors import TemplateProcessing
from transformers import PreTrainedTokenizerFast

from clinextract.models.base import ModelInfo
from clinextract.models.tokenizer import BackendTokenizer
from clinextract.models.transformers import TransformersModel

CONTROL = ("<s>", "</s>", "<|im_start|>", "<|im_end|>", "<|endoftext|>", "<start_of_turn>")
TOOL = "<tool_call>"
"""An added token that is not marked as special."""
WINDOW = 7
"""How far back the sliding layers of the tiny models see, in tokens: less than any prompt."""

LOSSLESS = ("bytes", "sentencepiece", "gemma", "unigram")
"""Byte-level BPE (Llama 3) · BPE with byte fallback and a space before the text (Llama 2) · the same without that space
(Gemma) · unigram with byte fallback."""
KINDS = (*LOSSLESS, "unigram-unk")
"""The last has an unknown token in place of rare characters (T5, XLM-R)."""

_ENGLISH = """
the patient has pain in the chest since yesterday and cannot sleep
no fever no cough the nurse asked whether he eats
she feels weak she is tired and wants the doctor to come home
mild pain moderate pain severe pain none of it true or false
the caller says that the insurance does not pay for the medicine
""".split("\n")
_PERSIAN = """
بیمار از دیروز درد دارد و شب‌ها نمی‌خوابد
تب ندارد سرفه نمی‌کند اشتها کم شده است
دکتر لطفاً برای ویزیت به منزل بیاید
درد خفیف درد متوسط درد شدید هیچ
بیمه هزینهٔ دارو را نمی‌دهد و خانواده نگران است
""".split("\n")
_KEYS = "pain fever cough sleep visit_request score level note mood درد تب nausea weakness dose".split()
_VALUES = [True, False, None, 0, 1, 7, 10, 38, 120, -3, "mild", "severe", "none", "شدید", "خفیف"]

# Llama 3's, with digits in threes.
_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def _corpus() -> list[str]:
    """Some hundred lines of JSON, English and Persian."""
    chance = random.Random(0)
    answers = [
        json.dumps({key: chance.choice(_VALUES) for key in chance.sample(_KEYS, 5)}, ensure_ascii=False)
        for _ in range(300)
    ]
    return [*answers, *(_ENGLISH * 20), *(_PERSIAN * 20)]


@cache
def backend(kind: str) -> Tokenizer:
    """A tokenizer of a kind, trained in a fraction of a second."""
    made: Tokenizer = _MAKERS[kind]()
    made.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in CONTROL])
    made.add_tokens([AddedToken(TOOL, special=False, normalized=False)])
    return made


@cache
def tokenizer(kind: str) -> BackendTokenizer:
    """The same as the package's port."""
    made = backend(kind)
    return BackendTokenizer(made, made.token_to_id("</s>"))


def hugging_face(kind: str, *, chat_template: str | None = None, bos: bool = False) -> PreTrainedTokenizerFast:
    """The same as `transformers` wraps it; with `bos` it puts `<s>` before a text, as Llama's does."""
    made = Tokenizer.from_str(backend(kind).to_str())
    if bos:
        made.post_processor = TemplateProcessing(
            single="<s> $A", pair="<s> $A $B", special_tokens=[("<s>", made.token_to_id("<s>"))]
        )
    wrapped = PreTrainedTokenizerFast(tokenizer_object=made, bos_token="<s>", eos_token="</s>")
    wrapped.chat_template = chat_template
    return wrapped


def _byte_level() -> Tokenizer:
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_WORDS), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=600, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    made.train_from_iterator(_corpus(), trainer)
    return made


def _sentencepiece(scheme: str = "first") -> Tokenizer:
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=scheme)
    made.train_from_iterator(_corpus(), trainers.BpeTrainer(vocab_size=450, show_progress=False))
    whole = json.loads(made.to_str())
    vocabulary = ["<unk>", *_byte_words(), *whole["model"]["vocab"]]
    whole["model"]["vocab"] = {word: number for number, word in enumerate(dict.fromkeys(vocabulary))}
    whole["model"] |= {"byte_fallback": True, "unk_token": "<unk>", "fuse_unk": True}
    made = Tokenizer.from_str(json.dumps(whole))
    made.decoder = _metaspace_decoder(strip=scheme == "first")
    return made


def _unigram(*, fallback: bool = True) -> Tokenizer:
    made = Tokenizer(models.Unigram())
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(vocab_size=400, unk_token="<unk>", special_tokens=["<unk>"], show_progress=False)
    made.train_from_iterator(_corpus(), trainer)
    pieces = json.loads(made.to_str())["model"]["vocab"]
    least = min(score for _, score in pieces)
    # Every character of JSON, as the training texts of real vocabularies have them.
    known = {piece for piece, _ in pieces}
    pieces += [(chr(code), least - 5) for code in range(33, 127) if chr(code) not in known]
    words = [tuple(pieces[0]), *((word, least - 10) for word in _byte_words() if fallback), *map(tuple, pieces[1:])]
    made = Tokenizer(models.Unigram(words, unk_id=0, byte_fallback=fallback))
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.decoder = _metaspace_decoder(strip=True)
    if not fallback:
        made.add_special_tokens([AddedToken("<unk>", special=True, normalized=False)])
    return made


def _byte_words() -> list[str]:
    return [f"<0x{byte:02X}>" for byte in range(256)]


def _metaspace_decoder(*, strip: bool) -> decoders.Decoder:
    parts = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    return decoders.Sequence([*parts, decoders.Strip(" ", 1, 0)] if strip else parts)


def _nfkc() -> Tokenizer:
    made = _byte_level()
    made.normalizer = normalizers.NFKC()
    return made


def _word_piece() -> Tokenizer:
    made = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(vocab_size=400, special_tokens=["[UNK]"], show_progress=False)
    made.train_from_iterator(_corpus(), trainer)
    return made


_MAKERS: dict[str, Callable[[], Tokenizer]] = {
    "bytes": _byte_level,
    "sentencepiece": _sentencepiece,
    "gemma": lambda: _sentencepiece("never"),
    "unigram": _unigram,
    "unigram-unk": lambda: _unigram(fallback=False),
    "nfkc": _nfkc,
    "wordpiece": _word_piece,
}


_SHAPE = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "initializer_range": 0.2,
    "max_position_embeddings": 8192,
    "pad_token_id": 0,
    "bos_token_id": 0,
    "eos_token_id": 0,
}
_GROUPED = {**_SHAPE, "num_key_value_heads": 2}
_MIXED = {"layer_types": ["sliding_attention", "full_attention"], "sliding_window": WINDOW}

_ARCHITECTURES: dict[str, Callable[[int], Any]] = {
    "llama": lambda size: transformers.LlamaConfig(vocab_size=size, **_GROUPED),
    "qwen2": lambda size: transformers.Qwen2Config(vocab_size=size, **_GROUPED),
    "qwen2-sliding": lambda size: transformers.Qwen2Config(
        vocab_size=size, **_GROUPED, use_sliding_window=True, **_MIXED
    ),
    "mistral": lambda size: transformers.MistralConfig(vocab_size=size, **_GROUPED, sliding_window=WINDOW),
    "gemma3": lambda size: transformers.Gemma3TextConfig(
        vocab_size=size, **_GROUPED, head_dim=8, query_pre_attn_scalar=8, **_MIXED
    ),
    "cohere2": lambda size: transformers.Cohere2Config(vocab_size=size, **_GROUPED, **_MIXED),
    "phi3": lambda size: transformers.Phi3Config(vocab_size=size, **_GROUPED, sliding_window=WINDOW),
    "gpt-neox": lambda size: transformers.GPTNeoXConfig(vocab_size=size, **_SHAPE),
    "gpt2": lambda size: transformers.GPT2Config(
        vocab_size=size, n_embd=32, n_layer=2, n_head=4, n_positions=8192, initializer_range=0.2, eos_token_id=0
    ),
}
ARCHITECTURES = tuple(_ARCHITECTURES)


@cache
def weights(architecture: str = "llama", size: int = 1100, seed: int = 0) -> Any:
    """A causal model with random weights in float32; the same for the same arguments."""
    torch.manual_seed(seed)
    return transformers.AutoModelForCausalLM.from_config(_ARCHITECTURES[architecture](size)).float().eval()


@cache
def model(
    kind: str = "bytes", architecture: str = "llama", seed: int = 0, context: int | None = None
) -> TransformersModel:
    """A tiny model as the package's port."""
    return wrapped(weights(architecture, len(tokenizer(kind).token_bytes), seed), hugging_face(kind), context=context)


def wrapped(
    network: Any, words: PreTrainedTokenizerFast, *, name: str = "tiny", context: int | None = None
) -> TransformersModel:
    """A network and a tokenizer as the package's port."""
    return TransformersModel(network, words, ModelInfo(name, "0" * 16, context=context))
