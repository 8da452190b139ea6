"""From transcripts to features: one object that is compiled once, and one function that makes it for one call.

`_prepare` and `_finish` are pure; between them stands the one call of the model, in `_decode`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from itertools import groupby, islice
from time import perf_counter
from typing import Generic, Literal

from pydantic import BaseModel, ValidationError
from typing_extensions import TypeVar

from clinextract.decoding.choices import Decision
from clinextract.decoding.decode import Decisions, Guess, decode
from clinextract.decoding.judge import canonical_regex
from clinextract.decoding.opens import Guides
from clinextract.decoding.plan import build_plan
from clinextract.errors import (
    ClinExtractError,
    DocumentTooLong,
    ModelOutputError,
    RecordInvalid,
    SchemaError,
    mapped,
)
from clinextract.models.base import GuidedModel, LogitModel, Order
from clinextract.models.loading import load_model
from clinextract.palliative import PalliativeCall
from clinextract.prompts import Example, Prompt, check_examples, default_examples, render, split
from clinextract.records import Answer, Document, Extraction, Failure, Provenance, Stage
from clinextract.schema.features import canonical_json, fields_of, schema_hash
from clinextract.text import language_of, normalise

S = TypeVar("S", bound=BaseModel, default=PalliativeCall)
Middleware = Callable[[Document], Document]
Decoding = Literal["skeleton", "outlines"]

REVIEW_BAND = (0.25, 0.75)
"""Probabilities between these two are for a person to look at, until a calibration says better."""
WINDOW = 8
"""Batches that are read ahead, so that documents of like length can be decoded together."""
_UNPLANNED_TOKENS = 2048
"""Most tokens of an answer without a plan, under `decoding="outlines"`."""


@dataclass(frozen=True, slots=True)
class _Compiled:
    """A prompt in a model's tokens: what stands before the transcript, and what follows each of its places."""

    prompt: Prompt
    prefix: tuple[int, ...]
    rest: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A document on its way to the model: `tokens` follow the compiled prompt's prefix."""

    document: Document
    language: str
    compiled: _Compiled
    tokens: tuple[int, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class _Decoded:
    """What the model said of one document, and what it took."""

    decisions: Decisions
    seconds: float
    passes: int


class Extractor(Generic[S]):
    """Extracts a schema's features from transcripts with one model.

    The plan is built, and judged by Outlines, here in the constructor. A prompt's common part is run through the model
    at the first transcript in a language and reused for all that follow.

    Args:
        schema: A Pydantic model class; by default the thirteen features of palliative-care calls.
        model: A name for `load_model`, or a loaded model; None for $CLINEXTRACT_MODEL, else the embedded one.
        decoding: "skeleton" (draft, verify, repair), or "outlines" for `outlines.Generator` on the same model and
            prompt, which takes any JSON schema, gives no probabilities, and needs a pass of the model for every token.
        order: "joint" (each field given those before it) or "independent"; None for the model's better one.
        examples: Few-shot examples; None for the shipped ones where the schema is the default one.
        middleware: Called in turn on every document before anything else.
        review_band: Two probabilities; a yes/no answer whose P(yes) lies between them is marked for review, and another
            choice whose P(value) lies below the upper one.

    Raises:
        SchemaError: The schema cannot be decoded, an example does not fit it, or the model knows only other features.
        ModelError: The model cannot be used.
    """

    def __init__(
        self,
        schema: type[S] = PalliativeCall,  # type: ignore[assignment]
        model: str | LogitModel | None = None,
        *,
        decoding: Decoding = "skeleton",
        order: Order | None = None,
        examples: Sequence[Example] | None = None,
        middleware: Sequence[Middleware] = (),
        review_band: tuple[float, float] = REVIEW_BAND,
    ) -> None:
        self.schema = schema
        self.decoding = decoding
        self.model = load_model(model)
        self.order: Order = order or self.model.info.order
        self._fields = fields_of(schema, planned=decoding == "skeleton")
        self._yes_no = {field.name for field in self._fields if field.kind == "boolean"}
        self._check_known()
        self._regex = canonical_regex(schema)
        self.plan = build_plan(self._fields, self.model.tokenizer, self._regex) if decoding == "skeleton" else None
        if decoding == "outlines" and not isinstance(self.model, GuidedModel):
            raise SchemaError(
                f"{self.model!r} cannot be run by outlines.Generator", hint="Use a model of transformers."
            )
        if examples is not None:
            check_examples(schema, examples)
        self._examples = examples
        self._middleware = tuple(middleware)
        self._review_band = review_band
        self._guides = Guides(self.model.tokenizer)
        self._schema_hash = schema_hash(schema)
        self._prompts: dict[str, _Compiled] = {}

    def __repr__(self) -> str:
        return f"Extractor({self.schema.__name__}, {self.model!r}, decoding={self.decoding!r}, order={self.order!r})"

    def __call__(self, document: str | Document, *, guess: Guess | None = None) -> Extraction[S]:
        """Extract the features of one transcript.

        Args:
            document: The transcript.
            guess: What the answer probably is, by field: a good guess saves a pass, and never changes the answer.

        Raises:
            RecordInvalid: The transcript is empty or is not text.
            DocumentTooLong: It does not fit the model's context; nothing is ever cut.
            ModelError: The model failed.
        """
        prepared = self._prepare(_document(document))
        with mapped("decoding", prepared.document.id):
            [decoded] = self._decode([prepared], guess)
        return self._finish(prepared, decoded)

    def batch(self, documents: Iterable[str | Document], *, batch_size: int = 8) -> Iterator[Extraction[S] | Failure]:
        """Extract the features of many transcripts, with one result for each, in their order.

        Documents are read a few batches ahead, and those of like length are decoded together. One that cannot be done
        is a `Failure` in its place, and the rest goes on.

        Args:
            documents: Any iterable; it is read as results are taken.
            batch_size: How many are decoded at once.
        """
        if batch_size < 1:
            raise ValueError("batch_size must be at least 1")
        source = enumerate(documents)
        while window := list(islice(source, WINDOW * batch_size)):
            results: dict[int, Extraction[S] | Failure] = {}
            ready: list[tuple[int, _Prepared]] = []
            for position, document in window:
                prepared = self._try_prepare(position, document)
                if isinstance(prepared, Failure):
                    results[position] = prepared
                else:
                    ready.append((position, prepared))
            ready.sort(key=lambda item: (item[1].compiled.prompt.hash, len(item[1].tokens)))
            for batch in _batches(ready, batch_size):
                outcomes = self._try_batch([prepared for _, prepared in batch])
                results |= zip((position for position, _ in batch), outcomes, strict=True)
            for position, _ in window:
                yield results[position]

    def _check_known(self) -> None:
        """A model trained for a schema knows nothing else, and must not be asked for anything else."""
        known = self.model.info.fields
        if known and tuple(field.name for field in self._fields) != known:
            raise SchemaError(
                f"the model {self.model.info.name!r} knows only the {len(known)} features that it was trained on",
                hint="For another schema use a model that follows instructions, such as "
                "model='Qwen/Qwen2.5-7B-Instruct'.",
            )

    def _prepare(self, document: Document) -> _Prepared:
        started = perf_counter()
        for middleware in self._middleware:
            document = middleware(document)
        # A file ends with a line break and a typed text does not: the same words get the same answer.
        text = normalise(document.text).text.strip()
        if not text:
            raise RecordInvalid(
                "the transcript holds nothing but invisible characters",
                hint="Drop records without text.",
                document_id=document.id,
            )
        language = document.language or language_of(text)
        compiled = self._compiled("fa" if language == "fa" else "en")
        words = self.model.tokenizer.encode(text)
        tokens = tuple(token for rest in compiled.rest for token in (*words, *rest))
        answer = self.plan.longest if self.plan else 0
        total, limit = len(compiled.prefix) + len(tokens) + answer, self.model.info.context
        if limit is not None and total > limit:
            raise DocumentTooLong(total, limit, document_id=document.id)
        return _Prepared(document, language, compiled, tokens, perf_counter() - started)

    def _compiled(self, language: str) -> _Compiled:
        """The prompt in a language, rendered and cut into tokens once."""
        if language not in self._prompts:
            examples = self._examples
            if examples is None:
                examples = default_examples(self._fields, language)
            prompt = render(self.model.info.prompt, self._fields, examples, language)
            encode = self.model.tokenizer.encode_control
            prefix, *rest = (tuple(encode(part)) for part in split(self.model.chat(prompt.messages)))
            self._prompts[language] = _Compiled(prompt, prefix, tuple(rest))
        return self._prompts[language]

    def _decode(self, batch: Sequence[_Prepared], guess: Guess | None = None) -> list[_Decoded]:
        """The one call of the model, for documents of one language."""
        if self.plan is None:
            return [self._generate(prepared) for prepared in batch]
        started = perf_counter()
        prefix = self.model.prefill(batch[0].compiled.prefix)
        session = self.model.session(prefix, len(batch))
        prompts = [prepared.tokens for prepared in batch]
        decisions = decode(session, self.plan, prompts, self._guides, order=self.order, guess=guess)
        seconds = (perf_counter() - started) / len(batch)
        return [_Decoded(one, seconds, session.passes) for one in decisions]

    def _generate(self, prepared: _Prepared) -> _Decoded:
        """Token by token under `outlines.Generator`."""
        assert isinstance(self.model, GuidedModel)
        started = perf_counter()
        tokens = [*prepared.compiled.prefix, *prepared.tokens]
        limit = self.model.info.context
        room = _UNPLANNED_TOKENS if limit is None else min(_UNPLANNED_TOKENS, limit - len(tokens))
        text = self.model.generate(tokens, self._regex, room)
        try:
            values = json.loads(text)
        except ValueError:  # also for a number of thousands of digits
            raise ModelOutputError(
                f"the answer was not complete after {room} tokens",
                hint="Bound the schema's texts, or use decoding='skeleton'.",
                document_id=prepared.document.id,
            ) from None
        decisions = {name: Decision(value, None) for name, value in values.items()}
        return _Decoded(decisions, perf_counter() - started, len(self.model.tokenizer.encode(text)))

    def _finish(self, prepared: _Prepared, decoded: _Decoded) -> Extraction[S]:
        started = perf_counter()
        values = {name: decision.value for name, decision in decoded.decisions.items()}
        try:
            features = self.schema.model_validate_json(canonical_json(values), by_alias=False, by_name=True)
        except ValidationError as error:
            places = {str(one["loc"][0]) for one in error.errors(include_input=False) if one["loc"]}
            raise ModelOutputError(
                f"the answer is valid JSON for {self.schema.__name__}, but its own validators refuse it"
                + (f": {', '.join(sorted(places))}" if places else ""),
                hint="Validators that look at several fields cannot be kept by decoding; loosen them.",
                document_id=prepared.document.id,
            ) from None
        answers = {
            name: Answer(getattr(features, name), decision.probability, self._in_doubt(name, decision))
            for name, decision in decoded.decisions.items()
        }
        seconds = {
            "prepare": prepared.seconds,
            "decode": decoded.seconds,
            "finish": perf_counter() - started,
        }
        return Extraction(prepared.document.id, features, answers, self._provenance(prepared, decoded, seconds))

    def _in_doubt(self, name: str, decision: Decision) -> bool:
        low, high = self._review_band
        if decision.probability is None:
            return False
        # P(yes) is sure at both ends; the probability of a chosen value is sure at the upper one only.
        return decision.probability < high and (name not in self._yes_no or decision.probability > low)

    def _provenance(self, prepared: _Prepared, decoded: _Decoded, seconds: dict[str, float]) -> Provenance:
        info = self.model.info
        return Provenance(
            model=info.name,
            model_hash=info.hash,
            prompt_hash=prepared.compiled.prompt.hash,
            schema_hash=self._schema_hash,
            decoding=self.decoding,
            order=self.order,
            language=prepared.language,
            versions={"clinextract": version("clinextract"), **info.versions},
            seconds=seconds,
            tokens={
                "prefix": len(prepared.compiled.prefix),
                "transcript": len(prepared.tokens),
                "answer": self.plan.tokens if self.plan else decoded.passes,
            },
            passes=decoded.passes,
        )

    def _try_prepare(self, position: int, given: str | Document) -> _Prepared | Failure:
        """A document prepared, or why it cannot be."""
        stage: Stage = "read"
        name = f"#{position}"
        try:
            document = _document(given)
            name, stage = document.id, "prepare"
            return self._prepare(document)
        except ClinExtractError as error:
            return Failure(name, error.with_document(name), stage)

    def _try_batch(self, batch: Sequence[_Prepared]) -> list[Extraction[S] | Failure]:
        """Results of a batch; where the model fails on it, of each document alone."""
        try:
            with mapped("decoding"):
                decoded = self._decode(batch)
        except ClinExtractError as error:
            if len(batch) > 1:
                return [result for prepared in batch for result in self._try_batch([prepared])]
            name = batch[0].document.id
            return [Failure(name, error.with_document(name), "decode")]
        return [self._try_finish(*pair) for pair in zip(batch, decoded, strict=True)]

    def _try_finish(self, prepared: _Prepared, decoded: _Decoded) -> Extraction[S] | Failure:
        try:
            return self._finish(prepared, decoded)
        except ClinExtractError as error:
            return Failure(prepared.document.id, error, "finish")


def extract(
    transcript: str | Document,
    *,
    schema: type[S] = PalliativeCall,  # type: ignore[assignment]
    model: str | LogitModel | None = None,
    middleware: Sequence[Middleware] = (),
) -> Extraction[S]:
    """Extract a schema's features from one transcript: opens an `Extractor` for one call.

    A model that was named is kept in memory, so the second call is fast; for many transcripts use `Extractor.batch`.

    Args:
        transcript: The text of a call.
        schema: As for `Extractor`.
        model: As for `Extractor`.
        middleware: As for `Extractor`.

    Raises:
        ClinExtractError: As `Extractor` and its call.
    """
    return Extractor(schema, model, middleware=middleware)(transcript)


def _document(given: str | Document) -> Document:
    return given if isinstance(given, Document) else Document(given)


def _batches(ready: Sequence[tuple[int, _Prepared]], size: int) -> Iterator[Sequence[tuple[int, _Prepared]]]:
    """Runs of at most `size` documents that share a prompt."""
    for _, group in groupby(ready, key=lambda item: item[1].compiled.prompt.hash):
        members = list(group)
        for start in range(0, len(members), size):
            yield members[start : start + size]
