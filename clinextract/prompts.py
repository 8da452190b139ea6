"""What a model is told: rules, definitions and examples, rendered once per (schema, language, examples).

A prompt does not depend on the words of the transcript that is asked for: it has a slot where that goes, so that what
stands before the slot can be run through a model once. The transcripts and answers of examples have slots as well. So
no word that somebody said passes a template engine, neither ours nor a model's, and none can become a control token:
`Prompt.tokens` puts them back in tokens. Templates are versioned files: a change of wording is a new version, and a
prompt's hash tells which wording an answer came from.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

from jinja2 import Environment, StrictUndefined, Template

from clinextract.errors import SchemaError
from clinextract.examples import Example, check_examples, default_examples, shown_answer, shown_transcript
from clinextract.models.base import Message, Tokenizer
from clinextract.schema.specs import FieldSpec
from clinextract.wording import between, kinds, told

__all__ = [
    "SLOT",
    "Example",
    "Prompt",
    "check_examples",
    "default_examples",
    "prompt_language",
    "render",
    "split",
]

SLOT = "\ue0c1\ue0f1\ue0c3\ue0f4"
"""Where the transcript goes: four private-use characters, which no keyboard or recogniser makes."""

_SUFFIX = ".jinja"
_DIGITS = "".join(chr(0xE200 + digit) for digit in range(10))
"""The number of a slot stands between its halves, in digits that are private-use characters too."""
_SLOTS = re.compile(f"{SLOT[:2]}([{_DIGITS}]*){SLOT[2:]}")
_SPELLED = str.maketrans("0123456789", _DIGITS)
_READ = {ord(digit): str(number) for number, digit in enumerate(_DIGITS)}


@dataclass(frozen=True, slots=True)
class Prompt:
    """The messages for one schema, language and set of examples, with slots in place of what people said.

    Attributes:
        messages: In order; the last one is the user's and holds `SLOT`. The transcripts and answers of examples are
            numbered slots.
        texts: What belongs into the numbered slots, shape (slots,).
        template: Name and version of the template.
        language: ISO 639-1 code of the transcripts it is meant for.
        hash: First 16 hexadecimal digits of the SHA-256 over the template's name and the messages with the examples in
            them.
    """

    messages: tuple[Message, ...]
    texts: tuple[str, ...]
    template: str
    language: str
    hash: str

    def __repr__(self) -> str:
        return f"Prompt({self.template}, language={self.language!r}, hash={self.hash!r})"

    def filled(self, transcript: str = SLOT) -> tuple[Message, ...]:
        """The messages as people read them, with the examples and a transcript in their places."""
        return tuple({**message, "content": self._filled(message["content"], transcript)} for message in self.messages)

    def tokens(self, chat: str, tokenizer: Tokenizer) -> list[tuple[int, ...]]:
        """The prompt in a model's tokens, around the places of the transcript.

        The prompt's own text is encoded with its control tokens; the texts of examples are plain text, cut into tokens
        by themselves as the transcript that is asked for is.

        Args:
            chat: What the model's chat template made of `messages`.
            tokenizer: The model's.

        Returns:
            For n places n + 1 stretches: the transcript's tokens go between them.

        Raises:
            SchemaError: No place for the transcript is left in the chat.
        """
        stretches: list[list[int]] = [[]]
        for number, piece in enumerate(_SLOTS.split(chat)):
            if number % 2 == 0:
                stretches[-1] += tokenizer.encode_control(piece) if piece else []
            elif piece:
                stretches[-1] += tokenizer.encode(self.texts[_number(piece)])
            else:
                stretches.append([])
        if len(stretches) < 2:
            raise _no_place()
        return [tuple(stretch) for stretch in stretches]

    def _filled(self, content: str, transcript: str) -> str:
        return _SLOTS.sub(lambda slot: self.texts[_number(slot[1])] if slot[1] else transcript, content)


def render(template: str, fields: Sequence[FieldSpec], examples: Sequence[Example], language: str) -> Prompt:
    """The prompt of a template for a schema's fields.

    A template has a block for each role that takes part: `system` is rendered once, `user` and `assistant` once for
    each example, and `user` once more for the slot. A template without an `assistant` block shows no examples.

    Args:
        template: Such as "chat.v1".
        fields: As `fields_of` gives them.
        examples: Checked by `check_examples`.
        language: Of labels and definitions; where the schema lacks it, they are English.

    Raises:
        SchemaError: There is no such template, or the schema's rules cannot be read.
    """
    page = _template(template)
    texts: list[str] = []

    def slot(text: str) -> str:
        texts.append(text)
        return f"{SLOT[:2]}{str(len(texts) - 1).translate(_SPELLED)}{SLOT[2:]}"

    def message(role: str, **values: object) -> Message:
        return {"role": role, "content": "".join(page.blocks[role](page.new_context(values)))}

    messages = []
    if "system" in page.blocks:
        schema = {"fields": list(told(fields, language)), "kinds": kinds(fields), "rules": between(fields)}
        messages.append(message("system", **schema))
    if "assistant" in page.blocks:
        for example in examples:
            messages.append(message("user", transcript=slot(shown_transcript(example))))
            messages.append(message("assistant", answer=slot(shown_answer(fields, example))))
    messages.append(message("user", transcript=SLOT))
    prompt = Prompt(tuple(messages), tuple(texts), template, language, "")
    return Prompt(prompt.messages, prompt.texts, template, language, _hash(template, prompt.filled()))


def split(text: str) -> list[str]:
    """A chat's text around its slots: n slots give n + 1 parts, the transcript goes between them.

    Args:
        text: What a model's chat template made of messages without examples.

    Raises:
        SchemaError: No slot is left in the text.
    """
    parts = text.split(SLOT)
    if len(parts) < 2:
        raise _no_place()
    return parts


def prompt_language(language: str) -> str:
    """The language of the prompt for transcripts in a language: Persian for Persian, else English."""
    return "fa" if language == "fa" else "en"


@cache
def _template(name: str) -> Template:
    present = [file for file in (resources.files("clinextract") / "templates").iterdir() if file.name.endswith(_SUFFIX)]
    files = {file.name.removesuffix(_SUFFIX): file for file in present}
    if name not in files:
        raise SchemaError(f"there is no prompt template {name!r}", hint=f"Known are: {', '.join(sorted(files))}.")
    # A prompt is no HTML: what autoescaping would turn into entities has to reach the model as is.
    environment = Environment(undefined=StrictUndefined, autoescape=False, trim_blocks=True, lstrip_blocks=True)  # noqa: S701
    return environment.from_string(files[name].read_text(encoding="utf-8"))


def _number(digits: str) -> int:
    return int(digits.translate(_READ))


def _no_place() -> SchemaError:
    return SchemaError(
        "the prompt has no place for the transcript",
        hint="The model's chat template drops or rewrites the user's message; use a model whose template keeps it.",
    )


def _hash(template: str, messages: Sequence[Message]) -> str:
    text = json.dumps([template, *messages], ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
