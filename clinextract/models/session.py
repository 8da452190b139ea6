"""A batch of rows over one cache of keys and values, in `transformers`.

A row is a set of slots of the cache, each with a position. What a row has dropped, and the padding that rows of unequal
length need, is masked where it lies; only what no row needs any more is cropped. So every row of a batch may be rewound
by its own number of tokens without a copy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from clinextract.models.base import LogProbs, Step

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class CachedPrefix:
    """Keys and values of every layer for one text, shape (1, heads, length, head size) each."""

    def __init__(self, layers: list[tuple[torch.Tensor, torch.Tensor]], length: int) -> None:
        self.layers = layers
        self.length = length

    def cache(self, rows: int) -> DynamicCache:
        """A cache that begins with the prefix in every row; nothing is copied until it grows, and the prefix stays."""
        cache = DynamicCache()
        for keys, values in self.layers:
            layer = DynamicLayer()  # type: ignore[no-untyped-call]
            layer.lazy_initialization(keys, values)
            layer.keys, layer.values = keys.expand(rows, -1, -1, -1), values.expand(rows, -1, -1, -1)
            cache.layers.append(layer)
        return cache


class CachedSession:
    """The `Session` port.

    Args:
        model: A causal model that takes a four-dimensional attention mask and positions.
        prefix: What every row begins with.
        rows: How many.
    """

    def __init__(self, model: PreTrainedModel, prefix: CachedPrefix, rows: int) -> None:
        self.passes = 0
        self._model = model
        self._prefix = prefix.length
        self._cache = prefix.cache(rows)
        self._windows = attention_windows(model)
        # The slots behind the prefix: which row holds a token there, and at which position.
        self._held = np.zeros((rows, 0), dtype=bool)
        self._positions = np.zeros((rows, 0), dtype=np.int64)

    @torch.inference_mode()
    def extend(self, steps: Sequence[Step | None]) -> list[list[LogProbs]]:
        """Run one step per row; see `Session.extend`."""
        block = _Block(steps, self._prefix + self._held.sum(axis=1))
        columns = sorted({block.column(row, read.node) for row, step in block.rows for read in step.reads})
        device = self._model.device
        output = self._model(
            input_ids=torch.from_numpy(block.tokens).to(device),
            position_ids=torch.from_numpy(block.positions).to(device),
            attention_mask=self._mask(block),
            past_key_values=self._cache,
            use_cache=True,
            logits_to_keep=torch.tensor(columns or [0], device=device),
        )
        self.passes += 1
        self._append(block)
        place = {column: n for n, column in enumerate(columns)}
        answers: list[list[LogProbs]] = [[] for _ in steps]
        for row, step in block.rows:
            for read in step.reads:
                logits = output.logits[row, place[block.column(row, read.node)]].float()
                wanted = logits[torch.from_numpy(read.tokens).to(device)]
                total = logits.logsumexp(-1)
                # Where any logit of the vocabulary overflows nothing is known; -inf would say: impossible.
                total = torch.where(total.isfinite(), total, torch.nan)
                answers[row].append((wanted - total).cpu().numpy())
        return answers

    def rewind(self, row: int, tokens: int) -> None:
        """Drop a row's last tokens; see `Session.rewind`."""
        if tokens:
            self._held[row, np.flatnonzero(self._held[row])[-tokens:]] = False
            self._crop()

    @torch.inference_mode()
    def keep(self, rows: Sequence[int]) -> None:
        """Give up the other rows; see `Session.keep`."""
        self._cache.batch_select_indices(torch.tensor(rows, device=self._model.device))
        self._held, self._positions = self._held[list(rows)], self._positions[list(rows)]
        self._crop()

    def _append(self, block: _Block) -> None:
        """The chains' slots stay, the branches' go."""
        held, positions = block.held[:, : block.width], block.positions[:, : block.width]
        self._held = np.concatenate([self._held, held], axis=1)
        self._positions = np.concatenate([self._positions, positions], axis=1)
        self._crop(block.tokens.shape[1] - block.width)

    def _crop(self, more: int = 0) -> None:
        """Take off the cache's end what no row holds, and `more` slots that are not counted here."""
        used = np.flatnonzero(self._held.any(axis=0))
        width = int(used[-1]) + 1 if len(used) else 0
        drop = self._held.shape[1] - width + more
        self._held, self._positions = self._held[:, :width], self._positions[:, :width]
        if drop:
            self._cache.crop(-drop)  # a negative number: how many tokens to drop

    def _mask(self, block: _Block) -> Any:
        """Which slot each new token sees: additive, (rows, 1, new, slots); several where kinds of layers differ."""
        rows, new = block.tokens.shape
        if rows == 1 and block.plain and self._held.all() and set(self._windows) == {"full_attention"}:
            return None  # plain causal attention, which the model does fastest by itself
        sees = np.zeros((rows, new, self._prefix + self._held.shape[1] + new), dtype=bool)
        sees[:, :, : self._prefix] = block.held[:, :, None]
        sees[:, :, self._prefix : -new] = self._held[:, None, :] & block.held[:, :, None]
        sees[:, :, -new:] = block.sees
        slots = np.concatenate(
            [
                np.broadcast_to(np.arange(self._prefix), (rows, self._prefix)),
                self._positions,
                block.positions,
            ],
            axis=1,
        )
        masks = {}
        for kind, window in self._windows.items():
            near = sees if window is None else sees & (block.positions[:, :, None] - slots[:, None, :] < window)
            masks[kind] = self._additive(near)
        return masks if len(masks) > 1 else next(iter(masks.values()))

    def _additive(self, sees: np.ndarray) -> torch.Tensor:
        visible = torch.from_numpy(sees).to(self._model.device).unsqueeze(1)
        mask = torch.zeros(visible.shape, dtype=self._model.dtype, device=visible.device)
        return mask.masked_fill_(~visible, torch.finfo(self._model.dtype).min)


class _Block:
    """The steps of all rows as one rectangle of columns: chains to the right of their padding, then branches.

    Chains end in the same column, so that rows on the same plan read the same columns, and few are projected on the
    vocabulary.

    Attributes:
        rows: (row, step) of the rows that take part.
        width: Columns of the chains.
        tokens, positions: Shape (rows, columns).
        held: Where there is a token, shape (rows, columns).
        sees: Which columns every column attends to, shape (rows, columns, columns).
        plain: Whether there is one chain and nothing else.
    """

    def __init__(self, steps: Sequence[Step | None], lengths: np.ndarray) -> None:
        self.rows = [(row, step) for row, step in enumerate(steps) if step is not None]
        self.width = max((len(step.tokens) for _, step in self.rows), default=0)
        columns = self.width + max((len(step.branches) for _, step in self.rows), default=0)
        self.plain = columns == self.width
        self.tokens = np.zeros((len(steps), columns), dtype=np.int64)
        self.positions = np.zeros((len(steps), columns), dtype=np.int64)
        self.held = np.zeros((len(steps), columns), dtype=bool)
        # Padding sees itself: a softmax over nothing is not a number.
        self.sees = np.broadcast_to(np.eye(columns, dtype=bool), (len(steps), columns, columns)).copy()
        self._steps = steps
        for row, step in self.rows:
            self._fill(row, step, int(lengths[row]))

    def column(self, row: int, node: int) -> int:
        """The column of a step's node."""
        step = self._steps[row]
        assert step is not None
        size = len(step.tokens)
        return self.width - size + node if node < size else self.width + node - size

    def _fill(self, row: int, step: Step, length: int) -> None:
        size = len(step.tokens)
        chain = slice(self.width - size, self.width)
        self.tokens[row, chain] = step.tokens
        self.positions[row, chain] = np.arange(length, length + size)
        self.held[row, chain] = True
        self.sees[row, chain, chain] = np.tri(size, dtype=bool)
        for column, (parent, token) in enumerate(step.branches, start=self.width):
            above = self.column(row, parent)
            self.tokens[row, column] = token
            self.positions[row, column] = self.positions[row, above] + 1
            self.held[row, column] = True
            self.sees[row, column] |= self.sees[row, above]


def attention_windows(model: PreTrainedModel) -> dict[str, int | None]:
    """The kinds of attention that a model's layers have, with how far back each sees, in tokens (None: everything)."""
    config = model.config.get_text_config()
    window = getattr(config, "sliding_window", None)
    kinds = getattr(config, "layer_types", None)
    if kinds is None:
        return {"sliding_attention": window} if window else {"full_attention": None}
    return {kind: window if kind == "sliding_attention" else None for kind in dict.fromkeys(kinds)}
