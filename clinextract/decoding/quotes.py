"""Quotes: a grammar whose texts are the substrings of a transcript, cut at the ends of words.

The engine is llguidance (Moskal et al., github.com/guidance-ai/llguidance), which Outlines offers as a backend; it
builds the automaton of all substrings of a text in milliseconds, where a regular expression would take minutes.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import llguidance.numpy as masks
import numpy as np
from llguidance import LLMatcher, LLTokenizer, TokenizerWrapper

from clinextract.decoding.probability import shares
from clinextract.decoding.segments import Open
from clinextract.errors import ModelOutputError
from clinextract.models.base import LogProbs, Tokenizer, Tokens

_WORDS = re.compile(r"[\w\u200c\u0300-\u036f\u064b-\u0652]+|[^\w\u200c]")
"""What a quote is made of whole: words with their half-spaces and vowel signs, and single other characters."""
_UNQUOTED = re.compile(r'["\\\x00-\x1f\x7f-\x9f\u2028\u2029]')
_INSIDE = r'[^"\\\x00-\x1f\x7f-\x9f]'
_EDGE = r'[^"\\\x00-\x20\x7f-\xa0\u2028\u2029\u3000]'


class Quotes:
    """Matchers of quotes over one vocabulary."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer

    @cached_property
    def vocabulary(self) -> LLTokenizer:
        """The vocabulary as llguidance wants it."""
        return LLTokenizer(TokenizerWrapper(_Vocabulary(self.tokenizer)))

    def writer(self, opened: Open, text: str, *, null: bool | None = None) -> _Quoted:
        """A fresh writer of a quote from a transcript; see `opens.Writer`.

        A quote lies within a line, since JSON writes a line break in another way than the transcript does, and holds
        neither quotation marks nor backslashes, for the same reason. Where no words of the transcript are of a
        length within the bounds, the quote is null where that may stand, else empty.

        Args:
            opened: The quote's segment.
            text: The transcript.
            null: Whether null may stand, by default as the field allows.
        """
        matcher = LLMatcher(self.vocabulary, _grammar(opened, text, null=null))
        if matcher.is_error():
            raise ModelOutputError(
                f"the grammar of quotes cannot be built for field {opened.field!r}",
                hint="Please report this: it is a mistake of clinextract.",
                field=opened.field,
            )
        return _Quoted(opened, matcher, self)


def _grammar(opened: Open, text: str, *, null: bool | None) -> str:
    """The grammar of a quote in llguidance's dialect of Lark."""
    may_be_null = (opened.nullable if null is None else null) and not opened.opened
    low = max(opened.minimum, 1)
    may_quote = quotable(text, low, opened.maximum)
    ways = ["QUOTE"] if may_quote else []
    if opened.minimum == 0 or not (may_quote or may_be_null):
        ways.append('""')
    before = "" if opened.opened else '" \\""'
    alternatives = [f'{before} ({" | ".join(ways)}) "\\""'] if ways else []
    if may_be_null:
        alternatives.append('" null"')
    grammar = f"start: {' | '.join(alternatives)}\n"
    if may_quote:
        least, most = max(low - 2, 0), max(opened.maximum - 2, 0)
        longer = f"{_EDGE}{_INSIDE}{{{least},{most}}}{_EDGE}"
        lengths = [*([_EDGE] if low == 1 else []), *([longer] if opened.maximum > 1 else [])]
        chunks = json.dumps(_WORDS.findall(text))
        grammar += f"QUOTE: SUBSTRING & /{'|'.join(lengths)}/\n"
        grammar += f'SUBSTRING: %regex {{"substring_chunks": {chunks}}}\n'
    return grammar


def quotable(text: str, low: int, high: int) -> bool:
    """Whether some stretch of whole words within a line has a length within the bounds."""
    for run in _UNQUOTED.split(text):
        words = [(match.start(), match.end()) for match in _WORDS.finditer(run) if not match[0].isspace()]
        ends = [end for _, end in words]
        for start, _ in words:
            # The first end that makes it long enough: if that is too long, all further ones are.
            place = bisect_left(ends, start + low)
            if place < len(ends) and ends[place] - start <= high:
                return True
    return False


class _Vocabulary:
    """What `TokenizerWrapper` reads of a tokenizer."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self.eos_token_id = tokenizer.eos_id
        self.bos_token_id = None
        pieces = tokenizer.token_bytes
        self.special_token_ids = [token for token, piece in enumerate(pieces) if not piece]
        # 0xff begins no character: it marks a special token, whose name is never text.
        self.tokens = [piece or b"\xff<%d>" % token for token, piece in enumerate(pieces)]

    def __call__(self, text: str) -> Sequence[int]:
        return self._tokenizer.encode(text)


@dataclass(slots=True)
class _Quoted:
    """The `Writer` of a quote."""

    opened: Open
    matcher: LLMatcher
    quotes: Quotes
    null: float | None = None
    _text: bytes = b""
    _chance: float = 1.0
    _mask: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self._mask = masks.allocate_token_bitmask(1, self.quotes.vocabulary.vocab_size)

    @property
    def done(self) -> bool:
        return bool(self.matcher.is_stopped())

    @property
    def written(self) -> str:
        return self._text.decode()

    def allowed(self) -> Tokens:
        masks.fill_next_token_bitmask(self.matcher, self._mask, 0)
        bits = np.unpackbits(self._mask[0].view(np.uint8), bitorder="little")
        tokens: Tokens = np.flatnonzero(bits[: len(self.quotes.tokenizer.token_bytes)]).astype(np.int64)
        tokens = tokens[tokens != self.quotes.tokenizer.eos_id]
        if not len(tokens):
            raise ModelOutputError(
                f"no token of the vocabulary can go on in the quote of field {self.opened.field!r}",
                hint="Use a model with a byte-level vocabulary.",
                field=self.opened.field,
            )
        return tokens

    def take(self, tokens: Tokens, scores: LogProbs | None) -> int:
        place = 0 if scores is None else int(np.argmax(scores))
        token = int(tokens[place])
        if scores is not None:
            self._chance *= float(shares(scores)[place])
        self._text += self.quotes.tokenizer.token_bytes[token] or b""
        self.matcher.consume_token(token)
        if self.done and self._text.strip() == b"null":
            self.null = self._chance
        return token
