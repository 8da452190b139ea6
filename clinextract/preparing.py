"""From a document to what a model is given: prompts in tokens, and windows where a transcript is long.

All of it is pure but for the prompts, which are rendered and cut into tokens once for a language.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from time import perf_counter

from clinextract.decoding.plan import Plan
from clinextract.errors import DocumentTooLong, RecordInvalid
from clinextract.evidence.asking import questions
from clinextract.fewshot import ExampleChooser
from clinextract.keeping import keep
from clinextract.models.base import LogitModel
from clinextract.prompts import Example, Prompt, default_examples, prompt_language, render
from clinextract.records import Document
from clinextract.schema.specs import FieldSpec
from clinextract.source import Source, Span
from clinextract.text import language_of
from clinextract.windows import OVERLAP, divide

KEPT = 16
"""Prompts that are kept: one for a language, or, where examples are chosen by similarity, one for a transcript."""
UNPLANNED_TOKENS = 2048
"""Most tokens of an answer without a plan, under `decoding="outlines"`."""

Middleware = Callable[[Document], Document]


@dataclass(frozen=True)
class Compiled:
    """A prompt in a model's tokens: what stands before the transcript, and what follows each of its places."""

    prompt: Prompt
    prefix: tuple[int, ...]
    rest: tuple[tuple[int, ...], ...]
    model: LogitModel
    fields: tuple[FieldSpec, ...]
    examples: tuple[Example, ...] = ()  # kept alive, since prompts are told apart by them

    def around(self, words: Sequence[int]) -> tuple[int, ...]:
        """What follows the prefix for a transcript of these tokens."""
        return tuple(token for rest in self.rest for token in (*words, *rest))

    @cached_property
    def questions(self) -> dict[str, tuple[int, ...]]:
        """For each field, the question for its evidence, from the end of the answer to where the reply begins."""
        return questions(self.model, self.fields, self.prompt.language)


@dataclass(frozen=True, slots=True)
class Reading:
    """A text that is read at once: a transcript, or a window of a long one.

    Attributes:
        compiled: The prompt around it.
        tokens: What follows the prompt's prefix.
        span: Where the text lies in its source.
        lines: The spans of its lines in its source.
    """

    compiled: Compiled
    tokens: tuple[int, ...]
    span: Span
    lines: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class View:
    """A document in one language: the one it came in, or a translation.

    Attributes:
        source: Its text.
        language: ISO 639-1 code.
        readings: Its windows, in order; one where it is not long.
    """

    source: Source
    language: str
    readings: tuple[Reading, ...]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A document on its way to the model.

    Attributes:
        document: As it was given.
        views: The one that is answered from, and those that it is compared with.
        seconds: What the preparation took.
    """

    document: Document
    views: tuple[View, ...]
    seconds: float


class Preparer:
    """Prepares documents for one model and schema.

    Args:
        model: The model.
        fields: The schema's fields.
        plan: The schema's plan; None where the answer is generated without one.
        examples: Few-shot examples, or what chooses them for each transcript; None for the shipped ones where the
            schema is the default one.
        middleware: Called in turn on every document before anything else.
        window: Most tokens of a transcript that are read at once; by default as many as the model's context holds.
    """

    def __init__(
        self,
        model: LogitModel,
        fields: tuple[FieldSpec, ...],
        plan: Plan | None,
        examples: Sequence[Example] | ExampleChooser | None,
        middleware: Sequence[Middleware],
        window: int | None,
    ) -> None:
        self._model = model
        self._fields = fields
        self._plan = plan
        self._examples = examples
        self._middleware = tuple(middleware)
        self._window = window
        self._prompts: OrderedDict[tuple[str, tuple[int, ...]], Compiled] = OrderedDict()

    def __call__(self, document: Document) -> Prepared:
        """Prepare a document.

        Raises:
            RecordInvalid: It holds nothing visible.
            DocumentTooLong: A single line of it does not fit the model's context.
            ClinExtractError: As the middleware.
        """
        started = perf_counter()
        given = document
        for middleware in self._middleware:
            document = middleware(document)
        views = [self._view(document)]
        origin = document.origin
        if origin is not None and origin.compare:
            views.append(self._view(Document(origin.text, document.id, origin.language)))
        return Prepared(given, tuple(views), perf_counter() - started)

    def compiled(self, language: str, document: Document) -> Compiled:
        """The prompt for a document in a language, rendered and cut into tokens once for the same examples."""
        chosen = self._chosen(language, document)
        prompted = prompt_language(language)
        key = (prompted, tuple(map(id, chosen)))
        compiled = self._prompts.get(key)
        if compiled is None:
            prompt = render(self._model.info.prompt, self._fields, chosen, prompted)
            prefix, *rest = prompt.tokens(self._model.chat(prompt.messages), self._model.tokenizer)
            compiled = Compiled(prompt, prefix, tuple(rest), self._model, self._fields, chosen)
            keep(self._prompts, key, compiled, KEPT)
        return compiled

    def _chosen(self, language: str, document: Document) -> tuple[Example, ...]:
        if self._examples is None:
            return default_examples(self._fields, prompt_language(language))
        if isinstance(self._examples, Sequence):
            return tuple(self._examples)
        return self._examples(document, language)

    def _view(self, document: Document) -> View:
        source = Source(document)
        if not source.text:
            raise RecordInvalid(
                "the transcript holds nothing but invisible characters",
                hint="Drop records without text.",
                document_id=document.id,
            )
        language = document.language or language_of(source.text)
        compiled = self.compiled(language, document)
        return View(source, language, tuple(self._readings(source, compiled)))

    def _readings(self, source: Source, compiled: Compiled) -> list[Reading]:
        encode = self._model.tokenizer.encode
        room = self._room(compiled)
        whole = encode(source.text)
        if not whole:
            raise RecordInvalid(
                "the model's vocabulary has no token for any character of the transcript",
                hint="Use a model with a byte-level vocabulary.",
                document_id=source.document.id,
            )
        if room is None or len(whole) <= room:
            return [Reading(compiled, compiled.around(whole), (0, len(source.text)), source.lines)]

        def span(first: int, last: int) -> Span:
            return source.lines[first][0], source.lines[last - 1][1]

        def fits(first: int, last: int) -> bool:
            start, end = span(first, last)
            return len(encode(source.text[start:end])) <= room

        windows = divide(source.lines, fits, overlap=OVERLAP)
        if not windows:
            taken = self._taken(compiled)
            limit = self._model.info.context or room + taken
            # Combining marks on a line break are visible, and lie in no line.
            longest = max((len(encode(source.text[start:end])) for start, end in source.lines), default=len(whole))
            raise DocumentTooLong(taken + longest * len(compiled.rest), limit, document_id=source.document.id)
        readings = []
        for first, last in windows:
            start, end = span(first, last)
            tokens = compiled.around(encode(source.text[start:end]))
            readings.append(Reading(compiled, tokens, (start, end), source.lines[first:last]))
        return readings

    def _room(self, compiled: Compiled) -> int | None:
        """Most tokens of a text that is read at once; None where there is no limit."""
        limit = self._model.info.context
        if limit is None:
            return self._window
        room = (limit - self._taken(compiled)) // len(compiled.rest)
        return room if self._window is None else min(room, self._window)

    def _taken(self, compiled: Compiled) -> int:
        """Tokens of prompt and answer, without the transcript.

        The longest answer of a schema with lists may be longer than any context, and is never seen: a third of the
        context is kept for it at most, and an answer that needs more is an error of its own.
        """
        answer = self._plan.longest if self._plan else UNPLANNED_TOKENS
        limit = self._model.info.context
        if limit is not None:
            answer = min(answer, max(limit // 3, self._plan.tokens if self._plan else 0))
        return len(compiled.prefix) + sum(map(len, compiled.rest)) + answer
