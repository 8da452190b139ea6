"""`check_schema`: everything that can be said of a schema file before a transcript is read with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from pydantic import BaseModel

from clinextract.decoding.judge import canonical_regex
from clinextract.decoding.plan import build_plan
from clinextract.errors import Mistake, SchemaError
from clinextract.models.base import LogitModel
from clinextract.models.loading import load_model
from clinextract.prompts import prompt_language, render
from clinextract.schema.features import fields_of
from clinextract.schema.specs import FieldSpec
from clinextract.schema_files.doubts import doubts
from clinextract.schema_files.loading import drafted, examples_of, info_of, located
from clinextract.schema_files.reading import Draft

DEAR = 6
"""Tokens of a key, beyond which a shorter one is worth a thought."""
CROWDED = 0.5
"""Of a model's context, for the prompt alone."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """What a schema costs with a model.

    Attributes:
        model: Its name.
        knows: Whether the model can answer this schema: one that was trained for other fields cannot.
        answer_tokens: Of the longest answer; most of them are known beforehand, and not generated.
        prompt_tokens: By language, without a transcript.
        context: Of the model, in tokens; None without a limit.
        seconds: Until the plan was there.
    """

    model: str
    knows: bool
    answer_tokens: int
    prompt_tokens: Mapping[str, int]
    context: int | None
    seconds: float


@dataclass(frozen=True, slots=True)
class SchemaCheck:
    """What was found in a schema file.

    Attributes:
        name: The file, as messages name it.
        mistakes: What keeps it from being used, in the order of places.
        warnings: What may not be meant.
        schema: The model class; None where there are mistakes.
        compiled: What it costs with a model; None where there are mistakes.
    """

    name: str
    mistakes: tuple[Mistake, ...]
    warnings: tuple[Mistake, ...]
    schema: type[BaseModel] | None
    compiled: Compiled | None


def check_schema(source: str | Path, model: str | LogitModel | None = None) -> SchemaCheck:
    """Read a schema file, and compile it for a model.

    Args:
        source: As for `load_schema`.
        model: As for `Extractor`; with the embedded one, which knows the thirteen features only, other schemas are
            compiled for its vocabulary.

    Raises:
        SchemaError: There is no such file and no such name.
        ModelError: The model cannot be used.
    """
    path, name = located(source)
    schema, found = drafted(path, name)
    if schema is None:
        return SchemaCheck(name, _sorted(found.mistakes), (), None, None)
    warnings = doubts(found, examples_of(schema))
    loaded = load_model(model)
    try:
        compiled = _compiled(schema, loaded)
    except SchemaError as error:
        mistake = _named(found, error.field, error.message, error.hint)
        return SchemaCheck(name, (mistake,), _sorted(warnings), None, None)
    if not loaded.info.fields:  # to a model that was trained for certain fields their names are no matter
        warnings += _dear(fields_of(schema), loaded, found)
    warnings += _crowded(compiled, found)
    return SchemaCheck(name, (), _sorted(warnings), schema, compiled)


def _sorted(mistakes: list[Mistake]) -> tuple[Mistake, ...]:
    return tuple(sorted(mistakes, key=lambda one: (one.file, one.line, one.column)))


def _compiled(schema: type[BaseModel], model: LogitModel) -> Compiled:
    begun = perf_counter()
    fields = fields_of(schema)
    plan = build_plan(fields, model.tokenizer, canonical_regex(schema))
    seconds = perf_counter() - begun
    info = info_of(schema)
    prompts = {
        language: _prompt_tokens(fields, model, language)
        for language in dict.fromkeys(map(prompt_language, info.languages if info else ("en",)))
    }
    known = model.info.fields
    return Compiled(
        model.info.name,
        not known or known == tuple(schema.model_fields),
        plan.longest,
        prompts,
        model.info.context,
        seconds,
    )


def _prompt_tokens(fields: tuple[FieldSpec, ...], model: LogitModel, language: str) -> int:
    prompt = render(model.info.prompt, fields, (), language)
    return sum(map(len, prompt.tokens(model.chat(prompt.messages), model.tokenizer)))


def _dear(fields: tuple[FieldSpec, ...], model: LogitModel, draft: Draft) -> Iterator[Mistake]:
    """Keys that take many tokens: each is read again for every transcript."""
    for field in fields:
        tokens = len(model.tokenizer.encode(f'"{field.name}":'))
        if tokens > DEAR:
            told = f"this name takes {tokens} tokens of {model.info.name} in every answer"
            yield _named(draft, field.name, told, "A shorter name, of common English words, is faster.", "id")


def _crowded(compiled: Compiled, draft: Draft) -> Iterator[Mistake]:
    for language, tokens in compiled.prompt_tokens.items():
        if compiled.context and compiled.knows and tokens + compiled.answer_tokens > CROWDED * compiled.context:
            told = (
                f"the prompt ({language}) and the answer take {tokens + compiled.answer_tokens} of the "
                f"{compiled.context} tokens that {compiled.model} can read at once"
            )
            remedy = "Shorten definitions, divide the schema, or take a model with a longer context."
            yield draft.source.mistake(("features",), told, remedy, key=True)


def _named(draft: Draft, field: str | None, message: str, remedy: str, *inner: str) -> Mistake:
    for one in draft.features:
        if one.form.id == field:
            return one.mistake(message, remedy, *inner)
    return draft.source.mistake(("features",), message, remedy, key=True)
