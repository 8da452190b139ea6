"""What a schema's fields are: any Pydantic model, read through its JSON schema.

Kinds: yes/no (`bool`), one of a list (`Literal`, `Enum`), several of a list (`list[Literal[...]]`), a whole number or a
decimal within bounds, a date, a text of bounded length, a quote from the transcript, a group (a nested model), and a
bounded list of texts, quotes or groups; all but the lists may be `| None`. How they are read is in `kinds`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Annotated, Any

from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from pydantic.errors import PydanticInvalidForJsonSchema
from pydantic.fields import FieldInfo

from clinextract.errors import PlanError, SchemaError
from clinextract.schema.kinds import Fragments
from clinextract.schema.specs import FieldSpec, Json, JsonScalar, Merge

Triggered = Sequence[str] | Mapping[str, Sequence[str]]


def Feature(  # noqa: N802, PLR0913 - reads as a kind of Field, and is used as one
    default: Any = ...,
    *,
    label: Mapping[str, str],
    definition: Mapping[str, str],
    codes: Mapping[str, str] | None = None,
    counts: Mapping[str, Sequence[str]] | None = None,
    does_not_count: Mapping[str, Sequence[str]] | None = None,
    examples: Mapping[str, Sequence[str]] | None = None,
    choice_labels: Mapping[str, Mapping[str, str]] | None = None,
    implies: Triggered = (),
    excludes: Triggered = (),
    unit: str = "",
    places: int | None = None,
    quote: bool = False,
    merge: Merge = "any",
    **field_options: Any,
) -> Any:
    """A Pydantic `Field` with what a clinician says of it, in each language, keyed by ISO 639-1 code.

    Args:
        default: As in `Field`.
        label: A short name for tables and reports.
        definition: What makes the value true, or what the value is; it goes into the prompt.
        codes: Terminology codes by system, such as {"ICD-10": "R52"}.
        counts: Phrases by language that make the value true; they go into the prompt.
        does_not_count: Phrases by language that do not.
        examples: Phrases by language as people say them; they go into the prompt behind what counts.
        choice_labels: Of listed texts, what each says in each language: {"with_help": {"en": "With help"}}.
        implies: A rule that decoding keeps: where this field is present, the conditions named hold. A condition is
            "field" (present), "not field" or "field=value". Of a field with listed values the conditions may be given
            by value: {"severe": ["pain"]}.
        excludes: The same for conditions that then do not hold.
        unit: Of a number, as people write it.
        places: Decimal places of a decimal; 2 by default.
        quote: Whether a text has to stand in the transcript word for word.
        merge: How the windows of a long transcript are put together: "any" window that has it (the surest), the
            "first" or the "last" of those.
        **field_options: Passed to `Field`: bounds and lengths, for example. Bounds of a date are `ge` and `le`.
    """
    extra: dict[str, Any] = {"label": dict(label), "definition": dict(definition), "codes": dict(codes or {})}
    given = {
        "counts": counts, "does_not_count": does_not_count, "examples": examples, "choice_labels": choice_labels,
        "implies": implies, "excludes": excludes, "unit": unit, "places": places, "quote": quote,
        "earliest": field_options.get("ge"), "latest": field_options.get("le"),
    }  # fmt: skip
    extra |= {key: _plain(value) for key, value in given.items() if value and not _is_number(key, value)}
    if merge != "any":
        extra["merge"] = merge
    return Field(
        default,
        title=label.get("en"),
        description=definition.get("en"),
        json_schema_extra={"clinextract": extra},
        **field_options,
    )


def fields_of(schema: type[BaseModel], *, planned: bool = True) -> tuple[FieldSpec, ...]:
    """The fields of a schema, in their order.

    Args:
        schema: Any Pydantic model.
        planned: Whether every field has to be of a kind that can be planned; else others are of the kind "json".

    Raises:
        SchemaError: `schema` is no Pydantic model, or has no fields.
        PlanError: A field is of a kind that cannot be planned; the error names it.
    """
    json_schema = json_schema_of(schema)
    fragments = Fragments(json_schema.get("$defs", {}))
    return tuple(
        _field(name, schema.model_fields[name], prop, fragments, planned=planned)
        for name, prop in json_schema["properties"].items()
    )


def json_schema_of(schema: type[BaseModel]) -> dict[str, Any]:
    """The JSON schema by field name (aliases are for the caller's other uses of the model).

    Raises:
        SchemaError: As `fields_of`.
    """
    if not (isinstance(schema, type) and issubclass(schema, BaseModel)):
        given = schema.__name__ if isinstance(schema, type) else type(schema).__name__
        raise SchemaError(
            f"a schema must be a Pydantic model class, not {given}",
            hint="Write `class MySchema(pydantic.BaseModel): ...` and pass the class itself.",
        )
    try:
        json_schema = schema.model_json_schema(by_alias=False, mode="validation")
    except PydanticInvalidForJsonSchema as error:
        raise PlanError(
            f"{schema.__name__} has a field that JSON cannot hold: {error.message}",
            hint="Use bool, Literal, Enum, a bounded int or a bounded str.",
        ) from None
    if "$ref" in json_schema:  # a recursive model is a reference to itself
        json_schema = json_schema | json_schema["$defs"][json_schema["$ref"].rsplit("/", 1)[-1]]
    if not json_schema.get("properties"):
        raise SchemaError(f"{schema.__name__} has no fields", hint="Add at least one field to the schema.")
    return json_schema


def schema_hash(schema: type[BaseModel]) -> str:
    """First 16 hexadecimal digits of the SHA-256 over the JSON schema, labels and definitions included."""
    text = json.dumps(json_schema_of(schema), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def canonical_json(values: Mapping[str, Json]) -> str:
    """The one spelling of an answer, in plans, prompts and training alike: ", " and ": " between the parts."""
    return json.dumps(dict(values), ensure_ascii=False)


def _field(name: str, info: FieldInfo, prop: Mapping[str, Any], fragments: Fragments, *, planned: bool) -> FieldSpec:
    try:
        spec = fragments.field(name, prop)
        return replace(spec, values=_accepted(name, info, spec.values)) if spec.listed else spec
    except PlanError:
        if planned:
            raise
        extra = prop.get("clinextract", {})
        return FieldSpec(name, "json", label=extra.get("label", {}), definition=extra.get("definition", {}))


def _accepted(name: str, info: FieldInfo, values: tuple[JsonScalar, ...]) -> tuple[JsonScalar, ...]:
    """Those alternatives that the model's own validators let through (multiples, for example)."""
    # Built at run time, which no type checker can follow. Not from the whole `info`: Pydantic warns of its alias.
    bounded: Any = Annotated[info.annotation, *info.metadata] if info.metadata else info.annotation
    adapter: TypeAdapter[Any] = TypeAdapter(bounded)
    accepted = []
    for value in values:
        try:
            adapter.validate_json(json.dumps(value))
        except ValidationError:
            continue
        accepted.append(value)
    if not accepted:
        raise PlanError(
            f"field {name!r} has no alternative that its own validators accept",
            hint="Check the field's bounds and validators.",
            field=name,
        )
    return tuple(accepted)


def _is_number(key: str, value: Any) -> bool:
    """Bounds of a date are told to decoding here, since JSON schema has no word for them; those of a number it has."""
    return key in {"earliest", "latest"} and not isinstance(value, date)


def _plain(value: Any) -> Any:
    """What JSON can hold."""
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, date):
        return value.isoformat()
    return list(value) if isinstance(value, Sequence) and not isinstance(value, str) else value
