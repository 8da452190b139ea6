"""A result as one row: nested, as JSON has it, and flat, as a table has it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

from clinextract.errors import SchemaError
from clinextract.records import Extraction, Failure
from clinextract.schema.specs import FieldSpec
from clinextract.tabular import Column, Kind, cell

Row = dict[str, Any]

_KINDS: Mapping[str, Kind] = {"boolean": "boolean", "integer": "integer", "decimal": "number"}
_INT64 = 2**63
_ERROR = ("type", "message", "hint")
_RESULT = ("id", "status", "features", "probabilities", "review", "evidence", "error", "provenance", "translation")


def to_row(result: Extraction[Any] | Failure) -> Row:
    """A result as values that `json.dumps` takes; both outcomes have the same keys.

    Returns:
        `id`; `status`, "ok" or "failed"; `features` and `probabilities` by field name; `review`, the names of the
        fields to look at; `evidence`, by the name of each field that it was asked for of, empty where it could not be
        located; `error` and `provenance`; `translation` only where the extractor keeps it. Of a failure `features`,
        `probabilities` and `provenance` are None: it has no answers, and least of all False ones.
    """
    return _failed(result) if isinstance(result, Failure) else _ok(result)


def flatten(row: Row, specs: Sequence[FieldSpec]) -> Row:
    """A row as a table has it.

    Args:
        row: As `to_row` gives it.
        specs: The schema's fields.

    Returns:
        `id` and `status`; by field its value, and `<field>_probability`; `review`, names with a space between; as JSON
        `evidence` and `provenance`; `error_type`, `error_message` and `error_hint`; `translation` where there is one.
        What a failure does not have is None; lists and groups are JSON, as is all of a field of the kind "json".
    """
    features, probabilities = row["features"] or {}, row["probabilities"] or {}
    flat: Row = {"id": row["id"], "status": row["status"]}
    for spec in specs:
        value = features.get(spec.name)
        whole = spec.kind == "json" and spec.name in features
        flat[spec.name] = _json(value) if whole or isinstance(value, list | dict) else value
        flat[f"{spec.name}_probability"] = probabilities.get(spec.name)
    error = row["error"] or {}
    flat["review"] = " ".join(row["review"])
    flat["evidence"] = _json(row["evidence"]) if row["evidence"] else None
    flat |= {f"error_{key}": error.get(key) for key in _ERROR}
    flat["provenance"] = _json(row["provenance"]) if row["provenance"] else None
    return flat | ({"translation": row["translation"]} if "translation" in row else {})


def unflatten(flat: Mapping[str, Any], specs: Sequence[FieldSpec]) -> Row:
    """A row of a table as `to_row` gives it: what `flatten` makes is undone, also where csv has made texts of it.

    In one thing csv tells less than the row did: an empty text of a field that may be null comes back as None.

    Args:
        flat: A row as `open_table` gives it; columns of the input that were kept are left out.
        specs: The schema's fields.
    """
    ok = flat["status"] == "ok"
    blank_is_null = flat["error_type"] == ""  # of a row that is ok it is None everywhere but in csv
    error = {key: flat.get(f"error_{key}") or "" for key in _ERROR}
    row = {
        "id": flat["id"],
        "status": flat["status"],
        "features": {spec.name: _value(flat[spec.name], spec, blank_is_null=blank_is_null) for spec in specs}
        if ok
        else None,
        "probabilities": {spec.name: _number(flat[f"{spec.name}_probability"]) for spec in specs} if ok else None,
        "review": (flat["review"] or "").split(),
        "evidence": json.loads(flat["evidence"] or "{}"),
        "error": None if ok else error,
        "provenance": json.loads(flat["provenance"]) if flat["provenance"] else None,
    }
    return row | ({"translation": flat["translation"]} if flat.get("translation") else {})


def columns(specs: Sequence[FieldSpec], *, translation: bool = False) -> list[Column]:
    """The columns of a flat row, with their kinds.

    Args:
        specs: The schema's fields.
        translation: Whether translations are kept.

    Raises:
        SchemaError: A field has the name of another column.
    """
    values = [
        column
        for spec in specs
        for column in (Column(spec.name, _kind(spec)), Column(f"{spec.name}_probability", "number"))
    ]
    behind = ["review", "evidence", "error_type", "error_message", "error_hint", "provenance"]
    texts = [*behind, *(["translation"] if translation else [])]
    made = [Column("id"), Column("status"), *values, *map(Column, texts)]
    counts = Counter(column.name for column in made)
    for spec in specs:
        if counts[spec.name] > 1:
            raise SchemaError(
                f"the field {spec.name!r} has the name of another column of a table of results",
                hint="Rename the field, or write the results as JSON Lines, where the fields stand apart.",
                field=spec.name,
            )
    return made


def names(specs: Sequence[FieldSpec], *, nested: bool) -> frozenset[str]:
    """The keys that a result takes in a row; an input column of the same name has to give way."""
    if nested:
        return frozenset(_RESULT)
    return frozenset(column.name for column in columns(specs, translation=True))


def _kind(spec: FieldSpec) -> Kind:
    if spec.kind == "integer" and not -_INT64 <= spec.minimum <= spec.maximum < _INT64:
        return "text"
    if spec.kind == "choice" and all(value is None or isinstance(value, bool) for value in spec.values):
        return "boolean"
    return _KINDS.get(spec.kind, "text")


def _value(written: Any, spec: FieldSpec, *, blank_is_null: bool) -> Any:
    """What a field's cell says; texts of csv become what the field's kind is."""
    listed = {cell(value): value for value in spec.values} if spec.listed else {}
    if cell(written) in listed:
        return listed[cell(written)]
    if written is None or (written == "" and blank_is_null and spec.nullable):
        return None
    if spec.kind in {"several", "list", "group", "json"}:
        return json.loads(written)
    if spec.kind == "integer":
        return int(written)
    return float(written) if spec.kind == "decimal" else written


def _number(written: Any) -> float | None:
    return None if written is None or written == "" else float(written)


def _ok(result: Extraction[Any]) -> Row:
    answers = result.answers.items()
    shown = {name: answer.evidence for name, answer in answers if answer.evidence_status}
    row = {
        "id": result.id,
        "status": "ok",
        # A validator may change a value's type, of which Pydantic would warn with the value.
        "features": result.features.model_dump(mode="json", by_alias=False, warnings=False),
        "probabilities": {name: answer.probability for name, answer in answers},
        "review": list(result.review),
        "evidence": {name: [asdict(one) for one in evidence] for name, evidence in shown.items()},
        "error": None,
        "provenance": {one.name: _plain(getattr(result.provenance, one.name)) for one in fields(result.provenance)},
    }
    return row | ({"translation": result.translation} if result.translation is not None else {})


def _failed(failure: Failure) -> Row:
    error = failure.error
    return {
        "id": failure.id,
        "status": "failed",
        "features": None,
        "probabilities": None,
        "review": [],
        "evidence": {},
        "error": {"type": type(error).__name__, "message": error.message, "hint": error.hint},
        "provenance": None,
    }


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str | int):
        return value
    return dict(value) if isinstance(value, Mapping) else list(value)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
