"""From transcripts to features: one object that is compiled once, and one function that makes it for one call.

Preparing and finishing are pure; between them stands the one call of the model, an `Answerer`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import version
from itertools import groupby, islice
from os import PathLike
from time import perf_counter
from typing import Any, Generic, get_args

from pydantic import BaseModel
from typing_extensions import TypeVar

from clinextract.answering import Answerer, Decoded, Decoding, Job
from clinextract.calibration.calibrator import BAND, Calibrator
from clinextract.decoding.judge import canonical_regex
from clinextract.decoding.plan import build_plan
from clinextract.decoding.rows import Constraints, Guess
from clinextract.errors import ClinExtractError, SchemaError, bare, mapped, unchained
from clinextract.fewshot import ExampleChooser, FewShot
from clinextract.finishing import Finisher
from clinextract.models.base import GuidedModel, LogitModel, Order
from clinextract.models.loading import load_model
from clinextract.palliative import PalliativeCall
from clinextract.preparing import Middleware, Prepared, Preparer
from clinextract.prompts import Example, check_examples
from clinextract.records import Document, Extraction, Failure, Provenance, Stage
from clinextract.schema.features import fields_of, schema_hash
from clinextract.schema.rules import Rules
from clinextract.schema_files.loading import examples_of

S = TypeVar("S", bound=BaseModel, default=PalliativeCall)

REVIEW_BAND = BAND
"""Probabilities between these two are for a person to look at, until a calibration says better."""
WINDOW = 8
"""Batches that are read ahead, so that documents of like length can be decoded together."""


class Extractor(Generic[S]):
    """Extracts a schema's features from transcripts with one model.

    The plan is built, and judged by Outlines, here in the constructor. A prompt's common part is run through the model
    at the first transcript in a language and reused for all that follow.

    Args:
        schema: A Pydantic model class; by default the thirteen features of palliative-care calls.
        model: A name or folder for `load_model`, or a loaded model; None for $CLINEXTRACT_MODEL, else the embedded one.
        decoding: "skeleton" (draft, verify, repair), or "outlines" for `outlines.Generator` on the same model and
            prompt, which takes any JSON schema, gives no probabilities, keeps no rules, and needs a pass of the model
            for every token.
        order: "joint" (each field given those before it) or "independent"; None for the model's better one.
        examples: Few-shot examples, or a `FewShot` that chooses them for each transcript; None for those of the
            schema's file, or the shipped ones of the default schema. None is shown for its own transcript.
        middleware: Called in turn on every document before anything else.
        review_band: Two probabilities; a yes/no answer whose P(yes) lies between them is marked for review, and another
            choice whose P(value) lies below the upper one.
        calibrator: Fitted on labelled calls with this schema, model, order and these prompts. The probabilities of
            yes/no answers are then calibrated, an answer is yes from its field's threshold on, and review bands are its
            fields'. A document in a language that the labelled calls lacked is refused.
        evidence: Whether to find, for every field that is present, which lines of the transcript show it.
        window: Most tokens of a transcript that are read at once; by default as many as the model's context holds. A
            longer transcript is read in windows of whole lines.
        keep_translation: Whether a result holds the translation that the model read, where there was one.

    Raises:
        SchemaError: The schema cannot be decoded, its rules contradict each other, an example does not fit it, or the
            model knows only other features or gives no evidence.
        CalibrationError: The calibration belongs to another schema, model or order, or `decoding` gives no
            probabilities.
        ModelError: The model cannot be used.
        ValueError: An argument is none of those named here.
    """

    def __init__(  # noqa: PLR0913 - each has a default that most users leave
        self,
        schema: type[S] = PalliativeCall,  # type: ignore[assignment]
        model: str | PathLike[str] | LogitModel | None = None,
        *,
        decoding: Decoding = "skeleton",
        order: Order | None = None,
        examples: Sequence[Example] | ExampleChooser | None = None,
        middleware: Sequence[Middleware] = (),
        review_band: tuple[float, float] = REVIEW_BAND,
        calibrator: Calibrator | None = None,
        evidence: bool = False,
        window: int | None = None,
        keep_translation: bool = False,
    ) -> None:
        _check_arguments(decoding, order, review_band, window)
        self.schema = schema
        self.decoding = decoding
        self.model = load_model(model)
        self.order: Order = order or self.model.info.order
        self._fields = fields_of(schema, planned=decoding == "skeleton")
        self._check_able(evidence=evidence)
        rules = Rules(self._fields)
        regex = canonical_regex(schema)
        self.plan = build_plan(self._fields, self.model.tokenizer, regex) if decoding == "skeleton" else None
        examples = examples_of(schema) if examples is None else examples
        if examples is not None:
            pool = examples if isinstance(examples, Sequence) else examples.pool
            check_examples(schema, pool)
            examples = FewShot(pool, count=len(pool)) if isinstance(examples, Sequence) and pool else examples
        self._schema_hash = schema_hash(schema)
        if calibrator is not None:
            calibrator.check(
                schema_hash=self._schema_hash, model_hash=self.model.info.hash, order=self.order, decoding=decoding
            )
        self._calibrator = calibrator
        constraints = Constraints(rules, calibrator.cutoffs if calibrator else {})
        self._prepare = Preparer(self.model, self._fields, self.plan, examples, middleware, window)
        self._answer = Answerer(
            self.model, self._fields, self.plan, regex, order=self.order, constraints=constraints, evidence=evidence
        )
        self._finish = Finisher(schema, self._fields, rules, review_band, calibrator)
        self.keeps_translation = keep_translation
        # All that does not belong to the schema or the model: for another schema to be asked in the same way.
        self.settings: Mapping[str, Any] = {
            "decoding": decoding, "order": self.order, "examples": examples, "middleware": tuple(middleware),
            "review_band": review_band, "evidence": evidence, "window": window, "keep_translation": keep_translation,
        }  # fmt: skip

    def __repr__(self) -> str:
        return f"Extractor({self.schema.__name__}, {self.model!r}, decoding={self.decoding!r}, order={self.order!r})"

    def __call__(self, document: str | Document, *, guess: Guess | None = None) -> Extraction[S]:
        """Extract the features of one transcript.

        Args:
            document: The transcript.
            guess: What the answer probably is, by field: a good guess saves a pass, and never changes the answer.

        Raises:
            RecordInvalid: The transcript is empty or is not text.
            DocumentTooLong: A single line of it does not fit the model's context; nothing is ever cut.
            ModelError: The model failed.
            ClinExtractError: As the middleware.
        """
        with unchained():
            prepared = self._checked(_document(document))
            jobs = _jobs(0, prepared)
            with mapped("decoding", prepared.document.id):
                decoded = [self._answer([job], guess)[0] for job in jobs]
            return self._result(prepared, dict(zip((job.place for job in jobs), decoded, strict=True)))

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
        while ahead := list(islice(source, WINDOW * batch_size)):
            ready = {position: self._try_prepare(position, document) for position, document in ahead}
            jobs = [
                job
                for position, prepared in ready.items()
                if isinstance(prepared, Prepared)
                for job in _jobs(position, prepared)
            ]
            jobs.sort(key=lambda job: (job.reading.compiled.prompt.hash, len(job.reading.tokens)))
            decoded: dict[tuple[int, int, int], Decoded | ClinExtractError] = {}
            for batch in _batches(jobs, batch_size):
                decoded |= zip((job.place for job in batch), self._try_decode(batch), strict=True)
            for position, prepared in ready.items():
                if isinstance(prepared, Failure):
                    yield prepared
                else:
                    yield self._try_finish(position, prepared, decoded)

    def _check_able(self, *, evidence: bool) -> None:
        """Whether the model can be asked for this schema at all, and in this way."""
        info = self.model.info
        if info.fields and tuple(field.name for field in self._fields) != info.fields:
            # A model trained for a schema knows nothing else, and must not be asked for anything else.
            raise SchemaError(
                f"the model {info.name!r} knows only the {len(info.fields)} features that it was trained on",
                hint="For another schema use a model that follows instructions, such as "
                "model='Qwen/Qwen2.5-7B-Instruct'.",
            )
        if self.decoding == "outlines" and not isinstance(self.model, GuidedModel):
            raise SchemaError(
                f"{self.model!r} cannot be run by outlines.Generator", hint="Use a model of transformers."
            )
        if evidence and (self.decoding == "outlines" or not info.evidence):
            what = f"the model {info.name!r}" if self.decoding == "skeleton" else "decoding='outlines'"
            raise SchemaError(
                f"{what} gives no evidence",
                hint="Leave evidence out, or use a model that follows instructions, with decoding='skeleton'.",
            )

    def _checked(self, document: Document) -> Prepared:
        prepared = self._prepare(document)
        if self._calibrator is not None:
            for view in prepared.views:
                prompt = view.readings[0].compiled.prompt
                self._calibrator.check_prompt(prompt.hash, prompt.language, document.id)
        return prepared

    def _result(self, prepared: Prepared, decoded: Mapping[tuple[int, int, int], Decoded]) -> Extraction[S]:
        """The result of a document whose readings, by position, view and window, are all decoded."""
        started = perf_counter()
        views: list[list[Decoded]] = [[] for _ in prepared.views]
        for (_, view, _), one in sorted(decoded.items(), key=lambda item: item[0]):
            views[view].append(one)
        features, answers = self._finish(prepared, views)
        seconds = {
            "prepare": prepared.seconds,
            "decode": sum(one.seconds for one in decoded.values()),
            "finish": perf_counter() - started,
        }
        document = prepared.views[0].source.document
        translation = document.text if self.keeps_translation and document.origin is not None else None
        provenance = self._provenance(prepared, list(decoded.values()), seconds)
        return Extraction(prepared.document.id, features, answers, provenance, translation)

    def _provenance(self, prepared: Prepared, decoded: Sequence[Decoded], seconds: dict[str, float]) -> Provenance:
        info = self.model.info
        view = prepared.views[0]
        compiled = view.readings[0].compiled
        readings = [reading for one in prepared.views for reading in one.readings]
        passes = sum(one.passes for one in decoded)
        return Provenance(
            model=info.name,
            model_hash=info.hash,
            prompt_hash=compiled.prompt.hash,
            schema_hash=self._schema_hash,
            decoding=self.decoding,
            order=self.order,
            language=view.language,
            versions={"clinextract": version("clinextract"), **info.versions},
            seconds=seconds,
            tokens={
                "prefix": len(compiled.prefix),
                "transcript": sum(len(reading.tokens) for reading in readings),
                "answer": self.plan.tokens if self.plan else passes,
            },
            passes=passes,
            windows=len(view.readings),
            notes=view.source.document.notes,
            calibration=self._calibrator.hash if self._calibrator else None,
        )

    def _try_prepare(self, position: int, given: str | Document) -> Prepared | Failure:
        """A document prepared, or why it cannot be."""
        stage: Stage = "read"
        name = f"#{position}"
        try:
            document = _document(given)
            name, stage = document.id, "prepare"
            return self._checked(document)
        except ClinExtractError as error:
            return Failure(name, bare(error.with_document(name)), stage)

    def _try_decode(self, batch: Sequence[Job]) -> list[Decoded | ClinExtractError]:
        """What a batch gives; where the model fails on it, what each reading gives alone."""
        try:
            with mapped("decoding"):
                return [*self._answer(batch)]
        except ClinExtractError as error:
            failed = bare(error)
        # Only now is the memory of the batch free again, which its readings may need.
        if len(batch) > 1:
            return [one for job in batch for one in self._try_decode([job])]
        return [failed]

    def _try_finish(
        self,
        position: int,
        prepared: Prepared,
        decoded: Mapping[tuple[int, int, int], Decoded | ClinExtractError],
    ) -> Extraction[S] | Failure:
        mine: dict[tuple[int, int, int], Decoded] = {}
        for job in _jobs(position, prepared):
            one = decoded[job.place]
            if isinstance(one, ClinExtractError):
                return Failure(job.document_id, one.with_document(job.document_id), "decode")
            mine[job.place] = one
        try:
            return self._result(prepared, mine)
        except ClinExtractError as error:
            return Failure(prepared.document.id, bare(error.with_document(prepared.document.id)), "finish")


def extract(
    transcript: str | Document,
    *,
    schema: type[S] = PalliativeCall,  # type: ignore[assignment]
    model: str | PathLike[str] | LogitModel | None = None,
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


def _check_arguments(decoding: str, order: str | None, review_band: tuple[float, float], window: int | None) -> None:
    """Whether the arguments that would go unnoticed, or be noticed late, are among those that mean something."""
    if decoding not in get_args(Decoding):
        raise ValueError(f"decoding must be one of {', '.join(map(repr, get_args(Decoding)))}")
    if order is not None and order not in get_args(Order):
        raise ValueError(f"order must be None or one of {', '.join(map(repr, get_args(Order)))}")
    low, high = review_band
    if not 0 <= low <= high <= 1:
        raise ValueError("review_band must be two probabilities, the lower one first")
    if window is not None and window < 1:
        raise ValueError("window must be at least 1")


def _document(given: str | Document) -> Document:
    return given if isinstance(given, Document) else Document(given)


def _jobs(position: int, prepared: Prepared) -> list[Job]:
    """The readings of a document, each with the text that it reads."""
    return [
        Job(position, number, window, reading, view.source.text[slice(*reading.span)], prepared.document.id)
        for number, view in enumerate(prepared.views)
        for window, reading in enumerate(view.readings)
    ]


def _batches(jobs: Sequence[Job], size: int) -> Iterator[Sequence[Job]]:
    """Runs of at most `size` readings that share a prompt."""
    for _, group in groupby(jobs, key=lambda job: job.reading.compiled.prompt.hash):
        members = list(group)
        for start in range(0, len(members), size):
            yield members[start : start + size]
