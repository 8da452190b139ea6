"""Open fields: generated token by token under an Outlines guide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from outlines_core import Guide, Index, Vocabulary

from clinextract.decoding.choices import Decision
from clinextract.decoding.segments import Open
from clinextract.errors import ModelOutputError
from clinextract.models.base import LogProbs, Read, Session, Step, Tokenizer, Tokens


class Guides:
    """The automata of open fields over a model's whole vocabulary, each built once and kept."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._vocabulary: Vocabulary | None = None
        self._indices: dict[str, tuple[Index, dict[int, Tokens]]] = {}

    @cached_property
    def pieces(self) -> list[bytes]:
        """The bytes of every token by id; nothing for control tokens."""
        return [piece or b"" for piece in self._tokenizer.token_bytes]

    @cached_property
    def characters(self) -> Tokens:
        """Characters of text in every token, shape (vocabulary,): bytes that begin one, quotation marks left out."""
        counts = [sum(byte & 0xC0 != 0x80 and byte != 0x22 for byte in piece) for piece in self.pieces]
        return np.array(counts, dtype=np.int64)

    def index(self, regex: str) -> tuple[Index, dict[int, Tokens]]:
        """The automaton, and a store for the allowed tokens of its states."""
        if regex not in self._indices:
            self._indices[regex] = (Index(regex, self._words()), {})
        return self._indices[regex]

    def _words(self) -> Vocabulary:
        if self._vocabulary is None:
            words: dict[bytes, list[int]] = {}
            for token, piece in enumerate(self.pieces):
                if piece and token != self._tokenizer.eos_id:
                    words.setdefault(piece, []).append(token)
            self._vocabulary = Vocabulary(self._tokenizer.eos_id, words)
        return self._vocabulary


@dataclass(slots=True)
class _Writer:
    """One row's open value, as far as it has been written."""

    opened: Open
    guides: Guides
    tokens: list[int] = field(default_factory=list)
    text: bytes = b""
    count: int = 0
    guide: Guide = field(init=False)
    states: dict[int, Tokens] = field(init=False)

    def __post_init__(self) -> None:
        try:
            index, self.states = self.guides.index(self.opened.unbounded)
        except ValueError:  # the vocabulary lacks what a state needs; the message quotes it at length
            raise _stuck(self.opened) from None
        self.guide = Guide(index)

    @property
    def done(self) -> bool:
        return bool(self.guide.is_finished())

    def allowed(self) -> Tokens:
        """Tokens that may come next, shape (n,): what the guide allows, less what breaks the bounds on the length."""
        state = self.guide.get_state()
        if state not in self.states:
            self.states[state] = np.array(sorted(self.guide.get_tokens()), dtype=np.int64)
        tokens = self.states[state]
        if self.opened.kind == "text":
            count = self.count + self.guides.characters[tokens] - self._space(tokens)
            tokens = tokens[(count <= self.opened.maximum) & ((count >= self.opened.minimum) | ~self._closes(tokens))]
        if not len(tokens):
            raise _stuck(self.opened)
        return tokens

    def take(self, tokens: Tokens, scores: LogProbs) -> None:
        """Go on with the best of the allowed tokens; of equally good ones with the one of the lowest id."""
        token = int(tokens[int(np.argmax(scores))])
        self.count += int(self.guides.characters[token]) - int(self._space(np.array([token]))[0])
        self.text += self.guides.pieces[token]
        self.tokens.append(token)
        self.guide.advance(token, return_tokens=False)

    def decision(self) -> Decision:
        written = self.text.decode()
        return Decision(written[2:-1] if self.opened.kind == "text" else int(written[1:-1]), None)

    def _space(self, tokens: Tokens) -> Tokens:
        """1 where the token begins with the space before the value, which is no character of the value."""
        if self.text:
            return np.zeros(len(tokens), dtype=np.int64)
        return np.array([self.guides.pieces[token][:1] == b" " for token in tokens], dtype=np.int64)

    def _closes(self, tokens: Tokens) -> np.ndarray:
        """Where a token writes the closing quotation mark."""
        opening = b'"' not in self.text
        return np.array([self.guides.pieces[token].count(b'"') > opening for token in tokens], dtype=bool)


def _stuck(opened: Open) -> ModelOutputError:
    return ModelOutputError(
        f"no token of the vocabulary can go on in field {opened.field!r}",
        hint="Use a choice instead of an open field, or another model.",
        field=opened.field,
    )


def generate_open(
    session: Session, pendings: Sequence[Sequence[int]], opened: Open, guides: Guides
) -> list[tuple[Decision, list[int]]]:
    """Generate an open field in every row, one token a pass.

    Args:
        session: The rows' session.
        pendings: For every row, tokens before the field that have not been run; none is empty.
        opened: The field.
        guides: Of the model's tokenizer.

    Returns:
        For every row, the value, and its tokens; the last of them has not been run.

    Raises:
        ModelOutputError: The vocabulary has no token with which to go on; names the field.
    """
    writers = [_Writer(opened, guides) for _ in pendings]
    tokens: list[Sequence[int]] = list(pendings)
    while not all(writer.done for writer in writers):
        allowed = [None if writer.done else writer.allowed() for writer in writers]
        steps = [
            None if may is None else Step(tokens[i], (), (Read(len(tokens[i]) - 1, may),))
            for i, may in enumerate(allowed)
        ]
        answers = session.extend(steps)
        for i, (writer, may) in enumerate(zip(writers, allowed, strict=True)):
            if may is not None:
                writer.take(may, answers[i][0])
                tokens[i] = writer.tokens[-1:]
    return [(writer.decision(), writer.tokens) for writer in writers]
