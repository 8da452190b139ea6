"""A result as one JSON row: what `clinextract extract --json` prints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from clinextract.records import Extraction, Failure

Row = dict[str, Any]


def to_row(result: Extraction[Any] | Failure) -> Row:
    """A result as values that `json.dumps` takes; both outcomes have the same keys.

    Returns:
        `id`; `status`, "ok" or "failed"; `features` and `probabilities` by field name; `review`, the names of the
        fields to look at; `evidence`, by field name where there is any; `error` and `provenance`. Of a failure
        `features`, `probabilities` and `provenance` are None: it has no answers, and least of all False ones.
    """
    return _failed(result) if isinstance(result, Failure) else _ok(result)


def _ok(result: Extraction[Any]) -> Row:
    answers = result.answers.items()
    return {
        "id": result.id,
        "status": "ok",
        "features": result.features.model_dump(mode="json", by_alias=False),
        "probabilities": {name: answer.probability for name, answer in answers},
        "review": list(result.review),
        "evidence": {
            name: [asdict(one) for one in answer.evidence] for name, answer in answers if answer.evidence_status
        },
        "error": None,
        "provenance": {one.name: _plain(getattr(result.provenance, one.name)) for one in fields(result.provenance)},
    }


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
