"""The ports that decoding is written against. Nothing here knows a concrete model, and nothing here imports torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

Tokens = npt.NDArray[np.int64]
LogProbs = npt.NDArray[np.float32]
Order = Literal["joint", "independent"]
EvidenceWay = Literal["asked", "alone"]
"""By a further turn of the chat, or by reading every line alone."""
Message = dict[str, str]
"""One turn of a chat: {"role": "system" | "user" | "assistant", "content": text}."""


class Tokenizer(Protocol):
    """A vocabulary as bytes, and the two ways of encoding that must never be confused."""

    @property
    def token_bytes(self) -> Sequence[bytes | None]:
        """The bytes of every token by id; None for control tokens and unused ids."""

    @property
    def eos_id(self) -> int:
        """The token that ends a text."""

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits that change when the vocabulary does; plans are kept by it."""

    def encode(self, text: str) -> list[int]:
        """Tokens of plain text: what looks like a control token is text, and no beginning-of-sequence token is added.

        The bytes of the tokens, joined, are the text's UTF-8, where the vocabulary is lossless.
        """

    def encode_control(self, text: str) -> list[int]:
        """Tokens of a prompt's own text, in which control tokens are control tokens. None is added."""


@dataclass(frozen=True, slots=True)
class Read:
    """A wish for log-probabilities.

    Attributes:
        node: The token of the step after which to read: an index into `Step.tokens`, or, beyond them, into
            `Step.branches`.
        tokens: Ids of the tokens whose log-probability is wanted, shape (n,).
    """

    node: int
    tokens: Tokens


@dataclass(frozen=True, slots=True)
class Step:
    """What one row of a batch runs next: a chain that stays, and branches that are gone after the call.

    Attributes:
        tokens: Appended to the row.
        branches: (parent, token) pairs. The parent is a node: an index into `tokens`, or `len(tokens) + i` for the
            branch of index i, which must come earlier.
        reads: What to read from the logits. Only the positions that are named here are projected on the vocabulary.
    """

    tokens: Sequence[int]
    branches: Sequence[tuple[int, int]] = ()
    reads: Sequence[Read] = ()


class Session(Protocol):
    """A batch of rows, each the prefix and what was appended to it since."""

    passes: int
    """Calls of the model so far."""

    def extend(self, steps: Sequence[Step | None]) -> list[list[LogProbs]]:
        """Run one step per row (None: the row rests) in one call of the model.

        Returns:
            For every row and every read, the natural log-probabilities over the whole vocabulary of the tokens asked
            for, shape (n,).
        """

    def rewind(self, row: int, tokens: int) -> None:
        """Drop the last `tokens` tokens of a row."""

    def keep(self, rows: Sequence[int]) -> None:
        """Give up all rows but these, which are numbered anew from 0 in the order given."""


class Prefix(Protocol):
    """The keys and values of a text that many prompts begin with. Never changed by the sessions made from it."""

    @property
    def length(self) -> int:
        """Number of tokens."""


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What is known of a model without running it.

    Attributes:
        name: As the user spelled it.
        hash: First 16 hexadecimal digits of a SHA-256 over weights, configuration and tokenizer.
        prompt: Name and version of the prompt template that it was made for, "chat.v1" unless it says otherwise.
        order: The order of decoding that was measured to be better for it.
        fields: Names of the only fields that it knows, in order; empty for a model that follows instructions.
        evidence: How the lines that show a feature are found; None where they cannot be.
        context: Longest sequence, in tokens; None where there is no limit.
        device, dtype: Where and in which number format it runs.
        parameters: Number of weights.
    """

    name: str
    hash: str
    prompt: str = "chat.v1"
    order: Order = "joint"
    fields: tuple[str, ...] = ()
    evidence: EvidenceWay | None = "asked"
    context: int | None = None
    device: str = "cpu"
    dtype: str = "float32"
    parameters: int = 0
    versions: dict[str, str] = field(default_factory=dict)


@runtime_checkable
class LogitModel(Protocol):
    """A model that gives its logits: what decoding needs."""

    @property
    def info(self) -> ModelInfo:
        """What is known of it."""

    @property
    def tokenizer(self) -> Tokenizer:
        """Its vocabulary."""

    def chat(self, messages: Sequence[Message]) -> str:
        """The messages as one text with the model's control tokens, ending where the answer begins.

        A model without a chat template gets the contents, a blank line between them.
        """

    def prefill(self, tokens: Sequence[int]) -> Prefix:
        """Run a prefix once; the last few are kept."""

    def session(self, prefix: Prefix, rows: int) -> Session:
        """A batch of `rows` rows that all begin with the prefix."""


@runtime_checkable
class GuidedModel(Protocol):
    """A model that can also generate token by token under an Outlines generator (`decoding="outlines"`)."""

    def generate(self, tokens: Sequence[int], regex: str, max_tokens: int) -> str:
        """The text that `outlines.Generator` gives for the prompt's tokens under the regular expression."""
