"""Whether a model is fit for use: examined on this machine with the shipped transcripts, and said in plain words."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Protocol, runtime_checkable

from clinextract.decoding.judge import canonical_regex
from clinextract.decoding.plan import build_plan
from clinextract.errors import ClinExtractError, DocumentTooLong
from clinextract.extractor import Extractor
from clinextract.models.base import LogitModel
from clinextract.palliative import PalliativeCall
from clinextract.records import Document, Extraction
from clinextract.samples import samples
from clinextract.schema.features import fields_of

HONOURED = 0.05
"""What `probe` gives at most: rounding in bfloat16 gives about 0.01, an ignored mask 0.1 and more."""
ENOUGH_WORDS = 400
"""A transcript that has to fit: a call of about three minutes."""
PATIENCE = 60.0
"""Seconds for one transcript, beyond which a model is of no use at a desk."""

_LANGUAGES = {"en": "English", "fa": "Persian"}
_BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was examined.

    Attributes:
        name: What.
        ok: Whether it is as it should be.
        value: What was found, with its unit.
        words: What that means for the user.
    """

    name: str
    ok: bool
    value: str
    words: str


@runtime_checkable
class Probed(Protocol):
    """A model that can measure whether its attention honours a mask over a tree of tokens."""

    def probe(self) -> float:
        """Difference between a branch and the same tokens in a row, as a share of the logits' spread."""


def examine(model: LogitModel) -> tuple[Finding, ...]:
    """Everything that decides whether a model can be used; after a fault, what cannot be measured is left out."""
    findings = [_knows(model), _aligned(model), _masked(model)]
    if all(finding.ok for finding in findings):
        findings += _measured(model)
    return tuple(findings)


def _knows(model: LogitModel) -> Finding:
    known = model.info.fields
    if not known:
        return Finding("knows", True, "any schema", "It follows instructions; your own schema can be used with it.")
    fits = known == tuple(PalliativeCall.model_fields)
    words = (
        "It was trained for the thirteen features of PalliativeCall, and cannot be asked for anything else."
        if fits
        else "It was trained for another schema than PalliativeCall, and can only be used with that one."
    )
    return Finding("knows", fits, f"{len(known)} features", words)


def _aligned(model: LogitModel) -> Finding:
    try:
        plan = build_plan(fields_of(PalliativeCall), model.tokenizer, canonical_regex(PalliativeCall))
    except ClinExtractError as error:
        return Finding("tokens aligned", False, error.field or "no", f"{error.message}. {error.hint}")
    words = f"Of the answer's {plan.tokens} tokens {len(plan.choices)} are decided; the others are certain."
    return Finding("tokens aligned", True, f"{len(plan.choices)} choices", words)


def _masked(model: LogitModel) -> Finding:
    name = "masks honoured"
    if not isinstance(model, Probed):
        return Finding(name, True, "not measured", "The model has no attention to measure.")
    apart = model.probe()
    if apart < HONOURED:
        return Finding(name, True, f"{apart:.3f}", "Alternatives side by side score as they do one by one.")
    return Finding(
        name, False, f"{apart:.3f}", "Its attention reads words that it must not; its answers would be wrong."
    )


def _measured(model: LogitModel) -> list[Finding]:
    """What a run over the shipped transcripts shows."""
    try:
        extractor = Extractor(PalliativeCall, model)
        runs: dict[str, list[tuple[Document, Extraction[PalliativeCall]]]] = {}
        for document in samples():
            if document.language not in runs:
                extractor(document)  # runs the prompt through the model, which later ones need not
            runs.setdefault(str(document.language), []).append((document, extractor(document)))
    except DocumentTooLong as error:
        return [Finding("context", False, f"{error.limit} tokens", f"{error.message}: too short for a whole call.")]
    except ClinExtractError as error:
        return [Finding("runs", False, type(error).__name__, f"{error.message}. {error.hint}")]
    results = [result for pairs in runs.values() for _, result in pairs]
    return [*(_context(model, *runs[language][-1]) for language in sorted(runs)), _memory(model), _speed(results)]


def _context(model: LogitModel, document: Document, result: Extraction[PalliativeCall]) -> Finding:
    """How many words fit, by the tokens that this transcript's words took."""
    name = f"context, {_LANGUAGES.get(result.provenance.language, result.provenance.language)}"
    limit, taken = model.info.context, result.provenance.tokens
    if limit is None:
        return Finding(name, True, "no limit", "A transcript may be as long as memory allows.")
    own = len(model.tokenizer.encode(document.text))
    words = len(document.text.split())
    fit = max(0, limit - taken["prefix"] - taken["answer"] - (taken["transcript"] - own)) * words // max(1, own)
    value = f"{limit} tokens"
    if fit < ENOUGH_WORDS:
        return Finding(name, False, value, f"Only about {fit} words of transcript fit beside the prompt.")
    return Finding(name, True, value, f"About {fit} words of transcript fit beside the prompt.")


def _memory(model: LogitModel) -> Finding:
    weights = model.info.parameters * _BYTES.get(model.info.dtype, 4) / 1e6
    peak = _peak_megabytes()
    words = f"The whole process took {peak:.0f} MB at most." if peak else "Of the weights alone."
    return Finding(
        "memory", True, f"{weights:.0f} MB", f"Weights on {model.info.device} in {model.info.dtype}. {words}"
    )


def _peak_megabytes() -> float | None:
    """The most memory that this process has held, or None where the system does not tell."""
    try:
        import resource  # noqa: PLC0415 - not on Windows
    except ModuleNotFoundError:
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def _speed(results: Sequence[Extraction[PalliativeCall]]) -> Finding:
    seconds = [sum(result.provenance.seconds.values()) for result in results]
    tokens = [result.provenance.tokens["transcript"] + result.provenance.tokens["answer"] for result in results]
    one = median(seconds)
    rate = sum(tokens) / sum(seconds)
    words = f"The median of {len(results)}, one at a time; {rate:.0f} tokens a second."
    return Finding("time a transcript", one < PATIENCE, f"{1000 * one:.0f} ms" if one < 1 else f"{one:.1f} s", words)
