"""The ways of getting an answer from one model, all on exactly the same prompt tokens."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from benchmarks.timing import Contender
from clinextract.extractor import Extractor
from clinextract.models.transformers import TransformersModel
from clinextract.palliative import PalliativeCall
from clinextract.records import Document, Extraction

OURS = "clinextract"
TWICE = "clinextract, made to repair"
OUTLINES = "outlines.Generator"
GENERATE = "model.generate"
FLOOR = "one bare pass behind the kept prefix"
BARE = "one bare pass without any prefix"

NAMES = (OURS, TWICE, OUTLINES, GENERATE, FLOOR, BARE)
SLOW = {OUTLINES, GENERATE}


@dataclass(frozen=True, slots=True)
class Item:
    """One transcript with the tokens that every contender runs for it.

    Attributes:
        text: The transcript.
        prefix: Tokens before the transcript.
        tokens: The transcript's, and those that follow it in the prompt.
        answer: The answer's tokens.
        guess: A draft that is wrong in the first field and nowhere else.
        passes: Calls of the model that our decoding made.
    """

    text: str
    prefix: tuple[int, ...]
    tokens: tuple[int, ...]
    answer: tuple[int, ...]
    guess: dict[str, Any]
    passes: int


class Bench:
    """A model with everything that its contenders share.

    Args:
        model: With random weights.
        texts: The transcripts.
    """

    def __init__(self, model: TransformersModel, texts: Sequence[str]) -> None:
        self.model = model
        self.ours = Extractor(PalliativeCall, model)
        self.guided = Extractor(PalliativeCall, model, decoding="outlines")
        self.items = [self._item(text) for text in texts]

    def run(self, name: str, item: int) -> object:
        """Run a contender on a transcript."""
        one = self.items[item]
        with torch.inference_mode():
            if name == OURS:
                return self.ours(one.text)
            if name == TWICE:
                return self.ours(one.text, guess=one.guess)
            if name == OUTLINES:
                return self.guided(one.text)
            if name == GENERATE:
                return self._generate(one)
            return self._pass([one], cached=name == FLOOR)

    def contenders(self, picks: Sequence[int], repetitions: int, slow: int) -> dict[str, Contender]:
        """All of them, one transcript at a time.

        Args:
            picks: Indices of the items to run.
            repetitions: Of the fast ones.
            slow: Of the slow ones.
        """

        def run(name: str, number: int) -> object:
            return self.run(name, picks[number])

        return {name: Contender(partial(run, name), slow if name in SLOW else repetitions) for name in NAMES}

    def batches(self, batches: Sequence[Sequence[int]], repetitions: int, slow: int) -> dict[str, Contender]:
        """The same for whole batches: ours and one bare pass batched; `outlines.Generator` on the middle one alone.

        Args:
            batches: Indices of the items of each batch, all of one language.
            repetitions: Of the fast ones.
            slow: Of `outlines.Generator`.
        """

        def ours(number: int) -> None:
            texts = [self.items[item].text for item in batches[number]]
            results = list(self.ours.batch(texts, batch_size=len(texts)))
            assert all(isinstance(result, Extraction) for result in results)

        def guided(number: int) -> None:
            by_length = sorted(batches[number], key=lambda item: len(self.items[item].tokens))
            self.run(OUTLINES, by_length[len(by_length) // 2])

        @torch.inference_mode()
        def bare(number: int) -> None:
            self._pass([self.items[item] for item in batches[number]], cached=True)

        return {
            OURS: Contender(ours, repetitions),
            OUTLINES: Contender(guided, slow),
            FLOOR: Contender(bare, repetitions),
        }

    def _item(self, text: str) -> Item:
        """What `Extractor` itself would run: its own preparation is asked, so that no contender sees other tokens."""
        [reading] = self.ours._prepare(Document(text)).views[0].readings
        result = self.ours(text)
        values = result.features.model_dump()
        answer = tuple(self.model.tokenizer.encode(json.dumps(values)))
        first = next(iter(values))
        guess = values | {first: not values[first]}
        return Item(text, reading.compiled.prefix, reading.tokens, answer, guess, result.provenance.passes)

    def _generate(self, item: Item) -> object:
        """Greedy, as many tokens as the answer has, the whole prompt each time: what is done without a library."""
        model: Any = self.model.model
        ids = torch.tensor([[*item.prefix, *item.tokens]], device=model.device)
        size = len(item.answer)
        return model.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=size, min_new_tokens=size, do_sample=False
        )

    def _pass(self, items: Sequence[Item], *, cached: bool) -> object:
        """One call of the model over transcripts and answers, padded on the left, with the last position's logits."""
        rows = [[*item.tokens, *item.answer] for item in items]
        width = max(map(len, rows))
        prefix = items[0].prefix if cached else ()
        mask = [[1] * len(prefix) + [0] * (width - len(row)) + [1] * len(row) for row in rows]
        model: Any = self.model.model
        held = torch.tensor(mask, device=model.device)
        cache = self.model.prefill(prefix).cache(len(rows)) if cached else None
        return model(
            input_ids=torch.tensor([[0] * (width - len(row)) + row for row in rows], device=model.device),
            attention_mask=held,
            position_ids=(held.cumsum(-1) - 1).clamp(min=0)[:, len(prefix) :],
            past_key_values=cache,
            use_cache=cached,
            logits_to_keep=1,
        )
