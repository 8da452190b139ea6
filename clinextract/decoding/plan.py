"""A schema and a tokenizer become a plan: what is forced, where there is a choice, what is open.

The answer is canonical JSON with ", " and ": " between its parts, the separators that models have seen most: thirteen
booleans are then thirteen decisions among about a hundred tokens. A plan is pure data; it is built once for a schema
and a tokenizer. How texts are cut into tokens is in `alignment`, the proof that every path is valid in `judge`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from clinextract.decoding.alignment import Slot, align
from clinextract.decoding.judge import judge
from clinextract.decoding.ranges import integer_pattern
from clinextract.decoding.segments import Choice, Forced, Open, Segment
from clinextract.errors import PlanError
from clinextract.models.base import Tokenizer
from clinextract.schema.features import FieldSpec, JsonScalar

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
        """Length of the drafted answer in tokens, the first alternative in every choice and open fields left out."""
        return sum(
            len(segment.tokens) if isinstance(segment, Forced) else len(segment.tokens[0])
            for segment in self.segments
            if not isinstance(segment, Open)
        )

    @property
    def choices(self) -> tuple[Choice, ...]:
        """The choices, in order."""
        return tuple(segment for segment in self.segments if isinstance(segment, Choice))

    @property
    def longest(self) -> int:
        """An upper bound of the answer's length in tokens, open fields at their greatest length included."""
        return sum(_longest(segment) for segment in self.segments)


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
    segments = _segments(fields, tokenizer)
    if regex is not None:
        judge(segments, regex)
    alone = tuple(Plan((field,), _segments([field], tokenizer)) for field in fields)
    return Plan(tuple(fields), segments, alone)


def _segments(fields: Sequence[FieldSpec], tokenizer: Tokenizer) -> tuple[Segment, ...]:
    segments: list[Segment] = []
    for parts, opened in _spans(fields):
        segments += align(parts, tokenizer)
        if opened is not None:
            _check_open(opened, tokenizer)
            segments.append(opened)
    return tuple(segments)


def _spans(fields: Sequence[FieldSpec]) -> Iterator[tuple[list[str | Slot], Open | None]]:
    """The answer in stretches that end with an open field, the last one without."""
    parts: list[str | Slot] = []
    literal, separator = "{", ""
    for position, field in enumerate(fields):
        last = position == len(fields) - 1
        literal += f"{separator}{json.dumps(field.name, ensure_ascii=False)}:"
        separator = ", "
        if field.values:
            # The space belongs to the value: most vocabularies have it at the beginning of a token.
            parts += [literal, Slot(field.name, field.values, tuple(map(_written, field.values)))]
            literal = ""
            continue
        opened = _open(field, last=last)
        yield [*parts, literal], opened
        parts, literal = [], ""
        if field.kind == "integer":  # the character that ends a number is generated with it
            separator = " "
            if last:
                return
    yield [*parts, literal + "}"], None


def _written(value: JsonScalar) -> str:
    return " " + json.dumps(value, ensure_ascii=False)


def _open(field: FieldSpec, *, last: bool) -> Open:
    if field.kind == "text":
        bound = f"{{{field.minimum},{field.maximum}}}"
        return Open(
            field.name,
            "text",
            regex=f' "{TEXT_PATTERN}{bound}"',
            unbounded=f' "{TEXT_PATTERN}*"',
            minimum=field.minimum,
            maximum=field.maximum,
        )
    regex = f" {integer_pattern(field.minimum, field.maximum)}{'}' if last else ','}"
    return Open(field.name, "integer", regex=regex, unbounded=regex)


def _check_open(opened: Open, tokenizer: Tokenizer) -> None:
    """An open field needs a way out at every moment: its last character must be a token of its own."""
    end = opened.regex[-1].encode()
    if end not in tokenizer.token_bytes:
        raise PlanError(
            f"field {opened.field!r} cannot be generated: the tokenizer has no token for {opened.regex[-1]!r} alone",
            hint="Use a choice instead of an open field, or another model.",
            field=opened.field,
        )


def _longest(segment: Segment) -> int:
    match segment:
        case Forced():
            return len(segment.tokens)
        case Choice():
            return max(len(tokens) for tokens in segment.tokens)
        case Open():
            return segment.longest
