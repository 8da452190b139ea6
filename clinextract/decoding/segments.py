"""The three kinds of stretch that an answer is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from clinextract.schema.features import JsonScalar


@dataclass(frozen=True, slots=True)
class Forced:
    """Text that stands in every answer.

    Attributes:
        text: The text.
        tokens: Its tokens where it stands.
    """

    text: str
    tokens: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """A place where one of several texts is chosen.

    Attributes:
        field: The schema's field.
        values: The alternatives as JSON values, shape (n,).
        texts: What stands in the answer for each, shape (n,). It begins and ends where tokens do, so it may lack the
            first characters of the value that all share, and hold the ones that follow it.
        tokens: The tokens of each text, shape (n, any). No alternative's tokens begin with all of another's.
    """

    field: str
    values: tuple[JsonScalar, ...]
    texts: tuple[str, ...]
    tokens: tuple[tuple[int, ...], ...]

    @property
    def single(self) -> bool:
        """Whether one token decides, so that the choice is read at one position."""
        return all(len(tokens) == 1 for tokens in self.tokens)


@dataclass(frozen=True, slots=True)
class Open:
    """A value that is generated token by token under a guide.

    Attributes:
        field: The schema's field.
        kind: "text" or "integer".
        regex: What may stand here, from the space before the value to the character that ends it, that one included.
        unbounded: The same without the greatest length. An index of a bounded repetition over a real vocabulary takes
            minutes of memory traffic; this one takes a tenth of a second, and the decoder counts.
        minimum, maximum: Of a text's characters between the quotation marks.
    """

    field: str
    kind: Literal["text", "integer"]
    regex: str
    unbounded: str
    minimum: int = 0
    maximum: int = 0

    @property
    def longest(self) -> int:
        """An upper bound of its tokens: every character may take four byte tokens, an integer's at most one each."""
        return 4 * self.maximum + 4 if self.kind == "text" else 24


Fixed = Forced | Choice
Segment = Fixed | Open
