"""What a model is told: rules, definitions and examples, rendered once per (schema, language).

A prompt does not depend on the words of a transcript. It has a slot where the transcript goes, so
that what stands before the slot can be run through a model once, and so that no text of a patient
passes a template engine. Templates are versioned files: a change of wording is a new version, and
a prompt's hash tells which wording an answer came from.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable

from jinja2 import Environment, StrictUndefined, Template
from pydantic import BaseModel, ValidationError

from clinextract.errors import SchemaError
from clinextract.models.base import Message
from clinextract.palliative import PalliativeCall
from clinextract.schema.features import FieldSpec, JsonScalar, canonical_json, fields_of

SLOT = "\ue0c1\ue0f1\ue0c3\ue0f4"
"""Where the transcript goes: four private-use characters, which no keyboard or recogniser makes."""

_SUFFIX = ".jinja"


@dataclass(frozen=True, slots=True)
class Example:
    """One transcript with its right answer, shown to a model before the one that is asked for.

    Attributes:
        transcript: The words of the call, written for the purpose.
        answer: A value for every field of the schema, by name.
    """

    transcript: str
    answer: Mapping[str, JsonScalar]

    def __repr__(self) -> str:
        return f"Example(characters={len(self.transcript)}, fields={len(self.answer)})"


@dataclass(frozen=True, slots=True)
class Prompt:
    """The messages for one schema and language, with the slot in place of the transcript.

    Attributes:
        messages: In order; the last one is the user's and holds the slot.
        template: Name and version of the template.
        language: ISO 639-1 code of the transcripts it is meant for.
        hash: First 16 hexadecimal digits of the SHA-256 over the template's name and the messages.
    """

    messages: tuple[Message, ...]
    template: str
    language: str
    hash: str

    def __repr__(self) -> str:
        return f"Prompt({self.template}, language={self.language!r}, hash={self.hash!r})"


def render(template: str, fields: Sequence[FieldSpec], examples: Sequence[Example], language: str) -> Prompt:
    """The prompt of a template for a schema's fields.

    A template has a block for each role that takes part: `system` is rendered once, `user` and
    `assistant` once for each example, and `user` once more for the slot. A template without an
    `assistant` block shows no examples.

    Args:
        template: Such as "chat.v1".
        fields: As `fields_of` gives them.
        examples: Checked by `check_examples`.
        language: Of labels and definitions; where the schema lacks it, they are English.

    Raises:
        SchemaError: There is no such template.
    """
    page = _template(template)
    told = [_told(field, language) for field in fields]

    def message(role: str, **values: str) -> Message:
        context = page.new_context({"fields": told, **values})
        return {"role": role, "content": "".join(page.blocks[role](context))}

    messages = [message("system")] if "system" in page.blocks else []
    if "assistant" in page.blocks:
        for example in examples:
            messages.append(message("user", transcript=example.transcript))
            messages.append(message("assistant", answer=_answer(fields, example)))
    messages.append(message("user", transcript=SLOT))
    return Prompt(tuple(messages), template, language, _hash(template, messages))


def split(text: str) -> list[str]:
    """A chat's text around its slots: n slots give n + 1 parts, the transcript goes between them.

    Args:
        text: What a model's chat template made of a prompt's messages.

    Raises:
        SchemaError: No slot is left in the text.
    """
    parts = text.split(SLOT)
    if len(parts) < 2:
        raise SchemaError(
            "the prompt has no place for the transcript",
            hint="The model's chat template drops or rewrites the user's message; use a model whose template keeps it.",
        )
    return parts


def check_examples(schema: type[BaseModel], examples: Sequence[Example]) -> None:
    """Hold the examples against the schema before any model sees them.

    Raises:
        SchemaError: An example has no transcript, or its answer lacks a field, has one that the
            schema does not know, or has a value that the schema refuses. The error names the
            example by its number, from 1, and the fields; never the words of its transcript.
    """
    names = [field.name for field in fields_of(schema)]
    for number, example in enumerate(examples, 1):
        if not example.transcript.strip() or set(SLOT) & set(example.transcript):
            raise SchemaError(
                f"example {number} has no transcript, or one with reserved characters",
                hint="Write the transcript that the answer belongs to.",
            )
        mistakes = _mistakes(schema, names, example)
        if mistakes:
            raise SchemaError(
                f"example {number} does not fit {schema.__name__}: {'; '.join(mistakes)}",
                hint="An example's answer has a valid value for every field, and nothing else.",
            )


def prompt_language(language: str) -> str:
    """The language of the prompt for transcripts in a language: Persian for Persian, else English."""
    return "fa" if language == "fa" else "en"


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
    return _shipped_examples(prompt_language(language))


@cache
def _shipped_examples(language: str) -> tuple[Example, ...]:
    file = _templates() / f"palliative_care.examples.{language}.jsonl"
    lines = file.read_text(encoding="utf-8").splitlines()
    return tuple(Example(**json.loads(line)) for line in lines if line)


def _templates() -> Traversable:
    return resources.files("clinextract") / "templates"


@cache
def _template(name: str) -> Template:
    present = [file for file in _templates().iterdir() if file.name.endswith(_SUFFIX)]
    files = {file.name.removesuffix(_SUFFIX): file for file in present}
    if name not in files:
        raise SchemaError(f"there is no prompt template {name!r}", hint=f"Known are: {', '.join(sorted(files))}.")
    # A prompt is no HTML: what autoescaping would turn into entities has to reach the model as is.
    environment = Environment(undefined=StrictUndefined, autoescape=False, trim_blocks=True, lstrip_blocks=True)  # noqa: S701
    return environment.from_string(files[name].read_text(encoding="utf-8"))


def _told(field: FieldSpec, language: str) -> dict[str, str]:
    """What a template may say of a field."""
    return {
        "name": field.name,
        "kind": field.kind,
        "label": field.labelled(language),
        "definition": field.defined(language),
        "allowed": _allowed(field),
    }


def _allowed(field: FieldSpec) -> str:
    """The values of a field in words, spelled as in JSON."""
    if field.kind == "text":
        return f"a text of {field.minimum} to {field.maximum} characters"
    if field.kind == "boolean":
        return "true or false"
    numbers = [value for value in field.values if isinstance(value, int)]
    if field.kind == "integer":
        low, high = (numbers[0], numbers[-1]) if numbers else (field.minimum, field.maximum)
        if not numbers or len(numbers) == high - low + 1:
            null = " or null" if None in field.values else ""
            return f"a whole number from {low} to {high}{null}"
    if not field.values:  # a kind that only Outlines generates
        return "JSON of the kind that its definition asks for"
    *others, last = (json.dumps(value, ensure_ascii=False) for value in field.values)
    return f"{', '.join(others)} or {last}" if others else last


def _answer(fields: Sequence[FieldSpec], example: Example) -> str:
    """The answer as the model has to write it: fields in order, the separators of the plan."""
    values = {field.name: example.answer[field.name] for field in fields}
    return canonical_json(values)


def _mistakes(schema: type[BaseModel], names: Sequence[str], example: Example) -> list[str]:
    mistakes = [f"{name} is missing" for name in names if name not in example.answer]
    mistakes += [f"{name} is not a field of it" for name in example.answer if name not in names]
    try:
        # Strict, as the model's answer is held: the text "yes" is no boolean.
        schema.model_validate_json(json.dumps(dict(example.answer)), strict=True, by_alias=False, by_name=True)
    except ValidationError as error:
        # Only where it went wrong: a message may quote the value.
        places = {item["loc"][0] for item in error.errors(include_input=False) if item["loc"]}
        refused = [name for name in names if name in places and name in example.answer]
        mistakes += [f"{name} has a value that is refused" for name in refused]
        mistakes = mistakes or ["the answer as a whole is refused"]
    return mistakes


def _hash(template: str, messages: Sequence[Message]) -> str:
    text = json.dumps([template, *messages], ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
