"""The network: a Llama of `transformers`, and what is only there while it trains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from corpus import FEATURES
from mixes import UNKNOWN, Batch
from tokenizer import Layout
from torch import Tensor, nn
from torch.nn import functional
from transformers import LlamaConfig, LlamaForCausalLM


@dataclass(frozen=True, slots=True)
class Sizes:
    """Shape of the network; 5 to 6 million parameters as it stands."""

    hidden: int = 256
    layers: int = 6
    heads: int = 4
    feed_forward: int = 512


def tap(layers: int) -> int:
    """The number of the layer whose states the head at the segments' ends reads."""
    return max(1, layers - 2)


def new_model(vocab_size: int, layout: Layout, sizes: Sizes) -> LlamaForCausalLM:
    """A Llama with random weights and tied embeddings."""
    config = LlamaConfig(
        vocab_size=vocab_size,
        hidden_size=sizes.hidden,
        num_hidden_layers=sizes.layers,
        num_attention_heads=sizes.heads,
        num_key_value_heads=sizes.heads,
        intermediate_size=sizes.feed_forward,
        max_position_embeddings=2048,
        tie_word_embeddings=True,
        pad_token_id=layout.pad,
        eos_token_id=layout.eos,
        bos_token_id=None,
        attn_implementation="sdpa",
    )
    model = LlamaForCausalLM(config)
    for layer in model.model.layers[tap(sizes.layers) :]:
        attention = layer.self_attn
        nn.init.normal_(attention.q_proj.weight, std=0.05)
        attention.k_proj.weight.data.copy_(attention.q_proj.weight.data)
    return model


@dataclass(frozen=True, slots=True)
class Losses:
    """Means over their places: the answer, the segments' heads, the text as language."""

    answer: Tensor
    lines: Tensor
    language: Tensor

    def total(self) -> Tensor:
        """What is made small; the language loss only keeps the words apart."""
        return self.answer + self.lines + 0.1 * self.language


@dataclass(frozen=True)
class _Sparse:
    """A sparse table (size, groups) and its transpose, which nothing changes and nobody copies."""

    rows: Tensor
    columns: Tensor

    def __deepcopy__(self, memo: object) -> _Sparse:
        return self


class _Spread(torch.autograd.Function):
    """Vectors of groups of letters, summed into the tokens that have them; both ways as a product of sparse rows."""

    @staticmethod
    def forward(context: Any, shared: Tensor, letters: _Sparse) -> Tensor:
        context.letters = letters
        return letters.rows @ shared

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return context.letters.columns @ gradients[0], None


class Trainee(nn.Module):
    """The model with dropout on its branches and a head of 13 logits at each segment's end.

    A token's embedding is its own vector and those of the groups of letters that it is made of (Bojanowski et al.,
    TACL 2017): what is learned of a word reaches its other forms, those too that the calls do not have. `folded` adds
    them up, and a plain Llama is left.

    The head reads the state two layers below the top, with the embeddings of the field names as
    its weights: a line that shows pain looks like the token that asks for pain. In the layers
    above, queries and keys begin alike, so that what asks finds what is like it from the first
    step. No dropout inside attention: it would leave the fast path.
    """

    def __init__(
        self, model: LlamaForCausalLM, layout: Layout, letters: Tensor, dropout: float, word_dropout: float
    ) -> None:
        """`letters`: (size, groups), sparse, as `letters.groups` gives it."""
        super().__init__()
        self.model, self.layout = model, layout
        self.dropout, self.word_dropout = dropout, word_dropout
        # Names of fields are the last tokens of the vocabulary; they are never blanked.
        self.keys = torch.tensor(layout.answer[:-1:2])
        self.first_key = int(self.keys.min())
        hidden = model.config.hidden_size
        self.tap = tap(model.config.num_hidden_layers)
        self.letters = _Sparse(letters.to_sparse_csr(), letters.T.coalesce().to_sparse_csr())
        self.shared = nn.Parameter(torch.zeros(letters.shape[1], hidden))
        self.head_norm = nn.RMSNorm(hidden)
        self.head_bias = nn.Parameter(torch.full((len(FEATURES),), -3.0))
        for layer in model.model.layers:
            layer.mlp.register_forward_hook(self._drop)
            layer.self_attn.o_proj.register_forward_hook(self._drop)

    def table(self) -> Tensor:
        """Embeddings (size, hidden) of all tokens."""
        with torch.autocast("cpu", enabled=False):
            return self.model.get_input_embeddings().weight + _Spread.apply(self.shared, self.letters)

    @torch.no_grad()
    def folded(self) -> LlamaForCausalLM:
        """A copy of the model that has the letters' vectors in its embeddings."""
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

    def states(self, ids: Tensor, table: Tensor) -> tuple[Tensor, Tensor]:
        """Ids (B, L), embeddings (size, hidden) -> states at the tap and at the top, (B, L, hidden) each.

        Padding stands on the right and attention is causal, so no mask is needed.
        """
        body = self.model.model
        state = self._words(ids, table)
        places = torch.arange(ids.shape[1])[None]
        turns = body.rotary_emb(state, places)
        tapped = state
        for number, layer in enumerate(body.layers, start=1):
            state = layer(state, attention_mask=None, position_embeddings=turns)
            if number == self.tap:
                tapped = state
        return tapped, body.norm(state)

    def forward(self, batch: Batch, language_share: float) -> Losses:
        """The losses of a batch; `language_share` of its text is read as language too."""
        table = self.table()
        tapped, top = self.states(batch.ids, table)
        rows = torch.arange(len(batch.ids))[:, None]
        logits = (top[rows, batch.choices] @ table.T).float()
        return Losses(
            answer=self._answer_loss(logits, batch.targets),
            lines=self._line_loss(tapped, table, batch),
            language=self._language_loss(top, table, batch, language_share),
        )

    def _answer_loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Logits (B, 13, vocabulary): cross-entropy over all words, unknown labels left out."""
        known = targets != UNKNOWN
        values = torch.tensor(self.layout.values)
        return functional.cross_entropy(logits[known], values[targets[known]], label_smoothing=0.0)

    def _line_loss(self, tapped: Tensor, table: Tensor, batch: Batch) -> Tensor:
        ends = self.head_norm(tapped[batch.lines[:, 0], batch.lines[:, 1]])
        names = table[self.keys]
        logits = (ends @ names.T + self.head_bias).float()
        known = batch.line_targets != UNKNOWN
        return functional.binary_cross_entropy_with_logits(logits[known], batch.line_targets[known].float())

    def _language_loss(self, top: Tensor, table: Tensor, batch: Batch, share: float) -> Tensor:
        """Next word on a random share of the text, and on every forced token of the answer."""
        places = torch.arange(batch.ids.shape[1] - 1)[None]
        text = (places < batch.answer_from[:, None] - 1) & (
            torch.rand(batch.ids.shape[0], batch.ids.shape[1] - 1) < share
        )
        offset = places - (batch.answer_from[:, None] - 1)
        forced = (offset >= 0) & (offset % 2 == 0) & (places < batch.lengths[:, None] - 1)
        last = places == batch.lengths[:, None] - 2
        chosen = text | forced | last
        logits = (top[:, :-1][chosen] @ table.T).float()
        return functional.cross_entropy(logits, batch.ids[:, 1:][chosen])
