"""How long a plan takes, against an Outlines index over the model's whole vocabulary."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

from outlines_core import Index, Vocabulary
from pydantic import BaseModel, create_model
from transformers import AutoTokenizer

from clinextract.decoding.judge import canonical_regex
from clinextract.decoding.plan import build_plan
from clinextract.models.tokenizer import BackendTokenizer
from clinextract.palliative import PalliativeCall
from clinextract.schema.features import fields_of

SIZES = (13, 50, 200)
"""Fields of the schemas; thirteen are those of `PalliativeCall`."""


def measured(tokenizer: Path, sizes: Sequence[int], repetitions: int) -> dict[str, Any]:
    """Seconds by number of fields.

    Returns:
        "vocabulary": seconds to spell the vocabulary's bytes, once for each loaded model; "bytes": seconds to build
        Outlines' vocabulary, once, too; "plan", "index": for every size the seconds of each repetition, in turn.
    """
    backend = AutoTokenizer.from_pretrained(tokenizer).backend_tokenizer
    started = perf_counter()
    words = BackendTokenizer(backend, 0)
    pieces = words.token_bytes
    spelled = perf_counter() - started

    started = perf_counter()
    vocabulary = _vocabulary(pieces)
    report: dict[str, Any] = {"vocabulary": spelled, "bytes": perf_counter() - started, "plan": {}, "index": {}}
    for size in sizes:
        plans, indices = [], []
        for repetition in range(repetitions):
            schema = _schema(size, repetition)
            started = perf_counter()
            build_plan(fields_of(schema), words, regex := canonical_regex(schema))
            planned = perf_counter()
            Index(regex, vocabulary)
            indices.append(perf_counter() - planned)
            plans.append(planned - started)
        report["plan"][str(size)], report["index"][str(size)] = plans, indices
    return report


def _schema(size: int, number: int) -> type[BaseModel]:
    """A schema of its own for each repetition: nothing that is kept by class can help."""
    name = f"Form{size}x{number}"
    if size == len(PalliativeCall.model_fields):
        return create_model(name, __base__=PalliativeCall)
    fields: dict[str, Any] = {f"symptom_{field}_reported": (bool, ...) for field in range(size)}
    return create_model(name, **fields)


def _vocabulary(pieces: Sequence[bytes | None]) -> Vocabulary:
    words: dict[bytes, list[int]] = {}
    end = next(token for token, piece in enumerate(pieces) if piece is None)
    for token, piece in enumerate(pieces):
        if piece:
            words.setdefault(piece, []).append(token)
    return Vocabulary(end, words)
