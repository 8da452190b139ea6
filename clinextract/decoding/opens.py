"""Open values: generated token by token under a guide.

Numbers, dates and texts have an Outlines guide; a quote has one of llguidance, the engine of Outlines' backend of that
name, whose grammar knows substrings: what comes out stands in the transcript word for word.
"""

from __future__ import annotations

from functools import cached_property
from typing import Protocol

import numpy as np
from outlines_core import Guide, Index, Vocabulary

from clinextract.decoding.probability import shares
from clinextract.decoding.quotes import Quotes
from clinextract.decoding.segments import Open
from clinextract.errors import ModelOutputError
from clinextract.models.base import LogProbs, Tokenizer, Tokens


class Writer(Protocol):
    """One open value, as far as it has been written."""

    @property
    def done(self) -> bool:
        """Whether it is whole."""

    @property
    def written(self) -> str:
        """Its text, from the space before it to what ends it."""

    @property
    def null(self) -> float | None:
        """Of a null the probability; else None."""

    def allowed(self) -> Tokens:
        """Tokens that may come next, shape (n,).

        Raises:
            ModelOutputError: There is none; names the field.
        """

    def take(self, tokens: Tokens, scores: LogProbs | None) -> int:
        """Go on with the best of the allowed tokens, of equally good ones with that of the lowest id, and give it.

        Args:
            tokens: As `allowed` gave them.
            scores: Their log-probabilities; None where there is one only.

        Raises:
            ModelOutputError: The log-probabilities are not numbers.
        """


class Guides:
    """The automata of open values over a model's whole vocabulary, each built once and kept."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self._vocabulary: Vocabulary | None = None
        self._indices: dict[str, tuple[Index, dict[int, Tokens]]] = {}

    @cached_property
    def pieces(self) -> list[bytes]:
        """The bytes of every token by id; nothing for control tokens."""
        return [piece or b"" for piece in self.tokenizer.token_bytes]

    @cached_property
    def characters(self) -> Tokens:
        """Characters of text in every token, shape (vocabulary,): bytes that begin one, quotation marks left out."""
        counts = [sum(byte & 0xC0 != 0x80 and byte != 0x22 for byte in piece) for piece in self.pieces]
        return np.array(counts, dtype=np.int64)

    @cached_property
    def quotes(self) -> Quotes:
        """Grammars of quotes over this vocabulary."""
        return Quotes(self.tokenizer)

    def index(self, regex: str) -> tuple[Index, dict[int, Tokens]]:
        """The automaton, and a store for the allowed tokens of its states."""
        if regex not in self._indices:
            self._indices[regex] = (Index(regex, self._words()), {})
        return self._indices[regex]

    def writer(self, opened: Open, text: str, *, null: bool | None = None) -> Writer:
        """A fresh writer of an open value.

        Args:
            opened: The value's segment.
            text: The transcript, which quotes are taken from.
            null: Whether null may stand, by default as the field allows.
        """
        if opened.kind == "quote":
            return self.quotes.writer(opened, text, null=null)
        return _Written(opened, self, null=null)

    def _words(self) -> Vocabulary:
        if self._vocabulary is None:
            words: dict[bytes, list[int]] = {}
            for token, piece in enumerate(self.pieces):
                if piece and token != self.tokenizer.eos_id:
                    words.setdefault(piece, []).append(token)
            self._vocabulary = Vocabulary(self.tokenizer.eos_id, words)
        return self._vocabulary


class _Written:
    """The `Writer` of a number, a date or a text."""

    def __init__(self, opened: Open, guides: Guides, *, null: bool | None = None) -> None:
        self.opened, self.guides = opened, guides
        self.null: float | None = None
        self._text, self._count, self._chance = b"", 0, 1.0
        try:
            index, self._states = guides.index(opened.regex(null=null, bounded=False))
        except ValueError:  # the vocabulary lacks what a state needs; the message quotes it at length
            raise stuck(opened) from None
        self._guide = Guide(index)

    @property
    def done(self) -> bool:
        return bool(self._guide.is_finished())

    @property
    def written(self) -> str:
        return self._text.decode()

    def allowed(self) -> Tokens:
        """What the guide allows, less what breaks the bounds on a text's length."""
        state = self._guide.get_state()
        if state not in self._states:
            self._states[state] = np.array(sorted(self._guide.get_tokens()), dtype=np.int64)
        tokens = self._states[state]
        if self.opened.kind == "text" and not self._is_null(self._text):
            count = self._count + self.guides.characters[tokens] - self._space(tokens)
            fits = (count <= self.opened.maximum) & ((count >= self.opened.minimum) | ~self._closes(tokens))
            tokens = tokens[fits | self._begins_null(tokens)]
        if not len(tokens):
            raise stuck(self.opened)
        return tokens

    def take(self, tokens: Tokens, scores: LogProbs | None) -> int:
        place = 0 if scores is None else int(np.argmax(scores))
        token = int(tokens[place])
        self._count += int(self.guides.characters[token]) - int(self._space(np.array([token]))[0])
        self._text += self.guides.pieces[token]
        if scores is not None:
            self._chance *= float(shares(scores)[place])
        self._guide.advance(token, return_tokens=False)
        if self.done and self._is_null(self._text):
            self.null = self._chance
        return token

    def _is_null(self, text: bytes) -> bool:
        return not self.opened.opened and text.lstrip(b" ").startswith(b"n")

    def _begins_null(self, tokens: Tokens) -> np.ndarray:
        """Where a token begins the null that may stand here: its letters are not a text's."""
        return np.array([self._is_null(self._text + self.guides.pieces[token]) for token in tokens], dtype=bool)

    def _space(self, tokens: Tokens) -> Tokens:
        """1 where the token begins with the space before the value, which is no character of the value."""
        if self._text or self.opened.opened:
            return np.zeros(len(tokens), dtype=np.int64)
        return np.array([self.guides.pieces[token][:1] == b" " for token in tokens], dtype=np.int64)

    def _closes(self, tokens: Tokens) -> np.ndarray:
        """Where a token writes the closing quotation mark."""
        opening = b'"' not in self._text and not self.opened.opened
        return np.array([self.guides.pieces[token].count(b'"') > opening for token in tokens], dtype=bool)


def stuck(opened: Open) -> ModelOutputError:
    """No token can go on in an open value."""
    return ModelOutputError(
        f"no token of the vocabulary can go on in field {opened.field!r}",
        hint="Use a choice instead of an open field, or another model.",
        field=opened.field,
    )
