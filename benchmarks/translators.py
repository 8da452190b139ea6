"""What translates in the benchmark: the model that reads, and a sequence-to-sequence model of NLLB's shape."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import M2M100Config, M2M100ForConditionalGeneration, NllbTokenizer

from benchmarks import transcripts
from clinextract.models.seq2seq import Seq2SeqTranslator
from clinextract.models.transformers import TransformersModel, best_dtype
from clinextract.text import normalise
from clinextract.translation.chat import LocalChatTranslator
from clinextract.translation.passages import passages

Work = Callable[[Sequence[str], Sequence[str]], object]
"""Translates lines, for as many tokens as their translations have: given the lines and these."""

_VOCABULARY = 256206
"""Of `facebook/nllb-200-distilled-600M`; so wide is the matrix behind every token."""
_PIECES = 16000
_SPECIAL = ["<s>", "<pad>", "</s>", "<unk>"]
_FULL = {"layers": 12, "attention_heads": 16, "ffn_dim": 4096}
_TINY = {"layers": 1, "attention_heads": 2, "ffn_dim": 64}


class Written:
    """A translator that does the work of a model, and then gives what a writer wrote.

    So a model runs for as many tokens as a right translation has, whatever its weights are.

    Args:
        work: The model's.
        persian: A call.
        english: Its writer's English, of as many passages.
    """

    name, fingerprint = "written", ""

    def __init__(self, work: Work, persian: str, english: str) -> None:
        self._work = work
        bodies = [part.body for part in passages(persian, "fa", "en")]
        self._english = dict(zip(bodies, (part.body for part in passages(english, "en", "fa")), strict=True))

    def translate(self, texts: Sequence[str], *, source: str, target: str) -> list[str]:  # noqa: ARG002 - the port's
        """The writer's lines, after the model's work."""
        written = [self._english[text] for text in texts]
        self._work(texts, written)
        return written


def both(model: TransformersModel, device: str, *, tiny: bool) -> dict[str, Work]:
    """What translates, by what the page calls it."""
    return {"the model that reads": chat(model), "a model of NLLB's shape": nllb(device, tiny=tiny)}


def chat(model: TransformersModel) -> Work:
    """The work of a chat model, token by token."""

    def work(texts: Sequence[str], written: Sequence[str]) -> object:
        most = max(len(model.tokenizer.encode(one)) for one in written)
        return LocalChatTranslator(_Bounded(model, most)).translate(texts, source="fa", target="en")

    return work


class _Bounded:
    """A model whose continuations end after so many tokens: random weights would go on to the limit."""

    def __init__(self, model: TransformersModel, most: int) -> None:
        self.info, self.tokenizer, self.chat = model.info, model.tokenizer, model.chat
        self.prefill, self.session = model.prefill, model.session
        self._model, self._most = model, most

    def continuations(self, rows: Sequence[Sequence[int]], max_tokens: int) -> list[str | None]:
        return self._model.continuations(rows, min(max_tokens, self._most))


def nllb(device: str, *, tiny: bool) -> Work:
    """The work of a model with the shape of `facebook/nllb-200-distilled-600M`, with beams, and random weights.

    Its vocabulary is made from the shipped calls, so that lines have about as many tokens; the matrix is as wide as
    the real one's.

    Args:
        device: "cpu" or "cuda".
        tiny: Only to see that everything runs.
    """
    tokenizer = _vocabulary()
    shape = _TINY if tiny else _FULL
    config = M2M100Config(
        vocab_size=len(tokenizer) if tiny else max(len(tokenizer), _VOCABULARY),
        d_model=32 if tiny else 1024,
        max_position_embeddings=1024,
        **{f"{side}_{what}": value for side in ("encoder", "decoder") for what, value in shape.items()},
        pad_token_id=1,
        bos_token_id=0,
        eos_token_id=2,
        decoder_start_token_id=2,
    )
    before = torch.get_default_dtype()
    torch.manual_seed(0)
    torch.set_default_dtype(best_dtype(device))
    try:
        with torch.device(device):
            network: Any = M2M100ForConditionalGeneration(config).eval()
    finally:
        torch.set_default_dtype(before)
    generate = network.generate
    tokens = 0
    # Random weights end anywhere or nowhere.
    network.generate = lambda **given: generate(**given | {"min_new_tokens": tokens, "max_new_tokens": tokens})
    translator = Seq2SeqTranslator(network, tokenizer, name="nllb", weights="random")

    def work(texts: Sequence[str], written: Sequence[str]) -> object:
        nonlocal tokens
        tokens = max(len(tokenizer(one).input_ids) for one in written)
        return translator.translate(texts, source="fa", target="en")

    return work


def _vocabulary() -> Any:
    """NLLB's tokenizer over pieces of the shipped calls."""
    made = Tokenizer(models.BPE(unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.decoder = decoders.Metaspace()
    trainer = trainers.BpeTrainer(vocab_size=_PIECES, special_tokens=_SPECIAL, show_progress=False)
    made.train_from_iterator((normalise(text).text for text in transcripts.every()), trainer)
    pieces = made.get_vocab()
    merges = [tuple(merge) for merge in json.loads(made.to_str())["model"]["merges"]]
    return NllbTokenizer(vocab=pieces, merges=merges)
