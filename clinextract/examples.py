"""Few-shot examples, held against their schema before any model sees them.

An example's transcript is shown in the normal form in which every transcript reaches a model, and its answer as a model
has to write it: fields in order, quotes in the transcript's own words.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from functools import cache
from importlib import resources
from typing import Any

from pydantic import BaseModel, ValidationError

from clinextract.errors import SchemaError
from clinextract.palliative import PalliativeCall
from clinextract.schema.features import canonical_json, fields_of
from clinextract.schema.rules import Rules
from clinextract.schema.specs import FieldSpec, Json
from clinextract.text import normalise

SHOWN_MISTAKES = 8
"""Mistakes of one example that an error lists; of the others it gives the number."""
# Decoding writes no escapes.
_UNWRITABLE = re.compile(r'["\\\x00-\x1f\x7f-\x9f]')


@dataclass(frozen=True, slots=True)
class Example:
    """One transcript with its right answer, shown to a model before the one that is asked for.

    Attributes:
        transcript: The words of the call.
        answer: A value for every field of the schema, by name, as in JSON.
        id: Of the transcript, where it has one: it is never shown for the document of this id (`FewShot`).
        pair: What the same call in several languages, or in several copies, has in common.
        language: ISO 639-1 code; where there is none, it is found out.
    """

    transcript: str
    answer: Mapping[str, Json]
    id: str = ""
    pair: str = ""
    language: str = ""

    def __repr__(self) -> str:
        return f"Example(characters={len(self.transcript)}, fields={len(self.answer)})"


def check_examples(schema: type[BaseModel], examples: Sequence[Example]) -> None:
    """Hold examples against the schema.

    Raises:
        SchemaError: An example has no transcript, or its answer is not one that decoding could give for it. The error
            names the first such example by its number, from 1, and what `mistakes_of` says of it.
    """
    for number, mistakes in mistakes_of(schema, examples):
        raise misfit(f"example {number}", schema, mistakes)


def mistakes_of(schema: type[BaseModel], examples: Iterable[Example]) -> Iterator[tuple[int, tuple[str, ...]]]:
    """What keeps the answers of examples from being those that decoding could give for their transcripts.

    Yields:
        For every example with mistakes its number, from 1, and a phrase for each mistake, with the field and never a
        word of the transcript: a field that is missing or that the schema does not know, a value that the schema
        refuses, a quote that does not stand in the transcript word for word, a list in another order than decoding's,
        and, where there is nothing else, a rule that is broken.
    """
    fields = fields_of(schema, planned=False)
    rules = Rules(fields)
    for number, example in enumerate(examples, 1):
        mistakes = _mistakes(schema, fields, rules, example)
        if mistakes:
            yield number, tuple(mistakes)


def misfit(which: str, schema: type[BaseModel], mistakes: Sequence[str]) -> SchemaError:
    """The error for an example that does not fit its schema.

    Args:
        which: What to call it: "example 3".
        schema: The schema.
        mistakes: As `mistakes_of` gives them.
    """
    more = len(mistakes) - SHOWN_MISTAKES
    listed = [*mistakes[:SHOWN_MISTAKES], *([f"and {more} more"] if more > 0 else [])]
    return SchemaError(
        f"{which} does not fit {schema.__name__}: {'; '.join(listed)}",
        hint="An example has a transcript, and for every field of the schema the value that decoding would give.",
    )


def shown_transcript(example: Example) -> str:
    """The transcript as a prompt shows it: in the normal form, without blanks around."""
    return normalise(example.transcript).text.strip()


def shown_answer(fields: Sequence[FieldSpec], example: Example) -> str:
    """The answer as a model has to write it: canonical JSON, fields in order, quotes in the normal form.

    Args:
        fields: The schema's.
        example: Checked by `check_examples`.
    """
    return canonical_json(_Answer(example.transcript).group(fields, example.answer))


def default_examples(fields: Sequence[FieldSpec], language: str) -> tuple[Example, ...]:
    """The three shipped examples, for a schema whose fields are named as those of `PalliativeCall`.

    Args:
        fields: As `fields_of` gives them; for any other set of names there are no examples.
        language: "fa" gives Persian examples, anything else English ones.
    """
    if {field.name for field in fields} != set(PalliativeCall.model_fields):
        return ()
    if any(field.kind != "boolean" for field in fields):
        return ()
    return _shipped_examples("fa" if language == "fa" else "en")


@cache
def _shipped_examples(language: str) -> tuple[Example, ...]:
    file = resources.files("clinextract") / "templates" / f"palliative_care.examples.{language}.jsonl"
    lines = file.read_text(encoding="utf-8").splitlines()
    return tuple(Example(**json.loads(line)) for line in lines if line)


class _Refused(Exception):
    """A value cannot be one of its field; the argument says why."""

    def __init__(self, reason: str = "has a value that is refused") -> None:
        super().__init__(reason)


class _Answer:
    """An answer on its way to the one spelling that decoding gives it.

    Args:
        transcript: Which quotes have to stand in.

    Attributes:
        mistakes: What cannot be brought there, one phrase each.
    """

    def __init__(self, transcript: str) -> None:
        self.mistakes: list[str] = []
        self._words = normalise(transcript).text

    def group(self, fields: Sequence[FieldSpec], given: Mapping[str, Any], place: str = "") -> dict[str, Json]:
        """The values of fields, in the fields' order."""
        of = f" of {place}" if place else ""
        names = [field.name for field in fields]
        self.mistakes += [f"{name}{of} is missing" for name in names if name not in given]
        self.mistakes += [f"{name}{of} is not a field of it" for name in given if name not in names]
        return {
            field.name: self._value(field, given[field.name], f"{field.name}{of}")
            for field in fields
            if field.name in given
        }

    def _value(self, field: FieldSpec, given: Any, place: str) -> Json:
        """A field's value; where it cannot be one, the mistake is noted."""
        try:
            return self._fitted(field, _plain(given), place)
        except _Refused as refused:
            self.mistakes.append(f"{place} {refused}")
            return None

    def _fitted(self, field: FieldSpec, value: Any, place: str) -> Json:
        if value is None and field.nullable:
            return None
        if field.listed:
            return _listed(field, value)
        if field.kind == "group" and isinstance(value, Mapping):
            return self.group(field.fields, value, place)
        if field.kind == "list" and isinstance(value, list):
            _check_length(field, value, "items")
            return [self._value(field.fields[0], one, f"item {n} of {place}") for n, one in enumerate(value, 1)]
        if field.kind == "quote" and isinstance(value, str):
            return self._quote(field, value)
        if field.kind in _KINDS:
            return _KINDS[field.kind](field, value)
        raise _Refused

    def _quote(self, field: FieldSpec, value: str) -> Json:
        value = normalise(value).text.strip()
        if value not in self._words:
            raise _Refused("does not stand in the transcript word for word")
        return _text(field, value)


def _listed(field: FieldSpec, value: Any) -> Json:
    if field.kind == "decimal" and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)  # 37 is written 37.0
    # By spelling: in Python 1 and True are equal.
    if repr(value) not in map(repr, field.values):
        raise _Refused
    return value  # type: ignore[no-any-return]


def _several(field: FieldSpec, value: Any) -> Json:
    spelled = list(map(repr, field.values))
    if not isinstance(value, list) or any(repr(one) not in spelled for one in value):
        raise _Refused
    _check_length(field, value, "values")
    places = [spelled.index(repr(one)) for one in value]
    if places != sorted(set(places)):
        raise _Refused("has a value twice, or values in another order than the schema's")
    return value


def _text(field: FieldSpec, value: Any) -> Json:
    if not isinstance(value, str):
        raise _Refused
    _check_length(field, value, "characters")
    if _UNWRITABLE.search(value) or not _is_unicode(value):
        raise _Refused("has a character that no answer can have (quotation mark, backslash, line break)")
    return value


def _date(field: FieldSpec, value: Any) -> Json:
    try:
        day = date.fromisoformat(value)
    except (TypeError, ValueError):
        day = None
    if day is None or day.isoformat() != value:
        raise _Refused("is no date written as YYYY-MM-DD")
    if not field.minimum <= day.toordinal() <= field.maximum:
        raise _Refused
    return day.isoformat()


def _integer(field: FieldSpec, value: Any) -> Json:
    if not isinstance(value, int) or isinstance(value, bool) or not field.minimum <= value <= field.maximum:
        raise _Refused
    return value


def _decimal(field: FieldSpec, value: Any) -> Json:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise _Refused
    exact = Decimal(str(value))
    if not exact.is_finite() or not field.minimum <= exact <= field.maximum:
        raise _Refused
    if exact != round(exact, field.places):
        raise _Refused(f"has more than {field.places} decimal place{'s' if field.places > 1 else ''}")
    return float(value)


def _any_json(_: FieldSpec, value: Any) -> Json:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        raise _Refused("has a value that JSON does not know") from None
    return value  # type: ignore[no-any-return]


_KINDS: Mapping[str, Callable[[FieldSpec, Any], Json]] = {
    "several": _several,
    "text": _text,
    "date": _date,
    "integer": _integer,
    "decimal": _decimal,
    "json": _any_json,
}


def _check_length(field: FieldSpec, value: Sequence[Any], what: str) -> None:
    if not field.minimum <= len(value) <= field.maximum:
        raise _Refused(f"has too many {what}, or too few")


def _mistakes(schema: type[BaseModel], fields: Sequence[FieldSpec], rules: Rules, example: Example) -> list[str]:
    if not _is_text(example.transcript):
        return ["its transcript is empty, or is no Unicode text"]
    if not isinstance(example.answer, Mapping):
        return ["its answer is no object of names and values"]
    answer = _Answer(example.transcript)
    values = answer.group(fields, example.answer)
    if not answer.mistakes:
        answer.mistakes += _refused(schema, fields, values)
    if not answer.mistakes:
        answer.mistakes += [f"it breaks the rule {rule!r}" for rule in rules.broken(values)]
    return answer.mistakes


def _refused(schema: type[BaseModel], fields: Sequence[FieldSpec], values: Mapping[str, Json]) -> list[str]:
    """What the schema's own validators refuse."""
    try:
        # Strict, as the model's answer is held: the text "yes" is no boolean.
        schema.model_validate_json(canonical_json(values), strict=True, by_alias=False, by_name=True)
    except ValidationError as error:
        # Only where it went wrong: a message may quote the value.
        places = {item["loc"][0] for item in error.errors(include_input=False) if item["loc"]}
        named = [f"{field.name} has a value that is refused" for field in fields if field.name in places]
        return named or ["the answer as a whole is refused"]
    return []


def _plain(value: Any) -> Any:
    """What Python programs and YAML files write for a value of JSON, as JSON has it."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    return list(value) if isinstance(value, tuple) else value


def _is_text(transcript: Any) -> bool:
    return isinstance(transcript, str) and _is_unicode(transcript) and bool(normalise(transcript).text.strip())


def _is_unicode(text: str) -> bool:
    """Whether a text has no lone surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
