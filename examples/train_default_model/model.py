"""The network: a Llama of `transformers`, and what is only there while it trains."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import attention
import torch
from corpus import FEATURES
from mixes import Batch
from segments import UNKNOWN
from tokenizer import Layout
from torch import Tensor, nn
from torch.nn import functional
from transformers import LlamaConfig, LlamaForCausalLM
from transformers.models.llama.modeling_llama import LlamaDecoderLayer

SURE = 0.9
"""A label that is given so much counts as known."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """Shape of a network that begins at random."""

    hidden: int
    layers: int
    heads: int
    feed_forward: int


def usual_tap(layers: int) -> int:
    """The number of the layer whose states the head at the segments' ends reads."""
    return max(1, layers - 2)


def quieten(layer: LlamaDecoderLayer, share: float = 0.05) -> None:
    """Let a layer add little to what comes to it, or nothing (0), until it is trained."""
    for part in (layer.self_attn.o_proj, layer.mlp.down_proj):
        part.weight.data.mul_(share)


def llama_config(vocab_size: int, layout: Layout, **shape: Any) -> LlamaConfig:
    """What every network of the recipe shares, and the `shape` of this one."""
    return LlamaConfig(
        vocab_size=vocab_size,
        max_position_embeddings=2048,
        tie_word_embeddings=True,
        pad_token_id=layout.pad,
        eos_token_id=layout.eos,
        bos_token_id=None,
        attn_implementation=attention.NAME,
        **shape,
    )


def new_model(vocab_size: int, layout: Layout, sizes: Sizes) -> LlamaForCausalLM:
    """A Llama with random weights and tied embeddings."""
    config = llama_config(
        vocab_size,
        layout,
        hidden_size=sizes.hidden,
        num_hidden_layers=sizes.layers,
        num_attention_heads=sizes.heads,
        num_key_value_heads=sizes.heads,
        intermediate_size=sizes.feed_forward,
    )
    model = LlamaForCausalLM(config)
    for layer in model.model.layers:
        quieten(layer)
    for layer in model.model.layers[usual_tap(sizes.layers) :]:
        heads = layer.self_attn
        nn.init.normal_(heads.q_proj.weight, std=0.05)
        heads.k_proj.weight.data.copy_(heads.q_proj.weight.data)
    return model


@dataclass(frozen=True, slots=True)
class Losses:
    """Means over their places: the answer, and the segments' heads.

    `right` (B,): whether an answer's values are given with more than `SURE`: those that a twin turns, without one all.
    """

    answer: Tensor
    lines: Tensor
    right: Tensor

    def total(self) -> Tensor:
        """What is made small."""
        return self.answer + self.lines


class Trainee(nn.Module):
    """The model with dropout on its branches and a head of 13 logits at each segment's end.

    Words may be slow or stand still, so that one that the calls have stays near those that they have not; what an
    answer is made of is not to wait for them, and learns in a table of its own. `folded` adds the two up, and a plain
    Llama is left.

    The head reads the states that layer `tap` gives, with the embeddings of the field names as its weights: a line that
    shows pain looks like the token that asks for pain. The layers above ask. No dropout inside attention: it would cost
    as much as attention itself.
    """

    def __init__(self, model: LlamaForCausalLM, layout: Layout, dropout: float, word_dropout: float, tap: int) -> None:
        super().__init__()
        self.model, self.layout = model, layout
        self.dropout, self.word_dropout = dropout, word_dropout
        # Names of fields are the last tokens of the vocabulary; they are never blanked.
        self.keys = torch.tensor(layout.answer[:-1:2])
        self.first_key = int(self.keys.min())
        hidden = model.config.hidden_size
        self.tap = tap
        self.marks = torch.tensor(layout.marks)
        self.marked = nn.Parameter(torch.zeros(len(layout.marks), hidden))
        self.head_norm = nn.RMSNorm(hidden)
        self.head_bias = nn.Parameter(torch.full((len(FEATURES),), -3.0))
        for layer in model.model.layers:
            layer.mlp.register_forward_hook(self._drop)
            layer.self_attn.o_proj.register_forward_hook(self._drop)

    def table(self) -> Tensor:
        """Embeddings (size, hidden) of all tokens."""
        return self.model.get_input_embeddings().weight.index_add(0, self.marks, self.marked)

    @torch.no_grad()
    def folded(self) -> LlamaForCausalLM:
        """A copy of the model that has the answer's own table in its embeddings."""
        with torch.random.fork_rng():  # weights that are random for a moment are not to change what training draws
            model = LlamaForCausalLM(self.model.config)
        model.load_state_dict(self.model.state_dict())
        model.get_input_embeddings().weight.copy_(self.table())
        return model.eval()

    def _drop(self, _module: nn.Module, _inputs: object, output: Tensor) -> Tensor:
        return self._dropped(output)

    def _dropped(self, state: Tensor) -> Tensor:
        """(B, L, hidden) with the same units out at all places of a row.

        A mask for each place would cost a tenth of the whole step on a CPU.
        """
        if not self.training or not self.dropout:
            return state
        keep = torch.rand(state.shape[0], 1, state.shape[2]) >= self.dropout
        return state * (keep.to(state.dtype) / (1 - self.dropout))

    def _words(self, ids: Tensor, table: Tensor) -> Tensor:
        """Embeddings (B, L, hidden), some of them blank while training: no word is a must."""
        state = self._dropped(functional.embedding(ids, table))
        if not self.training or not self.word_dropout:
            return state
        blank = (torch.rand(ids.shape) < self.word_dropout) & (ids < self.first_key)
        return state.masked_fill(blank[..., None], 0.0)

    def states(self, ids: Tensor, table: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
        """Ids (B, L), embeddings (size, hidden) -> states at the tap (B, L, hidden), and at the top at places (B, Q).

        Padding stands on the right and attention is causal, so no mask is needed.
        """
        body = self.model.model
        state = self._words(ids, table)
        turns = body.rotary_emb(state, torch.arange(ids.shape[1])[None])
        tapped = state
        for number, layer in enumerate(body.layers[:-1], start=1):
            state = layer(state, attention_mask=None, position_embeddings=turns)
            if number == self.tap:
                tapped = state
        return tapped, body.norm(attention.layer_at(body.layers[-1], state, turns, places))

    def forward(self, batch: Batch) -> Losses:
        """The losses of a batch."""
        table = self.table()
        tapped, asking = self.states(batch.ids, table, batch.choices)
        losses = self._answer_losses(asking, table, batch)
        weights = batch.weights * (batch.targets != UNKNOWN)
        asked = batch.turned | ~batch.turned.any(1, keepdim=True)
        return Losses(
            answer=(losses * weights).sum() / weights.sum(),
            lines=self._line_loss(tapped, table, batch),
            right=((losses < -math.log(SURE)) | ~asked).all(1).detach(),
        )

    def _answer_losses(self, asking: Tensor, table: Tensor, batch: Batch) -> Tensor:
        """States (B, 13, hidden) before the values: cross-entropy (B, 13) between the two values, 0 for unknown labels.

        Decoding allows nothing else there. Against all words the first fifty steps would go into raising the two, and
        lose the weights that training begins with.
        """
        logits = (asking @ table[list(self.layout.values)].T).float()
        return functional.cross_entropy(logits.transpose(1, 2), batch.targets, ignore_index=UNKNOWN, reduction="none")

    def _line_loss(self, tapped: Tensor, table: Tensor, batch: Batch) -> Tensor:
        """States (B, L, hidden) at the tap: weighted cross-entropy at the segments' ends, unknown labels left out."""
        ends = self.head_norm(tapped[batch.lines[:, 0], batch.lines[:, 1]])
        names = table[self.keys]
        logits = (ends @ names.T + self.head_bias).float()
        known = batch.line_targets != UNKNOWN
        targets, weights = batch.line_targets[known].float(), batch.line_weights[known]
        losses = functional.binary_cross_entropy_with_logits(logits[known], targets, weights, reduction="sum")
        return losses / weights.sum()
