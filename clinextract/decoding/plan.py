"""A schema and a tokenizer become a plan: what is forced, where there is a choice, what is open.

The answer is canonical JSON with ", " and ": " between its parts, the separators that models have seen most: thirteen
booleans are then thirteen decisions among about a hundred tokens. A plan is pure data; it is built once for a schema
and a tokenizer. How texts are cut into tokens is in `alignment`, the proof that every path is valid in `judge`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from clinextract.decoding.alignment import Slot, align, encoded, prefix_free
from clinextract.decoding.judge import judge
from clinextract.decoding.ranges import date_pattern, decimal_pattern, integer_pattern
from clinextract.decoding.segments import Branch, Choice, Encoded, Forced, Items, Open, Options, Segment
from clinextract.errors import PlanError
from clinextract.models.base import Tokenizer
from clinextract.schema.specs import FieldSpec, JsonScalar

# What JSON lets stand in a string unescaped, less the quotation mark, the backslash and the C1 control characters.
TEXT_PATTERN = r'[^"\\\x00-\x1f\x7f-\x9f]'


@dataclass(frozen=True, slots=True)
class Plan:
    """Every text that can come out for a schema, as segments in order.

    Attributes:
        fields: The schema's fields.
        segments: What is forced and what is decided, covering the whole answer.
        alone: For every field, the plan of an answer that holds only this field, for `order="independent"`.
    """

    fields: tuple[FieldSpec, ...]
    segments: tuple[Segment, ...]
    alone: tuple[Plan, ...] = ()

    @property
    def tokens(self) -> int:
        """Length of the shortest answer in tokens, the first alternative in every choice and open values left out."""
        return sum(_drafted(segment) for segment in self.segments)

    @property
    def choices(self) -> tuple[Choice, ...]:
        """The choices that stand in every answer, in order."""
        return tuple(segment for segment in self.segments if isinstance(segment, Choice))

    @property
    def longest(self) -> int:
        """An upper bound of the answer's length in tokens, every list and every text at its greatest length."""
        return _longest(self.segments)

    @property
    def quotes(self) -> bool:
        """Whether something has to stand in the transcript word for word."""
        return any(_has_quote(field) for field in self.fields)


def build_plan(fields: Sequence[FieldSpec], tokenizer: Tokenizer, regex: str | None = None) -> Plan:
    """The plan for these fields.

    Args:
        fields: At least one.
        tokenizer: The model's.
        regex: The schema's language as Outlines writes it (`canonical_regex`); where it is given, every path of the
            plan is held against its automaton.

    Raises:
        PlanError: The tokenizer cannot be aligned with a field's values, or a path is not accepted; names the field.
    """
    segments = _Builder(tokenizer).answer(fields)
    if regex is not None:
        judge(segments, regex)
    alone = tuple(Plan((field,), _Builder(tokenizer).answer([field])) for field in fields)
    return Plan(tuple(fields), segments, alone)


class _Builder:
    """Puts segments together; literals and listed alternatives are kept back until what stands around them is known.

    Args:
        tokenizer: The model's.
        field: The top-level field that is built, where one is.
    """

    def __init__(self, tokenizer: Tokenizer, field: str = "") -> None:
        self._tokenizer = tokenizer
        self._field = field
        self._segments: list[Segment] = []
        self._parts: list[str | Slot] = [""]

    def answer(self, fields: Sequence[FieldSpec]) -> tuple[Segment, ...]:
        """The whole answer."""
        self._text("{")
        self._fields(fields, top=True)
        return self._done()

    def _fields(self, fields: Sequence[FieldSpec], *, top: bool = False) -> None:
        """The inside of an object, with the brace that closes it."""
        for position, field in enumerate(fields):
            end = "}" if position == len(fields) - 1 else ","
            if top:
                self._field = field.name
            self._text(f"{json.dumps(field.name, ensure_ascii=False)}:")
            if not self._value(field, end, top=top):
                self._text(end)
            if end == ",":
                self._text(" ")

    def _value(self, field: FieldSpec, end: str, *, top: bool) -> bool:
        """A value with the space before it; whether what ends it is written with it."""
        if field.listed:
            # The space belongs to the value: most vocabularies have it at the beginning of a token.
            values = field.values if top else ()
            self._parts += [Slot(self._field, values, tuple(map(_written, field.values))), ""]
            return False
        match field.kind:
            case "group":
                self._group(field, top=top)
            case "several":
                self._dynamic(self._options(field, top=top))
            case "list":
                self._dynamic(self._items(field, top=top))
            case "text" | "quote" | "date" | "integer" | "decimal":
                opened = _open(self._field, field, end, head=top and field.nullable)
                _check_open(opened, self._tokenizer)
                self._dynamic(opened)
                return opened.kind == "number"
            case _:
                raise PlanError(
                    f"field {field.name!r} is of a kind that cannot be planned",
                    hint="Use decoding='outlines' for it.",
                    field=self._field,
                )
        return False

    def _group(self, field: FieldSpec, *, top: bool) -> None:
        if not field.nullable:
            self._text(" {")
            self._fields(field.fields)
            return
        inner = _Builder(self._tokenizer, self._field)
        inner._fields(field.fields)
        pieces = [self._encoded(" null"), self._encoded(" {")]
        texts, tokens = zip(*pieces, strict=True)
        self._dynamic(Branch(Choice(self._field, (), texts, tokens, (0, 1) if top else ()), ((), inner._done())))

    def _items(self, field: FieldSpec, *, top: bool) -> Items:
        [item] = field.fields
        inner = _Builder(self._tokenizer, self._field)
        if item.kind == "group":
            inner._fields(item.fields)
            first = "{"
        else:
            first = '"'
            opened = _open(self._field, item, "", opened=True)
            _check_open(opened, self._tokenizer)
            inner._dynamic(opened)
        return Items(
            self._field,
            start=self._encoded(f" [{first}"),
            more=self._encoded(f", {first}"),
            empty=self._encoded(" []"),
            close=self._encoded("]"),
            item=inner._done(),
            minimum=int(field.minimum),
            maximum=int(field.maximum),
            head=top and field.minimum == 0,
        )

    def _options(self, field: FieldSpec, *, top: bool) -> Options:
        spelled = [json.dumps(value, ensure_ascii=False) for value in field.values]
        made = Options(
            self._field,
            firsts=tuple(self._encoded(f" [{one}") for one in spelled),
            others=tuple(self._encoded(f", {one}") for one in spelled),
            empty=self._encoded(" []"),
            close=self._encoded("]"),
            minimum=int(field.minimum),
            maximum=int(field.maximum),
            head=top and field.minimum == 0,
        )
        for pieces in ((made.empty, *made.firsts), (made.close, *made.others)):
            if not prefix_free([tokens for _, tokens in pieces]):
                raise PlanError(
                    f"field {self._field!r} has values of which one begins with another",
                    hint="Write the values as texts, or as whole words.",
                    field=self._field,
                )
        return made

    def _text(self, literal: str) -> None:
        assert isinstance(self._parts[-1], str)
        self._parts[-1] += literal

    def _dynamic(self, segment: Segment) -> None:
        self._align()
        self._segments.append(segment)

    def _align(self) -> None:
        if self._parts != [""]:
            self._segments += align(self._parts, self._tokenizer)
            self._parts = [""]

    def _done(self) -> tuple[Segment, ...]:
        self._align()
        return tuple(self._segments)

    def _encoded(self, text: str) -> Encoded:
        return text, tuple(token for token, _ in encoded(text, self._tokenizer, self._field))


def _written(value: JsonScalar) -> str:
    return " " + json.dumps(value, ensure_ascii=False)


def _open(name: str, field: FieldSpec, end: str, *, opened: bool = False, head: bool = False) -> Open:
    """The open segment of a field that is not listed."""
    quote = "" if opened else '"'
    match field.kind:
        case "text" | "quote":
            least, most = int(field.minimum), int(field.maximum)
            if field.nullable:
                least = max(least, min(1, most))  # null says that there is nothing; an empty text would say it again
            bound = f"{{{least},{most}}}"
            return Open(
                name,
                "quote" if field.kind == "quote" else "text",
                pattern=f'{quote}{TEXT_PATTERN}{bound}"',
                unbounded=f'{quote}{TEXT_PATTERN}*"',
                minimum=least,
                maximum=most,
                opened=opened,
                nullable=field.nullable,
                longest=4 * most + 4,  # every character may take four byte tokens
                head=head,
            )
        case "date":
            days = date_pattern(date.fromordinal(int(field.minimum)), date.fromordinal(int(field.maximum)))
            pattern = f'"{days}"'
            return Open(name, "date", pattern, pattern, nullable=field.nullable, longest=16, head=head)
        case _:
            low, high = field.minimum, field.maximum
            number = (
                decimal_pattern(Decimal(low), Decimal(high), field.places)
                if field.kind == "decimal"
                else integer_pattern(int(low), int(high))
            )
            pattern = f"{number}{end}"
            longest = (
                max(len(str(low)), len(str(high)), len("null")) + field.places + 3
            )  # at most one token a character
            return Open(name, "number", pattern, pattern, nullable=field.nullable, ends=end, longest=longest, head=head)


def _check_open(opened: Open, tokenizer: Tokenizer) -> None:
    """An open value needs a way out at every moment: its last character must be a token of its own."""
    end = opened.pattern[-1]
    if end.encode() not in tokenizer.token_bytes:
        raise PlanError(
            f"field {opened.field!r} cannot be generated: the tokenizer has no token for {end!r} alone",
            hint="Use a choice instead of an open field, or another model.",
            field=opened.field,
        )


def _has_quote(field: FieldSpec) -> bool:
    return field.kind == "quote" or any(map(_has_quote, field.fields))


def _drafted(segment: Segment) -> int:
    """Tokens of a segment's shortest text."""
    match segment:
        case Forced():
            return len(segment.tokens)
        case Choice():
            return len(segment.tokens[0])
        case Branch():
            return len(segment.choice.tokens[0]) + sum(map(_drafted, segment.bodies[0]))
        case Items() | Options():
            return len(segment.empty[1])
        case Open():
            return 0


def _longest(segments: Sequence[Segment]) -> int:
    total = 0
    for segment in segments:
        match segment:
            case Forced():
                total += len(segment.tokens)
            case Choice():
                total += max(map(len, segment.tokens))
            case Open():
                total += segment.longest
            case Branch():
                ways = zip(segment.choice.tokens, segment.bodies, strict=True)
                total += max(len(tokens) + _longest(body) for tokens, body in ways)
            case Items():
                each = max(len(segment.start[1]), len(segment.more[1])) + _longest(segment.item)
                total += segment.maximum * each + max(len(segment.empty[1]), len(segment.close[1]))
            case Options():
                lengths = sorted((len(tokens) for _, tokens in segment.firsts + segment.others), reverse=True)
                total += sum(lengths[: segment.maximum]) + max(len(segment.empty[1]), len(segment.close[1]))
    return total
