"""The slow, obvious decoder that the fast one is held against: no cache, no draft, a whole pass for every question."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import torch
from outlines_core import Guide, Index, Vocabulary

from clinextract.decoding.opens import Guides
from clinextract.decoding.plan import Plan
from clinextract.decoding.probability import shares
from clinextract.decoding.segments import Branch, Choice, Forced, Items, Open, Options, Segment
from clinextract.models.base import Tokenizer
from clinextract.schema.rules import Rules, heads
from clinextract.schema.specs import FieldSpec


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
        self.rules: Rules | None = None
        self.cutoffs: Mapping[str, float] = {}
        self.text = ""

    def decode(self, plan: Plan, prompt: Sequence[int]) -> dict[str, Any]:
        """Every field given the ones before it."""
        self._fields = plan.fields
        self._tokens, self._written, self._picks = list(prompt), "", {}
        for field in plan.fields if self.rules else ():
            nothing = field.kind == "quote" and not quotable(self.text, max(1, int(field.minimum)), int(field.maximum))
            if nothing and field.nullable and field.name in self.rules.names and self._keeps_rules({field.name: 0}):
                self._picks[field.name] = 0
        self._walk(plan.segments)
        return json.loads(self._written)

    def _walk(self, segments: Sequence[Segment]) -> None:
        for segment in segments:
            match segment:
                case Forced():
                    self._append(segment.text, segment.tokens)
                case Choice():
                    self._choose(segment)
                case Branch():
                    self._walk(segment.bodies[self._choose(segment.choice)])
                case Open():
                    self._open(segment)
                case Items() | Options():
                    self._walk(segment.unfolded())

    def _append(self, text: str, tokens: Sequence[int]) -> None:
        self._written += text
        self._tokens += tokens

    def _choose(self, choice: Choice) -> int:
        scores = [self._total(self._tokens, alternative) for alternative in choice.tokens]
        self.scores[choice.field] = scores
        cutoff = self.cutoffs.get(choice.field)
        if cutoff is not None and set(map(repr, choice.values)) == {"True", "False"}:
            yes = choice.values.index(True)
            chance = float(shares(scores)[yes])
            self.margin = min(self.margin, abs(chance - cutoff))
            scores = [float((number == yes) == (chance >= cutoff)) for number in range(2)]
        may = range(len(scores))
        if choice.heads:
            may = [n for n in may if self._keeps_rules({**self._picks, choice.field: choice.heads[n]})]
        best = may[self._best([scores[n] for n in may])]
        if choice.heads:
            self._picks[choice.field] = choice.heads[best]
        self._append(choice.texts[best], choice.tokens[best])
        return best

    def _keeps_rules(self, picks: Mapping[str, int]) -> bool:
        """Whether some whole answer keeps the rules: every one is tried."""
        if self.rules is None:
            return True
        ranges = [[picks[f.name]] if f.name in picks else range(len(heads(f))) for f in self._fields]
        return any(self.rules.broken(self._values(combination)) == () for combination in product(*ranges))

    def _values(self, combination: Sequence[int]) -> dict[str, Any]:
        return {f.name: _value(f, head) for f, head in zip(self._fields, combination, strict=True)}

    def _logprobs(self, tokens: Sequence[int]) -> np.ndarray:
        with torch.inference_mode():
            logits = self.model(input_ids=torch.tensor([list(tokens)])).logits[0]
        return logits.float().log_softmax(-1).numpy()

    def _total(self, tokens: Sequence[int], alternative: Sequence[int]) -> float:
        rows = self._logprobs([*tokens, *alternative])
        return sum(float(rows[len(tokens) - 1 + i, token]) for i, token in enumerate(alternative))

    def _open(self, segment: Open) -> None:
        null = segment.nullable
        if segment.head and self.rules is not None:
            may = [self._keeps_rules({**self._picks, segment.field: head}) for head in range(2)]
            if not may[1] or segment.field in self._picks:
                text = f" null{segment.ends}"
                self._picks[segment.field] = 0
                self._append(text, self.tokenizer.encode(text))
                return
            null = may[0]
        text, tokens = self._quoted(segment, null) if segment.kind == "quote" else self._guided(segment, null)
        if segment.head:
            self._picks[segment.field] = int(not text.startswith(" null"))
        self._append(text, tokens)

    def _guided(self, segment: Open, null: bool) -> tuple[str, list[int]]:
        words: dict[bytes, list[int]] = {}
        for token, piece in enumerate(self.tokenizer.token_bytes):
            if piece:
                words.setdefault(piece, []).append(token)
        # The pattern with its greatest length, which the fast decoder replaces by counting.
        guide = Guide(Index(segment.regex(null=null), Vocabulary(self.tokenizer.eos_id, words)))
        written: list[int] = []
        while not guide.is_finished():
            self._go_on(written, sorted(guide.get_tokens()))
            guide.advance(written[-1], return_tokens=False)
        return self._spelled(written), written

    def _quoted(self, segment: Open, null: bool) -> tuple[str, list[int]]:
        # What may be quoted is tested elsewhere: which of several tokens may spell it is up to llguidance.
        writer = Guides(self.tokenizer).writer(segment, self.text, null=null)
        written: list[int] = []
        while not writer.done:
            may = writer.allowed()
            self._go_on(written, may.tolist())
            writer.take(np.array(written[-1:]), None)
        return writer.written, written

    def _go_on(self, written: list[int], may: Sequence[int]) -> None:
        scores = self._logprobs([*self._tokens, *written])[-1][may]
        written.append(may[self._best(list(scores))])

    def _spelled(self, tokens: Sequence[int]) -> str:
        return b"".join(self.tokenizer.token_bytes[token] or b"" for token in tokens).decode()

    def _best(self, scores: Sequence[float]) -> int:
        ordered = sorted(scores, reverse=True)
        if len(ordered) > 1:
            self.margin = min(self.margin, float(ordered[0] - ordered[1]))
        return int(np.argmax(scores))


def quotable(text: str, minimum: int, maximum: int) -> set[str]:
    """Every stretch of a text that may be quoted: of whole words, within a line, without blanks at its ends."""
    found = set()
    for run in re.split(r'["\\\x00-\x1f\x7f-\x9f\u2028\u2029]', text):
        words = re.findall(r"[\w\u200c\u0300-\u036f\u064b-\u0652]+|[^\w\u200c]", run)
        for start in range(len(words)):
            for end in range(start + 1, len(words) + 1):
                stretch = "".join(words[start:end])
                fits = minimum <= len(stretch) <= maximum
                if fits and not words[start].isspace() and not words[end - 1].isspace():
                    found.add(stretch)
    return found


def _value(field: FieldSpec, head: int) -> Any:
    """Some value of the field that has a head."""
    if field.listed:
        return field.values[head]
    return "something" if head == len(heads(field)) - 1 else None
