"""`dump_schema`: from a Pydantic model class to a schema file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import yaml
from pydantic import BaseModel

from clinextract.errors import SchemaError
from clinextract.schema.features import fields_of
from clinextract.schema.specs import FieldSpec
from clinextract.schema_files.building import model_of
from clinextract.schema_files.form import KINDS
from clinextract.schema_files.loading import info_of
from clinextract.schema_files.reading import validated
from clinextract.schema_files.source import Source

_LONG = 70
"""Characters, beyond which a text or list gets lines of its own."""
_TEXTS = ("label", "definition", "counts", "does_not_count", "examples", "codes", "implies", "excludes")


def dump_schema(schema: type[BaseModel], *, name: str = "") -> str:
    """Write a schema as a file.

    Loading the file gives a class with the same JSON schema and hash, but for its name and what only Python can say:
    validators, defaults and the class's own documentation.

    Args:
        schema: Any Pydantic model whose fields a file can hold.
        name: By default that of the file it came from, else the class's.

    Returns:
        YAML. Few-shot examples are not in it.

    Raises:
        SchemaError: A field cannot be written in a file.
        PlanError: A field is of a kind that cannot be planned.
    """
    fields, info = fields_of(schema), info_of(schema)
    languages = list(info.languages) if info else _languages(fields)
    features = [_feature(field) for field in fields]
    _check(features, fields, languages)
    head = {
        "name": name or (info.name if info else _snake(schema.__name__)),
        "version": info.version if info else 1,
        "languages": languages,
    }
    return _yaml(head) + "\n" + _yaml({"features": features})


class _Dumper(yaml.SafeDumper):
    """As a person would write it: short lists in brackets, long texts folded, lists indented."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002
        super().increase_indent(flow, False)

    def represent_sequence(self, tag: str, sequence: Any, flow_style: bool | None = None) -> yaml.SequenceNode:  # noqa: ARG002, FBT001
        simple = all(not isinstance(item, dict | list) for item in sequence)
        short = sum(len(str(item)) + 2 for item in sequence) < _LONG
        return super().represent_sequence(tag, sequence, flow_style=simple and short)


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    folded = len(text) > _LONG and text == " ".join(text.split())
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=">" if folded else None)


_Dumper.add_representer(str, _represent_text)


def _yaml(value: Any) -> str:
    return yaml.dump(value, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=96, default_flow_style=False)


def _feature(field: FieldSpec) -> dict[str, Any]:
    kind, options = _kind(field)
    entry: dict[str, Any] = {"id": field.name, "kind": kind}
    said = {key: _plain(getattr(field, key)) for key in _TEXTS if getattr(field, key)}
    if field.merge != "any":
        said["merge"] = field.merge
    if field.unit:
        said["unit"] = field.unit
    return entry | said | options


def _kind(field: FieldSpec) -> tuple[str, dict[str, Any]]:  # noqa: C901 - a table of kinds
    """How a file calls the kind, and what it says of it."""
    optional = {"optional": "yes" if field.nullable or None in field.values else "no"}
    values = [value for value in field.values if value is not None]
    match field.kind:
        case "boolean" | "choice" if values == [False, True]:
            return "yes/no", optional if None in field.values else {}
        case "choice" if all(isinstance(value, str) for value in values):
            return "choice", {"choices": _choices(field, values)} | optional
        case "several":
            items = {"min_items": field.minimum, "max_items": field.maximum}
            return "several", {"choices": _choices(field, values)} | items
        case "integer":
            low, high = (values[0], values[-1]) if values else (field.minimum, field.maximum)
            return "whole number", {"minimum": low, "maximum": high} | optional
        case "decimal":
            low, high = (values[0], values[-1]) if values else (field.minimum, field.maximum)
            return "decimal", {"minimum": float(low), "maximum": float(high), "places": field.places} | optional
        case "date":
            days = {"earliest": field.minimum, "latest": field.maximum}
            return "date", {key: date.fromordinal(int(day)).isoformat() for key, day in days.items()} | optional
        case "text" | "quote":
            return _named(field), _lengths(field) | optional
        case "group":
            return "group", {"fields": [_feature(inner) for inner in field.fields]} | optional
        case "list":
            item, items = field.fields[0], {"min_items": field.minimum, "max_items": field.maximum}
            if item.kind == "group":
                return "groups", {"fields": [_feature(inner) for inner in item.fields]} | items
            return _named(item), _lengths(item) | items
    raise SchemaError(
        f"field {field.name!r} cannot be written in a schema file",
        hint="A file has yes/no, choices of texts, numbers within bounds, dates, texts, quotes and groups of these.",
        field=field.name,
    )


def _named(field: FieldSpec) -> str:
    return "quote" if field.kind == "quote" else "short text"


def _lengths(field: FieldSpec) -> dict[str, Any]:
    return {"min_length": field.minimum, "max_length": field.maximum}


def _choices(field: FieldSpec, values: Sequence[Any]) -> Any:
    labels = {value: _plain(label) for value, label in field.choice_labels.items() if label}
    return {value: labels.get(value) for value in values} if labels else list(values)


def _check(features: Sequence[Mapping[str, Any]], fields: Sequence[FieldSpec], languages: Sequence[str]) -> None:
    """Whether the file, read again, is this schema."""
    forms, written = [], Source("", None)
    for feature, field in zip(features, fields, strict=True):
        form = _form(feature, languages, written)
        back = fields_of(model_of("again", [form]))[0] if form else None
        if back != field:
            raise SchemaError(
                f"field {field.name!r} cannot be written in a schema file as it is",
                hint="Names there have English letters, digits and _; texts have one line; definitions are needed.",
                field=field.name,
            )
        forms.append(form)


def _form(feature: Mapping[str, Any], languages: Sequence[str], written: Source) -> Any:
    own = {key: _texts(value) for key, value in feature.items() if key != "fields"}
    form, _ = validated(KINDS[feature["kind"]], own, (), written, {"languages": list(languages), "also": ()})
    if form is None or "fields" not in feature:
        return form
    inner = [_form(one, languages, written) for one in feature["fields"]]
    return form.model_copy(update={"fields": tuple(inner)}) if all(inner) else None


def _texts(value: Any) -> Any:
    """As a file's entries are read: every value as text."""
    if isinstance(value, Mapping):
        return {key: _texts(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_texts(inner) for inner in value]
    return value if value is None else str(value)


def _languages(fields: Sequence[FieldSpec]) -> list[str]:
    """Those of labels and definitions, in the order in which they come."""
    spoken: dict[str, None] = {}
    for field in fields:
        spoken |= dict.fromkeys([*field.definition, *field.label])
        spoken |= dict.fromkeys(_languages(field.fields)) if field.fields else {}
    return list(spoken) or ["en"]


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, Decimal):
        return float(value)
    return list(value) if isinstance(value, Sequence) and not isinstance(value, str) else value


def _snake(name: str) -> str:
    parts = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
    return parts.strip("_")
