"""The values that go in and come out. All are frozen, and none shows a patient's words in its `repr`."""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel

from clinextract.errors import ClinExtractError, RecordInvalid

S = TypeVar("S", bound=BaseModel)

EvidenceStatus = Literal["exact", "none"]

Stage = Literal["read", "prepare", "decode", "finish"]
"""Where in its way through the extractor a document was when something happened."""

_LANGUAGE = re.compile(r"([a-z]{2})([-_].*)?", re.DOTALL)
"""A code of two letters, or one that begins with it, such as fa-IR."""


def language_code(given: object) -> str | None:
    """The ISO 639-1 code that a tag of a language says, "fa" of " FA " and of "fa-IR"; None where it says none."""
    tag = _LANGUAGE.fullmatch(given.strip().lower()) if isinstance(given, str) else None
    return tag[1] if tag else None


@dataclass(frozen=True, slots=True)
class Origin:
    """The original of a translated document, and the way back to it.

    Attributes:
        text: The original transcript.
        language: Its ISO 639-1 code.
        spans: One for every line that was translated, in order: start and end in the document's text, then start and
            end, in the original, of what that stretch renders. Offsets in characters, ends excluded.
        compare: Whether the extractor is to read the original too and to mark the answers that differ.

    Raises:
        ValueError: The spans are not in order, overlap, or do not lie in the original.
    """

    text: str
    language: str
    spans: tuple[tuple[int, int, int, int], ...]
    compare: bool = False

    def __post_init__(self) -> None:
        done, seen = 0, 0
        for start, end, first, last in self.spans:
            if not (done <= start <= end and seen <= first <= last <= len(self.text)):
                raise ValueError("the spans of an origin must be in order, apart, and inside its text")
            done, seen = end, last

    def back(self, start: int, end: int) -> tuple[int, int]:
        """The span of the original that [start, end) of the translation came from: all stretches that it touches.

        A span that touches none, such as a line break, gives the empty span behind the stretch before it.

        Raises:
            ValueError: The end is before the start, or the start is negative.
        """
        if not 0 <= start <= end:
            raise ValueError(f"no span ({start}, {end})")
        # An empty span belongs to the stretch whose character stands behind it.
        first = bisect_right(self.spans, start, key=lambda span: span[1])
        beyond = bisect_left(self.spans, max(end, start + 1), key=lambda span: span[0])
        if first < beyond:
            return self.spans[first][2], self.spans[beyond - 1][3]
        place = self.spans[first - 1][3] if first else 0
        return place, place

    def __repr__(self) -> str:
        return f"Origin(characters={len(self.text)}, language={self.language!r}, lines={len(self.spans)})"


@dataclass(frozen=True, slots=True)
class Document:
    """One transcript.

    Attributes:
        text: The transcript as it was given. Every offset in the results counts characters of this text.
        id: A name for it in results and errors; by default the first 12 hexadecimal digits of the text's SHA-256.
        language: ISO 639-1 code, which a tag such as "fa-IR" becomes; None to have it found out.
        origin: What the text is a translation of, where it is one; such a document is not translated again.
        notes: What befell it on its way, one sentence each, without a patient's words: "translated from fa by ...".

    Raises:
        RecordInvalid: The transcript is empty or is not text, or the language is none that has a code.
    """

    text: str
    id: str = ""
    language: str | None = None
    origin: Origin | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.text, str):
            raise RecordInvalid(
                f"a transcript must be text, not {type(self.text).__name__}",
                hint="Decode bytes first, and drop records that have no transcript.",
                document_id=self.id or None,
            )
        if not self.text.strip():
            raise RecordInvalid(
                "the transcript is empty", hint="Drop records without text.", document_id=self.id or None
            )
        try:
            encoded = self.text.encode("utf-8")
        except UnicodeEncodeError:
            encoded = b""
        if not encoded:  # raised here, since the codec's error holds the text
            raise RecordInvalid(
                "the transcript holds characters that are not Unicode text (lone surrogates)",
                hint="Read the file as UTF-8 and without errors='surrogateescape'.",
                document_id=self.id or None,
            )
        if self.language:
            object.__setattr__(self, "language", self._language())
        if not self.id:
            object.__setattr__(self, "id", hashlib.sha256(encoded).hexdigest()[:12])

    def _language(self) -> str:
        code = language_code(self.language)
        if code is None:
            raise RecordInvalid(
                "the language of the transcript is no ISO 639-1 code",
                hint="Give a code of two letters, such as 'fa', or None to have the language found out.",
                document_id=self.id or None,
            )
        return code

    def __repr__(self) -> str:
        translated = ", translated" if self.origin else ""
        return f"Document(id={self.id!r}, characters={len(self.text)}, language={self.language!r}{translated})"


@dataclass(frozen=True, slots=True)
class Evidence:
    """Words of the transcript that an answer rests on.

    Attributes:
        line: Number of the line in the transcript, from 1.
        start, end: Offsets in characters of the original text, end excluded.
        text: The words themselves: `document.text[start:end]`.
    """

    line: int
    start: int
    end: int
    text: str

    def __repr__(self) -> str:
        return f"Evidence(line={self.line}, start={self.start}, end={self.end})"


@dataclass(frozen=True, slots=True)
class Answer:
    """One field's answer.

    Attributes:
        value: The value, of the field's type.
        probability: For a boolean, P(value is true); else P(value), its share among the alternatives. None for free
            text.
        review: Whether a person should look, because the probability lies inside the extractor's review band.
        evidence: The words that the answer rests on, the best ones first; of quotes always, else where asked for.
        evidence_status: "exact": `evidence` stands in the transcript; "none": it was asked for, and could not be
            located; None: it was not asked for, or there is nothing to show.
    """

    value: Any
    probability: float | None
    review: bool
    evidence: tuple[Evidence, ...] = ()
    evidence_status: EvidenceStatus | None = None

    def __repr__(self) -> str:
        probability = "None" if self.probability is None else f"{self.probability:.3f}"
        return f"Answer(value={_shown(self.value)}, probability={probability}, review={self.review})"


def _shown(value: object) -> str:
    """A value that cannot be words; of any other its type, and how much of it there is."""
    if isinstance(value, str):
        return f"<{len(value)} characters>"
    if value is None or isinstance(value, bool | int | float | Enum):  # the members of an Enum are the schema's words
        return repr(value)
    if isinstance(value, list | tuple | set | frozenset | dict):
        return f"<{type(value).__name__} of {len(value)}>"
    return f"<{type(value).__name__}>"


@dataclass(frozen=True, slots=True)
class Provenance:
    """How a result came about: enough to make it again.

    Attributes:
        model: The model's name as it was given; `model_hash`, `prompt_hash`, `schema_hash`: first 16 hexadecimal digits
            of a SHA-256 over weights and tokenizer, over the prompt without the transcript, and over the schema.
        decoding: "skeleton" or "outlines"; order: "joint" or "independent".
        language: ISO 639-1 code of the transcript.
        versions: Of clinextract and of what took part in the result.
        seconds: By stage; for a batch, the batch's time divided by its rows.
        tokens: "prefix" (reused), "transcript" (with what follows it in the prompt), "answer".
        passes: Passes of the model over this transcript, of all its windows together.
        windows: Into how many windows the transcript was divided; 1 where it was read whole.
        notes: What befell the document on its way, one sentence each: what translated it, or why it was not translated.
        calibration: First 16 hexadecimal digits of a SHA-256 over the calibration; None where there was none.
    """

    model: str
    model_hash: str
    prompt_hash: str
    schema_hash: str
    decoding: str
    order: str
    language: str
    versions: Mapping[str, str] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    tokens: Mapping[str, int] = field(default_factory=dict)
    passes: int = 0
    windows: int = 1
    notes: tuple[str, ...] = ()
    calibration: str | None = None


@dataclass(frozen=True, slots=True)
class Extraction(Generic[S]):
    """What was found in one document.

    Attributes:
        id: The document's id.
        features: An instance of the schema; every field is there.
        answers: By field name: value, probability, whether to review, evidence.
        provenance: How the result came about.
        translation: What the model read where the document was translated and the extractor keeps translations.
    """

    id: str
    features: S
    answers: Mapping[str, Answer]
    provenance: Provenance
    translation: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "answers", MappingProxyType(dict(self.answers)))

    def __reduce__(self) -> tuple[Any, ...]:
        # The read-only view of the answers can be neither copied nor pickled.
        return type(self), (self.id, self.features, dict(self.answers), self.provenance, self.translation)

    @property
    def review(self) -> tuple[str, ...]:
        """Names of the fields that a person should look at."""
        return tuple(name for name, answer in self.answers.items() if answer.review)

    def __repr__(self) -> str:
        schema = type(self.features).__name__
        return f"Extraction[{schema}](id={self.id!r}, fields={len(self.answers)}, review={len(self.review)})"


@dataclass(frozen=True, slots=True)
class Failure:
    """A document that could not be done. It holds no features: a failure is never a False.

    Attributes:
        id: The document's id; where it has none, its position in the batch, as "#17".
        error: What went wrong; an extractor gives it without a traceback, which would keep a batch's memory.
        stage: Where.
    """

    id: str
    error: ClinExtractError
    stage: Stage

    def __repr__(self) -> str:
        return f"Failure(id={self.id!r}, stage={self.stage!r}, error={type(self.error).__name__})"
