"""What a schema's fields are: any Pydantic model, read through its JSON schema.

Kinds in this version: yes/no (`bool`), one of a list (`Literal`, `Enum`), a whole number within bounds, a text of
bounded length; the first three may be `| None`. Lists, groups, dates and decimals are refused with the field's name.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from pydantic.errors import PydanticInvalidForJsonSchema
from pydantic.fields import FieldInfo

from clinextract.errors import PlanError, SchemaError

Kind = Literal["boolean", "choice", "integer", "text", "json"]
JsonScalar = str | int | float | bool | None

LISTED_INTEGERS = 256
"""Whole numbers in a range up to this size are alternatives of a choice, with a probability each; beyond it they are
generated digit by digit."""


def Feature(  # noqa: N802 - reads as a kind of Field, and is used as one
    default: Any = ...,
    *,
    label: Mapping[str, str],
    definition: Mapping[str, str],
    codes: Mapping[str, str] | None = None,
    **field_options: Any,
) -> Any:
    """A Pydantic `Field` with a label and a definition in each language, keyed by ISO 639-1 code.

    Args:
        default: As in `Field`.
        label: A short name for tables and reports.
        definition: What makes the value true, or what the value is; it goes into the prompt.
        codes: Terminology codes by system, such as {"ICD-10": "R52"}.
        **field_options: Passed to `Field`: bounds and lengths, for example.
    """
    extra: dict[str, Any] = {"label": dict(label), "definition": dict(definition), "codes": dict(codes or {})}
    return Field(
        default,
        title=label.get("en"),
        description=definition.get("en"),
        json_schema_extra={"clinextract": extra},
        **field_options,
    )


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One field as decoding and prompts see it.

    Attributes:
        name: The Python name, which is also the JSON key.
        kind: "boolean", "choice", "integer" or "text"; "json" for any other, which only Outlines can generate.
        values: The alternatives, as JSON values, where they can be listed; else empty.
        minimum, maximum: Bounds of an integer that is not listed, or of a text's length in characters.
        label, definition: By language; empty where the schema's author gave none.
        codes: Terminology codes by system.
    """

    name: str
    kind: Kind
    values: tuple[JsonScalar, ...] = ()
    minimum: int = 0
    maximum: int = 0
    label: Mapping[str, str] = dataclass_field(default_factory=dict)
    definition: Mapping[str, str] = dataclass_field(default_factory=dict)
    codes: Mapping[str, str] = dataclass_field(default_factory=dict)

    def labelled(self, language: str) -> str:
        """The label in a language, else in English, else the name in words."""
        return self.label.get(language) or self.label.get("en") or self.name.replace("_", " ")

    def defined(self, language: str) -> str:
        """The definition in a language, else in English, else nothing."""
        return self.definition.get(language) or self.definition.get("en") or ""


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
    definitions = json_schema.get("$defs", {})
    return tuple(
        _field(name, schema.model_fields[name], prop, definitions, planned=planned)
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


def _field(
    name: str,
    info: FieldInfo,
    prop: Mapping[str, Any],
    definitions: Mapping[str, Any],
    *,
    planned: bool,
) -> FieldSpec:
    extra = prop.get("clinextract", {})
    texts = {key: extra.get(key, {}) for key in ("label", "definition", "codes")}
    if not texts["definition"] and prop.get("description"):
        texts["definition"] = {"en": prop["description"]}
    try:
        kind, values, bounds = _kind(name, _resolved(prop, definitions), definitions)
        if values:
            values = _accepted(name, info, values)
    except PlanError:
        if planned:
            raise
        kind, values, bounds = "json", (), (0, 0)
    return FieldSpec(name, kind, values, *bounds, **texts)


def _resolved(prop: Mapping[str, Any], definitions: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = prop.get("$ref")
    return definitions[reference.rsplit("/", 1)[-1]] if reference else prop


def _kind(
    name: str, prop: Mapping[str, Any], definitions: Mapping[str, Any]
) -> tuple[Kind, tuple[JsonScalar, ...], tuple[int, int]]:
    """Kind, alternatives and bounds of a JSON schema fragment."""
    if "anyOf" in prop:
        return _nullable(name, prop["anyOf"], definitions)
    if "enum" in prop or "const" in prop:
        values = tuple(prop["enum"]) if "enum" in prop else (prop["const"],)
        if all(value is None or isinstance(value, str | int) for value in values):
            return "choice", values, (0, 0)
    match prop.get("type"):
        case "boolean":
            return "boolean", (False, True), (0, 0)
        case "integer":
            return _integer(name, prop)
        case "string" if not {"pattern", "format"} & prop.keys():
            return _text(name, prop)
    raise PlanError(
        f"field {name!r} is of a kind that cannot be planned",
        hint="Use bool, Literal, Enum, an int with ge and le, or a str with max_length; or pass decoding='outlines', "
        "which generates any JSON schema token by token.",
        field=name,
    )


def _nullable(
    name: str, options: list[Mapping[str, Any]], definitions: Mapping[str, Any]
) -> tuple[Kind, tuple[JsonScalar, ...], tuple[int, int]]:
    """`X | None`, where X has alternatives that can be listed."""
    others = [option for option in options if option.get("type") != "null"]
    if len(others) == 1 and len(options) == 2:
        kind, values, bounds = _kind(name, _resolved(others[0], definitions), definitions)
        if values:
            several = values if None in values else (*values, None)
            return ("choice" if kind == "boolean" else kind), several, bounds
    raise PlanError(
        f"field {name!r} is a union that cannot be planned",
        hint="Only `bool | None`, `Literal[...] | None` and a small integer range `| None` can be.",
        field=name,
    )


def _integer(name: str, prop: Mapping[str, Any]) -> tuple[Kind, tuple[JsonScalar, ...], tuple[int, int]]:
    lows = [prop[key] + past for key, past in (("minimum", 0), ("exclusiveMinimum", 1)) if key in prop]
    highs = [prop[key] - past for key, past in (("maximum", 0), ("exclusiveMaximum", 1)) if key in prop]
    low, high = max(lows, default=None), min(highs, default=None)
    if low is None or high is None or low > high:
        raise PlanError(
            f"field {name!r} is a whole number without two bounds, or with none between them",
            hint=f"Give both: {name}: Annotated[int, Field(ge=0, le=10)].",
            field=name,
        )
    if high - low < LISTED_INTEGERS:
        return "integer", tuple(range(low, high + 1)), (0, 0)
    if "multipleOf" in prop:
        raise PlanError(
            f"field {name!r} is a multiple within a range of more than {LISTED_INTEGERS}",
            hint="Narrow the bounds, or leave multiple_of out.",
            field=name,
        )
    return "integer", (), (low, high)


def _text(name: str, prop: Mapping[str, Any]) -> tuple[Kind, tuple[JsonScalar, ...], tuple[int, int]]:
    low, high = prop.get("minLength", 0), prop.get("maxLength")
    if high is None or low > high:
        raise PlanError(
            f"field {name!r} is a text without a greatest length, or with one below its least",
            hint=f"Bound it: {name}: Annotated[str, Field(max_length=200)].",
            field=name,
        )
    return "text", (), (low, high)


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


def canonical_json(values: Mapping[str, JsonScalar]) -> str:
    """The one spelling of an answer, in plans, prompts and training alike: ", " and ": " between the parts."""
    return json.dumps(dict(values), ensure_ascii=False)
