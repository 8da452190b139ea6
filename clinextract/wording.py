"""A schema in words, as a prompt tells it: what a field may hold, what counts for it, what holds between fields."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from clinextract.schema.kinds import EARLIEST, LATEST
from clinextract.schema.rules import PRESENT, Condition, Rules, heads
from clinextract.schema.specs import FieldSpec, JsonScalar

_INDENT = "  "
_NUMBERS = ("no", "one", "two", "three")


@dataclass(frozen=True, slots=True)
class Told:
    """What a template may say of a field.

    Attributes:
        indent: Blanks before it: a field within a group stands below the group's.
        name, label, definition: In the prompt's language as far as the schema has it.
        allowed: Its values, spelled as in JSON.
        counts, does_not_count: Phrases with quotation marks around them, a comma between them; often none.
    """

    indent: str
    name: str
    label: str
    definition: str
    allowed: str
    counts: str
    does_not_count: str


def told(fields: Sequence[FieldSpec], language: str, indent: str = "") -> Iterator[Told]:
    """The fields in order, each followed by those within it."""
    for field in fields:
        yield Told(
            indent=indent,
            name=field.name,
            label=field.labelled(language),
            definition=field.defined(language),
            allowed=allowed(field),
            counts=_phrases(_joined(field.counts, field.examples), language),
            does_not_count=_phrases(field.does_not_count, language),
        )
        yield from told(_inner(field), language, indent + _INDENT)


def kinds(fields: Sequence[FieldSpec]) -> frozenset[str]:
    """The kinds of the fields and of those within them; of a group only the latter."""
    own = {field.kind for field in fields if not _inner(field)}
    return frozenset(own).union(*(kinds(_inner(field)) for field in fields))


def allowed(field: FieldSpec) -> str:
    """The values of a field, spelled as in JSON: "a whole number from 0 to 10, in mg, or null"."""
    if field.kind == "boolean":
        return "true or false"
    if field.kind in {"integer", "decimal"}:
        words = _number(field)
    elif field.listed:
        return _either(field.values)
    else:
        words = _unlisted(field)
    if not field.nullable and None not in field.values:
        return words
    return f"{words}, or null" if "," in words else f"{words} or null"


def between(fields: Sequence[FieldSpec]) -> list[str]:
    """What the schema's rules ask for, one sentence each.

    Raises:
        SchemaError: As `Rules`.
    """
    specs = {field.name: field for field in fields}
    # What holds anyway, or of no answer, need not be told.
    telling = (
        rule for rule in Rules(fields) if rule.when.heads and len(rule.then.heads) < len(heads(specs[rule.then.field]))
    )
    sentences = (f"If {_condition(specs, rule.when)}, {_condition(specs, rule.then)}." for rule in telling)
    return list(dict.fromkeys(sentences))


def _inner(field: FieldSpec) -> Sequence[FieldSpec]:
    """The fields within a group, or within the groups of a list."""
    if field.kind == "list":
        return field.fields[0].fields
    return field.fields


def _phrases(texts: Mapping[str, Sequence[str]], language: str) -> str:
    phrases = texts.get(language) or texts.get("en") or next(iter(texts.values()), ())
    return ", ".join(map(_spelled, phrases))


def _joined(counts: Mapping[str, Sequence[str]], examples: Mapping[str, Sequence[str]]) -> Mapping[str, Sequence[str]]:
    """Phrases by language, those that an author gave as examples behind those that count."""
    languages = dict.fromkeys((*counts, *examples))
    return {language: [*counts.get(language, ()), *examples.get(language, ())] for language in languages}


def _spelled(value: JsonScalar) -> str:
    return json.dumps(value, ensure_ascii=False)


def _either(values: Sequence[JsonScalar]) -> str:
    *others, last = map(_spelled, values)
    return f"{', '.join(others)} or {last}" if others else last


def _number(field: FieldSpec) -> str:
    listed = [value for value in field.values if isinstance(value, int | float)]
    low, high = (listed[0], listed[-1]) if listed else (field.minimum, field.maximum)
    # Exactly: 0.1 in binary is not a tenth.
    span = (Decimal(str(high)) - Decimal(str(low))).scaleb(field.places)
    if listed and (len(listed) == 1 or len(listed) != int(span) + 1):
        words = _either(listed)
    elif field.kind == "integer":
        words = f"a whole number from {low} to {high}"
    else:
        words = f"a number from {float(low)} to {float(high)} with {_places(field.places)}"
    return f"{words}, in {field.unit}" if field.unit else words


def _places(places: int) -> str:
    if places == 1:
        return "one decimal place"
    return f"one {'or' if places == 2 else 'to'} {_NUMBERS[places]} decimal places"


def _unlisted(field: FieldSpec) -> str:
    match field.kind:
        case "text":
            return f"a text of {_range(field)} characters"
        case "quote":
            return f"the exact words of the transcript, {_range(field)} characters of them"
        case "date":
            return _date(int(field.minimum), int(field.maximum))
        case "group":
            return "an object with the fields below, in this order"
        case "several":
            # Of distinct values there are never more than all.
            amount = "any" if field.minimum == 0 and field.maximum >= len(field.values) else _amount(field)
            return f"a list of {amount} of {_either(field.values)}, in this order{_empty(field)}"
        case "list":
            noun, each = _items(field.fields[0])
            return f"a list of {_amount(field)} {noun} in the order of the transcript, each {each}{_empty(field)}"
        case _:  # a kind that only Outlines generates
            return "JSON of the kind that its definition asks for"


def _items(item: FieldSpec) -> tuple[str, str]:
    """What the items of a list are called, and what each of them is."""
    match item.kind:
        case "text":
            return "texts", f"of {_range(item)} characters"
        case "quote":
            return "passages", f"its exact words, {_range(item)} characters of them"
        case _:
            return "objects", "with the fields below in this order"


def _date(first: int, last: int) -> str:
    words = 'a date as "YYYY-MM-DD"'
    if (first, last) == (EARLIEST.toordinal(), LATEST.toordinal()):
        return words
    return f'{words} from "{date.fromordinal(first)}" to "{date.fromordinal(last)}"'


def _range(field: FieldSpec) -> str:
    return str(field.maximum) if field.minimum == field.maximum else f"{field.minimum} to {field.maximum}"


def _amount(field: FieldSpec) -> str:
    if field.minimum == field.maximum:
        return f"exactly {field.maximum}"
    return f"at most {field.maximum}" if field.minimum == 0 else _range(field)


def _empty(field: FieldSpec) -> str:
    return ", [] when there is none" if field.minimum == 0 else ""


def _condition(specs: Mapping[str, FieldSpec], condition: Condition) -> str:
    """What holds of a field: `"fever" is true`, `"medicines" is not empty`, `"grade" is 3 or 4`."""
    field = specs[condition.field]
    name = _spelled(field.name)
    if not field.listed:
        present = heads(field).index(PRESENT) in condition.heads
        nothing = "empty" if field.kind in {"several", "list"} else "null"
        return f"{name} is {'not ' if present else ''}{nothing}"
    chosen = [value for number, value in enumerate(field.values) if number in condition.heads]
    others = [value for number, value in enumerate(field.values) if number not in condition.heads]
    if len(others) == 1 and len(chosen) > 1:
        return f"{name} is not {_either(others)}"
    if len(chosen) > len(others) + 1:
        return f"{name} is none of {_either(others)}"
    return f"{name} is {_either(chosen)}"
