"""A model for tests: deterministic, without weights, and without torch."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, Literal, TypeGuard

import numpy as np

from clinextract.models.base import LogProbs, Message, ModelInfo, Prefix, Read, Step
from clinextract.schema.specs import Json, JsonScalar

Answer = JsonScalar | Sequence[Json] | Mapping[JsonScalar, float] | Mapping[str, Json]
Answers = Mapping[str, Answer]

# The whole of a line that asks for evidence, and the reply as far as it goes.
_QUESTION = re.compile(r'Which line .*?"(?P<name>[^"]+)".* does\.(?P<written>.*)\Z', re.DOTALL)
_NOTHING: Mapping[JsonScalar, float] = {False: 0.5, "": 0.5}
_OTHERWISE = 1e-6
"""Share of what the answers do not say, so that nothing is impossible."""


class FakeModel:
    """Answers what it is told to, through the same port as a real model.

    Everything around the model is the real thing: prompt, plan, decoding, validation. So a test with it shows that an
    application handles results, doubts and failures, in milliseconds.

    Args:
        answers: By field name, or a function from the normalised transcript to them. An answer is a value; a number
            from 0.0 to 1.0 for P(yes) of a yes/no field; or probabilities by value. A field without an answer gets
            False if it is a yes/no field, else its shortest value.
        evidence: By field the line that shows it, as it is replied; "alone" to have every line read alone instead.
        context: Longest sequence in tokens, which are bytes; None for no limit.

    >>> from clinextract import extract
    >>> call = extract("She has a fever, I think.", model=FakeModel({"fever": 0.6}))
    >>> call.features.fever, call.answers["fever"].review
    (True, True)
    """

    def __init__(
        self,
        answers: Answers | Callable[[str], Answers] | None = None,
        *,
        evidence: Mapping[str, str] | Literal["alone"] | None = None,
        context: int | None = None,
    ) -> None:
        self._evidence: Mapping[str, str] = evidence if isinstance(evidence, Mapping) else {}
        self._answers = answers if callable(answers) else lambda _: answers or {}
        digest = hashlib.sha256(f"{context}{answers if not callable(answers) else ''}".encode())
        self.info = ModelInfo("fake", digest.hexdigest()[:16], prompt="compact.v1", context=context)
        if evidence == "alone":
            self.info = replace(self.info, evidence="alone")
        self.tokenizer = ByteTokenizer()

    def __repr__(self) -> str:
        return "FakeModel()"

    def chat(self, messages: Sequence[Message]) -> str:
        """The contents, a blank line between them."""
        return "\n\n".join(message["content"] for message in messages)

    def prefill(self, tokens: Sequence[int]) -> FakePrefix:
        """Remember the prefix."""
        return FakePrefix(bytes(tokens))

    def session(self, prefix: Prefix, rows: int) -> FakeSession:
        """Rows that begin with the prefix."""
        assert isinstance(prefix, FakePrefix)
        return FakeSession(self, prefix.text, rows)

    def next_byte(self, text: bytes) -> LogProbs:
        """Log-probabilities of the next byte, shape (256,), given all the text so far."""
        shares = np.full(256, _OTHERWISE / 256)
        prompt, _, answer = text.decode(errors="surrogateescape").rpartition("\n")
        for written, ways in self._told(prompt, answer):
            for wanted, share in ways:
                if wanted.startswith(written) and wanted != written:
                    shares[wanted[len(written)]] += share
        logs: LogProbs = np.log(shares / shares.sum()).astype(np.float32)
        return logs

    def _told(self, prompt: str, answer: str) -> Iterator[tuple[bytes, list[tuple[bytes, float]]]]:
        """What has been written of a value or a reply, and what it may become, with the share of each."""
        asked = _QUESTION.match(answer)
        if asked is not None:
            line = self._evidence.get(asked["name"], "none")
            yield asked["written"].encode(errors="surrogateescape"), [(line.encode() + b"\0", 1.0)]
            return
        name, written = _last_field(answer)
        # What stands between the prompt's own lines is the transcript.
        transcript = prompt.removeprefix("<|call|>\n").removesuffix("\n<|answer|>")
        if name is not None:
            # The text may end inside a character.
            told = self._answers(transcript).get(name, _NOTHING)
            yield written.encode(errors="surrogateescape"), _spelled(told)


def _last_field(answer: str) -> tuple[str | None, str]:
    """The field of an unfinished answer that was begun last, and what has been written behind its colon."""
    name, start, depth, place = None, 0, 0, 0
    while place < len(answer):
        character = answer[place]
        if character == '"':
            end = place + 1
            while end < len(answer) and answer[end] != '"':
                end += 2 if answer[end] == "\\" else 1
            if depth == 1 and answer[end + 1 : end + 2] == ":":
                name, start = json.loads(answer[place : end + 1]), end + 2
            place = end
        depth += (character in "{[") - (character in "}]")
        place += 1
    return name, answer[start:]


def _spelled(answer: Answer) -> list[tuple[bytes, float]]:
    """How the values of an answer are written, with the character that ends them, and the share of each."""
    values: list[tuple[Any, float]] = [(answer, 1.0)]
    if _is_share(answer):
        # The number itself stays: a yes/no field has no place for it, and a decimal has none for yes and no.
        values += [(True, answer), (False, 1 - answer)]
    elif isinstance(answer, Mapping) and all(map(_is_share, answer.values())):
        values = [*answer.items()]
    texts = [(f" {json.dumps(value, ensure_ascii=False)}", share) for value, share in values]
    return [((text + end).encode(), share / 2) for text, share in texts for end in ",}"]


def _is_share(answer: object) -> TypeGuard[float]:
    return isinstance(answer, float) and 0 <= answer <= 1


class ByteTokenizer:
    """A vocabulary of the 256 bytes. It has no control tokens, and its end of text is the byte 0."""

    eos_id = 0
    fingerprint = "bytes"

    @cached_property
    def token_bytes(self) -> Sequence[bytes | None]:
        """The bytes, less the one that ends a text."""
        return [None, *(bytes([byte]) for byte in range(1, 256))]

    def encode(self, text: str) -> list[int]:
        """The text's UTF-8."""
        return list(text.encode())

    def encode_control(self, text: str) -> list[int]:
        """The text's UTF-8."""
        return list(text.encode())


class FakePrefix:
    """The bytes of a prefix."""

    def __init__(self, text: bytes) -> None:
        self.text = text
        self.length = len(text)


class FakeSession:
    """The `Session` port over byte strings."""

    def __init__(self, model: FakeModel, prefix: bytes, rows: int) -> None:
        self.passes = 0
        self._model = model
        self._rows = [prefix] * rows

    def extend(self, steps: Sequence[Step | None]) -> list[list[LogProbs]]:
        """Run one step per row; see `Session.extend`."""
        self.passes += 1
        return [[] if step is None else self._run(row, step) for row, step in enumerate(steps)]

    def rewind(self, row: int, tokens: int) -> None:
        """Drop a row's last tokens; see `Session.rewind`."""
        self._rows[row] = self._rows[row][: len(self._rows[row]) - tokens]

    def keep(self, rows: Sequence[int]) -> None:
        """Give up the other rows; see `Session.keep`."""
        self._rows = [self._rows[row] for row in rows]

    def _run(self, row: int, step: Step) -> list[LogProbs]:
        texts = [self._rows[row]]
        for token in step.tokens:
            texts.append(texts[-1] + bytes([token]))
        self._rows[row] = texts[-1]
        nodes = texts[1:]
        for parent, token in step.branches:
            nodes.append(nodes[parent] + bytes([token]))
        return [self._read(nodes[read.node], read) for read in step.reads]

    def _read(self, text: bytes, read: Read) -> LogProbs:
        return np.asarray(self._model.next_byte(text)[read.tokens], dtype=np.float32)
