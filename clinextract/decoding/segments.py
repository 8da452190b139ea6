"""The kinds of stretch that an answer is made of.

What stands in every answer is `Forced`; where one of a few texts stands there is a `Choice`; an `Open` value is
generated; and what follows may depend on what was chosen: a `Branch`, and the lists `Items` and `Options`, which unfold
into branches as they grow.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from clinextract.schema.specs import JsonScalar

Encoded = tuple[str, tuple[int, ...]]
"""A text and its tokens."""


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
        values: The alternatives as JSON values, shape (n,); empty where they are no whole values of the field.
        texts: What stands in the answer for each, shape (n,). It begins and ends where tokens do, so it may lack the
            first characters of the value that all share, and hold the ones that follow it.
        tokens: The tokens of each text, shape (n, any). No alternative's tokens begin with all of another's.
        heads: For each alternative the number of the field's head (`schema.rules`), shape (n,); empty where the field's
            head is decided already, or the choice lies within a group.
    """

    field: str
    values: tuple[JsonScalar, ...]
    texts: tuple[str, ...]
    tokens: tuple[tuple[int, ...], ...]
    heads: tuple[int, ...] = ()

    @property
    def single(self) -> bool:
        """Whether one token decides, so that the choice is read at one position."""
        return all(len(tokens) == 1 for tokens in self.tokens)


@dataclass(frozen=True, slots=True)
class Open:
    """A value that is generated token by token under a guide.

    Attributes:
        field: The schema's field.
        kind: "text"; "quote", a text of the transcript's own words; "number" or "date".
        pattern: What the value may be, as a regular expression, from the first sign that is not written yet to the
            character that ends it, that one included.
        unbounded: The same without a text's greatest length. An index of a bounded repetition over a real vocabulary
            takes minutes of memory traffic; this one takes a tenth of a second, and the decoder counts.
        minimum, maximum: Of a text's characters between the quotation marks.
        opened: Whether a text's opening quotation mark is written already, as of the items of a list.
        nullable: Whether null may stand here.
        ends: Where null may stand, what ends it: the character that ends a number is generated with it.
        longest: An upper bound of its tokens.
        head: Whether rules speak of whether this is null.
    """

    field: str
    kind: Literal["text", "quote", "number", "date"]
    pattern: str
    unbounded: str
    minimum: int = 0
    maximum: int = 0
    opened: bool = False
    nullable: bool = False
    ends: str = ""
    longest: int = 0
    head: bool = False

    def regex(self, *, null: bool | None = None, bounded: bool = True) -> str:
        """The whole pattern.

        Args:
            null: Whether null may stand here, by default as the field allows.
            bounded: With the greatest length of a text, or without.
        """
        pattern = self.pattern if bounded else self.unbounded
        if self.opened:
            return pattern
        may_be_null = self.nullable if null is None else null
        return f" (null{self.ends}|{pattern})" if may_be_null else f" {pattern}"


@dataclass(frozen=True, slots=True)
class Branch:
    """A choice that decides what follows.

    Attributes:
        choice: The choice.
        bodies: For each alternative, the segments behind it.
    """

    choice: Choice
    bodies: tuple[tuple[Segment, ...], ...]


@dataclass(frozen=True, slots=True)
class Items:
    """A list of groups, texts or quotes, from its next item on.

    Attributes:
        field: The schema's field.
        start, more: How the first and any further item begins: ` [{` and `, {`, or the same with quotation marks.
        empty, close: ` []` and `]`.
        item: An item behind its beginning.
        minimum, maximum: Number of items.
        count: How many there are.
        head: Whether rules may speak of whether the list is empty.
    """

    field: str
    start: Encoded
    more: Encoded
    empty: Encoded
    close: Encoded
    item: tuple[Segment, ...]
    minimum: int
    maximum: int
    count: int = 0
    head: bool = False

    def unfolded(self) -> tuple[Segment, ...]:
        """What stands here: the end of the list, another item, or a choice between the two."""
        close, more = (self.close, self.more) if self.count else (self.empty, self.start)
        if self.count == self.maximum:
            return (Forced(*close),)
        body = (*self.item, replace(self, count=self.count + 1))
        if self.count < self.minimum:
            return (Forced(*more), *body)
        heads = (0, 1) if self.head and not self.count else ()
        choice = Choice(self.field, (), (close[0], more[0]), (close[1], more[1]), heads)
        return (Branch(choice, ((), body)),)


@dataclass(frozen=True, slots=True)
class Options:
    """A list of distinct values in their order, from its next value on.

    Attributes:
        field: The schema's field.
        firsts, others: How each value is written as the first of the list, and behind another: ` ["a"` and `, "a"`.
        empty, close: ` []` and `]`.
        minimum, maximum: Number of values.
        count: How many there are.
        at: The place of the first value that may still come.
        head: Whether rules may speak of whether the list is empty.
    """

    field: str
    firsts: tuple[Encoded, ...]
    others: tuple[Encoded, ...]
    empty: Encoded
    close: Encoded
    minimum: int
    maximum: int
    count: int = 0
    at: int = 0
    head: bool = False

    def unfolded(self) -> tuple[Segment, ...]:
        """What stands here: the end of the list, or a choice among it and the values that are left."""
        close, values = (self.close, self.others) if self.count else (self.empty, self.firsts)
        # Enough values have to be left to reach the least number.
        last = len(values) - max(self.minimum - self.count - 1, 0)
        places = range(self.at, last) if self.count < self.maximum else range(0)
        may_end = self.count >= self.minimum
        pieces = [*([close] if may_end else []), *(values[place] for place in places)]
        rests = [replace(self, count=self.count + 1, at=place + 1) for place in places]
        if len(pieces) == 1:
            return (Forced(*pieces[0]), *rests)
        heads = (0, *(1 for _ in rests)) if self.head and not self.count else ()
        texts, tokens = zip(*pieces, strict=True)
        bodies: tuple[tuple[Segment, ...], ...] = (*([()] if may_end else []), *((rest,) for rest in rests))
        return (Branch(Choice(self.field, (), texts, tokens, heads), bodies),)


Fixed = Forced | Choice
Unfolding = Items | Options
Segment = Forced | Choice | Open | Branch | Items | Options
