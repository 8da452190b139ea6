"""The slow, obvious decoder that the fast one is held against: no cache, no draft, a whole pass for every question."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from outlines_core import Guide, Index, Vocabulary

from clinextract.decoding.plan import Plan
from clinextract.decoding.segments import Choice, Forced, Open
from clinextract.models.base import Tokenizer


class SlowDecoder:
    """Asks the model token by token.

    `margin` is the least distance between the best and the second best of all comparisons so far: below about 1e-4 two
    correct decoders may differ by rounding alone. `scores` are the total log-probabilities of the last answer's
    alternatives, by field.
    """

    def __init__(self, model: Any, tokenizer: Tokenizer) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.margin = float("inf")
        self.scores: dict[str, list[float]] = {}

    def decode(self, plan: Plan, prompt: Sequence[int]) -> dict[str, Any]:
        """Every field given the ones before it."""
        tokens, values = list(prompt), {}
        for segment in plan.segments:
            match segment:
                case Forced():
                    tokens += segment.tokens
                case Choice():
                    scores = [self._total(tokens, alternative) for alternative in segment.tokens]
                    self.scores[segment.field] = scores
                    best = self._best(scores)
                    values[segment.field] = segment.values[best]
                    tokens += segment.tokens[best]
                case Open():
                    values[segment.field], written = self._open(tokens, segment)
                    tokens += written
        return {f.name: values.get(f.name, f.values[0] if f.values else None) for f in plan.fields}

    def _logprobs(self, tokens: Sequence[int]) -> np.ndarray:
        with torch.inference_mode():
            logits = self.model(input_ids=torch.tensor([list(tokens)])).logits[0]
        return logits.float().log_softmax(-1).numpy()

    def _total(self, tokens: Sequence[int], alternative: Sequence[int]) -> float:
        rows = self._logprobs([*tokens, *alternative])
        return sum(float(rows[len(tokens) - 1 + i, token]) for i, token in enumerate(alternative))

    def _open(self, tokens: Sequence[int], segment: Open) -> tuple[Any, list[int]]:
        words: dict[bytes, list[int]] = {}
        for token, piece in enumerate(self.tokenizer.token_bytes):
            if piece:
                words.setdefault(piece, []).append(token)
        # The pattern with its greatest length, which the fast decoder replaces by counting.
        guide = Guide(Index(segment.regex, Vocabulary(self.tokenizer.eos_id, words)))
        written: list[int] = []
        while not guide.is_finished():
            allowed = sorted(guide.get_tokens())
            scores = self._logprobs([*tokens, *written])[-1][allowed]
            written.append(allowed[self._best(list(scores))])
            guide.advance(written[-1], return_tokens=False)
        text = b"".join(self.tokenizer.token_bytes[token] or b"" for token in written).decode()
        return json.loads(text if segment.kind == "text" else text[:-1]), written

    def _best(self, scores: Sequence[float]) -> int:
        ordered = sorted(scores, reverse=True)
        if len(ordered) > 1:
            self.margin = min(self.margin, float(ordered[0] - ordered[1]))
        return int(np.argmax(scores))
